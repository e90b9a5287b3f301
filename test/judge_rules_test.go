package test

import (
	"testing"
	"time"
)

func TestEachLineArrivesOnceOrIsOneThatNobodyCouldGet(t *testing.T) {
	whole, torn := count{last: 3}, count{last: 3, mayLack: true}
	for name, test := range map[string]struct {
		why  string
		got  []int
		runs []count
		want bool
	}{
		"All":         {"nothing is missing", []int{1, 2, 3, 1, 2, 3}, []count{whole, whole}, true},
		"None":        {"nothing was printed", nil, nil, true},
		"Silent":      {"a run that prints nothing has all its lines", []int{1, 2, 3}, []count{{}, whole}, true},
		"Twice":       {"a gap that is filled with what was there", []int{1, 2, 2, 3}, []count{whole}, false},
		"AllTwice":    {"a log that is read from its begin", []int{1, 2, 3, 1, 2, 3}, []count{whole}, false},
		"Hole":        {"a gap that is not filled", []int{1, 3}, []count{whole}, false},
		"End":         {"the last lines are the most wanted ones", []int{1, 2}, []count{whole}, false},
		"NoRun":       {"a whole run", []int{1, 2, 3}, []count{whole, whole}, false},
		"Order":       {"lines change places", []int{2, 1, 3}, []count{whole}, false},
		"More":        {"a line that nobody printed", []int{1, 2, 3, 4}, []count{whole}, false},
		"TornEnd":     {"it ended while nobody could read", []int{1, 1, 2, 3}, []count{torn, whole}, true},
		"TornHole":    {"and even so each line comes once", []int{1, 3, 1, 2, 3}, []count{torn, whole}, true},
		"TornAll":     {"nothing of it is left", []int{1, 2, 3}, []count{torn, whole}, true},
		"TornTwice":   {"what may lack may not come twice", []int{1, 2, 2, 3}, []count{torn}, false},
		"TornAnother": {"one run's loss is not another's", []int{1, 2, 3, 1}, []count{torn, whole}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := fits(test.got, test.runs); got != test.want {
				t.Errorf("%s of %v fits: %v; %s", ranges(test.got), test.runs, got, test.why)
			}
		})
	}
}

func TestLinesMayBeLostOfWhoEndsWhileItsOutputIsCut(t *testing.T) {
	at := func(s float64) time.Time { return time.Unix(0, int64(s*1e9)) }
	cut, down := window{at(10), at(10), true, false}, window{at(10), at(14), true, false}
	refused := window{at(10.1), at(14), false, false}
	stalled, stalledShortly := window{at(6), at(14), false, true}, window{at(6), at(8), false, true}
	for name, test := range map[string]struct {
		why           string
		started, died float64
		faults        []window
		want          bool
	}{
		"Calm":      {"nothing is in the way", 8, 12, nil, false},
		"During":    {"the log is gone with it", 8, 12, []window{down}, true},
		"Before":    {"all had arrived", 5, 9, []window{down}, false},
		"OnItsWay":  {"its last words were on their way", 5, 9.9, []window{down}, true},
		"After":     {"it was attached to again", 8, 30, []window{down}, false},
		"BackOff":   {"the next try was not due", 8, 17, []window{down}, true},
		"NoBackOff": {"after a short cut the next try is due at once", 8, 12, []window{cut}, false},
		"Refused":   {"what is attached to stays so", 8, 12, []window{refused}, false},
		"Joined":    {"a cut, and then nobody listens", 8, 13, []window{cut, refused}, true},
		"Stalled":   {"what was kept back is lost with the cut", 5, 7, []window{stalled, cut}, true},
		"Flowed":    {"what was kept back had come before the cut", 5, 7, []window{stalledShortly, cut}, false},
		"OnlyHeld":  {"it comes later", 5, 7, []window{stalled}, false},
		"Later":     {"it was started after the cut, so after it was attached to", 16, 18, []window{down}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := attempt{started: at(test.started), died: at(test.died)}
			if got := a.lost(test.faults); got != test.want {
				t.Errorf("may be lost: %v; %s", got, test.why)
			}
		})
	}
}

func TestASupervisorSaysWhatIsMissingOfAComponent(t *testing.T) {
	for name, test := range map[string]struct {
		why, out, err string
		want          bool
	}{
		"Line":    {"among its own lines", "[out] again: again-1\n[out] again: 3 lines are missing\n", "", true},
		"Record":  {"in the log", "", `{"level":"warn","component":"again","why":"it was removed","message":"output lost"}` + "\n", true},
		"Nothing": {"it says nothing", "[out] again: again-1\n", `{"component":"again","message":"component ended"}` + "\n", false},
		"Another": {"of another one", "[out] web: 3 lines are missing\n", `{"component":"web","message":"output lost"}` + "\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			said := &transcript{}
			said.out.Write([]byte(test.out))
			said.err.Write([]byte(test.err))
			if got := saysMissing(said, "again"); got != test.want {
				t.Errorf("says so: %v; %s", got, test.why)
			}
		})
	}
}
