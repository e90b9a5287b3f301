package render

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// ofOld are Podlike's own functions.
var ofOld = map[string]function{
	"yaml":       {form: "VALUE", min: 1, max: 1, do: func(a []any) (any, error) { return toYAML(a[0], false) }},
	"indent":     onNumberAndText("N TEXT", func(n int, s string) (any, error) { return indent(n, s) }),
	"empty":      {form: "VALUE", min: 1, max: 1, lenient: true, do: func(a []any) (any, error) { return !truth(a[0]), nil }},
	"notEmpty":   {form: "VALUE", min: 1, max: 1, lenient: true, do: func(a []any) (any, error) { return truth(a[0]), nil }},
	"contains":   onText("PART TEXT", 2, func(a []string) (any, error) { return strings.Contains(a[1], a[0]), nil }),
	"startsWith": onText("START TEXT", 2, func(a []string) (any, error) { return strings.HasPrefix(a[1], a[0]), nil }),
	"replace":    {form: "OLD NEW [N] TEXT", min: 3, max: 4, do: replace},
}

// indent puts spaces before each line.
func indent(n int, s string) (any, error) {
	if n < 0 {
		return nil, fmt.Errorf("cannot indent by %d", n)
	}
	if n > mostListing || n*(strings.Count(s, "\n")+1) > mostOutput {
		return nil, errTooMany
	}
	pad := strings.Repeat(" ", n)
	return pad + strings.ReplaceAll(s, "\n", "\n"+pad), nil
}

// replace replaces text, all of it where no number is given.
func replace(a []any) (any, error) {
	n := -1
	if len(a) == 4 {
		var err error
		if n, err = whole(a[2]); err != nil {
			return nil, err
		}
		a = slices.Delete(slices.Clone(a), 2, 3)
	}
	all, err := texts(a)
	if err != nil {
		return nil, err
	}
	if strings.Count(all[2], all[0])*len(all[1]) > mostOutput {
		return nil, errTooMany
	}
	return strings.Replace(all[2], all[0], all[1], n), nil
}

// untruth stops at what is not true.
func untruth(value any) bool { return !truth(value) }

// ofLanguage are those that text/template has.
var ofLanguage = map[string]function{
	"and":      {form: "VALUE...", min: 1, max: -1, lenient: true, stops: untruth, do: func(a []any) (any, error) { return last(a), nil }},
	"or":       {form: "VALUE...", min: 1, max: -1, lenient: true, stops: truth, do: func(a []any) (any, error) { return last(a), nil }},
	"not":      {form: "VALUE", min: 1, max: 1, lenient: true, do: func(a []any) (any, error) { return !truth(a[0]), nil }},
	"len":      {form: "VALUE", min: 1, max: 1, do: length},
	"index":    {form: "VALUE KEY...", min: 1, max: -1, do: index},
	"slice":    {form: "VALUE [FROM [TO]]", min: 1, max: 3, do: slice},
	"print":    {form: "VALUE...", max: -1, do: func(a []any) (any, error) { return fmt.Sprint(a...), nil }},
	"println":  {form: "VALUE...", max: -1, do: func(a []any) (any, error) { return fmt.Sprintln(a...), nil }},
	"printf":   {form: "FORMAT VALUE...", min: 1, max: -1, do: printf},
	"html":     onText("TEXT", 1, func(a []string) (any, error) { return html.EscapeString(a[0]), nil }),
	"urlquery": onText("TEXT", 1, func(a []string) (any, error) { return url.QueryEscape(a[0]), nil }),
	"eq":       {form: "VALUE VALUE...", min: 2, max: -1, do: anyEqual},
	"ne":       {form: "VALUE VALUE", min: 2, max: 2, do: func(a []any) (any, error) { same, err := equal(a[0], a[1]); return !same, err }},
	"lt":       comparison(func(c int) bool { return c < 0 }),
	"le":       comparison(func(c int) bool { return c <= 0 }),
	"gt":       comparison(func(c int) bool { return c > 0 }),
	"ge":       comparison(func(c int) bool { return c >= 0 }),
}

// printf formats values. What does not fit its format is an error, and no text such as %!d.
func printf(a []any) (any, error) {
	format, err := text(a[0])
	if err != nil {
		return nil, err
	}
	if strings.ContainsAny(format, "*") || len(format) > mostListing {
		return nil, errors.New("a format cannot have * in it, nor be longer than that")
	}
	for _, digits := range strings.FieldsFunc(format, func(r rune) bool { return r < '0' || r > '9' }) {
		if len(digits) > 4 {
			return nil, errTooMany
		}
	}
	s := fmt.Sprintf(format, a[1:]...)
	if i := strings.Index(s, "%!"); i >= 0 && !strings.Contains(format, "%%!") {
		return nil, fmt.Errorf("%q does not fit its values: %s", format, s)
	}
	return s, nil
}

// length is how many items or characters there are.
func length(a []any) (any, error) {
	switch value := a[0].(type) {
	case string:
		return len(value), nil
	case []any:
		return len(value), nil
	case map[string]any:
		return len(value), nil
	}
	return nil, fmt.Errorf("%s has no length", kindOf(a[0]))
}

