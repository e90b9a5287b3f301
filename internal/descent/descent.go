// Package descent takes a pod down: it stops and removes all that is there, in the plan's
// order and within the pod's budget, however many of its steps fail. It does not decide
// that a pod goes down, nor what that means for the exit code.
package descent

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/executor"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/postmortem"
)

// afterwards is how long removing may take beyond the pod's budget. Swarm will not
// grant it, but a slow engine's leavings are better removed late than not at all.
const afterwards = 30 * time.Second

// breath is how long to wait before trying again to remove what could not be.
const breath = 200 * time.Millisecond

// errGone: the engine does not answer, and pause has ended, and all with it.
var errGone = errors.New("the engine does not answer, and pause has ended")

// Engine is what going down needs of one.
type Engine interface {
	Remove(ctx context.Context, id engine.ID) error
	RemoveVolume(ctx context.Context, name string) error
	Past(ctx context.Context, labels map[string]string, since time.Time) ([]engine.Sign, error)
}

// Config is what a descent works with. All but Hurry and Settle has to be set.
type Config struct {
	Engine Engine
	Pod    pod.Pod
	Owner  pod.Owner
	Live   *live.State
	// Emit is told what goes wrong.
	Emit event.Sink
	// Hurry is closed when nobody wants to wait for the pod's end any more. Nil: never.
	Hurry <-chan struct{}
	// Settle is how long it may take until the engine tells of signals that somebody else
	// has had it send at the same moment.
	Settle time.Duration
	// SupervisorAsked: the supervisor itself was asked to stop. PauseAsked: pause was. Then
	// others may have been too.
	SupervisorAsked func() bool
	PauseAsked      bool
	// Observe looks at what the engine has of the pod.
	Observe func(context.Context) (plan.World, error)
	// PreStop does what a component wants done before it is asked to stop, and waits for
	// that until the context ends.
	PreStop func(until context.Context, name string, c *live.Container)
	// StopAsked notes that it is a component's turn to stop.
	StopAsked func(name string)
	// StopSignal is the one that asks a component to end.
	StopSignal func(name string) string
}

// A Descent takes a pod down, once. Begin makes it, and End has to be called.
type Descent struct {
	Config
	limit context.Context // ends when there is no time left, or nothing to wait for
	hurry context.Context // done when whatever still waits is to be asked
	alive context.Context // done when whatever still runs is to be killed

	cancel []context.CancelFunc
	tasks  sync.WaitGroup
}

// Begin has the pod's budget begin.
func Begin(ctx context.Context, c Config) *Descent {
	d := &Descent{Config: c}
	budget := plan.BudgetOf(c.Pod)
	ctx, cancelAll := context.WithCancelCause(ctx)
	limit, cancel := context.WithTimeout(ctx, budget.Kill+afterwards)
	d.limit, d.cancel = limit, append(d.cancel, cancel, func() { cancelAll(nil) })
	d.hurry, d.alive = d.hurried(ctx, budget.Ask), d.hurried(ctx, budget.Kill)
	d.tasks.Go(func() { d.heedPause(limit, cancelAll) })
	return d
}

// End lets go of what is still waited for.
func (d *Descent) End() {
	for _, cancel := range d.cancel {
		cancel()
	}
	d.tasks.Wait()
}

// hurried is done after a time, or when nobody wants to wait.
func (d *Descent) hurried(ctx context.Context, after time.Duration) context.Context {
	limited, cancel := context.WithTimeout(ctx, after)
	d.cancel = append(d.cancel, cancel)
	d.tasks.Go(func() {
		defer cancel()
		live.Wait(limited, d.Hurry)
	})
	return limited
}

// TakeDown goes on until nothing is left and nobody makes any more. When the engine does
// not answer and pause has ended, all has ended with it, which is no error. Nor is a volume
// that cannot be removed within the pod's budget: it is told of, and left to a later sweep.
func (d *Descent) TakeDown() error {
	if err := d.takeDown(d.limit); !errors.Is(err, errGone) {
		return err
	}
	return nil
}

// takeDown does what TakeDown says.
func (d *Descent) takeDown(ctx context.Context) error {
	var trouble error // what is wrong, apart from a want of time unless that is all
	for first := true; ; first = false {
		busy, before := d.Live.Creating() // while there are any, there may be more than is seen
		failed, volumes := d.once(ctx, first)
		enough := volumes == nil || trouble != nil && d.alive.Err() != nil
		if _, begun := d.Live.Creating(); busy == 0 && begun == before && failed == nil && enough {
			d.settle(ctx)
			return nil
		}
		failed = errors.Join(failed, volumes)
		if ctx.Err() == nil {
			d.tellTrouble(failed, trouble)
		}
		if ctx.Err() == nil || trouble == nil {
			trouble = failed
		}
		err := d.catchBreath(ctx, failed)
		switch {
		case errors.Is(err, errGone): // how they ended the engine may just have told
			moment, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			d.settle(moment)
			cancel()
			return errGone
		case err != nil:
			d.settle(ctx)
			if errors.Is(trouble, err) {
				return trouble
			}
			return errors.Join(trouble, err)
		}
	}
}

// tellTrouble tells what is wrong now, if that is news: it may be a while until it
// passes, or until it is given up.
func (d *Descent) tellTrouble(now, before error) {
	if now != nil && (before == nil || now.Error() != before.Error()) {
		d.Emit(event.Event{Kind: event.CleanupFailed, Why: now.Error()})
	}
}

// heedPause ends the descent when the engine does not answer and pause is gone: then so is
// all that it held, and nobody else can say so.
func (d *Descent) heedPause(ctx context.Context, end context.CancelCauseFunc) {
	lease := d.Live.Lease()
	if lease == nil {
		return
	}
	live.Wait(ctx, lease.Lost())
	for ctx.Err() == nil {
		changed := d.Live.Changed()
		if known, _ := d.Live.Snapshot(); !known.Outage.Since.IsZero() {
			end(errGone)
			return
		}
		live.Wait(ctx, changed)
	}
}

