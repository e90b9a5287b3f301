package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shopTemplate is the shop's stack in three lines.
const shopTemplate = "../../deploy/examples/sidecar/stack.template.yml"

// files writes files into a directory of the test's own, and returns it.
func files(t *testing.T, all map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range all {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestTemplateSaysWhatItIsFor(t *testing.T) {
	for _, args := range [][]string{{"template"}, {"template", "-h"}, {"template", "-help"}} {
		code, stdout, stderr := program(t, args...)
		if code != 0 || stderr != "" || !strings.Contains(stdout, "-interpolate") {
			t.Errorf("%q exits with %d, prints\n%s%s", args, code, stdout, stderr)
		}
	}
	for said, args := range map[string][]string{
		"there is no file":    {"template", "-http"},
		"-check needs -o":     {"template", "-check", shopTemplate},
		"is for -interpolate": {"template", "-env-file", "a", shopTemplate},
		"no such file":        {"template", "-interpolate", "-env-file", "none.env", shopTemplate},
		"-explain db: there":  {"template", "-explain", "db", shopTemplate},
		"not defined: -x":     {"template", "-x"},
	} {
		code, stdout, stderr := program(t, args...)
		if code != exitUsage || stdout != "" || !strings.Contains(stderr, said) {
			t.Errorf("%q exits with %d, prints\n%s%s", args, code, stdout, stderr)
		}
	}
}

func TestWhatIsRenderedIsValidAndItself(t *testing.T) {
	code, first, stderr := program(t, "template", shopTemplate)
	if code != 0 || stderr != "" || !strings.HasPrefix(first, "version: \"3.8\"\nservices:\n  shop:\n    image: podlike/supervisor:"+version+"\n") {
		t.Fatalf("exits with %d, prints\n%s%s", code, first, stderr)
	}
	if code, again, stderr := programWith(t, first, "template", "-"); code != 0 || again != first || stderr != "" {
		t.Errorf("exits with %d: %s %s", code, cmp.Diff(first, again), stderr)
	}
	if code, found, _ := programWith(t, first, "validate", "-f", "-"); code != 0 || strings.Contains(strings.ReplaceAll(found, ": warning: ", ""), ": error") {
		t.Errorf("exits with %d, finds\n%s", code, found)
	}
	_, want, _ := programWith(t, first, "inspect", "-f", "-")
	if code, got, _ := program(t, "inspect", "-f", shopTemplate); code != 0 || got != want || !strings.Contains(got, "name: proxy") {
		t.Errorf("exits with %d: %s", code, cmp.Diff(want, got))
	}
}

// Configs are found from wherever the output lies.
func TestConfigsAreFoundFromTheOutput(t *testing.T) {
	out := filepath.Join(t.TempDir(), "stack.yml")
	if code, stdout, stderr := program(t, "template", "-o", out, shopTemplate); code != 0 || stdout+stderr != "" {
		t.Fatalf("exits with %d, prints\n%s%s", code, stdout, stderr)
	}
	text, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if file, is := strings.CutPrefix(strings.TrimSpace(line), "file: "); is {
			if !filepath.IsAbs(file) {
				file = filepath.Join(filepath.Dir(out), file)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%v", err)
			}
			return
		}
	}
	t.Errorf("there is no file in\n%s", text)
}

func TestCheckTellsAFileThatIsOld(t *testing.T) {
	dir := files(t, map[string]string{"s.yml": "services: {web: {image: web, x-podlike: {}}}\n"})
	out, stack := filepath.Join(dir, "out.yml"), filepath.Join(dir, "s.yml")
	check := []string{"template", "-check", "-o", out, stack}
	if code, stdout, stderr := program(t, check...); code != exitFault || stdout != "" || !strings.Contains(stderr, "+services:\n") {
		t.Errorf("exits with %d, prints\n%s%s", code, stdout, stderr)
	}
	program(t, "template", "-o", out, stack)
	if code, stdout, stderr := program(t, check...); code != 0 || stdout+stderr != "" {
		t.Errorf("exits with %d, prints\n%s%s", code, stdout, stderr)
	}
	more := "services: {web: {image: web, x-podlike: {args: {a: b}, templates: {inline: 's: {image: \"{{ .Args.a }}\"}'}}}}\n"
	if err := os.WriteFile(stack, []byte(more), 0o644); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := program(t, check...)
	want := out + " is not what would be written:\n       pod.component.app: |\n         image: web\n" +
		"+      pod.component.s: |\n+        image: \"b\"\n     volumes:\n       - /var/run/docker.sock:/var/run/docker.sock\n"
	if code != exitFault || stdout != "" || stderr != want {
		t.Errorf("exits with %d, prints %s\n%s", code, stdout, cmp.Diff(want, stderr))
	}
	before, _ := os.ReadFile(out)
	if code, stdout, stderr := program(t, "template", "-o", out, "-set", "a=", filepath.Join(dir, "none.yml")); code != exitUsage || stdout != "" || stderr == "" {
		t.Errorf("exits with %d, prints\n%s%s", code, stdout, stderr)
	}
	if after, _ := os.ReadFile(out); string(after) != string(before) {
		t.Errorf("what could not be rendered has changed the file to\n%s", after)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".out*")); left != nil {
		t.Errorf("%q are left", left)
	}
}

