package pod_test

import (
	"testing"

	"github.com/podlike/podlike/internal/pod"
)

func TestAConditionHasAWord(t *testing.T) {
	for condition, want := range map[pod.Condition]string{pod.Started: "started", pod.Healthy: "healthy", pod.Completed: "completed"} {
		if got := condition.Word(); got != want {
			t.Errorf("%s is %q, want %q", condition, got, want)
		}
	}
}
