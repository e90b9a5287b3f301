package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/execkill"
)

// What an exec has started goes on when its connection is closed, and the API has no
// call to end it. So each command has a mark in its environment, and when its time is
// over a killer is sent: a helper that joins the PID namespace of the command's, kills all
// that has the mark, and ends. It needs nothing of the command's image.

const (
	// killing is how long it may take to kill a command.
	killing = 10 * time.Second
	// starting is how long a command that was cut off at its start may take to begin. An
	// engine under load takes seconds for that.
	starting = 10 * time.Second
	// look and rarely are how long to wait before the state of an exec is asked for again:
	// at first, and at most.
	look, rarely = 10 * time.Millisecond, time.Second
)

// Exec implements engine.Engine.
func (d *Engine) Exec(ctx context.Context, id engine.ID, e engine.Exec) (code int, err error) {
	mark := execkill.New()
	made, err := d.api.ContainerExecCreate(ctx, string(id), options(e, mark))
	if err == nil {
		c := command{on: d, in: id, id: made.ID, mark: mark}
		code, err = c.run(ctx, e.Output)
		if err != nil && ctx.Err() != nil {
			err = errors.Join(context.Cause(ctx), c.kill(context.WithoutCancel(ctx)))
			return 0, fmt.Errorf("cannot run %q in container %.12s: %w", e.Command, id, err)
		}
	}
	if err != nil && made.ID == "" && ctx.Err() != nil { // it never came to run anything
		return 0, fmt.Errorf("cannot run %q in container %.12s: %w: %w", e.Command, id, engine.ErrUnreachable, context.Cause(ctx))
	}
	if err != nil {
		return 0, fail(ctx, err, "run %q in container %.12s", e.Command, id)
	}
	return code, nil
}

// options say in Docker's words what to run.
func options(e engine.Exec, mark string) container.ExecOptions {
	return container.ExecOptions{
		Cmd: e.Command, Env: append(e.Env[:len(e.Env):len(e.Env)], execkill.Env(mark)), User: e.User, WorkingDir: e.WorkingDir,
		Privileged: e.Privileged, AttachStdout: true, AttachStderr: true,
	}
}

// A command is one that the daemon has been told of, and may run.
type command struct {
	on   *Engine
	in   engine.ID // its container
	id   string    // the daemon's for it
	mark string    // in its environment
}

// run starts a command, passes its output on and waits for its end, unless ctx is done before.
func (c command) run(ctx context.Context, output io.Writer) (code int, err error) {
	if err := c.passOn(ctx, output); err != nil {
		return 0, err
	}
	return c.code(ctx)
}

// passOn starts a command and passes its output on until there is no more, or ctx is
// done.
func (c command) passOn(ctx context.Context, output io.Writer) error {
	stream, err := hijack(ctx, func(ctx context.Context) (types.HijackedResponse, error) {
		return c.on.streams.ContainerExecAttach(ctx, c.id, container.ExecAttachOptions{})
	})
	if err != nil {
		return err
	}
	defer stream.Close()
	stop := context.AfterFunc(ctx, stream.Close)
	defer stop()
	to := lossy{output}
	_, err = stdcopy.StdCopy(to, to, readable{stream.Reader})
	return err
}

// lossy takes everything and loses what its writer does not take: nobody may keep a
// command from printing.
type lossy struct{ to io.Writer }

func (l lossy) Write(p []byte) (int, error) {
	if l.to != nil {
		_, _ = l.to.Write(p)
	}
	return len(p), nil
}

// code waits for the end of a command whose output has ended: the engine may call
// it running for another moment, and the output may have been cut.
func (c command) code(ctx context.Context) (code int, err error) {
	err = c.until(ctx, func(now container.ExecInspect) bool {
		code = now.ExitCode
		return !now.Running
	})
	return code, err
}

// until looks at a command until it is as wanted.
func (c command) until(ctx context.Context, wanted func(container.ExecInspect) bool) error {
	for wait := look; ; wait = min(2*wait, rarely) {
		now, err := c.on.api.ContainerExecInspect(ctx, c.id)
		if err != nil || wanted(now) {
			return err
		}
		if err := clock.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// kill kills what a command has started.
func (c command) kill(ctx context.Context) error {
	began, err := c.began(ctx)
	ctx, cancel := context.WithTimeout(ctx, killing)
	defer cancel()
	if began && !c.over(ctx) {
		err = c.on.helpers.run(ctx, c.killer())
	}
	if err == nil || c.over(ctx) {
		return nil
	}
	return fmt.Errorf("cannot kill it: %w (%w)", err, engine.ErrLeft)
}

// over reports whether a command's container is gone or does not run any more. The kernel has
// killed all that was in it then.
func (c command) over(ctx context.Context) bool {
	seen, err := c.on.Inspect(ctx, string(c.in))
	return errors.Is(err, engine.ErrNotFound) || err == nil && !seen.Running
}

// began waits until a command has the mark, for between the request and that there
// are only the runtime's own processes. It tells whether it has, and of one that may do
// so yet.
func (c command) began(ctx context.Context) (did bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, starting)
	defer cancel()
	_ = c.until(ctx, func(now container.ExecInspect) bool { // whom nobody can ask about it is not there
		did = now.Pid != 0
		return did || now.ExitCode != 0
	})
	if !did && ctx.Err() != nil {
		err = errLate
	}
	return did, err
}

// errLate: nothing could be killed yet.
var errLate = fmt.Errorf("it has not begun within %v, and may yet", starting)

// killer is a helper that kills. As it has to look at and to kill processes of any user and
// any profile, it has the three capabilities for that and no profile.
func (c command) killer() engine.Container {
	k := c.on.helpers.like
	k.Name += "kill-" + c.mark
	k.Entrypoint, k.Command = []string{program, "kill"}, []string{c.mark}
	k.PID, k.Offline = c.in, true
	k.Locked, k.Capabilities = true, []string{"KILL", "SYS_PTRACE", "DAC_OVERRIDE"}
	k.Security.Options = []string{"apparmor=unconfined"}
	return k
}
