package source_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/podyaml"
	"github.com/podlike/podlike/internal/source/stack"
)

var update = flag.Bool("update", false, "write the golden files anew")

// wildDir has files in the forms that real ones have, with names, images and secrets made up.
const wildDir = "testdata/wild"

// noVariables is a machine without any.
var noVariables = compose.Own{Lookup: func(string) (string, bool) { return "", false }, ReadFile: os.ReadFile}

// differences are the files that only one of us takes, docker compose or we, and why.
var differences = map[string]string{
	"form-numbers-plain.yml":        "text may be written without quotes, as Podlike took it",
	"form-relative.yml":             "a host path is the engine's, of which nobody here knows where it begins",
	"form-build-only.yml":           "nothing is built in a pod",
	"form-shell.yml":                "docker compose drops a shell's operator and what follows, which nobody means",
	"form-unset.yml":                "docker compose finds out when it pulls that the image's name is none",
	"form-unhealthy-dependency.yml": "docker compose waits for ever",
	"monitor-1.yml":                 "a host path is the engine's, of which nobody here knows where it begins",
	"monitor-2.yml":                 "the same",
	"monitor-3.yml":                 "the same",
	"secret-bare.yml":               "what is said of no source is the service's own, as Podlike had it",
	"secret-environment.yml":        "docker compose finds out when it starts that the variable is not set",
}

// The corpus of what people write: what each file gives, and what docker compose says of it.
func TestFilesOfTheWildAreWhatComposeMakesOfThem(t *testing.T) {
	var got strings.Builder
	for _, file := range wildFiles(t) {
		name := base(file)
		pods, findings := stack.Read(file, noVariables)
		fmt.Fprintf(&got, "# %s\n", name)
		for _, f := range findings {
			fmt.Fprintln(&got, strings.ReplaceAll(f.String(), wildDir+"/", ""))
		}
		ours := !slices.ContainsFunc(findings, stack.Finding.IsProblem)
		if ours {
			text, err := podyaml.Write(pods[0].Pod)
			if err != nil {
				t.Fatal(err)
			}
			got.Write(text)
		}
		said := byCompose(file)
		fmt.Fprintf(&got, "docker compose: %s\n\n", said)
		if _, known := differences[name]; ours != (said == "takes it") != known {
			t.Errorf("%s: we take it: %v; docker compose: %s; a difference that is known: %v", name, ours, said, known)
		}
	}
	golden := "testdata/wild.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Error(diff)
	}
}

// wildFiles are all files of the corpus.
func wildFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(wildDir + "/*.yml")
	if err != nil || len(files) < 120 {
		t.Fatalf("there are %d files: %v", len(files), err)
	}
	return files
}

// base is a file's name in the corpus.
func base(file string) string { return filepath.Base(file) }

// byCompose is what compose-go says of a file, without the directory that it is in.
func byCompose(file string) string {
	_, err := loadByCompose(file)
	if err == nil {
		return "takes it"
	}
	dir, _ := filepath.Abs(wildDir)
	return strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), dir+"/", "")), " ")
}

// loadByCompose is what compose-go reads in a file.
func loadByCompose(file string) (project *types.Project, err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = errors.New("does not survive it")
		}
	}()
	dir, err := filepath.Abs(wildDir)
	if err != nil {
		return nil, err
	}
	return loader.LoadWithContext(context.Background(), types.ConfigDetails{
		WorkingDir: dir, ConfigFiles: []types.ConfigFile{{Filename: filepath.Join(dir, base(file))}}, Environment: types.Mapping{},
	}, func(o *loader.Options) { o.SetProjectName("wild", true) })
}
