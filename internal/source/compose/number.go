package compose

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"
)

// texts are keys whose values are the user's words, whatever they look like.
var texts = []string{"annotations", "environment", "labels", "logging", "storage_opt", "sysctls"}

// A numberReader sees to it that numbers arrive as they are meant.
type numberReader struct{ *report }

// exact gives the numbers in a key's value a form of which the loader loses nothing:
// it takes a fraction for none where it wants a size, and cuts it off where it wants
// a whole number. It is not ok when there is a number that cannot be meant.
func (r numberReader) exact(key string, value any) (exact any, ok bool) {
	if slices.Contains(texts, key) || key == "cpus" {
		return value, true
	}
	whole := wholes(value)
	switch v := whole.(type) {
	case float64, uint64:
		r.mustBe(key, form(key), value)
		return nil, false
	case string:
		if key == "cpu_rt_period" || key == "cpu_rt_runtime" {
			return microseconds(v), true
		}
	case map[string]any:
		switch key {
		case "blkio_config":
			return integers(v, serviceShape().at(key)), true
		case "ulimits":
			return r.wholeUlimits(v), true
		}
	}
	return whole, true
}

// wholes is v with every number that is whole as an integer: YAML has 1e6 as a fraction.
func wholes(v any) any {
	switch v := v.(type) {
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int(v)
		}
	case []any:
		for i := range v {
			v[i] = wholes(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = wholes(v[name])
		}
	}
	return v
}

// microseconds is a duration as the number that the loader wants, or the text that
// it is, a number or not.
func microseconds(text string) any {
	if d, err := time.ParseDuration(text); err == nil && d != 0 {
		return int(d.Microseconds())
	}
	return text
}

// wholeUlimits returns limits as the loader has to have them: it does not survive
// anything but integers within a mapping.
func (r numberReader) wholeUlimits(all map[string]any) map[string]any {
	integers(all, serviceShape().at("ulimits"))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		both, _ := all[name].(map[string]any)
		for _, key := range []string{"hard", "soft"} {
			value, there := both[key]
			if _, is := value.(int); there && !is {
				r.mustBe("ulimits."+name+"."+key, forms["ulimits.*"], value)
				delete(all, name)
			}
		}
	}
	return all
}

// integers is v with every number as an integer that is written as text where the shape has
// integers.
func integers(v any, s shape) any {
	switch v := v.(type) {
	case string:
		if n, err := strconv.Atoi(v); err == nil && s.has("integer") {
			return n
		}
	case []any:
		for i := range v {
			v[i] = integers(v[i], s.items())
		}
	case map[string]any:
		for name := range v {
			v[name] = integers(v[name], s.at(name))
		}
	}
	return v
}

// changed warns of numbers and booleans among the user's words that YAML changes before
// anybody can read them: 0755 is 493, and 1.10 is 1.1.
func (r numberReader) changed(path string, n *yaml.Node, s shape) {
	switch n.Kind {
	case yaml.MappingNode:
		for pair := range slices.Chunk(n.Content, 2) {
			r.changed(path+"."+pair[0].Value, pair[1], s.at(pair[0].Value))
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			r.changed(path, item, s.items())
		}
	case yaml.ScalarNode:
		if became := fmt.Sprint(decoded(n)); isPlain(n) && isScalar(n) && s.isWords() && became != n.Value {
			r.doubt(path, "%s is the number or flag %s to YAML, which is what the component gets; write '%s' in quotes if that is meant", n.Value, became, n.Value)
		}
	}
}

// isScalar tells whether n is a number or a boolean.
func isScalar(n *yaml.Node) bool {
	tag := n.ShortTag()
	return tag == "!!int" || tag == "!!float" || tag == "!!bool"
}

// isWords tells whether the place holds the user's own words, of which a number is one: the
// schema has null there too.
func (s shape) isWords() bool { return s.has("string") && s.has("number") && s.has("null") }