// PauseTook reports whether pause has ended and taken a component along that has ended with
// that code: it was killed, or could not join pause any more. Of is pause's own code, 1 at
// least, as it has nothing to succeed in, and where it is not ours to know. Its end is reported a
// little later than that of those it takes along, so a moment is waited for it, and longer where
// it is known to have ended: the kernel ends the lease with it.
func (d *Descent) PauseTook(component string, code int) (of int, took bool) {
	over := d.pauseOver()
	if component == plan.Pause || code != postmortem.KilledCode && code != engine.FaultCode || over == nil {
		return 0, false
	}
	patience := 200 * time.Millisecond
	if lease := d.Live.Lease(); lease != nil && live.Closed(lease.Lost()) {
		patience = 5 * time.Second
	}
	moment, cancel := context.WithTimeout(d.limit, patience)
	defer cancel()
	select {
	case <-over:
	case <-moment.Done():
		return 0, false
	}
	if d.Owner.Paired() {
		return 1, true
	}
	return max(d.Live.Container(plan.Pause).Exit().Code, 1), true
}

// pauseOver is closed when pause has ended. Nil: there is none.
func (d *Descent) pauseOver() <-chan struct{} {
	if lease := d.Live.Lease(); d.Owner.Paired() && lease != nil {
		return lease.Lost()
	}
	if c := d.Live.Container(plan.Pause); d.Live.Ran(c) {
		return c.Over
	}
	return nil
}

// once stops and removes all that is there now. Volumes are what is wrong with those alone.
func (d *Descent) once(ctx context.Context, first bool) (failed, volumes error) {
	var w plan.World
	looks := []func() error{func() (err error) { w, err = d.Observe(ctx); return err }}
	if first { // before anybody is asked by us
		looks = append(looks, func() error { d.learnWhoWasAsked(ctx); return nil })
	}
	if err := executor.Together(looks); err != nil {
		return err, nil
	}
	var trouble, kept executor.Troubles
	err := executor.Run(ctx, plan.Reconcile(d.Pod, d.Owner, w, plan.Goal{Kind: plan.Down}), d.hurry, func(ctx context.Context, step plan.Step) error {
		if err := d.take(ctx, step); step.Op == plan.RemoveVolume {
			kept.Add(err)
		} else {
			trouble.Add(err)
		}
		return nil
	})
	if failed = trouble.Err(); failed == nil {
		failed = err
	}
	return failed, kept.Err()
}

// catchBreath waits until the engine is done with all that we asked of it on the
// way up or, if it is, a moment for what is wrong to pass, if anything is. It fails
// when there is no time left.
func (d *Descent) catchBreath(ctx context.Context, trouble error) error {
	if busy, _ := d.Live.Creating(); busy == 0 {
		if trouble != nil {
			return clock.Sleep(ctx, breath)
		}
		return context.Cause(ctx)
	}
	if err := d.Live.NobodyCreates(ctx); err != nil {
		return errors.Join(errors.New("the engine does not come to an end with what it was asked to make; what it makes is left"), err)
	}
	return nil
}

// take does one step down. A stop that fails or takes too long is followed by a
// removal, which kills, so it keeps nobody from going on.
func (d *Descent) take(ctx context.Context, step plan.Step) error {
	c := d.Live.Container(step.Name)
	switch step.Op {
	case plan.PreStop:
		if d.Live.Runs(c) {
			d.PreStop(d.hurry, step.Name, c)
		}
		return nil
	case plan.Stop:
		d.stop(step.Name)
		return nil
	case plan.RemoveVolume:
		return d.Engine.RemoveVolume(ctx, step.Name)
	}
	if c != nil {
		d.Live.Look(func(*live.View) { c.Expected = step.Name == plan.Pause })
	}
	if step.Name == plan.Pause {
		d.letGo()
	}
	return d.Engine.Remove(ctx, step.Container)
}

// letGo has pause end by itself, which is sooner than the engine could kill it. It has what
// components said of their ends, so these have to be known.
func (d *Descent) letGo() {
	lease := d.Live.Lease()
	if lease == nil {
		return
	}
	for name, c := range d.Live.Containers() {
		if name != plan.Pause && d.Live.Ran(c) {
			live.Wait(d.alive, c.Over)
		}
	}
	if !d.Owner.Paired() { // whose pause is not ours to end
		lease.Close()
	}
}

// stop asks a component to end, unless it never ran. One that is just being started
// is waited for: it could not be asked before.
func (d *Descent) stop(name string) {
	d.StopAsked(name)
	c := d.Live.Container(name)
	if c == nil {
		return // and so it was never started
	}
	if d.Live.WasAsked(c) {
		live.Wait(d.alive, c.Started)
	}
	if !d.Live.Runs(c) {
		return
	}
	component, _ := d.Pod.Component(name)
	grace := min(component.StopGrace, clock.Left(d.alive))
	if err := c.Stop(d.alive, d.StopSignal(name), grace); err != nil && d.alive.Err() == nil && clock.Left(d.alive) > 0 {
		d.Emit(event.Event{Kind: event.CleanupFailed, Component: name, Why: err.Error()}) // it is killed
	}
}

// settle waits for the ends and the last output of those that ran.
func (d *Descent) settle(ctx context.Context) {
	for _, c := range d.Live.Containers() {
		if d.Live.Ran(c) { // otherwise it has no end, and the engine need not end its streams
			live.Wait(ctx, c.Over)
			live.Wait(ctx, c.Drained())
		}
	}
}
