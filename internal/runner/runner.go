// Package runner is one container's run, from its making to its end: it makes the
// container, connects to it before it starts, passes its output on and learns its exit
// code. It alone knows that connections to an engine break, and makes them again. It
// decides nothing: what is run, and when that ends, comes from elsewhere.
//
//	Open ─► Start ─► Done, Drained
//	          Stop ─┘
//	Adopt ────┘
//
// Output is passed on again from where that had stopped: after a cut by this process, and
// after a process that was killed by its successor, which has a Position from it.
package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// Engine is what a run needs of one.
type Engine interface {
	engine.Containers
	engine.Output
	engine.Events
}

// Config is what a run works with.
type Config struct {
	Engine Engine
	// Stdout and Stderr take the output and are closed behind its end. An error of Close
	// is told by Missing.
	Stdout, Stderr io.WriteCloser
	// Missing is told what of the output is not passed on.
	Missing func(why string)
	// Anchored is told, once a second at most, of a place in the log up to which all output
	// was given to Stdout and Stderr: a time, and how many bytes of each stream come before it.
	// There is none while the container is attached to, nor for one with a TTY, whose log has no
	// times. It may be nil.
	Anchored func(at time.Time, before [2]int64)
	// Before is done before the start. It may be nil.
	Before func(ctx context.Context, id engine.ID) error
}

// A Run is one container's. Open and Adopt make it.
type Run struct {
	Config
	// ID is the container's.
	ID engine.ID

	made    engine.Container
	stream  engine.Stream // as it was first connected; nil for an adopted one
	opened  time.Time     // zero for an adopted one, which may have ended at any time before
	life    context.Context
	end     context.CancelFunc
	tasks   sync.WaitGroup
	done    chan struct{}
	drained chan struct{}
	exit    engine.Exit // valid when done is closed

	mu    sync.Mutex
	asked bool // it has had its stop signal
	cut   bool // a connection has been lost since the output was last known to be complete
}

func newRun(ctx context.Context, c Config, id engine.ID, made engine.Container) *Run {
	r := &Run{Config: c, ID: id, made: made, opened: time.Now(), done: make(chan struct{}), drained: make(chan struct{})}
	r.life, r.end = context.WithCancel(context.WithoutCancel(ctx))
	return r
}

// Open makes a container, has it prepared, and connects to its streams and its end, so
// that its start is a single call and nothing of it is missed. A container of the same
// name and owner is one that nobody knows of any more, and is removed. What went wrong
// leaves no container behind, if the engine lets it be removed. Close ends the run.
func Open(ctx context.Context, c Config, made engine.Container, prepare func(context.Context, engine.ID) error) (r *Run, warnings []string, err error) {
	id, warnings, err := create(ctx, c.Engine, made)
	if err != nil {
		return nil, warnings, err
	}
	r = newRun(ctx, c, id, made)
	if err := prepare(ctx, id); err != nil {
		return nil, warnings, r.discard(ctx, err)
	}
	var exits <-chan engine.Exit
	if err := r.within(ctx, func() (err error) { exits, err = c.Engine.Wait(r.life, id); return err }); err != nil {
		return nil, warnings, r.discard(ctx, removed(err))
	}
	if r.stream, err = c.Engine.Attach(ctx, id, made); err != nil {
		return nil, warnings, r.discard(ctx, removed(err))
	}
	r.tasks.Go(func() { r.await(exits) })
	r.tasks.Go(func() { r.pass() })
	return r, warnings, nil
}

// ErrRemoved says that somebody has removed a container before its start.
var ErrRemoved = errors.New("removed before its start")

// removed says so of what is missing though it was created.
func removed(err error) error {
	if errors.Is(err, engine.ErrNotFound) {
		return fmt.Errorf("%w: %w", ErrRemoved, err)
	}
	return err
}

// Adopt connects to a container that runs, or has run. Its output is passed on from a
// position on, as far as its log can be read, or else from now on. As many bytes as were
// passed on by then are left out; those of Config.Stdout and Stderr are counted from there.
func Adopt(ctx context.Context, c Config, id engine.ID, made engine.Container, from Position) (*Run, error) {
	r := newRun(ctx, c, id, made)
	r.opened = time.Time{}
	var exits <-chan engine.Exit
	var exit engine.Exit
	if err := r.within(ctx, func() (err error) { exits, exit, err = r.reconnect(); return err }); err != nil {
		r.end()
		return nil, err
	}
	r.tasks.Go(func() {
		if exits == nil {
			r.ended(exit)
			return
		}
		r.await(exits)
	})
	r.tasks.Go(func() {
		defer r.finish()
		r.resume(r.newOutput(from))
	})
	return r, nil
}

