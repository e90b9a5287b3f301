// Package fake is the engine port in memory, for tests of what works on an engine.
//
// It keeps a real engine's laws where a pod depends on them: containers are removed
// once they have ended, names are unique, joiners need a running target and die
// with its PID namespace, a wait has to come before the start. A test says what runs
// in them and what goes wrong. The fake does no I/O and knows no clock but time's,
// so it may live in a testing/synctest bubble. It is never used outside of tests.
package fake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/podlike/podlike/internal/engine"
)

// Engine is an engine in memory. New makes it, Close ends all that runs on it. It has the
// containers itself: what belongs to one of them is a container's own.
type Engine struct {
	*wire // all calls go over it
	*images
	*volumes
	*signs
	*machine

	mu         sync.Mutex
	made       counter
	containers []*container // in the order of their creation
	processes  sync.WaitGroup
}

var _ engine.Engine = (*Engine)(nil)

// New makes an engine that has nothing yet.
func New() *Engine {
	w := newWire()
	e := &Engine{wire: w, images: newImages(w), signs: newSigns(w)}
	e.volumes = newVolumes(w, &e.mu)
	e.machine = &machine{e, engine.Info{CgroupVersion: 1, CgroupDriver: engine.CgroupFS}}
	return e
}

// Close kills all that runs, removes everything and returns when no process is left.
func (e *Engine) Close() {
	e.mu.Lock()
	for _, c := range slices.Clone(e.containers) {
		c.killLocked()
	}
	e.mu.Unlock()
	e.processes.Wait()
}

// A counter counts what was made so far, for the IDs of that.
type counter int

// next is an ID that nothing else has.
func (n *counter) next() string {
	*n++
	return fmt.Sprintf("%064x", int(*n))
}

// findLocked finds a container by its ID or name.
func (e *Engine) findLocked(ref engine.ID) (*container, error) {
	for _, c := range e.containers {
		if c.id == ref || c.Name == string(ref) {
			return c, nil
		}
	}
	return nil, fmt.Errorf("container %s: %w", ref, engine.ErrNotFound)
}

// with does something with a container, if it is there.
func (e *Engine) with(ref engine.ID, doLocked func(*container) error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.findLocked(ref)
	if err != nil {
		return err
	}
	return doLocked(c)
}

// nameOf is a container's name, or the reference itself where there is none.
func (e *Engine) nameOf(ref engine.ID) string {
	name := string(ref)
	_ = e.with(ref, func(c *container) error { name = c.Name; return nil })
	return name
}

// callWith does one call of a method with a container.
func (e *Engine) callWith(ctx context.Context, method string, ref engine.ID, doLocked func(*container) error) error {
	return e.call(ctx, method, e.nameOf(ref), func() error { return e.with(ref, doLocked) })
}

// Inspect implements engine.Engine.
func (e *Engine) Inspect(ctx context.Context, ref string) (s engine.Seen, err error) {
	err = e.callWith(ctx, "Inspect", engine.ID(ref), func(c *container) error {
		s = c.seen()
		return nil
	})
	return s, err
}

// List implements engine.Engine.
func (e *Engine) List(ctx context.Context, labels map[string]string) (all []engine.Seen, err error) {
	err = e.call(ctx, "List", "containers", func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, c := range e.containers {
			if carries(c.Labels, labels) {
				all = append(all, c.seen())
			}
		}
		return nil
	})
	return all, err
}

// carries reports whether labels has all that are wanted; an empty value stands for any.
func carries(labels, wanted map[string]string) bool {
	for key, value := range wanted {
		if has, ok := labels[key]; !ok || value != "" && has != value {
			return false
		}
	}
	return true
}

// errInUse: what is to be removed or made is in somebody's way.
var errInUse = errors.New("in use")

// RemoveVolume implements engine.Engine.
func (e *Engine) RemoveVolume(ctx context.Context, name string) error {
	return e.call(ctx, "RemoveVolume", name, func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, c := range e.containers {
			if slices.Contains(c.seen().Volumes(), name) {
				return fmt.Errorf("%w by %s", errInUse, c.Name)
			}
		}
		e.volumes.dropLocked(name)
		return nil
	})
}
