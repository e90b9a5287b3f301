package render

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// A function is one that templates can call.
type function struct {
	// form is how it is called, for the documentation.
	form string
	// min and max are how many arguments it takes; max below 0: as many as there are.
	min, max int
	// lenient: an argument may be missing, and is nil then.
	lenient bool
	// keeps: what it is given, and may return, goes by all its names.
	keeps bool
	// stops tells whether the argument decides, so that those behind it are not looked at.
	stops func(value any) bool
	do    func(args []any) (any, error)
}

// takes is how many arguments it takes, for people.
func (f function) takes() string {
	switch {
	case f.max < 0:
		return fmt.Sprintf("at least %d of its arguments", f.min)
	case f.max > f.min:
		return fmt.Sprintf("%d to %d arguments", f.min, f.max)
	}
	if f.min == 1 {
		return "one argument"
	}
	return fmt.Sprintf("%d arguments", f.min)
}

// functions are all there are, by their names: those of old with the order of their arguments,
// those of text/template, and of Helm's what is about text, lists, mappings and numbers.
var functions map[string]function

// The table's parts know functions that call others, so that it cannot be a constant of the package.
func init() {
	functions = map[string]function{}
	for _, part := range []map[string]function{ofOld, ofLanguage, ofDefaults, ofText, ofLists, ofMappings, ofNumbers, ofForms} {
		maps.Copy(functions, part)
	}
	for _, name := range []string{
		"and", "or", "not", "index", "empty", "notEmpty", "default", "coalesce", "ternary", "required", "first", "last", "rest", "initial",
	} {
		f := functions[name]
		f.keeps = true
		functions[name] = f
	}
}

// names are those of all functions, as the parser wants them.
func names() map[string]any {
	all := map[string]any{}
	for name := range functions {
		all[name] = true
	}
	return all
}

// Forms are how functions are called, by what they are about, for the documentation.
func Forms() []struct{ Title, Forms string } {
	var all []struct{ Title, Forms string }
	for _, part := range []struct {
		title string
		of    map[string]function
	}{
		{"as of old", ofOld}, {"of the language", ofLanguage}, {"what is not there", ofDefaults}, {"text", ofText}, {"lists", ofLists},
		{"mappings", ofMappings}, {"numbers", ofNumbers}, {"forms", ofForms},
	} {
		forms := ""
		for _, name := range slices.Sorted(maps.Keys(part.of)) {
			if forms != "" {
				forms += ", "
			}
			forms += "`" + name
			if part.of[name].form != "" {
				forms += " " + part.of[name].form
			}
			forms += "`"
		}
		all = append(all, struct{ Title, Forms string }{part.title, forms})
	}
	return all
}

// text is an argument as text.
func text(value any) (string, error) {
	switch value.(type) {
	case nil, []any, map[string]any:
		return "", fmt.Errorf("%s where there has to be text", kindOf(value))
	}
	return fmt.Sprint(value), nil
}

// texts are arguments as text.
func texts(values []any) ([]string, error) {
	all := make([]string, 0, len(values))
	for _, value := range values {
		one, err := text(value)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// list is an argument as a list.
func list(value any) ([]any, error) {
	if all, is := value.([]any); is {
		return all, nil
	}
	return nil, fmt.Errorf("%s where there has to be a list", kindOf(value))
}

// mapping is an argument as a mapping.
func mapping(value any) (map[string]any, error) {
	if all, is := value.(map[string]any); is {
		return all, nil
	}
	return nil, fmt.Errorf("%s where there has to be a mapping", kindOf(value))
}

// onText is a function of so much text.
func onText(form string, n int, do func(a []string) (any, error)) function {
	return function{form: form, min: n, max: n, do: func(args []any) (any, error) {
		all, err := texts(args)
		if err != nil {
			return nil, err
		}
		return do(all)
	}}
}

// onNumberAndText is a function of a whole number and text.
func onNumberAndText(form string, do func(n int, text string) (any, error)) function {
	return function{form: form, min: 2, max: 2, do: func(args []any) (any, error) {
		n, err := whole(args[0])
		if err != nil {
			return nil, err
		}
		s, err := text(args[1])
		if err != nil {
			return nil, err
		}
		return do(n, s)
	}}
}

// onList is a function of a list that comes last, behind so many arguments.
func onList(form string, before int, do func(a []any, all []any) (any, error)) function {
	return function{form: form, min: before + 1, max: before + 1, do: func(args []any) (any, error) {
		all, err := list(args[before])
		if err != nil {
			return nil, err
		}
		return do(args[:before], all)
	}}
}

// onMapping is a function of a mapping that comes first, and of what follows.
func onMapping(form string, low, high int, do func(of map[string]any, a []any) (any, error)) function {
	return function{form: form, min: low, max: high, do: func(args []any) (any, error) {
		of, err := mapping(args[0])
		if err != nil {
			return nil, err
		}
		return do(of, args[1:])
	}}
}

var errTooMany = errors.New("that makes more than a template may hold")
