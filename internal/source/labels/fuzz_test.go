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
	got, _, err := labels.Read(all, none)
	again, _, errAgain := labels.Read(all, none)
	if diff := cmp.Diff(got, again); diff != "" {
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
		"stop_grace_period: 5\nstop_signal: [x]\nuser: 1\nimage: :", "command: 'a | b'\nentrypoint: [1]\nimage: a@b", "--- \n...\n--- a",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, definition string) {
		p, err := checkReading(t, map[string]string{"pod.component.it": definition, "pod.component.other": "{image: a}"})
		if err == nil && len(p.Components) != 2 {
			t.Errorf("got %d components", len(p.Components))
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
