package pod_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
)

func TestDependantsAreThoseThatNameTheComponent(t *testing.T) {
	p := pod.Pod{Components: []pod.Component{after("c", "a"), after("b", "a"), after("a"), after("d", "c")}}
	want := map[string][]string{"a": {"b", "c"}, "c": {"d"}}
	if diff := cmp.Diff(want, pod.Dependants(p)); diff != "" {
		t.Error(diff)
	}
}
