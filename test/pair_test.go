package test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

// A pair is a pause that was started by hand, and the supervisors of its pod, one after the other.
type pair struct {
	d     *dockertest.Engine
	pause *dockertest.Container
}

// newPair starts a pause as README says.
func newPair(t testing.TB, d *dockertest.Engine, ports ...string) pair {
	t.Helper()
	d.Need(t, dockertest.Testkit)
	return pair{d, d.Run(t, dockertest.Spec{Image: dockertest.Pause, IPC: "shareable", Ports: ports})}
}

// spec is a supervisor of the pair.
func (p pair) spec(t testing.TB, labels map[string]string, flags ...string) dockertest.Spec {
	t.Helper()
	spec := p.d.Supervisor(t, labels, flags...)
	spec.Network = dockertest.Join(p.pause)
	return spec
}

// supervise starts a supervisor of the pair.
func (p pair) supervise(t testing.TB, cs components, flags ...string) supervisor {
	t.Helper()
	return run(t, p.d, p.spec(t, cs.labels(), flags...))
}

// plans is what `supervisor plan` of such a supervisor prints.
func (p pair) plans(t testing.TB, cs components) string {
	t.Helper()
	spec := p.spec(t, cs.labels(), "plan")
	out, code := p.d.Result(t, spec)
	if code != 0 {
		t.Errorf("plan exits with %d", code)
	}
	return out
}

// component is the container of a component that runs.
func (p pair) component(t testing.TB, name string) *dockertest.Container {
	t.Helper()
	var c *dockertest.Container
	dockertest.Eventually(t, soon, func() (there bool, _ string) {
		c, there = p.d.Component(t, p.pause.ID, name)
		return there && c.Running(t), "component " + name + " is not there"
	})
	return c
}

// identity is what tells one run of a component from all others.
func (p pair) identity(t testing.TB, name string) string {
	t.Helper()
	seen := p.component(t, name).Inspect(t)
	return seen.ID + " " + seen.State.StartedAt + " " + strconv.Itoa(seen.State.Pid)
}

// becomes waits until the engine calls the supervisor of a pair so: healthy.
func (s supervisor) becomes(t testing.TB, health string) {
	t.Helper()
	dockertest.Eventually(t, soon, func() (bool, string) {
		if !s.Running(t) {
			t.Fatalf("it has ended: %s", s.Output(t))
		}
		now := s.Health(t)
		return now == health, now
	})
}

func TestAPairIsThePausesAndIsTakenDownWithoutIt(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	p := newPair(t, d)
	s := p.supervise(t, components{"app": kit("sleep"), "db": kit("sleep")})
	s.becomes(t, "healthy")
	seen := p.component(t, "app").Inspect(t)
	if want := p.pause.Name + ".podlike.app"; strings.TrimPrefix(seen.Name, "/") != want || seen.Config.Labels[pod.LabelOwner] != p.pause.ID {
		t.Errorf("it is %s of %s, want %s", seen.Name, seen.Config.Labels[pod.LabelOwner], want)
	}
	if code := stopped(t, s); code != 0 || !p.pause.Running(t) {
		t.Errorf("exit code %d, pause runs: %v", code, p.pause.Running(t))
	}
	d.Gone(t, p.pause.ID, 0)
}

// stopped stops a supervisor and returns its exit code.
func stopped(t testing.TB, s supervisor) int {
	t.Helper()
	s.Stop(t, budget)
	return s.Wait(t)
}

func TestTwoCannotBeInCharge(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	p := newPair(t, d)
	s := p.supervise(t, components{"app": kit("sleep")})
	s.becomes(t, "healthy")
	before := p.identity(t, "app")
	second := p.supervise(t, components{"app": kit("sleep"), "other": kit("sleep")})
	if code := second.Wait(t); code != 2 || !strings.Contains(second.Output(t), s.Name) {
		t.Errorf("the second exits with %d: %s", code, second.Output(t))
	}
	if after := p.identity(t, "app"); after != before {
		t.Errorf("the component was %s and is %s", before, after)
	}
	stopped(t, s)
}

