package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
)

// The same rule is for who looks at a stack file beforehand and for who starts the pod.
func TestAFilesTimesToStopAreComparedWithItsFlagsAndItsServices(t *testing.T) {
	const socket = "image: sup\nvolumes: [/var/run/docker.sock:/var/run/docker.sock]\n"
	const web = "labels: {pod.component.web: '{image: b}'}\n"
	const cut, service = "services.a: pod.component.web: stop_grace_period", "services.a: stop_grace_period"
	component := func(more string) string { return "labels: {pod.component.web: '{image: b, " + more + "}'}\n" }
	stack := func(keys string) string {
		return "services:\n  a:\n" + strings.ReplaceAll("\n"+socket+keys, "\n", "\n    ") + "\n"
	}
	for text, want := range map[string]string{
		stack(component("stop_grace_period: 1m")):                                                                                    cut,
		stack(component("stop_grace_period: 10s")):                                                                                   "",
		stack(component("stop_grace_period: 5s")):                                                                                    "",
		stack(component("stop_grace_period: 1m") + "command: -stop-timeout=70s\nstop_grace_period: 75s"):                             "",
		stack(component("stop_grace_period: 1m") + "command: [-logs, --stop-timeout, 70s]"):                                          service,
		stack(component("stop_grace_period: 1m") + "command: -stop-timeout=30s\nstop_grace_period: 30s"):                             cut,
		stack(web + "stop_grace_period: 1m"):                                                                                         service,
		stack(web + "stop_grace_period: 1m\ncommand: -stop-timeout=10s"):                                                             "",
		stack(web + "stop_grace_period: 1m\ncommand: -logs"):                                                                         service,
		stack(web + "stop_grace_period: 12s"):                                                                                        "",
		stack(web + "stop_grace_period: 5s"):                                                                                         service,
		stack("labels: {pod.component.web: '{image: b, stop_grace_period: 1m}', pod.stop_grace_period: 1m}\nstop_grace_period: 63s"): "",
		stack("labels: {pod.component.web: '{image: b}', pod.stop_grace_period: 1m}"):                                                service,
		"services: {web: {image: b, stop_grace_period: 1m}}\n":                                                                       "services.web: stop_grace_period",
		"services: {web: {image: b, stop_grace_period: 10s}}\n":                                                                      "",
	} {
		file := filepath.Join(t.TempDir(), "s.yml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, findings := readFile(file)
		var got []string
		for _, f := range findings {
			if !f.Warning || f.Line == 0 {
				t.Errorf("%s\nfound %s", text, f)
			}
			got = append(got, f.Place)
		}
		if diff := cmp.Diff(want, strings.Join(got, "\n")); diff != "" {
			t.Errorf("%s\n%s", text, diff)
		}
	}
}

// starting is a pod that is about to be started, with what is told of it until then.
type starting struct {
	runnable
	told []string
}

// empty is an engine that has nothing.
func empty(t *testing.T) engine.Engine {
	t.Helper()
	e := fake.New()
	t.Cleanup(e.Close)
	return e
}

// start prepares a pod as a Compose file describes it, with those flags, in a container that
// the engine gives a time to stop.
func start(t *testing.T, text string, grace time.Duration, flags ...string) *starting {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "pod.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := parseOptions(cmdRun, flags, os.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	s := &starting{}
	self := engine.Seen{Labels: map[string]string{pod.ComposeFile: file}, StopTimeout: grace}
	s.runnable, err = prepare(t.Context(), empty(t), o, self, labelsOf(self), func(e event.Event) {
		if e.Kind != event.ConfigWarning || e.At.IsZero() {
			t.Errorf("told %+v", e)
		}
		s.told = append(s.told, strings.ReplaceAll(e.Why, dir+"/", ""))
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestATimeToStopThatIsCutIsToldOnceAtTheStart(t *testing.T) {
	const long = "services:\n  web:\n    image: b\n    stop_grace_period: 1m\n"
	const cut = "pod.yml: services.web: line 4: stop_grace_period: 1m is more than the pod has to stop, so that it is killed after "
	const label = "; write the label pod.stop_grace_period: 1m, and stop_grace_period: 1m3s in the service"
	for name, test := range map[string]struct {
		why, text string
		grace     time.Duration // of the container
		flags     []string
		want      []string
	}{
		"Default":   {"nobody asks for more", "services: {web: {image: b}}", 0, nil, nil},
		"Component": {"the pod has 10s", long, 0, nil, []string{cut + "9.5s" + label}},
		"Flag":      {"the pod has more", long, 0, []string{"-stop-timeout", "1m"}, nil},
		"ShortFlag": {"the pod has more, but not enough", long, 0, []string{"-stop-timeout", "30s"}, []string{cut + "29.5s" + label}},
		"Engine":    {"it kills the pod", "services: {web: {image: b}}", 5 * time.Second, nil, []string{"stop_grace_period: the engine kills the pod after 5s, but it may take 10s by -stop-timeout; write stop_grace_period: 10s"}},
		"FlagOnly":  {"it kills the pod", long, 10 * time.Second, []string{"-stop-timeout", "1m"}, []string{"stop_grace_period: the engine kills the pod after 10s, but it may take 1m by -stop-timeout; write stop_grace_period: 1m"}},
		"Untold":    {"the pod does not make use of it", "services: {web: {image: b}}", time.Minute, nil, []string{"stop_grace_period: the pod is not told of the 1m that it has, and ends after 10s by -stop-timeout; write the label pod.stop_grace_period: 57s"}},
		"Told":      {"its user has decided", "services: {web: {image: b}}", time.Minute, []string{"-stop-timeout", "10s"}, nil},
		"Agree":     {"all say the same", long, time.Minute, []string{"-stop-timeout", "1m"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, start(t, test.text, test.grace, test.flags...).told); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

// What shows only when the engine is asked has the place where it was written all the same.
func TestWhatTheEngineTellsOfAPodHasThePlaceWhereItWasWritten(t *testing.T) {
	const text = `services:
  db:
    image: postgres
    volumes: [data:/data]
  web:
    image: app
    depends_on:
      db: {condition: service_healthy}
volumes:
  data: {external: true, name: shop-data}
`
	s := start(t, text, 0)
	on80 := engine.Image{Ports: []string{"80/tcp"}}
	err := s.admit(map[string]engine.Image{"postgres": on80, "app": on80}, []string{"shop-data"})
	got := strings.Split(err.Error(), "\n")
	for i, line := range got {
		_, got[i], _ = strings.Cut(line, "pod.yml: ")
	}
	want := []string{
		`services.db: line 4: volumes: the volume "shop-data" is external and not there; make it on this node with docker volume create shop-data, or correct its name`,
		"services.web: line 8: depends_on.db: will never be healthy, for neither it nor its image postgres has a health check; " +
			"give db a healthcheck or a readinessProbe, or use service_started",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	told := []string{"pod.yml: services.web: line 6: image: 80/tcp, which it exposes, is a port of db (by its image), too, and the components of a pod " +
		"share one network; let one of them listen on another, and name that in x-pod.ports"}
	if diff := cmp.Diff(told, s.told); diff != "" {
		t.Error(diff)
	}
	if code := exitCode(0, err, &strings.Builder{}); code != exitUsage {
		t.Errorf("it would exit with %d, want %d", code, exitUsage)
	}
	if err := s.admit(map[string]engine.Image{"postgres": {Checked: true}}, nil); err != nil {
		t.Errorf("with a check: %v", err)
	}
}
