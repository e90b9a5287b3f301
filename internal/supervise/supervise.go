// Package supervise brings a pod up, watches over it and brings it down. It is
// the one loop that joins plan, engine and lifecycle, and it owns every goroutine
// of the pod's. It reads no configuration and writes no log: what happens is told
// as events.
package supervise

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/keyring"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// Supervisor runs one pod, once. New makes it.
type Supervisor struct {
	Config
	board *board
}

// Config is what a Supervisor works with. All but the writers, Hurry and OOMKills has
// to be set.
type Config struct {
	Engine engine.Engine
	Pod    pod.Pod
	Owner  pod.Owner
	// OOMScore is the components' oom_score_adj, -1000 to 1000.
	OOMScore int
	// Keys are what registries are asked for images with.
	Keys keyring.Keyring
	// Tell takes what happens.
	Tell event.Sink
	// Stdout and Stderr get the components' output in whole lines. Nil: nobody does.
	Stdout, Stderr io.Writer
	// Book keeps the components' output.
	Book *logbuffer.Buffer
	// Hurry is closed when nobody wants to wait for the pod's end any more. Nil: never.
	Hurry <-chan struct{}
	// OOMKills is how many processes the kernel has killed for lack of memory so far,
	// wherever on the engine's machine. Nil, or not known: it does not tell.
	OOMKills func() (n int64, known bool)
}

// New prepares a pod's run. The pod has to be complete and valid.
func New(c Config) *Supervisor {
	tell := c.Tell
	c.Tell = func(e event.Event) {
		e.At = time.Now()
		tell(e)
	}
	return &Supervisor{Config: c, board: newBoard(c.Pod)}
}

// Health is the pod's health now. It may be asked for at any time.
func (s *Supervisor) Health() lifecycle.Health { return s.board.health() }

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

	r.tasks.Go(func() { r.rise(life, began) })
	<-life.Done()
	v := verdictOf(context.Cause(life), ctx)
	s.board.falls(v.why)
	s.Tell(event.Event{Kind: event.Stopping, Component: v.component, Code: v.code, Why: v.why})

	trouble := r.down(context.WithoutCancel(ctx), &v)
	if trouble != nil {
		s.Tell(event.Event{Kind: event.CleanupFailed, Why: trouble.Error()})
		v.code = max(v.code, 1)
	}
	s.board.podHappened(v.event())
	s.Tell(r.record(v, time.Since(began)))
	return v.code
}

// An ended error says that the pod is over because of one of its own, or of all.
type ended struct {
	component string // empty: all have done what they had to
	code      int
	err       error  // what kept it from running or from being watched; nil if it ended
	oom       bool   // it lacked memory
	broken    string // why it was asked to end. Empty: it was not
}

func (e *ended) Error() string {
	switch {
	case e.err != nil:
		return e.err.Error()
	case e.component == "":
		return "all components have completed"
	case e.oom:
		return e.component + " was killed for lack of memory"
	case e.broken != "":
		return e.component + " was ended: " + e.broken
	}
	return e.component + " ended"
}

func (e *ended) Unwrap() error { return e.err }

// A verdict says what ended the pod and what its exit code is.
type verdict struct {
	component string
	code      int
	why       string
}

// event is what that is for the pod when nothing of it is left.
func (v verdict) event() lifecycle.PodEvent {
	if v.code == 0 {
		return lifecycle.Gone
	}
	return lifecycle.GoneBad
}

// verdictOf says what the cause of a pod's end means. Asked is the context whose
// end asks for a clean stop.
func verdictOf(cause error, asked context.Context) verdict {
	var e *ended
	switch {
	case errors.As(cause, &e):
		return verdict{component: e.component, code: e.code, why: e.Error()}
	case asked.Err() != nil:
		return verdict{why: context.Cause(asked).Error()}
	}
	return verdict{code: 1, why: cause.Error()}
}

// pauseKilled is how a component's end looks when pause went and took it along.
func pauseKilled(v verdict) bool { return v.component != plan.Pause && v.code == killedCode }
