package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// Pause is the name of the container that holds the namespaces.
const Pause = "pause"

// A World is what the engine was seen to have.
type World struct {
	// Containers and Volumes that carry our labels, at least those of our Kin.
	Containers []engine.Seen
	Volumes    []engine.Volume
	// Alive are the owners that run.
	Alive map[engine.ID]bool
	// Images are those that are there, by the references in the pod.
	Images map[string]engine.Image
}

// Up says how to bring a pod up: first what a dead supervisor left, then pause,
// then the components. Components are created as soon as pause is, all at once but
// those that mount something of the pod's memory, for which pause has to run; they are
// started when pause runs, what comes before them has been and what they depend on is
// as they ask.
func Up(p pod.Pod, owner pod.Owner, w World) Plan {
	steps := sweep(owner, w)
	swept := steps.keys()
	pulls := pullSteps(p, w)
	pulling := func(image, platform string) []string {
		return slices.DeleteFunc(pulls.keys(), func(key string) bool { return key != pull(image, platform).Key() })
	}
	steps = append(steps, pulls...)
	steps = append(steps,
		Step{Op: Create, Name: Pause, Why: "holds the namespaces", After: append(slices.Clone(swept), pulling(p.PauseImage, "")...)},
		Step{Op: Start, Name: Pause, After: []string{key(Create, Pause)}},
	)
	steps = append(steps, fill(p)...)
	components := Again(p)
	for i, step := range components {
		switch step.Op {
		case Create:
			c, _ := p.Component(step.Name)
			components[i].After = slices.Concat([]string{key(Create, Pause)}, filled(c), pulling(c.Image, c.Platform))
		case Start:
			components[i].After = slices.Insert(step.After, 1, key(Start, Pause))
		}
	}
	return append(steps, components...)
}

// Again says how to bring the components up where pause runs and their images are
// there.
func Again(p pod.Pod) Plan {
	var steps Plan
	for _, c := range p.All() {
		steps = append(steps, Step{Op: Create, Name: c.Name})
	}
	var before []string // what has to be true before the next one may start
	for _, c := range p.Init {
		steps = append(steps, start(p, c, before))
		before = []string{awaitInit(c).Key()}
	}
	for _, c := range p.Components {
		steps = append(steps, start(p, c, before))
	}
	return append(steps, awaits(p)...)
}

func key(op Op, name string) string { return Step{Op: op, Name: name}.Key() }

// start starts a component when it is there and what has to be before it is.
func start(p pod.Pod, c pod.Component, before []string) Step {
	step := Step{Op: Start, Name: c.Name, After: append([]string{key(Create, c.Name)}, before...)}
	for _, on := range c.DependsOn {
		if met := awaited(p, on).Key(); !slices.Contains(step.After, met) {
			step.After = append(step.After, met)
		}
	}
	return step
}

// awaited is the step that is done when a dependency is met: its start, where that is
// all there is to it.
func awaited(p pod.Pod, on pod.Dependency) Step {
	other, _ := p.Component(on.Name)
	if on.Condition == pod.Started && !gradual(other) {
		return Step{Op: Start, Name: on.Name}
	}
	return Step{Op: Await, Name: on.Name, Until: on.Condition, Optional: on.Optional}
}

// gradual reports whether a component that was started need not have begun yet, or
// may never.
func gradual(c pod.Component) bool {
	return len(c.PostStart) > 0 || c.Probes.Startup != nil || c.NonEssential || c.Sidecar || c.StartTimeout > 0
}

// awaitInit waits for one of Init to let the next one start.
func awaitInit(c pod.Component) Step {
	step := Step{Op: Await, Name: c.Name, Until: pod.Completed, After: []string{key(Start, c.Name)}}
	if c.Sidecar {
		step.Until = pod.Started
	}
	return step
}

