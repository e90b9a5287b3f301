package tree

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/charset"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/span"
)

// most is how many values a text may hold once its aliases are written out, and deepest how
// deep they may lie.
const (
	most    = 100_000
	deepest = 500
)

// Parse reads the one YAML document that a text holds, written by the template from. It is nil
// where there is none, which is no problem. With a Finding it is as much as could be read.
func Parse(text span.Span, from string) (*Value, []source.Finding) {
	p := parser{text: text, position: text.Positions(), from: from, left: most}
	root := p.document()
	if root == nil {
		return nil, p.findings
	}
	v := p.value(root)
	if p.left <= 0 {
		p.wrong(root, "", "its aliases make it too large")
		return nil, p.findings
	}
	return v, p.findings
}

// A parser reads one text.
type parser struct {
	text     span.Span
	position func(line, column int) source.Position
	from     string
	left     int // how many more values there may be
	depth    int
	findings []source.Finding
}

// document is the root of the text's one document.
func (p *parser) document() *yaml.Node {
	text := string(p.text.Text)
	err := charset.Check([]byte(text))
	decoder := yaml.NewDecoder(strings.NewReader(text))
	var root *yaml.Node
	for err == nil {
		var n yaml.Node
		if err = decoder.Decode(&n); err != nil || len(n.Content) == 0 || isEmpty(n.Content[0]) {
			continue
		}
		if root != nil {
			p.wrong(n.Content[0], "", "only one YAML document may be here, for docker stack deploy reads no other")
			return nil
		}
		root = n.Content[0]
	}
	if errors.Is(err, io.EOF) {
		return root
	}
	line, column, what := compose.Flaw(text, err)
	at := p.text.Begin(line)
	if column > 0 {
		at = p.position(line, column)
	}
	p.findings = append(p.findings, source.Finding{Position: at, Problem: pod.Problemf("", "cannot be read: %s", what)})
	return nil
}

// isEmpty tells whether a document has nothing in it.
func isEmpty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0 }

// at is where a node was written.
func (p *parser) at(n *yaml.Node) Origin {
	return Origin{Position: p.position(n.Line, n.Column), From: p.from}
}

// wrong reports a problem with n.
func (p *parser) wrong(n *yaml.Node, place, format string, args ...any) {
	p.findings = append(p.findings, source.Finding{Position: p.at(n).Position, Problem: pod.Problemf(place, "%s", fmt.Sprintf(format, args...))})
}

// value is a node without aliases and merge keys.
func (p *parser) value(n *yaml.Node) *Value {
	if p.depth++; p.depth > deepest {
		p.left = 0
	}
	defer func() { p.depth-- }()
	if p.left--; p.left <= 0 {
		return &Value{Tag: "!!null"}
	}
	if n.Kind == yaml.AliasNode {
		return p.value(n.Alias)
	}
	v := &Value{At: p.at(n), Style: n.Style &^ yaml.TaggedStyle}
	if tag := Mark(n.Tag); tag == Override || tag == Reset {
		v.Mark = tag
		plain := *n
		plain.Tag, plain.Style = "", v.Style
		n = &plain
	}
	switch n.Kind {
	case yaml.MappingNode:
		v.Kind, v.Entries = Mapping, p.entries(n)
	case yaml.SequenceNode:
		v.Kind = List
		for _, item := range n.Content {
			v.Items = append(v.Items, p.value(item))
		}
	default:
		v.Text, v.Tag = n.Value, p.tag(n)
	}
	return v
}

// tag is what a scalar is. What looks like a date is text, as people mean it.
func (p *parser) tag(n *yaml.Node) string {
	switch tag := n.ShortTag(); tag {
	case "!!str", "!!int", "!!float", "!!bool", "!!null":
		return tag
	case "!!timestamp", "!!binary", "!!merge":
		return "!!str"
	default:
		p.wrong(n, "", "there is no tag %s; known are !override and !reset", tag)
		return "!!str"
	}
}

// entries are those of a mapping: its own, then those that are merged into it and not there.
func (p *parser) entries(n *yaml.Node) []Entry {
	var own, merged []Entry
	seen := map[string]int{}
	for pair := range slices.Chunk(n.Content, 2) {
		key := target(pair[0])
		switch line, twice := seen[key.Value]; {
		case key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge":
			merged = append(merged, p.merged(pair[1])...)
		case key.Kind == yaml.MappingNode:
			p.wrong(key, "", "a key must be plain text, and { begins a mapping; write a value that begins with {{ in quotes")
		case key.Kind != yaml.ScalarNode:
			p.wrong(key, "", "a key must be plain text")
		case twice:
			p.wrong(key, key.Value, "duplicate key; line %d has it already", line)
		default:
			seen[key.Value] = p.at(key).Line
			own = append(own, Entry{Key: key.Value, At: p.at(pair[0]), Value: p.value(pair[1])})
		}
	}
	for _, e := range merged {
		if seen[e.Key] == 0 {
			seen[e.Key] = e.At.Line
			own = append(own, e)
		}
	}
	return own
}

// target is the node itself, or what it is an alias of.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// merged are the entries that a merge key brings.
func (p *parser) merged(n *yaml.Node) []Entry {
	v := p.value(n)
	all := []*Value{v}
	if v.Kind == List {
		all = v.Items
	}
	var entries []Entry
	for _, one := range all {
		if one.Kind != Mapping {
			p.wrong(n, "<<", "only mappings can be merged")
			continue
		}
		entries = append(entries, one.Entries...)
	}
	return entries
}
