package pod_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
)

func TestOrderPutsEveryComponentAfterWhatItDependsOn(t *testing.T) {
	for name, test := range map[string]struct {
		why        string
		components []pod.Component
		want       [][]string
	}{
		"None":    {"no components, no levels", nil, nil},
		"Flat":    {"who waits for nobody starts at once", []pod.Component{after("b"), after("a")}, [][]string{{"a", "b"}}},
		"Chain":   {"one after the other", []pod.Component{after("a", "b"), after("b", "c"), after("c")}, [][]string{{"c"}, {"b"}, {"a"}}},
		"Diamond": {"the last of all that are waited for counts", []pod.Component{after("a", "b", "c"), after("b", "d"), after("c", "d"), after("d"), after("e", "d", "b")}, [][]string{{"d"}, {"b", "c"}, {"a", "e"}}},
		"Cycle":   {"who can never start is left out", []pod.Component{after("a", "b"), after("b", "a"), after("c", "a"), after("d")}, [][]string{{"d"}}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, pod.Order(pod.Pod{Components: test.components})); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

func TestDependantsAreThoseThatNameTheComponent(t *testing.T) {
	p := pod.Pod{Components: []pod.Component{after("c", "a"), after("b", "a"), after("a"), after("d", "c")}}
	want := map[string][]string{"a": {"b", "c"}, "c": {"d"}}
	if diff := cmp.Diff(want, pod.Dependants(p)); diff != "" {
		t.Error(diff)
	}
}
