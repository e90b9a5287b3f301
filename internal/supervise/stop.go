package supervise

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/podlike/podlike/internal/engine"
)

// relook is how often to look whether a container that was asked to end has ended.
const relook = 50 * time.Millisecond

// stopSignal is the one that asks a component to end.
func (r *run) stopSignal(name string) string {
	c := r.component(name)
	return cmp.Or(c.StopSignal, r.image(c.Image).StopSignal)
}

// stop asks a container to end with a signal, or that which it says itself, kills it when grace
// is over and returns when it has ended, which over tells unless it is nil. To stop what has
// ended or gone is fine.
func (r *run) stop(ctx context.Context, id engine.ID, signal string, grace time.Duration, over <-chan struct{}) error {
	seen, err := r.Engine.Inspect(ctx, string(id))
	if errors.Is(err, engine.ErrNotFound) {
		return nil
	}
	if err != nil || !seen.Running {
		return err
	}
	within, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if err := r.Engine.Signal(ctx, id, cmp.Or(signal, seen.StopSignal, "SIGTERM")); err != nil {
		return err
	}
	if ended, err := r.ended(within, id, over); ended || err != nil {
		return err
	}
	if err := cmp.Or(ctx.Err(), r.Engine.Signal(ctx, id, "SIGKILL")); err != nil {
		return err
	}
	_, err = r.ended(ctx, id, over)
	return err
}

// ended waits for a container's end. It is false where ctx is done before.
func (r *run) ended(ctx context.Context, id engine.ID, over <-chan struct{}) (bool, error) {
	for {
		select {
		case <-over:
			return true, nil
		case <-ctx.Done():
			return false, nil
		case <-time.After(relook):
		}
		switch seen, err := r.Engine.Inspect(ctx, string(id)); {
		case ctx.Err() != nil:
			return false, nil
		case errors.Is(err, engine.ErrNotFound):
			return true, nil
		case err != nil || !seen.Running:
			return true, err
		}
	}
}
