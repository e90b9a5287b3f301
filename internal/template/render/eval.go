package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template/parse"

	"github.com/podlike/podlike/internal/source/compose"
)

// pipe is the value of a pipeline, which it gives to the variables that it names.
func (s *state) pipe(dot any, n *parse.PipeNode) (any, error) {
	if n == nil {
		return nil, nil
	}
	if s.steps++; s.steps > mostSteps {
		return nil, faultAt(n, "the template does too much: more than %d steps", mostSteps)
	}
	var value any
	for i, command := range n.Cmds {
		final := []any{value}
		if i == 0 {
			final = nil
		}
		var err error
		if value, err = s.command(dot, command, final); err != nil {
			return nil, err
		}
	}
	for _, v := range n.Decl {
		if n.IsAssign {
			s.assign(v.Ident[0], value)
		} else {
			s.vars = append(s.vars, variable{v.Ident[0], value})
		}
	}
	return value, nil
}

// command is the value of one, to which the one before it in the pipeline gives its last
// argument.
func (s *state) command(dot any, n *parse.CommandNode, final []any) (any, error) {
	first := n.Args[0]
	if id, is := first.(*parse.IdentifierNode); is {
		return s.function(dot, id, n.Args[1:], final)
	}
	if len(n.Args) > 1 || len(final) > 0 {
		return nil, faultAt(first, "%s is no function and takes no argument", first)
	}
	if _, is := first.(*parse.NilNode); is {
		return nil, faultAt(first, "nil is no command")
	}
	return s.value(dot, first)
}

// value is that of an operand.
func (s *state) value(dot any, n parse.Node) (any, error) {
	switch n := n.(type) {
	case *parse.DotNode:
		return dot, nil
	case *parse.NilNode:
		return nil, nil
	case *parse.BoolNode:
		return n.True, nil
	case *parse.StringNode:
		return n.Text, nil
	case *parse.NumberNode:
		return number(n)
	case *parse.FieldNode:
		return s.fields(begin(n.Pos, n.Ident), dot, "", n.Ident)
	case *parse.VariableNode:
		return s.variable(n)
	case *parse.ChainNode:
		value, err := s.value(dot, n.Node)
		if err != nil {
			return nil, err
		}
		return s.fields(n.Position(), value, "("+strings.Trim(n.Node.String(), "()")+")", n.Field)
	case *parse.PipeNode:
		var value any
		_, err := s.scope(func() (flow, error) {
			var err error
			value, err = s.pipe(dot, n)
			return next, err
		})
		return value, err
	case *parse.IdentifierNode:
		return s.function(dot, n, nil, nil)
	}
	return nil, faultAt(n, "%s cannot be used here", n)
}

// begin is where a chain of names begins, of which the parser tells where the second is.
func begin(pos parse.Pos, names []string) parse.Pos {
	if len(names) > 1 {
		return pos - parse.Pos(len(names[0])) - 1
	}
	return pos
}

// number is that of a constant.
func number(n *parse.NumberNode) (any, error) {
	switch {
	case n.IsInt:
		return int(n.Int64), nil
	case n.IsFloat:
		return n.Float64, nil
	}
	return nil, faultAt(n, "%s is no number that can be used here", n)
}

// variable is the value of one, or of what is below it.
func (s *state) variable(n *parse.VariableNode) (any, error) {
	for i := len(s.vars) - 1; i >= 0; i-- {
		if s.vars[i].name == n.Ident[0] {
			at := n.Pos
			if len(n.Ident) > 1 {
				at -= parse.Pos(len(n.Ident[0]))
			}
			return s.fields(at, s.vars[i].value, n.Ident[0], n.Ident[1:])
		}
	}
	return nil, faultAt(n, "there is no variable %s", n.Ident[0])
}

// fields goes along names from a value that is called so.
func (s *state) fields(at parse.Pos, value any, called string, names []string) (any, error) {
	for _, name := range names {
		var err error
		if value, err = field(at, value, called, name); err != nil {
			return nil, err
		}
		called += "." + name
	}
	return value, nil
}

// field is what a value has by a name.
func field(at parse.Pos, value any, called, name string) (any, error) {
	var found any
	var known func() []string
	is := false
	switch value := value.(type) {
	case missing:
		return value, nil
	case map[string]any:
		found, is = value[name]
		known = func() []string { return sortedKeys(value) }
	case Record:
		found, is = value.Field(name)
		known = value.Names
	default:
		shown := called
		if shown == "" {
			shown = "."
		}
		return nil, fault{at, fmt.Sprintf("%s is %s, and has no %s", shown, kindOf(value), name)}
	}
	if is && found != nil {
		return found, nil
	}
	return missing{at, func() string { return unset(called+"."+name, name, is, known()) }}, nil
}

