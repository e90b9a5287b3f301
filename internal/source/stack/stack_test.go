package stack_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/source/compose"
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
  a: {image: 'sup:$TAG', command: '-logs "-pause-image=x y"', labels: {pod.component.web: '{image: b, environment: [A]}'}, environment: {A: $TAG}}
  b: {image: nginx, labels: [com.example=x]}
  c: {image: sup, command: [-logs], labels: ['pod.component.web={image: "$$"}', 'pod.component.web={image: c, environment: [A, B, C]}'], environment: [A, 'B=$$x']}
`
	pods, findings := stack.Read("s.yml", on(map[string]string{"s.yml": text}, map[string]string{"TAG": "1", "A": "mine"}))
	if len(findings) > 0 {
		t.Errorf("found %q", lines(findings))
	}
	var got []string
	for _, p := range pods {
		c := p.Components[0]
		got = append(got, p.Service, p.Image, strings.Join(p.Command, "|"), c.Name, c.Image, c.Env["A"], c.Env["B"])
	}
	want := []string{"a", "sup:1", "-logs|-pause-image=x y", "web", "b", "1", "", "c", "sup", "-logs", "web", "c", "mine", "$x"}
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
			if diff := cmp.Diff(test.want, lines(stack.ReadLabels(test.labels))); diff != "" {
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
