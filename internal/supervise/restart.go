package supervise

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/backoff"
	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// happened moves a component on and sees to what follows from that. The cause is what
// ends the pod, if that does.
func (r *run) happened(name string, what lifecycle.Event, cause *ended) lifecycle.Action {
	r.turn.Lock()
	defer r.turn.Unlock()
	state, action := r.board.happened(name, what)
	switch {
	case action == lifecycle.Restart:
		delay := r.board.delay(name, r.backoff())
		r.make(func() { r.restart(name, delay, cause) })
	case action == lifecycle.RestartNow:
		r.make(func() { r.restart(name, 0, cause) })
	case action == lifecycle.RestartAll:
		r.redo(name, cause)
	case action == lifecycle.Fail:
		r.end(cause)
	case state == lifecycle.Done && r.board.complete():
		r.end(&ended{})
	}
	return action
}

func (r *run) backoff() backoff.Restarts {
	return backoff.Restarts{First: r.Pod.Backoff.First, Cap: r.Pod.Backoff.Cap}
}

// restart waits and then runs a component anew, in a new container under the same
// name, unless it is decided otherwise in the meantime. What goes wrong is its next end.
func (r *run) restart(name string, delay time.Duration, cause error) {
	r.Tell(event.Event{Kind: event.Restarting, Component: name, Why: cause.Error(), In: delay})
	if !r.isDue(name, delay) {
		return
	}
	r.board.happened(name, lifecycle.Event{Kind: lifecycle.Due})
	if err := r.clear(name); err != nil {
		_ = r.cannotStart(name, err)
		return
	}
	if r.createAgain(name) == nil && r.start(name) == nil {
		r.renew(name)
	}
}

// createAgain makes the container of a component's next run, which finds what was handed
// on in memory as it was in the beginning.
func (r *run) createAgain(name string) error {
	if err := r.refill(r.watching, r.component(name)); err != nil {
		return r.cannotStart(name, err)
	}
	return r.create(r.watching, name, reach(r.component(name)))
}

// reach is how long it may be from the creation of a container that is made anew to its
// start: files may be handed on in between. What a dead supervisor has created and not
// started stays as long; what a slow engine removes before its start is tried again.
func reach(c pod.Component) time.Duration {
	for _, file := range c.Copies {
		if !file.Memory {
			return 2 * patience
		}
	}
	return 15 * time.Second
}

// isDue waits out a delay and reports whether the component still waits for that.
func (r *run) isDue(name string, delay time.Duration) bool {
	ctx, cancel := context.WithTimeout(r.watching, delay)
	defer cancel()
	decided := r.board.until(ctx, name, func(e entry) (bool, error) { return e.State != lifecycle.Waiting, nil })
	return decided != nil && r.watching.Err() == nil
}

// clear sees to it that nothing is left of a component's last run, neither its output
// nor its name.
func (r *run) clear(name string) error {
	h := r.holding(name)
	if h == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(r.watching, patience)
	defer cancel()
	if err := r.Engine.Remove(ctx, h.id); err != nil {
		return err
	}
	if h.asked.Load() && !h.failed {
		wait(ctx, h.drained)
	}
	return nil
}

// wait waits for the end of something, but not beyond ctx.
func wait(ctx context.Context, end <-chan struct{}) {
	select {
	case <-end:
	case <-ctx.Done():
	}
}

// renew restarts those that want to be when a component they depend on was.
func (r *run) renew(name string) {
	for _, c := range r.Pod.All() {
		for _, on := range c.DependsOn {
			if on.Name != name || !on.Restart {
				continue
			}
			if state, _ := r.board.happened(c.Name, lifecycle.Event{Kind: lifecycle.RestartAsked}); state == lifecycle.Recycling {
				r.endRun(c.Name, r.holding(c.Name))
			}
		}
	}
}

// kill ends a component's run because it is broken. Its policy says what is next. One
// that has ended by itself was just not there to be asked.
func (r *run) kill(name string, h *holding, why string) {
	if r.hasEnded(h) {
		return
	}
	if state, _ := r.board.happened(name, lifecycle.Event{Kind: lifecycle.KillAsked}); state == lifecycle.Ending {
		r.Tell(event.Event{Kind: event.Broken, Component: name, Why: why})
		r.board.update(name, func(e *entry) { e.broken = why })
		r.endRun(name, h)
	}
}

