package main

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	dockerbuild "github.com/docker/docker/api/types/build"

	"github.com/podlike/podlike/internal/dockertest"
)

// killed is the exit code of a process that someone has killed.
const killed = 137

// image builds pause's image from the Dockerfile that users get and the program as it
// is now.
func image(t *testing.T, d *dockertest.Engine) (name string) {
	t.Helper()
	name = "podlike-test/pause:" + strings.ToLower(rand.Text())
	built, err := d.Client().ImageBuild(t.Context(), buildContext(t), dockerbuild.ImageBuildOptions{
		Tags: []string{name}, Labels: d.Labels(nil), ForceRemove: true,
		NoCache: true, // what is in the cache goes away when another test removes its image
	})
	if err != nil {
		t.Fatalf("cannot build the image: %v", err)
	}
	defer built.Body.Close()
	if out, err := io.ReadAll(built.Body); err != nil || bytes.Contains(out, []byte(`"error"`)) {
		t.Fatalf("cannot build the image: %v\n%s", err, out)
	}
	return name
}

// buildContext is the archive that the image is built from.
func buildContext(t *testing.T) io.Reader {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for name, file := range map[string]string{"Dockerfile": "../../Dockerfile.pause", "pause": dockertest.Binary(t, "./cmd/pause")} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

// sandbox is pause with as few rights as it gets in a pod. Its stdin is /dev/null.
func sandbox(t *testing.T, d *dockertest.Engine, args ...string) dockertest.Spec {
	t.Helper()
	return dockertest.Spec{
		Image: image(t, d), Cmd: args, Network: "none", IPC: "shareable",
		CapDrop: []string{"ALL"}, CapAdd: []string{"KILL"}, SecurityOpt: []string{"no-new-privileges"}, ReadOnly: true,
	}
}

// leased runs pause under a lease, which is held until the connection is closed.
func leased(t *testing.T, d *dockertest.Engine, args ...string) (pause *dockertest.Container, lease net.Conn) {
	t.Helper()
	spec := sandbox(t, d, args...)
	spec.OpenStdin, spec.StdinOnce = true, true
	pause = d.Create(t, spec)
	lease = pause.AttachStdin(t)
	pause.Start(t)
	return pause, lease
}

// join runs testkit in pause's namespaces.
func join(t *testing.T, d *dockertest.Engine, pause *dockertest.Container, cmd ...string) *dockertest.Container {
	t.Helper()
	return d.Run(t, dockertest.Spec{
		Image: dockertest.Testkit, Cmd: cmd,
		Network: dockertest.Join(pause), PID: dockertest.Join(pause), IPC: dockertest.Join(pause),
	})
}

// component joins a component that ends with 0 on SIGTERM, after it has lingered. It
// is ready for the signal when component returns: one that comes before that would
// end any program.
func component(t *testing.T, d *dockertest.Engine, pause *dockertest.Container, linger time.Duration) *dockertest.Container {
	t.Helper()
	c := join(t, d, pause, "history", "/history", "component", "health", "/ready", "linger", linger.String())
	if _, code := c.Exec(t, "/testkit", "wait", "/ready"); code != 0 {
		t.Fatalf("component exited before it was ready")
	}
	return c
}

// exits waits for the end of a container and compares its exit code.
func exits(t *testing.T, who string, c *dockertest.Container, want int) {
	t.Helper()
	if got := c.Wait(t); got != want {
		t.Errorf("%s exited with %d, want %d", who, got, want)
	}
}

// resident is how much memory pause uses, in bytes, as seen from a joined component.
func resident(t *testing.T, component *dockertest.Container) int {
	t.Helper()
	status, _ := component.Exec(t, "/testkit", "cat", "/proc/1/status")
	_, after, _ := strings.Cut(status, "VmRSS:")
	var kib int
	if _, err := fmt.Sscanf(after, "%d kB", &kib); err != nil {
		t.Fatalf("cannot read pause's memory: %v\n%s", err, status)
	}
	return kib * 1024
}

// An orphan belongs to PID 1 of the shared namespace, which is pause and not the
// component that left it behind. Pause takes ten thousand of them and not a page more
// than its share of memory.
func TestPauseCollectsAnotherContainersOrphans(t *testing.T) {
	t.Parallel()
	const orphans, limit, growth = 10_000, 2_100_000, 100_000
	d := dockertest.New(t)
	pause, _ := leased(t, d)
	witness := component(t, d, pause, 0)
	before := resident(t, witness)

	parent := join(t, d, pause, "orphans", fmt.Sprint(orphans))
	dockertest.Eventually(t, patience, func() (bool, string) {
		out := parent.Output(t)
		return strings.Contains(out, fmt.Sprint("left ", orphans)), out
	})

	dockertest.Eventually(t, patience, func() (bool, string) {
		ps, _ := witness.Exec(t, "/testkit", "ps")
		return strings.Count(ps, "\n") == 4, ps // pause, the two components, and ps
	})
	after := resident(t, witness)
	t.Logf("%d bytes resident at first, %d after %d orphans", before, after, orphans)
	if after > limit || after-before > growth {
		t.Errorf("pause used %d bytes at first and %d after %d orphans; want at most %d, and %d more than at first",
			before, after, orphans, limit, growth)
	}
}

// What Go's runtime takes for each processor, and for huge pages where the kernel gives
// them to everyone, it takes before the first line of the program runs. Only the
// environment can tell it not to, and the machine that tests run on may hide the need.
func TestTheImageKeepsTheRuntimeSmallOnAnyMachine(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	seen, err := d.Client().ImageInspect(t.Context(), image(t, d))
	if err != nil {
		t.Fatal(err)
	}
	for _, setting := range []string{"GOMAXPROCS=1", "GODEBUG=disablethp=1"} {
		if !slices.Contains(seen.Config.Env, setting) {
			t.Errorf("the image does not set %s: its environment is %q", setting, seen.Config.Env)
		}
	}
}

func TestThePodEndsWhenItsLeaseIsNotHeldAnyMore(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	pause, lease := leased(t, d, "-grace", "1h") // nobody waits for its end
	web, db := component(t, d, pause, 0), component(t, d, pause, 100*time.Millisecond)

	lease.Close()
	exits(t, "a component that ends when asked", web, 0)
	exits(t, "a component that takes its time", db, 0)
	exits(t, "pause", pause, 0)
}

func TestAComponentThatDoesNotEndIsKilledWhenTheGraceIsOver(t *testing.T) {
	t.Parallel()
	const grace = time.Second
	d := dockertest.New(t)
	pause, lease := leased(t, d, "-grace", grace.String())
	good, bad := component(t, d, pause, 0), component(t, d, pause, time.Hour)

	began := time.Now()
	lease.Close()
	exits(t, "the component that ends when asked", good, 0)
	exits(t, "the component that does not", bad, killed)
	exits(t, "pause", pause, 0)
	if took := time.Since(began); took < grace {
		t.Errorf("it took %v, less than the grace of %v", took, grace)
	}
}

func TestKeepAliveBytesAreThrownAway(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	pause, lease := leased(t, d)
	web := component(t, d, pause, 0)

	if err := lease.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := lease.Write(make([]byte, 4<<20)); err != nil { // more than the way to pause can hold
		t.Fatalf("pause does not read: %v", err)
	}
	if ps, _ := web.Exec(t, "/testkit", "ps"); !strings.HasPrefix(ps, "1 S pause\n") {
		t.Errorf("pause does not wait calmly:\n%s", ps)
	}
	lease.Close()
	exits(t, "the component", web, 0)
	exits(t, "pause", pause, 0)
}

// A lease that is none would be over before anyone can join.
func TestThereIsNoLeaseWithoutAPipe(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	pause := d.Run(t, sandbox(t, d))
	web := component(t, d, pause, 0)

	web.Kill(t, "TERM")
	exits(t, "the component", web, 0)
	if !pause.Running(t) {
		t.Error("pause has ended, and nobody has asked it to")
	}
}

func TestASignalEndsPauseAndAllThatJoinedIt(t *testing.T) {
	for name, signals := range map[string][]string{
		"Term":              {"TERM"},
		"Int":               {"INT"},
		"OnlyThoseTwoCount": {"HUP", "QUIT", "USR1", "TERM"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			pause := d.Run(t, sandbox(t, d))
			web := component(t, d, pause, 0)

			for _, s := range signals {
				pause.Kill(t, s)
			}
			exits(t, "pause", pause, 0)
			exits(t, "the component, which nobody has asked,", web, killed)
			if out := pause.Output(t); out != "" {
				t.Errorf("pause had something to say: %q", out)
			}
		})
	}
}

// In a namespace of someone else's, the machine's for one, the end of a lease must
// not reach anybody.
func TestALeaseOfOneThatIsNotFirstEndsNobodyElse(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	pause := d.Run(t, sandbox(t, d))
	web := component(t, d, pause, 0)

	spec := sandbox(t, d)
	spec.PID, spec.IPC = dockertest.Join(pause), ""
	spec.OpenStdin, spec.StdinOnce = true, true
	second := d.Create(t, spec)
	lease := second.AttachStdin(t)
	second.Start(t)
	lease.Close()

	exits(t, "the second pause", second, 0)
	if out := second.Output(t); !strings.HasPrefix(out, "pause: warning: not PID 1") || strings.Count(out, "\n") != 1 {
		t.Errorf("the second pause says %q, want one warning", out)
	}
	pause.Kill(t, "TERM")
	exits(t, "the first pause, asked by its own signal,", pause, 0)
	exits(t, "the component, which nobody has asked,", web, killed)
}
