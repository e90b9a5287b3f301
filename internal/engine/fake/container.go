package fake

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/podlike/podlike/internal/engine"
)

// removal is how long the engine takes to remove a container that has ended. As
// long its name is taken.
const removal = 5 * time.Millisecond

// killed is the exit code of who was killed.
const killed = 128 + 9

// A container is one of the engine's. All that changes belongs to the engine's lock.
type container struct {
	engine.Container // as it was asked for
	id               engine.ID
	image            Image
	argv             []string
	mounts           []engine.Mounted
	anonymous        []string // those of volumes that go with it
	files            Files

	running bool
	dying   bool // its process has ended or was killed: too late to join it
	removed bool
	code    int
	health  engine.Health
	starved bool // something in it was killed for lack of memory
	started time.Time
	over    time.Time
	waiters []func(engine.Exit)
	streams []*stream
	stdin   *pipe
	signals chan string
	size    chan [2]uint    // of its terminal: rows and columns, the last ones
	life    context.Context // done when it ends
	kill    context.CancelFunc
	ended   chan struct{} // closed when it ran and has ended
	gone    chan struct{} // closed when it is removed
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

// nameOf is a container's name, or the reference itself where there is none.
func (e *Engine) nameOf(ref engine.ID) string {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.findLocked(ref)
	if err != nil {
		return string(ref)
	}
	return c.Name
}

func (c *container) seen() engine.Seen {
	s := engine.Seen{
		ID: c.id, Name: c.Name, Image: c.Image, ImageID: engine.ID(c.Image), Labels: c.Labels, Running: c.running, Health: c.health,
		ExitCode: c.code, OOMKilled: c.starved, StartedAt: c.started, FinishedAt: c.over, Hostname: string(c.id[len(c.id)-12:]), Argv: c.argv, Mounts: c.mounts,
		Network: c.Network,
	}
	if c.OOMScoreAdj != nil {
		s.OOMScoreAdj = *c.OOMScoreAdj
	}
	return s
}

// Create implements engine.Engine. What goes with an owner that does not run is
// removed at once.
func (e *Engine) Create(ctx context.Context, asked engine.Container) (id engine.ID, warnings []string, err error) {
	err = e.call(ctx, "create", asked.Name, func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		c, err := e.makeLocked(asked)
		if err != nil {
			return err
		}
		id = c.id
		switch {
		case asked.StartWithin > 0:
			time.AfterFunc(asked.StartWithin, func() { e.removeUnstarted(c) })
		case asked.Owner != "" && !e.runsLocked(asked.Owner):
			e.removeLocked(c)
		}
		return nil
	})
	if err != nil {
		return "", nil, err
	}
	return id, doubts(asked), nil
}

// doubts is what the engine warns of.
func doubts(c engine.Container) (all []string) {
	if c.Resources.NoOOMKill && c.Resources.Memory == 0 {
		all = append(all, "OOM killer is disabled, but no memory limit is set")
	}
	return all
}

// makeLocked makes a container, unless something it needs is missing or taken.
func (e *Engine) makeLocked(asked engine.Container) (*container, error) {
	if other, err := e.findLocked(engine.ID(asked.Name)); err == nil {
		return nil, fmt.Errorf("the name is %w by %s", errInUse, other.id)
	}
	image, ok := e.images[asked.Image]
	if !ok {
		return nil, fmt.Errorf("image %s: %w", asked.Image, engine.ErrNotFound)
	}
	c := &container{
		Container: asked, id: engine.ID(e.nextLocked()), image: image, argv: image.argv(asked), files: Files{},
		stdin: newPipe(), signals: make(chan string, 16), size: make(chan [2]uint, 1), ended: make(chan struct{}), gone: make(chan struct{}),
	}
	if err := e.lacksLocked(asked); err != nil {
		return nil, err
	}
	e.mountLocked(c)
	e.containers = append(e.containers, c)
	return c, nil
}

// runsLocked reports whether a container can be joined and can own others.
func (e *Engine) runsLocked(id engine.ID) bool {
	c, err := e.findLocked(id)
	return err == nil && c.running && !c.dying
}

