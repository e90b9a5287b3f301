package labels_test

import (
	"errors"
	"path"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/labels"
)

// checkReading reads the labels twice and checks what holds for any labels: a
// result that is complete, valid and the same again, or problems that a person
// can read.
func checkReading(t *testing.T, all map[string]string) (pod.Pod, error) {
	t.Helper()
	read, err := labels.Read(all, none)
	again, errAgain := labels.Read(all, none)
	got := read.Pod
	if diff := cmp.Diff(got, again.Pod); diff != "" {
		t.Fatalf("two readings differ:\n%s", diff)
	}
	if diff := cmp.Diff(text(err), text(errAgain)); diff != "" {
		t.Fatalf("two readings have different problems:\n%s", diff)
	}
	if err != nil {
		checkProblems(t, err)
		return got, err
	}
	if err := pod.Validate(got); err != nil {
		t.Fatalf("an invalid pod was returned: %v", err)
	}
	if diff := cmp.Diff(got, pod.Complete(got)); diff != "" {
		t.Fatalf("an incomplete pod was returned:\n%s", diff)
	}
	return got, nil
}

// text is the error's, or empty.
func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// checkProblems checks that each problem has a place and one line of words for people.
func checkProblems(t *testing.T, err error) {
	t.Helper()
	var problems pod.Problems
	if !errors.As(err, &problems) || len(problems) == 0 {
		t.Fatalf("%v (%T) are no problems", err, err)
	}
	for _, p := range problems {
		if p.Place == "" || p.What == "" || strings.ContainsFunc(p.String(), unicode.IsControl) {
			t.Errorf("not a line with a place: %q", p)
		}
		for _, word := range []string{"interface {}", "map[string", "[]any", "services.it", "panic"} {
			if strings.Contains(p.What, word) && !strings.Contains(p.What, `"`) { // what is quoted is the user's
				t.Errorf("words of a programmer: %s", p)
			}
		}
	}
}

func FuzzLabels(f *testing.F) {
	for _, seed := range []string{
		"image: a", "", "- a", "{image: a, command: b c, tty: yes}", `{"image": "a", "labels": ["b=c"]}`,
		"image: a\nenvironment: {A: 1.5, B: , C: 2001-01-01}\nenv_file: x", "image: a\nenvironment: [A=b, C, '=d']",
		"image: a\nvolumes: ['a:/b:ro,z', /c, {type: tmpfs, target: /d, tmpfs: {size: 1m, mode: 0755}}, {type: bind, source: /e, target: /f}]",
		"image: a\nhealthcheck: {test: [CMD, b], interval: 1s, retries: 3, foo: bar}", "image: a\nhealthcheck: {disable: 'true'}",
		"image: a\ndepends_on: {other: {condition: service_healthy}, it: {}}", "image: a\ndepends_on: [other, it, nobody]",
		"x-a: &a {image: b}\n<<: *a", "a: &a [*a]", "image: a\nimage: b\nports: [1]\nfoo: {}", "? {a: b}\n: c", "image: !!binary YQ==",
		"image: a\nulimits: {nofile: {soft: '1', hard: b}, core: 1.0}\nblkio_config: {weight: '5', device_read_bps: [{path: /a, rate: 1e6}]}\nmem_limit: 1.5g\ncpus: .5\ncpu_rt_period: 1ms\npids_limit: 1e3",
		"image: a\ndeploy: {resources: {limits: {cpus: '0.5', memory: 1m, pids: '5'}, reservations: {devices: [{capabilities: [gpu], count: all}]}}, replicas: 1}\ngpus: all\ndevices: [/a, '/a:rw', {source: /b}, v.com/c=d]",
		"image: a\nenv_file: [x, {path: y, required: false, format: raw}]\nlabel_file: z\nsecurity_opt: ['seccomp:x', a]\ntmpfs: [/a, '/b:size=1m']\nplatform: linux/arm64\npull_policy: never\ninit: 'no'\nlogging: {driver: a, options: {b: 1}}",
		"image: a\nrestart: on-failure:3\ndeploy: {restart_policy: {condition: any, max_attempts: '2', delay: 5s}}\ndepends_on: {other: {condition: service_completed_successfully, required: false, restart: true}, nobody: {condition: service_healthy, required: false}}",
		"image: a\npost_start: [{command: b c, user: d, privileged: 'true', environment: [E, F=1]}]\npre_stop: [{command: [b], working_dir: /c, environment: {G: }}]\nsecrets: [a, {source: b, target: c, uid: '1', mode: 0440}]\nconfigs: [d, {source: e, target: /f, mode: '0444'}]",
		"image: a\nuser: b\nenvironment: {A: 1}\nvolumes: ['v:/v']\ndepends_on: [other]\npre_start: [{command: c, environment: [A=2]}, {image: d, volumes: [/v], per_replica: true}, [e], {tty: true}]",
		"image: a\nx-pod: {sidecar: true, startTimeout: 30s, pid: private, terminationMessagePath: /a, ports: [{name: web, containerPort: 80}], livenessProbe: {httpGet: {port: web, path: b, httpHeaders: [{name: c, value: d}]}}, readinessProbe: {grpc: {port: 1}}}",
		"image: a\nx-pod: {essential: false, restartPolicyRules: [{action: RestartAllContainers, exitCodes: {operator: NotIn, values: [0, 0x1]}}], startupProbe: {tcpSocket: {port: -1}, periodSeconds: 1e3}, lifecycle: {postStart: {sleep: {seconds: 1}}, preStop: {exec: {command: [b]}}, stopSignal: c}}",
		"image: a\nx-pod: [&a {sidecar: *a}]", "image: a\nsecrets: [a, a, {source: b, target: a}]\ntmpfs: /run/secrets/a",
		"stop_grace_period: 5\nstop_signal: [x]\nuser: 1\nimage: :", "command: 'a | b'\nentrypoint: [1]\nimage: a@b", "--- \n...\n--- a",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, definition string) {
		p, err := checkReading(t, map[string]string{"pod.component.it": definition, "pod.component.other": "{image: a}"})
		if err == nil && len(p.All()) < 2 {
			t.Errorf("got the components %v", p.All())
		}
	})
}

