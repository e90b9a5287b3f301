package test

import (
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

// late is how much later than it is due a restart may be on a machine that has more to do.
const late = 10 * time.Second

// A restarted component is a new container under the same name, after a delay that
// grows, and nobody else notices.
func TestAComponentRestartsAloneAndAfterItsDelay(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	kept := d.Volume(t, nil)
	spec := d.Supervisor(t, components{
		"web": kit("lines 2 prefix run- stay /printed", "restart: always", "volumes: ["+kept+":/kept]"),
		"log": kit("sleep"),
	}.labels(), "-logs")
	spec.Labels[pod.RestartBackoff] = "{initial: 1s, cap: 2s}"
	s := run(t, d, spec)
	s.waitRunning(t)
	log := s.component(t, "log").Inspect(t)
	web := s.printed(t)
	inside(t, web, "touch", "/kept/file")
	delays := []time.Duration{0, time.Second, 2 * time.Second, 2 * time.Second}
	for i := range delays {
		web = s.restarted(t, web, i+1)
		inside(t, web, "exists", "/kept/file")
	}
	sameProcess(t, s.component(t, "log").Inspect(t), log)
	s.terminated(t)
	s.delayed(t, "web", delays)
	stdout, _ := s.Logs(t)
	want := ""
	for range len(delays) + 1 {
		want += numbered(2, "run-")
	}
	same(t, "web", of(stdout, "out", "web"), want)
}

// printed is the component web when it has printed all it has to.
func (s supervisor) printed(t *testing.T) *dockertest.Container {
	t.Helper()
	web := s.component(t, "web")
	dockertest.Eventually(t, soon, func() (bool, string) {
		out, code := web.Exec(t, "/testkit", "exists", "/printed")
		return code == 0, out
	})
	return web
}

// restarted kills the component web and waits for its nth restart.
func (s supervisor) restarted(t *testing.T, web *dockertest.Container, n int) *dockertest.Container {
	t.Helper()
	web.Kill(t, "KILL")
	s.waitFor(t, "component restarts", n)
	s.waitFor(t, "component started", 2+1+n) // two components, pause, and each restart
	next := s.printed(t)
	if next.ID == web.ID || next.Name != web.Name {
		t.Errorf("%s (%s) is followed by %s (%s), want another container of the same name", web.Name, web.ID, next.Name, next.ID)
	}
	return next
}

// sameProcess asserts that a container has run on.
func sameProcess(t *testing.T, now, before container.InspectResponse) {
	t.Helper()
	if now.ID != before.ID || now.State.Pid != before.State.Pid || now.State.StartedAt != before.State.StartedAt {
		t.Errorf("%s is another process: %+v, was %+v", now.Name, now.State, before.State)
	}
}

// delayed asserts that a component's restarts came when they were due, by the records.
func (j journal) delayed(t *testing.T, component string, delays []time.Duration) {
	t.Helper()
	var ended time.Time
	var seen []time.Duration
	n := 0
	for _, r := range j.records(t) {
		switch {
		case r.Component != component:
		case r.Message == "component ended":
			ended = r.Time
		case r.Message == "component restarts":
			if got := time.Duration(r.In * float64(time.Millisecond)); n < len(delays) && got != delays[n] {
				t.Errorf("restart %d is announced for in %v, want %v", n+1, got, delays[n])
			}
			n++
		case r.Message == "component started" && n > 0:
			seen = append(seen, r.Time.Sub(ended))
		}
	}
	if len(seen) != len(delays) {
		t.Fatalf("%d restarts, want %d:\n%s", len(seen), len(delays), j.of.Output(t))
	}
	for i, got := range seen {
		if got < delays[i]-time.Millisecond || got > delays[i]+late { // records are to the millisecond
			t.Errorf("restart %d came after %v, want %v", i+1, got, delays[i])
		}
	}
	t.Logf("restarts after %v", seen)
}
