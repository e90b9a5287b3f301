package sweep

import (
	"context"
	"errors"
	"fmt"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
)

// Groups are the control groups of pods on the node, which no container shows when all that was in them
// is gone.
type Groups interface {
	// Owners are those of pods that have one, whether or not they live.
	Owners(ctx context.Context) ([]engine.ID, error)
	// Drop removes that of an owner, in which nothing runs any more.
	Drop(ctx context.Context, owner engine.ID) error
	// Name is where that of an owner is.
	Name(owner engine.ID) string
}

// DropGroups removes the groups of owners that do not live, and returns what could not be removed, a
// line each.
func (s Sweeper) DropGroups(ctx context.Context, g Groups) (dropped int, err error) {
	owners, err := g.Owners(ctx)
	if err != nil {
		return 0, err
	}
	for _, owner := range owners {
		lives, unknown := s.livesNow(ctx, owner)
		if lives || unknown != nil || owner == engine.ID(s.Owner.ID) {
			err = errors.Join(err, unknown)
			continue
		}
		if !s.DryRun {
			if failed := g.Drop(ctx, owner); failed != nil {
				err = errors.Join(err, failed)
				continue
			}
		}
		dropped++
		s.Emit(event.Event{Kind: event.Swept, Container: g.Name(owner), Why: fmt.Sprintf("its owner %.12s is gone", owner)})
	}
	return dropped, err
}
