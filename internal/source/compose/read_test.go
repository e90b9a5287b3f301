package compose_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
)

// own is the environment of the supervisor in tests.
func own(name string) (string, bool) {
	value, found := map[string]string{"OWN": "mine", "EMPTY": ""}[name]
	return value, found
}

// read reads one definition from its text.
func read(text string) (pod.Component, pod.Problems) {
	node, problems := compose.Parse("pod.component.it", text)
	if node == nil {
		return pod.Component{}, problems
	}
	c, more := compose.Read(compose.Service{Name: "it", Place: "pod.component.it", Node: node}, own)
	return c, append(problems, more...)
}

func TestReadUnderstandsWhatComposeDoes(t *testing.T) {
	type component = pod.Component
	for name, test := range map[string]struct {
		why, text string
		want      pod.Component
	}{
		"ImageOnly":      {"nothing else is needed, and nothing else is made up", "image: nginx", component{Image: "nginx"}},
		"Flow":           {"a label can be one line", "{command: [a, b]}", component{Command: []string{"a", "b"}}},
		"JSON":           {"JSON is YAML", `{"command": ["a", "b"], "tty": true}`, component{Command: []string{"a", "b"}, TTY: true}},
		"ImageByDigest":  {"the engine takes it too", "image: sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", component{Image: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}},
		"Words":          {"a string is split into a shell's words", `command: serve 'a b' "c d" e\ f`, component{Command: []string{"serve", "a b", "c d", "e f"}}},
		"Folded":         {"a command over several lines is one", "command: >\n  serve\n  --on :80\n", component{Command: []string{"serve", "--on", ":80"}}},
		"Dollar":         {"nothing is interpolated", "command: echo $A ${B:-c} $$ $(d) *\nenvironment: {A: '${B}'}", component{Command: []string{"echo", "$A", "${B:-c}", "$$", "$(d)", "*"}, Env: map[string]string{"A": "${B}"}}},
		"QuotedOperator": {"a shell that is asked for runs", `command: sh -c 'a && b | c > d; e'`, component{Command: []string{"sh", "-c", "a && b | c > d; e"}}},
		"NoCommand":      {"null leaves it to the image", "command:", component{}},
		"EmptyCommand":   {"empty is not the image's", "command: []\nentrypoint: ''", component{Command: []string{}, Entrypoint: []string{}}},
		"Entrypoint":     {"as the command", "entrypoint: /run it", component{Entrypoint: []string{"/run", "it"}}},
		"EnvironmentList": {
			"a name alone has the supervisor's value, and none if the supervisor has none",
			"environment: [A=1, B=, C=a=b, OWN, EMPTY, MISSING, A=2]",
			component{Env: map[string]string{"A": "2", "B": "", "C": "a=b", "OWN": "mine", "EMPTY": ""}},
		},
		"EnvironmentMapping": {
			"numbers and flags are what Compose makes of them, dates are text",
			"environment: {A: 1, B: true, C: 1.5, D: '', OWN: , MISSING: null, E: 2001-02-03, x-f: g, no: y}",
			component{Env: map[string]string{"A": "1", "B": "true", "C": "1.5", "D": "", "OWN": "mine", "E": "2001-02-03", "x-f": "g", "no": "y"}},
		},
		"EmptyEnvironment": {"set, if to nothing", "environment: {}", component{Env: map[string]string{}}},
		"LabelsList":       {"a label without a value is empty", "labels: [tier=front, bare, a=b=c]", component{Labels: map[string]string{"tier": "front", "bare": "", "a": "b=c"}}},
		"LabelsMapping":    {"a label may well begin with x-", "labels: {a.b: 1, x-team: us, bare: }", component{Labels: map[string]string{"a.b": "1", "x-team": "us", "bare": ""}}},
		"Plain":            {"strings and flags", "working_dir: /w\nuser: '1000:1000'\nstop_signal: SIGUSR1\ntty: 'true'", component{WorkingDir: "/w", User: "1000:1000", StopSignal: "SIGUSR1", TTY: true}},
		"Yes":              {"Compose takes the flags of older YAML", "tty: yes", component{TTY: true}},
		"Grace":            {"a duration", "stop_grace_period: 1m30s", component{StopGrace: 90 * time.Second}},
		"Days":             {"Compose knows days", "stop_grace_period: 1d", component{StopGrace: 24 * time.Hour}},
		"ShortVolumes": {
			"all short forms",
			"volumes: [/t, 'n:/a', 'd:/b/../c/:ro', '/h:/e:rw,z', 'n:/f:nocopy', '/h:/g:rslave,Z,ro', '/h:/i:cached']",
			component{Volumes: []pod.Volume{
				{Kind: pod.Anonymous, Target: "/t"},
				{Kind: pod.Named, Source: "n", Target: "/a"},
				{Kind: pod.Named, Source: "d", Target: "/c", ReadOnly: true},
				{Kind: pod.Bind, Source: "/h", Target: "/e", SELinux: "z"},
				{Kind: pod.Named, Source: "n", Target: "/f", NoCopy: true},
				{Kind: pod.Bind, Source: "/h", Target: "/g", Propagation: "rslave", SELinux: "Z", ReadOnly: true},
				{Kind: pod.Bind, Source: "/h", Target: "/i"},
			}},
		},
		"LongVolumes": {
			"all long forms",
			`
volumes:
  - {type: volume, target: /t}
  - {type: volume, source: n, target: /a, read_only: true, volume: {nocopy: true}}
  - {type: bind, source: /h, target: /b, bind: {propagation: rslave, selinux: z, create_host_path: true}, consistency: cached}
  - {type: tmpfs, target: /c, tmpfs: {size: 1m, mode: 01777}, x-note: y}
  - {type: tmpfs, target: /d}
`,
			component{Volumes: []pod.Volume{
				{Kind: pod.Anonymous, Target: "/t"},
				{Kind: pod.Named, Source: "n", Target: "/a", ReadOnly: true, NoCopy: true},
				{Kind: pod.Bind, Source: "/h", Target: "/b", Propagation: "rslave", SELinux: "z"},
				{Kind: pod.Tmpfs, Target: "/c", Size: 1 << 20, Mode: 0o1777},
				{Kind: pod.Tmpfs, Target: "/d"},
			}},
		},
		"Health": {
			"everything a check can say",
			"healthcheck: {test: [CMD, a, b], interval: 1s, timeout: 2s, start_period: 1m, retries: 4, x-a: b}",
			component{Health: &pod.Health{Test: []string{"CMD", "a", "b"}, Interval: time.Second, Timeout: 2 * time.Second, StartPeriod: time.Minute, Retries: 4}},
		},
		"HealthLine":     {"a string is a shell's, operators and all", "healthcheck: {test: 'a || b; c'}", component{Health: &pod.Health{Test: []string{"CMD-SHELL", "a || b; c"}}}},
		"HealthTiming":   {"the image's test at another pace", "healthcheck: {interval: 5s}", component{Health: &pod.Health{Interval: 5 * time.Second}}},
		"HealthDisabled": {"no check", "healthcheck: {disable: true, test: [CMD, a]}", component{Health: &pod.Health{Disable: true}}},
		"HealthNone":     {"no check in Docker's words", "healthcheck: {test: [NONE]}", component{Health: &pod.Health{Disable: true}}},
		"HealthNoneWord": {"no check as a word, not a program of that name", "healthcheck: {test: NONE}", component{Health: &pod.Health{Disable: true}}},
		"DependsList":    {"a name alone asks for a start", "depends_on: [b, a]", component{DependsOn: []pod.Dependency{{Name: "a", Condition: pod.Started}, {Name: "b", Condition: pod.Started}}}},
		"DependsMapping": {
			"with conditions, and what is the default anyway",
			"depends_on: {x-b: {condition: service_healthy, required: true, restart: false}, a: {condition: service_started}}",
			component{DependsOn: []pod.Dependency{{Name: "a", Condition: pod.Started}, {Name: "x-b", Condition: pod.Healthy}}},
		},
		"Anchors": {
			"anchors, aliases and merge keys work within a label",
			"x-base: &base {user: a, tty: true}\nx-more: &more {user: b, working_dir: /w}\n<<: [*base, *more]\ntty: false\nentrypoint: &e [a]\ncommand: *e",
			component{User: "a", WorkingDir: "/w", Entrypoint: []string{"a"}, Command: []string{"a"}},
		},
		"Ignored": {"allowed, and without effect", "develop: {watch: []}\nattach: false\nx-any: {thing: [at, all]}", component{}},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := read(test.text)
			test.want.Name = "it"
			if test.want.StopGrace == 0 {
				test.want.StopGrace = pod.DefaultStopGrace
			}
			if err := problems.Err(); err != nil {
				t.Fatalf("%s: %v", test.why, err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

func TestReadKeepsAGraceOfZero(t *testing.T) {
	got, problems := read("image: a\nstop_grace_period: 0s")
	if got.StopGrace != 0 || problems != nil {
		t.Errorf("got %s and %v", got.StopGrace, problems)
	}
}

func TestReadReturnsWhatItCouldRead(t *testing.T) {
	got, problems := read("image: a\nuser: [b]\nworking_dir: /w\nports: [80]")
	if len(problems) != 2 {
		t.Errorf("got %v", problems)
	}
	want := pod.Component{Name: "it", Image: "a", WorkingDir: "/w", StopGrace: pod.DefaultStopGrace}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
