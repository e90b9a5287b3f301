package labels

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
)

// initPrefix is how the names of init components begin, which have none of their own.
const initPrefix = "init-"

// initComponents reads the label of all init components.
func (r *reader) initComponents(text string) {
	const form = "write a list of components such as [{image: NAME}]"
	list, problems := compose.Parse(pod.InitComponents, text)
	r.problems = append(r.problems, problems...)
	switch {
	case list == nil:
	case list.Kind != yaml.SequenceNode:
		r.wrong(pod.InitComponents, "%s is no list; %s", quote(list), form)
	case len(list.Content) == 0:
		r.wrong(pod.InitComponents, "there is none in it; %s, or leave the label out", form)
	default:
		for i, n := range list.Content {
			r.initComponent(fmt.Sprint(initPrefix, i+1), n)
		}
	}
}

// initComponent reads one of the init components. One that is always restarted goes on
// running beside the others (Kubernetes: sidecar containers).
func (r *reader) initComponent(name string, n *yaml.Node) {
	group, problems, warnings := compose.Read(compose.Service{Name: name, Place: initPlace(name), Node: n}, r.own)
	r.problems, r.warnings = append(r.problems, problems...), append(r.warnings, warnings...)
	if own := group.Own(); own.Restart.Policy == pod.RestartAlways {
		own.Sidecar = true
	}
	r.init = append(r.init, group)
}

// initPlace is where an init component was written.
func initPlace(name string) string { return pod.InitComponents + ": " + name }

// ofInit returns the problems with the places that init components have in their label.
func (r Reading) ofInit(problems pod.Problems) pod.Problems {
	problems = slices.Clone(problems)
	for i, p := range problems {
		for _, c := range slices.Concat(r.init...) {
			if rest, of := strings.CutPrefix(p.Place+": ", pod.ComponentPrefix+c.Name+": "); of {
				problems[i].Place = strings.TrimSuffix(initPlace(c.Name)+": "+rest, ": ")
			}
		}
	}
	return problems
}

// arrange puts what was read in the order in which a pod has it: the sidecars come after
// the list of init components, and the others after both.
func (r *reader) arrange() {
	r.pod.Init = slices.Concat(r.init...)
	var sidecars []compose.Group
	for _, g := range r.groups {
		if g.Own().Sidecar {
			sidecars = append(sidecars, g)
		} else {
			r.pod.Components = append(r.pod.Components, g...)
		}
	}
	r.pod.Init = append(r.pod.Init, slices.Concat(inOrder(sidecars)...)...)
}

// inOrder returns the groups in the order of their names, but each after those that it
// depends on. What depends on itself comes last; that it may not is told elsewhere.
func inOrder(groups []compose.Group) []compose.Group {
	left := slices.SortedFunc(slices.Values(groups), func(a, b compose.Group) int { return cmp.Compare(a.Own().Name, b.Own().Name) })
	var ordered []compose.Group
	for len(left) > 0 {
		next := max(0, slices.IndexFunc(left, func(g compose.Group) bool { return !dependsOn(g, left) }))
		ordered = append(ordered, left[next])
		left = slices.Delete(left, next, next+1)
	}
	return ordered
}

// dependsOn tells whether a group waits for another of the groups.
func dependsOn(g compose.Group, groups []compose.Group) bool {
	for _, on := range g.Own().DependsOn {
		for _, other := range groups {
			if other.Own() != g.Own() && find(other, on.Name) != nil {
				return true
			}
		}
	}
	return false
}
