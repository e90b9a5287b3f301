package supervise

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// afterwards is how long removing may take beyond the pod's budget. Swarm will not
// grant it, but a slow engine's leavings are better removed late than not at all.
const afterwards = 30 * time.Second

// breath is how long to wait before trying again to remove what could not be.
const breath = 200 * time.Millisecond

// down stops and removes all that is there, within the pod's budget. It has a clock
// of its own, and goes on however many of its steps fail.
func (r *run) down(ctx context.Context, v *verdict) error {
	r.askAll()
	budget := plan.BudgetOf(r.Pod)
	hurry, cancel := r.hurried(ctx, budget.Ask)
	defer cancel()
	alive, cancel := r.hurried(ctx, budget.Kill)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, budget.Kill+afterwards)
	defer cancel()

	if pauseKilled(*v) && !r.pauseRuns(ctx) {
		v.component, v.why = plan.Pause, "pause ended, and everything in its namespace with it"
	}
	var trouble error // what is wrong, apart from a want of time
	for {
		busy, before := r.makers.now() // while there are any, there may be more than is seen
		failed := r.takeDown(ctx, hurry, alive)
		if _, begun := r.makers.now(); busy == 0 && begun == before && failed == nil {
			r.settle(ctx)
			return nil
		}
		if ctx.Err() == nil {
			r.tellTrouble(failed, trouble)
			trouble = failed
		}
		if err := r.catchBreath(ctx, failed); err != nil {
			r.settle(ctx)
			return errors.Join(trouble, err)
		}
	}
}

// tellTrouble tells what is wrong now, if that is news: it may be a while until it
// passes, or until it is given up.
func (r *run) tellTrouble(now, before error) {
	if now != nil && (before == nil || now.Error() != before.Error()) {
		r.Tell(event.Event{Kind: event.CleanupFailed, Why: now.Error()})
	}
}

// askAll has nothing restarted any more but sidecars, whose turn comes when all others
// have stopped.
func (r *run) askAll() {
	r.turn.Lock()
	defer r.turn.Unlock()
	for _, c := range r.Pod.All() {
		if !c.Sidecar {
			r.board.happened(c.Name, lifecycle.Event{Kind: lifecycle.StopAsked})
		}
	}
}

// hurried is done after a time, or when nobody wants to wait.
func (r *run) hurried(ctx context.Context, after time.Duration) (context.Context, context.CancelFunc) {
	limited, cancel := context.WithTimeout(ctx, after)
	r.tasks.Go(func() {
		defer cancel()
		wait(limited, r.Hurry)
	})
	return limited, cancel
}

// takeDown stops and removes all that is there now.
func (r *run) takeDown(ctx, hurry, alive context.Context) error {
	seen, err := r.Engine.List(ctx, map[string]string{pod.LabelOwner: r.Owner.ID})
	if err != nil {
		return err
	}
	volumes, err := r.scratch(ctx)
	if err != nil {
		return err
	}
	t := teardown{run: r, hurry: hurry, alive: alive}
	err = r.apply(ctx, plan.Down(r.Pod, seen, volumes), hurry, t.take)
	slices.SortFunc(t.trouble, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(append(t.trouble, err)...)
}

// scratch are the volumes that outlive their containers.
func (r *run) scratch(ctx context.Context) ([]engine.Volume, error) {
	if !plan.KeepsScratch(r.Pod) {
		return nil, nil
	}
	return r.Engine.Volumes(ctx, map[string]string{pod.LabelOwner: r.Owner.ID, pod.LabelRole: pod.RoleScratch})
}

// catchBreath waits until the engine is done with all that we asked of it on the
// way up or, if it is, a moment for what is wrong to pass, if anything is. It fails
// when there is no time left.
func (r *run) catchBreath(ctx context.Context, trouble error) error {
	if busy, _ := r.makers.now(); busy == 0 {
		if trouble != nil {
			return clock.Sleep(ctx, breath)
		}
		return context.Cause(ctx)
	}
	if r.makers.none(ctx) != nil {
		return errors.New("the engine does not come to an end with what it was asked to make; what it makes is left")
	}
	return nil
}

// pauseRuns reports whether the pause container runs. Its end is reported a little
// later than that of those it takes along, so a moment is waited for it.
func (r *run) pauseRuns(ctx context.Context) bool {
	h := r.holding(plan.Pause)
	if h == nil {
		return false
	}
	moment, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	select {
	case <-h.over:
		return false
	case <-moment.Done():
		return true
	}
}

// A teardown takes a pod down step by step.
type teardown struct {
	*run
	hurry   context.Context // done when whatever still waits is to be asked
	alive   context.Context // done when whatever still runs is to be killed
	trouble []error
}

// take does one step down. A stop that fails or takes too long is followed by a
// removal, which kills, so it keeps nobody from going on.
func (t *teardown) take(ctx context.Context, step plan.Step) error {
	h := t.holding(step.Name)
	switch step.Op {
	case plan.PreStop:
		if h.runs() {
			t.prepareToStop(t.hurry, step.Name, h)
		}
		return nil
	case plan.Stop:
		t.stop(step)
		return nil
	}
	if h != nil {
		h.dismissed.Store(step.Name == plan.Pause)
	}
	remove := func() error { return t.Engine.Remove(ctx, step.Container) }
	if step.Op == plan.RemoveVolume {
		remove = func() error { return t.Engine.RemoveVolume(ctx, step.Name) }
	}
	if err := remove(); err != nil {
		t.mu.Lock()
		t.trouble = append(t.trouble, err)
		t.mu.Unlock()
	}
	return nil
}

// stop asks a component to end, unless it never ran. One that is just being started
// is waited for: it could not be asked before.
func (t *teardown) stop(step plan.Step) {
	t.happened(step.Name, lifecycle.Event{Kind: lifecycle.StopAsked}, nil)
	h := t.holding(step.Name)
	if h == nil {
		return // and so it was never started
	}
	if h.asked.Load() {
		wait(t.alive, h.started)
	}
	grace := min(t.component(step.Name).StopGrace, deadline(t.alive))
	asking, cancel := context.WithCancel(t.alive)
	defer cancel()
	t.tasks.Go(func() { // the engine answers only when it has tidied up, which nobody needs to wait for
		defer cancel()
		wait(asking, h.over)
	})
	if err := t.askToEnd(asking, step.Name, h, grace); err != nil && asking.Err() == nil {
		t.Tell(event.Event{Kind: event.CleanupFailed, Component: step.Name, Why: err.Error()}) // it is killed
	}
}

// settle waits for the ends and the last output of those that ran.
func (r *run) settle(ctx context.Context) {
	for _, h := range r.holdings() {
		if !closed(h.started) || h.failed {
			continue // it has no end, and the engine need not end its streams
		}
		wait(ctx, h.over)
		wait(ctx, h.drained)
	}
}
