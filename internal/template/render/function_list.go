package render

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/podlike/podlike/internal/source/span"
	"github.com/podlike/podlike/internal/source/tree"
)

// ofLists are those about lists.
var ofLists = map[string]function{
	"list":    {form: "VALUE...", max: -1, do: func(a []any) (any, error) { return append([]any{}, a...), nil }},
	"first":   onList("LIST", 0, func(_, all []any) (any, error) { return itemOf(all, 0) }),
	"last":    onList("LIST", 0, func(_, all []any) (any, error) { return itemOf(all, len(all)-1) }),
	"rest":    onList("LIST", 0, func(_, all []any) (any, error) { return all[min(1, len(all)):], nil }),
	"initial": onList("LIST", 0, func(_, all []any) (any, error) { return all[:max(0, len(all)-1)], nil }),
	"reverse": onList("LIST", 0, func(_, all []any) (any, error) { all = slices.Clone(all); slices.Reverse(all); return all, nil }),
	"compact": onList("LIST", 0, func(_, all []any) (any, error) { return slices.DeleteFunc(slices.Clone(all), untruth), nil }),
	"uniq":    onList("LIST", 0, func(_, all []any) (any, error) { return without(all, nil, true), nil }),
	"has":     onList("VALUE LIST", 1, func(a, all []any) (any, error) { return holds(all, a[0]), nil }),
	"join": onList("BETWEEN LIST", 1, func(a, all []any) (any, error) {
		items, err := texts(all)
		between := fmt.Sprint(a[0])
		if err == nil && len(between)*len(items) > mostOutput {
			err = errTooMany
		}
		if err != nil {
			return nil, err
		}
		return strings.Join(items, between), nil
	}),
	"sortAlpha": onList("LIST", 0, func(_, all []any) (any, error) {
		items, err := texts(all)
		if err != nil {
			return nil, err
		}
		slices.Sort(items)
		return listOf(items)
	}),
	"append":    {form: "LIST VALUE", min: 2, max: 2, do: func(a []any) (any, error) { all, err := list(a[0]); return append(slices.Clone(all), a[1]), err }},
	"prepend":   {form: "LIST VALUE", min: 2, max: 2, do: func(a []any) (any, error) { all, err := list(a[0]); return append([]any{a[1]}, all...), err }},
	"without":   {form: "LIST VALUE...", min: 1, max: -1, do: func(a []any) (any, error) { all, err := list(a[0]); return without(all, a[1:], false), err }},
	"concat":    {form: "LIST...", max: -1, do: concat},
	"until":     {form: "N", min: 1, max: 1, do: func(a []any) (any, error) { return untilStep([]any{0, a[0], 1}) }},
	"untilStep": {form: "FROM TO STEP", min: 3, max: 3, do: untilStep},
}

// itemOf is an item of a list.
func itemOf(all []any, i int) (any, error) {
	if i < 0 || i >= len(all) {
		return nil, errors.New("the list is empty")
	}
	return all[i], nil
}

// holds tells whether a list has a value.
func holds(all []any, value any) bool {
	return slices.ContainsFunc(all, func(item any) bool { return reflect.DeepEqual(item, value) })
}

// without is a list without some values, and each value once.
func without(all, values []any, once bool) []any {
	kept := []any{}
	for _, item := range all {
		if !holds(values, item) && (!once || !holds(kept, item)) {
			kept = append(kept, item)
		}
	}
	return kept
}

func concat(a []any) (any, error) {
	joined := []any{}
	for _, one := range a {
		all, err := list(one)
		if err != nil {
			return nil, err
		}
		joined = append(joined, all...)
	}
	if len(joined) > mostOutput {
		return nil, errTooMany
	}
	return joined, nil
}

// untilStep counts.
func untilStep(a []any) (any, error) {
	var n [3]int
	for i := range n {
		var err error
		if n[i], err = whole(a[i]); err != nil {
			return nil, err
		}
	}
	from, to, step := n[0], n[1], n[2]
	if to < from && step == 1 { // as until counts down to what is below 0
		step = -1
	}
	all := []any{}
	for i := from; step > 0 && i < to || step < 0 && i > to; i += step {
		if all = append(all, i); len(all) > mostListing {
			return nil, errTooMany
		}
	}
	return all, nil
}