// hasEnded reports whether a container that ran does not any more. Of its end we may
// not have been told yet.
func (r *run) hasEnded(h *holding) bool {
	ctx, cancel := context.WithTimeout(r.watching, briefly)
	defer cancel()
	seen, err := r.Engine.Inspect(ctx, string(h.id))
	return errors.Is(err, engine.ErrNotFound) || err == nil && !seen.Running
}

// endRun has a component's run end. Its end decides what is next; one that cannot be
// ended ends the pod.
func (r *run) endRun(name string, h *holding) {
	r.tasks.Go(func() {
		err := r.wantEnd(name, h)
		if err != nil && r.watching.Err() == nil {
			err = r.Engine.Remove(r.watching, h.id)
		}
		if err != nil && r.watching.Err() == nil {
			r.end(&ended{component: name, code: 1, err: err})
		}
	})
}

// wantEnd lets a component prepare and then asks it to end. Both have to be over within
// its grace, or two seconds after its preparations, as the kubelet has it.
func (r *run) wantEnd(name string, h *holding) error {
	grace := r.component(name).StopGrace
	within, cancel := context.WithTimeout(r.watching, grace)
	defer cancel()
	r.prepareToStop(within, name, h)
	return r.askToEnd(r.watching, name, h, max(deadline(within), min(grace, plan.LastCall)))
}

// askToEnd asks a container to end and kills it when grace is over. One that was asked
// already is waited for: a second signal means "now" to many.
func (r *run) askToEnd(ctx context.Context, name string, h *holding, grace time.Duration) error {
	if first := h.bidden.CompareAndSwap(false, true); first || !h.runs() {
		return r.stop(ctx, h.id, r.stopSignal(name), grace, h.over)
	}
	wait(ctx, h.over)
	return nil
}

// newRound begins a round of bringing the pod up.
func (r *run) newRound(again context.CancelCauseFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.again = again
}

// redo has all components restart.
func (r *run) redo(name string, cause error) {
	if r.isOver() {
		return
	}
	delay := r.board.delay(name, r.backoff())
	for _, c := range r.Pod.All() {
		r.board.happened(c.Name, lifecycle.Event{Kind: lifecycle.ClearAsked})
		r.board.update(c.Name, func(e *entry) { e.delay = 0 }) // that begins when all are gone
	}
	r.board.podHappened(lifecycle.Redone)
	r.Tell(event.Event{Kind: event.RestartingAll, Component: name, Why: cause.Error(), In: delay})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rest = delay
	r.again(errAgain)
}

// clearAll takes down everything but pause, without anybody's hooks, and puts all
// components back to where they begin.
func (r *run) clearAll(ctx context.Context) error {
	if err := r.makers.none(ctx); err != nil {
		return err
	}
	seen, err := r.Engine.List(ctx, map[string]string{pod.LabelOwner: r.Owner.ID, pod.LabelRole: pod.RoleComponent})
	if err != nil {
		return err
	}
	errs := make([]error, len(seen))
	var stops sync.WaitGroup
	for i, c := range seen {
		stops.Go(func() { errs[i] = r.clearOne(ctx, c) })
	}
	stops.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	r.mu.Lock()
	rest := r.rest
	r.mu.Unlock()
	for _, c := range r.Pod.All() {
		r.board.update(c.Name, func(e *entry) { e.delay, e.due = rest, time.Now().Add(rest) })
	}
	if err := clock.Sleep(ctx, rest); err != nil {
		return err
	}
	for _, c := range r.Pod.All() {
		r.board.happened(c.Name, lifecycle.Event{Kind: lifecycle.Reset})
		r.board.update(c.Name, func(e *entry) { e.started, e.Started = false, false })
	}
	return nil
}

// clearOne takes one component down.
func (r *run) clearOne(ctx context.Context, c engine.Seen) error {
	name := c.Labels[pod.LabelComponent]
	h := r.holding(name)
	if h == nil || h.id != c.ID {
		return r.Engine.Remove(ctx, c.ID)
	}
	if err := r.askToEnd(ctx, name, h, r.component(name).StopGrace); err != nil {
		return err
	}
	if err := r.Engine.Remove(ctx, c.ID); err != nil {
		return err
	}
	if h.asked.Load() && !h.failed {
		wait(ctx, h.drained)
	}
	return nil
}
