package dockertest

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/docker/go-connections/nat"
)

// A Container is one of the engine's. Its methods fail the test when the engine
// refuses, unless they say otherwise.
type Container struct {
	// ID is the engine's, all 64 digits of it.
	ID string
	// Name is without the engine's leading slash.
	Name string

	session *session
	exit    *exit // of the last start; nil when it was not started here
}

// An exit is a container's end that is waited for since before its start.
type exit struct {
	done chan struct{} // closed when code or err is there
	code int
	err  error
}

// Container is a handle on a container that something else has made, such as a
// pod's component, by its ID or name.
func (s *session) Container(t testing.TB, id string) *Container {
	t.Helper()
	c := &Container{ID: id, Name: id, session: s}
	seen := c.Inspect(t)
	c.ID, c.Name = seen.ID, strings.TrimPrefix(seen.Name, "/")
	return c
}

// Start starts the container. From before its start its exit code is waited for,
// so that Wait finds it even when the container is removed by then.
func (c *Container) Start(t testing.TB) {
	t.Helper()
	c.watch(container.WaitConditionNextExit)
	ctx, cancel := bounded()
	defer cancel()
	if err := c.session.cli.ContainerStart(ctx, c.ID, container.StartOptions{}); err != nil {
		t.Fatalf("cannot start container %s: %v", c.Name, err)
	}
}

// StartError starts the container and returns the engine's error, for tests of
// what the engine refuses.
func (c *Container) StartError() error {
	c.watch(container.WaitConditionNextExit)
	ctx, cancel := bounded()
	defer cancel()
	return c.session.cli.ContainerStart(ctx, c.ID, container.StartOptions{})
}

// watch begins to wait for the container's end. The request is with the engine
// when watch returns, so the exit that follows on a start cannot be missed.
func (c *Container) watch(until container.WaitCondition) {
	ctx, cancel := context.WithCancel(context.Background())
	c.session.atEnd(cancel)
	codes, errs := c.session.cli.ContainerWait(ctx, c.ID, until)
	x := &exit{done: make(chan struct{})}
	c.exit = x
	c.session.waits.Go(func() {
		defer close(x.done)
		select {
		case got := <-codes:
			x.code = int(got.StatusCode)
		case x.err = <-errs:
		}
	})
}

// Wait blocks until the container has exited and returns its exit code. If it was
// started by Start or Run the container may even be removed by now.
func (c *Container) Wait(t testing.TB) int {
	t.Helper()
	if c.exit == nil {
		if c.Inspect(t).State.Status == container.StateCreated {
			t.Fatalf("cannot wait for container %s: it was not started", c.Name)
		}
		c.watch(container.WaitConditionNotRunning)
	}
	select {
	case <-c.exit.done:
	case <-time.After(patience):
		t.Fatalf("container %s still runs after %v", c.Name, patience)
	}
	if c.exit.err != nil {
		t.Fatalf("cannot wait for container %s: %v", c.Name, c.exit.err)
	}
	return c.exit.code
}

// Inspect tells all the engine knows of the container.
func (c *Container) Inspect(t testing.TB) container.InspectResponse {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	seen, err := c.session.cli.ContainerInspect(ctx, c.ID)
	if err != nil {
		t.Fatalf("cannot inspect container %s: %v", c.Name, err)
	}
	return seen
}

// look is Inspect for a container that may be gone.
func (c *Container) look(t testing.TB) (seen container.InspectResponse, there bool) {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	seen, err := c.session.cli.ContainerInspect(ctx, c.ID)
	if err != nil && !cerrdefs.IsNotFound(err) {
		t.Fatalf("cannot inspect container %s: %v", c.Name, err)
	}
	return seen, err == nil
}

// Exists says whether the engine still has the container, running or not.
func (c *Container) Exists(t testing.TB) bool {
	t.Helper()
	_, there := c.look(t)
	return there
}

// Running says whether the container is there and runs.
func (c *Container) Running(t testing.TB) bool {
	t.Helper()
	seen, there := c.look(t)
	return there && seen.State.Running
}

// Health is the engine's word for the container's health: starting, healthy or
// unhealthy, "none" without a health check, empty when the container is gone.
func (c *Container) Health(t testing.TB) string {
	t.Helper()
	seen, there := c.look(t)
	switch {
	case !there:
		return ""
	case seen.State.Health == nil:
		return container.NoHealthcheck
	}
	return seen.State.Health.Status
}

// Logs returns all the engine has logged of the container, stream by stream. A
// container with a TTY has all of it in stdout.
func (c *Container) Logs(t testing.TB) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if err := c.logs("all", &out, &errs); err != nil {
		t.Fatalf("cannot read the logs of container %s: %v", c.Name, err)
	}
	return out.String(), errs.String()
}

// Output returns both streams of Logs, interleaved as the engine logged them.
func (c *Container) Output(t testing.TB) string {
	t.Helper()
	var both bytes.Buffer
	if err := c.logs("all", &both, &both); err != nil {
		t.Fatalf("cannot read the logs of container %s: %v", c.Name, err)
	}
	return both.String()
}

