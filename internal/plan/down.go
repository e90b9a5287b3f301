package plan

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// down says how to bring down what is there of a pod. What its components want done
// before is done at once, for all. Then they are stopped all at once, except that what
// depends on another stops before it, and sidecars when all others have, in reverse of
// the order in which they were started. Each is removed when it has stopped, and pause
// when all of them have. Pause does not wait for their removal: what has ended does not
// miss its namespaces. Who looks at the pod may watch until then.
//
// The volumes are those of the pod that are to go with it and not with their containers.
// A step that fails keeps none of the others from being done.
func down(p pod.Pod, owner pod.Owner, w World) Plan {
	d := descent{pod: p, dependants: pod.Dependants(p), there: map[string]engine.Seen{}}
	var pauses, looks, removes Plan
	for _, c := range w.Containers {
		if c.Labels[pod.LabelOwner] != owner.ID {
			continue
		}
		switch c.Labels[pod.LabelRole] {
		case pod.RolePause:
			pauses = append(pauses, Step{Op: Remove, Name: Pause, Container: c.ID})
			continue
		case pod.RoleDebug, pod.RoleHelper:
			looks = append(looks, Step{Op: Remove, Name: c.Name, Container: c.ID})
			continue
		case pod.RoleKeeper: // it may wait for the pod's end, to remove its group then
			continue
		}
		name := c.Labels[pod.LabelComponent]
		if other, twice := d.there[name]; twice { // one of them nobody knows of
			if c.Running && !other.Running {
				c, other = other, c
				d.there[name] = other
			}
			looks = append(looks, Step{Op: Remove, Name: c.Name + " " + string(c.ID), Container: c.ID, Why: RunOver})
			continue
		}
		d.there[name] = c
	}
	stops := d.stops()
	for _, name := range slices.Sorted(maps.Keys(d.there)) {
		removes = append(removes, Step{Op: Remove, Name: name, Container: d.there[name].ID, After: []string{key(Stop, name)}})
	}
	last := append(looks, pauses...)
	for i := range last {
		last[i].After = stops.keys()
	}
	var drops Plan
	for _, v := range w.Volumes {
		if v.Labels[pod.LabelOwner] == owner.ID && v.Labels[pod.LabelRole] == pod.RoleScratch {
			drops = append(drops, Step{Op: RemoveVolume, Name: v.Name, After: append(removes.keys(), last.keys()...)})
		}
	}
	return bestEffort(slices.Concat(d.preStops(), stops, removes, last, drops))
}

// clear takes down everything but pause, without anybody's hooks and in no order.
func clear(p pod.Pod, owner pod.Owner, w World) Plan {
	var stops, removes Plan
	for _, c := range w.Containers {
		if name := c.Labels[pod.LabelComponent]; c.Labels[pod.LabelOwner] == owner.ID && c.Labels[pod.LabelRole] == pod.RoleComponent {
			stops = append(stops, Step{Op: Stop, Name: name, Container: c.ID})
			removes = append(removes, Step{Op: Remove, Name: name, Container: c.ID, After: []string{key(Stop, name)}})
		}
	}
	return bestEffort(append(stops, removes...))
}

// bestEffort are steps of which one that fails keeps no other from being done.
func bestEffort(p Plan) Plan {
	for i := range p {
		p[i].BestEffort = true
	}
	return p
}

// A descent is a pod on its way down.
type descent struct {
	pod        pod.Pod
	dependants map[string][]string
	there      map[string]engine.Seen
}

// preStops do what is to be done before a stop, all at once.
func (d descent) preStops() (steps Plan) {
	for _, name := range slices.Sorted(maps.Keys(d.there)) {
		if d.prepares(name) {
			steps = append(steps, Step{Op: PreStop, Name: name, Container: d.there[name].ID})
		}
	}
	return steps
}

// prepares reports whether something is to be done before a component's stop.
func (d descent) prepares(name string) bool {
	c, _ := d.pod.Component(name)
	return len(c.PreStop) > 0
}

// stops are those of all that is there, and of sidecars that are not: they may be
// about to be restarted.
func (d descent) stops() Plan {
	sidecars := d.sidecars()
	var steps Plan
	for _, name := range slices.Sorted(maps.Keys(d.there)) {
		if !slices.Contains(sidecars, name) {
			steps = append(steps, d.stop(name, nil))
		}
	}
	for _, name := range sidecars {
		steps = append(steps, d.stop(name, steps.keys()))
	}
	return steps
}

// sidecars are the pod's, the last to be started first.
func (d descent) sidecars() (names []string) {
	for _, c := range slices.Backward(d.pod.Init) {
		if c.Sidecar {
			names = append(names, c.Name)
		}
	}
	return names
}

// stop stops a component when its preparations are over, those that depend on it have
// stopped, and others that go before it have.
func (d descent) stop(name string, before []string) Step {
	step := Step{Op: Stop, Name: name, Container: d.there[name].ID, After: before}
	var dependants []string
	for _, dependant := range d.dependants[name] {
		if _, ok := d.there[dependant]; ok {
			dependants = append(dependants, dependant)
			step.After = append(step.After, key(Stop, dependant))
		}
	}
	if _, ok := d.there[name]; ok && d.prepares(name) {
		step.After = append(step.After, key(PreStop, name))
	}
	if len(dependants) > 0 {
		step.Why = "needed by " + list(dependants)
	}
	slices.Sort(step.After)
	step.After = slices.Compact(step.After)
	return step
}

// A Budget divides the time for going down.
type Budget struct {
	// Ask is when whatever still waits, for its dependants or its preparations, is asked
	// to stop anyway.
	Ask time.Duration
	// Kill is when whatever still runs is killed.
	Kill time.Duration
}

// LastCall is between being asked at last and being killed, as the kubelet has it.
const LastCall = 2 * time.Second

// Within is the budget for being all over in a time. Swarm kills the supervisor when
// the grace period is over, so a quarter is kept for removing, at most half a second,
// and another fifth, at most two seconds, for those that had to wait.
func Within(grace time.Duration) Budget {
	kill := grace - min(grace/4, 500*time.Millisecond)
	return Budget{Ask: kill - min(grace/5, LastCall), Kill: kill}
}

// Granting is the budget that leaves components a whole time, as a Kubernetes pod's
// terminationGracePeriodSeconds does: it is over two seconds later.
func Granting(grace time.Duration) Budget {
	return Budget{Ask: grace, Kill: grace + LastCall}
}

// BudgetOf is a pod's budget for going down.
func BudgetOf(p pod.Pod) Budget {
	if p.StopGrace > 0 {
		return Granting(p.StopGrace)
	}
	return Within(p.Grace)
}

// list joins names as a sentence does.
func list(names []string) string {
	return strings.Join(names, " and ")
}
