// Package retry makes an engine out of one that may go away for a while: calls that it
// cannot answer are made again until it can. It decides nothing about containers, and it
// never takes an engine's silence for an answer.
package retry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
)

const (
	// first and longest are the delays between tries: they double in between.
	first, longest = 100 * time.Millisecond, 5 * time.Second
	// patience is how long a call may take that the engine answers at once when it is
	// well, and slowly how long one may that makes it work. What takes longer has been
	// lost on the way.
	patience, slowly = 30 * time.Second, 2 * time.Minute
	// stubborn is for how long a call is made again that the engine answers with a
	// failure of its own. It is shorter than that for one that is away: it may be that
	// this call can never succeed.
	stubborn = 12 * time.Second
)

// An Outage is a time in which the engine does not answer.
type Outage struct {
	// Since is when a call was made first that got no answer, and Why what was the matter.
	Since time.Time
	Why   error
	// Over: the engine answers again, after Took.
	Over bool
	Took time.Duration
}

// Engine is an engine that is asked again. Exec, Put, Pull and Resize are not: what they
// do cannot be done twice. New makes it.
type Engine struct {
	engine.Engine
	limit time.Duration
	tell  func(Outage)
	lost  chan struct{}

	mu       sync.Mutex
	since    time.Time // of the present outage; zero: there is none
	answered time.Time // when the last of the calls was made that were answered
	gone     bool      // lost is closed
}

// New asks an engine again for as long as it does not answer. An outage that is longer
// than the limit closes Lost; zero is no limit. tell is called once when one begins and
// once when it ends, and must not block.
func New(e engine.Engine, limit time.Duration, tell func(Outage)) *Engine {
	return &Engine{Engine: e, limit: limit, tell: tell, lost: make(chan struct{})}
}

// Lost is closed when the engine has not answered for longer than the limit.
func (e *Engine) Lost() <-chan struct{} { return e.lost }

// note learns from what a call has come to whether the engine answers.
func (e *Engine) note(began time.Time, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	away := errors.Is(err, engine.ErrUnreachable)
	if !away && began.After(e.answered) {
		e.answered = began
	}
	switch {
	case away && !began.After(e.answered): // another call, made later, was answered
		return
	case away && e.since.IsZero():
		e.since = began
		e.tell(Outage{Since: began, Why: err})
	case !away && !e.since.IsZero() && began.After(e.since): // a call from before may have been answered before
		since := e.since
		e.since = time.Time{}
		e.tell(Outage{Since: since, Over: true, Took: time.Since(since)})
	}
	if away && e.limit > 0 && time.Since(e.since) >= e.limit && !e.gone {
		e.gone = true
		close(e.lost)
	}
}

// A call is one that may be made again.
type call func(ctx context.Context) error

