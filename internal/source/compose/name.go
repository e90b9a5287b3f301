package compose

import (
	"cmp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
)

// A Compose file has its services find each other by name: by that of the service, its
// container_name, its hostname, its aliases in networks, and what links call it. In a pod
// all of them are one address.

// naming tells what a key of a Compose file does that names the service, and nothing else
// in a pod: where that is not all that it says, what is different.
func naming(key string, value any) (different string, is bool) {
	said, _ := value.(string)
	wrong := pod.NoHostName(said) != "" // which is told
	switch key {
	case "links":
		return "", true
	case "container_name", "hostname":
		if wrong {
			return "", said != ""
		}
		but := "the container's name is made of the supervisor's and the component's"
		if key == "hostname" {
			but = "the component's own host name is the pod's, which is the service's"
		}
		return "components find it at " + pod.Loopback + ", but " + but, true
	case "networks":
		networks, _ := value.(map[string]any)
		for _, one := range networks {
			if settings, _ := one.(map[string]any); settings["aliases"] != nil {
				return "of it only the aliases make sense in a pod, where components find them at " + pod.Loopback + "; " + onService, true
			}
		}
	}
	return "", false
}

// linked are a service's dependencies with those on services that it shares namespaces with
// and, where names count, has links to, which start before it (Compose: links, network_mode,
// pid, ipc).
func linked(on []pod.Dependency, service *yaml.Node, named bool) []pod.Dependency {
	depend := func(name string, optional bool) {
		if !slices.ContainsFunc(on, func(d pod.Dependency) bool { return d.Name == name }) {
			on = append(on, pod.Dependency{Name: name, Condition: pod.Started, Optional: optional})
		}
	}
	for _, key := range []string{"network_mode", "pid", "ipc"} {
		if name, is := strings.CutPrefix(text(service, key), "service:"); is {
			depend(name, false)
		}
	}
	if named {
		for _, l := range linksOf(child(service, "links")) {
			depend(l.to, true)
		}
	}
	return on
}

// A link is one of a service to another.
type link struct {
	to, alias string // the alias may be empty
}

// linksOf are those of a list.
func linksOf(list *yaml.Node) (all []link) {
	for _, item := range textsOf(list) {
		to, alias, _ := strings.Cut(item, ":")
		all = append(all, link{to, alias})
	}
	return all
}

// textsOf are the texts of a list, without what is empty.
func textsOf(list *yaml.Node) (all []string) {
	if list == nil || list.Kind != yaml.SequenceNode {
		return nil
	}
	for _, item := range list.Content {
		if isWritten(item) && item.Value != "" {
			all = append(all, item.Value)
		}
	}
	return all
}

// A called is a name of a service, and the key that says it.
type called struct{ name, by string }

// names are those by which others find the service.
func (s *service) names() []called {
	all := []called{{name: s.name}}
	node := s.definition().Node
	for _, key := range []string{"container_name", "hostname"} {
		if name := text(node, key); name != "" {
			all = append(all, called{name, key})
		}
	}
	if hooks := child(node, "pre_start"); hooks != nil {
		for _, hook := range hooks.Content {
			if name := text(hook, "hostname"); name != "" {
				all = append(all, called{name, "pre_start"})
			}
		}
	}
	networks := child(node, "networks")
	for i := 1; networks != nil && networks.Kind == yaml.MappingNode && i < len(networks.Content); i += 2 {
		for _, alias := range textsOf(child(networks.Content[i], "aliases")) {
			all = append(all, called{alias, "networks." + networks.Content[i-1].Value + ".aliases"})
		}
	}
	return all
}

// name finds out by which names the components find each other.
func (f *File) name() {
	for _, g := range f.Groups {
		s := f.services[g.Own().Name]
		all := s.names()
		for _, l := range linksOf(child(s.definition().Node, "links")) {
			switch {
			case !slices.ContainsFunc(f.Groups, func(g Group) bool { return g.Own().Name == l.to }):
				f.Warnings = append(f.Warnings, pod.Problemf(pod.ComponentPrefix+s.name+": links",
					"%s is none of the pod's components, so that %s names nobody; leave it out", Quote(l.to), Quote(cmp.Or(l.alias, l.to))))
			case l.alias != "":
				all = append(all, called{l.alias, "links"})
			}
		}
		for _, c := range all {
			if why := pod.NoHostName(c.name); why != "" {
				f.Warnings = append(f.Warnings, pod.Problemf(join(pod.ComponentPrefix+s.name, c.by), "%s %s; no component finds another by it", Quote(c.name), why))
				continue
			}
			f.Hosts = append(f.Hosts, c.name)
		}
	}
	slices.Sort(f.Hosts)
	f.Hosts = slices.Compact(f.Hosts)
}
