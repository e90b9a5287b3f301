package supervise

import (
	"context"
	"sync"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/pod"
)

// A board shows where every component is, to all who want to know.
type board struct {
	mu      sync.Mutex
	changed chan struct{} // closed and replaced with every change
	names   []string
	entries map[string]*entry
}

// An entry is what is known of one component.
type entry struct {
	lifecycle.Component
	id   engine.ID
	code int
	why  string // what kept it from running
}

func newBoard(p pod.Pod) *board {
	b := &board{changed: make(chan struct{}), entries: map[string]*entry{}}
	for _, c := range p.Components {
		b.names = append(b.names, c.Name)
		b.entries[c.Name] = &entry{Component: lifecycle.Component{State: lifecycle.Pending}, code: -1}
	}
	return b
}

// update changes one component's entry; others than the pod's are not on the board.
func (b *board) update(name string, change func(*entry)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e, ok := b.entries[name]; ok {
		change(e)
		close(b.changed)
		b.changed = make(chan struct{})
	}
}

// happened moves a component on.
func (b *board) happened(name string, what lifecycle.Event) {
	b.update(name, func(e *entry) { e.State = lifecycle.Next(e.State, what) })
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
	var all []lifecycle.Component
	for _, e := range b.entries {
		all = append(all, e.Component)
	}
	return lifecycle.PodHealth(all)
}

// ends are how the components ended, in the order of their names.
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
