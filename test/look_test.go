package test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

func TestADryRunPrintsThePlanAndCreatesNothing(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	began := time.Now()
	spec := d.Supervisor(t, components{"app": kit("sleep"), "web": kit("sleep", "depends_on: [app]")}.labels(), "run", "-dry-run")
	spec.Labels[pod.MakeKnown] = "true"
	s := run(t, d, spec)
	if code := s.Wait(t); code != 0 {
		t.Errorf("exited with %d, want 0", code)
	}
	const want = `create pause (holds the namespaces)
start pause after create pause
create app after create pause
create web after create pause
start app after create app, start pause
start web after create web, start pause, start app
name app, web (127.0.0.1 in all components)
`
	got, told := s.Logs(t)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s\n%s", diff, told)
	}
	if made := madeBy(t, s, began); len(made) > 0 {
		t.Errorf("these were created: %q", made)
	}
}

// What is asked from within the container of a running supervisor is told of its pod,
// with the flags that it runs with.
func TestARunningPodCanBeLookedAt(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	spec := d.Supervisor(t, components{"web": kit("sleep")}.labels(), "-pids=false", "-stop-timeout", "20s")
	spec.Labels[pod.CopyPrefix+"web"] = "/supervisor:/supervisor"
	s := run(t, d, spec)
	s.waitRunning(t)
	const want = `components:
  - name: web
    image: podlike/testkit:dev
`
	out, code := s.Exec(t, "/supervisor", "inspect")
	if code != 0 || !strings.HasPrefix(out, want) || !strings.Contains(out, "grace: 20s\n") ||
		strings.Contains(out, "sharePID") || !strings.Contains(out, "shareIPC: true\n") {
		t.Errorf("inspect exits %d and prints\n%s", code, out)
	}
	out, code = s.Exec(t, "/supervisor", "validate", s.Name)
	if code != 0 || out != "" {
		t.Errorf("validate exits %d and prints\n%s", code, out)
	}
	s.terminatedWithin(t, 20*time.Second)
}

func TestTheLabelsOfAContainerAreValidated(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	s := podOf(t, d, components{"web": kit("sleep")})
	s.waitRunning(t)
	broken := podOf(t, d, components{"web": "image: a\nports: [80]\n"})
	broken.Wait(t)
	out, code := s.Exec(t, "/supervisor", "validate", broken.Name)
	if want := "pod.component.web:2:1: ports: not supported in a pod; publish them on the service\n"; code != 2 || out != want {
		t.Errorf("validate exits %d and prints\n%s", code, out)
	}
	s.terminated(t)
}