// ask makes a call until it is answered. A single try may take so long.
func (e *Engine) ask(ctx context.Context, most time.Duration, do call) error {
	failing := time.Time{}
	for delay := first; ; delay = min(2*delay, longest) {
		began := time.Now()
		err := e.try(ctx, most, do)
		if ctx.Err() == nil || err == nil {
			e.note(began, err)
		}
		wait := delay
		switch {
		case errors.Is(err, engine.ErrUnreachable):
			failing = time.Time{}
		case errors.Is(err, engine.ErrInternal):
			if failing.IsZero() {
				failing = began
			}
			left := stubborn - time.Since(failing)
			if left <= 0 {
				return err
			}
			wait = min(wait, left)
		default:
			return err
		}
		if clock.Sleep(ctx, wait) != nil {
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// try makes a call once. One that takes too long counts as unanswered.
func (e *Engine) try(ctx context.Context, most time.Duration, do call) error {
	limited, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	err := do(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("no answer for %s: %w", most, engine.ErrUnreachable)
	}
	return err
}

// answer makes a call until it is answered, and returns its answer.
func answer[T any](ctx context.Context, e *Engine, most time.Duration, do func(ctx context.Context) (T, error)) (got T, err error) {
	err = e.ask(ctx, most, func(ctx context.Context) (err error) {
		got, err = do(ctx)
		return err
	})
	return got, err
}

// open makes a call until it is answered whose answer is a connection: that lives as long
// as ctx, and not only as long as a try.
func open[T any](ctx context.Context, e *Engine, do func(ctx context.Context) (T, error)) (got T, err error) {
	err = e.ask(ctx, patience, func(try context.Context) (err error) {
		connected, cancel := context.WithCancelCause(ctx)
		stop := context.AfterFunc(try, func() { cancel(context.Cause(try)) })
		got, err = do(connected)
		if !stop() && err == nil { // too late: it is cut by now
			if c, ok := any(got).(io.Closer); ok { // or it outlives its context
				_ = c.Close()
			}
			return context.Cause(try)
		}
		if err != nil {
			cancel(err)
		}
		return err
	})
	return got, err
}

// Inspect implements engine.Containers.
func (e *Engine) Inspect(ctx context.Context, ref string) (engine.Seen, error) {
	return answer(ctx, e, patience, func(ctx context.Context) (engine.Seen, error) { return e.Engine.Inspect(ctx, ref) })
}

// Info implements engine.Engine.
func (e *Engine) Info(ctx context.Context) (engine.Info, error) {
	return answer(ctx, e, patience, e.Engine.Info)
}

// Limit implements engine.Engine.
func (e *Engine) Limit(ctx context.Context, id engine.ID, l engine.Limits) error {
	return e.ask(ctx, patience, func(ctx context.Context) error { return e.Engine.Limit(ctx, id, l) })
}

// List implements engine.Containers.
func (e *Engine) List(ctx context.Context, labels map[string]string) ([]engine.Seen, error) {
	return answer(ctx, e, patience, func(ctx context.Context) ([]engine.Seen, error) { return e.Engine.List(ctx, labels) })
}

// Create implements engine.Containers. Where an answer was lost the name may be in use
// by what was made then.
func (e *Engine) Create(ctx context.Context, c engine.Container) (id engine.ID, warnings []string, err error) {
	err = e.ask(ctx, slowly, func(ctx context.Context) (err error) {
		id, warnings, err = e.Engine.Create(ctx, c)
		return err
	})
	return id, warnings, err
}

// Start implements engine.Containers.
func (e *Engine) Start(ctx context.Context, id engine.ID) error {
	return e.ask(ctx, slowly, func(ctx context.Context) error { return e.Engine.Start(ctx, id) })
}

// Wait implements engine.Containers: it is asked for until it is taken note of. A wait
// that is cut later ends.
func (e *Engine) Wait(ctx context.Context, id engine.ID) (<-chan engine.Exit, error) {
	return open(ctx, e, func(ctx context.Context) (<-chan engine.Exit, error) { return e.Engine.Wait(ctx, id) })
}

// onItsWay is how long an engine may take to send a signal that it was asked for by a
// connection that was lost since.
const onItsWay = time.Second

// Signal implements engine.Containers. Where an answer was lost it finds out whether the
// signal was sent, for a second one means "now" to many.
func (e *Engine) Signal(ctx context.Context, id engine.ID, signal string) error {
	asked := time.Now()
	var lost time.Time // when an answer was lost
	return e.ask(ctx, patience, func(ctx context.Context) error {
		if !lost.IsZero() {
			if sent, err := e.sent(ctx, id, engine.SignalNumber(signal), asked, lost.Add(onItsWay)); sent || err != nil {
				return err
			}
		}
		err := e.Engine.Signal(ctx, id, signal)
		unanswered := errors.Is(err, engine.ErrUnreachable) || err != nil && ctx.Err() != nil
		if unanswered && !errors.Is(err, engine.ErrNotSent) {
			lost = time.Now()
		}
		return err
	})
}

// sent reports whether the engine has sent a container that signal since a time, or has by
// another time.
func (e *Engine) sent(ctx context.Context, id engine.ID, signal int, since, by time.Time) (bool, error) {
	for {
		past, err := e.Engine.Past(ctx, nil, since.Add(-time.Second))
		if err != nil {
			return false, err
		}
		ours := func(s engine.Sign) bool {
			return s.Container == id && s.Kind == engine.SignSignalled && s.Signal == signal && !s.At.Before(since)
		}
		if slices.ContainsFunc(past, ours) {
			return true, nil
		}
		if time.Now().After(by) {
			return false, nil
		}
		if err := clock.Sleep(ctx, first); err != nil {
			return false, err
		}
	}
}

// Rename implements engine.Containers.
func (e *Engine) Rename(ctx context.Context, id engine.ID, name string) error {
	return e.ask(ctx, patience, func(ctx context.Context) error { return e.Engine.Rename(ctx, id, name) })
}

// Remove implements engine.Containers.
func (e *Engine) Remove(ctx context.Context, id engine.ID) error {
	return e.ask(ctx, slowly, func(ctx context.Context) error { return e.Engine.Remove(ctx, id) })
}

// Attach implements engine.Output: it is asked for until it is connected. A stream that is
// cut later ends.
func (e *Engine) Attach(ctx context.Context, id engine.ID, c engine.Container) (engine.Stream, error) {
	return open(ctx, e, func(ctx context.Context) (engine.Stream, error) { return e.Engine.Attach(ctx, id, c) })
}

// Log implements engine.Output, as Attach does.
func (e *Engine) Log(ctx context.Context, id engine.ID, tty bool, since time.Time) (engine.Log, error) {
	return open(ctx, e, func(ctx context.Context) (engine.Log, error) { return e.Engine.Log(ctx, id, tty, since) })
}

// Stat implements engine.Files.
func (e *Engine) Stat(ctx context.Context, id engine.ID, path string) (bool, error) {
	return answer(ctx, e, patience, func(ctx context.Context) (bool, error) { return e.Engine.Stat(ctx, id, path) })
}

// Read implements engine.Files.
func (e *Engine) Read(ctx context.Context, id engine.ID, path string, limit int64) ([]byte, error) {
	return answer(ctx, e, patience, func(ctx context.Context) ([]byte, error) { return e.Engine.Read(ctx, id, path, limit) })
}

// Put implements engine.Files. An archive cannot be sent twice, so it is not tried again.
func (e *Engine) Put(ctx context.Context, id engine.ID, dir string, archive io.Reader) error {
	began := time.Now()
	err := e.Engine.Put(ctx, id, dir, archive)
	if err == nil || errors.Is(err, engine.ErrUnreachable) { // other errors may be the archive's or ctx's, and no answers
		e.note(began, err)
	}
	return err
}

// Image implements engine.Images.
func (e *Engine) Image(ctx context.Context, ref string) (engine.Image, error) {
	return answer(ctx, e, patience, func(ctx context.Context) (engine.Image, error) { return e.Engine.Image(ctx, ref) })
}

// Volumes implements engine.Volumes.
func (e *Engine) Volumes(ctx context.Context, labels map[string]string) ([]engine.Volume, error) {
	return answer(ctx, e, patience, func(ctx context.Context) ([]engine.Volume, error) { return e.Engine.Volumes(ctx, labels) })
}

// Volume implements engine.Volumes.
func (e *Engine) Volume(ctx context.Context, name string) (engine.Volume, error) {
	return answer(ctx, e, patience, func(ctx context.Context) (engine.Volume, error) { return e.Engine.Volume(ctx, name) })
}

// RemoveVolume implements engine.Volumes.
func (e *Engine) RemoveVolume(ctx context.Context, name string) error {
	return e.ask(ctx, patience, func(ctx context.Context) error { return e.Engine.RemoveVolume(ctx, name) })
}

// Past implements engine.Events.
func (e *Engine) Past(ctx context.Context, labels map[string]string, since time.Time) ([]engine.Sign, error) {
	return answer(ctx, e, patience, func(ctx context.Context) ([]engine.Sign, error) { return e.Engine.Past(ctx, labels, since) })
}

// Watch implements engine.Events. Wherever the events are lost it subscribes again, which
// tells the present state first, so it returns only when ctx is done.
func (e *Engine) Watch(ctx context.Context, labels map[string]string, tell func(engine.Sign)) error {
	for delay := first; ; delay = min(2*delay, longest) {
		began, told := time.Now(), false
		err := e.Engine.Watch(ctx, labels, func(s engine.Sign) {
			if !told {
				e.note(began, nil)
			}
			told = true
			tell(s)
		})
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case time.Since(began) >= longest: // it was connected, so it may be back at once: the next try finds out
			delay = first
		case !told:
			e.note(began, err)
		}
		if err := clock.Sleep(ctx, delay); err != nil {
			return err
		}
	}
}
