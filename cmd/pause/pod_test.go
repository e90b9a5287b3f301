package main

import (
	"archive/tar"
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	dockerbuild "github.com/docker/docker/api/types/build"

	"github.com/podlike/podlike/internal/dockertest"
)

// patience is how long anything that is to happen may take.
const patience = 30 * time.Second

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

// sandbox is pause with as few rights as it gets in a pod, a root that it cannot write to
// among them.
func sandbox(t *testing.T, d *dockertest.Engine, args ...string) dockertest.Spec {
	t.Helper()
	return dockertest.Spec{
		Image: image(t, d), Cmd: args, Network: "none", IPC: "shareable",
		CapDrop: []string{"ALL"}, CapAdd: []string{"KILL"}, SecurityOpt: []string{"no-new-privileges"}, ReadOnly: true,
	}
}

// A pod is a supervisor that holds a lease and does no more, and a pause that took it.
type pod struct {
	*dockertest.Engine
	kit               string // the image of testkit as it is now
	supervisor, pause *dockertest.Container
}

// leased makes a pod. The supervisor is in that network, by default one of its own.
func leased(t *testing.T, d *dockertest.Engine, network string, args ...string) *pod {
	t.Helper()
	p := &pod{Engine: d, kit: d.ScratchImage(t, "./test/testkit")}
	p.supervisor = d.Run(t, dockertest.Spec{Image: p.kit, Cmd: []string{"lease"}, Network: network})
	spec := sandbox(t, d, args...)
	spec.Env, spec.Network = []string{p.offer(t)}, dockertest.Join(p.supervisor)
	p.pause = d.Run(t, spec)
	p.tells(t, "granted")
	return p
}

// offer is the variable that the supervisor has for pause.
func (p *pod) offer(t *testing.T) (variable string) {
	t.Helper()
	dockertest.Eventually(t, patience, func() (bool, string) {
		out := p.supervisor.Output(t)
		first, _, whole := strings.Cut(out, "\n")
		variable = first
		return whole, out
	})
	return variable
}

// tells waits until the supervisor has said a word, and no word more than once.
func (p *pod) tells(t *testing.T, word string) {
	t.Helper()
	tells(t, p.supervisor, word)
}

// tells does so for any supervisor.
func tells(t *testing.T, supervisor *dockertest.Container, word string) {
	t.Helper()
	dockertest.Eventually(t, patience, func() (bool, string) {
		out := supervisor.Output(t)
		return strings.Count(out, word+"\n") == 1, out
	})
}

// join runs testkit in a pause's namespaces.
func join(t *testing.T, d *dockertest.Engine, kit string, pause *dockertest.Container, cmd ...string) *dockertest.Container {
	t.Helper()
	return d.Run(t, dockertest.Spec{
		Image: kit, Cmd: cmd,
		Network: dockertest.Join(pause), PID: dockertest.Join(pause), IPC: dockertest.Join(pause),
	})
}

// component joins a component that prints each signal, and ends with 0 when it has
// lingered since the first. It is ready for the signal when component returns: one that
// comes before that would end any program.
func component(t *testing.T, d *dockertest.Engine, kit string, pause *dockertest.Container, linger time.Duration) *dockertest.Container {
	t.Helper()
	return ready(t, join(t, d, kit, pause, "signals", "health", "/ready", "linger", linger.String()))
}

// ready waits until a component is ready for signals.
func ready(t *testing.T, c *dockertest.Container) *dockertest.Container {
	t.Helper()
	if _, code := c.Exec(t, "/testkit", "wait", "/ready"); code != 0 {
		t.Fatalf("component exited before it was ready")
	}
	return c
}

// component joins a component to the pod, as the function of that name does.
func (p *pod) component(t *testing.T, linger time.Duration) *dockertest.Container {
	t.Helper()
	return component(t, p.Engine, p.kit, p.pause, linger)
}

// got compares the signals that a component has printed.
func got(t *testing.T, who string, c *dockertest.Container, want string) {
	t.Helper()
	if out := c.Output(t); out != want {
		t.Errorf("%s got the signals %q, want %q", who, out, want)
	}
}

// ended is when a container has ended.
func ended(t *testing.T, c *dockertest.Container) (at time.Time) {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, c.Inspect(t).State.FinishedAt)
	if err != nil {
		t.Fatal(err)
	}
	return at
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
	p := leased(t, d, "")
	witness := p.component(t, 0)
	before := resident(t, witness)

	parent := join(t, d, p.kit, p.pause, "orphans", fmt.Sprint(orphans))
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

