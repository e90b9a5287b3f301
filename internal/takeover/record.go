package takeover

import (
	"context"
	"sync"

	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/succession"
)

// A Keeper keeps a text for whoever is in charge next, for as long as pause lives.
type Keeper interface {
	Store(text []byte) error
}

// A recorder writes down what a successor has to know, until the last word is written.
type recorder struct {
	mu     sync.Mutex
	closed bool
}

// KeepRecord writes down what a successor has to know, with every change, until ctx ends or
// Leave has had the last word.
func (t *Taker) KeepRecord(ctx context.Context) {
	for ctx.Err() == nil {
		changed := t.Live.Changed()
		t.store(false, func(r succession.Record) succession.Record { return r })
		live.Wait(ctx, changed)
	}
}

// Leave writes down what there is to know when the pod is let go of: all of it, or where it was
// taken down what counts for the rest of pause's life.
func (t *Taker) Leave(down bool) {
	t.store(true, func(r succession.Record) succession.Record {
		if down {
			return r.Initial(t.Pod)
		}
		return r
	})
}

// store keeps a part of what is known now. One that there is no room for is told: what runs the
// engine knows as well.
func (t *Taker) store(last bool, part func(succession.Record) succession.Record) {
	t.recorder.mu.Lock()
	defer t.recorder.mu.Unlock()
	if t.recorder.closed {
		return
	}
	t.recorder.closed = last
	known, _ := t.Live.Snapshot()
	if err := t.Keeper.Store(part(succession.Of(t.Pod, known)).Text()); err != nil {
		t.Emit(event.Event{Kind: event.EngineWarning, Component: plan.Pause, Why: err.Error()})
	}
}

// Settled are the components that the way up has nothing to do for: those that are under way, or
// have done what they had to.
func Settled(l *live.State) map[string]bool {
	known, _ := l.Snapshot()
	all := map[string]bool{}
	for _, c := range known.Components {
		all[c.Name] = c.State != lifecycle.Pending
	}
	return all
}
