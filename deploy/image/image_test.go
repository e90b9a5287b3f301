package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/dockertest"
)

// dockerfiles are those of the images that make images makes.
var dockerfiles = []string{"pause", "supervisor"}

func TestTheIntervalFollowsFromTheEngine(t *testing.T) {
	for api, test := range map[string]struct {
		why      string
		interval time.Duration
	}{
		"1.41": {"20.10 has one interval, which must be short enough for the start", 5 * time.Second},
		"1.43": {"24 is the last that has but one", 5 * time.Second},
		"1.44": {"25 has a start interval for the start", 15 * time.Second},
		"1.52": {"and so have all after it", 15 * time.Second},
	} {
		t.Run(api, func(t *testing.T) {
			got := made(t, "supervisor", api).Healthcheck
			want := &container.HealthConfig{
				Test: []string{"CMD", "/healthcheck"}, Interval: test.interval, Timeout: 3 * time.Second,
				StartPeriod: 10 * time.Minute, StartInterval: time.Second, Retries: 2,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", test.why, diff)
			}
		})
	}
}

func TestAnEngineWithoutAVersionIsRefused(t *testing.T) {
	for _, api := range []string{"", "1", "2.1", "1.x"} {
		if _, err := knowsStartInterval(api); err == nil {
			t.Errorf("%q: got no error", api)
		}
	}
}

func TestTheSameFilesMakeTheSameImage(t *testing.T) {
	dir := programs(t)
	first, second := archiveOf(t, dir, "supervisor", "1.41", "it:1"), archiveOf(t, dir, "supervisor", "1.41", "it:1")
	if !bytes.Equal(first, second) {
		t.Error("two images of the same files differ")
	}
}

// A user's docker build makes of the same Dockerfile what make images makes, but for the
// start interval. On an engine that knows it the interval differs too.
func TestTheBuilderAndThisProgramAgreeOnADockerfile(t *testing.T) {
	dockertest.New(t)
	dir := programs(t)
	for _, name := range dockerfiles {
		t.Run(name, func(t *testing.T) {
			built, loaded := "podlike-test/"+name+":built", "podlike-test/"+name+":loaded"
			t.Cleanup(func() { docker(t, nil, "rmi", built, loaded) })
			docker(t, nil, "build", "-q", "-f", path(name), "-t", built, dir)
			docker(t, archiveOf(t, dir, name, "1.41", loaded), "load", "-q")
			want, got := inspected(t, built), inspected(t, loaded)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-docker build +make images)\n%s", diff)
			}
		})
	}
}

func TestWhatABuilderWouldHaveToDoIsRefused(t *testing.T) {
	for line, why := range map[string]string{
		"FROM debian":          "there is no other image to begin with",
		"RUN apt-get update":   "nothing is run",
		"COPY --chown=1 a /a":  "all is root's",
		"COPY a b /c/":         "one file at a time",
		"COPY a b":             "where it goes must not depend on a working directory",
		`ENV A="b c"`:          "quotes are the builder's to read",
		"ENV A $B":             "variables too",
		"ENTRYPOINT /a":        "there is no shell in the image",
		"HEALTHCHECK NONE":     "no check is no line",
		"HEALTHCHECK CMD true": "there is no shell in the image",
		`HEALTHCHECK --start-interval=1s CMD ["/a"]`:  "the builder of 20.10 does not know it",
		`HEALTHCHECK --interval=often CMD ["/a"]`:     "this is no duration",
		`HEALTHCHECK --retries=twice CMD ["/a"]`:      "this is no number",
		"entrypoint [\"/a\"]":                         "one way to write it is enough",
		"COPY a /a \\":                                "an instruction is a line",
		"HEALTHCHECK --timeout=1s --interval=1s /cmd": "the command has a word before it",
	} {
		if _, err := parse("FROM scratch\n" + line + "\n"); err == nil || !strings.HasPrefix(err.Error(), "line 2: ") {
			t.Errorf("%s: got %v, want the line refused, because %s", line, err, why)
		}
	}
}

// programs is a context with a stand-in for each program of the images.
func programs(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"pause", "supervisor", "healthcheck"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func path(name string) string { return filepath.Join("..", "..", "Dockerfile."+name) }

// archiveOf is the archive that docker load gets.
func archiveOf(t *testing.T, dir, name, api, tag string) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := run(options{dockerfile: path(name), context: dir, tag: tag, arch: "amd64", api: api}, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// made is the configuration in an archive.
func made(t *testing.T, name, api string) container.Config {
	t.Helper()
	files := tar.NewReader(bytes.NewReader(archiveOf(t, programs(t), name, api, "it:1")))
	for {
		header, err := files.Next()
		if err != nil {
			t.Fatalf("there is no configuration: %v", err)
		}
		if header.Name == "manifest.json" || !strings.HasSuffix(header.Name, ".json") {
			continue
		}
		var c imageConfig
		if err := json.NewDecoder(files).Decode(&c); err != nil {
			t.Fatal(err)
		}
		return c.Config
	}
}

// inspected is an image as the engine runs it: its configuration without the start
// interval, and the files in its layers.
func inspected(t *testing.T, ref string) (is struct {
	Config container.Config
	Files  []string
}) {
	t.Helper()
	if err := json.Unmarshal(docker(t, nil, "inspect", "-f", "{{json .Config}}", ref), &is.Config); err != nil {
		t.Fatal(err)
	}
	is.Config.Image = ""
	if is.Config.Healthcheck != nil {
		is.Config.Healthcheck.StartInterval = 0
	}
	id := strings.TrimSpace(string(docker(t, nil, "create", ref)))
	defer docker(t, nil, "rm", "-f", id)
	for files := tar.NewReader(bytes.NewReader(docker(t, nil, "export", id))); ; {
		header, err := files.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		is.Files = append(is.Files, header.Name+" "+header.FileInfo().Mode().String())
	}
	slices.Sort(is.Files)
	return is
}

func docker(t *testing.T, stdin []byte, args ...string) []byte {
	t.Helper()
	var stderr strings.Builder
	c := exec.Command("docker", args...)
	c.Stdin, c.Stderr = bytes.NewReader(stdin), &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("docker %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}