// The kernel ends the lease of a supervisor that is killed. Nobody has asked the
// components, so pause does, and waits for them.
func TestThePodEndsInOrderWhenItsSupervisorIsKilled(t *testing.T) {
	for name, network := range map[string]string{"Bridge": "", "HostNetwork": "host", "NoNetwork": "none"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := leased(t, dockertest.New(t), network, "-grace", "1h") // nobody waits for its end
			web, db := p.component(t, 0), p.component(t, 100*time.Millisecond)

			p.supervisor.Kill(t, "KILL")
			exits(t, "a component that ends when asked", web, 0)
			exits(t, "a component that takes its time", db, 0)
			exits(t, "pause", p.pause, 0)
			got(t, "web", web, "term\n")
			got(t, "db", db, "term\n")
		})
	}
}

func TestAComponentThatDoesNotEndIsKilledWhenTheGraceIsOver(t *testing.T) {
	const grace = time.Second
	for name, c := range map[string]struct {
		why    string
		before func(t *testing.T, p *pod)
		want   string // the signals that both components get
	}{
		"Killed": {"nobody else has asked them", func(t *testing.T, p *pod) {}, "term\n"},
		"Stopping": {"the supervisor has asked them, so it says", func(t *testing.T, p *pod) {
			p.supervisor.Kill(t, "USR1")
			p.tells(t, "stopping")
		}, ""},
		"Asked": {"who has asked pause has asked them", func(t *testing.T, p *pod) {
			p.pause.Kill(t, "TERM")
			p.tells(t, "asked")
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := leased(t, dockertest.New(t), "", "-grace", grace.String())
			good, bad := p.component(t, 0), p.component(t, time.Hour)
			c.before(t, p)

			began := time.Now()
			p.supervisor.Kill(t, "KILL")
			if c.want != "" {
				exits(t, "the component that ends when asked", good, 0)
			} else {
				exits(t, "the component that is not asked", good, killed)
			}
			exits(t, "the component that does not end", bad, killed)
			exits(t, "pause", p.pause, 0)
			if took := time.Since(began); took < grace {
				t.Errorf("%s: it took %v, less than the grace of %v", c.why, took, grace)
			}
			got(t, c.why+": one", good, c.want)
			got(t, c.why+": the other", bad, c.want)
		})
	}
}

// What the engine or the supervisor has asked to end has its grace, and hears no second
// signal, whether the supervisor lives to see it or not. Pause is the last to go.
func TestAfterTheFirstSignalPauseOnlyWaits(t *testing.T) {
	for name, before := range map[string]func(t *testing.T, p *pod){
		"Stopping": func(t *testing.T, p *pod) {
			p.supervisor.Kill(t, "USR1")
			p.tells(t, "stopping")
		},
		"Asked": func(t *testing.T, p *pod) {
			p.pause.Kill(t, "TERM")
			p.tells(t, "asked")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := leased(t, dockertest.New(t), "", "-grace", "1h")
			web := p.component(t, time.Second)
			before(t, p)

			web.Kill(t, "TERM")
			p.supervisor.Kill(t, "KILL")
			exits(t, "the component", web, 0)
			exits(t, "pause", p.pause, 0)
			got(t, "the component", web, "term\n")
		})
	}
}

// This is what an engine does that shuts down, or docker stop $(docker ps -q). The
// supervisor may be gone long before the component that takes longest.
func TestAllContainersAreStoppedAtTheSameMoment(t *testing.T) {
	t.Parallel()
	p := leased(t, dockertest.New(t), "", "-grace", "1h")
	web := p.component(t, 2*time.Second)

	var stops sync.WaitGroup
	for _, c := range []*dockertest.Container{p.pause, p.supervisor, web} {
		stops.Go(func() { c.Stop(t, 30*time.Second) })
	}
	stops.Wait()
	exits(t, "the supervisor", p.supervisor, 0)
	exits(t, "the component", web, 0)
	exits(t, "pause", p.pause, 0)
	got(t, "the component", web, "term\n")
	if before := ended(t, web).Sub(ended(t, p.pause)); before > time.Second { // both are told late under load
		t.Errorf("pause was not the last to go, but went %v before", before)
	}
}

