package compose_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden are definitions that have something wrong with them, and why.
var golden = []struct{ why, text string }{
	{"several keys at once, good and bad, each told by name", "image: [a]\ncommand: 5\nports: [80]\nmem_limit: 1m\nfoo: 1\nuser: root\ntty: 3\nenvironment: x"},
	{"not a service", "nginx"},
	{"not a service either", "[a, b]"},
	{"empty", " \n"},
	{"only a comment", "# nothing"},
	{"broken YAML", "image: a\ncommand: [b\n"},
	{"a tab", "image: a\n\tcommand: b"},
	{"two documents", "image: a\n---\nimage: b"},
	{"a key twice", "image: a\ncommand: b\nimage: c"},
	{"a key twice, deeper", "image: a\nenvironment:\n  A: 1\n  A: 2"},
	{"a key that is no text", "image: a\n? [b]\n: c"},
	{"no merge", "image: a\n<<: 5"},
	{"no merge in a list", "image: a\n<<: [{user: b}, c]"},
	{"an alias of itself", "image: a\nx-a: &a [*a]"},
	{"aliases of aliases", "x-a: &a [1,1,1,1,1,1,1,1,1,1]\nx-b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nx-c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nx-d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\nx-e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nx-f: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]"},
	{"an unknown alias", "image: *a"},
	{"a wrong tag", "image: a\ntty: !!int b"},
	{"a key over two lines", "image: a\n\"b\\nc\": d"},
	{"unknown keys", "image: a\nenviroment: {}\nPorts: []"},
	{"invisible characters", "image\u200b: a\n\u00a0user: b\nhealthcheck: {test\u2060: c}\nx-pod: {\ufeffsidecar: true}\nenvironment: {\"A\u00a0B\": c}\nstop_grace_period: \"5s\u200b\""},
	{"an invisible character in an image", "image: \"a\u200b\""},
	{"image: upper case", "image: Foo/Bar"},
	{"image: two tags", "image: 'a:b:c'"},
	{"image: a list", "image: [5]"},
	{"image: nothing", "image:"},
	{"command: a shell's operator", "image: a\ncommand: serve && stop"},
	{"command: a pipe", "image: a\nentrypoint: serve | tee"},
	{"command: open quotes", "image: a\ncommand: say 'it"},
	{"command: wrong items", "image: a\ncommand: [a, 5, [b], {c: d}, null]"},
	{"command: a mapping", "image: a\ncommand: {a: b}"},
	{"environment: wrong values", "image: a\nenvironment: {A: [b], B: {c: d}, C: .inf, D: fine, '': e}"},
	{"environment: wrong items", "image: a\nenvironment: [A=b, 5, 'B =c', '=d', '']"},
	{"environment: nothing", "image: a\nenvironment:"},
	{"labels", "image: a\nlabels: [5, {a: b}]"},
	{"labels: a string", "image: a\nlabels: a=b"},
	{"strings that are none", "image: a\nworking_dir: [5]\nuser: {a: b}\nstop_signal:"},
	{"tty", "image: a\ntty: perhaps"},
	{"stop_grace_period: a number", "image: a\nstop_grace_period: 5"},
	{"stop_grace_period: no unit", "image: a\nstop_grace_period: '5'"},
	{"stop_grace_period: no duration", "image: a\nstop_grace_period: soon"},
	{"healthcheck: not a mapping", "image: a\nhealthcheck: 5"},
	{"healthcheck: nothing", "image: a\nhealthcheck:"},
	{"healthcheck: everything", "image: a\nhealthcheck: {test: {a: b}, interval: 5, timeout: x, start_period: [], retries: -1, disable: 3, foo: bar, baz: 1}"},
	{"healthcheck: test without a form", "image: a\nhealthcheck: {test: [curl, localhost]}"},
	{"healthcheck: test without a command", "image: a\nhealthcheck: {test: [CMD]}"},
	{"healthcheck: too many retries", "image: a\nhealthcheck: {retries: 99999999999}"},
	{"volumes: not a list", "image: a\nvolumes: {a: /b}"},
	{"volumes: short", "image: a\nvolumes: ['a:/b:ro:c', '', ':', 'a:', 'b:/c:wr', 5, null, 'c:/ok']"},
	{"volumes: sources", "image: a\nvolumes: ['./a:/a', '../b:/b', '~/c:/c', 'd/e:/d', '$HOME:/e', '-f:/f', 'C:\\g:/g']"},
	{"volumes: two on one target", "image: a\nvolumes: ['a:/t', 'b:/t/', {type: tmpfs, target: /u/../t}]"},
	{"volumes: long", "image: a\nvolumes:\n  - {type: bind}\n  - {source: a, target: /a}\n  - {type: disk, target: /b}\n  - {type: bind, source: /c, target: /c, mode: ro}\n  - {type: volume, source: d, target: /d, read_only: perhaps}\n  - {type: tmpfs, target: /e, tmpfs: {size: big}}\n  - {type: tmpfs, target: /f, tmpfs: {mode: '1777'}}\n  - {type: bind, source: 5, target: /g}"},
	{"volumes: all that is wrong with one", "image: a\nvolumes: [{type: disk, target: /a, read_only: [], mode: ro, size: 1, tmpfs: {size: [], uid: 5}}]"},
	{"volumes: long sources", "image: a\nvolumes:\n  - {type: bind, source: ./a, target: /a}\n  - {type: bind, target: /b}\n  - {type: volume, source: /c, target: /c}\n  - {type: tmpfs, source: d, target: /d}\n  - {type: image, source: e, target: /e}"},
	{"volumes: selinux and a must", "image: a\nvolumes: [{type: bind, source: /a, target: /a, bind: {create_host_path: false, selinux: z}}, {type: bind, source: /b, target: /b, bind: {recursive: maybe}}]"},
	{"depends_on: a string", "image: a\ndepends_on: b"},
	{"depends_on: wrong items", "image: a\ndepends_on: [b, 5, {c: d}]"},
	{"depends_on: twice", "image: a\ndepends_on: [b, b]"},
	{"depends_on: twice, beside another mistake", "image: a\ndepends_on: [[x], b, b]"},
	{"depends_on: conditions", "image: a\ndepends_on: {b: , c: {}, d: {condition: done}, e: {condition: service_completed_successfully}, f: {condition: service_started, for: 5}, 'g h': {condition: service_started}}"},
	{"depends_on: flags", "image: a\ndepends_on: {b: {condition: service_started, restart: perhaps, required: 5}}"},
	{"restart", "image: a\nrestart: sometimes"},
	{"restart: no word", "image: a\nrestart: false"},
	{"restart: always, but how often", "image: a\nrestart: always:3"},
	{"restart: how often", "image: a\nrestart: on-failure:often"},
	{"restart: never on failure", "image: a\nrestart: on-failure:0"},
	{"deploy: restart_policy", "image: a\ndeploy: {restart_policy: {condition: sometimes, max_attempts: often, delay: soon, foo: 1}}"},
	{"deploy: restart_policy: condition", "image: a\ndeploy: {restart_policy: {condition: sometimes}}"},
	{"deploy: restart_policy: how often of always", "image: a\ndeploy: {restart_policy: {max_attempts: 3}}"},
	{"hooks", "image: a\npost_start: [{command: a && b}, {command: []}, {user: b}, {command: [c], foo: d}, e, {command: [f], privileged: perhaps, environment: ['=g']}]\npre_stop: {command: h}"},
	{"hooks: an environment", "image: a\npre_stop: [{command: [a], environment: {'': b}}]"},
	{"secrets and configs", "image: a\nsecrets: [a/b, '', {target: c}, {source: d, uid: root}, {source: e, mode: rw}, {source: f, mode: 10000}, {source: g, foo: h}, 5]\nconfigs: a"},
	{"env_file: files", "image: a\nenv_file: [/none.env, /bad.env, /open.env, /template.env, {path: /bad-raw.env, format: raw}, {path: /a.env, format: toml}, 5, {required: true}]"},
	{"label_file: files", "image: a\nlabel_file: /none.label"},
	{"security_opt: profiles", "image: a\nsecurity_opt: [seccomp=/none.json, seccomp=/bad.json]"},
	{"flags", "image: a\ninit: 5\nprivileged: no way\nread_only: [true]\nstdin_open: 1\noom_kill_disable: {}"},
	{"numbers", "image: a\ncpus: half\ncpu_shares: 1.5\ncpu_quota: many\ncpu_rt_period: soon\npids_limit: []\noom_score_adj: 2000\nmem_swappiness: x\ncpu_percent: 101"},
	{"sizes", "image: a\nmem_limit: 1.5\nmem_reservation: much\nmemswap_limit: [1]\nshm_size: 99999999999999999999"},
	{"ulimits", "image: a\nulimits: {nofile: {soft: many, hard: 1}, nproc: few, core: {soft: 1}, rss: [1]}"},
	{"blkio_config", "image: a\nblkio_config: {weight: heavy, device_read_bps: [{path: /dev/a, rate: -1}, {path: /dev/b, rate: fast}], foo: 1}"},
	{"deploy: what is the service's", "image: a\ndeploy: {replicas: 2, mode: global, labels: {a: b}, placement: {}, restart_policy: {}, foo: 1}"},
	{"deploy: resources", "image: a\nmem_limit: 1g\ndeploy: {resources: {limits: {memory: 2g, cpus: half, disk: 1}}}"},
	{"deploy: says something else", "image: a\nmem_limit: 1g\ncpus: 1\ndeploy: {resources: {limits: {memory: 2g, cpus: 2}}}"},
	{"devices", "image: a\ndevices: [dev/a, '/dev/a:dev/b', '/a:/b:r:w', 5, {target: /a}]"},
	{"gpus", "image: a\ngpus: [{count: some}, {count: 1, device_ids: [a]}, 5]"},
	{"tmpfs", "image: a\ntmpfs: [/a, '/a/:size=1m', b, '', 5]\nvolumes: ['c:/a']"},
	{"pull_policy", "image: a\npull_policy: daily"},
	{"pull_policy: build", "image: a\npull_policy: build"},
	{"pull_policy: unknown", "image: a\npull_policy: perhaps"},
	{"platform", "image: a\nplatform: linux"},
	{"lists", "image: a\ncap_add: NET_ADMIN\ncap_drop: [1]\ngroup_add: [[a]]\ndevice_cgroup_rules: x\nsecurity_opt: [a, a]"},
	{"mappings", "image: a\nsysctls: [a]\nannotations: 5\nstorage_opt: [a]\nlogging: {driver: [a], options: {a: [b]}, foo: bar}"},
	{"words", "image: a\nruntime: 5\nuts: [host]\nuserns_mode: 1\ncgroup: mine\nisolation: 5\ncpuset: 1"},
	{"x-pod: nothing", "image: a\nx-pod:"},
	{"x-pod: no mapping", "image: a\nx-pod: [sidecar]"},
	{"x-pod: everything", "image: a\nx-pod:\n  sidecars: true\n  sidecar: 1\n  essential: maybe\n  pid: host\n  startTimeout: 30\n  terminationMessagePath: ''\n  ports: {web: 80}\n  restartPolicyRules: {}\n  lifecycle: []\n  livenessProbe:\n  readinessProbe: true"},
	{"x-pod: a key twice", "image: a\nx-pod:\n  sidecar: true\n  sidecar: true"},
	{"x-pod: a wrong word for a path and a PID namespace", "image: a\nx-pod: {pid: 5, terminationMessagePath: [x]}"},
	{"x-pod: ports", "image: a\nx-pod: {ports: [80, {name: a}, {containerPort: 80}, {name: b, containerPort: 70000}, {name: c, containerPort: 1, protocol: TCP}, {name: d, containerPort: 1}, {name: d, containerPort: 2}]}"},
	{"x-pod: rules", "image: a\nx-pod: {restartPolicyRules: [5, {action: Restart}, {exitCodes: {operator: In, values: [1]}}, {action: 1, exitCodes: {operator: Is, values: [x]}}, {action: Restart, onExit: {exitCodes: {}}}, {action: Restart, exitCodes: {values: 1}}]}"},
	{"x-pod: a probe", "image: a\nx-pod: {livenessProbe: {exec: [a], httpGet: {path: 5, port: [80], hosts: b, httpHeaders: [{name: c}, d]}, tcpSocket: {host: e}, grpc: {port: web}, periodSeconds: 1.5, timeoutSeconds: 99999999999, terminationGracePeriodSeconds: 5}}"},
	{"x-pod: a command", "image: a\nx-pod: {livenessProbe: {exec: {command: check it}}, startupProbe: {exec: {command: [sleep, 5]}}, readinessProbe: {exec: {command: []}}, lifecycle: {preStop: {exec: {}}}}"},
	{"x-pod: a port that has no name", "image: a\nx-pod: {ports: [{name: web, containerPort: 80}], readinessProbe: {httpGet: {port: wbe}}}"},
	{"x-pod: lifecycle", "image: a\nstop_signal: SIGTERM\nx-pod: {lifecycle: {postStart: {sleep: {seconds: 0}}, preStop: {tcpSocket: {port: 80}, sleep: {}}, stopSignal: SIGUSR1, preStart: {}}}"},
	{"pre_start: what is none", "image: a\npre_start: b"},
	{"pre_start: everything", "image: a\ntty: perhaps\nuser: [b]\npre_start: [c, {command: 5, user: [d], foo: e, depends_on: [f], x-pod: {}, x-any: 1, per_replica: true}, {environment: {A: [g]}, hostname: h}, {user: i, volumes: ['j:/']}]"},
	{"pre_start: forms that do not fit", "image: a\nhealthcheck: {retries: 1}\nenvironment: [A]\nlogging: {driver: b}\npre_start: [{logging: [c], healthcheck: {}}]"},
	{"long values are cut", "image: a\ncommand: {a: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa}"},
}

