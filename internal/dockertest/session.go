package dockertest

import (
	"sync"
	"testing"
)

// A session is a test's connection to an engine, and what waits for the engine as long
// as it lasts. It is what a Container is reached by.
type session struct {
	node

	mu      sync.Mutex
	closers []func()       // end what waits for the engine
	waits   sync.WaitGroup // the goroutines that wait for containers to exit
}

// atEnd has f called when the session ends, which is after all that the test made is removed.
func (s *session) atEnd(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closers = append(s.closers, f)
}

// hangUp ends what waits for the engine, and the connection to it.
func (s *session) hangUp(t testing.TB) {
	t.Helper()
	for _, end := range s.closers {
		end()
	}
	s.waits.Wait()
	if err := s.cli.Close(); err != nil {
		t.Errorf("cannot close the engine's client: %v", err)
	}
}
