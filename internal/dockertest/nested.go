package dockertest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/docker/docker/client"

	"github.com/podlike/podlike/internal/nested"
)

// The versions of Docker Engine that Nested knows. `test/engine/mkimage VERSION` makes
// the image of each.
const (
	Engine20 = "20.10"
	Engine26 = "26.1"
)

// tellLimit is how long a nested engine has to say how its containers are.
const tellLimit = 5 * time.Second

// A Nested is a Docker engine of a test's own, in a container of the machine's engine:
// one that the test may restart and kill. It is a scope on that engine as well, which
// has this project's images and reaches no network.
//
// Its container ends, and takes with it all that the nested engine runs and its control
// groups, when the test ends, also if that is by SIGKILL.
type Nested struct {
	*Engine

	machine *Engine    // the scope on it
	outer   *Container // the machine's, in which the engine runs
	image   string     // of that container
	parent  string     // name of the control group that has those of the engine's containers
	flags   []string   // dockerd's
	dockerd string     // ID of the exec that dockerd is
}

// Nested starts an engine of that version in a container. The flags are dockerd's, such
// as "--live-restore". It returns when the engine answers and has this project's images.
func (e *Engine) Nested(t testing.TB, version string, flags ...string) *Nested {
	t.Helper()
	n := e.nest(t, version, mark(random()), "none", flags...)
	n.load(t, Pause, Supervisor, Testkit)
	return n
}

// nest is Nested in a network of the machine's engine, for a scope of that mark, and without
// images.
func (e *Engine) nest(t testing.TB, version string, own mark, network string, flags ...string) *Nested {
	t.Helper()
	dir, err := os.MkdirTemp("", "podlike-nested-") // t.TempDir may be too long for a socket's name
	if err != nil {
		t.Fatalf("cannot make a directory for a nested engine's socket: %v", err)
	}
	socket := "unix://" + filepath.Join(dir, nested.Socket)
	cli, err := client.NewClientWithOpts(client.WithHost(socket), client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatalf("cannot make a client of a nested engine: %v", err)
	}
	name := "podlike-test-" + random()
	n := &Nested{Engine: scopeOn(cli, own), machine: e, image: "podlike/engine:" + version, parent: name, flags: nested.Flags(name, flags...)}
	e.needMade(t, "test/engine/mkimage "+version, n.image)
	spec := nested.Spec{Image: n.image, Name: name, Dir: dir, Network: network, Labels: e.Labels(nil)}
	config, host := spec.Words()
	n.outer = e.create(t, name, config, host)
	lease := n.outer.AttachStdin(t)
	t.Cleanup(func() { n.forget(t, dir) })
	n.outer.Start(t)
	t.Cleanup(func() { n.end(t, lease) })
	n.StartEngine(t)
	return n
}

// load copies images of the machine's engine to this one.
func (n *Nested) load(t testing.TB, images ...string) {
	t.Helper()
	n.machine.Need(t, images...)
	ctx, cancel := bounded()
	defer cancel()
	if err := nested.Load(ctx, n.machine.cli, n.cli, images...); err != nil {
		t.Fatal(err)
	}
	n.Need(t, images...)
}

// Supervisor is that of Engine for one whose engine may be restarted under it: it sees
// the socket that the engine makes anew.
func (n *Nested) Supervisor(t testing.TB, labels map[string]string, args ...string) Spec {
	t.Helper()
	spec := n.Engine.Supervisor(t, labels, args...)
	spec.Binds = []string{nested.Dir + ":" + nested.Dir}
	spec.Env = []string{"DOCKER_HOST=unix://" + nested.Dir + "/" + nested.Socket}
	return spec
}

// Swarm makes the engine the manager of a swarm of its own, which ends with the engine. It
// waits for nobody: there is one swarm on each engine.
func (n *Nested) Swarm(t testing.TB) {
	t.Helper()
	if _, err := n.join(); err != nil {
		t.Fatalf("cannot make a swarm of a nested engine: %v", err)
	}
}