func FuzzInit(f *testing.F) {
	for _, seed := range []struct{ init, grace, backoff, unready string }{
		{"[{image: a}]", "30s", "{initial: 1s, cap: 60s}", "ignore"},
		{"- {image: a, restart: always, depends_on: [init-2]}\n- image: b\n  pre_start: [{command: [c]}]\n  depends_on: [it]", "1d", "initial: 5s", "unhealthy"},
		{"[{image: a, x-pod: {sidecar: true, livenessProbe: {tcpSocket: {port: 1}}}}, &a {image: b}, *a]", "0", "{cap: 1s, cap: 2s}", " ignore\n"},
		{"{image: a}", "-1s", "[1s, 2s]", ""}, {"[]", "soon", "{}", "x"}, {"[[]]", "", "", "ignore"}, {"- ", "1s", "{initial: {}}", "ignore"},
	} {
		f.Add(seed.init, seed.grace, seed.backoff, seed.unready)
	}
	f.Fuzz(func(t *testing.T, init, grace, backoff, unready string) {
		p, err := checkReading(t, map[string]string{
			"pod.component.it": "{image: a}", "pod.init.components": init, "pod.stop_grace_period": grace, "pod.restart_backoff": backoff, "pod.unready": unready,
		})
		if err == nil && (len(p.Init) == 0 || p.StopGrace <= 0 || p.Unready == "") {
			t.Errorf("something was said, and nothing read: %+v", p)
		}
	})
}

func FuzzCopy(f *testing.F) {
	for _, seed := range []string{
		"/a:/b", "/a", "'': /x", "/a: /b\n/c: /d", "- /a:/b\n- /a:/c", "5", "[[/a:/b]]", "/a: {b: c}", "<<: [{/a: /b}, 5]", "[&a /a:/b, *a]", "", "/a:/b\n", "~", "! /a:/b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := checkReading(t, map[string]string{"pod.component.it": "{image: a}", "pod.copy.it": text})
		if err != nil {
			return
		}
		if len(p.Components[0].Copies) == 0 {
			t.Error("no copy and no problem")
		}
		for _, c := range p.Components[0].Copies {
			if !path.IsAbs(c.Source) || !path.IsAbs(c.Target) {
				t.Errorf("a relative path was returned: %+v", c)
			}
		}
	})
}
