package supervise

import (
	"context"
	"sync"
)

// makers count the goroutines that may make containers. While one is at it there may
// soon be more than was seen.
type makers struct {
	mu      sync.Mutex
	busy    int
	begun   int           // so far
	changed chan struct{} // closed and replaced when one has ended; nil: nobody waits
}

func (m *makers) begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.busy++
	m.begun++
}

func (m *makers) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.busy--
	if m.changed != nil {
		close(m.changed)
		m.changed = nil
	}
}

// now is how many are at it, and how many have begun so far.
func (m *makers) now() (busy, begun int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.busy, m.begun
}

// none waits until nobody is at it.
func (m *makers) none(ctx context.Context) error {
	for {
		changed := m.next()
		if changed == nil {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// next is what tells of the next end while somebody is at it, nil otherwise.
func (m *makers) next() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy == 0 {
		return nil
	}
	if m.changed == nil {
		m.changed = make(chan struct{})
	}
	return m.changed
}
