package pod

import (
	"maps"
	"path"
	"slices"
	"strings"
)

// Validate reports, as Problems, everything that keeps p from being run: of each
// component on its own, then of how they depend on each other, then of the pod. It does
// not look into images, signals and other words that only an engine understands.
func Validate(p Pod) error {
	v := validator{pod: p, components: map[string]Component{}, cycles: cycles(p)}
	for _, c := range p.All() {
		v.name(c)
		v.component(c)
		v.life(c)
	}
	for _, c := range p.All() {
		v.dependencies(c)
	}
	for _, cycle := range v.cycles {
		v.wrong(cycle[0], "depends_on", "%s: a component cannot wait for itself", strings.Join(append(slices.Clone(cycle), cycle[0]), " -> "))
	}
	v.podWide()
	return v.problems.Err()
}

// A validator gathers what is wrong with a pod.
type validator struct {
	pod        Pod
	components map[string]Component // those seen so far, by name
	cycles     [][]string           // that depends_on makes
	problems   Problems
}

// wrong reports a problem with a key of a component.
func (v *validator) wrong(component, key, format string, args ...any) {
	place := strings.TrimSuffix(ComponentPrefix+component+": "+key, ": ")
	v.problems = append(v.problems, Problemf(place, format, args...))
}

// name checks that the component can be told from the others.
func (v *validator) name(c Component) {
	if c.Name == "" {
		v.wrong("", "", "a component has no name; give it one")
		return
	}
	if c.Name == RolePause {
		v.wrong(c.Name, "", "pause is what holds the pod's namespaces; give the component another name")
	}
	if _, twice := v.components[c.Name]; twice {
		v.wrong(c.Name, "", "two components are called that; rename one")
	}
	v.components[c.Name] = c
}

// component checks what can be told from the component alone.
func (v *validator) component(c Component) {
	if c.Image == "" {
		v.wrong(c.Name, "image", "is missing; name the image to run")
	}
	v.notNegative(c.Name, "stop_grace_period", c.StopGrace)
	if h := c.Health; h != nil {
		v.notNegative(c.Name, "healthcheck.interval", h.Interval)
		v.notNegative(c.Name, "healthcheck.timeout", h.Timeout)
		v.notNegative(c.Name, "healthcheck.start_period", h.StartPeriod)
		v.notNegative(c.Name, "healthcheck.start_interval", h.StartInterval)
		if h.Retries < 0 {
			v.wrong(c.Name, "healthcheck.retries", "must not be negative, but is %d", h.Retries)
		}
	}
	v.targets(c)
}

// targets checks where the component's volumes are mounted and its copies go.
func (v *validator) targets(c Component) {
	seen := map[string]bool{}
	for _, volume := range c.Volumes {
		v.target(c.Name, "volumes", volume.Target, seen)
	}
	for _, target := range slices.Sorted(maps.Keys(c.Tmpfs)) {
		v.target(c.Name, "tmpfs", target, seen)
	}
	for _, file := range c.Copies {
		v.copied(c, file, seen)
	}
}

// copied checks a copy: one that is made where its target is, or one that is mounted
// over it, wherever that is.
func (v *validator) copied(c Component, file Copy, seen map[string]bool) {
	for _, end := range []string{file.Source, file.Target} {
		ofFile := end == file.Source && (file.InFile || file.Content != nil) // which may be named as it was found
		if !path.IsAbs(end) && !ofFile {
			v.wrongCopy(c.Name, file, "the path %q must begin with /", end)
		}
	}
	v.receives(c, file)
	target := path.Clean(file.Target)
	switch {
	case !file.Memory:
		return
	case target == "/":
		v.wrongCopy(c.Name, file, "the target / is the component's own root; mount below it")
	case seen[target]:
		v.wrongCopy(c.Name, file, "something else has the target %q; give one of them another", target)
	}
	seen[target] = true
}

// wrongCopy reports a problem with what is copied into a component.
func (v *validator) wrongCopy(component string, c Copy, format string, args ...any) {
	v.problems = append(v.problems, Problemf(c.PlaceIn(component), format, args...))
}

// receives checks that a copy can be made. Whether the root is writable there is not known
// yet, for the image may have volumes too, nor whether the component Hides it.
func (v *validator) receives(c Component, file Copy) {
	if in := c.around(file.Target); in.ReadOnly {
		v.wrongCopy(c.Name, file, "%s is in the volume %s, which is read-only; let it be writable, or copy to elsewhere", path.Clean(file.Target), in.Target)
	}
}

