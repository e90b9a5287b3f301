package stack

import (
	"errors"
	"io"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/span"
)

// A document is a span and the YAML that it holds.
type document struct {
	span.Span
	// roots are its documents as they were written, with aliases and merge keys. None: it is
	// no YAML.
	roots []*yaml.Node
	// start is where all of it is said to be.
	start Position
	// shown is what a place in it begins with for the user, nothing if its file says it all.
	shown  string
	broken bool // it is no YAML
	// env: lines of NAME=value, and no YAML at all.
	env bool
}

// read reads the YAML of a span.
func read(p span.Span) document {
	d := document{Span: p, start: p.Begin(1)}
	for decoder := yaml.NewDecoder(strings.NewReader(string(p.Text))); ; {
		var n yaml.Node
		switch err := decoder.Decode(&n); {
		case errors.Is(err, io.EOF):
			return d
		case err != nil:
			d.broken, d.roots = true, nil
			return d
		case len(n.Content) > 0:
			d.roots = append(d.roots, n.Content[0])
		}
	}
}

// where finds what is said of a path. A line is that of one of the path's keys, or 0
// if it is not known; then the deepest node counts that there is. What is said there
// may quote an entry of it, or begin with a path of its own, and leads on to there.
func (d document) where(line int, path []string, said string) Position {
	found := d.find(line, path, said)
	if line > 0 && (found == nil || found.Line != line) {
		key, value, rest := d.onLine(line, path)
		if key == nil {
			return d.Begin(line)
		}
		found = compose.Find(key, value, rest, said)
	}
	if found == nil {
		return d.start
	}
	return d.Position(found.Line, found.Column)
}

// find goes along a path in each of the documents, and prefers what it finds on the line.
func (d document) find(line int, path []string, said string) (found *yaml.Node) {
	for _, root := range d.roots {
		in := compose.Find(nil, root, path, said)
		if found == nil || in != nil && in.Line == line {
			found = in
		}
	}
	return found
}

// onLine finds the key of the path that stands on a line, its value, and the path's rest.
func (d document) onLine(line int, path []string) (key, value *yaml.Node, rest []string) {
	for from := range path {
		for to := len(path); to > from; to-- {
			for _, root := range d.roots {
				if key, value = keyOn(root, line, strings.Join(path[from:to], ".")); key != nil {
					return key, value, path[to:]
				}
			}
		}
	}
	return nil, nil, nil
}

// keyOn is the first key below n of that name and on that line, and its value.
func keyOn(n *yaml.Node, line int, name string) (key, value *yaml.Node) {
	for i, below := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && below.Line == line && pod.Visible(below.Value) == name {
			return below, n.Content[i+1]
		}
		if key, value = keyOn(below, line, name); key != nil {
			return key, value
		}
	}
	return nil, nil
}
