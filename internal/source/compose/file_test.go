package compose_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
)

// disk are the files of a supervisor, by their paths; main is the Compose file.
type disk map[string]string

const main = "/etc/conf/pod.yml"

// own is a supervisor with the files and a few variables.
func (d disk) own() compose.Own {
	return compose.Own{
		Lookup: func(name string) (string, bool) {
			value, found := map[string]string{"OWN": "mine", "EMPTY": "", "COMPOSE_PROFILES": "debug, edge"}[name]
			return value, found
		},
		ReadFile: func(file string) ([]byte, error) {
			text, found := d[file]
			if !found {
				return nil, &fs.PathError{Op: "open", Path: file, Err: fs.ErrNotExist}
			}
			return []byte(text), nil
		},
	}
}

// all is what a file says is wrong and doubtful, with the places in the files.
func all(f compose.File) string {
	var text strings.Builder
	for _, p := range f.Locate(f.Problems) {
		fmt.Fprintf(&text, "problem %s\n", p)
	}
	for _, w := range f.Locate(f.Warnings) {
		fmt.Fprintf(&text, "warning %s\n", w)
	}
	return text.String()
}

// fileCases are files that become components, and why.
var fileCases = map[string]struct {
	why   string
	files disk
	want  []component
}{
	"Order": {"by name, whatever comes first", disk{main: "name: x\nversion: '3'\nservices: {b: {image: i}, a: {image: j}}"}, []component{{Name: "a", Image: "j"}, {Name: "b", Image: "i"}}},
	"Anchors": {
		"anchors and extensions are YAML's and Compose's",
		disk{main: "x-kit: &kit {image: i, user: u}\nservices:\n  a:\n    <<: *kit\n    user: v\n    x-note: n"},
		[]component{{Name: "a", Image: "i", User: "v"}},
	},
	"Variables": {
		"the supervisor's, defaults, and a $ that is one",
		disk{main: "services: {a: {image: 'i:${TAG:-1}', user: $OWN, working_dir: '/${EMPTY:-w}', command: ['$$HOME', '${OWN:+set}']}}"},
		[]component{{Name: "a", Image: "i:1", User: "mine", WorkingDir: "/w", Command: []string{"$HOME", "set"}}},
	},
	"TypesOfVariables": {"a variable is text, and the key says what that means", disk{main: "services: {a: {image: i, tty: '${T:-true}', pids_limit: '${P:-5}', cpus: '${C:-0.5}'}}"}, []component{{Name: "a", Image: "i", TTY: true, Resources: pod.Resources{Pids: 5, CPUs: 5e8}}}},
	"DotEnv": {
		"the .env beside the file, over which the supervisor's variables win",
		disk{main: "services: {a: {image: $IMAGE, user: $OWN, environment: [IMAGE, NOBODY]}}", "/etc/conf/.env": "IMAGE=i-$OWN\nOWN=other\n"},
		[]component{{Name: "a", Image: "i-mine", User: "mine", Env: map[string]string{"IMAGE": "i-mine"}}},
	},
	"RelativeFiles": {
		"are beside the file",
		disk{main: "services: {a: {image: i, env_file: [a.env, {path: ../b.env}], label_file: ./c, security_opt: ['seccomp:d.json', x]}}", "/etc/conf/a.env": "A=1", "/etc/b.env": "B=2", "/etc/conf/c": "C=3", "/etc/conf/d.json": "{ }"},
		[]component{{Name: "a", Image: "i", Env: map[string]string{"A": "1", "B": "2"}, Labels: map[string]string{"C": "3"}, Security: pod.Security{Options: []string{"seccomp={}", "x"}}}},
	},
	"Volumes": {
		"a volume with a name has it in the engine as well",
		disk{main: "services: {a: {image: i, volumes: ['v:/v', 'w:/w', 'x:/x', '/y:/y']}}\nvolumes: {v: {name: engine-v}, w: , x: {external: {name: engine-x}}, y: {external: true}}"},
		[]component{{Name: "a", Image: "i", Volumes: []pod.Volume{
			{Kind: pod.Named, Source: "engine-v", Target: "/v"}, {Kind: pod.Named, Source: "w", Target: "/w"}, {Kind: pod.Named, Source: "engine-x", Target: "/x", External: true}, {Kind: pod.Bind, Source: "/y", Target: "/y"},
		}}},
	},
	"Profiles": {
		"a service whose profiles are not active is left out",
		disk{main: "services: {a: {image: i, profiles: [edge, x]}, b: {image: i, profiles: [test]}, c: {image: i, profiles: []}}"},
		[]component{{Name: "a", Image: "i"}, {Name: "c", Image: "i"}},
	},
	"ExtendsWithin": {
		"lists and mappings are merged, mounts by their targets",
		disk{main: "services:\n  a: {extends: {service: b}, user: v, environment: [B=2], volumes: ['n:/v']}\n  b: {image: i, user: u, environment: {A: 1}, volumes: ['m:/v', 'o:/o']}"},
		[]component{
			{Name: "a", Image: "i", User: "v", Env: map[string]string{"A": "1", "B": "2"}, Volumes: []pod.Volume{{Kind: pod.Named, Source: "n", Target: "/v"}, {Kind: pod.Named, Source: "o", Target: "/o"}}},
			{Name: "b", Image: "i", User: "u", Env: map[string]string{"A": "1"}, Volumes: []pod.Volume{{Kind: pod.Named, Source: "m", Target: "/v"}, {Kind: pod.Named, Source: "o", Target: "/o"}}},
		},
	},
	"ExtendsFile": {
		"another file's, whose paths are relative to it, and what that extends in turn",
		disk{
			main:                  "services: {a: {extends: {file: sub/base.yml, service: b}, command: c, env_file: own.env}}",
			"/etc/conf/own.env":   "B=2",
			"/etc/conf/sub/b.env": "A=1\nB=1", "/etc/conf/sub/base.yml": "services: {b: {extends: {file: ../deep.yml, service: d}, image: '${IMAGE:-i}', env_file: b.env}, unused: {image: i}}",
			"/etc/conf/deep.yml": "services: {d: {user: u}}",
		},
		[]component{{Name: "a", Image: "i", User: "u", Command: []string{"c"}, Env: map[string]string{"A": "1", "B": "2"}}},
	},
	"ExtendsAndTakesAway": {
		"in Compose's words",
		disk{main: "services:\n  a: {extends: b, user: !reset null, command: !override [c], tmpfs: !override /t}\n  b: {image: i, user: u, command: [b], tmpfs: [/s]}\n"},
		[]component{{Name: "a", Image: "i", Command: []string{"c"}, Tmpfs: map[string]string{"/t": ""}}, {Name: "b", Image: "i", User: "u", Command: []string{"b"}, Tmpfs: map[string]string{"/s": ""}}},
	},
	"VariablesOfIncluded": {
		"a file that two extend has the variables of each",
		disk{
			main: "include: [{path: b.yml, env_file: b.env}]\nservices: {a: {extends: {file: base.yml, service: base}}}", "/etc/conf/.env": "IMAGE=i", "/etc/conf/b.env": "IMAGE=j\nTAG=1",
			"/etc/conf/b.yml": "services: {b: {extends: {file: base.yml, service: base}}}", "/etc/conf/base.yml": "services: {base: {image: '${IMAGE}${TAG:-}'}}",
		},
		[]component{{Name: "a", Image: "i"}, {Name: "b", Image: "i1"}},
	},
	"Documents": {
		"each of several in one file wins over those before",
		disk{main: "services: {a: {image: i, user: u, environment: {A: '1'}}, b: {image: j}}\n---\nservices: {a: {user: v, environment: [B=2]}, c: {image: k}}\n"},
		[]component{{Name: "a", Image: "i", User: "v", Env: map[string]string{"A": "1", "B": "2"}}, {Name: "b", Image: "j"}, {Name: "c", Image: "k"}},
	},
	"DocumentsIncludeAndExtend": {
		"what each says there is seen by the others",
		disk{main: "include: [a.yml]\nservices: {b: {image: k}}\n---\nservices: {b: {user: w}, c: {extends: {file: a.yml, service: a}, image: k}}", "/etc/conf/a.yml": "services: {a: {image: i}}\n---\nservices: {a: {user: u}}"},
		[]component{{Name: "a", Image: "i", User: "u"}, {Name: "b", Image: "k", User: "w"}, {Name: "c", Image: "k", User: "u"}},
	},
	"Names": {"Compose has names that no container could have alone", disk{main: "services: {_a: {image: i}, -b: {image: i}, .c: {image: i}, '1': {image: i}}"}, []component{{Name: "-b", Image: "i"}, {Name: ".c", Image: "i"}, {Name: "1", Image: "i"}, {Name: "_a", Image: "i"}}},
	"EmptyBase": {
		"an empty service may be extended, and merged with",
		disk{main: "services: {a: {extends: {file: o.yml, service: o}, image: i}, b: {extends: {file: o.yml, service: p}, image: i}}", "/etc/conf/o.yml": "services: {o: {}, p: {x-note: n}}"},
		[]component{{Name: "a", Image: "i"}, {Name: "b", Image: "i"}},
	},
	"Include": {
		"other files, with the .env beside them, and what is said here wins",
		disk{
			main:                     "include: [sub/a.yml, {path: [sub/b.yml, over.yml], env_file: b.env}]\nservices: {b: {user: v}, c: {extends: a}}",
			"/etc/conf/sub/a.yml":    "services: {a: {image: '${IMAGE}', env_file: a.env, volumes: ['v:/v']}}\nvolumes: {v: {name: engine-v}}",
			"/etc/conf/sub/.env":     "IMAGE=i\nOWN=other",
			"/etc/conf/sub/a.env":    "A=$OWN",
			"/etc/conf/sub/b.yml":    "services: {b: {image: $B, user: u, working_dir: /b}}",
			"/etc/conf/over.yml":     "services: {b: {working_dir: /over}}",
			"/etc/conf/b.env":        "B=j",
			"/etc/conf/sub/none.env": "",
		},
		[]component{
			{Name: "a", Image: "i", Env: map[string]string{"A": "mine"}, Volumes: []pod.Volume{{Kind: pod.Named, Source: "engine-v", Target: "/v"}}},
			{Name: "b", Image: "j", User: "v", WorkingDir: "/over"},
			{Name: "c", Image: "i", Env: map[string]string{"A": "mine"}, Volumes: []pod.Volume{{Kind: pod.Named, Source: "engine-v", Target: "/v"}}},
		},
	},
}

