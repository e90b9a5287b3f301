package test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
)

// A pod can be asked to end at any moment, and then ends cleanly.
func TestASignalIsHeardAtAnyMoment(t *testing.T) {
	never := whenThere("/never")
	for name, test := range map[string]struct {
		why        string
		components func(t *testing.T) components
		until      string // the record that shows the moment
		count      int
	}{
		"Pull": {"a registry may take for ever", func(t *testing.T) components {
			return components{"web": "{image: " + hangingRegistry(t) + "/web:1}", "log": kit("sleep")}
		}, "pulling image", 1},
		"Create": {"what is under way when the signal comes has to be removed as well", func(*testing.T) components {
			return components{"a": kit("sleep"), "b": kit("sleep"), "c": kit("sleep"), "d": kit("sleep", "volumes: [/data]"), "e": kit("sleep")}
		}, "container created", 2},
		"Start": {"a start cannot be taken back, only followed by a stop", func(*testing.T) components {
			return components{"a": kit("sleep"), "b": kit("sleep"), "c": kit("sleep"), "d": kit("sleep", "volumes: [/data]"), "e": kit("sleep")}
		}, "component started", 2},
		"Wait": {"one waits for a health that never comes", func(*testing.T) components {
			return components{"db": kit("sleep", never), "web": kit("sleep", "depends_on: {db: {condition: service_healthy}}")}
		}, "component waits", 1},
		"Run": {"the usual case, of a component that has to be killed", func(*testing.T) components {
			return components{"web": kit("ignore", "stop_grace_period: 1s"), "log": kit("sleep")}
		}, "pod running", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := podOf(t, dockertest.New(t), test.components(t), "-debug")
			s.waitFor(t, test.until, test.count)
			s.terminated(t)
			last := s.lastRecord(t)
			if last.Code != 0 || last.Component != "" || !strings.Contains(last.Why, "SIGTERM") {
				t.Errorf("the last record has %d of %q, why %q: %s", last.Code, last.Component, last.Why, test.why)
			}
		})
	}
}

// A terminal that goes away makes docker run pass SIGHUP on, of which a Go program ends.
func TestAHangUpAsksToStop(t *testing.T) {
	t.Parallel()
	s := podOf(t, dockertest.New(t), components{"web": kit("sleep"), "log": kit("sleep", "x-pod: {pid: private}")})
	s.waitRunning(t)
	s.Kill(t, "SIGHUP")
	if code := s.Wait(t); code != 0 {
		t.Errorf("exited with %d, want 0", code)
	}
	if last := s.lastRecord(t); !strings.Contains(last.Why, "SIGHUP") {
		t.Errorf("it ended, because %q", last.Why)
	}
	s.gone(t, 0)
}

// Swarm kills the supervisor when the grace period is over, so by then all has to be
// done, however long the components would like to take.
func TestAPodEndsWithinItsBudgetWhateverItsComponentsDo(t *testing.T) {
	t.Parallel()
	s := podOf(t, dockertest.New(t), components{
		"db":  kit("ignore", "stop_grace_period: 1m"),
		"web": kit("ignore", "depends_on: [db]"),
		"log": kit("sleep health /there", "depends_on: [web]", whenThere("/there")), // for then it knows what a signal is
	}, "-stop-timeout", "3s")
	s.waitHealthy(t)
	s.terminatedWithin(t, 4*time.Second) // a second for an engine that is busy
	for name, want := range map[string]int{"db": killed, "web": killed, "log": 0} {
		if got := s.lastRecord(t).Codes[name]; got == nil || *got != want {
			t.Errorf("%s ended with %v, want %d", name, got, want)
		}
	}
}

// The signal may come before the supervisor has got a word from the engine.
func TestASignalIsHeardWhileTheEngineIsSilent(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "socket")
	engine, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	engine.SetDeadline(time.Now().Add(soon))
	spec := dockertest.Spec{Image: dockertest.Supervisor, Binds: []string{socket + ":/var/run/docker.sock"}}
	s := run(t, dockertest.New(t), spec)
	asked, err := engine.Accept() // and never answered
	if err != nil {
		t.Fatal(err)
	}
	defer asked.Close()
	s.terminated(t)
}

// hangingRegistry is the address of a registry that never answers what it is asked
// for. It is on loopback, where an engine takes one without TLS.
func hangingRegistry(t *testing.T) string {
	t.Helper()
	over, end := context.WithCancel(context.Background())
	registry := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v2/" {
			return // yes, this is a registry
		}
		select {
		case <-r.Context().Done():
		case <-over.Done():
		}
	}))
	t.Cleanup(registry.Close)
	t.Cleanup(end)
	return registry.Listener.Addr().String()
}
