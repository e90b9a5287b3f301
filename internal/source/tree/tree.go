// Package tree holds YAML as values that remember where they were written, so that what many
// files and templates were merged into can still say of each piece whose it is. It does not
// know what any key means.
package tree

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/source"
)

// Kind is the form of a Value.
type Kind int

// The forms there are. Null is a scalar.
const (
	Scalar Kind = iota
	List
	Mapping
)

// Mark is what a value says of those that it is merged with (Compose: merge, custom tags).
type Mark string

// The marks there are. No mark: it is merged.
const (
	Override Mark = "!override" // it stands in their place
	Reset    Mark = "!reset"    // there is none, whatever they say
)

// An Origin is where something was written, and by which template.
type Origin struct {
	source.Position
	// From says which template it was, such as "templates[1]". Empty: it is the user's own.
	From string
}

// A Value is a piece of YAML without aliases and merge keys.
type Value struct {
	Kind Kind
	Mark Mark
	At   Origin

	Text string // of a Scalar
	// Tag is that of a Scalar, such as !!str.
	Tag   string
	Style yaml.Style
	// Chars are where the characters of Text are from, if that is more than one place.
	Chars []source.Position

	Items   []*Value // of a List
	Entries []Entry  // of a Mapping, in their order
	// Lost are what merging has decided against in favour of this one, for who asks.
	Lost []*Value
}

// An Entry is one key of a mapping.
type Entry struct {
	Key   string
	At    Origin
	Value *Value
}

// NewMapping is one without entries.
func NewMapping(at Origin) *Value { return &Value{Kind: Mapping, At: at} }

// NewText is a scalar that is text, whatever it looks like.
func NewText(text string, at Origin) *Value {
	v := &Value{Text: text, Tag: "!!str", At: at}
	if ambiguous(text) {
		v.Style = yaml.DoubleQuotedStyle
	}
	return v
}

// NewList is a list of text.
func NewList(texts []string, at Origin) *Value {
	v := &Value{Kind: List, At: at}
	for _, text := range texts {
		v.Items = append(v.Items, NewText(text, at))
	}
	return v
}

// ambiguous tells whether readers of older YAML take the text for something else.
func ambiguous(text string) bool {
	switch strings.ToLower(text) {
	case "y", "n", "yes", "no", "on", "off":
		return true
	}
	return strings.ContainsAny(text, ":") && strings.Trim(text, "0123456789:.+-_") == ""
}

// IsNull tells whether nothing was written. Nil is nothing, too.
func (v *Value) IsNull() bool { return v == nil || v.Kind == Scalar && v.Tag == "!!null" }

// IsText tells whether it is a scalar with something in it.
func (v *Value) IsText() bool { return v != nil && v.Kind == Scalar && v.Tag != "!!null" }

// Get is the value of a mapping's key, nil if it has none.
func (v *Value) Get(path ...string) *Value {
	for _, key := range path {
		e := v.Entry(key)
		if e == nil {
			return nil
		}
		v = e.Value
	}
	return v
}

// Entry is the one with the key, nil if there is none.
func (v *Value) Entry(key string) *Entry {
	if v == nil || v.Kind != Mapping {
		return nil
	}
	i := slices.IndexFunc(v.Entries, func(e Entry) bool { return e.Key == key })
	if i < 0 {
		return nil
	}
	return &v.Entries[i]
}

// Set gives a key of a mapping a value. The key is where it was, or comes last.
func (v *Value) Set(key string, at Origin, value *Value) {
	if e := v.Entry(key); e != nil {
		e.Value, e.At = value, at
		return
	}
	v.Entries = append(v.Entries, Entry{Key: key, At: at, Value: value})
}

// Delete takes a key out of a mapping, and returns its entry, nil if it had none.
func (v *Value) Delete(key string) *Entry {
	e := v.Entry(key)
	if e == nil {
		return nil
	}
	gone := *e
	v.Entries = slices.DeleteFunc(v.Entries, func(e Entry) bool { return e.Key == key })
	return &gone
}

// Keys are those of a mapping.
func (v *Value) Keys() []string {
	var all []string
	if v != nil {
		for _, e := range v.Entries {
			all = append(all, e.Key)
		}
	}
	return all
}

// Clone copies a value with all below it.
func (v *Value) Clone() *Value {
	if v == nil {
		return nil
	}
	c := *v
	c.Items, c.Entries = nil, nil
	for _, item := range v.Items {
		c.Items = append(c.Items, item.Clone())
	}
	for _, e := range v.Entries {
		e.Value = e.Value.Clone()
		c.Entries = append(c.Entries, e)
	}
	return &c
}

// Each calls do for the value and all below it, with the path of keys to it. Items of a list
// have their list's path.
func (v *Value) Each(do func(path []string, v *Value)) { v.each(nil, do) }

func (v *Value) each(path []string, do func(path []string, v *Value)) {
	if v == nil {
		return
	}
	do(path, v)
	for _, item := range v.Items {
		item.each(path, do)
	}
	for _, e := range v.Entries {
		e.Value.each(append(slices.Clone(path), e.Key), do)
	}
}

// Equal tells whether two values say the same, wherever they were written.
func Equal(a, b *Value) bool {
	if a == nil || b == nil {
		return a == b
	}
	if a.Kind != b.Kind || a.Text != b.Text || a.Kind == Scalar && a.Tag != b.Tag || len(a.Items) != len(b.Items) || len(a.Entries) != len(b.Entries) {
		return false
	}
	for i := range a.Items {
		if !Equal(a.Items[i], b.Items[i]) {
			return false
		}
	}
	for _, e := range a.Entries {
		if other := b.Entry(e.Key); other == nil || !Equal(e.Value, other.Value) {
			return false
		}
	}
	return true
}
