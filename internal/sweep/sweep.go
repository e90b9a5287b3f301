// Package sweep removes what supervisors that do not run any more have left on a node,
// whatever pod or service it was of. It touches nothing whose owner lives, and nothing that is
// not ours, and keeps nobody from anything: what cannot be removed is returned and tried again
// later. It compares no times of the engine's with its own.
//
// An owner is any container, and all that is asked of it is whether it lives: it runs, is
// paused or about to be restarted, or has never run yet, so that what there is of it is from
// before its life. It is asked when what it owns has been seen, and once more before each
// deed: a slow engine, or one that two sweep at once, may take minutes in between.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/backoff"
	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/executor"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// Engine is what sweeping needs of one.
type Engine interface {
	Inspect(ctx context.Context, ref string) (engine.Seen, error)
	List(ctx context.Context, labels map[string]string) ([]engine.Seen, error)
	Wait(ctx context.Context, id engine.ID) (<-chan engine.Exit, error)
	Signal(ctx context.Context, id engine.ID, signal string) error
	Remove(ctx context.Context, id engine.ID) error
	Volumes(ctx context.Context, labels map[string]string) ([]engine.Volume, error)
	Volume(ctx context.Context, name string) (engine.Volume, error)
	RemoveVolume(ctx context.Context, name string) error
}

// Sweeper sweeps one node.
type Sweeper struct {
	Engine Engine
	// Owner is who sweeps. What belongs to it is not swept. Nobody has to own anything.
	Owner pod.Owner
	// Emit is told what was removed, and by Clear and Every what could not be.
	Emit event.Sink
	// DryRun tells what would be removed at once, and changes nothing.
	DryRun bool
}

// delays are those before Clear tries again what could not be swept.
var delays = backoff.Policy{First: time.Minute, Cap: time.Hour, Tries: 1 << 30}

// Clear sweeps until nothing is left or ctx ends. What cannot be removed is told, and tried
// again later. What still ends by itself is left to that at first.
func (s Sweeper) Clear(ctx context.Context) {
	told, due := "", dues{}
	for failures := 1; ; failures++ {
		ending, err := s.sweep(ctx, due)
		if err == nil && len(ending) == 0 || ctx.Err() != nil {
			return
		}
		if err != nil && told != err.Error() {
			told = err.Error()
			s.Emit(event.Event{Kind: event.CleanupFailed, Why: told})
		}
		delay, _ := delays.After(failures)
		if err != nil {
			ending = nil // it is not known who else there is
		}
		if s.await(ctx, ending, delay) != nil {
			return
		}
	}
}

// Once sweeps until nothing is left but what cannot be removed, and returns why not. What
// still ends by itself is waited for, but for a DryRun.
func (s Sweeper) Once(ctx context.Context) error {
	due := dues{}
	for {
		ending, err := s.sweep(ctx, due)
		if len(ending) == 0 || s.DryRun {
			return err
		}
		if err := s.await(ctx, ending, due.first(ending)); err != nil {
			return err
		}
	}
}

// Every sweeps until ctx ends, with a pause between one time and the next. What cannot be
// removed is tried again each time, and told once, a line each.
func (s Sweeper) Every(ctx context.Context, pause time.Duration) {
	var told []string
	for due := (dues{}); ; {
		_, err := s.sweep(ctx, due)
		if ctx.Err() != nil {
			return
		}
		lines := linesOf(err)
		for _, line := range lines {
			if !slices.Contains(told, line) {
				s.Emit(event.Event{Kind: event.CleanupFailed, Why: line})
			}
		}
		told = lines
		if clock.Sleep(ctx, pause) != nil {
			return
		}
	}
}

