package lifecycle

import (
	"slices"
	"testing"

	"github.com/podlike/podlike/internal/pod"
)

// kinds are all there are, in the order of the table's columns.
var kinds = []Kind{WasCreated, StartAsked, WasStarted, StartFailed, Died, KillAsked, RestartAsked, Due, ClearAsked, Reset, StopAsked}

func TestEveryEventHasAnAnswerInEveryState(t *testing.T) {
	for _, test := range []struct {
		from State
		why  string
		// to are the states that follow from kinds.
		to [11]State
	}{
		{Pending, "without a container there is nothing to start, to end or to stop",
			[11]State{Created, Pending, Pending, Never, Pending, Pending, Pending, Pending, Cleared, Pending, Stopped}},
		{Created, "who asks for its stop keeps it from being started",
			[11]State{Created, Starting, Created, Never, Created, Created, Created, Created, Cleared, Created, Stopped}},
		{Starting, "the end may be known before the start is; what starts is stopped once it has started",
			[11]State{Starting, Starting, Running, Never, Exited, Starting, Starting, Starting, Cleared, Starting, Stopping}},
		{Running, "what runs ends, by itself or when asked; news of its start are late",
			[11]State{Running, Running, Running, Running, Exited, Ending, Recycling, Running, Cleared, Running, Stopping}},
		{Ending, "what is broken ends as if by itself, unless it is to begin anew anyway",
			[11]State{Ending, Ending, Ending, Ending, Exited, Ending, Recycling, Ending, Cleared, Ending, Stopping}},
		{Recycling, "what is to begin anew does, whatever its policy",
			[11]State{Recycling, Recycling, Recycling, Recycling, Waiting, Recycling, Recycling, Recycling, Cleared, Recycling, Stopping}},
		{Waiting, "only time makes it go on; what waits has nothing to stop",
			[11]State{Waiting, Waiting, Waiting, Waiting, Waiting, Waiting, Waiting, Pending, Cleared, Waiting, Stopped}},
		{Done, "nobody misses it, until all restart",
			[11]State{Done, Done, Done, Done, Done, Done, Done, Done, Cleared, Done, Stopped}},
		{Exited, "what has ended is over, also when its start is reported late",
			[11]State{Exited, Exited, Exited, Exited, Exited, Exited, Exited, Exited, Cleared, Exited, Stopped}},
		{Never, "what never started is over",
			[11]State{Never, Never, Never, Never, Never, Never, Never, Never, Cleared, Never, Stopped}},
		{Cleared, "what is taken down begins anew when all are gone, and not before",
			[11]State{Cleared, Cleared, Cleared, Cleared, Cleared, Cleared, Cleared, Cleared, Cleared, Pending, Stopped}},
		{Stopping, "only its end is waited for",
			[11]State{Stopping, Stopping, Stopping, Stopped, Stopped, Stopping, Stopping, Stopping, Stopping, Stopping, Stopping}},
		{Stopped, "a component that we have stopped is never restarted",
			[11]State{Stopped, Stopped, Stopped, Stopped, Stopped, Stopped, Stopped, Stopped, Stopped, Stopped, Stopped}},
	} {
		for i, kind := range kinds {
			if got, _ := Next(test.from, Event{Kind: kind}, Life{Rank: Main}); got != test.to[i] {
				t.Errorf("%s, %s: got %q, want %q (%s)", test.from, kind, got, test.to[i], test.why)
			}
		}
	}
}

