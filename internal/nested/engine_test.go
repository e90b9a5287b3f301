package nested

import (
	"slices"
	"testing"
)

// Nobody is to be left with an engine: it lives as long as a connection, unless somebody wants to
// keep it, and even then its container goes with its end.
func TestOnlyAnEngineThatIsKeptOutlivesTheConnectionToItsStdin(t *testing.T) {
	for _, kept := range []bool{false, true} {
		config, host := Spec{Image: "engine", Name: "it", Dir: "/tmp/it", Network: "none", Kept: kept}.Words()
		if !config.OpenStdin || config.StdinOnce == kept || !host.AutoRemove {
			t.Errorf("kept %v: stdin is open: %v, once: %v; the container removes itself: %v", kept, config.OpenStdin, config.StdinOnce, host.AutoRemove)
		}
		if want := []string{"hold", "it"}; !slices.Equal(config.Cmd, want) {
			t.Errorf("the first process is %q, want %q, which removes the control groups", config.Cmd, want)
		}
	}
}

// Flags may be added; what the engine is reached by stays.
func TestFlagsAreAdded(t *testing.T) {
	got := Flags("it", "--live-restore")
	for _, want := range []string{"unix:///run/engine/docker.sock", "unix:///run/docker.sock", "/it", "--live-restore"} {
		if !slices.Contains(got, want) {
			t.Errorf("%q lacks %q", got, want)
		}
	}
}
