package dockertest

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
)

func TestAPatternMatchesTheCallsItIsAbout(t *testing.T) {
	start := Call{Method: http.MethodPost, Path: "/containers/*/start"}
	for name, test := range map[string]struct {
		why          string
		pattern      Call
		method, made string
		want         bool
	}{
		"Versioned":   {"clients say which version they speak", start, "POST", "/v1.41/containers/abc/start", true},
		"Unversioned": {"and need not", start, "POST", "/containers/abc/start", true},
		"OtherMethod": {"a GET of the same path is another call", start, "GET", "/v1.41/containers/abc/start", false},
		"OtherPath":   {"a stop is no start", start, "POST", "/v1.41/containers/abc/stop", false},
		"Deeper":      {"a star stands for one name", Call{Path: "/containers/*"}, "DELETE", "/v1.41/containers/abc/json", false},
		"Any":         {"no pattern is every call", Call{}, "HEAD", "/_ping", true},
		"Query":       {"who is created is in the query", Call{Query: "name=web"}, "POST", "/v1.41/containers/create?name=web", true},
		"OtherQuery":  {"and who is not", Call{Query: "name=web"}, "POST", "/v1.41/containers/create?name=db", false},
	} {
		t.Run(name, func(t *testing.T) {
			call := callOf(httptest.NewRequest(test.method, test.made, nil))
			if got := test.pattern.Matches(call); got != test.want {
				t.Errorf("%v matches %v: %v; %s", test.pattern, call, got, test.why)
			}
		})
	}
}

func TestTheSameSeedDrawsTheSameFaults(t *testing.T) {
	first, again, other := Faults(1, 50), Faults(1, 50), Faults(2, 50)
	if !slices.Equal(first, again) {
		t.Error("the same seed draws other faults")
	}
	if slices.Equal(first, other) {
		t.Error("another seed draws the same faults")
	}
	if !slices.Equal(first[:7], Faults(1, 7)) {
		t.Error("fewer faults are not the first of more")
	}
}

func TestFaultsOfEveryKindAreDrawnInEveryPhase(t *testing.T) {
	seen := map[Kind]map[Phase]bool{}
	for _, f := range Faults(3, 2000) {
		if seen[f.Kind] == nil {
			seen[f.Kind] = map[Phase]bool{}
		}
		seen[f.Kind][f.Phase] = true
		if f.Kind != Cut && (f.For < shortest || f.For > longest) || f.Moment < 0 || f.Moment >= 1 {
			t.Errorf("out of bounds: %v", f)
		}
		if f.Kind == Lose && f.Times == 0 {
			t.Errorf("answers are lost for as long as it lasts: %v", f)
		}
	}
	for _, kind := range []Kind{Cut, Stall, StallCut, Refuse, Unlink, Down, Answer, Lose, Hang} {
		if len(seen[kind]) != 4 {
			t.Errorf("%s is drawn in %v only", kind, seen[kind])
		}
	}
}
