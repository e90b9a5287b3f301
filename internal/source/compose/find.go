package compose

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
)

// A problem names the keys that lead to it, and quotes what is wrong. Here the node is found
// that it is about, in the YAML as it was written or as Parse returns it.

// Find goes from the value at n along a path, then to what said leads to, and returns the
// node that it has come to: a key, or an item of a list, nil if that is n and there is none.
func Find(n, value *yaml.Node, path []string, said string) *yaml.Node {
	n, value, left := walk(n, value, path)
	if left > 0 {
		return n
	}
	if n == nil && value != nil && value.Kind == yaml.ScalarNode && saysNode(said, value) {
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
			if key, below := entryOf(value, strings.Join(path[:words], "."), 0); key != nil {
				return walk(key, below, path[words:])
			}
		}
	case yaml.SequenceNode:
		return walkItems(n, value, path)
	}
	return n, value, len(path)
}

// walkItems goes along a path that leaves out which item of a list it is about, or, as
// that of an init component does, counts them from init-1 or pre-start-1 on.
func walkItems(n, list *yaml.Node, path []string) (last, at *yaml.Node, left int) {
	count := strings.TrimPrefix(strings.TrimPrefix(path[0], "init-"), "pre-start-")
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

// mostMerges is how far merge keys are followed. It stops those that merge themselves.
const mostMerges = 10

// entryOf finds a key of a mapping and its value, among what is merged into it too.
func entryOf(mapping *yaml.Node, name string, depth int) (key, value *yaml.Node) {
	for pair := range slices.Chunk(mapping.Content, 2) {
		if pair[0].Value == name || pod.Visible(pair[0].Value) == name {
			return pair[0], pair[1]
		}
	}
	for pair := range slices.Chunk(mapping.Content, 2) {
		if pair[0].ShortTag() != "!!merge" || depth == mostMerges {
			continue
		}
		for _, source := range mergedInto(target(pair[1])) {
			if key, value = entryOf(source, name, depth+1); key != nil {
				return key, value
			}
		}
	}
	return nil, nil
}

// mergedInto are the mappings that a merge key brings.
func mergedInto(n *yaml.Node) []*yaml.Node {
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
	quoted := slices.DeleteFunc(slices.Clone(value.Content), func(n *yaml.Node) bool { return !saysNode(said, n) })
	if len(quoted) == 0 && value.Kind == yaml.SequenceNode {
		quoted = slices.DeleteFunc(slices.Clone(value.Content), func(n *yaml.Node) bool { return !saysPart(said, n) })
	}
	if len(quoted) == 0 {
		return nil
	}
	return slices.MaxFunc(quoted, func(a, b *yaml.Node) int { return cmp.Compare(len(quoteNode(a)), len(quoteNode(b))) })
}

// saysPart tells whether what is said quotes a part of an item: of SOURCE:TARGET, or of
// NAME=value, or a value of a mapping.
func saysPart(said string, item *yaml.Node) bool {
	item = target(item)
	if item.Kind == yaml.MappingNode {
		return slices.ContainsFunc(item.Content, func(n *yaml.Node) bool {
			return n.Kind == yaml.ScalarNode && strings.Contains(said, quoteNode(n)) && strings.HasPrefix(quoteNode(n), `"`)
		})
	}
	name, _, isPair := strings.Cut(item.Value, "=")
	parts := strings.Split(item.Value, ":")
	return isPair && strings.Contains(said, Quote(name)) ||
		len(parts) > 1 && slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(said, Quote(p)) })
}

// saysNode tells whether a node is quoted in what is said. A quote that has no quotes or brackets of
// its own may be there by chance.
func saysNode(said string, n *yaml.Node) bool {
	return says(said, quoteNode(n)) || n.Kind == yaml.ScalarNode && n.Value != "" && says(said, Quote(n.Value))
}

// says tells whether a quote is in what is said.
func says(said, quote string) bool {
	if strings.HasSuffix(quote, `"`) || strings.HasSuffix(quote, "]") || strings.HasSuffix(quote, "}") || strings.HasSuffix(quote, "...") {
		return strings.Contains(said, quote)
	}
	rest, begins := strings.CutPrefix(said, quote)
	_, after, within := strings.Cut(said, "not "+quote)
	return begins && strings.HasPrefix(rest, " ") || within && (after == "" || strings.HasPrefix(after, ";"))
}

// quoteNode is a node as problems quote it, empty if it cannot be.
func quoteNode(n *yaml.Node) string {
	var value any
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" { // as which a number may be read
		return Quote(n.Value)
	}
	if n.Decode(&value) != nil {
		return ""
	}
	return Quote(value)
}
