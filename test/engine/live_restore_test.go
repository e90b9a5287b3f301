package engine

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/dockertest"
)

// orphanLimit is when nothing may be left of a pod whose supervisor was killed.
const orphanLimit = 15 * time.Second

// With live-restore containers live while there is no dockerd. So does the pod: the same
// processes, output without a gap, and in the end whatever ends a pod otherwise.
func TestAPodLivesThroughRestartsWithLiveRestore(t *testing.T) {
	for name, signal := range signals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := liveRestoring(t)
			stopped, killed := printing(t, n, true), printing(t, n, false)
			healthy(t, stopped, killed)
			for range restarts {
				restartUnder(t, n, signal, stopped, killed)
			}

			printed, _ := stopped.component(t, "web").Logs(t)
			stopped.Stop(t, budget)
			stopped.ended(t)
			stopped.toldEnd(t)
			stopped.printedOnce(t, strings.Count(printed, "\n"))

			killed.printedOnce(t, restarts)
			killed.Kill(t, "KILL")
			n.Gone(t, killed.ID, orphanLimit)
		})
	}
}

// liveRestoring is an engine that leaves containers alone when it ends.
func liveRestoring(t *testing.T) *dockertest.Nested {
	t.Helper()
	return dockertest.New(t).Nested(t, dockertest.Engine26, "--live-restore")
}

// printing is a pod that prints without an end, and has one component with a health check
// and, if that is wanted, one with a PID namespace of its own: pause cannot end that, so it
// stays when its supervisor is killed, until another one sweeps.
//
// Checks are done until they succeed, and again when the engine has restarted, but at no
// other time: one that begins in the moment in which an engine is killed may keep its
// containerd from ever telling of that container's end, which no pod can help.
func printing(t *testing.T, n *dockertest.Nested, private bool) supervisor {
	t.Helper()
	labels := map[string]string{
		"web": kit("lines 1000000 every 50ms", "restart: always"),
		"db": kit("sleep health /there",
			"healthcheck: {test: [CMD, /testkit, exists, /there], interval: 1h, start_interval: 500ms, start_period: 10m}"),
	}
	if private {
		labels["log"] = kit("sleep", "x-pod: {pid: private}")
	}
	return checkedPodOf(t, n, &container.HealthConfig{
		Test: []string{"CMD", "/healthcheck"}, Interval: time.Hour, StartInterval: 500 * time.Millisecond, StartPeriod: 10 * time.Minute,
	}, labels)
}

// restartUnder restarts the engine under pods, and asserts that they live on and print on.
func restartUnder(t *testing.T, n *dockertest.Nested, signal string, pods ...supervisor) {
	t.Helper()
	before := make([][]string, len(pods))
	for i, s := range pods {
		before[i] = s.processes(t)
	}
	n.RestartEngine(t, signal)
	for i, s := range pods {
		printed := len(s.printed(t))
		dockertest.Eventually(t, soon, func() (bool, string) {
			now := len(s.printed(t))
			return now > printed+10, fmt.Sprintf("%d lines, %d after the restart:\n%s", now, printed, s.log(t))
		})
		healthy(t, s)
		if diff := cmp.Diff(before[i], s.processes(t)); diff != "" {
			t.Errorf("after %s the containers or their processes are others:\n%s", signal, diff)
		}
	}
}

// healthy waits until no health check is done any more, for all have succeeded.
func healthy(t *testing.T, pods ...supervisor) {
	t.Helper()
	for _, s := range pods {
		for _, c := range []*dockertest.Container{s.Container, s.component(t, "db")} {
			dockertest.Eventually(t, soon, func() (bool, string) {
				health := c.Health(t)
				return health == "healthy", c.Name + " is " + health
			})
		}
	}
}

// printed are the lines of web that the supervisor has passed on.
func (s supervisor) printed(t *testing.T) (all []string) {
	t.Helper()
	stdout, _ := s.Logs(t)
	for line := range strings.Lines(stdout) {
		if rest, is := strings.CutPrefix(line, "[out] web: "); is {
			all = append(all, strings.TrimSpace(rest))
		}
	}
	return all
}

// printedOnce asserts that the supervisor has passed on all lines from the first on, at
// least so many, each once and in order.
func (s supervisor) printedOnce(t *testing.T, least int) {
	t.Helper()
	got := s.printed(t)
	if len(got) < least {
		t.Errorf("%d lines were passed on of at least %d", len(got), least)
	}
	for i, line := range got {
		if want := fmt.Sprint("line ", i+1); line != want {
			t.Fatalf("after %q comes %q, want %q", got[max(i-1, 0)], line, want)
		}
	}
}

// A component that ends while nobody can be told is restarted when there is an engine
// again, and no other is.
func TestWhatEndsWhileThereIsNoEngineIsRestartedAfterIt(t *testing.T) {
	for name, signal := range signals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := liveRestoring(t)
			h := newHistory(t, n)
			s := podOf(t, n, map[string]string{"web": h.kit("web", "restart: always"), "db": h.kit("db")})
			h.await(t, 2)
			web := s.component(t, "web").Inspect(t).State.Pid
			n.KillEngine(t, signal)
			sendTo(t, n, web)
			awaitEnd(t, n, web)
			n.StartEngine(t)
			h.await(t, 5)
			want := []string{"db started", "web exit", "web started", "web started", "web term"}
			if diff := cmp.Diff(want, h.events(t)); diff != "" {
				t.Errorf("what they saw is not what they should:\n%s", diff)
			}
			s.Stop(t, budget)
			s.ended(t)
		})
	}
}

// A supervisor that is asked to stop while there is no engine stops its pod in order, then
// or when there is one again.
func TestAStopWhileThereIsNoEngineIsDoneInOrder(t *testing.T) {
	for name, signal := range signals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := liveRestoring(t)
			h := newHistory(t, n)
			s := podOf(t, n, map[string]string{"web": h.kit("web"), "db": h.kit("db")})
			h.await(t, 2)
			self := s.Inspect(t).State.Pid
			n.KillEngine(t, signal)
			sendTo(t, n, self)
			n.StartEngine(t)
			s.ended(t)
			want := []string{"db exit", "db started", "db term", "web exit", "web started", "web term"}
			if diff := cmp.Diff(want, h.events(t)); diff != "" {
				t.Errorf("what they saw is not what they should:\n%s", diff)
			}
		})
	}
}

// sendTo asks a process of a nested engine's containers to end, without that engine.
func sendTo(t *testing.T, n *dockertest.Nested, pid int) {
	t.Helper()
	if out, code := n.Outer().Exec(t, "kill", "-TERM", fmt.Sprint(pid)); code != 0 {
		t.Fatalf("cannot signal process %d: %s", pid, out)
	}
}

// awaitEnd waits until there is no such process any more.
func awaitEnd(t *testing.T, n *dockertest.Nested, pid int) {
	t.Helper()
	dockertest.Eventually(t, soon, func() (bool, string) {
		_, code := n.Outer().Exec(t, "sh", "-c", "[ ! -d $0 ]", fmt.Sprintf("/proc/%d", pid))
		return code == 0, fmt.Sprintf("process %d still runs", pid)
	})
}
