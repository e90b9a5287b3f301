package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/mark"
)

// What an exec has started goes on when its connection is closed, and the API has no
// call to end it. So each command has a mark in its environment, and when its time is
// over a killer is sent: a container of this program's own image that joins the PID
// namespace of the command's, kills all that has the mark, and ends. It needs nothing
// of the command's image, and cannot be told to do more than that.

const (
	// killing is how long it may take to kill a command.
	killing = 10 * time.Second
	// starting is how long a command that was cut off at its start may take to begin. An
	// engine under load takes seconds for that.
	starting = 10 * time.Second
	// look is how long to wait before the state of an exec is asked for again.
	look = 20 * time.Millisecond
)

// UseKiller says what the containers that kill commands are made like: image, labels,
// resources. In the image this program is /supervisor. Without it no command can be
// killed.
func (d *Engine) UseKiller(like engine.Container) { d.killer = like }

// Exec implements engine.Engine.
func (d *Engine) Exec(ctx context.Context, id engine.ID, e engine.Exec) (code int, err error) {
	marked := mark.New()
	made, err := d.api.ContainerExecCreate(ctx, string(id), command(e, marked))
	if err == nil {
		err = d.runExec(ctx, made.ID, e.Output)
		if err == nil {
			code, err = d.execCode(ctx, made.ID)
		}
		if err != nil && ctx.Err() != nil {
			err = errors.Join(context.Cause(ctx), d.kill(context.WithoutCancel(ctx), id, made.ID, marked))
		}
	}
	if err != nil {
		return 0, fail(err, "run %q in container %.12s", e.Command, id)
	}
	return code, nil
}

// command says in Docker's words what to run.
func command(e engine.Exec, marked string) container.ExecOptions {
	return container.ExecOptions{
		Cmd: e.Command, Env: append(e.Env[:len(e.Env):len(e.Env)], mark.Env(marked)), User: e.User, WorkingDir: e.WorkingDir,
		Privileged: e.Privileged, AttachStdout: true, AttachStderr: true,
	}
}

// runExec starts a command and passes its output on until there is no more, or ctx is
// done.
func (d *Engine) runExec(ctx context.Context, exec string, output io.Writer) error {
	stream, err := d.api.ContainerExecAttach(ctx, exec, container.ExecAttachOptions{})
	if err != nil {
		return err
	}
	defer stream.Close()
	stop := context.AfterFunc(ctx, stream.Close)
	defer stop()
	to := lossy{output}
	_, err = stdcopy.StdCopy(to, to, stream.Reader)
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

// execCode waits for the end of a command whose output has ended: the engine may call
// it running for another moment, and the output may have been cut.
func (d *Engine) execCode(ctx context.Context, exec string) (code int, err error) {
	err = d.execUntil(ctx, exec, func(now container.ExecInspect) bool {
		code = now.ExitCode
		return !now.Running
	})
	return code, err
}

// execUntil looks at a command until it is as wanted.
func (d *Engine) execUntil(ctx context.Context, exec string, wanted func(container.ExecInspect) bool) error {
	for {
		now, err := d.api.ContainerExecInspect(ctx, exec)
		if err != nil || wanted(now) {
			return err
		}
		if err := clock.Sleep(ctx, look); err != nil {
			return err
		}
	}
}

// kill kills what a command has started.
func (d *Engine) kill(ctx context.Context, id engine.ID, exec, marked string) error {
	began, err := d.began(ctx, exec)
	ctx, cancel := context.WithTimeout(ctx, killing)
	defer cancel()
	if began && !d.ended(ctx, id) {
		err = d.sendKiller(ctx, id, marked)
	}
	if err == nil || d.ended(ctx, id) {
		return nil
	}
	return fmt.Errorf("cannot kill it: %w (%w)", err, engine.ErrLeft)
}

// ended reports whether a container is gone or does not run any more. The kernel has
// killed all that was in it then.
func (d *Engine) ended(ctx context.Context, id engine.ID) bool {
	seen, err := d.Inspect(ctx, string(id))
	return errors.Is(err, engine.ErrNotFound) || err == nil && !seen.Running
}

// began waits until a command has the mark, for between the request and that there
// are only the runtime's own processes. It tells whether it has, and of one that may do
// so yet.
func (d *Engine) began(ctx context.Context, exec string) (did bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, starting)
	defer cancel()
	_ = d.execUntil(ctx, exec, func(now container.ExecInspect) bool { // whom nobody can ask about it is not there
		did = now.Pid != 0
		return did || now.ExitCode != 0
	})
	if !did && ctx.Err() != nil {
		err = errLate
	}
	return did, err
}

// sendKiller runs a killer to its end.
func (d *Engine) sendKiller(ctx context.Context, id engine.ID, marked string) error {
	if d.killer.Image == "" {
		return errors.New("no image to do that with")
	}
	killer, _, err := d.Create(ctx, d.killerFor(id, marked))
	if err != nil {
		return err
	}
	ended, err := d.Wait(ctx, killer)
	if err == nil {
		err = d.Start(ctx, killer)
	}
	if err != nil {
		return errors.Join(err, d.Remove(ctx, killer))
	}
	if exit := <-ended; exit.Err != nil || exit.Code != 0 {
		return cmp.Or(exit.Err, fmt.Errorf("exit code %d", exit.Code))
	}
	return nil
}

// errLate: nothing could be killed yet.
var errLate = fmt.Errorf("it has not begun within %v, and may yet", starting)

// killerFor is a container that kills. As it has to look at and to kill processes of
// any user and any profile, it has the three capabilities for that and no profile.
func (d *Engine) killerFor(id engine.ID, marked string) engine.Container {
	c := d.killer
	c.Name = "podlike-kill-" + marked
	c.Entrypoint, c.Command = []string{"/supervisor", "kill"}, []string{marked}
	c.PID, c.Offline, c.StartWithin = id, true, 2*killing
	c.Locked, c.Capabilities = true, []string{"KILL", "SYS_PTRACE", "DAC_OVERRIDE"}
	c.Security.Options = []string{"apparmor=unconfined"}
	c.Health = &engine.Check{Test: []string{"NONE"}}
	c.Logging = engine.Logging{Driver: "none"}
	return c
}
