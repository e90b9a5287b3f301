package pod

import (
	"slices"
	"strings"
)

// A listener is a component that listens on a port, by what its user says or, where that says
// nothing of ports, by what its image does.
type listener struct {
	name    string
	byImage bool
}

// Collisions tells, a port each, of components of p that listen on the same one at the same
// time, as far as their users say so: they share one network, so that only the first can.
//
// Exposed are the ports that the image of a component exposes, by the component's name. They
// count where nothing is said of the component's own, and only of what goes on running: a
// job may use the image of a server, and serves nothing. Where any is given, only collisions
// are told that cannot be seen without.
func Collisions(p Pod, exposed map[string][]string) (warnings Problems) {
	ports, listeners := listeners(p, exposed)
	for _, port := range ports {
		colliding := p.colliding(listeners[port])
		known := len(exposed) > 0 && !slices.ContainsFunc(colliding, func(l listener) bool { return l.byImage })
		if len(colliding) > 0 && !known {
			warnings = append(warnings, collision(port, colliding))
		}
	}
	return warnings
}

// listeners are who listens on a port, in the order of the pod, and all ports in that order.
func listeners(p Pod, exposed map[string][]string) (ports []string, by map[string][]listener) {
	by = map[string][]listener{}
	for _, c := range p.All() {
		all, byImage := c.Ports, false
		if len(all) == 0 && !p.runsToItsEnd(c) {
			all, byImage = exposed[c.Name], true
		}
		for _, port := range slices.Compact(slices.Sorted(slices.Values(all))) {
			if by[port] == nil {
				ports = append(ports, port)
			}
			by[port] = append(by[port], listener{c.Name, byImage})
		}
	}
	return ports, by
}

// colliding are those that may run while another one does.
func (p Pod) colliding(all []listener) []listener {
	return slices.DeleteFunc(slices.Clone(all), func(l listener) bool {
		return !slices.ContainsFunc(all, func(other listener) bool { return other.name != l.name && p.together(l.name, other.name) })
	})
}

// collision says of the second of them that the others listen on its port.
func collision(port string, all []listener) Problem {
	place, self, remedy := ComponentPrefix+all[1].name+": ports", port, "let one of them listen on another"
	var others []string
	for i, l := range all {
		name := l.name
		if l.byImage {
			name += " (by its image)"
			remedy = "let one of them listen on another, and name that in x-pod.ports"
		}
		if i != 1 {
			others = append(others, name)
		}
	}
	if all[1].byImage {
		place, self = ComponentPrefix+all[1].name+": image", port+", which it exposes,"
	}
	names := others[0]
	if last := len(others) - 1; last > 0 {
		names = strings.Join(others[:last], ", ") + " and " + others[last]
	}
	return Problemf(place, "%s is a port of %s, too, and the components of a pod share one network; %s", self, names, remedy)
}