// rejected has every key that makes no sense in a pod.
const rejected = "image: a\nbuild: .\ncgroup_parent: b\ncontainer_name: d\n" +
	"dns: 1.1.1.1\ndns_opt: [e]\ndns_search: f\ndomainname: g\nexpose: [80]\nextends: h\n" +
	"external_links: [i]\nextra_hosts: ['j:1.1.1.1']\nhostname: k\nipc: host\nlinks: [l]\nmac_address: m\nnetwork_mode: host\nnetworks: [n]\n" +
	"pid: host\nports: ['80:80']\nscale: 2\nvolume_driver: p\nvolumes_from: [q]\n" +
	"credential_spec: {file: r}\nmodels: [s]\nprofiles: [t]\nprovider: {type: u}\npull_refresh_after: 1d\numask: 022\nuse_api_socket: true"

func TestProblemsAreWordedForTheirReader(t *testing.T) {
	var got strings.Builder
	for _, c := range append(golden, struct{ why, text string }{"keys that make no sense in a pod", rejected}) {
		got.WriteString("# " + c.why + "\n")
		_, problems := read(c.text)
		if len(problems) == 0 {
			t.Errorf("%s: no problem was found", c.why)
		}
		for _, p := range problems {
			if strings.Contains(p.String(), "\n") {
				t.Errorf("%s: more than a line: %q", c.why, p)
			}
			got.WriteString(p.String() + "\n")
		}
		got.WriteString("\n")
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