func TestAPauseThatCannotHaveAPodIsRefusedBeforeAnythingIsMade(t *testing.T) {
	for name, test := range map[string]struct {
		why    string
		spec   dockertest.Spec
		frozen bool
		says   string
	}{
		"Private": {"its IPC namespace cannot be joined", dockertest.Spec{Image: dockertest.Pause}, false, "--ipc shareable"},
		"None":    {"nothing could reach it", dockertest.Spec{Image: dockertest.Pause, IPC: "shareable", Network: "none"}, false, "--network none"},
		"Host":    {"it would be the machine's", dockertest.Spec{Image: dockertest.Pause, IPC: "shareable", Network: "host"}, false, "--network host"},
		"Frozen":  {"nothing can join it", dockertest.Spec{Image: dockertest.Pause, IPC: "shareable"}, true, "docker unpause"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			d.Need(t, dockertest.Testkit)
			p := pair{d, d.Run(t, test.spec)}
			if test.frozen {
				if err := d.Client().ContainerPause(t.Context(), p.pause.ID); err != nil {
					t.Fatal(err)
				}
			}
			s := p.supervise(t, components{"app": kit("sleep")})
			code, out := s.Wait(t), s.Output(t)
			if code != 2 || !strings.Contains(out, test.says) || strings.Count(strings.TrimSpace(out), "\n") > 0 {
				t.Errorf("%s: exit code %d, says %q, want 2 and %q", test.why, code, out, test.says)
			}
			d.Gone(t, p.pause.ID, 0)
		})
	}
}

// A client asks for a page all the time, and counts what is not answered.
type client struct {
	asked, failed int
	first         error
}

// every asks every so often, each time on a connection of its own, until ctx ends.
func (c *client) every(ctx context.Context, d time.Duration, url string) {
	one := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for tick := time.NewTicker(d); ctx.Err() == nil; {
		res, err := one.Get(url)
		if err == nil {
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			if res.StatusCode != http.StatusOK {
				err = errors.New(res.Status)
			}
		}
		c.asked++
		if err != nil {
			c.failed++
			c.first = errors.Join(c.first, err)
		}
		<-tick.C
	}
}

// kills is how often a supervisor is killed in the test below.
func kills(t testing.TB) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("PODLIKE_TEST_KILLS"))
	if err != nil || n < 1 {
		return 8
	}
	return n
}

// A supervisor that is killed leaves all that runs as it is, and whoever comes next goes on with it:
// no request is lost, no line of output, and at most one for each kill comes twice.
func TestAKilledSupervisorsSuccessorGoesOnWithAllThatRuns(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	p := newPair(t, d, "80")
	cs := components{
		"app":   kit("serve :80"),
		"loud":  kit("lines 100000000 every 3ms"),
		"crash": kit("exit 3 after 700ms", "restart: always"),
	}
	s := p.supervise(t, cs, "-logs")
	s.becomes(t, "healthy")
	app, loud := p.identity(t, "app"), p.identity(t, "loud")
	ctx, enough := context.WithCancel(t.Context())
	var asking sync.WaitGroup
	var c client
	asking.Go(func() { c.every(ctx, 20*time.Millisecond, "http://"+p.pause.Port(t, "80/tcp")) })
	defer asking.Wait()
	defer enough()

	n := kills(t)
	for range n {
		time.Sleep(rand.N(1200 * time.Millisecond)) // also while it takes over
		s.Kill(t, "KILL")
		s.Wait(t)
		s.Start(t)
	}
	s.becomes(t, "healthy")
	if now := p.identity(t, "app"); now != app {
		t.Errorf("app was %s and is %s", app, now)
	}
	if now := p.identity(t, "loud"); now != loud {
		t.Errorf("loud was %s and is %s", loud, now)
	}
	enough()
	asking.Wait()
	if c.failed > 0 || c.asked == 0 {
		t.Errorf("%d of %d requests have failed: %v", c.failed, c.asked, c.first)
	}
	if code := stopped(t, s); code != 0 {
		t.Errorf("exit code %d", code)
	}
	stdout, _ := s.Logs(t)
	checkLines(t, stdout, "[out] loud: line ", n)
	d.Gone(t, p.pause.ID, 0)
}

// checkLines checks that numbered lines are all there, in order, and that no more than so many come
// twice.
func checkLines(t testing.TB, out, prefix string, mostTwice int) {
	t.Helper()
	last, twice := 0, 0
	for scan := bufio.NewScanner(bytes.NewBufferString(out)); scan.Scan(); {
		text, ours := strings.CutPrefix(scan.Text(), prefix)
		number, err := strconv.Atoi(text)
		switch {
		case !ours:
		case err != nil:
			t.Errorf("it is no line: %q", scan.Text())
		case number == last:
			twice++
		case number != last+1:
			t.Fatalf("line %d comes after line %d", number, last)
		}
		if ours {
			last = number
		}
	}
	if last == 0 || twice > mostTwice {
		t.Errorf("%d lines, %d of them twice, want at most %d", last, twice, mostTwice)
	}
	t.Logf("%d lines, %d of them twice", last, twice)
}

