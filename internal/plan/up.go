package plan

import (
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// Pause is the name of the container that holds the namespaces.
const Pause = "pause"

// A World is what the engine was seen to have.
type World struct {
	// Containers and Volumes that carry our labels.
	Containers []engine.Seen
	Volumes    []engine.Volume
	// Pause is that of the pod's present life, or what holds a pair's volumes. Empty: there is
	// none, and whatever else there is of a pod that is no pair is of an earlier life.
	Pause engine.ID
	// Bytes are how much is to be handed on in the pod's memory.
	Bytes int64
	// Alive are the owners that run, or are not to be looked at yet.
	Alive map[engine.ID]bool
	// Images are those that are there, by the references in the pod.
	Images map[string]engine.Image
	// Lacking are external volumes of the pod that are not there, in the order of their names.
	Lacking []string
	// Settled are components that need nothing on the way up though they do not run: they have
	// completed, or are to be restarted when it is time.
	Settled map[string]bool
}

// A Goal is what shall be.
type Goal struct {
	Kind GoalKind
	// Only is the component that it is about. Empty: all.
	Only string
}

// GoalKind says what shall be.
type GoalKind string

// The goals.
const (
	Up    GoalKind = "up"    // all that the pod says runs, and nothing else of it is there
	Clear GoalKind = "clear" // no component is there, but pause is
	Down  GoalKind = "down"  // nothing of the pod is there
	Swept GoalKind = "swept" // nothing is there whose owner does not run
)

// Reconcile is the one road from what is there to what shall be.
func Reconcile(p pod.Pod, owner pod.Owner, w World, goal Goal) Plan {
	switch goal.Kind {
	case Up:
		if owner.Paired() {
			w.Pause = Holder(p, owner, w)
		}
		return ascent{pod: p, owner: owner, world: w, only: goal.Only}.plan()
	case Clear:
		return clear(p, owner, w)
	case Down:
		return down(p, owner, w)
	default:
		return sweep(w)
	}
}

// An ascent is a pod on its way up: first what an earlier life has left under our labels,
// then pause, then the components. A component that runs as the pod says is left alone.
// Others are created as soon as pause is, all at once but those that mount something of
// the pod's memory, for which pause has to run, and those that have to wait for others to
// be as they ask: what was created and is not started is of no use to anybody, and in
// the way of who comes after us. They are started when pause runs and what they depend on
// is as they ask.
type ascent struct {
	pod   pod.Pod
	owner pod.Owner
	world World
	only  string
}

func (a ascent) plan() Plan {
	removes := a.removes()
	var pulls, steps Plan
	if a.only == "" && (a.world.Pause == "" || a.owner.Paired()) {
		pulls = a.pulls()
	}
	steps = append(steps, pulls...)
	if a.makesPause() {
		steps = append(steps,
			Step{
				Op: Create, Name: Pause, Why: a.whyPause(),
				After: slices.Concat(removes.keys(), a.pullsFor(pulls, a.pod.PauseImage, ""), a.heldPulls(pulls)),
			},
			Step{Op: Start, Name: Pause, After: []string{key(Create, Pause)}},
		)
	}
	var needy []string
	for _, c := range a.missing() {
		if NeedsMemory(c) {
			needy = append(needy, c.Name)
		}
	}
	steps = append(steps, fill(needy)...)
	for _, c := range a.missing() {
		old, why := a.replaced(c)
		create := Step{
			Op: Create, Name: c.Name, Container: old, Why: why,
			After: slices.Concat([]string{key(Create, Pause)}, removes.keys(), a.pullsFor(pulls, c.Image, c.Platform)),
		}
		if NeedsMemory(c) {
			create.After = append(create.After, key(Fill, Pause))
		}
		steps = append(steps, create)
		if old != "" {
			steps = append(steps, Step{Op: Replace, Name: c.Name, Container: old, After: []string{key(Create, c.Name)}})
		}
	}
	steps = append(steps, a.starts()...)
	return append(removes, steps...).closed()
}

// makesPause reports whether pause is to be made: a pair has one already, and needs another
// container only where there is something to hold.
func (a ascent) makesPause() bool {
	return a.world.Pause == "" && a.only == "" && (!a.owner.Paired() || needsHolder(a.pod, a.owner, a.world))
}

func (a ascent) whyPause() string {
	if a.owner.Paired() {
		return "holds volumes"
	}
	return "holds the namespaces"
}

// missing are the components that do not run as the pod says, and should.
func (a ascent) missing() (all []pod.Component) {
	for _, c := range a.pod.All() {
		if (a.only == "" || a.only == c.Name) && !a.world.Settled[c.Name] && !a.runs(c) {
			all = append(all, c)
		}
	}
	return all
}

// runs reports whether a component runs as the pod says.
func (a ascent) runs(c pod.Component) bool {
	return slices.ContainsFunc(a.world.Containers, func(s engine.Seen) bool { return a.isOf(c, s) && a.outdated(c, s) == "" })
}

// isOf reports whether a container is a component's that runs in the pod's present life.
func (a ascent) isOf(c pod.Component, s engine.Seen) bool {
	return a.isPresent(s) && s.Running && s.Labels[pod.LabelOwner] == a.owner.ID && s.Labels[pod.LabelRole] == pod.RoleComponent &&
		s.Labels[pod.LabelComponent] == c.Name
}

// isPresent reports whether a container is of the pod's present life.
func (a ascent) isPresent(s engine.Seen) bool {
	if a.owner.Paired() {
		return s.Labels[pod.LabelLife] == a.owner.Life
	}
	return a.world.Pause != ""
}

// outdated says why a component's container is to be replaced. Empty: it is as the pod says.
func (a ascent) outdated(c pod.Component, s engine.Seen) string {
	if s.Labels[pod.LabelHash] != Hash(a.pod, c) {
		return "its definition has changed"
	}
	if a.only != "" { // who has to follow is restarted when that has been
		return ""
	}
	for _, on := range c.DependsOn {
		other, _ := a.pod.Component(on.Name)
		if _, why := a.replaced(other); on.Restart && why != "" {
			return "it restarts with " + on.Name
		}
	}
	return ""
}

// replaced is the container of a component that runs and is to be replaced, and why. Empty:
// there is none.
func (a ascent) replaced(c pod.Component) (old engine.ID, why string) {
	for _, s := range a.world.Containers {
		if !a.isOf(c, s) {
			continue
		}
		if why := a.outdated(c, s); why != "" {
			return s.ID, why
		}
	}
	return "", ""
}

// Holder is the container that holds a pair's volumes as the pod says. Empty: there is none.
func Holder(p pod.Pod, owner pod.Owner, w World) engine.ID {
	want := PauseContainer(p, owner, w.Images, w.Bytes, nil).Labels
	for _, s := range w.Containers {
		if s.Running && s.Labels[pod.LabelOwner] == owner.ID && s.Labels[pod.LabelRole] == pod.RolePause &&
			s.Labels[pod.LabelLife] == owner.Life && s.Labels[pod.LabelHash] == want[pod.LabelHash] {
			return s.ID
		}
	}
	return ""
}

// PauseIn is the pause of a pod that runs. Empty: there is none.
func PauseIn(owner pod.Owner, w World) engine.ID {
	for _, s := range w.Containers {
		if s.Running && s.Labels[pod.LabelOwner] == owner.ID && s.Labels[pod.LabelRole] == pod.RolePause {
			return s.ID
		}
	}
	return ""
}

// removes are what of the pod is there and shall not be, found by our labels alone. Nobody
// needs to wait for what cannot be removed, unless it has a name that is needed.
func (a ascent) removes() Plan {
	steps := removal(a.world, a.doomed, func(s engine.Seen) string { return s.Name })
	gone := steps.keys()
	for _, v := range a.world.Volumes {
		if a.world.Pause == "" && !a.owner.Paired() && v.Labels[pod.LabelOwner] == a.owner.ID && v.Labels[pod.LabelRole] == pod.RoleScratch {
			steps = append(steps, Step{Op: RemoveVolume, Name: v.Name, Why: "left from an earlier life", After: gone, BestEffort: true})
		}
	}
	return steps
}

// doomed reports whether a container is to be removed, and why. What is replaced is not: that
// waits for its successor.
func (a ascent) doomed(s engine.Seen) (why string, ok bool) {
	c, known := a.pod.Component(s.Labels[pod.LabelComponent])
	switch role := s.Labels[pod.LabelRole]; {
	case s.Labels[pod.LabelOwner] != a.owner.ID && s.Labels[pod.LabelName] == a.owner.Name:
		return orphan(s, a.world.Alive) // it has the names that we need
	case s.Labels[pod.LabelOwner] != a.owner.ID || s.ID == a.world.Pause:
		return "", false
	case role == pod.RoleHelper || role == pod.RoleKeeper: // which ends by itself, and may be at work for us
		return "", false
	case !a.isPresent(s):
		return "left from an earlier life", true
	case role == pod.RolePause && a.only == "":
		return "what it has to hold has changed", true
	case role != pod.RoleComponent || a.only != "" && a.only != c.Name:
		return "", false
	case !known:
		return "it is no component of the pod any more", true
	case a.isOf(c, s):
		return "", false
	case s.Created:
		return "it was never started", true
	}
	return RunOver, true
}

// pullsFor are the keys of the pulls of an image.
func (a ascent) pullsFor(pulls Plan, image, platform string) []string {
	return slices.DeleteFunc(pulls.keys(), func(key string) bool { return key != pull(image, platform).Key() })
}

// heldPulls are the keys of the pulls of images whose volumes pause holds: which these are
// the image says.
func (a ascent) heldPulls(pulls Plan) (keys []string) {
	for _, c := range a.pod.All() {
		if a.pod.MayRestart(c) {
			keys = append(keys, a.pullsFor(pulls, c.Image, c.Platform)...)
		}
	}
	return keys
}

// starts start the components that are missing, and wait for what they wait for. What is
// created only when those waits are over follows them.
func (a ascent) starts() Plan {
	var steps Plan
	var before []string // what has to be true before the next one may start
	missing := a.missing()
	needed := func(c pod.Component) bool {
		return slices.ContainsFunc(missing, func(m pod.Component) bool { return m.Name == c.Name })
	}
	for _, c := range a.pod.Init {
		if needed(c) {
			steps = append(steps, start(a.pod, c, before))
		}
		before = []string{awaitInit(c).Key()}
	}
	for _, c := range a.pod.Components {
		if needed(c) {
			steps = append(steps, start(a.pod, c, before))
		}
	}
	if a.only != "" { // what it waits for has been when it was started first
		for i := range steps {
			steps[i].After = steps[i].After[:1]
		}
		return steps
	}
	return append(steps, awaits(a.pod, needed)...)
}

// closed is a plan whose steps come after steps of the plan only, each once: what is there
// already is not waited for. Who has to wait for others before its start is created then.
func (p Plan) closed() Plan {
	known := map[string]bool{}
	for _, key := range p.keys() {
		known[key] = true
	}
	late := map[string][]string{} // the waits before a component's start
	for i, step := range p {
		p[i].After = slices.DeleteFunc(slices.Clone(step.After), func(key string) bool { return !known[key] })
		if step.Op == Start {
			for _, key := range p[i].After {
				if strings.HasPrefix(key, string(Await)+" ") {
					late[step.Name] = append(late[step.Name], key)
				}
			}
		}
	}
	for i, step := range p {
		if step.Op == Create {
			p[i].After = append(p[i].After, late[step.Name]...)
		}
		p[i].After = unique(p[i].After)
	}
	return p
}

// unique drops what comes again.
func unique(keys []string) []string {
	var all []string
	for _, key := range keys {
		if !slices.Contains(all, key) {
			all = append(all, key)
		}
	}
	return all
}

func key(op Op, name string) string { return Step{Op: op, Name: name}.Key() }

// start starts a component when it is there and what has to be before it is.
func start(p pod.Pod, c pod.Component, before []string) Step {
	step := Step{Op: Start, Name: c.Name, After: append([]string{key(Create, c.Name), key(Replace, c.Name), key(Start, Pause)}, before...)}
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

// awaits are the waits of those who are needed, one for all who wait for the same.
func awaits(p pod.Pod, needed func(pod.Component) bool) Plan {
	var steps Plan
	waiters := map[string][]string{}
	add := func(step Step, waiter string) {
		if _, known := waiters[step.Key()]; !known {
			steps = append(steps, step)
		}
		waiters[step.Key()] = append(waiters[step.Key()], waiter)
	}
	for i, c := range p.Init {
		if slices.ContainsFunc(p.All()[i:], needed) {
			add(awaitInit(c), "what comes after it")
		}
	}
	for _, c := range p.All() {
		for _, on := range c.DependsOn {
			if step := awaited(p, on); step.Op == Await && needed(c) {
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

// External are the volumes that have to be there before the pod is, each once.
func External(p pod.Pod) (names []string) {
	for _, c := range p.All() {
		for _, v := range c.Volumes {
			if v.External && !slices.Contains(names, v.Source) {
				names = append(names, v.Source)
			}
		}
	}
	return names
}