// logs copies the last lines of the container's log, a number or "all".
func (c *Container) logs(tail string, stdout, stderr io.Writer) error {
	ctx, cancel := bounded()
	defer cancel()
	seen, err := c.session.cli.ContainerInspect(ctx, c.ID)
	if err != nil {
		return err
	}
	r, err := c.session.cli.ContainerLogs(ctx, c.ID, container.LogsOptions{ShowStdout: true, ShowStderr: true, Tail: tail})
	if err != nil {
		return err
	}
	defer r.Close()
	return demux(seen.Config.Tty, r, stdout, stderr)
}

// demux copies what the engine sends of a container. Without a TTY the engine
// sends both streams in one, in frames.
func demux(tty bool, r io.Reader, stdout, stderr io.Writer) (err error) {
	if tty {
		_, err = io.Copy(stdout, r)
	} else {
		_, err = stdcopy.StdCopy(stdout, stderr, r)
	}
	return err
}

// AttachStdin holds the container's stdin, to be called before Start on a
// container created with OpenStdin. With StdinOnce, closing the connection closes
// the container's stdin. It is closed at the latest when the scope ends.
func (c *Container) AttachStdin(t testing.TB) net.Conn {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	held, err := c.session.cli.ContainerAttach(ctx, c.ID, container.AttachOptions{Stream: true, Stdin: true})
	if err != nil {
		t.Fatalf("cannot attach to stdin of container %s: %v", c.Name, err)
	}
	c.session.atEnd(held.Close)
	return held.Conn
}

// Exec runs a command in the container and returns what it printed on stdout and
// its exit code. What it printed on stderr goes to the test's log.
func (c *Container) Exec(t testing.TB, cmd ...string) (stdout string, code int) {
	t.Helper()
	stdout, stderr, code, err := c.TryExec(cmd...)
	if err != nil {
		t.Fatalf("cannot run %q in container %s: %v", cmd, c.Name, err)
	}
	if stderr != "" {
		t.Logf("%s: %q: %s", c.Name, cmd, stderr)
	}
	return stdout, code
}

// TryExec is Exec for who is not the test's own goroutine, which alone may end the test.
func (c *Container) TryExec(cmd ...string) (stdout, stderr string, code int, err error) {
	ctx, cancel := bounded()
	defer cancel()
	cli := c.session.cli
	made, err := cli.ContainerExecCreate(ctx, c.ID, container.ExecOptions{Cmd: cmd, AttachStdout: true, AttachStderr: true})
	if err != nil {
		return "", "", 0, err
	}
	stream, err := cli.ContainerExecAttach(ctx, made.ID, container.ExecAttachOptions{})
	if err != nil {
		return "", "", 0, err
	}
	defer stream.Close()
	var out, errs bytes.Buffer
	if err = demux(false, stream.Reader, &out, &errs); err != nil {
		return "", "", 0, err
	}
	for { // the engine may call it running for another moment
		seen, err := cli.ContainerExecInspect(ctx, made.ID)
		if err != nil || !seen.Running {
			return out.String(), errs.String(), seen.ExitCode, err
		}
		time.Sleep(tick)
	}
}

// Kill sends a signal, such as "KILL" or "TERM", to the container's process.
func (c *Container) Kill(t testing.TB, signal string) {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	if err := c.session.cli.ContainerKill(ctx, c.ID, signal); err != nil {
		t.Fatalf("cannot send %s to container %s: %v", signal, c.Name, err)
	}
}

// Stop asks the container to end and kills it after grace, in whole seconds. It
// returns when the container has stopped; one that is gone has.
func (c *Container) Stop(t testing.TB, grace time.Duration) {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	seconds := int(grace.Seconds())
	err := c.session.cli.ContainerStop(ctx, c.ID, container.StopOptions{Timeout: &seconds})
	if err != nil && !cerrdefs.IsNotFound(err) {
		t.Fatalf("cannot stop container %s: %v", c.Name, err)
	}
}

// Limit changes the container's limit of memory, with as much swap, as docker update does.
func (c *Container) Limit(t testing.TB, memory int64) {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	limits := container.UpdateConfig{Resources: container.Resources{Memory: memory, MemorySwap: memory}}
	if _, err := c.session.cli.ContainerUpdate(ctx, c.ID, limits); err != nil {
		t.Fatalf("cannot limit container %s: %v", c.Name, err)
	}
}

// Remove removes the container as `docker rm -f -v` does, and returns when it is
// gone. One that is gone already is fine.
func (c *Container) Remove(t testing.TB) {
	t.Helper()
	if err := c.session.remove(c.ID); err != nil {
		t.Fatalf("cannot remove container %s: %v", c.Name, err)
	}
}

// Port is the host's address of a published port such as "80/tcp".
func (c *Container) Port(t testing.TB, port string) string {
	t.Helper()
	var address string
	Eventually(t, 5*time.Second, func() (bool, string) {
		seen := c.Inspect(t)
		for _, binding := range seen.NetworkSettings.Ports[nat.Port(port)] {
			address = net.JoinHostPort(reachable(binding.HostIP), binding.HostPort)
			return true, ""
		}
		return false, c.Name + " publishes no " + port
	})
	return address
}

// reachable is an address to connect to for one that is listened on.
func reachable(listened string) string {
	if ip := net.ParseIP(listened); ip == nil || ip.IsUnspecified() {
		return "127.0.0.1"
	}
	return listened
}