func TestASignalIsPassedOnToTheSupervisorAndEndsNobody(t *testing.T) {
	for name, c := range map[string]struct {
		why  string
		send func(t *testing.T, p *pod, web *dockertest.Container)
		line string
	}{
		"Stop": {"a user stops pause", func(t *testing.T, p *pod, _ *dockertest.Container) { p.pause.Kill(t, "TERM") }, "SIGTERM"},
		"Int":  {"a user presses Ctrl-C", func(t *testing.T, p *pod, _ *dockertest.Container) { p.pause.Kill(t, "INT") }, "SIGINT"},
		"Kill1": {"a component wants the pod to end", func(t *testing.T, _ *pod, web *dockertest.Container) {
			sends(t, web, "TERM")
		}, "SIGTERM"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := leased(t, dockertest.New(t), "")
			web := p.component(t, 0)

			c.send(t, p, web)
			p.tells(t, "asked")
			c.send(t, p, web) // changes nothing
			p.pause.Kill(t, "USR1")
			if ps, _ := web.Exec(t, "/testkit", "ps"); !strings.HasPrefix(ps, "1 S pause\n") {
				t.Errorf("%s: pause does not wait calmly:\n%s", c.why, ps)
			}
			got(t, "the component", web, "")
			web.Kill(t, "TERM")
			exits(t, "the component", web, 0)
			p.supervisor.Kill(t, "KILL")
			exits(t, "pause", p.pause, 0)
			got(t, "the component", web, "term\n")
			p.tells(t, "asked") // once
			if out := p.pause.Output(t); !strings.HasPrefix(out, "pause: "+c.line+" has come here") || strings.Count(out, "\n") != 1 {
				t.Errorf("%s: pause says %q, want one line", c.why, out)
			}
		})
	}
}

// sends has a component send a signal to PID 1, and succeed.
func sends(t *testing.T, component *dockertest.Container, signal string) {
	t.Helper()
	if _, code := component.Exec(t, "/testkit", "signal", "1", signal); code != 0 {
		t.Fatalf("cannot send %s to PID 1", signal)
	}
}

// A component runs as root, in the namespaces of pause, and may know all that pause knows.
func TestAComponentCannotTakeOrBreakTheLease(t *testing.T) {
	t.Parallel()
	p := leased(t, dockertest.New(t), "")
	web := p.component(t, 0)

	for _, signal := range []string{"KILL", "STOP", "HUP", "ABRT"} {
		sends(t, web, signal)
	}
	if ps, _ := web.Exec(t, "/testkit", "ps"); !strings.HasPrefix(ps, "1 S pause\n") {
		t.Errorf("pause does not wait calmly:\n%s", ps)
	}
	if env, code := web.Exec(t, "/testkit", "cat", "/proc/1/environ"); code == 0 {
		t.Errorf("the component can read pause's memory: %q", env)
	}
	if answers, _ := web.Exec(t, "/testkit", "dial", "@podlike/lease/"); answers != "" {
		t.Errorf("one can still connect:\n%s", answers)
	}
	if out := p.supervisor.Output(t); strings.Contains(out, "lost") || strings.Contains(out, "asked") {
		t.Errorf("the supervisor has heard of it:\n%s", out)
	}
	p.supervisor.Kill(t, "KILL")
	exits(t, "the component", web, 0)
	exits(t, "pause", p.pause, 0)
}

func TestOneWhoConnectsBeforePauseDoesNotGetTheLease(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	p := &pod{Engine: d, kit: d.ScratchImage(t, "./test/testkit")}
	p.supervisor = d.Run(t, dockertest.Spec{Image: p.kit, Cmd: []string{"lease"}})
	variable := p.offer(t)
	if answers, _ := p.supervisor.Exec(t, "/testkit", "dial", "@podlike/lease/"); strings.Count(answers, "no answer") != 1 {
		t.Errorf("a stranger is answered:\n%s", answers)
	}

	spec := sandbox(t, d)
	spec.Env, spec.Network = []string{variable}, dockertest.Join(p.supervisor)
	p.pause = d.Run(t, spec)
	p.tells(t, "granted")
}

