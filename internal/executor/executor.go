// Package executor does the steps of a plan, each as soon as those before it are done. It
// decides nothing and does no step itself: what there is to do is in the plan, and who
// can do it is handed in.
package executor

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/podlike/podlike/internal/plan"
)

// Run does a plan's steps, each as soon as those before it are done that are in the plan; where
// several have one key, that is all of them. The first error of
// a step that is no best effort ends it; it returns when no step is under way any more.
// Hurry, when not nil, is done when stops shall no longer wait for other steps.
func Run(ctx context.Context, p plan.Plan, hurry context.Context, do func(context.Context, plan.Step) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := map[string]*gate{}
	for _, step := range p {
		key := step.Key()
		if done[key] == nil {
			done[key] = &gate{open: make(chan struct{})}
		}
		done[key].left.Add(1)
	}
	var steps sync.WaitGroup
	for _, step := range p {
		steps.Go(func() {
			if !ready(ctx, step, done, hurry) {
				return
			}
			if err := do(ctx, step); err != nil && !step.BestEffort {
				cancel(err)
				return
			}
			done[step.Key()].pass()
		})
	}
	steps.Wait()
	return context.Cause(ctx)
}

// A gate opens when all steps of one key are done. Where the engine has more of something
// than it should, there are several.
type gate struct {
	left atomic.Int32
	open chan struct{}
}

// pass notes that one of the steps is done.
func (g *gate) pass() {
	if g.left.Add(-1) == 0 {
		close(g.open)
	}
}

// ready waits for the steps that come before one, and reports whether it may be done.
func ready(ctx context.Context, step plan.Step, done map[string]*gate, hurry context.Context) bool {
	var impatient <-chan struct{}
	if hurry != nil && step.Op == plan.Stop {
		impatient = hurry.Done()
	}
	for _, before := range step.After {
		gate, known := done[before]
		if !known {
			continue
		}
		select {
		case <-gate.open:
		case <-impatient:
			return true
		case <-ctx.Done():
			return false
		}
	}
	return ctx.Err() == nil
}

// Together does all at once, waits for all and returns what went wrong with any.
func Together(all []func() error) error {
	errs := make([]error, len(all))
	var doing sync.WaitGroup
	for i, do := range all {
		doing.Go(func() { errs[i] = do() })
	}
	doing.Wait()
	return errors.Join(errs...)
}

// Troubles gathers what goes wrong with several steps. The zero value has none.
type Troubles struct {
	mu  sync.Mutex
	all []error
}

// Add adds an error, unless it is nil.
func (t *Troubles) Add(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.all = append(t.all, err)
	}
}

// Err is all of it, in the order of its letters. Nil: nothing went wrong.
func (t *Troubles) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	slices.SortFunc(t.all, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(t.all...)
}