func TestOnlyWhatHasChangedOfAPairIsMadeAnew(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	p := newPair(t, d)
	before := components{"app": kit("sleep"), "db": kit("sleep"), "old": kit("sleep")}
	s := p.supervise(t, before, "-on-stop", "keep")
	s.becomes(t, "healthy")
	if got := p.plans(t, before); got != "nothing to do\n" {
		t.Errorf("planned: %s", got)
	}
	app, db := p.identity(t, "app"), p.identity(t, "db")
	after := components{"app": kit("sleep", "environment: {A: b}"), "db": kit("sleep"), "new": kit("sleep")}
	want := "remove " + p.pause.Name + ".podlike.old: it is no component of the pod any more\n" +
		"replace app: its definition has changed\ncreate new: it is not there\n"
	if got := p.plans(t, after); got != want {
		t.Errorf("planned:\n%swant:\n%s", got, want)
	}
	if code := stopped(t, s); code != 0 {
		t.Errorf("exit code %d", code)
	}
	s = p.supervise(t, after)
	s.becomes(t, "healthy")
	if now := p.identity(t, "db"); now != db {
		t.Errorf("db was %s and is %s", db, now)
	}
	if now := p.identity(t, "app"); now == app {
		t.Errorf("app is what it was")
	}
	p.component(t, "new")
	if _, there := d.Component(t, p.pause.ID, "old"); there {
		t.Error("old is there")
	}
	if out, code := s.Exec(t, "/supervisor", "plan"); out != "nothing to do\n" || code != 0 {
		t.Errorf("planned by the supervisor itself, exit code %d: %s", code, out)
	}
	stopped(t, s)
}

func TestAHandoverLeavesAPairRunning(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	p := newPair(t, d)
	cs := components{"app": kit("sleep"), "secret": kit("sleep", "restart: always", "volumes: [/data]")}
	s := p.supervise(t, cs)
	s.becomes(t, "healthy")
	app := p.identity(t, "app")
	if _, code := s.Exec(t, "/supervisor", "handover"); code != 0 {
		t.Fatalf("handover exits with %d", code)
	}
	if code := stopped(t, s); code != 0 {
		t.Errorf("exit code %d", code)
	}
	s = p.supervise(t, cs)
	s.becomes(t, "healthy")
	if now := p.identity(t, "app"); now != app {
		t.Errorf("app was %s and is %s", app, now)
	}
	stopped(t, s)
	d.Gone(t, p.pause.ID, 0)
}

func TestAPausesEndEndsItsPair(t *testing.T) {
	for name, end := range map[string]func(testing.TB, *dockertest.Container){
		"Stopped": func(t testing.TB, c *dockertest.Container) { c.Stop(t, budget) },
		"Killed":  func(t testing.TB, c *dockertest.Container) { c.Kill(t, "KILL") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			p := newPair(t, d)
			s := p.supervise(t, components{"app": kit("signals health /up", whenThere("/up")), "db": kit("sleep", "restart: always")})
			s.becomes(t, "healthy")
			end(t, p.pause)
			if code := s.Wait(t); code == 0 {
				t.Error("exit code 0")
			}
			if last := s.lastRecord(t); last.Component != "pause" {
				t.Errorf("the last record names %q: %s", last.Component, last.Why)
			}
			d.Gone(t, p.pause.ID, 0)
		})
	}
}

// lookers are the containers that somebody looks at the pair's pod with, and since when.
func (p pair) lookers(t testing.TB) (all []string) {
	t.Helper()
	for _, c := range p.d.Pod(t, p.pause.ID) {
		if c.Labels[pod.LabelRole] == pod.RoleDebug && c.State == "running" {
			all = append(all, c.ID+" "+p.d.Container(t, c.ID).Inspect(t).State.StartedAt)
		}
	}
	return all
}

// Who looks at the pod does not mind who supervises it, as long as somebody does not take it down.
func TestADebugSessionOutlivesTheSupervisorThatHasBegunIt(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	p := newPair(t, d)
	s := p.supervise(t, components{"app": kit("sleep")})
	s.becomes(t, "healthy")
	var looking sync.WaitGroup
	defer looking.Wait()
	looking.Go(func() { // it ends with the container that it is in
		_, _, _, _ = s.TryExec("/supervisor", "debug", "--image", dockertest.Testkit, "--", "/testkit", "sleep")
	})
	var first []string
	dockertest.Eventually(t, soon, func() (bool, string) {
		first = p.lookers(t)
		return len(first) == 1, "nobody looks"
	})
	s.Kill(t, "KILL")
	s.Wait(t)
	s.Start(t)
	s.becomes(t, "healthy")
	if now := p.lookers(t); len(now) != 1 || now[0] != first[0] {
		t.Errorf("looking were %v and are %v", first, now)
	}
	if code := stopped(t, s); code != 0 {
		t.Errorf("exit code %d", code)
	}
	d.Gone(t, p.pause.ID, 0)
}
