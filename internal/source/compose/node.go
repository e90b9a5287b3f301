package compose

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/compose-spec/compose-go/v2/tree"
	"github.com/compose-spec/compose-go/v2/types"
	"gopkg.in/yaml.v3"
)

// A nodeReader reads what is ours and not Compose's, from YAML as it stands: each key of a mapping
// by a field of its own, and no other key may be there.
type nodeReader struct{ *report }

// A field reads the value of one key, which is at path within the service.
type field func(path string, n *yaml.Node)

// mapping reads a mapping, which looks like the form.
func (r nodeReader) mapping(path, form string, n *yaml.Node, fields map[string]field) {
	if n.Kind != yaml.MappingNode {
		r.mustBe(path, form, decoded(n))
		return
	}
	for pair := range slices.Chunk(n.Content, 2) {
		key := pair[0].Value
		if read, known := fields[key]; known {
			read(path+"."+key, pair[1])
		} else {
			known := slices.Sorted(maps.Keys(fields))
			r.wrong(path+"."+key, "unknown key%s", didYouMean(key, known, "; known are "+strings.Join(known, ", ")))
		}
	}
}

// needs reports keys that a mapping has to have.
func (r nodeReader) needs(path string, n *yaml.Node, keys ...string) {
	for _, key := range keys {
		if n.Kind == yaml.MappingNode && child(n, key) == nil {
			r.wrong(path+"."+key, "is missing; add it")
		}
	}
}

// items reads the items of a list, which looks like the form.
func (r nodeReader) items(path, form string, n *yaml.Node, read field) {
	if n.Kind != yaml.SequenceNode {
		r.mustBe(path, form, decoded(n))
		return
	}
	for _, item := range n.Content {
		read(path, item)
	}
}

// text is a field that is plain text, such as the example.
func (r nodeReader) text(to *string, example string) field {
	return func(path string, n *yaml.Node) {
		if !isWritten(n) || n.Value == "" {
			r.mustBe(path, "a string such as "+example, decoded(n))
			return
		}
		*to = n.Value
	}
}

// words is a field that is a command.
func (r nodeReader) words(to *[]string) field {
	return func(path string, n *yaml.Node) {
		if n.Kind == yaml.SequenceNode && len(n.Content) == 0 {
			r.wrong(path, "is empty; write a list such as [/check, now]")
		}
		r.items(path, "a list of strings such as [/check, now]", n, func(path string, item *yaml.Node) {
			if !isWritten(item) {
				r.mustBe(path, "a string", decoded(item))
				return
			}
			*to = append(*to, item.Value)
		})
	}
}

// isWritten tells whether n is a scalar that says something. Like asWritten it takes a
// number for the text that it is written as.
func isWritten(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() != "!!null" }

// flag is a field that is true or false, as text too, for that is what a variable is.
func (r nodeReader) flag(to *bool) field {
	return func(path string, n *yaml.Node) {
		value, is := castFlag(n.Value)
		if n.Kind != yaml.ScalarNode || !is {
			r.mustBe(path, flag, decoded(n))
			return
		}
		*to = value
	}
}

// castFlag is the flag that compose-go makes of text.
func castFlag(text string) (value, ok bool) {
	value, ok = cast(tree.NewPath("services", only, "tty"), text).(bool)
	return value, ok
}

// whole is a field that is a whole number. In a file a variable makes it text.
func (r nodeReader) whole(to *int) field {
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
func (r nodeReader) seconds(to *time.Duration) field {
	return func(path string, n *yaml.Node) {
		seconds := 0
		r.whole(&seconds)(path, n)
		*to = time.Duration(seconds) * time.Second
	}
}

// duration is a field that is one as Compose writes them.
func (r nodeReader) duration(to *time.Duration) field {
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
