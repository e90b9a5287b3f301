package swarm

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/clock"
)

const (
	// glance is how often a watch looks.
	glance = 250 * time.Millisecond
	// nothing is what a watch says of a time in which nothing was left.
	nothing = "nothing was left"
)

// A watch looks at all nodes again and again, and knows how long something was left of a pod after
// the end of its supervisor. The time in which an engine does not answer counts.
type watch struct {
	since map[string]time.Time // when what is left was first seen

	mu    sync.Mutex
	worst time.Duration
	what  string // was left for that long
}

// watch watches until the test ends, or stop is called.
func (c *cluster) watch(t *testing.T) (w *watch, stop func()) {
	w = &watch{since: map[string]time.Time{}, what: nothing}
	ctx, cancel := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() {
		for clock.Sleep(ctx, glance) == nil {
			w.note(look(c.nodes), time.Now())
		}
	})
	stop = func() {
		cancel()
		watching.Wait()
	}
	t.Cleanup(stop)
	return w, stop
}

// note notes what is left now. Where a node was not seen nothing has gone.
func (w *watch) note(s sight, now time.Time) {
	for id := range s.strays {
		if _, known := w.since[id]; !known {
			w.since[id] = now
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, first := range w.since {
		if what := s.strays[id]; what != "" && now.Sub(first) > w.worst {
			w.worst, w.what = now.Sub(first), what
		} else if what == "" && len(s.away) == 0 {
			delete(w.since, id)
		}
	}
}

// tell is the worst time to clean until now, and of what; it begins anew.
func (w *watch) tell() (worst time.Duration, what string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	worst, what = w.worst, w.what
	w.worst, w.what = 0, nothing
	return worst, what
}

func TestAWatchKnowsHowLongSomethingWasLeft(t *testing.T) {
	w := &watch{since: map[string]time.Time{}, what: nothing}
	began := time.Now()
	for second, s := range []sight{
		{strays: map[string]string{"a": "web"}},
		{strays: map[string]string{"a": "web", "b": "log"}},
		{away: []string{"node 1"}}, // so nobody knows
		{strays: map[string]string{"b": "log"}},
		{strays: map[string]string{}},
		{strays: map[string]string{"a": "web"}}, // another time
	} {
		w.note(s, began.Add(time.Duration(second)*time.Second))
	}
	if worst, what := w.tell(); worst != 2*time.Second || what != "log" {
		t.Errorf("%s was left for %v, want log for 2s", what, worst)
	}
	if worst, what := w.tell(); worst != 0 || what != nothing {
		t.Errorf("told twice: %s, %v", what, worst)
	}
}
