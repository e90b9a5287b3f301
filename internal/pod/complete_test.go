package pod_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
)

func TestCompleteFillsInDefaultsAndSorts(t *testing.T) {
	given := pod.Pod{Components: []pod.Component{
		{Name: "web", DependsOn: []pod.Dependency{{Name: "db", Condition: pod.Healthy}, {Name: "app"}}},
		{Name: "app"},
	}}
	want := pod.Pod{
		Grace: 10 * time.Second,
		Pull:  pod.Missing,
		Components: []pod.Component{
			{Name: "app"},
			{Name: "web", DependsOn: []pod.Dependency{{Name: "app", Condition: pod.Started}, {Name: "db", Condition: pod.Healthy}}},
		},
	}
	if diff := cmp.Diff(want, pod.Complete(given)); diff != "" {
		t.Error(diff)
	}
	if given.Components[0].Name != "web" || given.Components[0].DependsOn[0].Name != "db" {
		t.Error("Complete changed the pod it was given")
	}
}

func TestCompleteKeepsWhatIsSet(t *testing.T) {
	given := pod.Pod{
		Components: []pod.Component{{Name: "web", StopGrace: 0}},
		SharePID:   true, ShareIPC: true, Grace: time.Second, Pull: pod.Always, PauseImage: "pause",
	}
	if diff := cmp.Diff(given, pod.Complete(given)); diff != "" {
		t.Error(diff)
	}
}
