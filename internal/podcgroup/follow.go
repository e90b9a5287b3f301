package podcgroup

import (
	"context"
	"fmt"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/event"
)

// settle is how long several changes of limits may take that are one to who has asked for them.
const settle = 100 * time.Millisecond

// Follow has the group's limits follow those of the container that the pod belongs to, until ctx is
// done. Watch tells whenever the kernel has been told others, and returns when ctx is done.
func (k *Keeper) Follow(ctx context.Context, watch func(ctx context.Context, tell func()) error) {
	changed := make(chan struct{}, 1)
	k.tasks.Go(func() {
		defer close(changed)
		_ = watch(ctx, func() { // what cannot be followed is as it was at the start
			select {
			case changed <- struct{}{}:
			default:
			}
		})
	})
	for range changed {
		if clock.Sleep(ctx, settle) != nil {
			continue
		}
		seen, err := k.Engine.Inspect(ctx, k.Owner.ID)
		if err == nil {
			err = k.Set(ctx, seen.Limits)
		}
		if err != nil && ctx.Err() == nil {
			k.Emit(event.Event{Kind: event.ConfigWarning, Why: fmt.Sprintf("the pod's limits stay as they are: %v", err)})
		}
	}
}
