package merge_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/source/span"
	"github.com/podlike/podlike/internal/source/tree"
	"github.com/podlike/podlike/internal/template/merge"
)

// parse is what a text holds.
func parse(t *testing.T, text string) *tree.Value {
	t.Helper()
	v, findings := tree.Parse(span.Whole("f", text), "")
	if len(findings) > 0 {
		t.Fatalf("%s: %v", text, findings)
	}
	return v
}

func TestEachRuleMerges(t *testing.T) {
	for _, test := range []struct{ why, strong, weak, templates, files string }{
		{"of text the stronger one counts", "{a: 1}", "{a: 2, b: 2}", "{a: 1, b: 2}", "{a: 1, b: 2}"},
		{"mappings merge at every depth", "{deploy: {resources: {limits: {memory: 1m}}}}", "{deploy: {resources: {limits: {memory: 2m, cpus: 1}}}}", "{deploy: {resources: {limits: {memory: 1m, cpus: 1}}}}", "{deploy: {resources: {limits: {memory: 1m, cpus: 1}}}}"},
		{"lists append without repeats", "{cap_add: [A, B]}", "{cap_add: [B, C]}", "{cap_add: [A, B, C]}", "{cap_add: [B, C, A]}"},
		{"commands append, or one stands in the other's place", "{command: [a]}", "{command: [b, a]}", "{command: [a, b, a]}", "{command: [a]}"},
		{"text appends to a command", "{entrypoint: [a]}", "{entrypoint: b}", "{entrypoint: [a, b]}", "{entrypoint: [a]}"},
		{"and no command to text", "{command: a}", "{command: [b]}", "{command: a}", "{command: a}"},
		{"environment goes by name", "{environment: [A=1, B]}", "{environment: {A: 2, C: 2}}", "{environment: {A: '1', B: , C: 2}}", "{environment: {A: '1', B: , C: 2}}"},
		{"so do dependencies", "{depends_on: {a: {condition: service_healthy}}}", "{depends_on: [a, b]}", "{depends_on: {a: {condition: service_healthy}, b: {condition: service_started}}}", "{depends_on: {a: {condition: service_healthy}, b: {condition: service_started}}}"},
		{"volumes go by target", "{volumes: ['a:/d', {type: bind, source: /s, target: /e}]}", "{volumes: ['b:/d:ro', '/f', {type: tmpfs, target: /e, read_only: true}]}", "{volumes: ['a:/d', {type: bind, source: /s, target: /e, read_only: true}, '/f']}", "{volumes: ['a:/d', '/f', {type: bind, source: /s, target: /e, read_only: true}]}"},
		{"ports by target and protocol", "{ports: ['80:80', '53:53/udp']}", "{ports: ['81:80', '53:53', {target: 53, protocol: udp}]}", "{ports: ['80:80', '53:53/udp', '53:53']}", "{ports: ['80:80', '53:53', '53:53/udp']}"},
		{"a test is one command", "{healthcheck: {test: [CMD, a]}}", "{healthcheck: {test: [CMD, b], retries: 2}}", "{healthcheck: {test: [CMD, a], retries: 2}}", "{healthcheck: {test: [CMD, a], retries: 2}}"},
		{"one or more are a list", "{tmpfs: /a}", "{tmpfs: ['/a:size=1m', /b]}", "{tmpfs: [/a, /b]}", "{tmpfs: [/a, /b]}"},
		{"a stronger value stands in the other's place", "{a: !override {b: 1}}", "{a: {c: 1}}", "{a: {b: 1}}", "{a: {b: 1}}"},
		{"or takes it away", "{a: !reset }", "{a: {c: 1}, b: 1}", "{b: 1}", "{b: 1}"},
		{"a template may be weaker and say so, too", "{a: {b: 1}, c: 1}", "{a: !override {d: 1}, c: !reset }", "{a: {d: 1}}", "{a: {b: 1, d: 1}, c: 1}"},
		{"what is empty says nothing", "{a: , b: 1}", "{a: 1, b: }", "{a: 1, b: 1}", "{a: 1, b: 1}"},
		{"configs go by target", "{configs: [a, {source: b, target: /c}]}", "{configs: [{source: x, target: a}, {source: y, target: /c, mode: 0400}]}", "{configs: [a, {source: b, target: /c, mode: 0400}]}", "{configs: [a, {source: b, target: /c, mode: 0400}]}"},
	} {
		for files, want := range map[bool]string{false: test.templates, true: test.files} {
			got := merge.Finish(merge.Services(parse(t, test.strong), parse(t, test.weak), files))
			if diff := cmp.Diff(merge.Finish(parse(t, want)).Plain(), got.Plain()); diff != "" {
				t.Errorf("%s (files: %v):\n%s", test.why, files, diff)
			}
		}
	}
}

func TestArgumentsMergeAtEveryDepth(t *testing.T) {
	got := merge.Mappings(parse(t, "{a: [1, 2], b: {c: 1}, d: [x], e: text, f: [1]}"), parse(t, "{a: [2, 3], b: {c: 2, d: [2]}, d: y, e: [z], f: {g: 1}, h: 1}"))
	want := parse(t, "{a: [1, 2, 2, 3], b: {c: 1, d: [2]}, d: [x, y], e: text, f: [1], h: 1}")
	if diff := cmp.Diff(want.Plain(), got.Plain()); diff != "" {
		t.Error(diff)
	}
}

func TestThePartsOfAVolumeMayHaveVariables(t *testing.T) {
	for text, want := range map[string][]string{
		"a:/b:ro":               {"a", "/b", "ro"},
		"${A:-x}:${B:?no: way}": {"${A:-x}", "${B:?no: way}"},
		"/b":                    {"/b"},
		"a}:{b:":                {"a}", "{b", ""},
	} {
		if diff := cmp.Diff(want, merge.Split(text)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	for text, want := range map[string]string{"80": "80/tcp", "1.2.3.4:80:81/udp": "81/udp", "'${P:-80}:80'": "80/tcp", "{target: 80, protocol: udp}": "80/udp"} {
		if got := merge.Port(parse(t, "["+text+"]").Items[0]); got != want {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
	}
}
