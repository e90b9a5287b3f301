package merge

import (
	"path"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/source/tree"
)

// Services lays one service, or component, over another: the stronger one, and the weaker one. Either
// may be nil. They are left as they are.
//
// Of templates what is stronger comes first. Where files override each other it comes last, and
// a command takes the place of another one.
func Services(strong, weak *tree.Value, files bool) *tree.Value {
	return merger{files: files}.merge(nil, strong.Clone(), weak.Clone())
}

// Files lays a whole file over another, whose services are merged as Services does.
func Files(strong, weak *tree.Value) *tree.Value {
	return merger{files: true, whole: true}.merge(nil, strong.Clone(), weak.Clone())
}

// Mappings lays one mapping over another at every depth; lists append, with repeats.
func Mappings(strong, weak *tree.Value) *tree.Value {
	return merger{plain: true}.merge(nil, strong.Clone(), weak.Clone())
}

// Finish takes the marks off what has been merged, and what they have reset.
func Finish(v *tree.Value) *tree.Value {
	if v == nil {
		return nil
	}
	v.Mark = ""
	v.Entries = slices.DeleteFunc(v.Entries, func(e tree.Entry) bool { return e.Value != nil && e.Value.Mark == tree.Reset })
	for _, e := range v.Entries {
		Finish(e.Value)
	}
	v.Items = slices.DeleteFunc(v.Items, func(item *tree.Value) bool { return item.Mark == tree.Reset })
	for _, item := range v.Items {
		Finish(item)
	}
	return v
}

// A merger merges values of one kind.
type merger struct {
	files bool // they are of files that override each other
	whole bool // they are whole files
	plain bool // no rule is about them; lists append as they are
}

// merge is the value that two make, of which each may be nil.
func (m merger) merge(path []string, strong, weak *tree.Value) *tree.Value {
	switch {
	case strong == nil:
		return weak
	case weak == nil:
		return strong
	case strong.Mark != "":
		return beats(strong, weak)
	case weak.Mark != "" && !m.files:
		return beats(weak, strong)
	case weak.Mark == tree.Reset, strong.IsNull() && !m.files:
		if strong.IsNull() {
			return weak
		}
		return strong
	case weak.IsNull():
		return strong
	case strong.IsNull(): // of a file, which says nothing of it
		return weak
	}
	return m.byRule(m.rule(path), path, strong, weak)
}

// rule is how a path is merged.
func (m merger) rule(path []string) How {
	switch {
	case m.plain:
		return Joined
	case m.whole && len(path) > 2 && path[0] == "services":
		return how(path[2:])
	case m.whole:
		return ByKind
	}
	return how(path)
}

// beats is the value that counts, which knows what it has won over.
func beats(winner, loser *tree.Value) *tree.Value {
	winner.Lost = append(winner.Lost, loser)
	return winner
}

// byRule merges two values that say something.
func (m merger) byRule(rule How, path []string, strong, weak *tree.Value) *tree.Value {
	if rule == Joined && m.files && !m.plain || rule == Whole {
		return beats(strong, weak)
	}
	if m.files && len(path) > 0 && isPodlike(path) {
		strong, weak = inOneForm(path[len(path)-1], strong), inOneForm(path[len(path)-1], weak)
	}
	if rule == ByName {
		strong, weak = Named(path[len(path)-1], strong), Named(path[len(path)-1], weak)
	}
	if rule == ByTarget || rule == ByPort || isOneOrMore(path) {
		strong, weak = asList(strong), asList(weak)
	}
	switch {
	case strong.Kind == tree.Mapping && weak.Kind == tree.Mapping:
		return m.mappings(path, strong, weak)
	case strong.Kind == tree.List && weak.Kind == tree.List:
		return m.lists(rule, path, strong, weak)
	case strong.Kind == tree.List && weak.IsText():
		return m.lists(rule, path, strong, asList(weak))
	}
	return beats(strong, weak)
}

// isOneOrMore tells whether a key has text or a list of it.
func isOneOrMore(path []string) bool {
	return len(path) > 0 && slices.Contains([]string{"dns", "dns_search", "env_file", "tmpfs"}, path[len(path)-1])
}

// asList is a list of the one item, or the list.
func asList(v *tree.Value) *tree.Value {
	if v.Kind == tree.Scalar {
		return &tree.Value{Kind: tree.List, At: v.At, Items: []*tree.Value{v}}
	}
	return v
}

// mappings merges two, key by key. Of files the weaker one was there first.
func (m merger) mappings(path []string, strong, weak *tree.Value) *tree.Value {
	first, second := strong, weak
	if m.files {
		first, second = weak, strong
	}
	merged := &tree.Value{Kind: tree.Mapping, At: strong.At, Style: strong.Style & weak.Style, Lost: strong.Lost}
	for _, key := range append(first.Keys(), second.Keys()...) {
		if merged.Entry(key) != nil {
			continue
		}
		s, w := strong.Entry(key), weak.Entry(key)
		at := w
		if s != nil {
			at = s
		}
		e := *at
		if s != nil && w != nil {
			e.Value = m.merge(append(slices.Clone(path), key), s.Value, w.Value)
			if e.Value != s.Value && (e.Value == w.Value || e.Value.Kind == tree.Scalar) {
				e.At = w.At
			}
		}
		merged.Entries = append(merged.Entries, e)
	}
	return merged
}

