package compose

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/charset"
	"github.com/podlike/podlike/internal/pod"
)

// most is how many nodes a text may hold once its aliases are written out, and deepest
// how deep they may lie. They stop aliases of aliases of aliases, and of themselves, and
// are far above what anybody writes.
const (
	most    = 100_000
	deepest = 1_000
)

// Parse reads the YAML text that is at place. What it returns is plain: aliases
// and merge keys are written out, a key that is there twice is reported and left
// out, and every key, and what looks like a date, is text. It returns nil when the text cannot be
// read, which is a problem then, as an empty text is.
func Parse(place, text string) (*yaml.Node, pod.Problems) {
	all, problems := ParseAll(place, text)
	if len(all) > 1 {
		return nil, pod.Problems{pod.Problemf(place, "cannot be read: %sonly one YAML document may be here", at(all[1].Line))}
	}
	if len(all) == 0 {
		return nil, problems
	}
	return all[0], problems
}

// ParseAll is Parse for a text that may hold several documents, of which it leaves out those
// with nothing in them.
func ParseAll(place, text string) ([]*yaml.Node, pod.Problems) {
	documents, err := decode(text)
	if err != nil {
		return nil, pod.Problems{pod.Problemf(place, "cannot be read: %s", err)}
	}
	p := plainer{place: place, left: most}
	var roots []*yaml.Node
	for _, d := range documents {
		roots = append(roots, p.plain(d.Content[0]))
	}
	if p.left <= 0 {
		return nil, pod.Problems{pod.Problemf(place, "cannot be read: its aliases make it too large")}
	}
	return roots, p.problems
}

// decode reads the documents that text holds, of which there is at least one.
func decode(text string) ([]*yaml.Node, error) {
	if err := charset.Check([]byte(text)); err != nil {
		return nil, errors.New(flawOf(text, err).String())
	}
	var all []*yaml.Node
	for decoder := yaml.NewDecoder(bytes.NewReader([]byte(text))); ; {
		document := &yaml.Node{}
		err := decoder.Decode(document)
		switch {
		case errors.Is(err, io.EOF) && len(all) == 0:
			return nil, errors.New("there is nothing in it")
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, errors.New(flawOf(text, err).String())
		case len(document.Content) > 0 && !isEmpty(document.Content[0]):
			all = append(all, document)
		}
	}
}

// isEmpty tells whether a document has nothing in it, as after a --- at the end of a file.
func isEmpty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0 }

// A plainer writes out what YAML has to say things shorter.
type plainer struct {
	place    string
	problems pod.Problems
	left     int // how many more nodes there may be
	depth    int // of the node that is written out
}

// plain returns a copy of n without aliases, merge keys and keys that are there twice.
func (p *plainer) plain(n *yaml.Node) *yaml.Node {
	if p.depth++; p.depth > deepest {
		p.left = 0
	}
	defer func() { p.depth-- }()
	if p.left--; p.left <= 0 {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: n.Line}
	}
	if n.Kind == yaml.AliasNode {
		return p.plain(n.Alias)
	}
	c := &yaml.Node{Kind: n.Kind, Style: n.Style, Tag: n.Tag, Value: n.Value, Line: n.Line, Column: n.Column}
	switch n.Kind {
	case yaml.MappingNode:
		c.Content = p.entries(n)
	case yaml.SequenceNode:
		for _, item := range n.Content {
			c.Content = append(c.Content, p.plain(item))
		}
	case yaml.ScalarNode:
		if c.ShortTag() == "!!timestamp" {
			c.Tag = "!!str"
		}
	}
	return c
}

// entries are the keys and values of a mapping: its own, then those that are
// merged into it and not there yet.
func (p *plainer) entries(n *yaml.Node) []*yaml.Node {
	var own, merged []*yaml.Node
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if isMerge(n.Content[i]) {
			merged = append(merged, p.sources(n.Content[i+1])...)
			continue
		}
		key := p.plain(n.Content[i])
		key.Tag = "!!str" // as JSON has it, and compose-go
		line, twice := seen[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode:
			p.noKey(key)
		case twice:
			p.wrong(key, key.Value, "duplicate key; line %d has it already", line)
		default:
			seen[key.Value] = key.Line
			own = append(own, key, p.plain(n.Content[i+1]))
		}
	}
	for i := 0; i+1 < len(merged); i += 2 {
		if key := merged[i].Value; seen[key] == 0 {
			seen[key] = merged[i].Line
			own = append(own, merged[i], merged[i+1])
		}
	}
	return own
}

// noKey reports a key that is a list or a mapping, as {{ begins one.
func (p *plainer) noKey(key *yaml.Node) {
	if key.Kind == yaml.MappingNode {
		p.wrong(key, "", "a key must be plain text, and { begins a mapping; write a value that begins with {{ in quotes")
		return
	}
	p.wrong(key, "", "a key must be plain text")
}

// sources are the entries that a merge key brings: those of a mapping, or of
// each of a list of mappings.
func (p *plainer) sources(n *yaml.Node) []*yaml.Node {
	from := p.plain(n)
	if from.Kind == yaml.MappingNode {
		return from.Content
	}
	var all []*yaml.Node
	for _, source := range from.Content {
		if source.Kind != yaml.MappingNode {
			p.wrong(source, "<<", "only mappings can be merged")
		}
		all = append(all, source.Content...)
	}
	if from.Kind != yaml.SequenceNode {
		p.wrong(from, "<<", "only mappings can be merged")
	}
	return all
}

// wrong reports a problem with n, which is known as name.
func (p *plainer) wrong(n *yaml.Node, name, format string, args ...any) {
	p.problems = append(p.problems, pod.Problemf(join(p.place, at(n.Line)+name), format, args...))
}

// isMerge tells whether the key says that other mappings are to be merged in.
func isMerge(key *yaml.Node) bool { return key.Kind == yaml.ScalarNode && key.ShortTag() == "!!merge" }

// isExtension tells whether the key is one that Compose leaves to everybody else.
func isExtension(key string) bool { return strings.HasPrefix(key, "x-") }

// at says which line of its text something is on, where the text has several.
func at(line int) string {
	if line <= 1 {
		return ""
	}
	return fmt.Sprintf("line %d: ", line)
}

// yamlError is err without what only a programmer wants to know.
func yamlError(err error) string {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors:")
	return strings.Join(strings.Fields(text), " ")
}

// join is the place of what is at path within place.
func join(place, path string) string {
	return strings.TrimSuffix(place+": "+path, ": ")
}
