package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// broken are the files in testdata/validate. In each the lines that are to be found say
// so themselves; their columns, and the words, are in the golden file.
func broken(t *testing.T) []string {
	t.Helper()
	t.Setenv("SUPERVISOR_TEST_TAG", "1.22")
	files, err := filepath.Glob("testdata/validate/*.yml")
	if err != nil || len(files) < 10 {
		t.Fatalf("there are %d files: %v", len(files), err)
	}
	return files
}

// found is a line of what validate prints: file, line, and whether it is a warning.
var found = regexp.MustCompile(`(?m)^(\S+?):(\d+):\d+: (warning: )?`)

func TestValidatePointsAtTheRightLine(t *testing.T) {
	for _, file := range broken(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			_, stdout, _ := program(t, "validate", "-f", file)
			got, want := map[string]string{}, map[string]string{}
			files := map[string]bool{file: true}
			for _, m := range found.FindAllStringSubmatch(stdout, -1) {
				files[m[1]] = true
				if at := m[1] + ":" + m[2]; m[3] == "" || got[at] == "" {
					got[at] = map[bool]string{true: "wrong", false: "warned"}[m[3] == ""]
				}
			}
			for file := range files {
				maps.Copy(want, marks(t, file))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\n%s", diff, stdout)
			}
		})
	}
}

// marked is how a line says that something is to be found on it.
var marked = regexp.MustCompile(` # (wrong|warned)$`)

// marks are the marks of a file's lines.
func marks(t *testing.T, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for i, line := range strings.Split(string(text), "\n") {
		if m := marked.FindStringSubmatch(line); m != nil {
			all[file+":"+strconv.Itoa(i+1)] = m[1]
		}
	}
	return all
}

func TestValidatePrintsOnceWhatIsWrong(t *testing.T) {
	var got strings.Builder
	for _, file := range append(broken(t), "testdata/validate/none.yml", "testdata/validate") {
		code, stdout, stderr := program(t, "validate", "-f", file)
		fmt.Fprintf(&got, "# %s exits %d\n%s\n", filepath.Base(file), code, stdout)
		if lines := strings.Split(strings.TrimSpace(stdout), "\n"); len(slices.Compact(slices.Sorted(slices.Values(lines)))) < len(lines) || stderr != "" {
			t.Errorf("%s: something is said twice in\n%s%s", file, stdout, stderr)
		}
	}
	if *update {
		if err := os.WriteFile("testdata/validate.golden", []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/validate.golden")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Error(diff)
	}
}

// A Compose file is read twice: as what may be a stack, and as what it is.
func TestAFileMayComeFromStandardInput(t *testing.T) {
	for kind, text := range map[string]string{
		"stack":        "services:\n  shop:\n    labels: {pod.component.web: '{image: a}'}\n",
		"broken stack": "services:\n  shop:\n    labels: {pod.component.web: '{image: [a]}'}\n",
		"Compose file": "services:\n  web:\n    image: a\n    ports: [80]\n",
	} {
		file := filepath.Join(t.TempDir(), "file.yml")
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, command := range []string{"validate", "inspect"} {
			wantCode, want, wantSaid := program(t, command, "-f", file)
			code, got, said := programWith(t, text, command, "-f", "-")
			named := func(told string) string { return strings.ReplaceAll(told, file+":", "-:") }
			if code != wantCode || got != named(want) || said != named(wantSaid) {
				t.Errorf("%s of a %s exits with %d, prints\n%s%s\nwant %d\n%s%s", command, kind, code, got, said, wantCode, want, wantSaid)
			}
		}
	}
}

// These are reduced to the forms that stacks have which were written for Podlike.
func TestStacksInTheWildHaveNoProblem(t *testing.T) {
	for file, want := range map[string][]string{
		"labels.yml":      nil,
		"forms.yml":       nil,
		"composefile.yml": {"expose", "build", "ports", "networks", "deploy.replicas"},
	} {
		code, stdout, stderr := program(t, "validate", "-f", "../../test/testdata/compat/"+file)
		if code != 0 || stderr != "" {
			t.Errorf("%s exits %d: %s", file, code, stderr)
		}
		for _, key := range want {
			if !strings.Contains(stdout, ": "+key+": makes no sense in a pod and is ignored; ") {
				t.Errorf("%s: nothing is said of %s", file, key)
			}
		}
		for line := range strings.Lines(stdout) {
			if len(want) == 0 || !strings.HasPrefix(line, "../../test/testdata/compat/components.yml:") || !strings.Contains(line, ": warning: ") {
				t.Errorf("%s: %s", file, line)
			}
		}
	}
}