func TestAnEndIsFollowedByWhatTheUserWants(t *testing.T) {
	policy := func(p pod.Policy) pod.Restart { return pod.Restart{Policy: p} }
	always, onFailure := policy(pod.RestartAlways), policy(pod.RestartOnFailure)
	thrice := pod.Restart{Policy: pod.RestartOnFailure, Max: 3}
	rules := func(p pod.Policy, rules ...pod.Rule) pod.Restart { return pod.Restart{Policy: p, Rules: rules} }
	in := func(action pod.RuleAction, codes ...int) pod.Rule { return pod.Rule{Action: action, Codes: codes} }
	notIn := func(action pod.RuleAction, codes ...int) pod.Rule {
		return pod.Rule{Action: action, Codes: codes, Not: true}
	}
	for name, test := range map[string]struct {
		why    string
		life   Life
		code   int
		state  State
		action Action
	}{
		"OldRule":          {"any end ends the pod", Life{Rank: Main}, 0, Exited, Fail},
		"OldRuleFailed":    {"any end ends the pod", Life{Rank: Main}, 1, Exited, Fail},
		"Always":           {"whatever its code", Life{Rank: Main, Restart: always}, 0, Waiting, Restart},
		"OnFailure":        {"a failure is tried again", Life{Rank: Main, Restart: onFailure}, 1, Waiting, Restart},
		"Completed":        {"a success is what was wanted", Life{Rank: Main, Restart: onFailure}, 0, Done, Nothing},
		"Twice":            {"there is one more try", Life{Rank: Main, Restart: thrice, Restarts: 2}, 1, Waiting, Restart},
		"Thrice":           {"no more tries, and the failure is the pod's", Life{Rank: Main, Restart: thrice, Restarts: 3}, 1, Exited, Fail},
		"Job":              {"what others wait for ends nothing", Life{Rank: Main, Job: true}, 0, Done, Nothing},
		"JobAlways":        {"whatever its policy", Life{Rank: Main, Job: true, Restart: always}, 0, Done, Nothing},
		"JobFailed":        {"what others wait for will not come", Life{Rank: Main, Job: true}, 3, Exited, Fail},
		"JobTriedAgain":    {"but may be tried again", Life{Rank: Main, Job: true, Restart: onFailure}, 3, Waiting, Restart},
		"Init":             {"the next one starts", Life{Rank: Init}, 0, Done, Nothing},
		"InitFailed":       {"a failing one ends the pod", Life{Rank: Init}, 3, Exited, Fail},
		"InitTriedAgain":   {"by its policy", Life{Rank: Init, Restart: onFailure}, 3, Waiting, Restart},
		"Sidecar":          {"it is there as long as the pod is", Life{Rank: Sidecar}, 0, Waiting, Restart},
		"NonEssential":     {"nobody needs it", Life{Rank: Main, NonEssential: true, Restart: always}, 1, Done, Nothing},
		"Rule":             {"a rule is stronger than the policy", Life{Rank: Main, Restart: rules(pod.RestartNo, in(pod.RuleRestart, 42))}, 42, Waiting, Restart},
		"RuleOfAnother":    {"no match: the policy", Life{Rank: Main, Restart: rules(pod.RestartNo, in(pod.RuleRestart, 42))}, 43, Exited, Fail},
		"NotIn":            {"all but those", Life{Rank: Main, Restart: rules(pod.RestartNo, notIn(pod.RuleRestart, 0))}, 43, Waiting, Restart},
		"NotInMatchesNone": {"all but those", Life{Rank: Main, Restart: rules(pod.RestartNo, notIn(pod.RuleRestart, 0))}, 0, Exited, Fail},
		"FirstRule":        {"the first that matches counts", Life{Rank: Main, Restart: rules(pod.RestartNo, in(pod.RuleRestartAll, 1), notIn(pod.RuleRestart))}, 1, Exited, RestartAll},
		"SecondRule":       {"the first that matches counts", Life{Rank: Main, Restart: rules(pod.RestartNo, in(pod.RuleRestartAll, 1), notIn(pod.RuleRestart))}, 2, Waiting, Restart},
	} {
		t.Run(name, func(t *testing.T) {
			for _, from := range []State{Starting, Running} {
				state, action := Next(from, Event{Kind: Died, Code: test.code}, test.life)
				if state != test.state || action != test.action {
					t.Errorf("%s: from %s to %q, %q; want %q, %q", test.why, from, state, action, test.state, test.action)
				}
			}
			state, action := Next(Created, Event{Kind: StartFailed, Code: test.code}, test.life)
			if want := map[bool]State{true: Never, false: test.state}[test.state == Exited]; state != want || action != test.action {
				t.Errorf("%s: not started: %q, %q; want %q, %q", test.why, state, action, want, test.action)
			}
		})
	}
}

