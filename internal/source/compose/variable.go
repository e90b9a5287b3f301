package compose

import (
	"errors"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/template"
	"gopkg.in/yaml.v3"
)

// dotEnv looks a variable up, and in a file if it is there.
func (a *assembler) dotEnv(file string, lookup func(string) (string, bool)) func(string) (string, bool) {
	env := map[string]string{}
	text, err := a.own.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return lookup
	}
	if err == nil {
		err = variables(text, env, lookup)
	}
	if err != nil {
		a.wrong(file, "cannot be read: %s", reason(err))
	}
	return orIn(lookup, env)
}

// orIn looks a variable up, and then in env.
func orIn(lookup func(string) (string, bool), env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		if value, found := lookup(name); found {
			return value, true
		}
		value, found := env[name]
		return value, found
	}
}

// interpolate puts the variables into all values below n (Compose: interpolation).
func (a *assembler) interpolate(file string, n *yaml.Node, s scope) {
	for i, below := range n.Content {
		if n.Kind != yaml.MappingNode || i%2 == 1 {
			a.interpolate(file, below, s)
		}
	}
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!str" || !strings.Contains(n.Value, "$") {
		return
	}
	place := join(file, strings.TrimSuffix(at(n.Line), ": "))
	value, err := template.Substitute(n.Value, s.lookup)
	required, is := errors.AsType[*template.MissingRequiredError](err)
	switch {
	case is && required.Reason != "":
		a.wrong(place, "the variable %s has to be set: %s", required.Variable, required.Reason)
	case is:
		a.wrong(place, "the variable %s has to be set", required.Variable)
	case err != nil:
		a.wrong(place, "%s is no text with variables such as ${NAME}; a $ is written $$", Quote(n.Value))
	default:
		a.missing(file, place, n.Value, s)
	}
	n.Value, n.Tag = value, "!!str"
}

// emptied is a variable for which nothing is to stand where it is not set.
var emptied = regexp.MustCompile(`\$\{\w+:?[-+]\}`)

// missing warns of variables that are not set and have no other value.
func (a *assembler) missing(file, place, text string, s scope) {
	all := template.ExtractVariables(map[string]any{"": text}, nil)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		v := all[name]
		_, found := s.lookup(name)
		meant := v.Required || v.DefaultValue+v.PresenceValue != "" || emptied.MatchString(text)
		if found || meant {
			continue
		}
		a.unset[place] = append(a.unset[place], name)
		if a.told[file+":"+name] {
			continue
		}
		a.told[file+":"+name] = true
		a.warn(place, "the variable %s is not set and stands for nothing; set it, or write ${%s-} if that is meant", name, name)
	}
}
