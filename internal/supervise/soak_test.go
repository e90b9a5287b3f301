package supervise_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/supervise"
)

// A chronicle checks each component's history while it happens and keeps none of it.
type chronicle struct {
	mu     sync.Mutex
	last   map[string]event.Kind
	runs   int
	errors []string
}

// before is what may have happened to a component before something does.
var before = map[event.Kind][]event.Kind{
	event.Created:    {"", event.Restarting},
	event.Started:    {event.Created},
	event.Died:       {event.Started},
	event.Restarting: {event.Died},
}

func (c *chronicle) tell(e event.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	allowed, known := before[e.Kind]
	if !known || e.Component == "pause" {
		return
	}
	was, fits := c.last[e.Component], false
	for _, kind := range allowed {
		fits = fits || kind == was
	}
	if !fits && len(c.errors) < 10 {
		c.errors = append(c.errors, fmt.Sprintf("%s: %q after %q", e.Component, e.Kind, was))
	}
	if e.Kind == event.Started {
		c.runs++
	}
	c.last[e.Component] = e.Kind
}

// heap is how much memory is in use when all garbage is gone.
func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Fifty components that end when they like, for ten minutes. The bubble sees to it that
// no goroutine is left.
func TestManyRestartsLeaveNothingBehind(t *testing.T) {
	var components []pod.Component
	for i := range 50 {
		components = append(components, restarted(fmt.Sprint("c", i), "moody", pod.RestartAlways))
	}
	play(t, components, func(s *scene) {
		s.pod.Backoff = pod.Backoff{First: 100 * time.Millisecond, Cap: 2 * time.Second}
		random := rand.New(rand.NewPCG(1, 2))
		var mu sync.Mutex
		s.AddImage("moody", fake.Running(func(ctx context.Context, p fake.Process) int {
			mu.Lock()
			lasting, code := time.Duration(random.IntN(4000))*time.Millisecond, random.IntN(3)
			mu.Unlock()
			fmt.Fprintln(p.Stdout, "for", lasting)
			return fake.Exit(code, lasting)(ctx, p)
		}))
		c := chronicle{last: map[string]event.Kind{}}
		ctx, stop := context.WithTimeout(s.Context(), 10*time.Minute)
		defer stop()
		var used [10]atomic.Uint64 // after each minute
		for i := range used {
			time.AfterFunc(time.Duration(i+1)*time.Minute-time.Second, func() { used[i].Store(heap()) })
		}
		runner := supervise.New(supervise.Config{Engine: s.Engine, Pod: s.pod, Owner: s.owner, Emit: c.tell, Book: logbuffer.NewBuffer(1 << 12)})
		if code := runner.Run(ctx); code != 0 {
			t.Errorf("exit code %d", code)
		}
		for _, wrong := range c.errors {
			t.Error(wrong)
		}
		if c.runs < 5000 {
			t.Errorf("only %d runs", c.runs)
		}
		first, last := used[4].Load(), used[9].Load() // a container that is made again is forgotten some minutes later
		if last > first*3/2 {
			t.Errorf("%d bytes after five minutes, %d after ten", first, last)
		}
		t.Logf("%d runs, %d kB after five minutes, %d kB after ten", c.runs, first/1024, last/1024)
	})
}
