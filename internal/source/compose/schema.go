package compose

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/compose-spec/compose-go/v2/loader"
	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/compose-spec/compose-go/v2/tree"
	"github.com/compose-spec/compose-go/v2/types"
	"gopkg.in/yaml.v3"
)

// A definition is one part of compose-go's schema, as far as it says what a place holds.
type definition struct {
	Ref                  string                 `json:"$ref"`
	Type                 jsonTypes              `json:"type"`
	Properties           map[string]*definition `json:"properties"`
	PatternProperties    map[string]*definition `json:"patternProperties"`
	AdditionalProperties schemaOrFlag           `json:"additionalProperties"`
	Required             []string               `json:"required"`
	Items                *definition            `json:"items"`
	OneOf                []*definition          `json:"oneOf"`
	AnyOf                []*definition          `json:"anyOf"`
	AllOf                []*definition          `json:"allOf"`
}

// jsonTypes are the types that a value may have: the schema has one name or a list of them.
type jsonTypes []string

// UnmarshalJSON reads either.
func (t *jsonTypes) UnmarshalJSON(text []byte) error {
	if json.Unmarshal(text, (*[]string)(t)) == nil {
		return nil
	}
	*t = jsonTypes{""}
	return json.Unmarshal(text, &(*t)[0])
}

// schemaOrFlag is a definition, or nil where the schema has true or false in place of one.
type schemaOrFlag struct{ *definition }

// UnmarshalJSON reads a definition.
func (s *schemaOrFlag) UnmarshalJSON(text []byte) error {
	if text[0] == '{' {
		return json.Unmarshal(text, &s.definition)
	}
	return nil
}

// definitions are all of the schema, by name. The schema is compose-go's own constant.
var definitions = sync.OnceValue(func() map[string]*definition {
	var root struct {
		Defs map[string]*definition `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(schema.Schema), &root); err != nil {
		panic("cannot read the schema of compose-go: " + err.Error())
	}
	return root.Defs
})

// pairsDefinition is what the schema calls a mapping that may as well be a list of name=value.
const pairsDefinition = "list_or_dict"

// A shape is what may be at one place of a service: any of several definitions.
type shape []*definition

// serviceShape is that of a whole service.
func serviceShape() shape { return shapeOf(&definition{Ref: "#/$defs/service"}) }

// shapeOf resolves a definition into those that it refers to and is put together from.
func shapeOf(d *definition) shape {
	if d == nil {
		return nil
	}
	all := shape{d}
	if name, refers := strings.CutPrefix(d.Ref, "#/$defs/"); refers {
		all = append(all, shapeOf(definitions()[name])...)
	}
	for _, part := range slices.Concat(d.OneOf, d.AnyOf, d.AllOf) {
		all = append(all, shapeOf(part)...)
	}
	return all
}

// at is the shape of what a mapping has under a key.
func (s shape) at(key string) shape {
	var below shape
	for _, d := range s {
		known, patterns := d.Properties[key], maps.Clone(d.PatternProperties)
		maps.DeleteFunc(patterns, func(pattern string, _ *definition) bool {
			matched, _ := regexp.MatchString(pattern, key)
			return !matched
		})
		switch {
		case known != nil:
			below = append(below, shapeOf(known)...)
		case len(patterns) > 0:
			for _, pattern := range slices.Sorted(maps.Keys(patterns)) {
				below = append(below, shapeOf(patterns[pattern])...)
			}
		default:
			below = append(below, shapeOf(d.AdditionalProperties.definition)...)
		}
	}
	return below
}

// items is the shape of each item of a list. Those of a list of name=value have none:
// what is no such pair is a mistake.
func (s shape) items() shape {
	var below shape
	for _, d := range s {
		if d.Ref == "#/$defs/"+pairsDefinition {
			return nil
		}
		below = append(below, shapeOf(d.Items)...)
	}
	return below
}

// keys are those that a mapping may have at a path below, which leaves out the items of lists.
func (s shape) keys(path string) []string {
	for _, key := range strings.Split(path, ".") {
		below := s.at(key)
		if below == nil {
			below = s.items().at(key)
		}
		s = below
	}
	var keys []string
	for _, d := range append(s, s.items()...) {
		keys = slices.AppendSeq(keys, maps.Keys(d.Properties))
	}
	return keys
}

// has tells whether the place may hold a value of one of the types.
func (s shape) has(types ...string) bool {
	return slices.ContainsFunc(s, func(d *definition) bool {
		return slices.ContainsFunc(d.Type, func(t string) bool { return slices.Contains(types, t) })
	})
}

// isText tells whether the place holds text and no other kind of scalar.
func (s shape) isText() bool { return s.has("string") && !s.has("number", "integer", "boolean") }

// asWritten makes text of the numbers and booleans below n that are written without quotes
// where only text may be: user: 1000 is the user "1000". Docker compose refuses them;
// Podlike took them.
func asWritten(n *yaml.Node, s shape) {
	switch n.Kind {
	case yaml.MappingNode:
		for pair := range slices.Chunk(n.Content, 2) {
			asWritten(pair[1], s.at(pair[0].Value))
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			asWritten(item, s.items())
		}
	case yaml.ScalarNode:
		if isScalar(n) && isPlain(n) && s.isText() {
			n.Tag = "!!str"
		}
	}
}

// isPlain tells whether a scalar has no tag of its own, such as !!int.
func isPlain(n *yaml.Node) bool { return n.Style&yaml.TaggedStyle == 0 }

// casts are compose-go's own: what it makes of text where it wants numbers and booleans.
var casts = sync.OnceValue(func() map[tree.Path]func(string) (any, error) {
	all := map[tree.Path]func(string) (any, error){}
	for path, cast := range loader.ToOptions(&types.ConfigDetails{}, nil).Interpolate.TypeCastMapping {
		all[path] = cast
	}
	return all
})

// cast returns v, which is at path, with the text in it as the numbers and booleans that
// compose-go makes of it. Text that is none stays, for the schema to refuse.
func cast(path tree.Path, v any) any {
	switch v := v.(type) {
	case string:
		for pattern, cast := range casts() {
			if path.Matches(pattern) {
				if value, err := cast(v); err == nil {
					return value
				}
			}
		}
	case []any:
		for i := range v {
			v[i] = cast(path.Next(tree.PathMatchList), v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = cast(path.Next(key), v[key])
		}
	}
	return v
}