func TestWhatIsBrokenHasFailedHoweverItEnds(t *testing.T) {
	for name, test := range map[string]struct {
		why    string
		life   Life
		code   int
		state  State
		action Action
	}{
		"OnFailure":  {"a failure is tried again", Life{Rank: Main, Restart: pod.Restart{Policy: pod.RestartOnFailure}}, 0, Waiting, Restart},
		"NoMore":     {"until there are no more tries", Life{Rank: Main, Restart: pod.Restart{Policy: pod.RestartOnFailure, Max: 1}, Restarts: 1}, 0, Exited, Fail},
		"Job":        {"it has not done what others wait for", Life{Rank: Main, Job: true}, 0, Exited, Fail},
		"Init":       {"the next one must not start", Life{Rank: Init}, 0, Exited, Fail},
		"Rule":       {"rules are about codes", Life{Rank: Main, Restart: pod.Restart{Rules: []pod.Rule{{Action: pod.RuleRestart, Codes: []int{0}}}}}, 0, Waiting, Restart},
		"RuleOfFail": {"rules are about codes", Life{Rank: Main, Restart: pod.Restart{Rules: []pod.Rule{{Action: pod.RuleRestart, Codes: []int{1}}}}}, 0, Exited, Fail},
		"Failed":     {"as ever", Life{Rank: Main, Restart: pod.Restart{Policy: pod.RestartOnFailure}}, 137, Waiting, Restart},
	} {
		t.Run(name, func(t *testing.T) {
			if state, action := Next(Ending, Event{Kind: Died, Code: test.code}, test.life); state != test.state || action != test.action {
				t.Errorf("%s: %q, %q; want %q, %q", test.why, state, action, test.state, test.action)
			}
		})
	}
}

// ways are the arrows of the diagram at State, but those that lead to a stop or to
// where all restart.
var ways = map[State][]State{
	Pending:   {Created, Never, Waiting, Done},
	Created:   {Starting, Never, Waiting, Done},
	Starting:  {Running, Exited, Never, Waiting, Done},
	Running:   {Ending, Recycling, Exited, Waiting, Done},
	Ending:    {Recycling, Exited, Waiting, Done}, // done is what is not essential
	Recycling: {Waiting},
	Waiting:   {Pending},
	Cleared:   {Pending},
	Stopping:  {Stopped},
}

// lives are of every kind.
var lives = []Life{
	{Rank: Main}, {Rank: Main, Job: true}, {Rank: Main, NonEssential: true},
	{Rank: Main, Restart: pod.Restart{Policy: pod.RestartAlways}},
	{Rank: Main, Restart: pod.Restart{Policy: pod.RestartOnFailure, Max: 2}},
	{Rank: Main, Restart: pod.Restart{Rules: []pod.Rule{{Action: pod.RuleRestartAll, Codes: []int{1}}}}},
	{Rank: Init}, {Rank: Sidecar},
}

// Whatever happens in whatever order to whatever component, it goes along the arrows,
// nothing restarts after a stop, and what is to be done fits where it is.
func FuzzAnySequenceOfEventsEndsExplainably(f *testing.F) {
	f.Add(byte(0), []byte{0, 1, 2, 10, 4})
	f.Add(byte(3), []byte{0, 1, 2, 4, 7, 0, 1, 2})
	f.Add(byte(5), []byte{0, 1, 2, 15, 8, 9, 0})
	f.Add(byte(7), []byte{0, 1, 4, 10, 7, 0})
	f.Fuzz(func(t *testing.T, of byte, sequence []byte) {
		life, at := lives[int(of)%len(lives)], Pending
		var happened []Event
		for _, b := range sequence {
			e := Event{Kind: kinds[int(b)%len(kinds)], Code: int(b) / len(kinds) % 2}
			next, action := Next(at, e, life)
			if why := wrong(at, next, e, action); why != "" {
				t.Fatalf("%v, then %v: from %q to %q and %q: %s", happened, e, at, next, action, why)
			}
			if action == Restart {
				life.Restarts++
			}
			at, happened = next, append(happened, e)
		}
		if stopped := slices.ContainsFunc(happened, func(e Event) bool { return e.Kind == StopAsked }); stopped != (at == Stopping || at == Stopped) {
			t.Errorf("%v: ends as %q", happened, at)
		}
	})
}

// wrong says what cannot be about a step, nothing if it can.
func wrong(from, to State, e Event, action Action) string {
	switch {
	case e.Kind == StopAsked && to != Stopping && to != Stopped:
		return "a stop is for good"
	case to != from && e.Kind != StopAsked && e.Kind != ClearAsked && !slices.Contains(ways[from], to):
		return "there is no such way"
	case (action == Restart || action == RestartNow) != (to == Waiting && from != Waiting):
		return "what waits is to be restarted, and nothing else is"
	case action == Fail && to != Exited && to != Never:
		return "what ends the pod is over"
	case action != Nothing && e.Kind != Died && e.Kind != StartFailed:
		return "only an end is followed by something"
	}
	return ""
}