// lists merges two.
func (m merger) lists(rule How, path []string, strong, weak *tree.Value) *tree.Value {
	first, second := strong, weak
	if m.files {
		first, second = weak, strong
	}
	merged := &tree.Value{Kind: tree.List, At: strong.At, Style: strong.Style & weak.Style, Lost: strong.Lost}
	merged.Items = append(merged.Items, first.Items...)
	for _, item := range second.Items {
		i := -1
		if rule != Joined {
			i = slices.IndexFunc(merged.Items, func(other *tree.Value) bool { return same(rule, path, item, other) })
		}
		switch {
		case i < 0:
			merged.Items = append(merged.Items, item)
		case rule != ByTarget && rule != ByPort: // which is there
		case m.files:
			merged.Items[i] = m.items(item, merged.Items[i])
		default:
			merged.Items[i] = m.items(merged.Items[i], item)
		}
	}
	return merged
}

// items merges two items of a list that are about the same.
func (m merger) items(strong, weak *tree.Value) *tree.Value {
	if strong.Kind == tree.Mapping && weak.Kind == tree.Mapping && strong.Mark == "" && weak.Mark == "" {
		return merger{plain: true, files: m.files}.mappings(nil, strong, weak)
	}
	return beats(strong, weak)
}

// same tells whether two items are about the same.
func same(rule How, path []string, a, b *tree.Value) bool {
	switch rule {
	case ByTarget:
		return Target(path[len(path)-1], a) == Target(path[len(path)-1], b)
	case ByPort:
		return Port(a) == Port(b)
	}
	return tree.Equal(a, b)
}

// Target is where an item of volumes, tmpfs, configs, secrets or devices is in the container.
func Target(key string, item *tree.Value) string {
	target := ""
	if item.Kind == tree.Mapping {
		if t := item.Get("target"); t.IsText() {
			target = t.Text
		} else if s := item.Get("source"); s.IsText() {
			target = s.Text
		}
	} else if parts := Split(item.Text); key == "tmpfs" {
		target = parts[0]
	} else {
		target = parts[min(1, len(parts)-1)]
	}
	switch {
	case key == "configs" && !path.IsAbs(target):
		target = "/" + target
	case key == "secrets" && !path.IsAbs(target):
		target = "/run/secrets/" + target
	}
	return path.Clean(target)
}

// Split is text of parts with colons between them. In ${A:-b} is none.
func Split(text string) []string {
	parts := []string{""}
	depth := 0
	for i, r := range text {
		switch {
		case r == '{' && i > 0 && text[i-1] == '$':
			depth++
		case r == '}' && depth > 0:
			depth--
		}
		if r == ':' && depth == 0 {
			parts = append(parts, "")
			continue
		}
		parts[len(parts)-1] += string(r)
	}
	return parts
}

// Port is the port of the container that an item publishes, with its protocol.
func Port(item *tree.Value) string {
	port, protocol := "", "tcp"
	if item.Kind == tree.Mapping {
		if t := item.Get("target"); t.IsText() {
			port = t.Text
		}
		if p := item.Get("protocol"); p.IsText() {
			protocol = p.Text
		}
	} else {
		parts := Split(item.Text)
		port = parts[len(parts)-1]
		if i := strings.LastIndex(port, "/"); i >= 0 {
			port, protocol = port[:i], port[i+1:]
		}
	}
	return port + "/" + protocol
}

// Named is a mapping of what a list of NAME=value, of NAME:value or of names says.
func Named(key string, v *tree.Value) *tree.Value {
	if v == nil || v.Kind != tree.List {
		return v
	}
	m := &tree.Value{Kind: tree.Mapping, At: v.At, Mark: v.Mark, Lost: v.Lost}
	for _, item := range v.Items {
		if item.Kind != tree.Scalar {
			return v
		}
		name, value, assigned := strings.Cut(item.Text, "=")
		text := tree.NewText(value, item.At)
		switch {
		case assigned:
		case key == "depends_on":
			text = tree.NewMapping(item.At)
			text.Set("condition", item.At, tree.NewText("service_started", item.At))
		default:
			text = &tree.Value{Tag: "!!null", At: item.At}
		}
		if item.Mark != "" {
			text.Mark = item.Mark
		}
		m.Set(name, item.At, text)
	}
	return m
}

// isPodlike tells whether a path leads to x-podlike, or to a list of templates there.
func isPodlike(path []string) bool {
	return slices.Contains(path, "x-podlike") || slices.Contains(path, "x-podlike-kinds")
}

// inOneForm is what x-podlike says in the long form: a list of templates for a single one, and
// kinds under use.
func inOneForm(key string, v *tree.Value) *tree.Value {
	switch key {
	case "x-podlike":
		if v.Kind == tree.List {
			m := tree.NewMapping(v.At)
			m.Set("use", v.At, v)
			return m
		}
	case "pod", "transformer", "templates", "init", "copy", "stack", "use", "needs":
		if v.Kind != tree.List {
			return &tree.Value{Kind: tree.List, At: v.At, Items: []*tree.Value{v}}
		}
	}
	return v
}
