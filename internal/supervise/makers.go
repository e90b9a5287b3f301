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

// atMost waits until no more than so many are at it.
func (m *makers) atMost(ctx context.Context, n int) error {
	for {
		changed := m.above(n)
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

// above is what tells of an end while more than n are at it, nil otherwise.
func (m *makers) above(n int) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy <= n {
		return nil
	}
	if m.changed == nil {
		m.changed = make(chan struct{})
	}
	return m.changed
}
