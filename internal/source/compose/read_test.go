package compose_test

import (
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
)

// own is the supervisor in tests.
var own = compose.Own{
	Lookup: func(name string) (string, bool) {
		value, found := map[string]string{"OWN": "mine", "EMPTY": ""}[name]
		return value, found
	},
	ReadFile: func(file string) ([]byte, error) { return fs.ReadFile(files, strings.TrimPrefix(file, "/")) },
}

// files are the supervisor's.
var files = fstest.MapFS{
	"a.env":        {Data: []byte("# of the app\nA=1\nB='two $OWN' # quoted\nC=${OWN}-${A}-${NOBODY:-none}\nexport D=\"x\\ny\"\nOWN\n")},
	"b.env":        {Data: []byte("A=later\nE=${D}\n")},
	"raw.env":      {Data: []byte("# comment\nA='1' # $B\r\n  C=a=b\nOWN\nNOBODY\nD=\n")},
	"bad.env":      {Data: []byte("A=1\nPASS WORD=secret\n")},
	"open.env":     {Data: []byte("A=\"secret\n")},
	"template.env": {Data: []byte("A=${secret\n")},
	"bad-raw.env":  {Data: []byte("PASS WORD=secret\n")},
	"a.label":      {Data: []byte("team=us\ntier=back\n")},
	"b.label":      {Data: []byte("tier=${team}-front\n")},
	"seccomp.json": {Data: []byte("{\n  \"defaultAction\": \"SCMP_ACT_ALLOW\"\n}\n")},
	"bad.json":     {Data: []byte("{")},
}

// read reads one definition from its text, which becomes one component.
func read(text string) (pod.Component, pod.Problems) {
	group, problems := readGroup(text)
	return *group.Own(), problems
}