// A supervisor that stands still has not ended. What pause had to say it hears later.
func TestAFrozenSupervisorHoldsItsLease(t *testing.T) {
	t.Parallel()
	p := leased(t, dockertest.New(t), "")
	web := p.component(t, 0)
	if err := p.Client().ContainerPause(t.Context(), p.supervisor.ID); err != nil {
		t.Fatal(err)
	}
	p.pause.Kill(t, "TERM")
	dockertest.Eventually(t, patience, func() (bool, string) {
		out := p.pause.Output(t)
		return strings.Contains(out, "SIGTERM"), out
	})
	got(t, "the component", web, "")
	if !p.pause.Running(t) {
		t.Error("pause has ended")
	}
	if err := p.Client().ContainerUnpause(t.Context(), p.supervisor.ID); err != nil {
		t.Fatal(err)
	}
	p.tells(t, "asked")
	p.supervisor.Kill(t, "KILL")
	exits(t, "pause", p.pause, 0)
}

// Where components have PID namespaces of their own pause is alone in its own, and there
// is nobody whom it could ask or wait for.
func TestPauseAloneInItsNamespaceWaitsForNobody(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *pod){
		"Asked": func(t *testing.T, p *pod) {
			p.pause.Kill(t, "TERM")
			p.tells(t, "asked")
		},
		"LeaseLost": func(t *testing.T, p *pod) { p.supervisor.Kill(t, "KILL") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := leased(t, dockertest.New(t), "", "-grace", "1h")
			web := ready(t, p.Run(t, dockertest.Spec{
				Image: p.kit, Cmd: []string{"signals", "health", "/ready"},
				Network: dockertest.Join(p.pause), IPC: dockertest.Join(p.pause),
			}))
			end(t, p)
			exits(t, "pause", p.pause, 0)
			got(t, "the component", web, "")
		})
	}
}

// Started by hand there is nobody who would stop the pod.
func TestWithoutALeaseASignalEndsAllInOrder(t *testing.T) {
	for name, signals := range map[string][]string{
		"Term":              {"TERM"},
		"Int":               {"INT"},
		"OnlyThoseTwoCount": {"HUP", "QUIT", "USR1", "TERM"},
		"Twice":             {"TERM", "TERM", "INT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			kit := d.ScratchImage(t, "./test/testkit")
			pause := d.Run(t, sandbox(t, d, "-grace", "3s"))
			web := component(t, d, kit, pause, 500*time.Millisecond)
			bad := component(t, d, kit, pause, time.Hour)

			for _, s := range signals {
				pause.Kill(t, s)
			}
			exits(t, "the component that takes its time", web, 0)
			exits(t, "the component that does not end", bad, killed)
			exits(t, "pause", pause, 0)
			got(t, "the component", web, "term\n")
			if out := pause.Output(t); out != "" {
				t.Errorf("pause had something to say: %q", out)
			}
		})
	}
}

// In a namespace of someone else's, the machine's for one, nothing that happens to pause
// may reach anybody, and there is nobody to wait for.
func TestPauseThatIsNotFirstEndsNobodyElse(t *testing.T) {
	for name, end := range map[string]func(t *testing.T, p *pod, second *dockertest.Container){
		"LeaseLost": func(t *testing.T, p *pod, _ *dockertest.Container) { p.supervisor.Kill(t, "KILL") },
		"Signal":    func(t *testing.T, _ *pod, second *dockertest.Container) { second.Kill(t, "TERM") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			p := &pod{Engine: d, kit: d.ScratchImage(t, "./test/testkit")}
			first := d.Run(t, sandbox(t, d))
			web := component(t, d, p.kit, first, 0)
			p.supervisor = d.Run(t, dockertest.Spec{Image: p.kit, Cmd: []string{"lease"}})
			spec := sandbox(t, d, "-grace", "1h")
			spec.PID, spec.IPC = dockertest.Join(first), ""
			if name == "LeaseLost" {
				spec.Env, spec.Network = []string{p.offer(t)}, dockertest.Join(p.supervisor)
			}
			second := d.Run(t, spec)
			warns(t, second)

			end(t, p, second)
			exits(t, "the second pause", second, 0)
			got(t, "the component", web, "")
			if !first.Running(t) {
				t.Error("the first pause has ended")
			}
		})
	}
}

// warns waits until a pause has warned that it is not PID 1, and said no more. Then it is
// ready for signals, and has its lease if it is offered one.
func warns(t *testing.T, pause *dockertest.Container) {
	t.Helper()
	dockertest.Eventually(t, patience, func() (bool, string) {
		out := pause.Output(t)
		return strings.HasPrefix(out, "pause: warning: not PID 1") && strings.Count(out, "\n") == 1, out
	})
}
