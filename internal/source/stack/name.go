package stack

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/labels"
)

// defaultNetwork is the one of a service that names none.
const defaultNetwork = "default"

// names warns of names of the pod's components that the service's networks know as well: in the
// pod they are 127.0.0.1, so that components do not reach what has them there. That its own
// service is called like a component is no news.
func (s *service) names(read labels.Reading) {
	own := networksOf(s.node)
	services := child(s.root, "services")
	for _, name := range read.Hosts {
		for pair := range slices.Chunk(services.Content, 2) {
			other := pair[0].Value
			if what := knownAs(name, other, networksOf(pair[1]), own, other == s.name); what != "" {
				s.known(read, name, what)
				break
			}
		}
	}
}

// knownAs is what another service, or the own one, is in the networks by that name, nothing if it
// has another one.
func knownAs(name, service string, networks, own map[string][]string, isOwn bool) string {
	for _, network := range slices.Sorted(maps.Keys(networks)) {
		_, shared := own[network]
		switch {
		case !shared:
		case !isOwn && strings.EqualFold(name, service):
			return "the service of the stack that is called so"
		case slices.ContainsFunc(networks[network], func(alias string) bool { return strings.EqualFold(name, alias) }):
			return fmt.Sprintf("the service %s, of which it is an alias in the network %s", service, network)
		}
	}
	return ""
}

// known warns of a name that the networks know, where its component is or else at the labels.
func (s *service) known(read labels.Reading, name, what string) {
	said := fmt.Sprintf("%s is %s in the pod, so that its components do not reach by that name %s; use another name, or set the label %s to false",
		name, pod.Loopback, what, pod.MakeKnown)
	if _, is := read.Component(name); is {
		s.findings = append(s.findings, s.finder.all(read.Locate(pod.Problems{pod.Problemf(pod.ComponentPrefix+name, "%s", said)}), nil)...)
		return
	}
	s.warnAt("labels", "labels", said)
}

// networksOf are those of a service, with its aliases in each.
func networksOf(service *yaml.Node) map[string][]string {
	all := map[string][]string{}
	list := child(service, "networks")
	switch {
	case list == nil || len(list.Content) == 0:
		all[defaultNetwork] = nil
	case list.Kind == yaml.SequenceNode:
		for _, item := range list.Content {
			all[item.Value] = nil
		}
	case list.Kind == yaml.MappingNode:
		for pair := range slices.Chunk(list.Content, 2) {
			var aliases []string
			if given := child(pair[1], "aliases"); given != nil {
				for _, item := range given.Content {
					aliases = append(aliases, item.Value)
				}
			}
			all[pair[0].Value] = aliases
		}
	}
	return all
}