// Outer is the container that the engine runs in, whose PID namespace has all processes
// of the engine's containers.
func (n *Nested) Outer() *Container { return n.outer }

// StartEngine starts dockerd, which does not run, and returns when it answers.
func (n *Nested) StartEngine(t testing.TB) {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	var err error
	if n.dockerd, err = nested.Start(ctx, n.machine.cli, n.outer.ID, n.flags); err != nil {
		t.Fatal(err)
	}
	Eventually(t, patience, func() (bool, string) {
		if !n.runs(t) {
			t.Fatalf("dockerd has ended:\n%s", n.EngineLog())
		}
		_, err := n.cli.Ping(ctx)
		return err == nil, fmt.Sprintf("%v\n%s", err, n.EngineLog())
	})
}

// KillEngine sends a signal, such as "TERM" or "KILL", to dockerd, and returns when it
// has ended. What becomes of its containers is up to the signal and dockerd's flags.
func (n *Nested) KillEngine(t testing.TB, signal string) {
	t.Helper()
	if out, code := n.outer.Exec(t, "killall", "-"+signal, "dockerd"); code != 0 {
		t.Fatalf("cannot send %s to dockerd: %s", signal, out)
	}
	Eventually(t, patience, func() (bool, string) { return !n.runs(t), "dockerd still runs:\n" + n.EngineLog() })
}

// RestartEngine is KillEngine and StartEngine.
func (n *Nested) RestartEngine(t testing.TB, signal string) {
	t.Helper()
	n.KillEngine(t, signal)
	n.StartEngine(t)
}

// runs says whether dockerd does.
func (n *Nested) runs(t testing.TB) bool {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	seen, err := n.machine.cli.ContainerExecInspect(ctx, n.dockerd)
	if err != nil {
		t.Fatalf("cannot inspect the dockerd of container %s: %v", n.outer.Name, err)
	}
	return seen.Running
}

// EngineLog is the end of what dockerd and containerd have logged.
func (n *Nested) EngineLog() string {
	var log bytes.Buffer
	if err := n.outer.logs(tailOnFailure, &log, &log); err != nil {
		fmt.Fprintf(&log, "(no log: %v)\n", err)
	}
	return log.String()
}

// end tells what there was if the test has failed, lets the container go, and sees that
// nothing is left of it.
func (n *Nested) end(t testing.TB, lease io.Closer) {
	t.Helper()
	if t.Failed() {
		n.tellAll(t)
	}
	_ = lease.Close() // the container may be gone already, which shows below
	if code := n.outer.Wait(t); code != 0 {
		t.Errorf("container %s of a nested engine exited with %d", n.outer.Name, code)
		n.sweep(t)
	}
}

// forget ends the connection to the engine and removes the directory of its socket.
func (n *Nested) forget(t testing.TB, dir string) {
	t.Helper()
	n.hangUp(t)
	if err := os.RemoveAll(dir); err != nil {
		t.Errorf("cannot remove the directory of a nested engine's socket: %v", err)
	}
}

// tellAll logs what the engine has logged and, where it answers, its containers.
func (n *Nested) tellAll(t testing.TB) {
	t.Helper()
	t.Logf("nested engine:\n%s", n.EngineLog())
	ctx, cancel := context.WithTimeout(context.Background(), tellLimit)
	defer cancel()
	if _, err := n.cli.Ping(ctx); err == nil {
		n.tell(t)
	}
}

// sweep removes the control groups that a container leaves when its first process is
// killed, or the machine's engine.
func (n *Nested) sweep(t testing.TB) {
	t.Helper()
	seen, code := n.machine.Result(t, Spec{
		Image: n.image, Cmd: []string{"sweep", n.parent}, Network: "none",
		CgroupNS: "host", Binds: []string{"/sys/fs/cgroup:/sys/fs/cgroup"},
	})
	if code != 0 {
		t.Errorf("control groups are left of a nested engine: %s", seen)
	}
}
