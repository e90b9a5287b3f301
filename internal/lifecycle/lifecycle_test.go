package lifecycle

import (
	"slices"
	"testing"
)

// events are all there are, in the order of the table's columns.
var events = []Event{WasCreated, StartAsked, WasStarted, StartFailed, StopAsked, Died}

func TestEveryEventHasAnAnswerInEveryState(t *testing.T) {
	for _, test := range []struct {
		from State
		why  string
		// to are the states that follow from events.
		to [6]State
	}{
		{Pending, "without a container there is nothing to start, to stop or to run",
			[6]State{Created, Pending, Pending, Never, Pending, Never}},
		{Created, "a container that is removed before its start has not run, and asked to stop it has nothing to do",
			[6]State{Created, Starting, Created, Never, Created, Never}},
		{Starting, "the end may be known before the start is; what starts is stopped once it has started",
			[6]State{Starting, Starting, Running, Never, Starting, Exited}},
		{Running, "what runs ends, by itself or when asked; news of its start are late",
			[6]State{Running, Running, Running, Running, Stopping, Exited}},
		{Stopping, "only its end is waited for",
			[6]State{Stopping, Stopping, Stopping, Stopping, Stopping, Exited}},
		{Exited, "what has ended is over, also when its start is reported late",
			[6]State{Exited, Exited, Exited, Exited, Exited, Exited}},
		{Never, "what never started is over",
			[6]State{Never, Never, Never, Never, Never, Never}},
	} {
		for i, e := range events {
			if got := Next(test.from, e); got != test.to[i] {
				t.Errorf("%s, %s: got %q, want %q (%s)", test.from, e, got, test.to[i], test.why)
			}
		}
	}
}

// ways are the arrows of the diagram at State.
var ways = map[State][]State{
	Pending:  {Created, Never},
	Created:  {Starting, Never},
	Starting: {Running, Exited, Never},
	Running:  {Stopping, Exited},
	Stopping: {Exited},
}

// Whatever happens in whatever order, a component goes along the arrows, what is
// over stays over, and where it ends follows from what has happened.
func FuzzAnySequenceOfEventsEndsExplainably(f *testing.F) {
	f.Add([]byte{0, 1, 2, 4, 5})
	f.Add([]byte{0, 1, 5, 2})
	f.Add([]byte{3, 0, 1})
	f.Fuzz(func(t *testing.T, sequence []byte) {
		at, happened := Pending, []Event(nil)
		for _, b := range sequence {
			e := events[int(b)%len(events)]
			next := Next(at, e)
			if next != at && !slices.Contains(ways[at], next) {
				t.Fatalf("%v, %s: from %q to %q there is no way", happened, e, at, next)
			}
			at, happened = next, append(happened, e)
		}
		if !explained(at, happened) {
			t.Errorf("%v: ends as %q", happened, at)
		}
	})
}

// explained reports whether what happened is reason enough for a component to be
// where it is.
func explained(at State, happened []Event) bool {
	switch at {
	case Pending:
		return !slices.Contains(happened, WasCreated)
	case Created:
		return inOrder(happened, WasCreated)
	case Starting:
		return inOrder(happened, WasCreated, StartAsked)
	case Running:
		return inOrder(happened, WasCreated, StartAsked, WasStarted)
	case Stopping:
		return inOrder(happened, WasCreated, StartAsked, WasStarted, StopAsked)
	case Exited:
		return inOrder(happened, WasCreated, StartAsked, Died)
	case Never:
		return slices.Contains(happened, StartFailed) || slices.Contains(happened, Died)
	}
	return false
}

// inOrder reports whether those have happened one after the other, whatever else
// did in between.
func inOrder(happened []Event, those ...Event) bool {
	for _, e := range happened {
		if len(those) > 0 && e == those[0] {
			those = those[1:]
		}
	}
	return len(those) == 0
}

func TestAPodIsAsHealthyAsItsComponents(t *testing.T) {
	runs := Component{State: Running}
	checked := func(h Health) Component { return Component{State: Running, Checked: true, Health: h} }
	for name, test := range map[string]struct {
		why        string
		components []Component
		want       Health
	}{
		"AllRun":         {"without checks running is all that can be asked", []Component{runs, runs}, Healthy},
		"Pending":        {"nothing is there yet", []Component{{State: Pending}, runs}, Unsure},
		"Created":        {"one is still to be started", []Component{runs, {State: Created}}, Unsure},
		"Starting":       {"one is being started", []Component{{State: Starting}, runs}, Unsure},
		"Checked":        {"every check says so", []Component{checked(Healthy), runs, checked(Healthy)}, Healthy},
		"Unsure":         {"one check has yet to speak", []Component{checked(Healthy), checked(Unsure)}, Unsure},
		"Silent":         {"a check of which nothing was heard yet is no better", []Component{checked("")}, Unsure},
		"Unhealthy":      {"one check says no", []Component{checked(Unhealthy), checked(Healthy)}, Unhealthy},
		"UnhealthyFirst": {"a no counts more than a not yet, in either order", []Component{checked(Unhealthy), {State: Pending}}, Unhealthy},
		"UnhealthyLast":  {"a no counts more than a not yet, in either order", []Component{{State: Pending}, checked(Unhealthy)}, Unhealthy},
		"NoCheck":        {"a word about one without a check means nothing", []Component{{State: Running, Health: Unhealthy}}, Healthy},
		"Exited":         {"a pod that has lost one is going down", []Component{runs, {State: Exited}}, Unhealthy},
		"Never":          {"one that will never run is lost", []Component{{State: Never}, runs}, Unhealthy},
		"Stopping":       {"a pod that goes down takes no more work", []Component{checked(Healthy), {State: Stopping}}, Unhealthy},
	} {
		t.Run(name, func(t *testing.T) {
			if got := PodHealth(test.components); got != test.want {
				t.Errorf("%s: got %q, want %q", test.why, got, test.want)
			}
		})
	}
}
