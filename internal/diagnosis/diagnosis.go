// Package diagnosis finds out why a component's health check says no, and tells it with
// that. The check is the engine's, as far as it is not a probe of ours: it is asked once, when
// a component becomes unhealthy. What follows from that is decided elsewhere.
package diagnosis

import (
	"context"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/probe"
	"github.com/podlike/podlike/internal/state"
)

// Engine is what a diagnosis needs of one.
type Engine interface {
	Inspect(ctx context.Context, ref string) (engine.Seen, error)
}

// An Examiner looks after the health of a pod's components.
type Examiner struct {
	Engine Engine
	Live   *live.State
	Emit   event.Sink
}

// Note notes, under the lock of live, what the health check of a component says now, and
// tells it. One that is unhealthy has to be examined, without the lock, and is told with
// what comes of that; nil: there is nothing to examine.
func (x Examiner) Note(c *state.Component, run *live.Container, h lifecycle.Health) (examine func(context.Context)) {
	name := c.Name
	x.tellUnhealthy(name, run, "") // it has changed again before it was known why
	c.NoteHealth(h)
	switch {
	case c.Examined:
		run.Untold = true
		return func(ctx context.Context) { x.examine(ctx, name, run) }
	case h == lifecycle.Unhealthy:
		run.Untold = true
		x.tellUnhealthy(name, run, "")
	case h == lifecycle.Healthy:
		x.Emit(event.Event{Kind: event.Healthy, Component: name})
	}
	return nil
}

// tellUnhealthy tells, once and under the lock of live, that a component is.
func (x Examiner) tellUnhealthy(name string, run *live.Container, why string) {
	if run.Untold {
		run.Untold = false
		x.Emit(event.Event{Kind: event.Unhealthy, Component: name, Why: why})
	}
}

// briefly is how long the engine may take to say why, while others may wait for that.
const briefly = 5 * time.Second

// examine asks the engine why a run's health check says no. Where it does not answer, that
// is not known, and nothing else.
func (x Examiner) examine(ctx context.Context, name string, run *live.Container) {
	ctx, cancel := context.WithTimeout(ctx, briefly)
	defer cancel()
	seen, _ := x.Engine.Inspect(ctx, string(run.ID)) // zero where it does not answer
	why := Words(seen.FailedCheck)
	x.Live.Do(func(v *live.View) (changed bool) {
		x.tellUnhealthy(name, run, why)
		c := v.Component(name)
		if c == nil || c.Container != run.ID {
			return false
		}
		c.NoteWhyUnhealthy(why)
		return true
	})
}

// Look finds out, for who asks how the pod is, why health checks fail that do not say no yet,
// for they may fail while a component starts. It takes a second at most, and asks an engine
// nothing that is away.
func (x Examiner) Look() {
	known, _ := x.Live.Snapshot()
	if !known.Outage.Since.IsZero() {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), shortly)
	defer cancel()
	var looking sync.WaitGroup
	for _, c := range known.Components {
		if c.Checked && c.State == lifecycle.Running && c.Health != lifecycle.Healthy && c.Health != lifecycle.Unhealthy {
			looking.Go(func() { x.look(ctx, c.Name, c.Container) })
		}
	}
	looking.Wait()
}

// shortly is how long who asks how the pod is may have to wait for the engine.
const shortly = time.Second

// look finds out why a health check fails that has neither succeeded nor said no yet.
func (x Examiner) look(ctx context.Context, name string, run engine.ID) {
	seen, err := x.Engine.Inspect(ctx, string(run))
	if err != nil {
		return // it is not known
	}
	why := Words(seen.FailedCheck)
	x.Live.Do(func(v *live.View) (changed bool) {
		c := v.Component(name)
		return c != nil && c.Container == run && c.NoteFailing(why)
	})
}

// Words say how a health check has failed, as a probe's do. Empty: it has not, as far as is
// known.
func Words(c engine.FailedCheck) string {
	switch {
	case c.NoCommand && c.Shell:
		return "its test is a line for a shell, and its image has none: write `test: [CMD, program, argument]`"
	case c.NoCommand:
		return "the program of its test is not in its image: " + probe.Quote(c.Said)
	case c.Code > 0:
		return probe.Exited(c.Code, c.Said)
	}
	return probe.Quote(c.Said)
}
