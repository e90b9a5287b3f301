package handover

import (
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// A component may have written to what it has in memory, and may have left last words
// that are not those of its next run.
func TestARefillGivesTheNextRunWhatTheFirstOneHad(t *testing.T) {
	source := path.Join(t.TempDir(), "file")
	if err := os.WriteFile(source, []byte("from the supervisor"), 0o400); err != nil {
		t.Fatal(err)
	}
	web := pod.Component{
		Name: "web", TerminationMessage: "/dev/termination-log",
		Copies: []pod.Copy{{Source: source, Target: "/etc/web.conf", Memory: true, Writable: true}},
	}
	scope := dockertest.New(t)
	p := pod.Pod{Components: []pod.Component{web}}
	r := receive(t, scope, engine.Container{Mounts: plan.PauseMemory(p, pod.Owner{}, 1<<20), Command: []string{"sleep"}})
	if err := r.courier.Engine.Start(t.Context(), r.id); err != nil {
		t.Fatal(err)
	}
	if err := r.courier.Fill(t.Context(), r.id, web); err != nil {
		t.Fatal(err)
	}
	memory, err := r.courier.Locate(t.Context(), r.id)
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]string{}
	for _, m := range plan.MemoryMounts(web, memory) {
		at[m.Target] = m.Source + ":" + m.Target
	}
	run := func(target string, command ...string) dockertest.Spec {
		return dockertest.Spec{Image: dockertest.Testkit, Cmd: command, Binds: []string{at[target]}}
	}
	const file, message = "/etc/web.conf", "/dev/termination-log"
	scope.Output(t, run(file, "touch", file)) // which empties it
	speaker := scope.Run(t, run(message, "history", message, "web"))
	dockertest.Eventually(t, 30*time.Second, func() (bool, string) {
		said := scope.Output(t, run(message, "cat", message))
		return strings.Contains(said, "web started"), said
	})
	speaker.Remove(t)
	if got := scope.Output(t, run(file, "cat", file)); got != "" {
		t.Fatalf("the component could not write: %q", got)
	}

	if err := r.courier.Fill(t.Context(), r.id, web); err != nil {
		t.Fatal(err)
	}
	for target, want := range map[string]string{file: "from the supervisor", message: ""} {
		if got := scope.Output(t, run(target, "cat", target)); got != want {
			t.Errorf("%s has %q, want %q", target, got, want)
		}
	}
}
