package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/status"
)

// The engine misses some of the kernel's signs, the more so the more it has to do. Here
// it has: of so many runs it would miss one or two.
func TestWhoEatsItsMemoryLimitIsNeverTakenForAMereFailure(t *testing.T) {
	const pods, times = 5, 6
	for n := range pods {
		t.Run(fmt.Sprint(n+1), func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			eats := kit(fmt.Sprint("eat ", 64<<20), "mem_limit: 16m", "memswap_limit: 16m", fmt.Sprintf("restart: on-failure:%d", times))
			labels := components{"eats": eats, "other": kit("sleep")}.labels()
			labels[pod.RestartBackoff] = "{initial: 10ms, cap: 10ms}"
			s := run(t, d, d.Supervisor(t, labels))
			if code := s.Wait(t); code != killed {
				t.Errorf("exited with %d, want %d", code, killed)
			}
			const want = "eats was killed for lack of memory"
			restarts := 0
			for _, r := range s.records(t) {
				if r.Message == "component restarts" {
					restarts++
				}
				if (r.Message == "component restarts" || r.Message == "pod ended") && r.Why != want {
					t.Errorf("after %d restarts: %s, because %q", restarts, r.Message, r.Why)
				}
			}
			end := s.ends(t)["eats"]
			if restarts != times || end.Reason != status.OOMKilled || end.Restarts != times || end.Signal != 9 {
				t.Errorf("%d restarts, and at the end %+v", restarts, end)
			}
			s.gone(t, 0)
		})
	}
}

func TestWhoLackedMemoryAndWaitsToRunAgainIsShownAsThat(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	labels := components{
		"eats":  kit(fmt.Sprint("eat ", 64<<20), "mem_limit: 16m", "memswap_limit: 16m", "restart: on-failure"),
		"other": kit("sleep"),
	}.labels()
	labels[pod.RestartBackoff] = "{initial: 5m}"
	s := run(t, d, d.Supervisor(t, labels))
	s.waitFor(t, "component restarts", 2)
	got := s.status(t).Components[0]
	if got.State.Waiting == nil || got.State.Waiting.Reason != status.CrashLoopBackOff ||
		got.Last.Terminated == nil || got.Last.Terminated.Reason != status.OOMKilled {
		t.Errorf("got %+v", got)
	}
	if table := s.asks(t, "status"); !strings.Contains(table, "OOMKilled (137)") {
		t.Errorf("the status is\n%s", table)
	}
	s.terminated(t)
}
