package fake

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

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
	on               *Engine
	id               engine.ID
	image            Image
	argv             []string
	disk             disk
	anonymous        []string // those of volumes that go with it

	running     bool
	dying       bool // its process has ended or was killed: too late to join it
	removed     bool
	code        int
	health      engine.Health
	failedCheck engine.FailedCheck // the last that has failed
	starved     bool               // something in it was killed for lack of memory
	usage       engine.Usage
	started     time.Time
	over        time.Time
	waiters     []func(engine.Exit)
	streams     []*stream
	log         *keeper
	stdin       *pipe
	signals     chan string
	size        chan [2]uint    // of its terminal: rows and columns, the last ones
	life        context.Context // done when it ends
	kill        context.CancelFunc
	ended       chan struct{} // closed when it ran and has ended
	gone        chan struct{} // closed when it is removed
}

func (c *container) seen() engine.Seen {
	s := engine.Seen{
		ID: c.id, Name: c.Name, Image: c.Image, ImageID: engine.ID(c.Image), Labels: c.Labels,
		Running: c.running, Created: c.started.IsZero() && c.over.IsZero(), Health: c.health, FailedCheck: c.failedCheck,
		ExitCode: c.code, OOMKilled: c.starved, StartedAt: c.started, FinishedAt: c.over, Hostname: string(c.id[len(c.id)-12:]), Argv: c.argv, Mounts: c.disk.mounts,
		Network: c.Network, StopTimeout: c.StopGrace, Modes: c.modes(),
		Limits: c.limits(), CgroupParent: c.CgroupParent,
	}
	if c.OOMScoreAdj != nil {
		s.OOMScoreAdj = *c.OOMScoreAdj
	}
	return s
}

// modes are those of the container's namespaces.
func (c *container) modes() engine.Modes {
	m := engine.Modes{Network: "default", IPC: "private"}
	switch {
	case c.Offline:
		m.Network = "none"
	case c.Network != "":
		m.Network = "container:" + string(c.Network)
	}
	if c.PID != "" {
		m.PID = "container:" + string(c.PID)
	}
	if c.ShareIPC {
		m.IPC = "shareable"
	}
	return m
}

// Create implements engine.Engine.
func (e *Engine) Create(ctx context.Context, asked engine.Container) (id engine.ID, warnings []string, err error) {
	err = e.call(ctx, "Create", asked.Name, func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		c, err := e.makeLocked(asked)
		if err != nil {
			return err
		}
		id = c.id
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
		return nil, fmt.Errorf("%w by %s", engine.ErrNameInUse, other.id)
	}
	image, ok := e.images.find(asked.Image)
	if !ok {
		return nil, fmt.Errorf("image %s: %w", asked.Image, engine.ErrNotFound)
	}
	c := &container{
		Container: asked, usage: idle,
		on: e, id: engine.ID(e.made.next()), image: image, argv: image.argv(asked), disk: disk{root: Files{}, stored: e.volumes.stored},
		log: newKeeper(), stdin: newPipe(), signals: make(chan string, 16), size: make(chan [2]uint, 1), ended: make(chan struct{}), gone: make(chan struct{}),
	}
	if err := e.volumes.lacksLocked(asked); err != nil {
		return nil, err
	}
	c.mountLocked()
	e.containers = append(e.containers, c)
	return c, nil
}

// joinable reports whether a container can be joined, or a command be run in it.
func (c *container) joinable() bool { return c.running && !c.dying }