// index goes down lists and mappings.
func index(a []any) (any, error) {
	value := a[0]
	for _, key := range a[1:] {
		switch in := value.(type) {
		case map[string]any:
			name, err := text(key)
			if err != nil {
				return nil, err
			}
			if value = in[name]; value == nil {
				return nil, errors.New(unset(fmt.Sprintf("%q", name), name, false, sortedKeys(in)))
			}
		case Record:
			name, err := text(key)
			if err != nil {
				return nil, err
			}
			found, is := in.Field(name)
			if value = found; !is || found == nil {
				return nil, errors.New(unset(fmt.Sprintf("%q", name), name, is, in.Names()))
			}
		case []any:
			n, err := whole(key)
			if err != nil {
				return nil, err
			}
			if n < 0 || n >= len(in) {
				return nil, fmt.Errorf("there is no item %d; the list has %d, from 0 on", n, len(in))
			}
			value = in[n]
		default:
			return nil, fmt.Errorf("%s has no items", kindOf(value))
		}
	}
	return value, nil
}

// slice is a part of a list or of text.
func slice(a []any) (any, error) {
	n, err := length(a[:1])
	if err != nil {
		return nil, err
	}
	from, to := 0, n.(int)
	for i, at := range []*int{&from, &to} {
		if len(a) > i+1 {
			if *at, err = whole(a[i+1]); err != nil {
				return nil, err
			}
		}
	}
	if from < 0 || to > n.(int) || from > to {
		return nil, fmt.Errorf("there is no part from %d to %d of %d", from, to, n)
	}
	switch value := a[0].(type) {
	case string:
		return strings.ToValidUTF8(value[from:to], ""), nil
	case []any:
		return value[from:to], nil
	}
	return nil, fmt.Errorf("%s has no parts", kindOf(a[0]))
}

// equal compares two values. A number is never text, as text/template has it.
func equal(x, y any) (bool, error) {
	if isNumber(x) && isNumber(y) {
		return asFloat(x) == asFloat(y), nil
	}
	if x != nil && y != nil && kindOf(x) != kindOf(y) {
		return false, fmt.Errorf("%s cannot be compared with %s; make one of both with toString or int", kindOf(x), kindOf(y))
	}
	return reflect.DeepEqual(x, y), nil
}

// anyEqual tells whether one of the others is the first.
func anyEqual(a []any) (any, error) {
	for _, other := range a[1:] {
		if same, err := equal(a[0], other); same || err != nil {
			return same, err
		}
	}
	return false, nil
}

// comparison is one of two numbers or of two texts.
func comparison(holds func(c int) bool) function {
	return function{form: "VALUE VALUE", min: 2, max: 2, do: func(a []any) (any, error) {
		if isNumber(a[0]) && isNumber(a[1]) {
			x, y := asFloat(a[0]), asFloat(a[1])
			c := 0
			if x < y {
				c = -1
			} else if x > y {
				c = 1
			}
			return holds(c), nil
		}
		x, isText := a[0].(string)
		y, areText := a[1].(string)
		if !isText || !areText {
			return nil, fmt.Errorf("%s cannot be compared with %s", kindOf(a[0]), kindOf(a[1]))
		}
		return holds(strings.Compare(x, y)), nil
	}}
}

// ofDefaults are those that may be asked about what is not there.
var ofDefaults = map[string]function{
	"default":  {form: "OTHER VALUE", min: 2, max: 2, lenient: true, do: func(a []any) (any, error) { return firstTrue(a[1], a[0]), nil }},
	"coalesce": {form: "VALUE...", min: 1, max: -1, lenient: true, do: func(a []any) (any, error) { return firstTrue(a...), nil }},
	"ternary":  {form: "YES NO VALUE", min: 3, max: 3, lenient: true, do: ternary},
	"required": {form: "WHAT VALUE", min: 2, max: 2, lenient: true, do: required},
	"fail":     onText("WHAT", 1, func(a []string) (any, error) { return nil, errors.New(a[0]) }),
	"all":      {form: "VALUE...", max: -1, lenient: true, do: func(a []any) (any, error) { return !slices.ContainsFunc(a, untruth), nil }},
	"any":      {form: "VALUE...", max: -1, lenient: true, do: func(a []any) (any, error) { return slices.ContainsFunc(a, truth), nil }},
}

// firstTrue is the first value that is neither empty nor zero, or else nil.
func firstTrue(values ...any) any {
	for _, value := range values {
		if truth(value) {
			return value
		}
	}
	return values[len(values)-1]
}

func ternary(a []any) (any, error) {
	if truth(a[2]) {
		return a[0], nil
	}
	return a[1], nil
}

// required is the value, or an error in the words of who has written the template.
func required(a []any) (any, error) {
	if s, isText := a[1].(string); a[1] == nil || isText && s == "" {
		return nil, fmt.Errorf("%v", a[0])
	}
	return a[1], nil
}

// toJSON is a value as JSON, with mappings in the order of their keys.
func toJSON(value any, prefix string) (any, error) {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", prefix)
	if err := e.Encode(value); err != nil {
		return nil, err
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}
