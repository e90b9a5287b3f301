package pod_test

import (
	"regexp"
	"testing"

	"github.com/podlike/podlike/internal/pod"
)

func TestHashIsTheSameForEqualComponents(t *testing.T) {
	component := func() pod.Component {
		return pod.Component{Name: "a", Env: map[string]string{"A": "1", "B": "2", "C": "3", "D": "4"}}
	}
	first := pod.Hash(component())
	for range 20 { // the order of a map changes
		if again := pod.Hash(component()); again != first {
			t.Fatalf("got %s, then %s", first, again)
		}
	}
	if !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(first) {
		t.Errorf("%q does not have the form of a hash", first)
	}
}

func TestHashDiffersForDifferentComponents(t *testing.T) {
	seen := map[string]string{}
	for why, c := range map[string]pod.Component{
		"nothing":             {},
		"a name":              {Name: "a"},
		"an image":            {Image: "a"},
		"no command at all":   {Command: []string{}},
		"a command":           {Command: []string{"a", "b"}},
		"one word":            {Command: []string{"a b"}},
		"an empty variable":   {Env: map[string]string{"A": ""}},
		"an option deep down": {Volumes: []pod.Volume{{NoCopy: true}}},
		"a check":             {Health: &pod.Health{}},
		"no check":            {Health: &pod.Health{Disable: true}},
	} {
		hash := pod.Hash(c)
		if other, twice := seen[hash]; twice {
			t.Errorf("%s and %s have the same hash", why, other)
		}
		seen[hash] = why
	}
}

// A component's hash is compared with that of another day, or another machine.
func TestHashIsOfTheDefinitionAndNotOfTheMachine(t *testing.T) {
	asked := pod.Copy{Source: "/a", Target: "/b"}
	found := asked
	found.Room, found.Place = 64<<10, "pod.component.a: secrets"
	if pod.Hash(pod.Component{Copies: []pod.Copy{asked}}) != pod.Hash(pod.Component{Copies: []pod.Copy{found}}) {
		t.Error("how much room a file was given changes the hash")
	}
}
