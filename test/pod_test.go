// Package test runs whole pods on a real engine, as a user would: by labels on a
// supervisor. It looks at them from outside only, at what the engine has, what the
// supervisor logs and how it exits.
package test

import (
	"context"
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
	journal
	d *dockertest.Engine
}

// supervisorIn is the one that this container of the engine's is for.
func supervisorIn(d *dockertest.Engine, c *dockertest.Container) supervisor {
	return supervisor{Container: c, journal: journal{c}, d: d}
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
	return supervisorIn(d, d.Run(t, spec))
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
