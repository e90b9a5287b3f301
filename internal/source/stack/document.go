package stack

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/source/compose"
)

// A document is a passage and the YAML that it holds.
type document struct {
	passage
	// root is as it was written, with aliases and merge keys. Nil: it is no YAML.
	root *yaml.Node
	// start is where all of it is said to be.
	start Position
	// shown is what a place in it begins with for the user, nothing if its file says it all.
	shown string
	// env: lines of NAME=value, and no YAML at all.
	env bool
}

// read reads the YAML of a passage.
func read(p passage) document {
	d := document{passage: p, start: p.begin(1)}
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(string(p.text)), &n); err == nil && len(n.Content) > 0 {
		d.root = n.Content[0]
	}
	return d
}

// where finds what is said of a path. A line is that of one of the path's keys, or 0
// if it is not known; then the deepest node counts that there is. What is said there
// may quote an entry of it, or begin with a path of its own, and leads on to there.
func (d document) where(line int, path []string, said string) Position {
	var found *yaml.Node
	if line > 0 {
		key, value, rest := d.onLine(line, path)
		if key == nil {
			return d.begin(line)
		}
		found = follow(key, value, rest, said)
	} else {
		found = follow(nil, d.root, path, said)
	}
	if found == nil {
		return d.start
	}
	return d.position(found.Line, found.Column)
}

// onLine finds the key of the path that stands on a line, its value, and the path's rest.
func (d document) onLine(line int, path []string) (key, value *yaml.Node, rest []string) {
	if d.root == nil {
		return nil, nil, nil
	}
	for from := range path {
		for to := len(path); to > from; to-- {
			if key, value = keyOn(d.root, line, strings.Join(path[from:to], ".")); key != nil {
				return key, value, path[to:]
			}
		}
	}
	return nil, nil, nil
}

// keyOn is the first key below n of that name and on that line, and its value.
func keyOn(n *yaml.Node, line int, name string) (key, value *yaml.Node) {
	for i, below := range n.Content {
		if n.Kind == yaml.MappingNode && i%2 == 0 && below.Line == line && below.Value == name {
			return below, n.Content[i+1]
		}
		if key, value = keyOn(below, line, name); key != nil {
			return key, value
		}
	}
	return nil, nil
}

// follow goes from the value at n along a path, then to what said leads to, and
// returns the node that it has come to.
func follow(n, value *yaml.Node, path []string, said string) *yaml.Node {
	n, value, left := walk(n, value, path)
	if left > 0 {
		return n
	}
	if n == nil && value != nil && value.Kind == yaml.ScalarNode && says(said, quote(value)) {
		return value
	}
	n, value = lead(n, value, said)
	if quoted := entryIn(value, said); quoted != nil {
		n, _ = lead(quoted, quoted, said)
	}
	return n
}

// lead goes along the path that said begins with, if all of it is there.
func lead(n, value *yaml.Node, said string) (*yaml.Node, *yaml.Node) {
	first, _, _ := strings.Cut(said, " ")
	if to, at, left := walk(n, value, strings.Split(strings.TrimSuffix(first, ":"), ".")); left == 0 {
		return to, at
	}
	return n, value
}

// walk goes from the value at n along a path. It returns the last key or item, its
// value, and how much of the path is left.
func walk(n, value *yaml.Node, path []string) (last, at *yaml.Node, left int) {
	value = target(value)
	if value == nil || len(path) == 0 {
		return n, value, len(path)
	}
	switch value.Kind {
	case yaml.MappingNode:
		for words := len(path); words > 0; words-- { // a key may have dots
			if key, below := entry(value, strings.Join(path[:words], "."), 0); key != nil {
				return walk(key, below, path[words:])
			}
		}
	case yaml.SequenceNode:
		return walkItems(n, value, path)
	}
	return n, value, len(path)
}

// walkItems goes along a path that leaves out which item of a list it is about, or, as
// that of an init component does, counts them from init-1 on.
func walkItems(n, list *yaml.Node, path []string) (last, at *yaml.Node, left int) {
	count, _ := strings.CutPrefix(path[0], "init-")
	if i, err := strconv.Atoi(count); err == nil && i > 0 && i <= len(list.Content) {
		return walk(list.Content[i-1], list.Content[i-1], path[1:])
	}
	last, at, left = n, list, len(path)
	for _, item := range list.Content {
		if name, _, _ := strings.Cut(item.Value, "="); item.Kind == yaml.ScalarNode && name == strings.Join(path, ".") {
			return item, item, 0
		}
		if target(item).Kind != yaml.MappingNode {
			continue
		}
		if to, below, rest := walk(item, item, path); rest < left {
			last, at, left = to, below, rest
		}
	}
	return last, at, left
}

// target is the node itself, or what it is an alias of.
func target(n *yaml.Node) *yaml.Node {
	if n != nil && n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// deepest is how far merge keys are followed. It stops those that merge themselves.
const deepest = 10

// entry finds a key of a mapping and its value, among what is merged into it too.
func entry(mapping *yaml.Node, name string, depth int) (key, value *yaml.Node) {
	for pair := range slices.Chunk(mapping.Content, 2) {
		if pair[0].Value == name {
			return pair[0], pair[1]
		}
	}
	for pair := range slices.Chunk(mapping.Content, 2) {
		if pair[0].ShortTag() != "!!merge" || depth == deepest {
			continue
		}
		for _, source := range sources(target(pair[1])) {
			if key, value = entry(source, name, depth+1); key != nil {
				return key, value
			}
		}
	}
	return nil, nil
}

// sources are the mappings that a merge key brings.
func sources(n *yaml.Node) []*yaml.Node {
	all := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		all = n.Content
	}
	var mappings []*yaml.Node
	for _, one := range all {
		if one = target(one); one.Kind == yaml.MappingNode {
			mappings = append(mappings, one)
		}
	}
	return mappings
}

// entryIn is the entry of a list or a mapping that is quoted in what is said, the
// longest if there are several.
func entryIn(value *yaml.Node, said string) *yaml.Node {
	if value == nil || value.Kind == yaml.ScalarNode {
		return nil
	}
	quoted := slices.DeleteFunc(slices.Clone(value.Content), func(n *yaml.Node) bool { return !says(said, quote(n)) })
	if len(quoted) == 0 {
		return nil
	}
	return slices.MaxFunc(quoted, func(a, b *yaml.Node) int { return cmp.Compare(len(quote(a)), len(quote(b))) })
}

// says tells whether a quote is in what is said. One that has no quotes or brackets of
// its own may be there by chance.
func says(said, quote string) bool {
	if strings.HasSuffix(quote, `"`) || strings.HasSuffix(quote, "]") || strings.HasSuffix(quote, "}") || strings.HasSuffix(quote, "...") {
		return strings.Contains(said, quote)
	}
	rest, begins := strings.CutPrefix(said, quote)
	_, after, within := strings.Cut(said, "not "+quote)
	return begins && strings.HasPrefix(rest, " ") || within && (after == "" || strings.HasPrefix(after, ";"))
}

// quote is a node as problems quote it, empty if it cannot be.
func quote(n *yaml.Node) string {
	var value any
	if n.Decode(&value) != nil {
		return ""
	}
	return compose.Quote(value)
}
