package labels

import (
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
)

// copies are what one label hands on to one component.
type copies struct {
	component string
	all       []pod.Copy
}

// forms of a copy label, for who got them wrong.
const forms = "write /source:/target, a list of those, or a mapping of /source: /target"

// copy reads the label of what is copied into the component.
func (r *reader) copy(component, text string) {
	place := pod.CopyPrefix + component
	node, problems := compose.Parse(place, text)
	r.problems = append(r.problems, problems...)
	if node == nil {
		return
	}
	c := copier{place: place}
	c.label(node)
	r.problems = append(r.problems, c.problems...)
	r.copies = append(r.copies, copies{component, c.all})
}

// attachCopies gives each component its copies, after those that it asks for itself.
func (r *reader) attachCopies() {
	for _, c := range r.copies {
		target := find(r.pod.Init, c.component)
		if target == nil {
			target = find(r.pod.Components, c.component)
		}
		if target == nil {
			r.noTarget(c.component)
			continue
		}
		target.Copies = append(target.Copies, c.all...)
	}
}

// find returns the component with the name, nil if there is none.
func find(components []pod.Component, name string) *pod.Component {
	i := slices.IndexFunc(components, func(c pod.Component) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &components[i]
}

// noTarget reports that the component of a copy is not there.
func (r *reader) noTarget(component string) {
	place := pod.CopyPrefix + component
	switch {
	case strings.HasPrefix(component, initPrefix):
		r.wrong(place, "there is no component %q; %s has %d; add one or correct the name", component, pod.InitComponents, len(r.init))
	case !r.hasFile:
		r.wrong(place, "there is no component %q; add %s%s or correct the name", component, pod.ComponentPrefix, component)
	case len(r.groups) > 0 && !r.file.Partial: // or else not all is known of the file
		r.wrong(place, "the Compose file has no service %q that is to run; add it or correct the name", component)
	}
}

// A copier reads one copy label.
type copier struct {
	place    string
	all      []pod.Copy
	problems pod.Problems
}

// label reads the whole label.
func (c *copier) label(n *yaml.Node) {
	switch n.Kind {
	case yaml.SequenceNode:
		for _, item := range n.Content {
			c.line(item)
		}
	case yaml.MappingNode:
		for pair := range slices.Chunk(n.Content, 2) {
			c.pair(pair[0], pair[1])
		}
	default:
		c.line(n)
	}
	if len(n.Content) == 0 && n.Kind != yaml.ScalarNode {
		c.wrong("%s copies nothing; %s", quote(n), forms)
	}
}

// line reads one source:target.
func (c *copier) line(n *yaml.Node) {
	source, target, found := strings.Cut(strings.TrimSpace(n.Value), ":")
	if !isText(n) || !found || strings.Contains(target, ":") {
		c.wrong("%s is not of the form /source:/target; %s", quote(n), forms)
		return
	}
	c.add(quote(n), source, target)
}

// pair reads one entry of a mapping.
func (c *copier) pair(source, target *yaml.Node) {
	entry := quote(source) + ": " + quote(target)
	if !isText(source) || !isText(target) {
		c.wrong("%s must have a path on either side; %s", entry, forms)
		return
	}
	c.add(entry, source.Value, target.Value)
}

// add keeps one copy, as it was written in from, if its paths are any good.
func (c *copier) add(from, source, target string) {
	source, target = strings.TrimSpace(source), strings.TrimSpace(target)
	switch {
	case source == "" || target == "":
		c.wrong("%s must have a path on either side; %s", from, forms)
	case !path.IsAbs(source):
		c.wrong("%s: the path %q in the supervisor must begin with /", from, source)
	case !path.IsAbs(target):
		c.wrong("%s: the path %q in the component must begin with /", from, target)
	default:
		c.all = append(c.all, pod.Copy{Source: source, Target: target})
	}
}

// wrong reports a problem with the label.
func (c *copier) wrong(format string, args ...any) {
	c.problems = append(c.problems, pod.Problemf(c.place, format, args...))
}

// isText tells whether n is a string, not a number, a date or nothing.
func isText(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!str" }

// quote shows what was written.
func quote(n *yaml.Node) string {
	var value any
	if err := n.Decode(&value); err != nil {
		return n.Value
	}
	return compose.Quote(value)
}
