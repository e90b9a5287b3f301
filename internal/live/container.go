package live

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/runner"
)

// A Container is one that we have made, and what we know of its run. What is not a channel
// is under the lock of State. NewContainer makes it.
type Container struct {
	*runner.Run
	Said *logbuffer.Run
	// Started is closed when the start call has returned, and Over when its end is known.
	Started, Over chan struct{}
	// SignedOff is closed when the engine's events have told of its end.
	SignedOff chan struct{}
	// Asked: its start was asked for. Failed: it could not be started, so there is no end to
	// wait for.
	Asked, Failed bool
	// Expected: we remove what has nothing more to do: that it ends then is no news.
	Expected bool
	// Untold: it is unhealthy, which is told when it is known why.
	Untold bool
	// OOM is when the engine has said last that memory was short in it. Zero: it has not.
	OOM time.Time
	// Killed: the engine was asked to kill it, by whomever.
	Killed bool

	// PreStop is what is to be done before it is asked to stop, and PreStopDone is closed
	// when that is over.
	PreStop     sync.Once
	PreStopDone chan struct{}
}

// NewContainer is one of whose run nothing is known yet.
func NewContainer(said *logbuffer.Run) *Container {
	return &Container{
		Said: said, Started: make(chan struct{}), Over: make(chan struct{}), SignedOff: make(chan struct{}), PreStopDone: make(chan struct{}),
	}
}

// Note notes a sign of a container's, under the lock of State. One of its health is not kept here.
func (c *Container) Note(s engine.Sign) {
	switch {
	case s.Kind == engine.SignOOM:
		c.OOM = time.Now()
	case s.Kind == engine.SignSignalled && s.Signal == int(unix.SIGKILL):
		c.Killed = true
	case s.Kind == engine.SignDied && !Closed(c.SignedOff):
		close(c.SignedOff)
	}
}

// Holder is the last container of a component or of pause that has that ID, and whose it is. Nil:
// there is none.
func (v *View) Holder(id engine.ID) (name string, c *Container) {
	for name, c := range v.Containers {
		if c.ID == id {
			return name, c
		}
	}
	return "", nil
}

// WasAsked reports whether a container's start was asked for.
func (s *State) WasAsked(c *Container) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.Asked
}

// IsExpected reports whether a container's end is no news.
func (s *State) IsExpected(c *Container) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return c.Expected
}

// Ran reports whether a container's start has returned, and it could be started.
func (s *State) Ran(c *Container) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return c != nil && Closed(c.Started) && !c.Failed
}

// Runs reports whether a container has been started and has not ended.
func (s *State) Runs(c *Container) bool { return s.Ran(c) && !Closed(c.Over) }

// draining is how long the last output of a run may keep what follows from beginning.
const draining = 2 * time.Minute

// Drain waits for the last output of a container that has run.
func (s *State) Drain(ctx context.Context, c *Container) {
	if s.Ran(c) {
		ctx, cancel := context.WithTimeout(ctx, draining)
		defer cancel()
		Wait(ctx, c.Drained())
	}
}

// HasEnded reports whether a container's end is known.
func (s *State) HasEnded(id engine.ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.view.Containers {
		if c.ID == id {
			return Closed(c.Done()) && c.Exit().Err == nil
		}
	}
	return false
}

// Closed reports whether a channel that nothing is sent to is closed.
func Closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Await waits for the end of something before there is more to be done, for which it is too
// late when ctx is done: that is its error. Nil: there is nothing to wait for.
func Await(ctx context.Context, end <-chan struct{}) error {
	if end == nil {
		return nil
	}
	Wait(ctx, end)
	return ctx.Err()
}

// Wait waits for the end of something, but not beyond ctx.
func Wait(ctx context.Context, end <-chan struct{}) {
	select {
	case <-end:
	case <-ctx.Done():
	}
}
