package source_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source"
)

func TestAFindingIsToldWithAllThatIsKnownOfItsPlace(t *testing.T) {
	at := source.Position{File: "s.yml", Line: 3, Column: 5}
	problem := func(place, what string) pod.Problem { return pod.Problem{Place: place, What: what} }
	var all []source.Finding
	var got []string
	for _, test := range []struct {
		why, want string
		finding   source.Finding
	}{
		{"as compilers do", "s.yml:3:5: services.web: wrong", source.Finding{Position: at, Problem: problem("services.web", "wrong"), Warning: false}},
		{"not each is about a key", "s.yml:3:5: wrong", source.Finding{Position: at, Problem: problem("", "wrong"), Warning: false}},
		{"a label is a place", "pod.copy.web: wrong", source.Finding{Problem: problem("pod.copy.web", "wrong")}},
		{"a warning says so", "s.yml:3:5: warning: services.web: odd", source.Finding{Position: at, Problem: problem("services.web", "odd"), Warning: true}},
		{"of a label", "warning: pod.copy.web: odd", source.Finding{Problem: problem("pod.copy.web", "odd"), Warning: true}},
	} {
		if got := test.finding.String(); got != test.want || test.finding.IsProblem() == test.finding.Warning {
			t.Errorf("%s: got %s, want %s", test.why, got, test.want)
		}
		all = append(all, test.finding)
	}
	warnings, err := source.Split(all)
	for _, w := range warnings {
		got = append(got, w.String())
	}
	if diff := cmp.Diff([]string{"s.yml:3:5: services.web: odd", "pod.copy.web: odd"}, got); diff != "" {
		t.Error(diff)
	}
	const problems = "s.yml:3:5: services.web: wrong\ns.yml:3:5: wrong\npod.copy.web: wrong"
	if err == nil || err.Error() != problems {
		t.Errorf("got %v", err)
	}
	if _, err := source.Split(all[3:]); err != nil {
		t.Errorf("a warning became %v", err)
	}
}
