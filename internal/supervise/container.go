package supervise

import (
	"context"
	"errors"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/handover"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/state"
	"github.com/podlike/podlike/internal/verdict"
)

// makeTimeout is how long the engine may take for a create or a start. They are not given
// up half-way when the pod ends, but when it has gone down: what comes of them has to be
// known, as long as there is somebody to remove it.
const makeTimeout = 4 * time.Minute

// create makes a container that is ready to be started.
func (r *run) create(name string) error {
	if err := r.makeAs(name, ""); err != nil {
		return r.member(name).cannotStart(err)
	}
	return nil
}

// makeAs makes a container of that name, which is then the component's.
func (r *run) makeAs(name, as string) error {
	ctx, cancel := context.WithTimeout(r.watching, makeTimeout)
	defer cancel()
	c, err := r.maker.Make(ctx, name, as)
	if err == nil {
		r.noteMade(name, c)
	}
	return err
}

// noteMade notes a component's container, and has its end watched.
func (r *run) noteMade(name string, c *live.Container) {
	component := r.component(name)
	r.live.Change(func(v *live.View) {
		v.Containers[name] = c
		if e := v.Component(name); e != nil {
			e.NoteCreated(c.ID, e.Run+1, plan.Checked(component, v.Images[component.Image]))
		}
	})
	r.Emit(event.Event{Kind: event.Created, Component: name, Container: string(c.ID)})
	r.tasks.Go(func() { r.member(name).watchExit(c) })
}

// start runs what was created, unless it was decided otherwise in the meantime. What the
// engine has removed before its start, as it does when that takes too long, is made again.
func (m member) start() error {
	ctx, cancel := context.WithTimeout(m.watching, makeTimeout)
	defer cancel()
	for {
		c := m.live.Container(m.name)
		if !m.mayStart(c) {
			return nil
		}
		err := c.Start(ctx)
		if !errors.Is(err, engine.ErrNotFound) || ctx.Err() != nil {
			return m.startReturned(c, err)
		}
		if err := m.recreate(c); err != nil {
			return m.cannotStart(err)
		}
	}
}

// recreate makes a container that was removed before its start once more.
func (m member) recreate(gone *live.Container) error {
	m.live.Look(func(*live.View) { gone.Failed = true })
	close(gone.Started)
	m.live.Update(m.name, func(e *state.Component) {
		if e.State == lifecycle.Starting {
			e.State = lifecycle.Pending
		}
	})
	return m.makeAs(m.name, "")
}

// startReturned notes what has come of a start.
func (m member) startReturned(c *live.Container, err error) error {
	if err == nil {
		m.hasStarted(c)
	} else {
		memory := ""
		m.live.Look(func(v *live.View) { c.Failed, memory = true, v.Memory })
		err = m.cannotStart(handover.MountFailed(m.component(m.name), memory, err))
	}
	close(c.Started)
	return err
}

// mayStart reports whether a component is there and to be started. Pause always is.
func (m member) mayStart(c *live.Container) (may bool) {
	m.live.Do(func(v *live.View) (changed bool) {
		may = m.name == plan.Pause
		e := v.Component(m.name)
		if e != nil {
			e.Happened(lifecycle.Event{Kind: lifecycle.StartAsked})
			may = e.State == lifecycle.Starting
		}
		if may {
			c.Asked = true
		}
		return e != nil
	})
	return may
}

// hasStarted notes that a component runs, and has somebody attend to it if there is
// more to be done.
func (m member) hasStarted(c *live.Container) {
	component := m.component(m.name)
	m.live.Change(func(p *live.View) {
		if m.name == plan.Pause {
			p.PauseRuns = true
		} else if e := p.Component(m.name); e != nil {
			e.NoteStarted(component, time.Now())
		}
	})
	m.Emit(event.Event{Kind: event.Started, Component: m.name, Container: string(c.ID)})
	if m.name != plan.Pause {
		m.attendTo(c, state.Component{})
	}
}

// cannotStart notes what kept a component from running, and returns it if that ends the
// pod. What goes wrong while the pod ends anyway is no news, unless it is the
// component's own fault. That the engine cannot make a further run of what has run before
// is no failure of the component's.
func (m member) cannotStart(err error) error {
	code := engine.StartCode(err)
	cause := &verdict.Ended{Component: m.name, Code: code, Err: err}
	_, action := m.happenedTo(m.name, cause, func(e *state.Component) lifecycle.Event {
		e.OurFault = code == engine.FaultCode && !e.Ended.Started.IsZero()
		if !e.OurFault && !(m.isOver() && code == engine.FaultCode) {
			e.NoteEnd(state.Ending{Code: code, Why: err.Error(), Finished: time.Now()})
		}
		return lifecycle.Event{Kind: lifecycle.StartFailed, Code: code, Ours: e.OurFault}
	})
	if m.name == plan.Pause || action == lifecycle.Fail {
		return cause
	}
	return nil
}

// watchExit waits for the end of a container and notes it. A container that could not be
// started has no end: its start tells what was wrong.
func (m member) watchExit(c *live.Container) {
	defer c.Close()
	live.Wait(m.watching, c.Done())
	live.Wait(m.watching, c.Started) // one that is removed before its start has no end
	failed := false
	m.live.Look(func(*live.View) { failed = c.Failed })
	if failed || m.watching.Err() != nil || !live.Closed(c.Done()) {
		close(c.Over)
		return // what never ran has no output either
	}
	m.died(c)
	close(c.Over)
	live.Wait(m.watching, c.Drained())
}

// died notes the end of a run, and what is to follow from it.
func (m member) died(c *live.Container) {
	exit := c.Exit()
	how := state.Ending{Code: exit.Code, Finished: time.Now(), Said: c.Said}
	code := exit.Code
	if exit.Err != nil {
		code, how.Code, how.Why = 1, -1, exit.Err.Error()
	}
	if m.name == plan.Pause { // it has nothing to succeed in
		code = max(code, 1)
	}
	if !m.live.IsExpected(c) {
		m.Emit(event.Event{Kind: event.Died, Component: m.name, Container: string(c.ID), Code: code})
	}
	cause := &verdict.Ended{Component: m.name, Code: code, Err: exit.Err}
	if m.name == plan.Pause {
		m.giveUp(cause)
		return
	}
	how.OOM, how.Message = m.examiner.OOM(m.watching, m.name, c, exit), m.examiner.LastWords(m.watching, m.name)
	cause.OOM = how.OOM.Sure != "" && how.Code != 0
	m.happenedTo(m.name, cause, func(e *state.Component) lifecycle.Event {
		how.Started, how.Broken = e.Since, e.Broken
		e.NoteEnd(how)
		if cause.Broken = how.Broken; cause.Broken != "" { // however politely it ended then
			cause.Code = max(code, 1)
		}
		return lifecycle.Event{Kind: lifecycle.Died, Code: code}
	})
}
