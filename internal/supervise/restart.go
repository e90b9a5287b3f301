package supervise

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/podlike/podlike/internal/backoff"
	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/executor"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/state"
	"github.com/podlike/podlike/internal/verdict"
)

// restart waits and then runs a component anew, in a new container under the same
// name, unless it is decided otherwise in the meantime. What goes wrong is its next end.
func (m member) restart(delay time.Duration) {
	if !m.isDue(delay) {
		return
	}
	m.live.Update(m.name, func(c *state.Component) { c.Happened(lifecycle.Event{Kind: lifecycle.Due}) })
	if c := m.live.Container(m.name); c != nil { // the next run's output comes after all of this one's
		m.live.Drain(m.watching, c)
	}
	world, err := m.observe(m.watching)
	if err != nil {
		_ = m.cannotStart(err)
		return
	}
	steps := plan.Reconcile(m.Pod, m.Owner, world, plan.Goal{Kind: plan.Up, Only: m.name})
	err = executor.Run(m.watching, steps, nil, func(ctx context.Context, step plan.Step) error {
		switch step.Op {
		case plan.Create:
			return m.create(m.name)
		case plan.Start:
			return m.start()
		case plan.Fill:
			if err := m.courier.Fill(ctx, world.Pause, m.component(m.name)); err != nil {
				_ = m.cannotStart(err)
				return err
			}
			return nil
		}
		return m.sweeper.Clean(ctx, step)
	})
	if err == nil && m.live.Runs(m.live.Container(m.name)) {
		m.renew()
	}
}

// isDue waits out a delay and reports whether the component still waits for that.
func (m member) isDue(delay time.Duration) bool {
	ctx, cancel := context.WithTimeout(m.watching, delay)
	defer cancel()
	decided := m.live.Until(ctx, m.name, func(c state.Component) (bool, error) { return c.State != lifecycle.Waiting, nil })
	return decided != nil && m.watching.Err() == nil
}

// renew restarts those that want to be when a component they depend on was.
func (m member) renew() {
	for _, c := range m.Pod.All() {
		for _, on := range c.DependsOn {
			if on.Name != m.name || !on.Restart {
				continue
			}
			state, _ := m.happened(c.Name, lifecycle.Event{Kind: lifecycle.RestartAsked}, nil)
			if running := m.live.Container(c.Name); state == lifecycle.Recycling && running != nil {
				m.member(c.Name).endRun(running)
			}
		}
	}
}

// kill ends a component's run because it is broken. Its policy says what is next, and
// whatever it ends with, it has failed: also if it is faster than the kill. One that has
// ended by itself before that was decided was just not there to be asked.
func (m member) kill(c *live.Container, why string) {
	if m.examiner.HasEnded(m.watching, c) {
		return
	}
	broke := false
	state, _ := m.happenedTo(m.name, nil, func(e *state.Component) lifecycle.Event {
		if broke = e.State == lifecycle.Running && e.Container == c.ID; broke {
			e.Broken = why
			m.Emit(event.Event{Kind: event.Broken, Component: m.name, Why: why})
		}
		return lifecycle.Event{Kind: lifecycle.KillAsked}
	})
	if broke && state == lifecycle.Ending {
		m.endRun(c)
	}
}

// endRun has a component's run end. Its end decides what is next; one that cannot be
// ended ends the pod.
func (m member) endRun(c *live.Container) {
	m.tasks.Go(func() {
		err := m.stopRun(c)
		if err != nil && m.watching.Err() == nil {
			err = m.Engine.Remove(m.watching, c.ID)
		}
		if err != nil && m.watching.Err() == nil {
			m.giveUp(&verdict.Ended{Component: m.name, Code: 1, Err: err})
		}
	})
}

// stopRun lets a component prepare and then asks it to end. Both have to be over within
// its grace, or two seconds after its preparations, as the kubelet has it.
func (m member) stopRun(c *live.Container) error {
	grace := m.component(m.name).StopGrace
	within, cancel := context.WithTimeout(m.watching, grace)
	defer cancel()
	m.prepareToStop(within, m.name, c)
	return c.Stop(m.watching, m.stopSignal(m.name), max(clock.Left(within), min(grace, plan.LastCall)))
}

// stopSignal is the one that asks a component to end: its own, or its image's, or SIGTERM.
func (r *run) stopSignal(name string) string {
	c := r.component(name)
	return cmp.Or(c.StopSignal, r.live.Image(c.Image).StopSignal, "SIGTERM")
}

// newRound begins a round of bringing the pod up.
func (a ascent) newRound(again context.CancelCauseFunc) {
	a.live.Look(func(*live.View) { a.again = again })
}

// restartAll has all components restart.
func (r *run) restartAll(v *live.View, failed *state.Component, cause error) {
	if r.isOver() {
		return
	}
	r.rest = failed.BackOff(backoff.Restarts(r.Pod.Backoff), time.Now())
	for i := range v.Components {
		c := &v.Components[i]
		c.Happened(lifecycle.Event{Kind: lifecycle.ClearAsked})
		c.Delay = 0 // that begins when all are gone
	}
	v.Happened(lifecycle.Redone)
	r.Emit(event.Event{Kind: event.RestartingAll, Component: failed.Name, Why: cause.Error(), In: r.rest})
	r.again(errAgain)
}

// clearAll takes down everything but pause, without anybody's hooks, and puts all
// components back to where they begin.
func (a ascent) clearAll(ctx context.Context) error {
	if err := a.live.NobodyCreates(ctx); err != nil {
		return err
	}
	world, err := a.observe(ctx)
	if err != nil {
		return err
	}
	var trouble executor.Troubles
	err = executor.Run(ctx, plan.Reconcile(a.Pod, a.Owner, world, plan.Goal{Kind: plan.Clear}), nil, func(ctx context.Context, step plan.Step) error {
		err := a.clearOne(ctx, step)
		trouble.Add(err)
		return err
	})
	if err := errors.Join(err, trouble.Err()); err != nil {
		return err
	}
	var rest time.Duration
	a.live.Look(func(*live.View) { rest = a.rest })
	a.live.Each(func(c *state.Component) { c.Delay, c.Due = rest, time.Now().Add(rest) })
	if err := clock.Sleep(ctx, rest); err != nil {
		return err
	}
	a.live.Each(func(c *state.Component) {
		c.Happened(lifecycle.Event{Kind: lifecycle.Reset})
		c.WasStarted, c.Started = false, false
	})
	return nil
}

// clearOne does a step of taking all down. One that is not stopped is killed with its
// removal.
func (a ascent) clearOne(ctx context.Context, step plan.Step) error {
	c := a.live.Container(step.Name)
	ours := c != nil && c.ID == step.Container
	if step.Op == plan.Stop {
		if ours {
			_ = c.Stop(ctx, a.stopSignal(step.Name), a.component(step.Name).StopGrace)
		}
		return nil
	}
	err := a.Engine.Remove(ctx, step.Container)
	if err == nil && ours {
		a.live.Drain(ctx, c)
	}
	return err
}
