package pod

import "slices"

// Dependants returns, for each component that others depend on, the names of those
// that do so directly, in order. They have to stop before it.
func Dependants(p Pod) map[string][]string {
	dependants := map[string][]string{}
	for _, c := range p.All() {
		for _, on := range c.DependsOn {
			dependants[on.Name] = append(dependants[on.Name], c.Name)
		}
	}
	for _, names := range dependants {
		slices.Sort(names)
	}
	return dependants
}

// All are the pod's components: Init in their order, then the others.
func (p Pod) All() []Component { return slices.Concat(p.Init, p.Components) }

// with returns p with every component changed, and p itself as it is.
func (p Pod) with(change func(*Component)) Pod {
	p.Init, p.Components = slices.Clone(p.Init), slices.Clone(p.Components)
	for _, some := range [][]Component{p.Init, p.Components} {
		for i := range some {
			change(&some[i])
		}
	}
	return p
}

// Component finds a component by its name.
func (p Pod) Component(name string) (Component, bool) {
	for _, some := range [][]Component{p.Init, p.Components} { // it is asked for often, and All copies
		for i := range some {
			if some[i].Name == name {
				return some[i], true
			}
		}
	}
	return Component{}, false
}

// IsInit reports whether a component is one of Init, a sidecar or not.
func (p Pod) IsInit(name string) bool {
	return slices.ContainsFunc(p.Init, func(c Component) bool { return c.Name == name })
}

// IsJob reports whether another component waits for this one's success: that it ends
// with 0 then ends nothing (Compose: service_completed_successfully).
func (p Pod) IsJob(name string) bool {
	for _, c := range p.All() {
		for _, on := range c.DependsOn {
			if on.Name == name && on.Condition == Completed {
				return true
			}
		}
	}
	return false
}

// runsToItsEnd reports whether a component is to end while the others go on: one of Init that
// is no sidecar, or a job.
func (p Pod) runsToItsEnd(c Component) bool {
	return p.IsInit(c.Name) && !c.Sidecar || p.IsJob(c.Name)
}

// together reports whether two components may run at the same time.
func (p Pod) together(one, other string) bool {
	return !p.endsBefore(one, other) && !p.endsBefore(other, one)
}

// endsBefore reports whether a component has ended for good when the other one starts: by the
// order of Init, or because that waits for its success, or for the start of one that does.
func (p Pod) endsBefore(name, other string) bool {
	at := slices.IndexFunc(p.Init, func(c Component) bool { return c.Name == name && !c.Sidecar })
	if at >= 0 {
		return !slices.ContainsFunc(p.Init[:at], func(c Component) bool { return c.Name == other })
	}
	return p.awaits(other, name, map[string]bool{})
}

// awaits reports whether a component starts only when the job has ended. Seen are those that
// were looked at.
func (p Pod) awaits(name, job string, seen map[string]bool) bool {
	c, _ := p.Component(name)
	seen[name] = true
	return slices.ContainsFunc(c.DependsOn, func(on Dependency) bool {
		return on.Name == job && on.Condition == Completed || !seen[on.Name] && p.awaits(on.Name, job, seen)
	})
}

// cycles returns the cycles that depends_on makes, each once and beginning with the
// first of its names. Where cycles share components, it returns at least one of them.
func cycles(p Pod) [][]string {
	s := search{edges: map[string][]string{}, done: map[string]bool{}}
	for _, c := range p.All() {
		for _, on := range c.DependsOn {
			s.edges[c.Name] = append(s.edges[c.Name], on.Name)
		}
	}
	for _, c := range p.All() {
		s.visit(c.Name)
	}
	return s.cycles
}

// A search follows dependencies, depth first.
type search struct {
	edges  map[string][]string
	path   []string        // from where it began to where it is
	done   map[string]bool // nothing more is to be found from here
	cycles [][]string
}

// visit follows all that name depends on, unless it has before.
func (s *search) visit(name string) {
	if i := slices.Index(s.path, name); i >= 0 {
		s.found(s.path[i:])
		return
	}
	if s.done[name] {
		return
	}
	s.path = append(s.path, name)
	for _, next := range s.edges[name] {
		s.visit(next)
	}
	s.path = s.path[:len(s.path)-1]
	s.done[name] = true
}

// found keeps the cycle, turned so that the first of its names leads, unless it is
// known already.
func (s *search) found(cycle []string) {
	first := slices.Index(cycle, slices.Min(cycle))
	cycle = slices.Concat(cycle[first:], cycle[:first])
	if !slices.ContainsFunc(s.cycles, func(known []string) bool { return slices.Equal(known, cycle) }) {
		s.cycles = append(s.cycles, cycle)
	}
}
