package template_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/template"
)

// What is rendered is what docker stack deploy takes, by the client that is here.
func TestDockerTakesWhatIsRendered(t *testing.T) {
	client, err := exec.LookPath("docker")
	if err != nil {
		t.Fatal("there is no docker; install its client")
	}
	for _, file := range []string{"testdata/compat.txt", "testdata/changed.txt", "testdata/kinds.txt"} {
		for _, s := range scenes(t, file) {
			got, _ := renderOf(s.files, func(o *template.Options) {
				o.Unpinned = true
				o.Fetch = func(string, bool) ([]byte, error) { return []byte("side: {image: side}\n"), nil }
			})
			if said := configOf(t, client, s, got); said != "" {
				t.Errorf("%s: docker says %s of\n%s", s.name, said, got)
			}
		}
	}
}

// configOf is what docker stack config says of a stack, nothing if it takes it. It asks no engine.
func configOf(t *testing.T, client string, s scene, text string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range s.files {
		if file := filepath.Join(dir, name); strings.HasSuffix(name, ".env") && os.WriteFile(file, []byte(text), 0o644) != nil {
			t.Fatalf("cannot write %s", file)
		}
	}
	for line := range strings.Lines(text) { // which are there for who renders
		if _, file, is := strings.Cut(strings.TrimRight(strings.TrimSpace(line), "}"), "file: ./"); is {
			name := filepath.Join(dir, strings.Trim(file, "} \n"))
			if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte("x"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	c := exec.Command(client, "stack", "config", "-c", "-")
	c.Dir, c.Stdin, c.Env = dir, strings.NewReader(text), append(os.Environ(), "DOCKER_HOST=unix:///nonexistent/docker.sock")
	if out, err := c.CombinedOutput(); err != nil {
		return string(out)
	}
	return ""
}