func TestProblemsOfTemplatesAreLinesOnStandardError(t *testing.T) {
	dir := files(t, map[string]string{
		"s.yml": "services:\n  web:\n    image: web\n    x-podlike: {templates: [t.yml, none.yml]}\n",
		"t.yml": "side:\n  image: {{ .Args.a }}\n",
	})
	code, stdout, stderr := program(t, "template", filepath.Join(dir, "s.yml"))
	want := dir + "/s.yml:4:36: services.web: templates[1]: cannot read " + dir + "/none.yml: no such file or directory\n" +
		dir + "/t.yml:2:13: services.web: templates[0]: .Args.a is not set; nothing is\n"
	if code != exitUsage || stdout != "" || stderr != want {
		t.Errorf("exits with %d, prints %s\n%s", code, stdout, cmp.Diff(want, stderr))
	}
	if code, stdout, _ := program(t, "validate", "-f", filepath.Join(dir, "s.yml")); code != exitUsage || stdout != want {
		t.Errorf("validate exits with %d, prints\n%s", code, stdout)
	}
}

func TestSchemaAndExplainArePrinted(t *testing.T) {
	if code, stdout, stderr := program(t, "template", "-schema"); code != 0 || stderr != "" || !strings.HasPrefix(stdout, "{") {
		t.Errorf("exits with %d, prints\n%s%s", code, stdout, stderr)
	}
	for _, args := range [][]string{{"-explain", shopTemplate}, {"-explain", "shop", shopTemplate}, {shopTemplate, "-explain"}} {
		code, stdout, stderr := program(t, append([]string{"template"}, args...)...)
		if code != 0 || stderr != "" || !strings.HasPrefix(stdout, "services.shop\n  image: default\n") {
			t.Errorf("%q exits with %d, prints\n%s%s", args, code, stdout, stderr)
		}
	}
}

func TestVariablesAreThoseOfTheShellAndOfFiles(t *testing.T) {
	t.Setenv("SUPERVISOR_TEST_A", "shell")
	dir := files(t, map[string]string{
		"s.yml": "services: {web: {image: 'web:${SUPERVISOR_TEST_A}-${SUPERVISOR_TEST_B}-${SUPERVISOR_TEST_C:-other}'}}\n",
		"v.env": "SUPERVISOR_TEST_A=file\nSUPERVISOR_TEST_B=file\n",
	})
	code, stdout, stderr := program(t, "template", "-interpolate", "-env-file", filepath.Join(dir, "v.env"), filepath.Join(dir, "s.yml"))
	if code != 0 || stderr != "" || !strings.Contains(stdout, "web:shell-file-other") {
		t.Errorf("exits with %d, prints\n%s%s", code, stdout, stderr)
	}
}

// A template may come from a server: pinned, or where that is allowed.
func TestTemplatesAreFetched(t *testing.T) {
	const text = "side: {image: side}\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/side.yml":
			fmt.Fprint(w, text)
		case "/large.yml":
			fmt.Fprint(w, strings.Repeat("# much\n", fetchMost/6))
		case "/forbidden.yml":
			w.WriteHeader(http.StatusForbidden)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	sum := sha256.Sum256([]byte(text))
	pin := hex.EncodeToString(sum[:])
	for _, test := range []struct {
		why, item string
		flags     []string
		want      string // of what is printed
		problem   string
	}{
		{"pinned", "{http: {url: URL/side.yml, sha256: " + pin + "}}", nil, "image: side\n", ""},
		{"not pinned", "URL/side.yml", nil, "", "has no checksum"},
		{"allowed", "URL/side.yml", []string{"-http"}, "image: side\n", ""},
		{"another one", "{http: {url: URL/side.yml, sha256: " + strings.Repeat("0", 64) + ", fallback: {inline: {s: {image: s}}}}}", nil, "", "is not what it was: its sha256 is " + pin},
		{"not there", "{http: {url: URL/none.yml, fallback: {inline: {s: {image: other}}}}}", []string{"-http"}, "image: other\n", ""},
		{"not there at all", "URL/none.yml", []string{"-http"}, "", "404 Not Found"},
		{"no server", "{http: {url: 'http://127.0.0.1:1/a', fallback: {inline: {s: {image: other}}}}}", []string{"-http"}, "image: other\n", ""},
		{"forbidden is no way of not being there", "{http: {url: URL/forbidden.yml, fallback: {inline: {s: {image: s}}}}}", []string{"-http"}, "", "403 Forbidden"},
		{"too large", "URL/large.yml", []string{"-http"}, "", "larger than 1 MiB"},
	} {
		item := strings.ReplaceAll(test.item, "URL", server.URL)
		dir := files(t, map[string]string{"s.yml": "services: {web: {image: web, x-podlike: {templates: [" + item + "]}}}\n"})
		code, stdout, stderr := program(t, append(append([]string{"template"}, test.flags...), filepath.Join(dir, "s.yml"))...)
		good := code == 0 && strings.Contains(stdout, test.want)
		if test.problem != "" {
			good = code == exitUsage && stdout == "" && strings.Contains(stderr, test.problem)
		}
		if !good {
			t.Errorf("%s: exits with %d, prints\n%s%s", test.why, code, stdout, stderr)
		}
	}
}
