package supervise

import (
	"context"
	"time"

	"github.com/podlike/podlike/internal/backoff"
	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/output"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/status"
)

const (
	// keepAlive is how often the lease is renewed: well within the ten minutes
	// after which common proxies cut a silent connection.
	keepAlive = time.Minute
	// rewatch is how long to wait before following the engine's events again.
	rewatch = time.Second
)

// watchExit waits for the end of a container and puts it on the board. A
// container that could not be started has no end: its start tells what was wrong.
func (r *run) watchExit(name string, h *holding) {
	defer close(h.over)
	var exit engine.Exit
	select {
	case exit = <-h.exited:
	case <-r.watching.Done():
		return
	}
	select {
	case <-h.started:
	case <-r.watching.Done(): // removed before its start
		return
	}
	if h.failed || r.watching.Err() != nil {
		return
	}
	r.died(name, h, exit)
}

// died notes the end of a run, and what is to follow from it.
func (r *run) died(name string, h *holding, exit engine.Exit) {
	how := ending{code: exit.Code, finished: time.Now(), said: h.said}
	code := exit.Code
	if exit.Err != nil {
		code, how.code, how.why = 1, -1, exit.Err.Error()
	}
	if name == plan.Pause { // it has nothing to succeed in
		code = max(code, 1)
	}
	if !h.dismissed.Load() {
		r.Tell(event.Event{Kind: event.Died, Component: name, Container: string(h.id), Code: code})
	}
	cause := &ended{component: name, code: code, err: exit.Err}
	if name == plan.Pause {
		r.end(cause)
		return
	}
	how.oom, how.message = r.starved(name, h, exit), r.lastWords(name)
	cause.oom = how.reason() == status.OOMKilled
	r.board.update(name, func(e *entry) {
		how.started, how.broken = e.since, e.broken
		e.end(how)
		if how.finished.Sub(e.since) >= backoff.Calm {
			e.failures = 0
		}
	})
	if cause.broken = how.broken; cause.broken != "" { // however politely it ended then
		cause.code = max(code, 1)
	}
	r.happened(name, lifecycle.Event{Kind: lifecycle.Died, Code: code}, cause)
}

// starved reports whether the kernel ended a run for lack of memory. An engine tells of
// that in a sign, but that may be late, and under load one in twenty never comes. So for
// a component with a limit that was killed, and not by us, the kernel's own count
// decides: if that has gone up during the run, it was this one.
func (r *run) starved(name string, h *holding, exit engine.Exit) bool {
	if exit.Code != killedCode || h.starved.Load() || r.wasAsked(name) {
		return h.starved.Load()
	}
	limited := r.component(name).Resources.Memory > 0
	if now := r.kills(); limited && h.kills >= 0 && now >= 0 {
		return now > h.kills
	}
	ctx, cancel := context.WithTimeout(r.watching, briefly)
	defer cancel()
	seen, err := r.Engine.Inspect(ctx, string(h.id)) // it may have forgotten it by now
	if err == nil && seen.OOMKilled {
		return true
	}
	if limited { // otherwise nobody need be watching
		wait(ctx, h.gone)
	}
	return h.starved.Load()
}

// wasAsked reports whether we have asked a component to end, and so may have killed it.
func (r *run) wasAsked(name string) bool {
	e, _, _ := r.board.look(name)
	return e.State != lifecycle.Starting && e.State != lifecycle.Running
}

// kills is how many the kernel has killed for lack of memory so far, -1 if it does not
// tell.
func (r *run) kills() int64 {
	if r.OOMKills == nil {
		return -1
	}
	n, known := r.OOMKills()
	if !known {
		return -1
	}
	return n
}

// killedCode is the exit code of who was killed.
const killedCode = 128 + 9

// drain passes a container's output on until there is no more.
func (r *run) drain(name string, h *holding) {
	defer close(h.drained)
	stop := context.AfterFunc(r.watching, func() { _ = h.stream.Close() }) // there is nothing more to come
	defer stop()
	tty := r.component(name).TTY
	stdout := output.NewLines("[out] "+name+": ", r.Stdout, h.said.Keeper(logbuffer.Stdout), tty)
	stderr := output.NewLines("[err] "+name+": ", r.Stderr, h.said.Keeper(logbuffer.Stderr), false)
	_ = h.stream.Copy(stdout, stderr) // a cut stream ends the output; the container's end is told elsewhere
	for _, lines := range []*output.Lines{stdout, stderr} {
		if err := lines.Close(); err != nil {
			r.Tell(event.Event{Kind: event.CleanupFailed, Component: name, Why: "cannot pass its output on: " + err.Error()})
		}
	}
}

// holdLease renews the lease that pause lives on. A lease that is lost shows in
// pause's end.
func (r *run) holdLease(lease engine.Stream) {
	for clock.Sleep(r.watching, keepAlive) == nil {
		if _, err := lease.Write([]byte{'\n'}); err != nil {
			return
		}
	}
}

// followHealth keeps the board's health up to date. Whenever the engine's events
// are lost it subscribes again, which tells the present state first.
func (r *run) followHealth() {
	for {
		err := r.Engine.Watch(r.watching, map[string]string{pod.LabelOwner: r.Owner.ID}, r.noteSign)
		if r.watching.Err() != nil {
			return
		}
		r.Tell(event.Event{Kind: event.EngineLost, Why: err.Error()})
		if clock.Sleep(r.watching, rewatch) != nil {
			return
		}
	}
}

// noteSign notes what shows of a component.
func (r *run) noteSign(s engine.Sign) {
	name, ok := r.board.byID(s.Container)
	if !ok {
		return
	}
	h := r.holding(name)
	switch ours := h != nil && h.id == s.Container; {
	case s.Kind == engine.SignHealth:
		r.noteHealth(name, s.Health)
	case s.Kind == engine.SignOOM && ours:
		h.starved.Store(true)
	case s.Kind == engine.SignDied && ours && !closed(h.gone):
		close(h.gone)
	}
}

// noteHealth notes what a component's health check says.
func (r *run) noteHealth(name string, h engine.Health) {
	changed := false
	r.board.update(name, func(c *entry) {
		changed = c.Health != lifecycle.Health(h)
		c.Health = lifecycle.Health(h)
	})
	switch {
	case changed && h == engine.Healthy:
		r.Tell(event.Event{Kind: event.Healthy, Component: name})
	case changed && h == engine.Unhealthy:
		r.Tell(event.Event{Kind: event.Unhealthy, Component: name})
	}
}
