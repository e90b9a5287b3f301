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
	"maps"
	"slices"
	"sync"

	"github.com/podlike/podlike/internal/engine"
)

// Engine is an engine in memory. New makes it, Close ends all that runs on it.
type Engine struct {
	mu         sync.Mutex
	made       int          // how many things were made so far, for their IDs
	containers []*container // in the order of their creation
	images     map[string]Image
	remote     map[string]Image
	volumes    map[string]engine.Volume
	stored     Files // in volumes, by their paths on the engine's machine
	watchers   map[*watcher]bool
	intercept  Interceptor

	processes sync.WaitGroup
}

var _ engine.Engine = (*Engine)(nil)

// New makes an engine that has nothing yet.
func New() *Engine {
	return &Engine{
		images: map[string]Image{}, remote: map[string]Image{},
		volumes: map[string]engine.Volume{}, stored: Files{}, watchers: map[*watcher]bool{},
	}
}

// Close kills all that runs, removes everything and returns when no process is left.
func (e *Engine) Close() {
	e.mu.Lock()
	for _, c := range slices.Clone(e.containers) {
		e.killLocked(c)
	}
	e.mu.Unlock()
	e.processes.Wait()
}

// A Call is one call of a method.
type Call struct {
	// Op is the method's name in lower case, such as "create".
	Op string
	// Name is that of the container, image or volume that it is about, if any.
	Name string
}

func (c Call) String() string { return c.Op + " " + c.Name }

// An Interceptor stands between a caller and the engine: it may do the call at once,
// later or never, and what it returns is what the caller gets. It has to return when
// ctx is done, as the port's law has it.
type Interceptor func(ctx context.Context, c Call, do func() error) error

// Intercept has all calls from now on go through i; nil ends that.
func (e *Engine) Intercept(i Interceptor) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.intercept = i
}

// call does one call, through the interceptor if there is one.
func (e *Engine) call(ctx context.Context, op, name string, do func() error) error {
	e.mu.Lock()
	via := e.intercept
	e.mu.Unlock()
	if err := interrupted(ctx); err != nil {
		return fail(err, op, name)
	}
	if via != nil {
		return fail(via(ctx, Call{op, name}, do), op, name)
	}
	return fail(do(), op, name)
}

// interrupted is the reason why ctx is done, as nil while it is not.
func interrupted(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}

// fail says what could not be done.
func fail(err error, op, name string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot %s: %w", Call{op, name}, err)
}

// nextLocked is an ID that nothing else has.
func (e *Engine) nextLocked() string {
	e.made++
	return fmt.Sprintf("%064x", e.made)
}

// Inspect implements engine.Engine.
func (e *Engine) Inspect(ctx context.Context, ref string) (s engine.Seen, err error) {
	err = e.call(ctx, "inspect", e.nameOf(engine.ID(ref)), func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		c, err := e.findLocked(engine.ID(ref))
		if err == nil {
			s = c.seen()
		}
		return err
	})
	return s, err
}

// List implements engine.Engine.
func (e *Engine) List(ctx context.Context, labels map[string]string) (all []engine.Seen, err error) {
	err = e.call(ctx, "list", "containers", func() error {
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

// Volumes implements engine.Engine.
func (e *Engine) Volumes(ctx context.Context, labels map[string]string) (all []engine.Volume, err error) {
	err = e.call(ctx, "list", "volumes", func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, name := range slices.Sorted(maps.Keys(e.volumes)) {
			if carries(e.volumes[name].Labels, labels) {
				all = append(all, e.volumes[name])
			}
		}
		return nil
	})
	return all, err
}

// Volume implements engine.Engine.
func (e *Engine) Volume(ctx context.Context, name string) (v engine.Volume, err error) {
	err = e.call(ctx, "inspect volume", name, func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		var ok bool
		if v, ok = e.volumes[name]; !ok {
			return engine.ErrNotFound
		}
		return nil
	})
	return v, err
}

// RemoveVolume implements engine.Engine.
func (e *Engine) RemoveVolume(ctx context.Context, name string) error {
	return e.call(ctx, "remove volume", name, func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		for _, c := range e.containers {
			if slices.Contains(c.seen().Volumes(), name) {
				return fmt.Errorf("%w by %s", errInUse, c.Name)
			}
		}
		e.dropVolumeLocked(name)
		return nil
	})
}

// AddVolume makes a volume that is there before anything else.
func (e *Engine) AddVolume(name string, labels map[string]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.volumes[name] = engine.Volume{Name: name, Labels: labels}
}
