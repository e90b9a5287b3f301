package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// sidecar is the folder of the example that `make demo` shows.
const sidecar = "../examples/sidecar"

func TestAStackRunsAsAContainerWithTheSameLabelsAndFiles(t *testing.T) {
	t.Setenv("PORT", "1234")
	e, err := load(t.Context(), sidecar, "x")
	if err != nil {
		t.Fatal(err)
	}
	config, err := filepath.Abs(filepath.Join(sidecar, "proxy.conf"))
	if err != nil {
		t.Fatal(err)
	}

	var labels []string
	var rest []string
	args := e.runArgs()
	for i := 0; i < len(args); i++ {
		if args[i] == "--label" {
			name, _, _ := strings.Cut(args[i+1], "=")
			labels = append(labels, name)
			i++
			continue
		}
		rest = append(rest, args[i])
	}
	if diff := cmp.Diff([]string{"pod.component.app", "pod.component.proxy", "pod.copy.proxy"}, labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
	want := []string{
		"run", "--detach", "--name", "x", "--stop-timeout", "15",
		"--publish", "1234:80",
		"--volume", "/var/run/docker.sock:/var/run/docker.sock",
		"--volume", config + ":/etc/podlike/proxy.conf:ro",
		"podlike/supervisor:dev", "-logs",
	}
	if diff := cmp.Diff(want, rest); diff != "" {
		t.Errorf("the rest (-want +got):\n%s", diff)
	}
}

func TestWhatIsNoExampleIsRefused(t *testing.T) {
	if _, err := load(t.Context(), t.TempDir(), "x"); err == nil || !strings.HasPrefix(err.Error(), "cannot read ") {
		t.Errorf("got %v", err)
	}
}
