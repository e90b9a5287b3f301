package fake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/podlike/podlike/internal/engine"
)

// Exec implements engine.Engine. The command is one of the image's programs; it is
// killed when ctx is done or the container ends.
func (e *Engine) Exec(ctx context.Context, id engine.ID, x engine.Exec) (code int, err error) {
	err = e.call(ctx, "exec", e.nameOf(id), func() error {
		c, program, err := e.admitExec(id, x)
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
		code = e.runExec(ctx, c, program, x)
		return interrupted(ctx)
	})
	if err != nil {
		return 0, err
	}
	return code, nil
}

// admitExec finds what to execute, or why not.
func (e *Engine) admitExec(id engine.ID, x engine.Exec) (*container, Program, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	c, err := e.findLocked(id)
	if err != nil {
		return nil, nil, err
	}
	if !c.running || c.dying {
		return nil, nil, fmt.Errorf("container %s does not run", c.Name)
	}
	program, err := c.image.program(x.Command)
	return c, program, err
}

// runExec runs a program beside a container's own.
func (e *Engine) runExec(ctx context.Context, c *container, program Program, x engine.Exec) int {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(c.life, cancel)
	defer stop()
	code := program(ctx, e.command(c, x))
	if ctx.Err() != nil {
		return killed
	}
	return code
}

// command is what a program gets that is run beside a container's own. It has no
// stdin, and nobody sends it a signal.
func (e *Engine) command(c *container, x engine.Exec) Process {
	e.mu.Lock()
	p := e.processLocked(c)
	e.mu.Unlock()
	stdin := newPipe()
	stdin.close()
	p.Argv, p.Env = x.Command, slices.Concat(p.Env, x.Env)
	p.Stdin, p.Hangup, p.Signals, p.Size = stdinReader{stdin}, stdin.closed, nil, nil
	p.Stdout, p.Stderr = io.Discard, io.Discard
	if x.Output != nil {
		p.Stdout, p.Stderr = x.Output, x.Output
	}
	return p
}
