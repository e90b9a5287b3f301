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
			"/pod.yml":  "services:\n  app: {image: a, ports: [80]}\n  db:\n    image: b\n    depends_on: [app]\n    hostname: c\n",
			"/bad.yml":  "services:\n  a:\n    image: [a]\n    ports: [80]\n  b:\n    user: c\n  c:\n    image: d\n    depends_on: [a, e]\n    volumes: ['f:/']\n  d: {extends: {file: base.yml, service: base}}\n",
			"/base.yml": "services:\n  base:\n    image: a\n    depends_on: [nobody]\n",
		}[file]
		if !found {
			return nil, fs.ErrNotExist
		}
		return []byte(text), nil
	},
}

func TestReadTakesAFileInPlaceOfComponents(t *testing.T) {
	got, warnings, err := labels.Read(map[string]string{"pod.compose.file": "/pod.yml\n", "pod.copy.app": "/a:/b"}, files)
	if err != nil {
		t.Fatal(err)
	}
	want := []pod.Component{
		{Name: "app", Image: "a", StopGrace: pod.DefaultStopGrace, Copies: []pod.Copy{{Source: "/a", Target: "/b"}}},
		{Name: "db", Image: "b", StopGrace: pod.DefaultStopGrace, DependsOn: []pod.Dependency{{Name: "app", Condition: pod.Started}}},
	}
	if diff := cmp.Diff(pod.Complete(pod.Pod{Components: want}).Components, got.Components); diff != "" {
		t.Error(diff)
	}
	const said = `/pod.yml: services.app: line 2: ports: makes no sense in a pod and is ignored; publish them on the service
/pod.yml: services.db: line 6: hostname: makes no sense in a pod and is ignored; set it on the service, whose network the whole pod shares`
	if diff := cmp.Diff(said, warnings.Error()); diff != "" {
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
			got, _, err := labels.Read(stacks(t)[name], none)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(pod.Complete(pod.Pod{Components: want}), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestReadTakesVariablesFromTheSupervisor(t *testing.T) {
	own := func(name string) (string, bool) { return "the " + name, name == "TOKEN" }
	got, _, err := labels.Read(map[string]string{"pod.component.a": "{image: b, environment: [TOKEN, OTHER]}"}, compose.Own{Lookup: own})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"TOKEN": "the TOKEN"}, got.Components[0].Env); diff != "" {
		t.Error(diff)
	}
}

func TestReadLeavesOtherLabelsAlone(t *testing.T) {
	got, _, err := labels.Read(map[string]string{
		"pod.component.a": "{image: b}", "pod": "x", "pod.name": "y", "podlike.pod": "z", "com.example.pod.copy.c": "w",
	}, none)
	if err != nil || len(got.Components) != 1 {
		t.Errorf("got %v and %v", got, err)
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
	{"what is to come", map[string]string{"pod.component.a": "{image: b}", "pod.init.components": "[{image: a}]"}},
	{"components in a file and in labels", map[string]string{"pod.compose.file": "/pod.yml", "pod.component.a": "{image: b}", "pod.copy.a": "/a:/b"}},
	{"no path of a file", map[string]string{"pod.compose.file": " \n", "pod.copy.a": "/a:/b"}},
	{"a file that is not there", map[string]string{"pod.compose.file": "/none.yml", "pod.copy.a": "/a:/b"}},
	{"what is wrong in a file, each with its place in it", map[string]string{"pod.compose.file": "/bad.yml", "pod.copy.a": "/a:/b", "pod.copy.other": "/a:/b"}},
	{"misspelled", map[string]string{
		"pod.components.a": "{image: b}", "pod.component": "{image: b}", "pod.component.": "{image: b}", "pod.Component.a": "{image: b}",
		"pod.copy": "/a:/b", "pod.copy.": "/a:/b", "pod.copies.a": "/a:/b", "pod.compose": "/a", "pod.init.component": "[]",
	}},
	{"names", map[string]string{
		"pod.component.a b": "{image: c}", "pod.component.-a": "{image: c}", "pod.component.a/b": "{image: c}", "pod.component.A_b.c-9": "{image: c}", "pod.copy.a b": "/a:/b",
	}},
}

func TestProblemsAreWordedForTheirReader(t *testing.T) {
	var got strings.Builder
	for _, c := range golden {
		_, _, err := labels.Read(c.labels, files)
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
		if _, _, err := labels.Read(ten, none); err != nil {
			b.Fatal(err)
		}
	}
}