// Wait implements engine.Engine. Removed before its start, a container ends with 0,
// as on a real engine.
func (e *Engine) Wait(ctx context.Context, id engine.ID) (<-chan engine.Exit, error) {
	exit := make(chan engine.Exit, 1)
	err := e.callWith(ctx, "Wait", id, func(c *container) error {
		c.waitLocked(ctx, exit)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return exit, nil
}

// waitLocked has a container's next end be told, or that the wait has ended before.
func (c *container) waitLocked(ctx context.Context, exit chan<- engine.Exit) {
	tell := func(x engine.Exit) {
		select {
		case exit <- x:
		default: // it has been told something already
		}
	}
	forget := context.AfterFunc(ctx, func() { tell(engine.Exit{Err: context.Cause(ctx)}) })
	mend := context.AfterFunc(c.on.wire.connection(), func() { tell(engine.Exit{Err: errCut}) })
	c.waiters = append(c.waiters, func(x engine.Exit) {
		forget()
		mend()
		tell(x)
	})
}

// Start implements engine.Engine. What cannot be started is removed, as it has ended.
func (e *Engine) Start(ctx context.Context, id engine.ID) error {
	return e.callWith(ctx, "Start", id, func(c *container) error {
		if c.running {
			return nil
		}
		program, code, err := c.admitLocked()
		if err != nil {
			c.endLocked(code)
			c.removeLocked()
			return err
		}
		c.startLocked(program)
		return nil
	})
}

// admitLocked finds what to execute, or why not and what the exit code for that is.
func (c *container) admitLocked() (Program, int, error) {
	for _, target := range []engine.ID{c.Network, c.PID, c.IPC} {
		if target == "" {
			continue
		}
		other, err := c.on.findLocked(target)
		if err != nil {
			return nil, 128, err
		}
		if !other.joinable() {
			return nil, 128, fmt.Errorf("container %s to be joined does not run", target)
		}
	}
	if owner, _ := c.on.findLocked(c.IPC); c.IPC != "" && !owner.ShareIPC {
		return nil, 128, fmt.Errorf("container %s does not share its IPC namespace", c.IPC)
	}
	program, err := c.image.program(c.argv)
	if err == engine.ErrNoCommand {
		return nil, 127, err
	}
	return program, 126, err
}

// startLocked runs a container's program, up to its end and its removal.
func (c *container) startLocked(program Program) {
	ctx, kill := context.WithCancel(context.Background())
	c.running, c.life, c.kill, c.started = true, ctx, kill, time.Now()
	if c.checked() {
		c.health = engine.Starting
	}
	if !c.Stdin {
		c.stdin.close()
	}
	p := c.processLocked()
	c.on.processes.Go(func() {
		defer kill()
		code := program(ctx, p)
		if ctx.Err() != nil {
			code = killed
		}
		c.end(code)
		time.Sleep(removal)
		c.on.mu.Lock()
		defer c.on.mu.Unlock()
		c.removeLocked()
	})
}

// processLocked is what a container's program gets.
func (c *container) processLocked() Process {
	return Process{
		Argv: c.argv, Env: slices.Concat(c.image.Env, c.Env), Files: c.disk.view(),
		Stdin: stdinReader{c.stdin}, Hangup: c.stdin.closed,
		Stdout: output{c, false}, Stderr: output{c, true},
		Signals: c.signals, Size: c.size, SetHealth: c.setHealth, FailCheck: c.failCheck, Starve: c.starve, Write: c.write,
	}
}

// write makes a file, as its program does.
func (c *container) write(name, content string) {
	c.on.mu.Lock()
	defer c.on.mu.Unlock()
	c.disk.write(name, content)
}

// end notes the end of a process, a little after the ends of those that lived in its
// PID namespace.
func (c *container) end(code int) {
	if joiners := c.killJoiners(); len(joiners) > 0 {
		for _, j := range joiners {
			<-j.ended
		}
		time.Sleep(removal)
	}
	c.on.mu.Lock()
	defer c.on.mu.Unlock()
	c.endLocked(code)
	close(c.ended)
}

// killJoiners kills all that live in a container's PID namespace. From now on nobody
// can join it.
func (c *container) killJoiners() (joiners []*container) {
	c.on.mu.Lock()
	defer c.on.mu.Unlock()
	c.dying = true
	for _, other := range c.on.containers {
		if other.PID == c.id && other.running {
			other.killLocked()
			joiners = append(joiners, other)
		}
	}
	return joiners
}

// endLocked tells all who wait for a container's end, and ends its streams.
func (c *container) endLocked(code int) {
	if c.running {
		c.showLocked(engine.Sign{Kind: engine.SignDied, Code: code})
	}
	c.running, c.code, c.over = false, code, time.Now()
	c.stdin.close()
	c.log.finish()
	for _, s := range c.streams {
		s.output.close()
	}
	c.tellLocked(engine.Exit{Code: code})
}

// tellLocked tells all who wait for a container's end.
func (c *container) tellLocked(x engine.Exit) {
	for _, tell := range c.waiters {
		tell(x)
	}
	c.waiters = nil
}

// killLocked has a container end, or removes it when it does not run.
func (c *container) killLocked() {
	switch {
	case c.running:
		c.dying = true
		c.kill()
		c.stdin.close()
	case !c.dying: // never started; one that is dying removes itself
		c.removeLocked()
	}
}

// removeLocked removes a container that does not run, with its anonymous volumes.
// Streams of one that never ran stay open, as on a real engine.
func (c *container) removeLocked() {
	if c.removed {
		return
	}
	c.removed = true
	c.on.containers = slices.DeleteFunc(c.on.containers, func(other *container) bool { return other == c })
	for _, name := range c.anonymous {
		c.on.volumes.dropLocked(name)
	}
	c.log.finish()
	c.tellLocked(engine.Exit{})
	close(c.gone)
}

// Rename implements engine.Engine.
func (e *Engine) Rename(ctx context.Context, id engine.ID, name string) error {
	return e.callWith(ctx, "Rename", id, func(c *container) error {
		if other, err := e.findLocked(engine.ID(name)); err == nil && other != c {
			return fmt.Errorf("%w by %s", engine.ErrNameInUse, other.id)
		}
		c.Name = name
		return nil
	})
}

// Signal implements engine.Engine. SIGKILL ends a program whatever it does with others.
func (e *Engine) Signal(ctx context.Context, id engine.ID, signal string) error {
	return e.call(ctx, "Signal", e.nameOf(id), func() error {
		number := engine.SignalNumber(signal)
		if number == 0 {
			return fmt.Errorf("invalid signal: %s", signal)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		c, err := e.findLocked(id)
		if err != nil || !c.running {
			return nil
		}
		c.showLocked(engine.Sign{Kind: engine.SignSignalled, Signal: number})
		if number == int(unix.SIGKILL) {
			c.killLocked()
			return nil
		}
		c.signalLocked(signal)
		return nil
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

// signalLocked sends a signal; too many that nobody takes are lost.
func (c *container) signalLocked(name string) {
	select {
	case c.signals <- name:
	default:
	}
}

// Resize implements engine.Engine.
func (e *Engine) Resize(ctx context.Context, id engine.ID, rows, columns uint) error {
	return e.callWith(ctx, "Resize", id, func(c *container) error {
		if !c.running {
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
	return e.longCall(ctx, "Remove", e.nameOf(id), func(ctx context.Context) error {
		e.mu.Lock()
		c, err := e.findLocked(id)
		if err != nil {
			e.mu.Unlock()
			return nil
		}
		if c.running && !c.dying {
			c.showLocked(engine.Sign{Kind: engine.SignSignalled, Signal: int(unix.SIGKILL)})
		}
		c.killLocked()
		e.mu.Unlock()
		return until(ctx, c.gone)
	})
}
