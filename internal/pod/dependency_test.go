package pod_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
)

func TestDependantsAreThoseThatNameTheComponent(t *testing.T) {
	p := pod.Pod{
		Init:       []pod.Component{after("init"), after("log", "init")},
		Components: []pod.Component{after("c", "a"), after("b", "a", "log"), after("a"), after("d", "c")},
	}
	want := map[string][]string{"a": {"b", "c"}, "c": {"d"}, "init": {"log"}, "log": {"b"}}
	if diff := cmp.Diff(want, pod.Dependants(p)); diff != "" {
		t.Error(diff)
	}
}
