package labels_test

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/labels"
)

var update = flag.Bool("update", false, "write the golden files anew")

// none is a supervisor without variables, whose files are all the same.
var none = compose.Own{
	Lookup:   func(string) (string, bool) { return "", false },
	ReadFile: func(string) ([]byte, error) { return []byte("A=1\n"), nil },
}

// files is a supervisor that has Compose files.
var files = compose.Own{
	Lookup: none.Lookup,
	ReadFile: func(file string) ([]byte, error) {
		text, found := map[string]string{
			"/pod.yml":     "services:\n  app: {image: a, ports: [80]}\n  db:\n    image: b\n    depends_on: [app]\n    hostname: c\n",
			"/bad.yml":     "services:\n  a:\n    image: [a]\n    ports: [80]\n  b:\n    user: c\n  c:\n    image: d\n    depends_on: [a, e]\n    volumes: ['f:/']\n  d: {extends: {file: base.yml, service: base}}\n",
			"/partial.yml": "include: [none.yml]\nservices:\n  a: {extends: {file: none.yml, service: b}, depends_on: [c, d]}\n  d: {image: e, profiles: [f]}\n",
			"/sidecar.yml": "services: {a: {image: b, x-pod: {sidecar: true}}}",
			"/life.yml":    "services:\n  web:\n    image: a\n    depends_on: {gone: {condition: service_healthy, required: false}, log: {condition: service_healthy}}\n    pre_start: [{command: [b]}]\n  log: {image: c, healthcheck: {test: d}, x-pod: {sidecar: true}}\n  gone: {image: e, profiles: [test]}\n",
			"/base.yml":    "services:\n  base:\n    image: a\n    depends_on: [nobody]\n",
		}[file]
		if !found {
			return nil, fs.ErrNotExist
		}
		return []byte(text), nil
	},
}

func TestReadTakesAFileInPlaceOfComponents(t *testing.T) {
	got, err := labels.Read(map[string]string{"pod.compose.file": "/pod.yml\n", "pod.copy.app": "/a:/b"}, files)
	if err != nil {
		t.Fatal(err)
	}
	want := []pod.Component{
		{Name: "app", Image: "a", Ports: []string{"80/tcp"}, StopGrace: pod.DefaultStopGrace, Copies: []pod.Copy{{Source: "/a", Target: "/b"}}},
		{Name: "db", Image: "b", StopGrace: pod.DefaultStopGrace, DependsOn: []pod.Dependency{{Name: "app", Condition: pod.Started}}},
	}
	if diff := cmp.Diff(pod.Complete(pod.Pod{Components: want}).Components, got.Components); diff != "" {
		t.Error(diff)
	}
	const said = `/pod.yml: services.app: line 2: ports: makes no sense in a pod and is ignored; publish them on the service
/pod.yml: services.db: line 6: hostname: components find it at 127.0.0.1, but the component's own host name is the pod's, which is the service's`
	if diff := cmp.Diff(said, got.Warnings.Error()); diff != "" {
		t.Error(diff)
	}
}

