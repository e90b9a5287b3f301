package lifecycle

import (
	"testing"

	"github.com/podlike/podlike/internal/pod"
)

func TestAPodGoesUpOnceAndDownForGood(t *testing.T) {
	events := []PodEvent{Rose, Redone, Ends, Gone, GoneBad}
	for _, test := range []struct {
		from PodState
		why  string
		to   [5]PodState
	}{
		{Rising, "it may end before it has risen", [5]PodState{Up, Rising, Falling, Rising, Rising}},
		{Up, "all may begin anew", [5]PodState{Up, Rising, Falling, Up, Up}},
		{Falling, "there is no way back up", [5]PodState{Falling, Falling, Falling, Succeeded, Failed}},
		{Succeeded, "what is over stays so", [5]PodState{Succeeded, Succeeded, Succeeded, Succeeded, Succeeded}},
		{Failed, "what is over stays so", [5]PodState{Failed, Failed, Failed, Failed, Failed}},
	} {
		for i, e := range events {
			if got := NextPod(test.from, e); got != test.to[i] {
				t.Errorf("%s, %s: got %q, want %q (%s)", test.from, e, got, test.to[i], test.why)
			}
		}
	}
}

// runs is a component of which nothing more is to be waited for.
var runs = Component{State: Running, Started: true, Ready: true}

// checked is one that runs and has a check that says so.
func checked(h Health) Component {
	c := runs
	c.Checked, c.Health = true, h
	return c
}

func TestAPodIsAsHealthyAsItsComponents(t *testing.T) {
	begins, unfit := runs, runs
	begins.Started, unfit.Ready = false, false
	loud := runs
	loud.Health = Unhealthy
	for name, test := range map[string]struct {
		why         string
		components  []Component
		first, then Health // before and after it was healthy once
	}{
		"AllRun":         {"without checks running is all that can be asked", []Component{runs, runs}, Healthy, Healthy},
		"Pending":        {"nothing is there yet", []Component{{State: Pending}, runs}, Unsure, Healthy},
		"Created":        {"one is still to be started", []Component{runs, {State: Created}}, Unsure, Healthy},
		"Starting":       {"one is being started", []Component{{State: Starting}, runs}, Unsure, Healthy},
		"Begins":         {"a hook or a startup probe is still to pass", []Component{begins, runs}, Unsure, Healthy},
		"Unfit":          {"a readiness probe gates the first time", []Component{unfit, runs}, Unsure, Healthy},
		"Checked":        {"every check says so", []Component{checked(Healthy), runs, checked(Healthy)}, Healthy, Healthy},
		"Unsure":         {"one check has yet to speak", []Component{checked(Healthy), checked(Unsure)}, Unsure, Healthy},
		"Silent":         {"a check of which nothing was heard yet is no better", []Component{checked("")}, Unsure, Healthy},
		"Unhealthy":      {"one check says no", []Component{checked(Unhealthy), checked(Healthy)}, Unhealthy, Unhealthy},
		"UnhealthyFirst": {"a no counts more than a not yet, in either order", []Component{checked(Unhealthy), {State: Pending}}, Unhealthy, Unhealthy},
		"UnhealthyLast":  {"a no counts more than a not yet, in either order", []Component{{State: Pending}, checked(Unhealthy)}, Unhealthy, Unhealthy},
		"NoCheck":        {"a word about one without a check means nothing", []Component{loud}, Healthy, Healthy},
		"Waiting":        {"one that is restarted is no reason to kill the task", []Component{runs, {State: Waiting}}, Unsure, Healthy},
		"Done":           {"nobody misses it", []Component{runs, {State: Done}}, Healthy, Healthy},
		"Exited":         {"a pod that has lost one is going down", []Component{runs, {State: Exited}}, Unhealthy, Unhealthy},
		"Never":          {"one that will never run is lost", []Component{{State: Never}, runs}, Unhealthy, Unhealthy},
		"Stopping":       {"a pod that goes down takes no more work", []Component{checked(Healthy), {State: Stopping}}, Unhealthy, Unhealthy},
	} {
		t.Run(name, func(t *testing.T) {
			if got := PodHealth(test.components, false, pod.IgnoreUnready); got != test.first {
				t.Errorf("%s: at first %q, want %q", test.why, got, test.first)
			}
			if got := PodHealth(test.components, true, pod.IgnoreUnready); got != test.then {
				t.Errorf("%s: then %q, want %q", test.why, got, test.then)
			}
			strict := map[Health]Health{Unsure: Unhealthy, Healthy: Healthy, Unhealthy: Unhealthy}[test.first]
			if got := PodHealth(test.components, true, pod.UnreadyCounts); got != strict {
				t.Errorf("%s: where that counts %q, want %q", test.why, got, strict)
			}
		})
	}
}

func TestAPodIsCompleteWhenNobodyHasMoreToDo(t *testing.T) {
	main := func(s State) Component { return Component{State: s, Life: Life{Rank: Main}} }
	other := func(s State) Component { return Component{State: s, Life: Life{Rank: Main, NonEssential: true}} }
	for name, test := range map[string]struct {
		why        string
		components []Component
		want       bool
	}{
		"All":          {"a batch is over with its last", []Component{main(Done), main(Done)}, true},
		"OneRuns":      {"one is still at it", []Component{main(Done), main(Running)}, false},
		"Sidecar":      {"it does not keep a pod", []Component{{State: Running, Life: Life{Rank: Sidecar}}, main(Done)}, true},
		"InitOnly":     {"that is where it begins", []Component{{State: Done, Life: Life{Rank: Init}}, main(Pending)}, false},
		"NonEssential": {"it does not keep a pod either", []Component{main(Done), other(Running)}, true},
		"OnlyOthers":   {"there is nothing else", []Component{other(Done), other(Done)}, true},
		"OthersRun":    {"there is nothing else", []Component{other(Done), other(Running)}, false},
		"Nothing":      {"what does not begin is not over", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Complete(test.components); got != test.want {
				t.Errorf("%s: got %v", test.why, got)
			}
		})
	}
}