// linesOf are those of an error, none of nil.
func linesOf(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

// moments are those after which is tried again what could not be removed, before it is told.
var moments = []time.Duration{time.Second, 3 * time.Second}

// sweep sweeps, and returns what could not be done, a line each. Ending are the pauses of
// pods that end by themselves and have time for that.
//
// Who has just died may have asked the engine for something that comes only now: a container of
// which nobody knew yet has a volume in use that was to be removed. So another look comes before
// anything is said to be impossible.
func (s Sweeper) sweep(ctx context.Context, due dues) (ending []engine.ID, err error) {
	for _, moment := range moments {
		ending, err = s.pass(ctx, due)
		if !errors.As(err, new(undone)) || clock.Sleep(ctx, moment) != nil {
			return ending, err
		}
	}
	return s.pass(ctx, due)
}

// pass sweeps one time.
func (s Sweeper) pass(ctx context.Context, due dues) (ending []engine.ID, err error) {
	w, err := s.observe(ctx)
	if err != nil {
		return nil, err
	}
	var trouble executor.Troubles
	trouble.Add(s.ask(ctx, &w))
	ending = s.spare(ctx, w, due)
	r := &round{Sweeper: s, world: w, stopped: map[engine.ID]bool{}}
	err = executor.Run(ctx, plan.Reconcile(pod.Pod{}, s.Owner, w, plan.Goal{Kind: plan.Swept}), nil, func(ctx context.Context, step plan.Step) error {
		err := r.do(ctx, step)
		trouble.Add(err)
		return err
	})
	return ending, errors.Join(err, trouble.Err())
}

// observe looks at all that carries our labels.
func (s Sweeper) observe(ctx context.Context) (w plan.World, err error) {
	any := map[string]string{pod.LabelOwner: ""}
	err = executor.Together([]func() error{
		func() (err error) { w.Containers, err = s.Engine.List(ctx, any); return err },
		func() (err error) { w.Volumes, err = s.Engine.Volumes(ctx, any); return err },
	})
	return w, err
}

// answerTime is how long the engine may take to tell of one owner. One of which it does not is
// left alone: 20.10 does not tell of a container whose output somebody holds up.
const answerTime = 20 * time.Second

// ask finds out which owners live, of all that is there. One of which that cannot be told
// counts as alive, and the error says so, a line each; that the engine is away is one.
func (s Sweeper) ask(ctx context.Context, w *plan.World) error {
	var (
		mu   sync.Mutex
		asks []func() error
		away error
	)
	w.Alive = map[engine.ID]bool{engine.ID(s.Owner.ID): true}
	for _, owner := range plan.Owners(*w) {
		if w.Alive[owner] {
			continue
		}
		asks = append(asks, func() error {
			lives, err := s.livesNow(ctx, owner)
			mu.Lock()
			defer mu.Unlock()
			w.Alive[owner] = lives || err != nil
			if errors.Is(err, engine.ErrUnreachable) {
				away, err = err, nil
			}
			return err
		})
	}
	untold := executor.Together(asks)
	if away != nil {
		return away
	}
	return untold
}

// livesNow is lives for an engine that may not answer about one container, though it does about
// others.
func (s Sweeper) livesNow(ctx context.Context, owner engine.ID) (bool, error) {
	limited, cancel := context.WithTimeoutCause(ctx, answerTime, errUntold)
	defer cancel()
	lives, err := s.lives(limited, owner)
	if err != nil {
		err = fmt.Errorf("what container %.12s owns is left alone: it is not known whether that runs: %w", owner, err)
	}
	return lives, err
}

// errUntold: the engine says nothing about a container.
var errUntold = fmt.Errorf("no answer within %s", answerTime)

// lives tells whether an owner does: one that has never run has not died. One that waits to be
// restarted, or is paused, runs.
func (s Sweeper) lives(ctx context.Context, owner engine.ID) (bool, error) {
	seen, err := s.Engine.Inspect(ctx, string(owner))
	if errors.Is(err, engine.ErrNotFound) {
		return false, nil
	}
	return err == nil && (seen.Running || seen.Created), err
}

// Alive tells which owners of what is there live. They are asked after what they own was
// seen: one that is gone by then has left it.
func (s Sweeper) Alive(ctx context.Context, w plan.World) (map[engine.ID]bool, error) {
	alive := map[engine.ID]bool{engine.ID(s.Owner.ID): true}
	for _, owner := range plan.Owners(w) {
		if alive[owner] {
			continue
		}
		lives, err := s.lives(ctx, owner)
		if err != nil {
			return nil, err
		}
		alive[owner] = lives
	}
	return alive, nil
}