// stacks are the labels in testdata, by what they show.
func stacks(t testing.TB) map[string]map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/stacks.yml")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]map[string]string
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestReadTakesTheFormsStacksAreWrittenIn(t *testing.T) {
	const image, grace = "podlike/testkit:dev", pod.DefaultStopGrace
	probe := &pod.Health{Test: []string{"CMD", "/testkit", "get", "http://127.0.0.1:3000/"}, Interval: time.Second}
	for name, want := range map[string][]pod.Component{
		"sidecars": {
			{
				Name: "app", Image: image, StopGrace: grace,
				Command: []string{"serve", "127.0.0.1:3000"},
				Env:     map[string]string{"CLOUD_READY": "no", "HTTP_PORT": "3000"},
				Volumes: []pod.Volume{{Kind: pod.Named, Source: "logs", Target: "/var/logs/app"}},
				Copies:  []pod.Copy{{Source: "/etc/conf/logging.conf", Target: "/opt/app/conf/logs.xml"}},
			},
			{
				Name: "cache", Image: image, StopGrace: grace,
				Command:   []string{"serve", ":8443"},
				Env:       map[string]string{"CACHE_PORT": "8443", "CACHE_TLS": "on"},
				DependsOn: []pod.Dependency{{Name: "app", Condition: pod.Started}},
				Copies: []pod.Copy{
					{Source: "/etc/conf/cache.conf", Target: "/opt/cache/conf.d/default.conf"},
					{Source: "/etc/conf/tls.cert", Target: "/etc/ssl/shop.cert"},
				},
			},
			{
				Name: "health", Image: image, StopGrace: grace,
				Command: []string{"serve", ":8080"},
				Health:  probe,
				Copies: []pod.Copy{
					{Source: "/etc/conf/tls.cert", Target: "/etc/ssl/shop.cert"},
					{Source: "/etc/conf/tls.key", Target: "/etc/ssl/shop.key"},
				},
			},
			{
				Name: "log-collector", Image: image, StopGrace: grace,
				Command: []string{"sleep", "--pattern", "/var/logs/app/*.log", "--forward", "tcp://logs.example:7701"},
				Volumes: []pod.Volume{{Kind: pod.Named, Source: "logs", Target: "/var/logs/app", ReadOnly: true}},
			},
		},
		"one-line": {
			{
				Name: "app", Image: image, StopGrace: grace,
				Command: []string{"serve", "127.0.0.1:3000"},
				Health:  probe,
				Volumes: []pod.Volume{{Kind: pod.Named, Source: "data", Target: "/data"}},
			},
			{
				Name: "front", Image: image, StopGrace: grace,
				Command:   []string{"serve", ":80"},
				Labels:    map[string]string{"tier": "front"},
				DependsOn: []pod.Dependency{{Name: "app", Condition: pod.Healthy}},
			},
			{
				Name: "tail", Image: image, StopGrace: grace,
				Command:   []string{"sleep"},
				DependsOn: []pod.Dependency{{Name: "app", Condition: pod.Started}, {Name: "front", Condition: pod.Started}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := labels.Read(stacks(t)[name], none)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(pod.Complete(pod.Pod{Components: want}), got.Pod); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadTakesVariablesFromTheSupervisor(t *testing.T) {
	own := func(name string) (string, bool) { return "the " + name, name == "TOKEN" }
	got, err := labels.Read(map[string]string{"pod.component.a": "{image: b, environment: [TOKEN, OTHER]}"}, compose.Own{Lookup: own})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"TOKEN": "the TOKEN"}, got.Components[0].Env); diff != "" {
		t.Error(diff)
	}
}

func TestReadLeavesOtherLabelsAlone(t *testing.T) {
	got, err := labels.Read(map[string]string{
		"pod.component.a": "{image: b}", "pod": "x", "pod.name": "y", "podlike.pod": "z", "com.example.pod.copy.c": "w",
	}, none)
	if err != nil || len(got.Components) != 1 {
		t.Errorf("got %v and %v", got, err)
	}
}

func TestReadMakesInitComponentsOfTheList(t *testing.T) {
	got, err := labels.Read(map[string]string{
		"pod.component.web":   "{image: a}",
		"pod.init.components": "- {image: b, command: c, secrets: [d], x-any: 1}\n- {image: e, restart: unless-stopped, pre_start: [{command: [f]}]}\n- {image: g, restart: 'on-failure:3'}\n",
		"pod.copy.init-1":     "/h:/i",
	}, none)
	if err != nil {
		t.Fatal(err)
	}
	done := func(name string) []pod.Dependency { return []pod.Dependency{{Name: name, Condition: pod.Completed}} }
	want := pod.Pod{
		Init: []pod.Component{
			{Name: "init-1", Image: "b", Command: []string{"c"}, StopGrace: pod.DefaultStopGrace, Copies: []pod.Copy{{Source: "/run/secrets/d", Target: "/run/secrets/d", Memory: true, Place: "pod.init.components: init-1: secrets"}, {Source: "/h", Target: "/i"}}},
			{Name: "init-2.pre-start-1", Image: "e", Command: []string{"f"}, StopGrace: pod.DefaultStopGrace},
			{Name: "init-2", Image: "e", StopGrace: pod.DefaultStopGrace, Sidecar: true, Restart: pod.Restart{Policy: pod.RestartAlways}, DependsOn: done("init-2.pre-start-1")},
			{Name: "init-3", Image: "g", StopGrace: pod.DefaultStopGrace, Restart: pod.Restart{Policy: pod.RestartOnFailure, Max: 3}},
		},
		Components: []pod.Component{{Name: "web", Image: "a", StopGrace: pod.DefaultStopGrace}},
	}
	if diff := cmp.Diff(pod.Complete(want), got.Pod); diff != "" {
		t.Error(diff)
	}
}

// names are those of components, in order.
func names(components []pod.Component) string {
	var all []string
	for _, c := range components {
		all = append(all, c.Name)
	}
	return strings.Join(all, " ")
}

func TestSidecarsComeAfterTheListAndAfterWhatTheyDependOn(t *testing.T) {
	got, err := labels.Read(map[string]string{
		"pod.component.app":   "{image: a, depends_on: {z: {condition: service_healthy}}}",
		"pod.component.b":     "{image: a, x-pod: {sidecar: true}, depends_on: [z, init-1]}",
		"pod.component.c":     "{image: a, x-pod: {sidecar: true}, restart: always, depends_on: [b]}",
		"pod.component.z":     "{image: a, x-pod: {sidecar: true}, pre_start: [{command: [b]}, {command: [c]}]}",
		"pod.component.y":     "{image: a, x-pod: {sidecar: true}}",
		"pod.init.components": "[{image: a}]",
	}, none)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := names(got.Init), "init-1 y z.pre-start-1 z.pre-start-2 z b c"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := names(got.Components); got != "app" {
		t.Errorf("the components are %s", got)
	}
	for _, c := range got.Init[1:] {
		if isBefore := strings.Contains(c.Name, "pre-start"); c.Sidecar == isBefore || c.Sidecar != (c.Restart.Policy == pod.RestartAlways) {
			t.Errorf("%s: sidecar %t, restart %s", c.Name, c.Sidecar, c.Restart.Policy)
		}
	}
}

func TestAFileHasInitComponentsAndSidecarsToo(t *testing.T) {
	got, err := labels.Read(map[string]string{"pod.compose.file": "/life.yml", "pod.init.components": "[{image: f}]", "pod.copy.web.pre-start-1": "/g:/h"}, files)
	if err != nil || got.Warnings != nil {
		t.Fatal(err, got.Warnings)
	}
	if got, want := names(got.Init)+" | "+names(got.Components), "init-1 log | web web.pre-start-1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	log := pod.Dependency{Name: "log", Condition: pod.Healthy}
	web, before := got.Components[0], got.Components[1]
	if diff := cmp.Diff([]pod.Dependency{log, {Name: "web.pre-start-1", Condition: pod.Completed}}, web.DependsOn); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]pod.Dependency{log}, before.DependsOn); diff != "" {
		t.Error(diff)
	}
	if len(before.Copies) != 1 {
		t.Errorf("got the copies %v", before.Copies)
	}
}

func TestReadTakesWhatIsSaidOfTheWholePod(t *testing.T) {
	for why, test := range map[string]struct {
		label, value string
		want         pod.Pod
	}{
		"a budget for the stop":   {pod.StopGracePeriod, " 1m30s\n", pod.Pod{StopGrace: 90 * time.Second}},
		"both delays":             {pod.RestartBackoff, "initial: 1s\ncap: 1m\n", pod.Pod{Backoff: pod.Backoff{First: time.Second, Cap: time.Minute}}},
		"the first delay alone":   {pod.RestartBackoff, "{initial: 20s}", pod.Pod{Backoff: pod.Backoff{First: 20 * time.Second}}},
		"the longest delay alone": {pod.RestartBackoff, "{cap: 20s}", pod.Pod{Backoff: pod.Backoff{Cap: 20 * time.Second}}},
		"what it does by default": {pod.UnreadyMeans, "ignore", pod.Pod{Unready: pod.IgnoreUnready}},
		"what it may do":          {pod.UnreadyMeans, "unhealthy", pod.Pod{Unready: pod.UnreadyCounts}},
	} {
		t.Run(why, func(t *testing.T) {
			got, err := labels.Read(map[string]string{"pod.component.a": "{image: b}", test.label: test.value}, none)
			if err != nil {
				t.Fatal(err)
			}
			test.want.Components = []pod.Component{{Name: "a", Image: "b", StopGrace: pod.DefaultStopGrace}}
			if diff := cmp.Diff(pod.Complete(test.want), got.Pod); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// golden are labels that have something wrong with them, and why.
var golden = []struct {
	why    string
	labels map[string]string
}{
	{"no label at all", nil},
	{"only what belongs to others", map[string]string{"com.example": "x", "pod.name": "y"}},
	{"everything at once, each with its place", map[string]string{
		"pod.component.app":   "image: a\nports: [80]\nfoo: bar\ntty: 5",
		"pod.component.db":    "user: b",
		"pod.component.web":   "{image: c, depends_on: [app, dbb, worker]}",
		"pod.component.work":  "{image: c, depends_on: [web, loop]}",
		"pod.component.loop":  "{image: c, depends_on: {work: {condition: service_healthy}}}",
		"pod.component.worse": "{image: c",
		"pod.copy.app":        "/a",
		"pod.copy.cache":      "/a:/b",
	}},
	{"what cannot be read is told once", map[string]string{
		"pod.component.app": "{image: [a]}", "pod.component.db": "{", "pod.component.web": "{image: a, depends_on: [app, db]}",
	}},
	{"init components, each with its place", map[string]string{
		"pod.component.a":     "{image: b, depends_on: {init-2: {condition: service_healthy}, init-3: {condition: service_completed_successfully}, init-4: {condition: service_started}}}",
		"pod.init.components": "- {image: c, ports: [80]}\n- user: d\n- {image: e, restart: always, depends_on: [init-1, a]}\n- {image: f, depends_on: [init-3], post_start: [{command: [g]}], x-pod: {livenessProbe: {tcpSocket: {port: 80}}, essential: false}}\n- [h]\n- {pre_start: [{user: i}]}",
		"pod.copy.init-3":     "/a", "pod.copy.init-7": "/a:/b", "pod.copy.a": "/a:/b",
	}},
	{"no list of init components", map[string]string{"pod.component.a": "{image: b}", "pod.init.components": "{image: c}"}},
	{"an empty list of them", map[string]string{"pod.component.a": "{image: b}", "pod.init.components": "[]"}},
	{"init components only", map[string]string{"pod.init.components": "[{image: c}]"}},
	{"sidecars only", map[string]string{"pod.component.a": "{image: b, x-pod: {sidecar: true}}"}},
	{"sidecars only, in a file", map[string]string{"pod.compose.file": "/sidecar.yml"}},
	{"sidecars that wait for what comes later, and for themselves", map[string]string{
		"pod.component.a": "{image: b}", "pod.component.b": "{image: b, x-pod: {sidecar: true}, depends_on: [a]}",
		"pod.component.c": "{image: b, x-pod: {sidecar: true}, depends_on: [d]}", "pod.component.d": "{image: b, x-pod: {sidecar: true}, depends_on: [c]}",
	}},
	{"a sidecar that is not always restarted", map[string]string{"pod.component.a": "{image: b}", "pod.component.b": "{image: b, restart: on-failure, x-pod: {sidecar: true, essential: false}}"}},
	{"what is before a component, and wrong as that is", map[string]string{"pod.component.a": "{image: [b], pre_start: [{command: c}]}", "pod.component.d": "{image: b, pre_start: [{user: c}, {volumes: ['e:/']}]}", "pod.component.d.pre-start-1": "{image: b}"}},
	{"for the whole pod", map[string]string{
		"pod.component.a": "{image: b}", "pod.stop_grace_period": "soon", "pod.restart_backoff": "{initial: 0s, cap: [1s], first: 1s}", "pod.unready": "fatal",
	}},
	{"for the whole pod, and nothing", map[string]string{"pod.component.a": "{image: b}", "pod.stop_grace_period": "0s", "pod.restart_backoff": "{}", "pod.unready": ""}},
	{"a cap below the first delay", map[string]string{"pod.component.a": "{image: b}", "pod.restart_backoff": "{cap: 5s}", "pod.stop_grace_period": "-1s"}},
	{"no mapping of delays", map[string]string{"pod.component.a": "{image: b}", "pod.restart_backoff": "1s"}},
	{"probes that cannot be", map[string]string{"pod.component.a": "image: b\nx-pod:\n  startupProbe: {tcpSocket: {port: 0}, successThreshold: 2}\n  livenessProbe: {successThreshold: 3, periodSeconds: -1}\n  readinessProbe: {exec: {command: [c]}, grpc: {port: 70000}, failureThreshold: -1}\n  terminationMessagePath: d\n"}},
	{"two files at one place", map[string]string{"pod.component.a": "{image: b, secrets: [c, {source: d, target: c}, {source: e, target: /f}, {source: g, target: /}], configs: [h], volumes: ['v:/f', 'w:/h'], read_only: true}"}},
	{"components in a file and in labels", map[string]string{"pod.compose.file": "/pod.yml", "pod.component.a": "{image: b}", "pod.copy.a": "/a:/b"}},
	{"no path of a file", map[string]string{"pod.compose.file": " \n", "pod.copy.a": "/a:/b"}},
	{"a file that is not there", map[string]string{"pod.compose.file": "/none.yml", "pod.copy.a": "/a:/b"}},
	{"what is wrong in a file, each with its place in it", map[string]string{"pod.compose.file": "/bad.yml", "pod.copy.a": "/a:/b", "pod.copy.other": "/a:/b"}},
	{"what is in files that are not there is not missed as well", map[string]string{"pod.compose.file": "/partial.yml", "pod.copy.c": "/a:/b"}},
	{"misspelled", map[string]string{
		"pod.components.a": "{image: b}", "pod.component": "{image: b}", "pod.component.": "{image: b}", "pod.Component.a": "{image: b}",
		"pod.stop_grace": "1s", "pod.restart-backoff": "{}", "pod.unready_": "ignore", "pod.init.containers": "[]",
		"pod.copy": "/a:/b", "pod.copy.": "/a:/b", "pod.copies.a": "/a:/b", "pod.compose": "/a", "pod.init.component": "[]",
	}},
	{"names", map[string]string{
		"pod.component.a b": "{image: c}", "pod.component.+a": "{image: c}", "pod.component.a/b": "{image: c}", "pod.component.A_b.c-9": "{image: c}", "pod.copy.a b": "/a:/b",
	}},
}

func TestProblemsAreWordedForTheirReader(t *testing.T) {
	var got strings.Builder
	for _, c := range golden {
		_, err := labels.Read(c.labels, files)
		fmt.Fprintf(&got, "# %s\n%v\n\n", c.why, err)
	}
	compare(t, "testdata/problems.golden", got.String())
}

// compare compares got with the file, or writes it under -update.
func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Error(diff)
	}
}

// BenchmarkRead reads a pod of ten components, after the schema is compiled.
func BenchmarkRead(b *testing.B) {
	ten := map[string]string{}
	for i := range 10 {
		ten[fmt.Sprintf("pod.component.c%d", i)] = stacks(b)["one-line"]["pod.component.app"]
		ten[fmt.Sprintf("pod.copy.c%d", i)] = "/a:/b"
	}
	for b.Loop() {
		if _, err := labels.Read(ten, none); err != nil {
			b.Fatal(err)
		}
	}
}
