package supervise

import (
	"context"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/backoff"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/pod"
)

// A board shows where the pod and every component is, to all who want to know.
type board struct {
	unready pod.Unready

	mu      sync.Mutex
	changed chan struct{} // closed and replaced with every change
	names   []string
	entries map[string]*entry
	pod     lifecycle.PodState
	once    bool // the pod has been healthy
}

// An entry is what is known of one component.
type entry struct {
	lifecycle.Component
	id engine.ID
	// started: it has been running since it was last brought up with the pod.
	started bool
	since   time.Time // when its run was started
	code    int       // of its last end; -1: none yet
	why     string    // what kept it from running
	// failures are its restarts since the last calm.
	failures int
}

func newBoard(p pod.Pod) *board {
	b := &board{unready: p.Unready, changed: make(chan struct{}), entries: map[string]*entry{}, pod: lifecycle.Rising}
	for _, c := range p.All() {
		b.names = append(b.names, c.Name)
		b.entries[c.Name] = &entry{Component: lifecycle.Component{
			State: lifecycle.Pending, Life: lifecycle.LifeOf(p, c), Fit: c.Probes.Readiness == nil,
			Probed: c.Probes.Readiness != nil || c.Probes.Startup != nil,
		}, code: -1}
	}
	return b
}

// update changes one component's entry; others than the pod's are not on the board.
func (b *board) update(name string, change func(*entry)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e, ok := b.entries[name]; ok {
		change(e)
		b.changedLocked()
	}
}

// changedLocked tells all who wait.
func (b *board) changedLocked() {
	b.once = b.once || lifecycle.PodHealth(b.componentsLocked(), false, b.unready) == lifecycle.Healthy
	close(b.changed)
	b.changed = make(chan struct{})
}

// happened moves a component on. It returns where to, and what is to be done.
func (b *board) happened(name string, what lifecycle.Event) (state lifecycle.State, action lifecycle.Action) {
	b.update(name, func(e *entry) {
		state, action = lifecycle.Next(e.State, what, e.Life)
		e.State = state
		if action == lifecycle.Restart || action == lifecycle.RestartNow {
			e.Life.Restarts++
		}
	})
	return state, action
}

// podHappened moves the pod on.
func (b *board) podHappened(what lifecycle.PodEvent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pod = lifecycle.NextPod(b.pod, what)
	b.changedLocked()
}

// delay is how long to wait before a component that has just failed is restarted. It
// counts the failure.
func (b *board) delay(name string, policy backoff.Restarts) (d time.Duration) {
	b.update(name, func(e *entry) {
		e.failures++
		d = policy.Before(e.failures)
	})
	return d
}

// byID finds the component whose container that is.
func (b *board) byID(id engine.ID) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, e := range b.entries {
		if e.id == id {
			return name, true
		}
	}
	return "", false
}

// until waits until a component's entry satisfies a condition. It does not wait for
// others than the pod's.
func (b *board) until(ctx context.Context, name string, satisfied func(entry) (bool, error)) error {
	for {
		now, changed, known := b.look(name)
		if !known {
			return nil
		}
		if ok, err := satisfied(now); ok || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// look is a component's entry as it is now, and what tells of changes from then on.
func (b *board) look(name string) (now entry, changed <-chan struct{}, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, known := b.entries[name]
	if known {
		now = *e
	}
	return now, b.changed, known
}

func (b *board) health() lifecycle.Health {
	b.mu.Lock()
	defer b.mu.Unlock()
	return lifecycle.PodHealth(b.componentsLocked(), b.once, b.unready)
}

// complete reports whether the pod has nothing more to do.
func (b *board) complete() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return lifecycle.Complete(b.componentsLocked())
}

// componentsLocked are the components in their order.
func (b *board) componentsLocked() []lifecycle.Component {
	all := make([]lifecycle.Component, len(b.names))
	for i, name := range b.names {
		all[i] = b.entries[name].Component
	}
	return all
}

// ends are how the components ended, in their order.
func (b *board) ends() []event.End {
	b.mu.Lock()
	defer b.mu.Unlock()
	var ends []event.End
	for _, name := range b.names {
		e := b.entries[name]
		ends = append(ends, event.End{Component: name, Code: e.code, Why: e.why})
	}
	return ends
}
