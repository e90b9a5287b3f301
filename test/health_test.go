package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/dockertest"
)

// server is a component that is healthy as long as it is not told to fail.
func server() string {
	return kit("serve 127.0.0.1:3000", `healthcheck: {test: [CMD, /testkit, get, "http://127.0.0.1:3000/"], interval: 100ms, retries: 2}`)
}

func TestThePodIsAsHealthyAsItsComponents(t *testing.T) {
	t.Parallel()
	s := podOf(t, dockertest.New(t), components{
		"web":  server(),
		"slow": kit("wait /go", whenThere("/ready")),
		"log":  kit("sleep"),
	})
	becomes := func(want string, code int) {
		t.Helper()
		dockertest.Eventually(t, soon, func() (bool, string) {
			got, gotCode := s.says(t)
			return got == want && gotCode == code, fmt.Sprint(got, " ", gotCode)
		})
	}
	s.waitRunning(t)
	s.waitFor(t, "component healthy", 1)
	becomes("starting", 1) // for slow is not healthy yet
	s.does(t, "slow", "touch", "/ready")
	becomes("healthy", 0)
	s.waitHealthy(t)
	s.does(t, "web", "get", "http://127.0.0.1:3000/fail")
	becomes("unhealthy", 1)
	s.does(t, "web", "get", "http://127.0.0.1:3000/ok")
	becomes("healthy", 0)
	s.terminated(t)
}

// Components share the supervisor's network, and with it its abstract sockets.
func TestComponentsGetNoAnswerFromTheSupervisor(t *testing.T) {
	for name, flag := range map[string]string{"OnePIDNamespace": "-pids", "OwnPIDNamespaces": "-pids=false"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := podOf(t, dockertest.New(t), components{"nosy": kit("sleep")}, flag)
			s.waitRunning(t)
			answers, _ := s.component(t, "nosy").Exec(t, "/testkit", "dial", "@podlike/")
			if !strings.HasPrefix(answers, "@podlike/") {
				t.Fatalf("there is no socket to ask: %q", answers)
			}
			for line := range strings.Lines(answers) {
				if !strings.Contains(line, ": no answer: ") {
					t.Errorf("got an answer: %s", line)
				}
			}
			if health, code := s.says(t); code != 0 {
				t.Errorf("the supervisor itself is told %q", health)
			}
			s.terminated(t)
		})
	}
}
