package template_test

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/podyaml"
	"github.com/podlike/podlike/internal/source/stack"
	"github.com/podlike/podlike/internal/template"
	"github.com/podlike/podlike/internal/template/input"
)

var update = flag.Bool("update", false, "write the golden files anew")

// on is a machine with these files and variables.
func on(files, variables map[string]string) input.Machine {
	return input.Machine{
		Abs: func(file string) string {
			if path.IsAbs(file) {
				return file
			}
			return path.Join("/here", file)
		},
		Lookup: func(name string) (string, bool) { value, found := variables[name]; return value, found },
		ReadFile: func(file string) ([]byte, error) {
			text, found := files[path.Clean(file)]
			if !found {
				return nil, &fs.PathError{Op: "open", Path: file, Err: fs.ErrNotExist}
			}
			return []byte(text), nil
		},
	}
}

// renderOf renders the stack s.yml of some files, and returns what is printed and what is found.
func renderOf(files map[string]string, change ...func(*template.Options)) (string, []string) {
	o := template.Options{Files: []string{"s.yml"}, Machine: on(files, nil), Version: "1.0"}
	for _, c := range change {
		c(&o)
	}
	result, findings := template.Render(o)
	return string(result.Text.Text), lines(findings)
}

func lines(findings []source.Finding) []string {
	var all []string
	for _, f := range findings {
		all = append(all, f.String())
	}
	return all
}

// A scene is some files of a test, and why it is there.
type scene struct {
	name, why string
	files     map[string]string
	order     []string // of the files
}

// scenes are those of a file: each begins with == NAME: WHY, and each of its files with -- FILE.
func scenes(t *testing.T, file string) (all []scene) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split("\n"+string(text), "\n== ")[1:] {
		title, rest, _ := strings.Cut(part, "\n")
		s := scene{files: map[string]string{}}
		s.name, s.why, _ = strings.Cut(title, ": ")
		for _, one := range strings.Split("\n"+rest, "\n-- ")[1:] {
			name, text, _ := strings.Cut(one, "\n")
			s.files[name] = strings.TrimRight(text, "\n") + "\n"
			s.order = append(s.order, name)
		}
		all = append(all, s)
	}
	if len(all) == 0 {
		t.Fatalf("%s has no scenes", file)
	}
	return all
}

// prelude is what the stacks that are expected may refer to: the default supervisor.
const prelude = `x-sup: &sup {image: "podlike/supervisor:1.0", command: -logs, volumes: ["/var/run/docker.sock:/var/run/docker.sock"]}
x-bare: &bare {image: "podlike/supervisor:1.0", volumes: ["/var/run/docker.sock:/var/run/docker.sock"]}
`

// pods are those of a stack, as people see them, and its services and all else without the labels
// that the pods are.
func pods(t *testing.T, text string) (shown string, rest any) {
	t.Helper()
	own := compose.Own{Lookup: func(string) (string, bool) { return "", false }, ReadFile: func(string) ([]byte, error) { return nil, fs.ErrNotExist }}
	all, findings := stack.Read("s.yml", compose.Own{Lookup: own.Lookup, ReadFile: func(string) ([]byte, error) { return []byte(text), nil }})
	for _, f := range findings {
		if !f.Warning {
			t.Errorf("%s in\n%s", f, text)
		}
	}
	for _, p := range all {
		one, err := podyaml.Write(p.Pod)
		if err != nil {
			t.Fatal(err)
		}
		shown += "# " + p.Name + "\n" + string(one)
	}
	var whole map[string]any
	if err := yaml.Unmarshal([]byte(text), &whole); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	services, _ := whole["services"].(map[string]any)
	for _, service := range services {
		if s, is := service.(map[string]any); is {
			labels, _ := s["labels"].(map[string]any)
			for key := range labels {
				if strings.HasPrefix(key, "pod.c") || strings.HasPrefix(key, "pod.i") {
					delete(labels, key)
				}
			}
			if len(labels) == 0 {
				delete(s, "labels")
			}
		}
	}
	for _, key := range []string{"x-sup", "x-bare", "version"} {
		delete(whole, key)
	}
	return shown, whole
}

// Each of these is a rule of the old grammar, or a change of it that was made on purpose, in a stack
// of our own making: want.yml is the same stack, written by hand as labels.
func TestWhatTemplatesMakeIsWhatOneWouldWriteByHand(t *testing.T) {
	for _, file := range []string{"testdata/compat.txt", "testdata/changed.txt", "testdata/kinds.txt"} {
		for _, s := range scenes(t, file) {
			t.Run(s.name, func(t *testing.T) {
				got, found := renderOf(s.files, func(o *template.Options) {
					o.Unpinned = true
					o.Fetch = func(url string, insecure bool) ([]byte, error) {
						if text, is := s.files[fmt.Sprintf("%s insecure=%v", url, insecure)]; is {
							return []byte(text), nil
						}
						return nil, template.Missing("there is nothing")
					}
				})
				found = slices.DeleteFunc(found, func(line string) bool { return strings.Contains(line, ": warning: ") })
				if len(found) > 0 {
					t.Fatalf("%s:\n%s", s.why, strings.Join(found, "\n"))
				}
				gotPods, gotRest := pods(t, got)
				wantPods, wantRest := pods(t, prelude+s.files["want.yml"])
				if diff := cmp.Diff(wantPods, gotPods); diff != "" {
					t.Errorf("%s:\n%s\n%s", s.why, diff, got)
				}
				if diff := cmp.Diff(wantRest, gotRest); diff != "" {
					t.Errorf("%s:\n%s\n%s", s.why, diff, got)
				}
				again, found := renderOf(map[string]string{"s.yml": got})
				if diff := cmp.Diff(got, again); diff != "" || len(found) > 0 {
					t.Errorf("the result of the result is another one: %s\n%s", diff, strings.Join(found, "\n"))
				}
			})
		}
	}
}

// The first line of a scene's want.txt is wrong if nothing is found; the others are all that is.
func TestErrorsHaveTheirPlaces(t *testing.T) {
	var got strings.Builder
	for _, s := range scenes(t, "testdata/errors.txt") {
		text, found := renderOf(s.files, func(o *template.Options) {
			o.Fetch = func(string, bool) ([]byte, error) { return []byte("web: {image: a}\n"), nil }
		})
		if text != "" || len(found) == 0 {
			t.Errorf("%s: %s: found %q, and printed\n%s", s.name, s.why, found, text)
		}
		fmt.Fprintf(&got, "== %s: %s\n%s\n\n", s.name, s.why, strings.Join(found, "\n"))
		if compact := slices.Compact(slices.Sorted(slices.Values(found))); len(compact) < len(found) {
			t.Errorf("%s: something is said twice: %q", s.name, found)
		}
	}
	golden(t, "testdata/errors.golden", got.String())
}

// golden compares with a file, or writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s is not what there is; go test -update writes it anew:\n%s", file, diff)
	}
}

func readFile(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
