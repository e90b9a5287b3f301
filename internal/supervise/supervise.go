// Package supervise brings a pod up, watches over it and brings it down. It is
// the one loop that joins plan, engine and lifecycle, and it owns every goroutine
// of the pod's. It reads no configuration and writes no log: what happens is told
// as events.
//
// up.go, restart.go and down.go take the pod from where it is to where it shall be;
// container.go makes and starts one container and learns of its end; run.go sees to what
// follows from all that happens. What is known meanwhile is in package live.
package supervise

import (
	"context"
	"io"
	"time"

	"github.com/podlike/podlike/internal/diagnosis"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/handover"
	"github.com/podlike/podlike/internal/keyring"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/maker"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/postmortem"
	"github.com/podlike/podlike/internal/pull"
	"github.com/podlike/podlike/internal/status"
	"github.com/podlike/podlike/internal/survey"
	"github.com/podlike/podlike/internal/sweep"
	"github.com/podlike/podlike/internal/verdict"
)

// Supervisor runs one pod, once. New makes it.
type Supervisor struct {
	Config
	live      *live.State
	courier   handover.Courier
	puller    pull.Puller
	maker     maker.Maker
	sweeper   sweep.Sweeper
	surveyor  survey.Surveyor
	diagnosis diagnosis.Examiner
}

// Config is what a Supervisor works with. All but the writers, Hurry, Offer, EngineLost,
// Settle, Group, Bind, OOMKills, Named, Charge, Positions, Inherited, KeepOnStop and Admit has to be set.
type Config struct {
	// Engine has to be one that is asked again where it does not answer.
	Engine engine.Engine
	Pod    pod.Pod
	Owner  pod.Owner
	// OOMScore is the components' oom_score_adj, -1000 to 1000.
	OOMScore int
	// Keys are what registries are asked for images with.
	Keys keyring.Keyring
	// Emit takes what happens. It must not block.
	Emit event.Sink
	// Stdout and Stderr get the components' output in whole lines. Nil: nobody does.
	Stdout, Stderr io.Writer
	// Book keeps the components' output.
	Book *logbuffer.Buffer
	// Hurry is closed when nobody wants to wait for the pod's end any more. Nil: never.
	Hurry <-chan struct{}
	// Offer is of the lease that pause lives on. Nil: it lives until it is removed.
	Offer Offer
	// EngineLost is closed when the engine has been away for too long. Nil: never.
	EngineLost <-chan struct{}
	// Settle is how long it may take until the engine tells of signals that somebody else has
	// had it send at the same moment as the one that asks us to stop.
	Settle time.Duration
	// Group is the control group that all of the pod is in, and Bind is called before the start of each
	// of its containers. Nil: there is none.
	Group postmortem.Group
	Bind  func(ctx context.Context, component string, id engine.ID) error
	// OOMKills is how many processes the kernel has killed for lack of memory so far,
	// wherever on the engine's machine. Nil, or not known: it does not tell.
	OOMKills func() (n int64, known bool)
	// Named is closed when no component has to wait for the names of others. Nil: it is.
	Named <-chan struct{}
	// Charge is being in charge of a pair. Nil: the pod is no pair, or is only looked at.
	Charge Charge
	// Positions are where it is noted how far a pair's output was passed on. Nil: nowhere.
	Positions maker.Positions
	// Inherited is what the last in charge of a pair has left. Nil: nothing is known.
	Inherited []byte
	// KeepOnStop reports whether a clean stop leaves a pair's components running. Nil: it does not.
	KeepOnStop func() bool
	// Admit is told the images that the pod will run, as they become known, and the external
	// volumes that are not there, before anything is made of them. Its error ends the pod.
	Admit func(images map[string]engine.Image, lacking []string) error
}

// An Offer is a lease that pause may take.
type Offer interface {
	// Env is the variable that pause's environment has to have for it, as NAME=value.
	Env() string
	// Grant waits until pause has taken it. Nobody else can do so from then on.
	Grant(ctx context.Context) (Lease, error)
}

// A Lease is what pause lives on.
type Lease = live.Lease

// New prepares a pod's run. The pod has to be complete and valid.
func New(c Config) *Supervisor {
	if c.Admit == nil {
		c.Admit = func(map[string]engine.Image, []string) error { return nil }
	}
	if c.KeepOnStop == nil {
		c.KeepOnStop = func() bool { return false }
	}
	c.Emit = c.Emit.Stamped()
	s := &Supervisor{Config: c, live: live.New(c.Pod), courier: handover.Courier{Engine: c.Engine}}
	s.puller = pull.Puller{Engine: c.Engine, Keys: c.Keys, Emit: c.Emit, Progress: s.live.NotePull}
	s.maker = maker.Maker{
		Engine: c.Engine, Pod: c.Pod, Owner: c.Owner, OOMScore: c.OOMScore, Live: s.live, Courier: s.courier, Puller: s.puller,
		Bind: c.Bind, Book: c.Book, Stdout: c.Stdout, Stderr: c.Stderr, Positions: c.Positions, Emit: c.Emit,
	}
	if c.Offer != nil {
		s.maker.Env = []string{c.Offer.Env()}
	}
	s.diagnosis = diagnosis.Examiner{Engine: c.Engine, Live: s.live, Emit: c.Emit}
	s.surveyor = survey.Surveyor{Engine: c.Engine, Pod: c.Pod, Owner: c.Owner}
	s.sweeper = sweep.Sweeper{Engine: c.Engine, Owner: c.Owner, Emit: c.Emit}
	return s
}