// Wait implements engine.Engine. Removed before its start, a container ends with 0,
// as on a real engine.
func (e *Engine) Wait(ctx context.Context, id engine.ID) (<-chan engine.Exit, error) {
	exit := make(chan engine.Exit, 1)
	err := e.call(ctx, "wait", e.nameOf(id), func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		c, err := e.findLocked(id)
		if err != nil {
			return err
		}
		tell := func(x engine.Exit) {
			select {
			case exit <- x:
			default: // it has been told something already
			}
		}
		forget := context.AfterFunc(ctx, func() { tell(engine.Exit{Err: context.Cause(ctx)}) })
		c.waiters = append(c.waiters, func(x engine.Exit) {
			forget()
			tell(x)
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return exit, nil
}

// Start implements engine.Engine. What cannot be started is removed, as it has ended.
func (e *Engine) Start(ctx context.Context, id engine.ID) error {
	return e.call(ctx, "start", e.nameOf(id), func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		c, err := e.findLocked(id)
		if err != nil || c.running {
			return err
		}
		program, code, err := e.admitLocked(c)
		if err != nil {
			e.endLocked(c, code)
			e.removeLocked(c)
			return err
		}
		e.startLocked(c, program)
		return nil
	})
}

// admitLocked finds what to execute, or why not and what the exit code for that is.
func (e *Engine) admitLocked(c *container) (Program, int, error) {
	for _, target := range []engine.ID{c.Network, c.PID, c.IPC} {
		if target != "" && !e.runsLocked(target) {
			return nil, 128, fmt.Errorf("container %s to be joined does not run", target)
		}
	}
	if owner, _ := e.findLocked(c.IPC); c.IPC != "" && !owner.ShareIPC {
		return nil, 128, fmt.Errorf("container %s does not share its IPC namespace", c.IPC)
	}
	program, err := c.image.program(c.argv)
	if err == engine.ErrNoCommand {
		return nil, 127, err
	}
	return program, 126, err
}

// startLocked runs a program in a container, up to its end and its removal.
func (e *Engine) startLocked(c *container, program Program) {
	ctx, kill := context.WithCancel(context.Background())
	c.running, c.life, c.kill, c.started = true, ctx, kill, time.Now()
	if c.checked() {
		c.health = engine.Starting
	}
	if !c.Stdin {
		c.stdin.close()
	}
	p := e.processLocked(c)
	e.processes.Go(func() {
		defer kill()
		code := program(ctx, p)
		if ctx.Err() != nil {
			code = killed
		}
		e.end(c, code)
		time.Sleep(removal)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.removeLocked(c)
	})
}

// processLocked is what a container's program gets.
func (e *Engine) processLocked(c *container) Process {
	return Process{
		Argv: c.argv, Env: slices.Concat(c.image.Env, c.Env), Files: e.viewLocked(c),
		Stdin: stdinReader{c.stdin}, Hangup: c.stdin.closed,
		Stdout: output{e, c, false}, Stderr: output{e, c, true},
		Signals: c.signals, Size: c.size, SetHealth: func(h engine.Health) { e.setHealth(c, h) }, Starve: func() { e.starve(c) },
		Write: func(name, content string) { e.write(c, name, content) },
	}
}

// end notes the end of a process, a little after the ends of those that lived in its
// PID namespace.
func (e *Engine) end(c *container, code int) {
	if joiners := e.killJoiners(c); len(joiners) > 0 {
		for _, j := range joiners {
			<-j.ended
		}
		time.Sleep(removal)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.endLocked(c, code)
	close(c.ended)
	for _, heir := range slices.Clone(e.containers) {
		if heir.Owner == c.id && heir.StartWithin == 0 && !heir.running {
			e.removeLocked(heir)
		}
	}
}

// killJoiners kills all that live in a container's PID namespace. From now on nobody
// can join it.
func (e *Engine) killJoiners(c *container) (joiners []*container) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c.dying = true
	for _, other := range e.containers {
		if other.PID == c.id && other.running {
			e.killLocked(other)
			joiners = append(joiners, other)
		}
	}
	return joiners
}

// endLocked tells all who wait for a container's end, and ends its streams.
func (e *Engine) endLocked(c *container, code int) {
	if c.running {
		e.tellLocked(c, engine.Sign{Kind: engine.SignDied})
	}
	c.running, c.code, c.over = false, code, time.Now()
	c.stdin.close()
	for _, s := range c.streams {
		s.output.close()
	}
	c.tellLocked(engine.Exit{Code: code})
}

func (c *container) tellLocked(x engine.Exit) {
	for _, tell := range c.waiters {
		tell(x)
	}
	c.waiters = nil
}

// removeUnstarted removes a container whose time to be started is over.
func (e *Engine) removeUnstarted(c *container) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c.started.IsZero() {
		e.removeLocked(c)
	}
}

// killLocked has a container end, or removes it when it does not run.
func (e *Engine) killLocked(c *container) {
	switch {
	case c.running:
		c.dying = true
		c.kill()
		c.stdin.close()
	case !c.dying: // never started; one that is dying removes itself
		e.removeLocked(c)
	}
}

// removeLocked removes a container that does not run, with its anonymous volumes.
// Streams of one that never ran stay open, as on a real engine.
func (e *Engine) removeLocked(c *container) {
	if c.removed {
		return
	}
	c.removed = true
	e.containers = slices.DeleteFunc(e.containers, func(other *container) bool { return other == c })
	for _, name := range c.anonymous {
		e.dropVolumeLocked(name)
	}
	c.tellLocked(engine.Exit{})
	close(c.gone)
}

// Stop implements engine.Engine. A stop whose caller has gone kills nobody.
func (e *Engine) Stop(ctx context.Context, id engine.ID, grace time.Duration) error {
	return e.call(ctx, "stop", e.nameOf(id), func() error {
		e.mu.Lock()
		c, err := e.findLocked(id)
		if err != nil || !c.running {
			e.mu.Unlock()
			return nil
		}
		c.signalLocked(c.stopSignal())
		e.mu.Unlock()

		graced, cancel := context.WithTimeout(ctx, time.Duration(math.Ceil(grace.Seconds()))*time.Second)
		defer cancel()
		if until(graced, c.ended) == nil {
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		e.mu.Lock()
		e.killLocked(c)
		e.mu.Unlock()
		return until(ctx, c.ended)
	})
}

// until waits for a channel to be closed, but not beyond ctx.
func until(ctx context.Context, closed <-chan struct{}) error {
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (c *container) stopSignal() string {
	for _, signal := range []string{c.StopSignal, c.image.StopSignal} {
		if signal != "" {
			return signal
		}
	}
	return "SIGTERM"
}

// signalLocked sends a signal; too many that nobody takes are lost.
func (c *container) signalLocked(name string) {
	select {
	case c.signals <- name:
	default:
	}
}

// Resize implements engine.Engine.
func (e *Engine) Resize(ctx context.Context, id engine.ID, rows, columns uint) error {
	return e.call(ctx, "resize", e.nameOf(id), func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		c, err := e.findLocked(id)
		switch {
		case err != nil:
			return err
		case !c.running:
			return fmt.Errorf("container %s does not run", id)
		}
		select {
		case <-c.size: // nobody has taken the last one
		default:
		}
		c.size <- [2]uint{rows, columns}
		return nil
	})
}

// Remove implements engine.Engine.
func (e *Engine) Remove(ctx context.Context, id engine.ID) error {
	return e.call(ctx, "remove", e.nameOf(id), func() error {
		e.mu.Lock()
		c, err := e.findLocked(id)
		if err != nil {
			e.mu.Unlock()
			return nil
		}
		e.killLocked(c)
		e.mu.Unlock()
		return until(ctx, c.gone)
	})
}

// Kill is what happens from outside: SIGKILL to a container's process, by the
// container's name. It returns at once.
func (e *Engine) Kill(name string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c, err := e.findLocked(engine.ID(name)); err == nil && c.running {
		e.killLocked(c)
	}
}