// within makes calls whose connections live as long as the run, but gives them up when ctx
// ends before they have returned.
func (r *Run) within(ctx context.Context, calls func() error) error {
	stop := context.AfterFunc(ctx, r.end)
	err := calls()
	if !stop() {
		return context.Cause(ctx)
	}
	return err
}

// discarding is how long removing what could not be opened may take.
const discarding = 10 * time.Second

// discard removes what could not be opened and returns why not.
func (r *Run) discard(ctx context.Context, why error) error {
	r.end()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discarding)
	defer cancel()
	_ = r.Engine.Remove(ctx, r.ID) // what stays has our labels, and is swept
	return why
}

// create makes the container, in place of one that an earlier call has made without an
// answer. One that the engine is still making has the name and cannot be found: it is
// waited for.
func create(ctx context.Context, e Engine, made engine.Container) (engine.ID, []string, error) {
	var again pace
	for {
		id, warnings, err := e.Create(ctx, made)
		if !errors.Is(err, engine.ErrNameInUse) {
			return id, warnings, err
		}
		if inTheWay := clearName(ctx, e, made); inTheWay != nil {
			return "", nil, fmt.Errorf("%w: %w", err, inTheWay)
		}
		if again.wait(ctx) != nil {
			return "", nil, err
		}
	}
}

// clearName removes a container of the same name that is our own.
func clearName(ctx context.Context, e Engine, made engine.Container) error {
	other, err := e.Inspect(ctx, made.Name)
	if errors.Is(err, engine.ErrNotFound) {
		return nil
	}
	if err == nil && other.Labels[pod.LabelOwner] != made.Labels[pod.LabelOwner] {
		err = fmt.Errorf("it is that of container %.12s, which is not of this pod", other.ID)
	}
	if err != nil {
		return err
	}
	return e.Remove(ctx, other.ID)
}

// Start runs what was opened. What was removed before that is not found.
func (r *Run) Start(ctx context.Context) error {
	if r.Before != nil {
		if err := r.Before(ctx, r.ID); err != nil {
			return err
		}
	}
	err := r.Engine.Start(ctx, r.ID)
	if errors.Is(err, engine.ErrNotFound) { // or it has run and ended, and the answer to an earlier call was lost
		if ran, _ := r.lastEnd(ctx); ran {
			return nil
		}
	}
	return err
}

// Stop asks the container to end with a signal, kills it when grace is over and returns
// when it has ended. Whoever was asked before is not asked again, for a second signal
// means "now" to many.
func (r *Run) Stop(ctx context.Context, signal string, grace time.Duration) error {
	within, cancel := context.WithTimeout(ctx, grace)
	defer cancel()
	if r.MarkAsked() {
		if err := r.Engine.Signal(within, r.ID, signal); err != nil && within.Err() == nil {
			return err
		}
	}
	select {
	case <-r.done:
		return nil
	case <-within.Done():
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := r.Engine.Signal(ctx, r.ID, "SIGKILL"); err != nil {
		return err
	}
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// MarkAsked notes that the container gets its stop signal now, or has had it from
// somebody else, and reports whether that is the first.
func (r *Run) MarkAsked() (first bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	first = !r.asked
	r.asked = true
	return first
}

// Done is closed when the container has ended, or was removed before its start.
func (r *Run) Done() <-chan struct{} { return r.done }

// Drained is closed when all of its output is passed on.
func (r *Run) Drained() <-chan struct{} { return r.drained }

// Exit is how it has ended. It may be asked when Done is closed.
func (r *Run) Exit() engine.Exit { return r.exit }

// Stdin is the connection to its stdin.
func (r *Run) Stdin() engine.Stream { return r.stream }

// Close lets go of the container, whatever it does, and returns when nothing of the run
// is under way any more.
func (r *Run) Close() {
	r.end()
	r.tasks.Wait()
}
