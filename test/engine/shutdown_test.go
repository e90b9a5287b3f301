package engine

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/dockertest"
)

// An engine without live-restore takes its containers down with it, all at the same time,
// and one that was killed does that when it starts again. Each component is asked once
// and has its grace, which it would not have if pause went before.
func TestEachComponentHasItsGraceWhenTheEngineGoesDown(t *testing.T) {
	for name, signal := range signals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := dockertest.New(t).Nested(t, dockertest.Engine20)
			for i := range restarts {
				t.Run(fmt.Sprint(i), func(t *testing.T) { goDown(t, n, signal) })
			}
		})
	}
}

// goDown is one round of the above.
func goDown(t *testing.T, n *dockertest.Nested, signal string) {
	h := newHistory(t, n)
	s := podOf(t, n, map[string]string{
		"db":  h.kit("db"),
		"web": h.kit("web", "depends_on: [db]", "restart: always"),
		"log": h.kit("log", "x-pod: {pid: private}"),
	})
	h.await(t, 3)
	n.RestartEngine(t, signal)
	want := []string{"db exit", "db started", "db term", "log exit", "log started", "log term", "web exit", "web started", "web term"}
	if diff := cmp.Diff(want, h.events(t)); diff != "" {
		t.Errorf("what they saw is not what they should:\n%s", diff)
	}
	s.exited(t)
	if signal == "KILL" { // and the log of what happens while there is no dockerd may be lost
		s.swept(t)
		return
	}
	s.n.Gone(t, s.ID, soon)
	s.toldEnd(t)
}
