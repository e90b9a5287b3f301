package compose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
	"gopkg.in/yaml.v3"
)

// mostPorts is how many ports a range may have to be looked at.
const mostPorts = 1000

// listens are the ports on which the service says that its component listens: those it
// publishes, those it exposes, and those it has names for. What cannot be read says nothing.
func (s Service) listens() []string {
	var all []string
	for key, n := range s.keys() {
		for _, item := range n.Content {
			switch {
			case n.Kind != yaml.SequenceNode:
			case key.Value == "ports" && item.Kind == yaml.MappingNode:
				all = append(all, portRange(text(item, "target"), text(item, "protocol"))...)
			case key.Value == "ports":
				all = append(all, published(item.Value)...)
			case key.Value == "expose":
				ports, protocol, _ := strings.Cut(item.Value, "/")
				all = append(all, portRange(ports, protocol)...)
			}
		}
		if ports := child(n, "ports"); key.Value == extensionKey && ports != nil && ports.Kind == yaml.SequenceNode {
			for _, item := range ports.Content {
				all = append(all, portRange(text(item, "containerPort"), "")...)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// text is the value of a mapping's key if that is a scalar.
func text(n *yaml.Node, key string) string {
	if value := child(n, key); value != nil && value.Kind == yaml.ScalarNode {
		return value.Value
	}
	return ""
}

// published are the ports of the component in the short form of one that is published.
func published(short string) []string {
	configs, err := types.ParsePortConfig(short)
	if err != nil || len(configs) > mostPorts {
		return nil
	}
	var all []string
	for _, c := range configs {
		all = append(all, fmt.Sprintf("%d/%s", c.Target, c.Protocol))
	}
	return all
}

// portRange are the ports of one, or from one to another.
func portRange(given, protocol string) []string {
	from, to, isRange := strings.Cut(given, "-")
	first, err := strconv.ParseUint(from, 10, 16)
	last := first
	if isRange && err == nil {
		last, err = strconv.ParseUint(to, 10, 16)
	}
	if err != nil || last-first > mostPorts {
		return nil
	}
	if protocol == "" {
		protocol = "tcp"
	}
	var all []string
	for port := first; port <= last; port++ {
		all = append(all, fmt.Sprintf("%d/%s", port, protocol))
	}
	return all
}
