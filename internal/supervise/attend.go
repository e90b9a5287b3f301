package supervise

import (
	"context"

	"github.com/podlike/podlike/internal/attend"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/probe"
	"github.com/podlike/podlike/internal/state"
)

// attendant is who does what a component wants done in one of its runs.
func (m member) attendant(c *live.Container) attend.Attendant {
	return attend.Attendant{
		Engine: m.Engine, Component: m.component(m.name), Container: c.ID, Version: m.Owner.Version, Over: c.Over, Falling: m.over, Emit: m.Emit,
		Note: func(do func(*state.Component)) { m.live.OfRun(m.name, c.ID, do) },
		Kill: func(why string) { m.kill(c, why) },
	}
}

// attendTo has somebody attend to a component that runs, if there is more to be done, from where
// that has come to.
func (m member) attendTo(c *live.Container, sofar state.Component) {
	if !attend.Needed(m.component(m.name)) {
		return
	}
	a := m.attendant(c)
	a.PostStartDone, a.Sofar = sofar.PostStartDone, probe.Sofar{Since: sofar.Since, Started: sofar.Started, Ready: sofar.Ready}
	m.tasks.Go(func() { a.Attend(m.watching) })
}

// prepareToStop does once in a run what a component wants done before it is asked to
// stop, and waits for that, but not beyond a time. What is not over then goes on until
// the component ends, and ends with it. What goes wrong keeps nobody from stopping it.
func (r *run) prepareToStop(until context.Context, name string, c *live.Container) {
	if len(r.component(name).PreStop) == 0 {
		return
	}
	c.PreStop.Do(func() {
		r.tasks.Go(func() {
			defer close(c.PreStopDone)
			r.member(name).attendant(c).Prepare(r.watching, until)
		})
	})
	live.Wait(until, c.PreStopDone)
	if !live.Closed(c.PreStopDone) && r.watching.Err() == nil {
		r.Emit(event.Event{Kind: event.HookFailed, Component: name, Why: "pre_stop: it is not waited for any longer"})
	}
}