// readGroup reads one definition from its text.
func readGroup(text string) (compose.Group, pod.Problems) {
	node, problems := compose.Parse("pod.component.it", text)
	if node == nil {
		return compose.Group{{}}, problems
	}
	group, more, _ := compose.Read(compose.Service{Name: "it", Place: "pod.component.it", Node: node}, own)
	return group, append(problems, more...)
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
		"EnvironmentTwice": {"to say it twice is to say it", "environment: [A=1, A=1]", component{Env: map[string]string{"A": "1"}}},
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
		"HealthStart":    {"every interval has its own", "healthcheck: {start_period: 1m, start_interval: 1s}", component{Health: &pod.Health{StartPeriod: time.Minute, StartInterval: time.Second}}},
		"EnvFile": {
			"as Compose reads it, and a name alone has the supervisor's value", "env_file: /a.env",
			component{Env: map[string]string{"A": "1", "B": "two $OWN", "C": "mine-1-none", "D": "x\ny", "OWN": "mine"}},
		},
		"EnvFiles": {
			"later files win, and environment wins over all", "env_file: [/a.env, {path: /b.env}, {path: /none.env, required: false}]\nenvironment: {C: mine, D: set, B: }",
			component{Env: map[string]string{"A": "later", "C": "mine", "D": "set", "E": "set", "OWN": "mine"}},
		},
		"RawEnvFile": {"nothing has a special meaning", "env_file: [{path: /raw.env, format: raw}]", component{Env: map[string]string{"A": "'1' # $B", "C": "a=b", "OWN": "mine", "D": ""}}},
		"LabelFiles": {"later files win, and labels win over all", "label_file: [/a.label, /b.label]\nlabels: {team: them}", component{Labels: map[string]string{"team": "them", "tier": "us-front"}}},
		"LabelFile":  {"one file alone", "label_file: /a.label", component{Labels: map[string]string{"team": "us", "tier": "back"}}},
		"Process": {
			"what is run and how", "init: true\nstdin_open: true\nruntime: runc\nisolation: default\nplatform: linux/x86_64\npull_policy: if_not_present",
			component{Init: new(true), StdinOpen: true, Runtime: "runc", Isolation: "default", Platform: "linux/amd64", Pull: pod.Missing},
		},
		"NoInit": {"not the same as nothing", "init: 'false'", component{Init: new(false)}},
		"Resources": {
			"sizes and numbers as people write them",
			"mem_limit: 64m\nmemswap_limit: -1\nmem_reservation: '32mb'\nmem_swappiness: 0\noom_kill_disable: true\noom_score_adj: 0\ncpus: '0.3'\ncpu_shares: '512'\ncpu_period: 1e5\ncpu_quota: 50000\ncpu_rt_period: 1000us\ncpu_rt_runtime: '950'\ncpu_count: 2\ncpu_percent: 50\ncpuset: 0-1\npids_limit: -1",
			component{OOMScoreAdj: new(0), Resources: pod.Resources{
				Memory: 64 << 20, MemorySwap: -1, MemoryReservation: 32 << 20, Swappiness: new(int64(0)), NoOOMKill: true,
				CPUs: 3e8, CPUShares: 512, CPUPeriod: 1e5, CPUQuota: 5e4, CPURealtimePeriod: 1000, CPURealtimeRuntime: 950, CPUCount: 2, CPUPercent: 50, CPUSet: "0-1", Pids: -1,
			}},
		},
		"Exponent": {"a number is a number", "mem_limit: 1e9\nshm_size: 67108864", component{Resources: pod.Resources{Memory: 1e9}, ShmSize: 64 << 20}},
		"ManyCPUs": {"as it is written, not as it is held", "cpus: 64.1", component{Resources: pod.Resources{CPUs: 64.1e9}}},
		"Deploy": {
			"what a service of a stack says", "deploy: {resources: {limits: {cpus: '0.5', memory: 64m, pids: 100}, reservations: {cpus: 0.1, memory: 32m, generic_resources: [{discrete_resource_spec: {kind: a, value: 1}}]}}}",
			component{Resources: pod.Resources{CPUs: 5e8, Memory: 64 << 20, MemoryReservation: 32 << 20, Pids: 100}},
		},
		"DeployTwice": {"the same twice is no contradiction", "cpus: 0.5\ndeploy: {resources: {limits: {cpus: 0.5, pids: 5}}}", component{Resources: pod.Resources{CPUs: 5e8, Pids: 5}}},
		"NoDeploy":    {"Compose allows it", "deploy:", component{}},
		"Ulimits": {
			"one number or two, as text or not", "ulimits: {nproc: 100, core: '0', memlock: {soft: -1, hard: '-1'}, nofile: {soft: 1024.0, hard: 2048, x-a: b}}",
			component{Resources: pod.Resources{Ulimits: map[string][2]int64{"nproc": {100, 100}, "core": {0, 0}, "memlock": {-1, -1}, "nofile": {1024, 2048}}}},
		},
		"Blkio": {
			"each key for itself", "blkio_config: {weight: 300, weight_device: [{path: /dev/a, weight: 200}], device_read_bps: [{path: /dev/a, rate: 1m}], device_write_bps: [{path: /dev/b, rate: 1e6}], device_read_iops: [{path: /dev/c, rate: 10}], device_write_iops: [{path: /dev/d, rate: '20'}]}",
			component{Blkio: pod.Blkio{
				Weight: 300, Weights: map[string]uint16{"/dev/a": 200}, ReadBps: map[string]uint64{"/dev/a": 1 << 20}, WriteBps: map[string]uint64{"/dev/b": 1e6},
				ReadIOps: map[string]uint64{"/dev/c": 10}, WriteIOps: map[string]uint64{"/dev/d": 20},
			}},
		},
		"Security": {
			"what it may do", "privileged: true\nread_only: true\ncap_add: [NET_ADMIN]\ncap_drop: [ALL]\ngroup_add: [audio, 5]\nsecurity_opt: [no-new-privileges, 'seccomp:/seccomp.json', seccomp=unconfined]\nuserns_mode: host\nuts: host\ncgroup: private",
			component{
				Security:   pod.Security{Privileged: true, ReadOnly: true, CapAdd: []string{"NET_ADMIN"}, CapDrop: []string{"ALL"}, Groups: []string{"audio", "5"}, Options: []string{"no-new-privileges", `seccomp={"defaultAction":"SCMP_ACT_ALLOW"}`, "seccomp=unconfined"}},
				Namespaces: pod.Namespaces{User: "host", UTS: "host", Cgroup: "private"},
			},
		},
		"Devices": {
			"all forms, docker run's too, and names of described ones", "devices: [/dev/a, '/dev/b:/dev/c', '/dev/d:/dev/e:r', '/dev/f:rw', {source: /dev/g}, {source: /dev/h, target: /dev/i, permissions: rm}, vendor.com/gpu=0]\ndevice_cgroup_rules: ['c 1:3 r']",
			component{
				Devices: []pod.Device{
					{Source: "/dev/a", Target: "/dev/a", Permissions: "rwm"}, {Source: "/dev/b", Target: "/dev/c", Permissions: "rwm"}, {Source: "/dev/d", Target: "/dev/e", Permissions: "r"}, {Source: "/dev/f", Target: "/dev/f", Permissions: "rw"},
					{Source: "/dev/g", Target: "/dev/g", Permissions: "rwm"}, {Source: "/dev/h", Target: "/dev/i", Permissions: "rm"},
				},
				DeviceRequests: []pod.DeviceRequest{{Driver: "cdi", IDs: []string{"vendor.com/gpu=0"}}},
				DeviceRules:    []string{"c 1:3 r"},
			},
		},
		"GPUs": {"all of them", "gpus: all", component{DeviceRequests: []pod.DeviceRequest{{Count: -1, Capabilities: []string{"gpu"}}}}},
		"SomeGPUs": {
			"by driver, number or name", "gpus: [{driver: nvidia, count: 2, capabilities: [compute], options: {a: b}}, {device_ids: ['0']}]\ndeploy: {resources: {reservations: {devices: [{capabilities: [tpu], count: '1'}]}}}",
			component{DeviceRequests: []pod.DeviceRequest{
				{Driver: "nvidia", Count: 2, Capabilities: []string{"compute", "gpu"}, Options: map[string]string{"a": "b"}},
				{IDs: []string{"0"}, Capabilities: []string{"gpu"}},
				{Count: 1, Capabilities: []string{"tpu"}},
			}},
		},
		"Options": {
			"mappings and lists alike", "annotations: [a=b]\nsysctls: {net.core.somaxconn: 1024}\nstorage_opt: {size: 1G}\nlogging: {driver: json-file, options: {max-file: 3, max-size: 1m}}",
			component{Annotations: map[string]string{"a": "b"}, Sysctls: map[string]string{"net.core.somaxconn": "1024"}, StorageOpt: map[string]string{"size": "1G"}, Logging: pod.Logging{Driver: "json-file", Options: map[string]string{"max-file": "3", "max-size": "1m"}}},
		},
		"Tmpfs":    {"with options", "tmpfs: [/run/, '/tmp:size=1m,mode=1777']", component{Tmpfs: map[string]string{"/run": "", "/tmp": "size=1m,mode=1777"}}},
		"OneTmpfs": {"a string", "tmpfs: /run", component{Tmpfs: map[string]string{"/run": ""}}},
		"VolumeOptions": {
			"what only the long form can say", "volumes:\n  - {type: bind, source: /a, target: /a, read_only: true, bind: {create_host_path: false, recursive: readonly}}\n  - {type: bind, source: /b, target: /b, bind: {recursive: enabled}}\n  - {type: volume, source: b, target: /c, volume: {subpath: d/e, labels: {f: g}}}",
			component{Volumes: []pod.Volume{
				{Kind: pod.Bind, Source: "/a", Target: "/a", ReadOnly: true, MustExist: true, Recursive: pod.RecursiveReadOnly},
				{Kind: pod.Bind, Source: "/b", Target: "/b"},
				{Kind: pod.Named, Source: "b", Target: "/c", Subpath: "d/e", Labels: map[string]string{"f": "g"}},
			}},
		},
		"DependsList": {"a name alone asks for a start", "depends_on: [b, a]", component{DependsOn: []pod.Dependency{{Name: "a", Condition: pod.Started}, {Name: "b", Condition: pod.Started}}}},
		"DependsMapping": {
			"with conditions, and what is the default anyway",
			"depends_on: {x-b: {condition: service_healthy, required: true, restart: false}, a: {condition: service_started}}",
			component{DependsOn: []pod.Dependency{{Name: "a", Condition: pod.Started}, {Name: "x-b", Condition: pod.Healthy}}},
		},
		"DependsOnSuccess": {
			"all that Compose can ask of another",
			"depends_on: {a: {condition: service_completed_successfully, restart: true}, b: {condition: service_healthy, required: false}}",
			component{DependsOn: []pod.Dependency{{Name: "a", Condition: pod.Completed, Restart: true}, {Name: "b", Condition: pod.Healthy, Optional: true}}},
		},
		"Restart":           {"always", "restart: always", component{Restart: pod.Restart{Policy: pod.RestartAlways}}},
		"RestartStopped":    {"nobody stops a component alone", "restart: unless-stopped", component{Restart: pod.Restart{Policy: pod.RestartAlways}}},
		"RestartNo":         {"a word, with and without quotes", "restart: no", component{Restart: pod.Restart{Policy: pod.RestartNo}}},
		"RestartOnFailure":  {"without a limit", "restart: on-failure", component{Restart: pod.Restart{Policy: pod.RestartOnFailure}}},
		"RestartOnFailure3": {"with one", "restart: on-failure:3", component{Restart: pod.Restart{Policy: pod.RestartOnFailure, Max: 3}}},
		"RestartPolicy": {
			"Swarm's words", "deploy: {restart_policy: {condition: on-failure, max_attempts: 3, delay: 5s, window: 1m}}",
			component{Restart: pod.Restart{Policy: pod.RestartOnFailure, Max: 3}},
		},
		"RestartPolicyAny":  {"any is what it is without a condition", "deploy: {restart_policy: {}}", component{Restart: pod.Restart{Policy: pod.RestartAlways}}},
		"RestartPolicyNone": {"never", "deploy: {restart_policy: {condition: none}}", component{Restart: pod.Restart{Policy: pod.RestartNo}}},
		"RestartOverDeploy": {"restart is the stronger word, as with docker compose", "restart: 'no'\ndeploy: {restart_policy: {condition: any}}", component{Restart: pod.Restart{Policy: pod.RestartNo}}},
		"Hooks": {
			"as a list and as words, with what docker exec has",
			"post_start:\n  - command: [a, 'b c']\n    user: root\n    privileged: true\n    working_dir: /w\n    environment: [A=1, OWN, MISSING]\n  - {command: \"d 'e f'\"}\npre_stop: [{command: [g]}]",
			component{
				PostStart: []pod.Hook{
					{Exec: &pod.Exec{Command: []string{"a", "b c"}, User: "root", Privileged: true, WorkingDir: "/w", Env: map[string]string{"A": "1", "OWN": "mine"}}},
					{Exec: &pod.Exec{Command: []string{"d", "e f"}}},
				},
				PreStop: []pod.Hook{{Exec: &pod.Exec{Command: []string{"g"}}}},
			},
		},
		"Secrets": {
			"short and long, below /run/secrets unless the target says otherwise",
			"secrets: [a, {source: b, target: c, uid: '1000', gid: '0', mode: 0440}, {source: d, target: /e/f, mode: '0400'}]",
			component{Copies: []pod.Copy{
				{Source: "/run/secrets/a", Target: "/run/secrets/a", Memory: true, Place: "pod.component.it: secrets"},
				{Source: "/run/secrets/b", Target: "/run/secrets/c", UID: at(1000), GID: at(0), Mode: at(uint32(0o440)), Memory: true, Place: "pod.component.it: secrets"},
				{Source: "/run/secrets/d", Target: "/e/f", Mode: at(uint32(0o400)), Memory: true, Place: "pod.component.it: secrets"},
			}},
		},
		"Configs": {
			"from the root and to it", "configs: [a, {source: b, target: c}, {source: d, target: /e/f}]\nsecrets: [g]",
			component{Copies: []pod.Copy{
				{Source: "/run/secrets/g", Target: "/run/secrets/g", Memory: true, Place: "pod.component.it: secrets"},
				{Source: "/a", Target: "/a", Memory: true, Place: "pod.component.it: configs"}, {Source: "/b", Target: "/c", Memory: true, Place: "pod.component.it: configs"}, {Source: "/d", Target: "/e/f", Memory: true, Place: "pod.component.it: configs"},
			}},
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
	want := pod.Component{Name: "it", Image: "a", WorkingDir: "/w", Ports: []string{"80/tcp"}, StopGrace: pod.DefaultStopGrace}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// at is where the value is.
func at[T any](value T) *T { return &value }
