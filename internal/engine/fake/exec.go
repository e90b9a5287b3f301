package fake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/podlike/podlike/internal/engine"
)

// Exec implements engine.Engine. The command is one of the image's programs; it is
// killed when ctx is done or the container ends. When the engine goes away it goes on.
func (e *Engine) Exec(ctx context.Context, id engine.ID, x engine.Exec) (code int, err error) {
	output := &tap{to: x.Output}
	defer output.close()
	x.Output = output
	err = e.longCall(ctx, "Exec", e.nameOf(id), func(linked context.Context) error {
		var ended <-chan int
		err := e.with(id, func(c *container) (err error) {
			ended, err = c.execLocked(ctx, x)
			return err
		})
		switch {
		case errors.Is(err, engine.ErrNoCommand):
			code = 127
			return nil
		case errors.Is(err, engine.ErrCannotExecute):
			code = 126
			return nil
		case err != nil:
			return err
		}
		select {
		case code = <-ended:
			return interrupted(ctx)
		case <-linked.Done():
		}
		if ctx.Err() != nil {
			<-ended
		}
		return context.Cause(linked)
	})
	if err != nil {
		return 0, err
	}
	return code, nil
}

// execLocked runs a program beside a container's own, and tells its exit code.
func (c *container) execLocked(ctx context.Context, x engine.Exec) (ended <-chan int, err error) {
	if !c.joinable() {
		return nil, fmt.Errorf("container %s does not run", c.Name)
	}
	program, err := c.image.program(x.Command)
	if err != nil {
		return nil, err
	}
	p, code := c.commandLocked(x), make(chan int, 1)
	c.on.processes.Go(func() { code <- runIn(ctx, c, program, p) })
	return code, nil
}

// runIn runs a program until ctx is done or its container ends.
func runIn(ctx context.Context, c *container, program Program, p Process) int {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	code := program(ctx, p)
	if ctx.Err() != nil {
		return killed
	}
	return code
}

// commandLocked is what a program gets that is run beside a container's own. It has no
// stdin, and nobody sends it a signal.
func (c *container) commandLocked(x engine.Exec) Process {
	p, stdin := c.processLocked(), newPipe()
	stdin.close()
	p.Argv, p.Env = x.Command, slices.Concat(p.Env, x.Env)
	p.Stdin, p.Hangup, p.Signals, p.Size = stdinReader{stdin}, stdin.closed, nil, nil
	p.Stdout, p.Stderr = x.Output, x.Output
	return p
}

// A tap passes on what a command prints until it is closed.
type tap struct {
	mu sync.Mutex
	to io.Writer // nil: nobody gets it
}

func (t *tap) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.to != nil {
		_, _ = t.to.Write(p) // what it does not take is lost
	}
	return len(p), nil
}

func (t *tap) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.to = nil
}
