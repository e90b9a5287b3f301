// Package test runs whole pods on a real engine, as a user would: by labels on a
// supervisor. It looks at them from outside only, at what the engine has, what the
// supervisor logs and how it exits.
package test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

const (
	// soon is how long a pod may take to come up on a machine that has more to do.
	soon = 30 * time.Second
	// budget is the time for going down that a supervisor has when not told otherwise.
	budget = pod.DefaultGrace
	// killed is the exit code of a process that someone has killed.
	killed = 137
)

// components are a pod's components by name, each a Compose service in YAML.
type components map[string]string

// labels are what a supervisor reads them from.
func (cs components) labels() map[string]string {
	all := map[string]string{}
	for name, service := range cs {
		all[pod.ComponentPrefix+name] = service
	}
	return all
}

// kit is a component that runs a command of testkit's, with more keys in YAML such
// as "tty: true".
func kit(command string, more ...string) string {
	return "{" + strings.Join(append([]string{"image: " + dockertest.Testkit, fmt.Sprintf("command: %q", command)}, more...), ", ") + "}"
}

// whenThere is a health check that passes as soon as a file is there.
func whenThere(file string) string {
	return fmt.Sprintf("healthcheck: {test: [CMD, /testkit, exists, %s], interval: 100ms, retries: 1000}", file)
}

// A supervisor is one that runs, or has run, on the real engine.
type supervisor struct {
	*dockertest.Container
	d *dockertest.Engine
}

// podOf runs a supervisor of these components with these flags.
func podOf(t testing.TB, d *dockertest.Engine, cs components, flags ...string) supervisor {
	t.Helper()
	return run(t, d, d.Supervisor(t, cs.labels(), flags...))
}

// run runs a supervisor as specified.
func run(t testing.TB, d *dockertest.Engine, spec dockertest.Spec) supervisor {
	t.Helper()
	d.Need(t, dockertest.Pause, dockertest.Testkit)
	return supervisor{Container: d.Run(t, spec), d: d}
}

// A record is one record of a supervisor's log.
type record struct {
	Time      time.Time       `json:"time"`
	Message   string          `json:"message"`
	Component string          `json:"component"`
	Container string          `json:"container"`
	Why       string          `json:"why"`
	Code      int             `json:"code"`
	In        float64         `json:"in_ms"`
	Codes     map[string]*int `json:"codes"`
	LastLines []string        `json:"last_lines"`
}

// records are all that the supervisor has logged, without its components' output.
func (s supervisor) records(t testing.TB) (all []record) {
	t.Helper()
	_, stderr := s.Logs(t)
	for line := range strings.Lines(stderr) {
		var r record
		if json.Unmarshal([]byte(line), &r) == nil {
			all = append(all, r)
		}
	}
	return all
}

// lastRecord is the one that tells how the pod has ended; the supervisor has exited.
func (s supervisor) lastRecord(t testing.TB) record {
	t.Helper()
	all := s.records(t)
	if len(all) == 0 || all[len(all)-1].Message != "pod ended" {
		t.Fatalf("the last record does not tell of the end, in:\n%s", s.Container.Output(t))
	}
	return all[len(all)-1]
}

// waitFor waits until the supervisor has logged something n times.
func (s supervisor) waitFor(t testing.TB, message string, n int) {
	t.Helper()
	dockertest.Eventually(t, soon, func() (bool, string) {
		got := 0
		for _, r := range s.records(t) {
			if r.Message == message {
				got++
			}
		}
		return got >= n, fmt.Sprintf("%d of %d %q in:\n%s", got, n, message, s.Container.Output(t))
	})
}

// waitRunning waits until all components have been started.
func (s supervisor) waitRunning(t testing.TB) {
	t.Helper()
	s.waitFor(t, "pod running", 1)
}

// waitHealthy waits until the engine calls the supervisor healthy.
func (s supervisor) waitHealthy(t testing.TB) {
	t.Helper()
	dockertest.Eventually(t, soon, func() (bool, string) {
		health := s.Health(t)
		return health == "healthy", health
	})
}

// says is what `supervisor healthcheck` prints, and its exit code.
func (s supervisor) says(t testing.TB) (health string, code int) {
	t.Helper()
	out, code := s.Exec(t, "/supervisor", "healthcheck")
	return strings.TrimSpace(out), code
}

// component is the container of a component that is there.
func (s supervisor) component(t testing.TB, name string) *dockertest.Container {
	t.Helper()
	c, there := s.d.Component(t, s.ID, name)
	if !there {
		t.Fatalf("component %s is not there", name)
	}
	return c
}

// gone asserts that nothing of the pod is left within the time. That needs no one's
// help: this is asked before the test cleans up.
func (s supervisor) gone(t testing.TB, within time.Duration) {
	t.Helper()
	s.d.Gone(t, s.ID, within)
}

// terminated stops the supervisor as the engine does on a task's end, and asserts
// that it ends cleanly before the engine would kill it, and with nothing left.
func (s supervisor) terminated(t testing.TB) {
	t.Helper()
	s.terminatedWithin(t, budget)
}

// terminatedWithin is terminated for a budget in whole seconds.
func (s supervisor) terminatedWithin(t testing.TB, budget time.Duration) {
	t.Helper()
	s.Stop(t, budget)
	if code := s.Wait(t); code != 0 {
		t.Errorf("exited with %d, want 0", code)
	}
	s.gone(t, 0)
}

// cleaning is a context for what is to be done when the test's own is over.
func cleaning() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), soon)
}
