package template

import (
	"slices"
	"strconv"
	"strings"

	"github.com/podlike/podlike/internal/source/span"
	"github.com/podlike/podlike/internal/source/tree"
	"github.com/podlike/podlike/internal/template/input"
	"github.com/podlike/podlike/internal/template/merge"
)

// stackKeys are what a kind may bring for all its users.
var stackKeys = []string{"configs", "secrets", "volumes", "networks", "services"}

// stackItems adds what the kinds that are used need once. What the stack itself says is stronger.
func (s *session) stackItems(g grammar) {
	for _, name := range s.used {
		kind := s.kindsByName[name]
		args := s.set[""]
		for _, one := range []*tree.Value{s.global, kind.args} {
			args = merge.Mappings(args, one)
		}
		plain, _ := args.Plain().(map[string]any)
		if plain == nil {
			plain = map[string]any{}
		}
		for _, it := range kind.items["stack"] {
			r, ok := s.renderItem(it, map[string]any{"Args": plain, "Stack": stackRecord(s.original)})
			if !ok {
				continue
			}
			entries := s.roots(r, false, "stack yields "+strings.Join(stackKeys, ", "))
			if len(entries) > 0 {
				s.addStack(r, r.root)
			}
		}
	}
}

// addStack lays the stack over what a kind has brought.
func (s *session) addStack(r rendered, root *tree.Value) {
	for _, e := range root.Entries {
		place := join(r.it.place, e.Key)
		switch {
		case !slices.Contains(stackKeys, e.Key) && !strings.HasPrefix(e.Key, "x-"):
			s.once(e.At.Position, place, "unknown key"+didYouMean(e.Key, stackKeys))
		case e.Value.Kind != tree.Mapping && !e.Value.IsNull():
			s.once(e.Value.At.Position, place, "must be a mapping"+r.shown(e.Value.At.Position))
		case e.Key == "services":
			for _, service := range e.Value.Entries {
				if service.Value.Get(extension) != nil {
					s.once(service.Value.Entry(extension).At.Position, join(place, service.Key),
						"a service that a kind brings is no pod itself; write its labels, or put it into the stack")
				}
			}
		}
	}
	moved := root.Clone()
	s.Move(moved, r.dir, s.home())
	s.stack = s.under(s.stack, moved)
}

// under lays the stack over another one, and keeps its order.
func (s *session) under(stack, other *tree.Value) *tree.Value {
	for _, e := range other.Entries {
		own := stack.Get(e.Key)
		if own.IsNull() {
			stack.Set(e.Key, e.At, e.Value)
			continue
		}
		for _, one := range e.Value.Entries {
			if there := own.Entry(one.Key); there != nil {
				there.Value = merge.Services(there.Value, one.Value, false)
			} else {
				own.Entries = append(own.Entries, one)
			}
		}
	}
	return stack
}

// home is the directory that paths of the stack start from.
func (s *session) home() string { return input.Home(s.Files) }

// relocate has the relative paths of the stack start from where the output lies.
func (s *session) relocate() {
	s.Move(s.stack, s.home(), s.Out)
}

// version is what the output says at least, for older clients want one.
const version = "3.8"

// finish makes the stack one that docker stack deploy takes.
func (s *session) finish() {
	if name := s.stack.Delete("name"); name != nil {
		s.warn(name.At.Position, "name", "is left out, for docker stack deploy takes the stack's name from its command line")
	}
	at := tree.Origin{Position: s.stack.At.Position, From: "default"}
	said := version
	if given := s.stack.Delete("version"); given != nil && given.Value.IsText() {
		at = given.At
		if newer(given.Value.Text, version) {
			said = given.Value.Text
		}
	}
	services := s.stack.Delete("services")
	top := tree.NewMapping(s.stack.At)
	quoted := tree.NewText(said, at)
	quoted.Style = 2 // double quotes, for it is no number
	top.Set("version", at, quoted)
	if services != nil {
		top.Entries = append(top.Entries, *services)
	}
	for _, key := range []string{"networks", "volumes", "configs", "secrets"} {
		if e := s.stack.Delete(key); e != nil {
			top.Entries = append(top.Entries, *e)
		}
	}
	top.Entries = append(top.Entries, s.stack.Entries...)
	s.stack = merge.Finish(top)
	if services != nil {
		if len(s.pods) > 0 {
			services.Value.Style = 0
		}
		for _, e := range services.Value.Entries {
			for _, port := range portsOf(e.Value) {
				integers(port)
			}
		}
	}
	s.dollars()
}

// dollars resolves variables of templates, where that is to be done now.
func (s *session) dollars() {
	if !s.Variables {
		return
	}
	s.stack.Each(func(keys []string, v *tree.Value) {
		if !input.HasVariables(keys, v) {
			return
		}
		from := span.Whole("", v.Text)
		if v.Chars != nil && len(v.Chars) == len(from.At) {
			from.At = v.Chars
		}
		done, remarks := from.Interpolate(s.Lookup)
		for _, r := range remarks {
			at := r.At
			if at.File == "" {
				at = v.At.Position
			}
			f := problem(at, strings.Join(keys, "."), r.What)
			f.Warning = r.Warning
			s.findings = append(s.findings, f)
		}
		text, chars := strings.Builder{}, done.At[:0:0]
		for i, r := range done.Text {
			text.WriteRune(r)
			chars = append(chars, done.At[i])
			if r == '$' {
				text.WriteRune(r)
				chars = append(chars, done.At[i])
			}
		}
		v.Text = text.String()
		if v.Chars != nil {
			v.Chars = append(chars, done.At[len(done.At)-1])
		}
	})
}

// newer tells whether a version of the file format is above another one.
func newer(a, b string) bool {
	x, err := strconv.ParseFloat(a, 64)
	y, _ := strconv.ParseFloat(b, 64)
	return err == nil && x > y
}