// ofMappings are those about mappings.
var ofMappings = map[string]function{
	"dict":           {form: "KEY VALUE...", max: -1, do: dict},
	"get":            onMapping("MAPPING KEY", 2, 2, func(of map[string]any, a []any) (any, error) { return firstOf(of[fmt.Sprint(a[0])], ""), nil }),
	"hasKey":         onMapping("MAPPING KEY", 2, 2, func(of map[string]any, a []any) (any, error) { _, is := of[fmt.Sprint(a[0])]; return is, nil }),
	"set":            onMapping("MAPPING KEY VALUE", 3, 3, func(of map[string]any, a []any) (any, error) { of[fmt.Sprint(a[0])] = copied(a[1]); return of, nil }),
	"unset":          onMapping("MAPPING KEY", 2, 2, func(of map[string]any, a []any) (any, error) { delete(of, fmt.Sprint(a[0])); return of, nil }),
	"keys":           onMapping("MAPPING", 1, 1, func(of map[string]any, _ []any) (any, error) { return listOf(sortedKeys(of)) }),
	"values":         onMapping("MAPPING", 1, 1, func(of map[string]any, _ []any) (any, error) { return valuesOf(of), nil }),
	"pick":           onMapping("MAPPING KEY...", 1, -1, func(of map[string]any, a []any) (any, error) { return picked(of, a, true), nil }),
	"omit":           onMapping("MAPPING KEY...", 1, -1, func(of map[string]any, a []any) (any, error) { return picked(of, a, false), nil }),
	"merge":          {form: "MAPPING...", min: 1, max: -1, do: func(a []any) (any, error) { return merged(a, false) }},
	"mergeOverwrite": {form: "MAPPING...", min: 1, max: -1, do: func(a []any) (any, error) { return merged(a, true) }},
	"dig":            {form: "KEY... OTHER MAPPING", min: 3, max: -1, do: dig},
}

// firstOf is a value, or another one where it is not there.
func firstOf(value, other any) any {
	if value == nil {
		return other
	}
	return value
}

func dict(a []any) (any, error) {
	all := map[string]any{}
	for pair := range slices.Chunk(a, 2) {
		if len(pair) == 1 {
			pair = append(pair, "")
		}
		all[fmt.Sprint(pair[0])] = pair[1]
	}
	return all, nil
}

// valuesOf are the values of a mapping, in the order of its keys.
func valuesOf(of map[string]any) []any {
	all := []any{}
	for _, key := range sortedKeys(of) {
		all = append(all, of[key])
	}
	return all
}

// picked is a mapping with some keys only, or without them.
func picked(of map[string]any, keys []any, with bool) map[string]any {
	all := map[string]any{}
	for key, value := range of {
		if holds(keys, key) == with {
			all[key] = value
		}
	}
	return all
}

// merged merges mappings at every depth. Earlier ones win, or later ones.
func merged(a []any, later bool) (any, error) {
	all := map[string]any{}
	for _, one := range a {
		of, err := mapping(one)
		if err != nil {
			return nil, err
		}
		mergeInto(all, of, later)
	}
	return all, nil
}

func mergeInto(all, of map[string]any, later bool) {
	for key, value := range of {
		own, both := all[key].(map[string]any)
		below, are := value.(map[string]any)
		switch {
		case both && are:
			mergeInto(own, below, later)
		case later || !truth(all[key]):
			all[key] = copied(value)
		}
	}
}

// dig goes down mappings, to another value where there is none.
func dig(a []any) (any, error) {
	keys, other, value := a[:len(a)-2], a[len(a)-2], a[len(a)-1]
	for _, key := range keys {
		of, err := mapping(value)
		if err != nil {
			return nil, err
		}
		if value = of[fmt.Sprint(key)]; value == nil {
			return other, nil
		}
	}
	return value, nil
}

// ofNumbers are those about numbers.
var ofNumbers = map[string]function{
	"int":   {form: "VALUE", min: 1, max: 1, do: func(a []any) (any, error) { return whole(a[0]) }},
	"float": {form: "VALUE", min: 1, max: 1, do: func(a []any) (any, error) { return real(a[0]) }},
	"atoi":  {form: "TEXT", min: 1, max: 1, do: func(a []any) (any, error) { return whole(a[0]) }},
	"add1":  {form: "N", min: 1, max: 1, do: func(a []any) (any, error) { n, err := whole(a[0]); return n + 1, err }},
	"add":   onWhole("N...", 1, -1, func(x, y int) (int, error) { return x + y, nil }),
	"sub":   onWhole("N N", 2, 2, func(x, y int) (int, error) { return x - y, nil }),
	"mul":   onWhole("N...", 1, -1, func(x, y int) (int, error) { return x * y, nil }),
	"div":   onWhole("N N", 2, 2, func(x, y int) (int, error) { return x / y, nonzero(y) }),
	"mod":   onWhole("N N", 2, 2, func(x, y int) (int, error) { return x % y, nonzero(y) }),
	"min":   onWhole("N...", 1, -1, func(x, y int) (int, error) { return min(x, y), nil }),
	"max":   onWhole("N...", 1, -1, func(x, y int) (int, error) { return max(x, y), nil }),
	"floor": {form: "N", min: 1, max: 1, do: func(a []any) (any, error) { x, err := real(a[0]); return math.Floor(x), err }},
	"ceil":  {form: "N", min: 1, max: 1, do: func(a []any) (any, error) { x, err := real(a[0]); return math.Ceil(x), err }},
}

