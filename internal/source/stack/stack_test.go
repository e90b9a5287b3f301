package stack_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/labels"
	"github.com/podlike/podlike/internal/source/stack"
)

// on is a machine with these files and variables.
func on(files, variables map[string]string) compose.Own {
	return compose.Own{
		Lookup: func(name string) (string, bool) { value, found := variables[name]; return value, found },
		ReadFile: func(file string) ([]byte, error) {
			text, found := files[file]
			if !found {
				return nil, fs.ErrNotExist
			}
			return []byte(text), nil
		},
	}
}

// lines are findings as they are printed.
func lines(findings []stack.Finding) []string {
	var all []string
	for _, f := range findings {
		all = append(all, f.String())
	}
	return all
}

func TestAStackHasAPodForEachServiceWithLabels(t *testing.T) {
	const text = `
services:
  a: {volumes: [/var/run:/var/run], image: 'sup:$TAG', command: '-logs "-pause-image=x y"', labels: {pod.component.web: '{image: b, environment: [A]}'}, environment: {A: $TAG}}
  b: {image: nginx, labels: [com.example=x]}
  c: {volumes: [{type: bind, source: /s, target: /run/docker.sock}], image: sup, command: [-logs], labels: ['pod.component.web={image: "$$"}', 'pod.component.web={image: c, environment: [A, B, C]}'], environment: [A, 'B=$$x']}
`
	pods, findings := stack.Read("s.yml", on(map[string]string{"s.yml": text}, map[string]string{"TAG": "1", "A": "mine"}))
	if len(findings) > 0 {
		t.Errorf("found %q", lines(findings))
	}
	var got []string
	for _, p := range pods {
		c := p.Components[0]
		got = append(got, p.Name, p.Image, strings.Join(p.Command, "|"), c.Name, c.Image, c.Env["A"], c.Env["B"])
	}
	want := []string{"services.a", "sup:1", "-logs|-pause-image=x y", "web", "b", "1", "", "services.c", "sup", "-logs", "web", "c", "mine", "$x"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What somebody else has against a pod is told at the place where it was written.
func TestAPodKnowsWhereItWasWritten(t *testing.T) {
	const text = `
services:
  a:
    image: sup
    command: [-nonsense]
    labels:
      pod.component.web: |
        image: b
        mem_limit: 1g
    volumes: [/var/run/docker.sock:/var/run/docker.sock]
`
	problems := pod.Problems{{Place: "pod.component.web: mem_limit", What: "too much"}, {Place: source.CommandPlace, What: "no such flag"}}
	var got []string
	for _, from := range []source.Source{
		stack.File{Name: "s.yml", Own: on(map[string]string{"s.yml": text}, nil)},
		stack.File{Name: "c.yml", Own: on(map[string]string{"c.yml": "services:\n  web:\n    image: b\n    mem_limit: 1g\n"}, nil)},
		stack.Labels{"pod.component.web": "image: b\nmem_limit: 1g\n"},
		labels.Source{Labels: map[string]string{"pod.component.web": "image: b\nmem_limit: 1g\n"}, Own: on(nil, nil)},
	} {
		pods, findings := from.Read()
		if len(pods) != 1 || len(findings) > 0 {
			t.Fatalf("%+v: %q", pods, lines(findings))
		}
		got = append(got, lines(pods[0].Locate(problems[:1], true))...)
		if pods[0].Name != "" { // which has a command
			got = append(got, lines(pods[0].Locate(problems[1:], false))...)
		}
	}
	want := []string{
		"s.yml:9:9: warning: services.a: pod.component.web: mem_limit: too much",
		"s.yml:5:5: services.a: command: no such flag",
		"c.yml:4:5: warning: services.web: mem_limit: too much",
		"pod.component.web:2:1: warning: mem_limit: too much",
		"warning: pod.component.web: mem_limit: too much",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestConfigsAndSecretsAreFollowedWhereTheyHaveAFile(t *testing.T) {
	const text = `
services:
  a:
    labels: {pod.compose.file: /pod.yml, pod.component.x: '{image: a}'}
    configs: [{source: pod, target: pod.yml}]
  b:
    labels: {pod.compose.file: /pod.yml}
    configs: [{source: pod, target: pod.yml}, short, {source: env, target: /etc/x/../env}]
    secrets: [secret, {source: secret, target: other}, {source: secret, target: /there}, outside]
configs: {pod: {file: 'p/$NAME.yml'}, short: {file: ./short}, env: {file: /abs/env}, outside: {external: true}}
secrets: {secret: {file: secret}, outside: {external: true}}
`
	const pod = `
services:
  web:
    image: x
    env_file: [/short, /etc/env, /run/secrets/secret, /run/secrets/other, /there, /run/secrets/outside, /none]
`
	files := map[string]string{"dir/s.yml": text, "dir/p/pod.yml": pod, "dir/short": "A=1", "/abs/env": "B=2", "dir/secret": "C=3"}
	pods, findings := stack.Read("dir/s.yml", on(files, map[string]string{"NAME": "pod"}))
	want := []string{
		"dir/s.yml:4:14: services.a: pod.compose.file: there are pod.component.<name> labels as well; components are either in a file or in labels",
		`dir/p/pod.yml:5:83: warning: services.web: env_file: "/run/secrets/outside" is not checked: no config and no secret of the service has it from a file`,
		`dir/p/pod.yml:5:105: warning: services.web: env_file: "/none" is not checked: no config and no secret of the service has it from a file`,
	}
	if diff := cmp.Diff(want, lines(findings)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"A": "1", "B": "2", "C": "3"}, pods[1].Components[0].Env); diff != "" {
		t.Error(diff)
	}
}

func TestLabelsThatOnlyLookLikeOursAreDoubted(t *testing.T) {
	const text = `
services:
  a:
    labels:
      pod.component.web: '{image: b}'
      pod.componnet.vpn: '{image: b}'
      pod.owner: me
      com.example: x
  b: {labels: [pod.hostnames=x]}
`
	_, findings := stack.Read("s.yml", on(map[string]string{"s.yml": text}, nil))
	want := []string{
		"s.yml:6:7: services.a: pod.componnet.vpn: unknown label; did you mean pod.component.<name>?",
		"s.yml:7:7: warning: services.a: pod.owner: is none of Podlike's labels and does nothing; README lists them",
	}
	if diff := cmp.Diff(want, lines(findings)); diff != "" {
		t.Error(diff)
	}
	want = []string{"pod.owner:1:1: warning: is none of Podlike's labels and does nothing; README lists them"}
	if diff := cmp.Diff(want, lines(findingsOf(stack.Labels{"pod.component.web": "{image: a}", "pod.owner": "me"}))); diff != "" {
		t.Error(diff)
	}
}

func TestWhatMakesALabelNoYAMLIsPointedAt(t *testing.T) {
	const text = `
services:
  a:
    labels:
      pod.component.folded: >
        image: a
        command: b
      pod.component.star: |
        image: a
        environment:
          - *x
      pod.component.path: '{image: a, working_dir: "C:\web"}'
      pod.component.seen: |
        image: a
        us​er: b
      "pod.component.tab": "image: a\n\tuser: b"
      pod.copy.seen: "@a:/b"
`
	_, findings := stack.Read("s.yml", on(map[string]string{"s.yml": strings.ReplaceAll(text, `\u200b`, "\u200b")}, nil))
	want := []string{
		"s.yml:7:16: services.a: pod.component.folded: cannot be read: command: begins in the middle of a line, as it does below a label that ends in >; write | there, or begin a line with it",
		"s.yml:11:13: services.a: pod.component.star: cannot be read: *x stands for an anchor &x, and none comes before it; add the anchor, or write '*x' in quotes",
		`s.yml:12:55: services.a: pod.component.path: cannot be read: \w is no escape in double quotes; write the text in single quotes: 'C:\web'`,
		`s.yml:15:9: services.a: pod.component.seen: us\u200ber: unknown key; delete the invisible character U+200B in it`,
		"s.yml:16:41: services.a: pod.component.tab: cannot be read: a tab indents the line, where YAML has spaces only; write spaces",
		"s.yml:17:23: services.a: pod.copy.seen: cannot be read: a value cannot begin with @; write it in quotes: '@a:/b'",
	}
	if diff := cmp.Diff(want, lines(findings)); diff != "" {
		t.Error(diff)
	}
}

func TestAnImageWithoutItsVariableIsOneMessage(t *testing.T) {
	const text = `
services:
  a:
    labels:
      pod.component.web: |
        image: web:${TAG}-1
      pod.component.db: |
        image: ${DB}
        user: ${ME}
      pod.component.log: |
        image: log${TAG}
      pod.component.last: |
        image: log:${TAG}
`
	_, findings := stack.Read("s.yml", on(map[string]string{"s.yml": text}, nil))
	want := []string{
		`s.yml:6:9: services.a: pod.component.web: image: the variable TAG is not set, which leaves "web:-1" of the image; set it, or write another value as in ${TAG:-1.0}`,
		`s.yml:8:9: services.a: pod.component.db: image: the variable DB is not set, which leaves nothing of the image; set it, or write another value as in ${DB:-1.0}`,
		`s.yml:9:9: services.a: pod.component.db: user: must be a string, but is empty; the variable ME is not set, which may be why`,
		`s.yml:11:19: warning: services.a: pod.component.log: the variable TAG is not set here and stands for nothing; set it as for docker stack deploy`,
		"s.yml:13:19: services.a: pod.component.last: cannot be read: a colon with a space behind it cannot be within a value; write the value in quotes: 'log:'; the variable TAG is not set, which may be why",
	}
	if diff := cmp.Diff(want, lines(findings)); diff != "" {
		t.Error(diff)
	}
}

func TestLabelsOfAContainerAreTheirOwnFiles(t *testing.T) {
	for name, test := range map[string]struct {
		why    string
		labels map[string]string
		want   []string
	}{
		"Component": {"a line of the label", map[string]string{"pod.component.web": "image: a\nports: [80]\n", "pod.copy.web": "- /a:/b\n- x\n"}, []string{
			"pod.component.web:2:1: ports: not supported in a pod; publish them on the service",
			`pod.copy.web:2:3: "x" is not of the form /source:/target; write /source:/target, a list of those, or a mapping of /source: /target`,
		}},
		"File":     {"it is not on this machine", map[string]string{"pod.compose.file": "/a.yml"}, []string{`pod.compose.file:1:1: warning: "/a.yml" is not checked: it is in the container`}},
		"None":     {"no pod at all", map[string]string{"com.example": "x"}, []string{"labels:1:1: there is no component; add a label such as pod.component.web with the value {image: NAME}"}},
		"Nothing":  {"all is well", map[string]string{"pod.component.web": "{image: a}", "$": "$"}, nil},
		"Variable": {"they were put in before", map[string]string{"pod.component.web": "{image: a, user: '$A'}"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			_, findings := stack.Labels(test.labels).Read()
			if diff := cmp.Diff(test.want, lines(findings)); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

// FuzzRead reads any file. Whatever is found has one line of words and is in the file.
func FuzzRead(f *testing.F) {
	files, err := filepath.Glob("../../../cmd/supervisor/testdata/validate/*.yml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("services: {a: &a {<<: *a, labels: {pod.component.b: 'c: &c {<<: *c}'}}}")
	f.Add("services: {a: {labels: {pod.component.b: '&c [*c]', pod.compose.file: s.yml}}}")
	f.Fuzz(func(t *testing.T, text string) {
		_, findings := stack.Read("s.yml", on(map[string]string{"s.yml": text}, nil))
		for _, found := range findings {
			if found.Line < 1 || found.Line > strings.Count(text, "\n")+1 && !strings.ContainsAny(text, "\r\u0085\u2028\u2029") || found.Column < 1 {
				t.Errorf("%s is not in the file of %d lines", found, strings.Count(text, "\n")+1)
			}
			if found.What == "" || strings.ContainsFunc(found.String(), unicode.IsControl) {
				t.Errorf("not a line: %q", found)
			}
		}
	})
}

// findingsOf are what is found in a source.
func findingsOf(from source.Source) []stack.Finding {
	_, findings := from.Read()
	return findings
}
