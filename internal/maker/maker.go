// Package maker makes the containers of a pod's runs, ready to be started: files are handed on
// to them, and we are connected to their streams and their ends. What was cut off is tried again,
// and an image that has gone is pulled again. It decides nothing of what is made, and when.
package maker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/handover"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/output"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/pull"
	"github.com/podlike/podlike/internal/runner"
)

// A Maker makes them. All but the writers has to be set.
type Maker struct {
	Engine engine.Engine
	Pod    pod.Pod
	Owner  pod.Owner
	// OOMScore is the components' oom_score_adj, and Env is added to pause's environment.
	OOMScore int
	Env      []string

	// Bind is called before a container is started. Nil: nothing is to be done then.
	Bind func(ctx context.Context, component string, id engine.ID) error

	Live    *live.State
	Courier handover.Courier
	Puller  pull.Puller
	// Book keeps the components' output, and Stdout and Stderr get it in whole lines. Nil:
	// nobody does.
	Book           *logbuffer.Buffer
	Stdout, Stderr io.Writer
	// Positions are where it is noted how far output was passed on. Nil: nowhere.
	Positions Positions
	// Emit is told what is done again, and what the engine warns of.
	Emit event.Sink
}

// Make makes a container for a component or pause. As is what it is called. Empty: as the
// component's containers are. Its Close has to be called.
func (m Maker) Make(ctx context.Context, name, as string) (*live.Container, error) {
	c, made, err := m.try(ctx, name, as)
	for name != plan.Pause && lacks(err, made.Network) && m.pauseWasMadeAgain(ctx, made.Network) {
		c, made, err = m.try(ctx, name, as)
	}
	if err != nil && m.lacksImage(ctx, made.Image) {
		if err = m.pullAgain(ctx, name, made, err); err == nil {
			c, _, err = m.try(ctx, name, as)
		}
	}
	return c, err
}

// Adopt connects to a container that runs, or has run, for a component or pause.
func (m Maker) Adopt(ctx context.Context, name string, id engine.ID) (*live.Container, error) {
	made, component := m.describe(name)
	return m.adopt(ctx, name, id, made, component)
}

func (m Maker) adopt(ctx context.Context, name string, id engine.ID, made engine.Container, component pod.Component) (*live.Container, error) {
	c := live.NewContainer(m.Book.Run(name))
	from := m.position(id)
	config, noteIn := m.config(name, c, component, from)
	noteIn(id)
	run, err := runner.Adopt(ctx, config, id, made, from)
	if err != nil {
		return nil, err
	}
	c.Run, c.Asked = run, true
	close(c.Started)
	return c, nil
}

// AdoptFormer connects to a container that runs for a component whose definition is another by
// now.
func (m Maker) AdoptFormer(ctx context.Context, name string, id engine.ID) (*live.Container, error) {
	if _, known := m.Live.Component(name); known {
		return m.Adopt(ctx, name, id)
	}
	return m.adopt(ctx, name, id, engine.Container{}, pod.Component{})
}

// describe is what to create for a name now, and the component it is for.
func (m Maker) describe(name string) (made engine.Container, c pod.Component) {
	if name == plan.Pause {
		return plan.PauseContainer(m.Pod, m.Owner, m.Live.Images(), handover.Weigh(m.Pod), m.Env), pod.Component{}
	}
	c, _ = m.Pod.Component(name)
	m.Live.Look(func(v *live.View) {
		var pause engine.ID // a pair has its own
		if held := v.Containers[plan.Pause]; held != nil {
			pause = held.ID
		}
		made = plan.ComponentContainer(m.Pod, m.Owner, c, v.Component(name).Run+1, pause, v.Images[c.Image], m.OOMScore)
		made.Mounts = append(made.Mounts, plan.MemoryMounts(c, v.Memory)...)
	})
	return made, c
}

// try makes what is described now.
func (m Maker) try(ctx context.Context, name, as string) (*live.Container, engine.Container, error) {
	made, component := m.describe(name)
	if as != "" {
		made.Name = as
	}
	c, err := m.open(ctx, name, made, component)
	return c, made, err
}

// lacks reports whether an error may be that of an engine that does not know a container. Of one
// whose namespaces are to be joined engines say so with any code, but by its ID.
func lacks(err error, id engine.ID) bool {
	return errors.Is(err, engine.ErrNotFound) || err != nil && id != "" && strings.Contains(err.Error(), string(id))
}

