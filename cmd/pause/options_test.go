package main

import (
	"testing"
	"time"
)

func TestTheCommandLineIsReadOrRefusedInOneLine(t *testing.T) {
	const usage = "; there are -grace 5s, -hold and -v"
	for name, c := range map[string]struct {
		why   string
		args  []string
		want  options
		wrong string
	}{
		"Nothing":    {"the default is five seconds", nil, options{grace: 5 * time.Second}, ""},
		"Grace":      {"the value may be a word of its own", []string{"-grace", "90s"}, options{grace: 90 * time.Second}, ""},
		"GraceIs":    {"as with Go's flags", []string{"--grace=1m30s"}, options{grace: 90 * time.Second}, ""},
		"NoGrace":    {"nobody has to be waited for", []string{"-grace", "0s"}, options{}, ""},
		"Last":       {"what is said last counts", []string{"-grace", "1s", "-grace=2s"}, options{grace: 2 * time.Second}, ""},
		"Version":    {"no more than that is asked", []string{"-v"}, options{grace: 5 * time.Second, version: true}, ""},
		"Hold":       {"one more pause in another one's network", []string{"-hold", "-grace=1s"}, options{grace: time.Second, hold: true}, ""},
		"HoldAsGo":   {"as with Go's flags", []string{"--hold"}, options{grace: 5 * time.Second, hold: true}, ""},
		"HoldIs":     {"-hold has no value", []string{"-hold=true"}, options{}, "unknown argument -hold" + usage},
		"Unknown":    {"a spelling mistake must not be swallowed", []string{"-gracee", "5s"}, options{}, "unknown argument -gracee" + usage},
		"Word":       {"pause starts nothing, so it takes no command", []string{"sleep", "5"}, options{}, "unknown argument sleep" + usage},
		"VersionIs":  {"-v has no value", []string{"-v=true"}, options{}, "unknown argument -v" + usage},
		"NoValue":    {"a grace needs a value", []string{"-grace"}, options{}, "-grace takes a duration such as 5s, not ''"},
		"NoUnit":     {"five of what?", []string{"-grace", "5"}, options{}, "-grace takes a duration such as 5s, not '5'"},
		"Negative":   {"time does not run backwards", []string{"-grace=-1s"}, options{}, "-grace takes a duration such as 5s, not '-1s'"},
		"EmptyValue": {"an unset variable of a script", []string{"-grace="}, options{}, "-grace takes a duration such as 5s, not ''"},
	} {
		t.Run(name, func(t *testing.T) {
			got, wrong := parse(c.args)
			if wrong != c.wrong {
				t.Fatalf("%s: parse(%q) says %q, want %q", c.why, c.args, wrong, c.wrong)
			}
			if wrong == "" && got != c.want {
				t.Errorf("%s: parse(%q) = %+v, want %+v", c.why, c.args, got, c.want)
			}
		})
	}
}
