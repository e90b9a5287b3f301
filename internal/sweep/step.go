package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

const (
	// grace is what a leftover component gets to stop.
	grace = 5 * time.Second
	// deedTime is how long the engine may take for one deed. Then it is tried again the next time.
	deedTime = 2 * time.Minute
)

// errSlow: the engine does not say whether it has done what it was asked to.
var errSlow = fmt.Errorf("no answer within %s", deedTime)

// A round is one time that a node is swept.
type round struct {
	Sweeper
	world plan.World

	mu      sync.Mutex
	stopped map[engine.ID]bool // those that were there when they were asked to stop
}

// ownerOf is whose a step's container or volume is.
func (r *round) ownerOf(step plan.Step) engine.ID {
	for _, c := range r.world.Containers {
		if step.Container != "" && c.ID == step.Container {
			return engine.ID(c.Labels[pod.LabelOwner])
		}
	}
	for _, v := range r.world.Volumes {
		if step.Op == plan.RemoveVolume && v.Name == step.Name {
			return engine.ID(v.Labels[pod.LabelOwner])
		}
	}
	return ""
}

// do does a step, unless the owner lives by now: it puts away itself what its earlier life has
// left. What somebody else has removed meanwhile is not told.
func (r *round) do(ctx context.Context, step plan.Step) error {
	if lives, err := r.livesNow(ctx, r.ownerOf(step)); lives || err != nil {
		return err
	}
	limited, cancel := context.WithTimeoutCause(ctx, deedTime, errSlow)
	defer cancel()
	there, err := r.isThere(limited, step)
	switch {
	case err != nil || !there:
	case !r.DryRun:
		err = r.Clean(limited, step)
	case step.Op != plan.Stop:
		r.tell(step)
	}
	if err != nil {
		return undone{step.Name, err}
	}
	return nil
}

// An undone is something that could not be removed.
type undone struct {
	name string
	error
}

func (u undone) Error() string { return u.name + ": " + u.error.Error() }

func (u undone) Unwrap() error { return u.error }

// isThere tells whether what a step is about is still there, or was when it was asked to stop.
func (r *round) isThere(ctx context.Context, step plan.Step) (bool, error) {
	r.mu.Lock()
	stopped := r.stopped[step.Container]
	r.mu.Unlock()
	if stopped {
		return true, nil
	}
	var err error
	if step.Op == plan.RemoveVolume {
		_, err = r.Engine.Volume(ctx, step.Name)
	} else {
		_, err = r.Engine.Inspect(ctx, string(step.Container))
	}
	if errors.Is(err, engine.ErrNotFound) {
		return false, nil
	}
	if err == nil && step.Op == plan.Stop {
		r.mu.Lock()
		r.stopped[step.Container] = true
		r.mu.Unlock()
	}
	return err == nil, err
}

// Clean does a step that removes what nobody needs any more: a sweep's, or one that puts
// away what an earlier life or run has left. It is told after the deed.
func (s Sweeper) Clean(ctx context.Context, step plan.Step) (err error) {
	switch step.Op {
	case plan.Stop:
		return s.stop(ctx, step.Container)
	case plan.RemoveVolume:
		err = s.Engine.RemoveVolume(ctx, step.Name)
	default:
		err = s.Engine.Remove(ctx, step.Container)
	}
	if err == nil && step.Why != plan.RunOver { // that is nothing to tell
		s.tell(step)
	}
	return err
}

// tell tells of a step that removes something.
func (s Sweeper) tell(step plan.Step) {
	s.Emit(event.Event{Kind: event.Swept, Container: step.Name, Why: step.Why})
}

// stop gives a component that nobody supervises any more its stop signal, and the
// time to heed it. One that does not is for its removal to kill, and one that is gone has.
func (s Sweeper) stop(ctx context.Context, id engine.ID) error {
	err := s.askToStop(ctx, id)
	if errors.Is(err, engine.ErrNotFound) {
		return nil
	}
	return err
}

// askToStop is stop for one that is there.
func (s Sweeper) askToStop(ctx context.Context, id engine.ID) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seen, err := s.Engine.Inspect(ctx, string(id))
	if err != nil {
		return err
	}
	ended, err := s.Engine.Wait(ctx, id)
	if err != nil {
		return err
	}
	if err := s.Engine.Signal(ctx, id, cmp.Or(seen.StopSignal, "SIGTERM")); err != nil {
		return err
	}
	limited, done := context.WithTimeout(ctx, grace)
	defer done()
	select {
	case exit := <-ended:
		return exit.Err
	case <-limited.Done():
		return context.Cause(ctx)
	}
}
