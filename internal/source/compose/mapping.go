package compose

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"gopkg.in/yaml.v3"
)

// What is ours and not Compose's is read from YAML as it stands: each key of a mapping
// by a field of its own, and no other key may be there.

// A field reads the value of one key, which is at path within the service.
type field func(path string, n *yaml.Node)

// mapping reads a mapping, which looks like the form.
func (r *reader) mapping(path, form string, n *yaml.Node, fields map[string]field) {
	if n.Kind != yaml.MappingNode {
		r.mustBe(path, form, decoded(n))
		return
	}
	for pair := range slices.Chunk(n.Content, 2) {
		key := pair[0].Value
		if read, known := fields[key]; known {
			read(path+"."+key, pair[1])
		} else {
			r.wrong(path+"."+key, "unknown key; known are %s", strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		}
	}
}

// needs reports keys that a mapping has to have.
func (r *reader) needs(path string, n *yaml.Node, keys ...string) {
	for _, key := range keys {
		if n.Kind == yaml.MappingNode && child(n, key) == nil {
			r.wrong(path+"."+key, "is missing; add it")
		}
	}
}

// items reads the items of a list, which looks like the form.
func (r *reader) items(path, form string, n *yaml.Node, read field) {
	if n.Kind != yaml.SequenceNode {
		r.mustBe(path, form, decoded(n))
		return
	}
	for _, item := range n.Content {
		read(path, item)
	}
}

// text is a field that is plain text, such as the example.
func (r *reader) text(to *string, example string) field {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" || n.Value == "" {
			r.mustBe(path, "a string such as "+example, decoded(n))
			return
		}
		*to = n.Value
	}
}

// words is a field that is a command.
func (r *reader) words(to *[]string) field {
	return func(path string, n *yaml.Node) {
		if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
			r.wrong(path, "is empty; write a list such as [/check, now]")
		}
		r.items(path, "a list of strings such as [/check, now]", n, func(path string, item *yaml.Node) {
			if item.Kind != yaml.ScalarNode || item.ShortTag() != "!!str" {
				r.mustBe(path, "a string", decoded(item))
				return
			}
			*to = append(*to, item.Value)
		})
	}
}

// flag is a field that is true or false.
func (r *reader) flag(to *bool) field {
	return func(path string, n *yaml.Node) {
		if n.Kind != yaml.ScalarNode || n.Value != "true" && n.Value != "false" {
			r.mustBe(path, flag, decoded(n))
			return
		}
		*to = n.Value == "true"
	}
}

// whole is a field that is a whole number. In a file a variable makes it text.
func (r *reader) whole(to *int) field {
	return func(path string, n *yaml.Node) {
		value, err := strconv.ParseInt(n.Value, 0, 32)
		if n.Kind != yaml.ScalarNode || n.Value == "" || err != nil {
			r.mustBe(path, integral, decoded(n))
			return
		}
		*to = int(value)
	}
}

// seconds is a field that is a whole number of them.
func (r *reader) seconds(to *time.Duration) field {
	return func(path string, n *yaml.Node) {
		seconds := 0
		r.whole(&seconds)(path, n)
		*to = time.Duration(seconds) * time.Second
	}
}

// duration is a field that is one as Compose writes them.
func (r *reader) duration(to *time.Duration) field {
	return func(path string, n *yaml.Node) {
		d, ok := Duration(n.Value)
		if n.Kind != yaml.ScalarNode || !ok {
			r.mustBe(path, duration, decoded(n))
			return
		}
		*to = d
	}
}

// Duration reads a duration as Compose writes them, such as 1m30s. It is not ok when
// the text is none.
func Duration(text string) (d time.Duration, ok bool) {
	var given types.Duration
	if err := given.DecodeMapstructure(text); err != nil || text == "" {
		return 0, false
	}
	return time.Duration(given), true
}

// decoded is the value of n, for the one who wrote it.
func decoded(n *yaml.Node) any {
	var value any
	if err := n.Decode(&value); err != nil {
		return n.Value
	}
	return value
}
