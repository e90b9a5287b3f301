package test

import (
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/status"
)

// The engine keeps what a check has said to itself; whoever looks at the pod wants to know.
func TestWhyAComponentIsUnhealthyIsToldEverywhere(t *testing.T) {
	for name, test := range map[string]struct {
		why   string
		check string
		says  string
	}{
		"Code":    {"it says nothing", "test: [CMD, /testkit, exit, '3']", "exit code 3"},
		"Output":  {"it says why", "test: [CMD, /testkit, cat, /db/lock]", "exit code 1: testkit: open /db/lock: no such file or directory"},
		"Missing": {"the image has no such program", "test: [CMD, /curl]", "the program of its test is not in its image: OCI runtime exec failed: "},
		"NoShell": {"the image is of one program", "test: curl localhost", "its test is a line for a shell, and its image has none: write `test: [CMD, program, argument]`"},
		"TooLate": {"it does not end", "test: [CMD, /testkit, ignore], timeout: 100ms", "Health check exceeded timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := podOf(t, dockertest.New(t), components{
				"db":  kit("sleep", "healthcheck: {"+test.check+", interval: 200ms, retries: 2}"),
				"log": kit("sleep"),
			})
			s.told(t, "component unhealthy", "db", test.says, 1)
			want := "its health check says unhealthy: " + test.says
			s.waitStatus(t, "db", func(c status.Component) bool {
				return c.State.Running != nil && strings.HasPrefix(c.State.Running.Message, want)
			})
			if got := s.asks(t, "status"); !strings.Contains(got, "\ndb: "+want) {
				t.Errorf("%s, and people are shown\n%s", test.why, got)
			}
			s.terminated(t)
			ends := s.ends(t)
			if got := ends["db"]; !strings.HasPrefix(got.Unhealthy, test.says) {
				t.Errorf("%s, and the last record has %+v", test.why, got)
			}
			if got := ends["log"].Unhealthy; got != "" {
				t.Errorf("log has no check, and the last record says %q", got)
			}
		})
	}
}

// The engine tells nothing of checks that fail while a component starts, so it is asked.
func TestWhyAComponentIsNotHealthyYetIsInTheStatus(t *testing.T) {
	t.Parallel()
	s := podOf(t, dockertest.New(t), components{
		"db": kit("sleep", "healthcheck: {test: [CMD, /testkit, cat, /db/lock], interval: 200ms, start_period: 1h}"),
	})
	s.waitStatus(t, "db", func(c status.Component) bool {
		return c.State.Running != nil &&
			c.State.Running.Message == "its health check says starting: exit code 1: testkit: open /db/lock: no such file or directory"
	})
	s.terminated(t)
}

func TestADependencyThatIsUnhealthyEndsThePodWithWhy(t *testing.T) {
	t.Parallel()
	s := podOf(t, dockertest.New(t), components{
		"db":  kit("sleep", "healthcheck: {test: [CMD, /testkit, cat, /db/lock], interval: 200ms, retries: 2}"),
		"web": kit("sleep", "depends_on: {db: {condition: service_healthy}}"),
	})
	if code := s.Wait(t); code != 1 {
		t.Errorf("exited with %d, want 1", code)
	}
	const want = "it is unhealthy, and another component waits for its health: exit code 1: testkit: open /db/lock: no such file or directory"
	if last := s.lastRecord(t); last.Component != "db" || last.Why != "cannot go on with db: "+want {
		t.Errorf("the last record says %q", last.Why)
	}
	s.gone(t, 0)
}