// awaits are the waits, one for all who wait for the same.
func awaits(p pod.Pod) Plan {
	var steps Plan
	waiters := map[string][]string{}
	add := func(step Step, waiter string) {
		if _, known := waiters[step.Key()]; !known {
			steps = append(steps, step)
		}
		waiters[step.Key()] = append(waiters[step.Key()], waiter)
	}
	for _, c := range p.Init {
		add(awaitInit(c), "what comes after it")
	}
	for _, c := range p.All() {
		for _, on := range c.DependsOn {
			if step := awaited(p, on); step.Op == Await {
				step.After = []string{key(Start, on.Name)}
				add(step, c.Name)
			}
		}
	}
	for i, step := range steps {
		steps[i].Why = "for " + list(waiters[step.Key()])
	}
	slices.SortStableFunc(steps, func(a, b Step) int { return strings.Compare(a.Name, b.Name) })
	return steps
}

// Images are the images a pod needs, pause's first, each once.
func Images(p pod.Pod) []string {
	images := []string{p.PauseImage}
	for _, c := range p.All() {
		if !slices.Contains(images, c.Image) {
			images = append(images, c.Image)
		}
	}
	return images
}

// sweep says what to remove first: what carries our labels, was made for the same
// service or under the same name, and belongs to a supervisor that does not run
// any more, or to an earlier life of this one. Components get their stop signal.
func sweep(owner pod.Owner, w World) Plan {
	var stops, removes Plan
	for _, c := range w.Containers {
		why, ok := leftover(c.Labels, owner, w.Alive)
		if !ok {
			continue
		}
		remove := Step{Op: Remove, Name: c.Name, Container: c.ID, Why: why}
		if c.Running && c.Labels[pod.LabelRole] == pod.RoleComponent {
			stop := Step{Op: Stop, Name: c.Name, Container: c.ID, Why: why}
			stops = append(stops, stop)
			remove.After = []string{stop.Key()}
		}
		removes = append(removes, remove)
	}
	for i, r := range removes { // pause ends whatever still runs with it, so it goes last
		if w.role(r.Container) == pod.RolePause {
			removes[i].After = stops.keys()
		}
	}
	steps := append(stops, removes...)
	gone := removes.keys()
	for _, v := range w.Volumes {
		why, ok := leftover(v.Labels, owner, w.Alive)
		if ok && v.Labels[pod.LabelRole] == pod.RoleScratch {
			steps = append(steps, Step{Op: RemoveVolume, Name: v.Name, Why: why, After: gone})
		}
	}
	return steps
}

// role is that of a container in the world.
func (w World) role(id engine.ID) string {
	for _, c := range w.Containers {
		if c.ID == id {
			return c.Labels[pod.LabelRole]
		}
	}
	return ""
}

// Kin are the labels of all that leftovers of the same service or name carry, and
// so of all that a sweep has to know.
func Kin(owner pod.Owner) map[string]string {
	if owner.Service != "" {
		return map[string]string{pod.LabelService: owner.Service}
	}
	return map[string]string{pod.LabelName: owner.Name}
}

// Owners are those of all that is there, in order, each once. Of each a sweep has
// to know whether it runs.
func Owners(w World) []engine.ID {
	owners := map[engine.ID]bool{}
	for _, c := range w.Containers {
		owners[engine.ID(c.Labels[pod.LabelOwner])] = true
	}
	for _, v := range w.Volumes {
		owners[engine.ID(v.Labels[pod.LabelOwner])] = true
	}
	delete(owners, "")
	return slices.Sorted(maps.Keys(owners))
}

// leftover reports whether something with these labels is ours to remove, and why.
func leftover(labels map[string]string, owner pod.Owner, alive map[engine.ID]bool) (string, bool) {
	of := labels[pod.LabelOwner]
	service, name := labels[pod.LabelService], labels[pod.LabelName]
	switch {
	case of == "":
		return "", false
	case of == owner.ID:
		return "left from an earlier life", true
	case service != owner.Service || service == "" && name != owner.Name:
		return "", false
	case alive[engine.ID(of)]:
		return "", false
	}
	return fmt.Sprintf("its owner %.12s is gone", of), true
}