// remakeTimeout is how long pause may take to be made again.
const remakeTimeout = 10 * time.Second

// pauseWasMadeAgain reports whether pause is another container than the one with that ID. One
// that was removed before its start is made again then, which is waited for.
func (m Maker) pauseWasMadeAgain(ctx context.Context, id engine.ID) bool {
	ctx, cancel := context.WithTimeout(ctx, remakeTimeout)
	defer cancel()
	first := m.Live.Container(plan.Pause)
	if first == nil { // a pair's is not ours to make
		return false
	}
	live.Wait(ctx, first.Started)
	for ctx.Err() == nil {
		changed, pause := m.Live.Changed(), m.Live.Container(plan.Pause)
		if pause.ID != id || m.Live.Ran(pause) {
			return pause.ID != id
		}
		live.Wait(ctx, changed)
	}
	return false
}

// lacksImage reports whether an image is not there.
func (m Maker) lacksImage(ctx context.Context, ref string) bool {
	_, err := m.Engine.Image(ctx, ref)
	return errors.Is(err, engine.ErrNotFound)
}

// pullAgain pulls an image that was there.
func (m Maker) pullAgain(ctx context.Context, name string, made engine.Container, err error) error {
	if _, c := m.describe(name); c.Pull == pod.Never {
		return fmt.Errorf("%w; it is never pulled: load it on this machine, or let pull_policy be missing", err)
	}
	image, err := m.Puller.Fetch(ctx, made.Image, made.Platform, "it was removed from this machine since the pod was started")
	if err == nil {
		m.Live.NoteImage(made.Image, image)
	}
	return err
}

// retryDelay is between what was cut off and the next try.
const retryDelay = time.Second

// open makes a container, again where that was cut off, or where somebody has removed it
// meanwhile: it is no fault of the component's.
func (m Maker) open(ctx context.Context, name string, made engine.Container, component pod.Component) (*live.Container, error) {
	for {
		c, err := m.openOnce(ctx, name, made, component)
		if !errors.Is(err, engine.ErrUnreachable) && !errors.Is(err, runner.ErrRemoved) || ctx.Err() != nil {
			return c, err
		}
		m.Emit(event.Event{Kind: event.Retrying, Component: name, Why: err.Error(), In: retryDelay})
		if clock.Sleep(ctx, retryDelay) != nil {
			return nil, err
		}
	}
}

func (m Maker) openOnce(ctx context.Context, name string, made engine.Container, component pod.Component) (*live.Container, error) {
	c := live.NewContainer(m.Book.Run(name))
	config, noteIn := m.config(name, c, component, runner.Position{})
	opened, warnings, err := runner.Open(ctx, config, made, func(ctx context.Context, id engine.ID) error {
		return m.Courier.HandOn(ctx, id, made, component)
	})
	for _, w := range warnings {
		m.Emit(event.Event{Kind: event.EngineWarning, Component: name, Why: w})
	}
	if err != nil {
		return nil, err
	}
	noteIn(opened.ID) // nothing is printed before its start
	c.Run = opened
	return c, nil
}

// config is what a run works with whose output is passed on from a position on. The returned
// function has it noted how far that was, once it is known of which container.
func (m Maker) config(name string, c *live.Container, component pod.Component, from runner.Position) (config runner.Config, noteIn func(engine.ID)) {
	out := output.NewLines("[out] "+name+": ", m.Stdout, c.Said.Keeper(logbuffer.Stdout), component.TTY)
	errs := output.NewLines("[err] "+name+": ", m.Stderr, c.Said.Keeper(logbuffer.Stderr), false)
	config = runner.Config{
		Engine: m.Engine, Stdout: out, Stderr: errs,
		Missing: func(why string) {
			if !m.Live.IsExpected(c) { // pause has nothing more to say then
				m.Emit(event.Event{Kind: event.OutputLost, Component: name, Why: why})
			}
		},
	}
	if m.Bind != nil && name != plan.Pause {
		config.Before = func(ctx context.Context, id engine.ID) error { return m.Bind(ctx, name, id) }
	}
	if m.Positions == nil {
		return config, func(engine.ID) {}
	}
	var place latePlace
	noter := runner.NewNoter(&place, from)
	config.Stdout, config.Stderr, config.Anchored = out.Note(noter.Stdout), errs.Note(noter.Stderr), noter.Anchored
	return config, func(id engine.ID) { place.is(m.Positions.Place(id)) }
}
