// Package engine restarts and kills Docker engines under pods that run, as upgrades and
// crashes do. The engines are nested ones, each in a container of its own; the machine's
// is left alone.
package engine

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

const (
	// soon is how long anything may take on a machine that has more to do.
	soon = 30 * time.Second
	// budget is the time for going down that a supervisor has here, also from the engine.
	budget = 20 * time.Second
	// restarts are how often an engine is restarted in the same way.
	restarts = 3
)

// signals are how an engine is ended, by the names of the tests.
var signals = map[string]string{"Stopped": "TERM", "Killed": "KILL"}

// A supervisor is one that runs, or has run, on a nested engine.
type supervisor struct {
	*dockertest.Container
	n *dockertest.Nested
}

// podOf runs a supervisor of these components, each a Compose service in YAML, and returns
// when all of them have been started. Its health is not checked.
func podOf(t *testing.T, n *dockertest.Nested, components map[string]string) supervisor {
	t.Helper()
	return checkedPodOf(t, n, &container.HealthConfig{Test: []string{"NONE"}}, components)
}

// checkedPodOf is podOf with a health check.
func checkedPodOf(t *testing.T, n *dockertest.Nested, check *container.HealthConfig, components map[string]string) supervisor {
	t.Helper()
	labels := map[string]string{}
	for name, service := range components {
		labels[pod.ComponentPrefix+name] = service
	}
	spec := n.Supervisor(t, labels, "-logs", "-stop-timeout", budget.String())
	spec.StopTimeout = budget
	spec.Health = check
	s := supervisor{Container: n.Run(t, spec), n: n}
	dockertest.Eventually(t, soon, func() (bool, string) {
		return slices.ContainsFunc(s.records(t), func(r record) bool { return r.Message == "pod running" }), s.log(t)
	})
	return s
}

// kit is a component that runs a command of testkit's, with more keys in YAML.
func kit(command string, more ...string) string {
	return "{" + strings.Join(append([]string{"image: " + dockertest.Testkit, fmt.Sprintf("command: %q", command)}, more...), ", ") + "}"
}

// A record is one record of a supervisor's log.
type record struct {
	Message string `json:"message"`
	Code    int    `json:"code"`
	Why     string `json:"why"`
}

// records are all that the supervisor has logged.
func (s supervisor) records(t *testing.T) (all []record) {
	t.Helper()
	for line := range strings.Lines(s.log(t)) {
		var r record
		if json.Unmarshal([]byte(line), &r) == nil && r.Message != "" {
			all = append(all, r)
		}
	}
	return all
}

// log is what the supervisor has logged, without what its components have printed.
func (s supervisor) log(t *testing.T) string {
	t.Helper()
	_, stderr := s.Logs(t)
	return stderr
}

// component is the container of a component that is there.
func (s supervisor) component(t *testing.T, name string) *dockertest.Container {
	t.Helper()
	c, there := s.n.Component(t, s.ID, name)
	if !there {
		t.Fatalf("component %s is not there", name)
	}
	return c
}

// ended asserts that the supervisor exits with 0 and leaves nothing.
func (s supervisor) ended(t *testing.T) {
	t.Helper()
	s.exited(t)
	s.n.Gone(t, s.ID, soon)
}

// exited asserts that the supervisor exits with 0.
func (s supervisor) exited(t *testing.T) {
	t.Helper()
	dockertest.Eventually(t, budget, func() (bool, string) { return !s.Running(t), s.log(t) })
	if code := s.Inspect(t).State.ExitCode; code != 0 {
		t.Errorf("exited with %d, want 0:\n%s", code, s.log(t))
	}
}

// swept asserts that what an engine has left of a pod, for it was killed while it removed
// that, is gone when another supervisor has come.
func (s supervisor) swept(t *testing.T) {
	t.Helper()
	next := podOf(t, s.n, map[string]string{"web": kit("sleep")})
	s.n.Gone(t, s.ID, soon)
	next.Stop(t, budget)
	next.ended(t)
}

// toldEnd asserts that the last record is that of an end in order.
func (s supervisor) toldEnd(t *testing.T) {
	t.Helper()
	all := append([]record{{}}, s.records(t)...)
	if last := all[len(all)-1]; last.Message != "pod ended" || last.Code != 0 {
		t.Errorf("the last record is %+v", last)
	}
}

// processes are the containers of the pod, each with its process, as
// `name: ID, PID, start time`: none of them is the same after any kind of restart.
func (s supervisor) processes(t *testing.T) (all []string) {
	t.Helper()
	containers := []*dockertest.Container{s.Container}
	for _, c := range s.n.Pod(t, s.ID) {
		containers = append(containers, s.n.Container(t, c.ID))
	}
	for _, c := range containers {
		pid := c.Inspect(t).State.Pid
		stat, _ := s.n.Outer().Exec(t, "cat", fmt.Sprintf("/proc/%d/stat", pid))
		_, rest, _ := strings.Cut(stat, ") ") // the name before may have blanks
		fields := strings.Fields(rest)
		if len(fields) <= startTime {
			t.Fatalf("the process of %s cannot be seen: %q", c.Name, stat)
		}
		all = append(all, fmt.Sprintf("%s: %s, %d, %s", c.Name, c.ID, pid, fields[startTime]))
	}
	slices.Sort(all)
	return all
}

// startTime is the place of a process' start time in /proc/PID/stat, counted from its
// state on.
const startTime = 19

// A history is what components have written of their lives into a file of a volume.
type history struct {
	n      *dockertest.Nested
	volume string
}

// newHistory makes the volume.
func newHistory(t *testing.T, n *dockertest.Nested) history {
	t.Helper()
	return history{n: n, volume: n.Volume(t, nil)}
}

// kit is a component that writes when it is asked to end, and needs two seconds then to
// save what it has.
func (h history) kit(name string, more ...string) string {
	return kit("history /shared/history "+name+" linger 2s", append(more, "volumes: ['"+h.volume+":/shared']")...)
}

// events are the lines so far, without their times and sorted. They are read past the
// engine, which may not be there.
func (h history) events(t *testing.T) (all []string) {
	t.Helper()
	lines, _ := h.n.Outer().Exec(t, "sh", "-c", "[ ! -f $0 ] || cat $0", "/var/lib/docker/volumes/"+h.volume+"/_data/history")
	for line := range strings.Lines(lines) {
		_, what, _ := strings.Cut(strings.TrimSpace(line), " ")
		all = append(all, what)
	}
	slices.Sort(all)
	return all
}

// await waits until so many lines are there.
func (h history) await(t *testing.T, lines int) {
	t.Helper()
	dockertest.Eventually(t, soon, func() (bool, string) {
		got := h.events(t)
		return len(got) >= lines, strings.Join(got, ", ")
	})
}
