package plan

import (
	"slices"
	"strings"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// Down says how to bring down what is there of a pod: components are stopped all
// at once, except that what depends on another stops before it; each is removed
// when it has stopped, and pause when all of them have. Pause does not wait for
// their removal: what has ended does not miss its namespaces.
func Down(p pod.Pod, seen []engine.Seen) Plan {
	there := map[string]engine.Seen{}
	var names []string
	var pauses Plan
	for _, c := range seen {
		if c.Labels[pod.LabelRole] == pod.RolePause {
			pauses = append(pauses, Step{Op: Remove, Name: Pause, Container: c.ID})
			continue
		}
		name := c.Labels[pod.LabelComponent]
		names = append(names, name)
		there[name] = c
	}
	slices.Sort(names)
	dependants := pod.Dependants(p)
	var stops, removes Plan
	for _, name := range names {
		c := there[name]
		step := Step{Op: Stop, Name: name, Container: c.ID}
		for _, dependant := range dependants[name] {
			if _, ok := there[dependant]; ok {
				step.After = append(step.After, key(Stop, dependant))
			}
		}
		if len(step.After) > 0 {
			step.Why = "needed by " + list(dependants[name])
		}
		stops = append(stops, step)
		removes = append(removes, Step{Op: Remove, Name: name, Container: c.ID, After: []string{step.Key()}})
	}
	for i := range pauses {
		pauses[i].After = stops.keys()
	}
	return slices.Concat(stops, removes, pauses)
}

// A Budget divides the time for going down. Swarm kills the supervisor when the
// grace period is over, so everything has to be done before.
type Budget struct {
	// Ask is when whatever still waits for its dependants is asked to stop anyway.
	Ask time.Duration
	// Kill is when whatever still runs is killed.
	Kill time.Duration
}

// NewBudget divides a pod's grace: a quarter is kept for removing, at most half a
// second, and another fifth, at most two seconds, for those that had to wait.
func NewBudget(grace time.Duration) Budget {
	kill := grace - min(grace/4, 500*time.Millisecond)
	return Budget{Ask: kill - min(grace/5, 2*time.Second), Kill: kill}
}

// list joins names as a sentence does.
func list(names []string) string {
	return strings.Join(names, " and ")
}
