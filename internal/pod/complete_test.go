package pod_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
)

func TestCompleteFillsInDefaultsAndSorts(t *testing.T) {
	given := pod.Pod{Components: []pod.Component{
		{Name: "web", DependsOn: []pod.Dependency{{Name: "gone", Optional: true}, {Name: "db", Condition: pod.Healthy}, {Name: "app", Optional: true}}},
		{Name: "app", Probes: pod.Probes{Liveness: &pod.Probe{Exec: []string{"true"}}}},
	}}
	no := pod.Restart{Policy: pod.RestartNo}
	want := pod.Pod{
		Grace:   10 * time.Second,
		Backoff: pod.Backoff{First: 10 * time.Second, Cap: 5 * time.Minute},
		Unready: pod.IgnoreUnready,
		Pull:    pod.Missing,
		Components: []pod.Component{
			{Name: "app", Restart: no, Probes: pod.Probes{Liveness: &pod.Probe{Exec: []string{"true"}, Period: 10 * time.Second, Timeout: time.Second, Success: 1, Failure: 3}}},
			{Name: "web", Restart: no, DependsOn: []pod.Dependency{{Name: "app", Condition: pod.Started, Optional: true}, {Name: "db", Condition: pod.Healthy}}},
		},
	}
	if diff := cmp.Diff(want, pod.Complete(given)); diff != "" {
		t.Error(diff)
	}
	if given.Components[0].Name != "web" || given.Components[0].DependsOn[0].Name != "gone" {
		t.Error("Complete changed the pod it was given")
	}
}

func TestCompleteKeepsWhatIsSet(t *testing.T) {
	given := pod.Pod{
		Init:       []pod.Component{{Name: "z", Restart: pod.Restart{Policy: pod.RestartAlways}}, {Name: "a", Restart: pod.Restart{Policy: pod.RestartOnFailure}}},
		Components: []pod.Component{{Name: "web", StopGrace: 0, Restart: pod.Restart{Policy: pod.RestartNo}}},
		Backoff:    pod.Backoff{First: time.Second, Cap: time.Minute}, Unready: pod.UnreadyCounts,
		SharePID: true, ShareIPC: true, Grace: time.Second, Pull: pod.Always, PauseImage: "pause",
	}
	if diff := cmp.Diff(given, pod.Complete(given)); diff != "" {
		t.Error(diff)
	}
}
