package supervise

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/podlike/podlike/internal/backoff"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/postmortem"
	"github.com/podlike/podlike/internal/state"
	"github.com/podlike/podlike/internal/status"
	"github.com/podlike/podlike/internal/takeover"
	"github.com/podlike/podlike/internal/verdict"
)

// A run is one pod's life.
type run struct {
	*Supervisor
	// end ends the pod's life; only the first cause counts.
	end context.CancelCauseFunc
	// over is closed when the pod's life has ended.
	over <-chan struct{}
	// asked is done when the supervisor itself was asked to stop.
	asked context.Context
	// watching is done when the pod has gone down; all tasks end then.
	watching context.Context
	unwatch  context.CancelFunc
	tasks    sync.WaitGroup

	// again ends this round of bringing the pod up, for another, and rest is the time
	// before that. Both are under the lock of live.
	again context.CancelCauseFunc
	rest  time.Duration
	// found: there was something of a pair's present life. Took: it has been taken over.
	found, took atomic.Bool
	// tried is closed when taking over has been tried.
	tried chan struct{}
	// taker takes a pair over.
	taker *takeover.Taker
	// examiner finds out why runs have ended.
	examiner *postmortem.Examiner
}

func newRun(s *Supervisor, ctx context.Context, over <-chan struct{}, end context.CancelCauseFunc) *run {
	r := &run{Supervisor: s, end: end, over: over, tried: make(chan struct{}), examiner: postmortem.New(s.Engine, s.Pod, s.live, s.Group, s.OOMKills)}
	r.taker = takeover.New(takeover.Config{
		Engine: r.Engine, Pod: r.Pod, Owner: r.Owner, Live: r.live, Maker: r.maker, Courier: r.courier, Emit: r.Emit, Hands: hands{r}, Keeper: r.Charge,
	})
	r.watching, r.unwatch = context.WithCancel(ctx)
	return r
}

// A member is one of the pod's components, or pause, with the run that it is in.
type member struct {
	*run
	name string
}

// member is the one of that name.
func (r *run) member(name string) member { return member{r, name} }

// make does what may make containers, beside everything else.
func (r *run) make(do func()) {
	r.tasks.Go(func() {
		defer r.live.EndCreating()
		do()
	})
}

// finish ends all that still goes on and waits for it.
func (r *run) finish() {
	r.unwatch()
	r.taker.Close()
	r.tasks.Wait()
}

// isOver reports whether the pod's life has ended.
func (r *run) isOver() bool { return live.Closed(r.over) }

// follow keeps what is known of the components' health up to date.
func (r *run) follow() {
	_ = r.Engine.Watch(r.watching, map[string]string{pod.LabelOwner: r.Owner.ID}, r.noteSign) // until the pod has gone down
}

// noteSign notes what shows of a component.
func (r *run) noteSign(s engine.Sign) {
	r.live.Do(func(v *live.View) (changed bool) {
		name, ours := v.Holder(s.Container)
		if ours == nil {
			return false
		}
		ours.Note(s)
		c := v.Component(name)
		if s.Kind == engine.SignOOM && c != nil {
			r.tasks.Go(func() { r.member(name).starved(ours) })
		}
		if s.Kind != engine.SignHealth || c == nil || c.Health == lifecycle.Health(s.Health) {
			return false
		}
		if examine := r.diagnosis.Note(c, ours, lifecycle.Health(s.Health)); examine != nil {
			r.tasks.Go(func() { examine(r.watching) })
		}
		return true
	})
}

// starved sees to what follows when the engine says that memory was short in a component.
func (m member) starved(c *live.Container) {
	if m.examiner.KillGroup(m.watching, m.name, c.ID) {
		m.giveUp(&verdict.Ended{Component: m.name, Code: postmortem.KilledCode, OOM: true})
	}
}

// happened moves a component on and sees to what follows from that. The cause is what
// ends the pod, if that does.
func (r *run) happened(name string, what lifecycle.Event, cause *verdict.Ended) (now lifecycle.State, action lifecycle.Action) {
	return r.happenedTo(name, cause, func(*state.Component) lifecycle.Event { return what })
}

// happenedTo is happened with more to be noted along with it. Note returns what has
// happened.
func (r *run) happenedTo(name string, cause *verdict.Ended, note func(*state.Component) lifecycle.Event) (now lifecycle.State, action lifecycle.Action) {
	r.live.Do(func(v *live.View) (changed bool) {
		c := v.Component(name)
		if c == nil {
			return false
		}
		action = c.Happened(note(c))
		now = c.State
		switch {
		case action == lifecycle.Restart:
			r.schedule(v, name, c.BackOff(backoff.Restarts(r.Pod.Backoff), time.Now()), cause)
		case action == lifecycle.RestartNow:
			r.schedule(v, name, 0, cause)
		case action == lifecycle.RestartAll:
			r.restartAll(v, c, cause)
		case action == lifecycle.Fail:
			r.end(cause)
		case c.State == lifecycle.Done && v.Complete():
			r.end(&verdict.Ended{})
		}
		return true
	})
	return now, action
}

// schedule has a component restarted after a time.
func (r *run) schedule(v *live.View, name string, delay time.Duration, cause error) {
	r.Emit(event.Event{Kind: event.Restarting, Component: name, Why: cause.Error(), In: delay})
	v.BeginCreating()
	r.make(func() { r.member(name).restart(delay) })
}

// giveUp ends the pod for something that follows from what has happened to a component.
// If that has ended the pod itself, it comes first.
func (r *run) giveUp(err error) {
	r.live.Look(func(*live.View) { r.end(err) })
}

// record is the one last record.
func (r *run) record(v verdict.Verdict, took time.Duration) event.Event {
	known, _ := r.live.Snapshot()
	e := event.Event{Kind: event.Ended, Component: v.Component, Code: v.Code, Why: v.Why, Ends: status.Ends(known), Took: took}
	if c := r.live.Container(v.Component); c != nil && v.Code != 0 {
		e.Last = c.Said.Last(status.KeepLines)
	}
	return e
}

// component finds a component of the pod by name.
func (r *run) component(name string) pod.Component {
	c, _ := r.Pod.Component(name)
	return c
}