// unset says that something is not there, and what is.
func unset(called, name string, isNull bool, known []string) string {
	if isNull {
		return called + " has no value"
	}
	text := called + " is not set"
	if len(known) == 0 {
		return text + "; nothing is"
	}
	if nearest := compose.Nearest(name, known); nearest != "" {
		text += "; did you mean " + nearest + "?"
	}
	if len(known) > mostKnown {
		return text
	}
	return text + "; known: " + strings.Join(known, ", ")
}

// mostKnown is how many names are told to who has asked for another one.
const mostKnown = 20

// truth tells what counts as true: what is there, and is neither empty nor zero.
func truth(value any) bool {
	switch value := value.(type) {
	case nil, missing:
		return false
	case bool:
		return value
	case int:
		return value != 0
	case float64:
		return value != 0
	case string:
		return value != ""
	case []any:
		return len(value) > 0
	case map[string]any:
		return len(value) > 0
	case Record:
		return len(value.Plain()) > 0
	}
	return true
}

// kindOf is what a value is, for people.
func kindOf(value any) string {
	switch value.(type) {
	case nil, missing:
		return "not there"
	case bool:
		return "a boolean"
	case int, float64:
		return "a number"
	case string:
		return "text"
	case []any:
		return "a list"
	}
	return "a mapping"
}

// function calls one. What is missing may be given to those that ask whether it is.
func (s *state) function(dot any, id *parse.IdentifierNode, args []parse.Node, final []any) (any, error) {
	f := functions[id.Ident]
	if f.do == nil {
		return nil, faultAt(id, "function %q not defined", id.Ident)
	}
	var values []any
	given := func(value any) (stop bool, err error) {
		if m, is := value.(missing); is {
			if !f.lenient {
				return false, m.fault()
			}
			value = nil
		}
		if !f.keeps {
			value = plain(value)
		}
		values = append(values, value)
		return f.stops != nil && f.stops(value), nil
	}
	for _, arg := range args {
		value, err := s.value(dot, arg)
		if err != nil {
			return nil, err
		}
		if stop, err := given(value); err != nil || stop {
			return last(values), err
		}
	}
	for _, value := range final {
		if _, err := given(value); err != nil {
			return nil, err
		}
	}
	if n := len(values); n < f.min || f.max >= 0 && n > f.max {
		return nil, faultAt(id, "%s takes %s, and has %d", id.Ident, f.takes(), n)
	}
	value, err := f.do(values)
	if err == nil && s.tooLarge(value) {
		err = errTooMany
	}
	if err != nil {
		return nil, faultAt(id, "%s: %v", id.Ident, err)
	}
	return value, nil
}

// tooLarge tells whether a value holds more than a template may, and counts what it holds as steps.
// Lists of lists of lists are short to write.
func (s *state) tooLarge(value any) bool {
	left := mostValues
	count(value, &left)
	s.steps += (mostValues - left) / valuesInStep
	return left < 0
}

// count takes what is in a value from how much there may be, and ends below 0.
func count(value any, left *int) {
	if *left--; *left < 0 {
		return
	}
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			if *left >= 0 {
				count(item, left)
			}
		}
	case map[string]any:
		for _, item := range value {
			if *left >= 0 {
				count(item, left)
			}
		}
	case string:
		*left -= len(value) / valuesInStep
	}
}

// last is the last of values, nil if there are none.
func last(values []any) any {
	if len(values) == 0 {
		return nil
	}
	return values[len(values)-1]
}

// plain is a value without Records: the value itself, so that set may change it, if it has none.
func plain(value any) any {
	if hasRecord(value) {
		return copied(value)
	}
	return value
}

// hasRecord tells whether a Record is in a value.
func hasRecord(value any) bool {
	switch value := value.(type) {
	case Record:
		return true
	case []any:
		return slices.ContainsFunc(value, hasRecord)
	case map[string]any:
		for _, item := range value {
			if hasRecord(item) {
				return true
			}
		}
	}
	return false
}

// copied is a copy of a value, without Records.
func copied(value any) any {
	switch value := value.(type) {
	case Record:
		return copied(value.Plain())
	case []any:
		all := make([]any, len(value))
		for i, item := range value {
			all[i] = copied(item)
		}
		return all
	case map[string]any:
		all := make(map[string]any, len(value))
		for key, item := range value {
			all[key] = copied(item)
		}
		return all
	}
	return value
}

// sortedKeys are those of a mapping, in their order.
func sortedKeys(all map[string]any) []string { return slices.Sorted(maps.Keys(all)) }