// Health is the pod's health now. It may be asked for at any time.
func (s *Supervisor) Health() lifecycle.Health {
	known, _ := s.live.Snapshot()
	return known.Health()
}

// Status is how the pod and its components are now. It may be asked for at any time, and may
// take a second.
func (s *Supervisor) Status() status.Pod {
	s.diagnosis.Look()
	known, conditions := s.live.Snapshot()
	return status.View(s.Pod, s.Owner, known, conditions, time.Now())
}

// podHappened moves the pod on.
func (s *Supervisor) podHappened(what lifecycle.PodEvent) {
	s.live.Change(func(v *live.View) { v.Happened(what) })
}

// NoteOutage notes that the engine does not answer, or answers again.
func (s *Supervisor) NoteOutage(since time.Time, why error, over bool) {
	s.live.Change(func(v *live.View) { v.NoteOutage(since, why, over, time.Now()) })
	if over {
		s.Emit(event.Event{Kind: event.EngineBack, Took: time.Since(since)})
		return
	}
	s.Emit(event.Event{Kind: event.EngineLost, Why: why.Error() + "; nothing is decided until it answers"})
}

// Plan is how the pod would be brought from what is there of it now to what it shall be. Nothing
// is changed for that.
func (s *Supervisor) Plan(ctx context.Context) (plan.Plan, error) {
	r := newRun(s, ctx, nil, func(error) {})
	defer r.finish()
	world, err := r.observe(ctx)
	if err != nil {
		return nil, err
	}
	world.Pause = plan.PauseIn(s.Owner, world)
	r.taker.Remember(s.Inherited, world)
	p := r.plan(world)
	return p, s.Admit(p.Settled(world.Images), world.Lacking)
}

// Run brings the pod up and returns when it is over and nothing of it is left:
// because ctx ended, because a component that ends it did, because all have done what
// they had to, or because it could not go on. The answer is the exit code: 0 when ctx
// ended, all is done or the component that ended it had succeeded, the component's own
// if it failed, 125, 126 or 127 as docker run's if it could not be created, executed or
// found, 1 for everything else.
func (s *Supervisor) Run(ctx context.Context) int {
	began := time.Now()
	life, end := context.WithCancelCause(ctx)
	defer end(nil)
	r := newRun(s, context.WithoutCancel(ctx), life.Done(), end)
	defer r.finish()

	r.asked = ctx
	if r.Charge != nil {
		r.live.Change(func(v *live.View) { v.Lease, v.PauseRuns = r.Charge, true })
		r.endsWith(life, r.Charge.Asked(), &verdict.Ended{Component: plan.Pause, Code: 1, Err: verdict.ErrPauseAsked})
		r.endsWith(life, r.Charge.Lost(), &verdict.Ended{Component: plan.Pause, Code: 1, Err: verdict.ErrPauseEnded})
	} else {
		r.tasks.Go(r.follow)
	}
	r.tasks.Go(func() { r.examiner.CountKills(r.watching) })
	r.tasks.Go(func() { ascent{r}.rise(life, began) })
	r.endsWith(life, r.EngineLost, verdict.ErrEngineLost)
	<-life.Done()
	if r.Charge != nil {
		<-r.tried
	}
	v := verdict.Of(context.Cause(life), ctx)
	if r.Charge != nil && (pair{r}).leaves(v) {
		return pair{r}.leave(v, time.Since(began))
	}
	s.live.Change(func(known *live.View) { known.Fall(v.Why, time.Now()) })
	s.Emit(event.Event{Kind: event.Stopping, Component: v.Component, Code: v.Code, Why: v.Why})

	if trouble := r.down(context.WithoutCancel(ctx), &v); trouble != nil {
		s.Emit(event.Event{Kind: event.CleanupFailed, Why: trouble.Error()})
		v.Code = max(v.Code, 1)
	}
	r.finish() // nothing is told after the last record
	if r.Charge != nil {
		r.taker.Leave(true)
	}
	s.podHappened(v.Event())
	s.Emit(r.record(v, time.Since(began)))
	return v.Code
}

// endsWith has something end the pod when it happens, if it does.
func (r *run) endsWith(life context.Context, happens <-chan struct{}, why error) {
	r.tasks.Go(func() {
		live.Wait(life, happens)
		if live.Closed(happens) {
			r.giveUp(why)
		}
	})
}
