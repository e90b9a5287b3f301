package tree

import (
	"bytes"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/source"
)

// Write is the value as YAML: in blocks but for what was written in brackets, and the same
// bytes for the same value.
func Write(v *Value) ([]byte, error) {
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	if err := e.Encode(node(v)); err != nil {
		return nil, fmt.Errorf("cannot write YAML: %w", err)
	}
	if err := e.Close(); err != nil {
		return nil, fmt.Errorf("cannot write YAML: %w", err)
	}
	return text.Bytes(), nil
}

// node is the value as the encoder wants it.
func node(v *Value) *yaml.Node {
	if v == nil {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Value: "null"}
	}
	n := &yaml.Node{Style: v.Style}
	switch v.Kind {
	case Mapping:
		n.Kind, n.Tag = yaml.MappingNode, "!!map"
		for _, e := range v.Entries {
			n.Content = append(n.Content, node(NewText(e.Key, Origin{})), node(e.Value))
		}
	case List:
		n.Kind, n.Tag = yaml.SequenceNode, "!!seq"
		for _, item := range v.Items {
			n.Content = append(n.Content, node(item))
		}
	default:
		n.Kind, n.Tag, n.Value = yaml.ScalarNode, v.Tag, v.Text
		if v.Tag != "!!str" {
			n.Style = 0
		}
		if v.Style == yaml.FoldedStyle { // which would not come back as it was
			n.Style = 0
		}
		if v.Tag == "!!str" && n.Style == 0 && strings.Contains(v.Text, "\n") {
			n.Style = yaml.LiteralStyle
		}
		if n.Style == yaml.LiteralStyle && (strings.TrimLeft(v.Text, " \n\t") != v.Text || strings.ContainsAny(v.Text, "\r\u0085\u2028\u2029\uFEFF")) {
			n.Style = yaml.DoubleQuotedStyle // for a block that begins with white space does not come back as it was
		}
	}
	return n
}

// Block is text that is written in lines below its key.
func Block(text string, at Origin) *Value {
	return &Value{Text: text, Tag: "!!str", Style: yaml.LiteralStyle, At: at}
}

// Plain is the value as text/template and JSON know it: nil, bool, int, float64, string, []any
// and map[string]any. A number that would not come back as it was written is its text.
func (v *Value) Plain() any {
	switch {
	case v == nil:
		return nil
	case v.Kind == Mapping:
		all := map[string]any{}
		for _, e := range v.Entries {
			all[e.Key] = e.Value.Plain()
		}
		return all
	case v.Kind == List:
		all := []any{}
		for _, item := range v.Items {
			all = append(all, item.Plain())
		}
		return all
	}
	return v.scalar()
}

// scalar is the value of one.
func (v *Value) scalar() any {
	var value any
	n := yaml.Node{Kind: yaml.ScalarNode, Tag: v.Tag, Value: v.Text}
	if v.Tag == "!!str" || n.Decode(&value) != nil {
		return v.Text
	}
	switch value.(type) {
	case nil, bool:
		return value
	}
	if fmt.Sprint(value) != v.Text {
		return v.Text
	}
	switch value := value.(type) {
	case int, float64:
		return value
	}
	return v.Text
}

// Of is the value of what Plain returns.
func Of(value any, at Origin) (*Value, error) {
	var n yaml.Node
	if err := n.Encode(value); err != nil {
		return nil, fmt.Errorf("cannot write YAML: %w", err)
	}
	v := (&parser{position: func(int, int) source.Position { return at.Position }, left: most}).value(&n)
	v.place(at)
	return v, nil
}

// place has all of the value be written at one place.
func (v *Value) place(at Origin) {
	v.At = at
	for _, item := range v.Items {
		item.place(at)
	}
	for i := range v.Entries {
		v.Entries[i].At = at
		v.Entries[i].Value.place(at)
	}
}
