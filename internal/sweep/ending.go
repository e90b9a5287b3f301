package sweep

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// patience is how long a pod whose owner is dead has at least to end by itself.
const patience = time.Minute

// dues are when pods have to have ended by themselves, by the IDs of their pauses.
type dues map[engine.ID]time.Time

// first is how long it is until the first of these has to have ended.
func (d dues) first(pauses []engine.ID) time.Duration {
	var all []time.Duration
	for _, id := range pauses {
		all = append(all, time.Until(d[id]))
	}
	return max(slices.Min(all), 0)
}

// spare finds the pauses that run although their owner is dead, and are not due: each gives its
// components their stop signals and their grace, and nobody else should, so their owners count
// as alive.
func (s Sweeper) spare(ctx context.Context, w plan.World, due dues) (pauses []engine.ID) {
	met := maps.Clone(due)
	clear(due) // of those that are gone
	var spared []engine.ID
	for _, c := range w.Containers {
		owner := engine.ID(c.Labels[pod.LabelOwner])
		ends := c.Labels[pod.LabelRole] == pod.RolePause && c.Labels[pod.LabelLife] == "" // what holds a pair's volumes does not
		if !c.Running || !ends || owner == "" || w.Alive[owner] || !pod.IsOurs(c.Name, c.Labels) {
			continue
		}
		at, known := met[c.ID]
		if !known {
			at = time.Now().Add(max(patience, s.graceOf(ctx, c.ID)))
		}
		due[c.ID] = at
		if time.Now().Before(at) {
			pauses, spared = append(pauses, c.ID), append(spared, owner)
		}
	}
	for _, owner := range spared {
		w.Alive[owner] = true
	}
	return pauses
}

// graceOf is what a pause that has lost its owner may take, nothing where the engine does not tell.
func (s Sweeper) graceOf(ctx context.Context, pause engine.ID) time.Duration {
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	seen, err := s.Engine.Inspect(limited, string(pause))
	if err != nil { // it may just have ended
		return 0
	}
	return seen.StopTimeout
}

// await waits for a time, or until all of those have ended if there are any. It fails when
// ctx ends.
func (s Sweeper) await(ctx context.Context, pauses []engine.ID, limit time.Duration) error {
	if len(pauses) == 0 {
		return clock.Sleep(ctx, limit)
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for _, id := range pauses {
		ended, err := s.Engine.Wait(limited, id)
		switch {
		case errors.Is(err, engine.ErrNotFound): // it has
		case err != nil:
			return clock.Sleep(ctx, clock.Left(limited))
		default:
			select {
			case <-ended:
			case <-limited.Done():
			}
		}
	}
	return context.Cause(ctx)
}