// nonzero refuses to divide by nothing.
func nonzero(n int) error {
	if n == 0 {
		return errors.New("that would divide by 0")
	}
	return nil
}

// onWhole folds whole numbers.
func onWhole(form string, low, high int, do func(x, y int) (int, error)) function {
	return function{form: form, min: low, max: high, do: func(a []any) (any, error) {
		total, err := whole(a[0])
		for _, value := range a[1:] {
			n, unfit := whole(value)
			if err == nil {
				err = unfit
			}
			if err == nil {
				total, err = divided(do, total, n)
			}
		}
		return total, err
	}}
}

// divided does it, unless it would divide by 0, for which the machine has no answer.
func divided(do func(x, y int) (int, error), x, y int) (n int, err error) {
	defer func() {
		if recover() != nil {
			err = nonzero(0)
		}
	}()
	return do(x, y)
}

func isNumber(value any) bool {
	switch value.(type) {
	case int, float64:
		return true
	}
	return false
}

// asFloat is a number.
func asFloat(value any) float64 {
	if n, is := value.(int); is {
		return float64(n)
	}
	return value.(float64)
}

// real is a value as a number.
func real(value any) (float64, error) {
	if isNumber(value) {
		return asFloat(value), nil
	}
	if s, is := value.(string); is {
		if x, err := strconv.ParseFloat(strings.TrimSpace(s), 64); err == nil {
			return x, nil
		}
		return 0, fmt.Errorf("%q is no number", s)
	}
	return 0, fmt.Errorf("%s where there has to be a number", kindOf(value))
}

// whole is a value as a whole number.
func whole(value any) (int, error) {
	if n, is := value.(int); is && n > -1<<53 && n < 1<<53 {
		return n, nil
	}
	x, err := real(value)
	if err == nil && (math.IsNaN(x) || math.Abs(x) > 1<<53) {
		err = fmt.Errorf("%v is no whole number", value)
	}
	return int(x), err
}

// ofForms are those that read and write YAML and JSON.
var ofForms = map[string]function{
	"toYaml":       {form: "VALUE", min: 1, max: 1, do: func(a []any) (any, error) { return toYAML(a[0], true) }},
	"fromYaml":     onText("TEXT", 1, fromYAML),
	"toJson":       {form: "VALUE", min: 1, max: 1, do: func(a []any) (any, error) { return toJSON(a[0], "") }},
	"toPrettyJson": {form: "VALUE", min: 1, max: 1, do: func(a []any) (any, error) { return toJSON(a[0], "  ") }},
	"fromJson":     onText("TEXT", 1, fromJSON),
	"kindOf":       {form: "VALUE", min: 1, max: 1, do: func(a []any) (any, error) { return goKind(a[0]), nil }},
	"kindIs":       {form: "KIND VALUE", min: 2, max: 2, do: func(a []any) (any, error) { return goKind(a[1]) == a[0], nil }},
}

// toYAML is a value as YAML, with or without the end of the last line.
func toYAML(value any, trim bool) (any, error) {
	v, err := tree.Of(value, tree.Origin{})
	if err != nil {
		return nil, err
	}
	out, err := tree.Write(v)
	if trim {
		out = []byte(strings.TrimSuffix(string(out), "\n"))
	}
	return string(out), err
}

// fromYAML reads YAML.
func fromYAML(a []string) (any, error) {
	v, findings := tree.Parse(span.Whole("", a[0]), "")
	if len(findings) > 0 {
		return nil, errors.New(findings[0].What)
	}
	return v.Plain(), nil
}

// fromJSON reads JSON.
func fromJSON(a []string) (any, error) {
	if !json.Valid([]byte(a[0])) {
		return nil, errors.New("that is no JSON")
	}
	return fromYAML(a)
}

// goKind is what Helm's templates call the kind of a value.
func goKind(value any) string {
	switch value.(type) {
	case nil:
		return "invalid"
	case bool:
		return "bool"
	case int:
		return "int"
	case float64:
		return "float64"
	case string:
		return "string"
	case []any:
		return "slice"
	}
	return "map"
}