// Hides tells why the component would not see a copy, nothing if it would: something is
// mounted at the start over what was copied; what is handed on in memory is mounted too.
// Validate cannot tell, because a reader does not know what of the supervisor's is in memory.
func (c Component) Hides(file Copy) (why string) {
	in, target := c.around(file.Target), path.Clean(file.Target)
	switch {
	case file.Memory:
	case in.Kind == Tmpfs:
		return "is in the tmpfs " + in.Target + ", which is empty when the component starts"
	case slices.Contains(engineFiles, target) && path.Clean(in.Target) != target:
		return "is where the engine mounts a file of its own"
	}
	return ""
}

// engineFiles are what the engine mounts into every container.
var engineFiles = []string{"/etc/hostname", "/etc/hosts", "/etc/resolv.conf"}

// around is the innermost of the component's volumes that a path is in, or at.
func (c Component) around(target string) (in Volume) {
	target = path.Clean(target)
	for _, volume := range c.mounted() {
		mount := path.Clean(volume.Target)
		within := target == mount || strings.HasPrefix(target, mount+"/")
		if within && len(mount) > len(path.Clean(in.Target)) {
			in = volume
		}
	}
	return in
}

// mounted are all the component's volumes, with those that have a key of their own.
func (c Component) mounted() []Volume {
	all := slices.Clone(c.Volumes)
	for _, target := range slices.Sorted(maps.Keys(c.Tmpfs)) {
		all = append(all, Volume{Kind: Tmpfs, Target: target})
	}
	return all
}

// Mounts tells whether the component mounts a volume or a tmpfs at exactly that path.
func (c Component) Mounts(target string) bool {
	return slices.ContainsFunc(c.mounted(), func(v Volume) bool { return path.Clean(v.Target) == path.Clean(target) })
}

// target checks where one volume is mounted, and adds it to those that are.
func (v *validator) target(component, key, target string, seen map[string]bool) {
	clean := path.Clean(target)
	switch {
	case !path.IsAbs(target):
		v.wrong(component, key, "the target %q must begin with /", target)
	case clean == "/":
		v.wrong(component, key, "the target / is the component's own root; mount below it")
	case seen[clean]:
		v.wrong(component, key, "two volumes have the target %q; keep one", clean)
	}
	seen[clean] = true
}

// dependencies checks each of what c depends on.
func (v *validator) dependencies(c Component) {
	for _, on := range c.DependsOn {
		other, known := v.components[on.Name]
		place := "depends_on." + on.Name
		switch never := v.never(on.Condition, other); {
		case !known && on.Optional: // there is nothing to wait for
		case !known:
			v.wrong(c.Name, place, "there is no such component; known are %s", v.names())
		case !slices.Contains(conditions, on.Condition):
			v.wrong(c.Name, place, "the condition %q is none of %s, %s and %s", on.Condition, Started, Healthy, Completed)
		case !v.inOrder(c.Name, on.Name):
			v.wrong(c.Name, place, "starts only after %s, which is an init component or a sidecar; depend on earlier ones of these", c.Name)
		case never != "":
			v.wrong(c.Name, place, "%s", never)
		}
	}
}

// conditions are those that there are.
var conditions = []Condition{Started, Healthy, Completed}

// never says why a component will never be what a condition asks for, and what to do
// about it. It says nothing where it can be.
func (v *validator) never(asked Condition, c Component) string {
	unchecked := c.Health != nil && c.Health.Disable && c.Probes.Startup == nil && c.Probes.Readiness == nil
	switch {
	case asked == Completed && (c.Sidecar || c.Restart.Policy == RestartAlways):
		return "will never have completed, for it is always restarted; use " + string(Started)
	case asked == Healthy && v.pod.IsInit(c.Name) && !c.Sidecar:
		return "will be over by then, for it is an init component; use " + string(Completed)
	case asked == Healthy && unchecked:
		return "will never be healthy, for its health check is disabled; use " + string(Started)
	}
	return ""
}

// inOrder tells whether a component can wait for the other one by the order of Init.
// Where they are on a cycle that is told instead.
func (v *validator) inOrder(name, on string) bool {
	at := func(name string) int {
		return slices.IndexFunc(v.pod.Init, func(c Component) bool { return c.Name == name })
	}
	circular := slices.ContainsFunc(v.cycles, func(c []string) bool { return slices.Contains(c, name) && slices.Contains(c, on) })
	return circular || at(name) < 0 || at(on) >= 0 && at(on) < at(name)
}

// names are those of all components, for the reader of a problem.
func (v *validator) names() string {
	var names []string
	for name := range v.components {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