type component = pod.Component

// flat are all components of a file.
func flat(f compose.File) []component { return slices.Concat(f.Groups...) }

func TestReadFileMakesComponentsOfServices(t *testing.T) {
	for name, test := range fileCases {
		t.Run(name, func(t *testing.T) {
			got := compose.ReadFile(main, test.files.own())
			got.Warnings = slices.DeleteFunc(got.Warnings, func(w pod.Problem) bool {
				return strings.Contains(w.What, "a volume without a name") || strings.HasSuffix(w.What, "; no component finds another by it")
			})
			if said := all(got); said != "" {
				t.Fatalf("%s: %s", test.why, said)
			}
			for i := range test.want {
				test.want[i].StopGrace = pod.DefaultStopGrace
			}
			if diff := cmp.Diff(test.want, flat(got)); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

// troubled are files that have something wrong or doubtful about them, and why.
var troubled = []struct {
	why   string
	files disk
}{
	{"no such file", disk{}},
	{"broken YAML", disk{main: "services:\n  a: {image: [b\n"}},
	{"nothing", disk{main: "# nothing"}},
	{"no mapping", disk{main: "[services]"}},
	{"no services", disk{main: "volumes: {a: }"}},
	{"services that are none", disk{main: "services: [a]"}},
	{"a service that is none", disk{main: "services:\n  a: image\n  b:\n  'c d': {image: i}"}},
	{"a key twice", disk{main: "services:\n  a:\n    image: b\n    image: c"}},
	{"unknown keys", disk{main: "services:\n  a:\n    image: b\n    imagine: c\nservice: {}\n"}},
	{"values that are wrong", disk{main: "services:\n  a:\n    image: b\n    tty: perhaps\n    healthcheck:\n      test: {a: b}\n    deploy:\n      resources: {limits: {memory: much}}\n    volumes:\n      - ./x:/x\n"}},
	{"a label may not have these, a file may", disk{main: "services:\n  a:\n    image: b\n    attach: false\n    restart: always\n    deploy:\n      restart_policy: {delay: 5s, max_attempts: 3}\n      mode: global\n      resources: {limits: {pids: 5}}\n    secrets: [s]\n    configs: [c]\n    ports: [80, 81]\n    hostname: h\njobs: {}\nnetworks: {n: }\nsecrets: {s: }"}},
	{"what Swarm would do with restarts", disk{main: "services:\n  a:\n    image: b\n    deploy:\n      restart_policy: {condition: any, delay: 5s, max_attempts: 3}"}},
	{"x-pod is as strict as in a label", disk{main: "services:\n  a:\n    image: b\n    x-pod:\n      sidecars: true\n      livenessProbe: {tcpSocket: {port: web}}"}},
	{"pre_start", disk{main: "services:\n  a:\n    image: b\n    user: [c]\n    hostname: d\n    pre_start:\n      - {command: {a: b}, ports: [80]}\n      - {env_file: none.env, network_mode: host}"}},
	{"variables", disk{main: "services:\n  a:\n    image: b${NONE}${NONE}\n    command: $NONE\n    user: ${OTHER-}${OWN}$$NO\n"}},
	{"an image without its variable is one message", disk{main: "services:\n  a:\n    image: b:${NONE}\n  c:\n    image: $NOBODY\n  d:\n    image: $NOBODY:${NONE}\n  e:\n    image: f${NONE}\n"}},
	{"variables that must be there", disk{main: "services:\n  a:\n    image: ${IMAGE:?name it}\n    user: ${USER?}\n    command: ${\n"}},
	{"a bad .env", disk{main: "services: {a: {image: b}}", "/etc/conf/.env": "PASS WORD=secret"}},
	{"profiles", disk{main: "services:\n  a: {image: b, profiles: [test]}"}},
	{"profiles that are none", disk{main: "services:\n  a: {image: b, profiles: test}"}},
	{"volumes", disk{main: "services: {a: {image: b}}\nvolumes:\n  v: {driver: nfs}\n  w: {name: a b}\n  x: [y]"}},
	{"documents that are none", disk{main: "services: {a: {image: i}}\n---\n- b\n"}},
	{"declared volumes, secrets and configs", disk{main: "name: Shop\nservices:\n  a:\n    image: b\n    volumes: [v:/v, w:/w, x:/x]\nvolumes:\n  v:\n    external: true\n    driver: nfs\n  w:\n    external: perhaps\n    drvier: local\n  x: {driver: [a], driver_opts: b}\nsecrets:\n  s: {file: a, environment: b}\n  t: {environment: NONE}\n  u: {external: true, file: c}\n  v: {content: d}\n  w: {file: ''}\nconfigs:\n  c: [d]\n  d: {contnet: e}"}},
	{"volumes that all pods of the file share", disk{main: "services:\n  a: {image: b, volumes: [v:/v, w:/w, x:/x, y:/y, z:/z]}\nvolumes:\n  w:\n  v: {}\n  x: {name: x1}\n  y: {external: true}"}},
	{"extends: itself", disk{main: "services:\n  a:\n    image: i\n    extends: b\n  b:\n    extends: {service: a}"}},
	{"extends: itself in a file", disk{main: "services:\n  a: {image: i, extends: {file: o.yml, service: o}}", "/etc/conf/o.yml": "services:\n  o:\n    extends: {file: o.yml, service: o}"}},
	{"extends: nobody", disk{main: "services:\n  a: {image: i, extends: b}\n  c: {image: i, extends: {file: o.yml, service: b}}\n  d: {image: i, extends: {file: no.yml, service: b}}\n  e: {image: i, extends: [b]}", "/etc/conf/o.yml": "services: {o: {image: p}}"}},
	{"extends: what is wrong there is told there", disk{main: "services:\n  a:\n    ports: [80]\n    extends:\n      service: o\n      file: o.yml", "/etc/conf/o.yml": "services:\n  o:\n    image: p\n    tty: perhaps\n    build: ."}},
	{"extends: what several have from one place is told once", disk{main: "include: [o.yml, p.yml]\nservices:\n  a: {extends: {service: o, file: o.yml}}\n  b: {extends: {service: o, file: o.yml}}", "/etc/conf/o.yml": "services:\n  o:\n    image: p\n    build: .\nfoo: bar\n", "/etc/conf/p.yml": "include: [o.yml]"}},
	{"extends: forms that do not fit", disk{main: "services:\n  a: {image: i, extends: b, healthcheck: [x]}\n  b: {image: i, healthcheck: {retries: 1}}"}},
	{"a mistake in a merged anchor is told once", disk{main: "x-kit: &kit\n  image: i\n  tty: perhaps\n  build: .\nservices:\n  a: {<<: *kit}\n  b: {<<: *kit}\n  c: {<<: *kit, tty: true}\n  d: {<<: *kit}\n  e: {<<: *kit}\n  f: {<<: *kit}"}},
	{"a mistake in an anchor that is a value is told once", disk{main: "x-log: &log\n  driver: x\n  options:\n    - a\nservices:\n  a:\n    image: i\n    logging: *log\n  b:\n    image: i\n    logging: *log"}},
	{"a mistake in an item of an anchored list is told once", disk{main: "x-v: &v\n  - a:/a\n  - b:/b:wr\nservices:\n  a:\n    image: i\n    volumes: *v\n  b:\n    image: i\n    volumes: *v"}},
	{"the same mistake twice is told twice", disk{main: "services:\n  a:\n    image: i\n    tty: perhaps\n  b:\n    image: i\n    tty: perhaps"}},
	{"include: itself", disk{main: "include:\n  - a.yml\nservices: {a: {image: b}}", "/etc/conf/a.yml": "include: [pod.yml]"}},
	{"include: nobody", disk{main: "include:\n  - no.yml\n  - oci://registry/x\n  - {paths: x}\n  - {path: a.yml, env_file: no.env}\nservices: {a: {image: b}}", "/etc/conf/a.yml": "services: {b: {image: c}}"}},
	{"include: no list", disk{main: "include: a.yml\nservices: {a: {image: b}}"}},
	{"include: too many", disk{main: "include: [" + strings.Repeat("a.yml,", 150) + "]\nservices: {a: {image: b}}", "/etc/conf/a.yml": "services: {b: {image: c}}"}},
}

func TestWhatIsWrongWithAFileIsWordedForItsReader(t *testing.T) {
	var got strings.Builder
	for _, c := range troubled {
		said := all(compose.ReadFile(main, c.files.own()))
		if said == "" {
			t.Errorf("%s: nothing was found", c.why)
		}
		fmt.Fprintf(&got, "# %s\n%s\n", c.why, said)
	}
	compare(t, "testdata/file.golden", got.String())
}

// A file that was written for docker compose works, with one warning for each key that
// makes no sense in a pod.
func TestAFileOfDockerComposeBecomesAPod(t *testing.T) {
	text, err := os.ReadFile("testdata/components.yml")
	if err != nil {
		t.Fatal(err)
	}
	got := compose.ReadFile(main, disk{main: string(text)}.own())
	compare(t, "testdata/components.golden", all(got))
	const image = "podlike/testkit:dev"
	want := []pod.Component{
		{
			Name: "app", Image: image, Command: []string{"serve", "127.0.0.1:3000"}, Ports: []string{"3000/tcp"}, StopGrace: pod.DefaultStopGrace,
			Env: map[string]string{"CLOUD_READY": "no"}, Volumes: []pod.Volume{{Kind: pod.Named, Source: "logs", Target: "/var/logs/app"}},
		},
		{Name: "cache", Image: image, Command: []string{"serve", ":8443"}, Ports: []string{"8443/tcp"}, StopGrace: pod.DefaultStopGrace, DependsOn: []pod.Dependency{{Name: "app", Condition: pod.Started}}, Restart: pod.Restart{Policy: pod.RestartAlways}},
		{
			Name: "log-collector", Image: image, Command: []string{"sleep", "--pattern", "/var/logs/app/*.log"}, StopGrace: pod.DefaultStopGrace,
			Volumes: []pod.Volume{{Kind: pod.Named, Source: "logs", Target: "/var/logs/app", ReadOnly: true}}, Resources: pod.Resources{Memory: 20 << 20},
		},
	}
	if diff := cmp.Diff(want, flat(got)); diff != "" {
		t.Error(diff)
	}
}

func TestAFileThatCannotBeOpenedIsTold(t *testing.T) {
	own := disk{}.own()
	own.ReadFile = func(string) ([]byte, error) { return nil, errors.New("input/output error") }
	got := all(compose.ReadFile(main, own))
	if want := "problem pod.compose.file: cannot read \"/etc/conf/pod.yml\" in the supervisor: input/output error\n"; !strings.HasSuffix(got, want) {
		t.Errorf("got %q, want %q at its end", got, want)
	}
}

func FuzzComposeFile(f *testing.F) {
	for _, c := range troubled {
		f.Add(c.files[main], c.files["/etc/conf/o.yml"])
	}
	text, err := os.ReadFile("testdata/components.yml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(text), "")
	f.Add("include: [o.yml, o.yml]\nservices: {a: {extends: {file: o.yml, service: o}, volumes: ['a:/b'], environment: [A]}}",
		"services: {o: {image: '${A:-${B:-c}}', volumes: [{type: tmpfs, target: /b}], environment: {A: }, logging: {driver: x}, ulimits: {a: 1}}}")
	f.Add("services: {a: {extends: b, logging: x, networks: 5, depends_on: [c], ulimits: [d]}, "+
		"b: {image: i, logging: [y], networks: [z], depends_on: {e: }, ulimits: {d: {soft: 1}}}}", "")
	f.Add("services: {a: {extends: {file: o.yml, service: o}, pre_start: [{env_file: o.yml, command: $A}], "+
		"x-pod: {livenessProbe: {tcpSocket: {port: '${A:-80}'}}}}}",
		"services: {o: {image: i, secrets: [s], post_start: [{command: a}], pre_start: [{image: j}], x-pod: {sidecar: true, restartPolicyRules: []}}}")
	f.Add("services: {a: {image: i, restart: ${A:-no}, deploy: {restart_policy: {condition: any, delay: 1s}}, "+
		"depends_on: {b: {condition: service_healthy, required: false}}, configs: [{source: c, mode: '${M:-0440}'}]}}", "")
	f.Fuzz(func(t *testing.T, text, other string) {
		own := disk{main: text, "/etc/conf/o.yml": other, "/etc/conf/.env": other}.own()
		got, again := compose.ReadFile(main, own), compose.ReadFile(main, own)
		if diff := cmp.Diff(flat(got), flat(again)); diff != "" {
			t.Fatalf("two readings differ:\n%s", diff)
		}
		if diff := cmp.Diff(all(got), all(again)); diff != "" {
			t.Fatalf("two readings say different things:\n%s", diff)
		}
		if slices.ContainsFunc(got.Groups, func(g compose.Group) bool { return len(g) == 0 }) || len(got.Groups) == 0 && len(got.Problems) == 0 {
			t.Error("no component and no problem")
		}
		for _, p := range append(got.Locate(got.Problems), got.Locate(got.Warnings)...) {
			if p.Place == "" || p.What == "" || strings.ContainsFunc(p.String(), unicode.IsControl) {
				t.Errorf("not a line with a place: %q", p)
			}
		}
	})
}
