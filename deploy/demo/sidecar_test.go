package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

func TestTheSidecarKeepsThePageOfAnAppThatHangs(t *testing.T) {
	for _, c := range []struct {
		why   string
		swarm bool
	}{
		{"with docker run", false},
		{"as a stack", true},
	} {
		t.Run(c.why, func(t *testing.T) {
			engine := dockertest.New(t)
			engine.Need(t, dockertest.Pause, dockertest.Supervisor, "podlike/example-app:dev", "nginx:1.22")
			if c.swarm {
				engine.Swarm(t)
			}
			d, said := show(t, c.swarm)
			for _, want := range []string{"Welcome to the shop.", "nginx:1.22", "podlike/pause", "[err] app: listening on"} {
				if !strings.Contains(said.String(), want) {
					t.Errorf("the demo did not show %q", want)
				}
			}
			url := "http://127.0.0.1:" + d.port()
			fresh := page(t, url)

			send(t, d, "STOP")
			dockertest.Eventually(t, 15*time.Second, func() (bool, string) {
				kept := page(t, url)
				return kept.cache == "STALE" && kept.status == http.StatusOK, kept.String()
			})
			send(t, d, "CONT")
			dockertest.Eventually(t, 15*time.Second, func() (bool, string) {
				next := page(t, url)
				return next.text != fresh.text && next.status == http.StatusOK, next.String()
			})

			again(t, d)
		})
	}
}

// show runs the demo of the sidecar under a name and at a port of its own, and
// removes it when the test is over.
func show(t *testing.T, swarm bool) (demo, *bytes.Buffer) {
	t.Helper()
	t.Setenv("PORT", freePort(t))
	example, err := load(t.Context(), sidecar, "podlike-demo-test")
	if err != nil {
		t.Fatal(err)
	}
	said := new(bytes.Buffer)
	d := demo{example: example, docker: docker{out: said}, out: said, swarm: swarm}
	t.Cleanup(func() {
		if err := d.down(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the demo said:\n%s", said)
		}
	})
	if err := d.up(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d, said
}

// again shows that the demo takes the place of one that is there, and that down
// leaves nothing.
func again(t *testing.T, d demo) {
	t.Helper()
	if err := d.up(t.Context()); err != nil {
		t.Fatalf("a second time: %v", err)
	}
	if err := d.down(t.Context()); err != nil {
		t.Fatal(err)
	}
	left, err := d.docker.list(t.Context(), "ps", "--all", "--filter", "label="+pod.LabelPod, "--format", `{{.Label "`+pod.LabelName+`"}}`)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range left {
		if strings.HasPrefix(name, d.Name) {
			t.Errorf("a container of %s is left", name)
		}
	}
}

// send sends a signal to the app's process.
func send(t *testing.T, d demo, name string) {
	t.Helper()
	app, err := d.docker.ask(t.Context(), "ps", "--quiet", "--filter", "label="+pod.LabelComponent+"=app", "--filter", "name="+d.containers())
	if err != nil || app == "" {
		t.Fatalf("cannot find the app's container: %v", err)
	}
	if _, err := d.docker.ask(t.Context(), "kill", "--signal", name, app); err != nil {
		t.Fatal(err)
	}
}

// An answer is what a client of the pod gets.
type answer struct {
	status int
	cache  string // what nginx says of where it had the page from
	text   string
}

func (a answer) String() string { return http.StatusText(a.status) + ", " + a.cache + ", " + a.text }

// page asks for the page once.
func page(t *testing.T, url string) answer {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header.Get("X-Cache"), text.String()}
}

// freePort is a port that nothing listens on.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}
