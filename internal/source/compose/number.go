package compose

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
)

// texts are keys whose values are the user's words, whatever they look like.
var texts = []string{"annotations", "environment", "labels", "logging", "storage_opt", "sysctls"}

// exact gives the numbers in a key's value a form of which the loader loses nothing:
// it takes a fraction for none where it wants a size, and cuts it off where it wants
// a whole number. It is not ok when there is a number that cannot be meant.
func (r *reader) exact(key string, value any) (exact any, ok bool) {
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
			return integers(v), true
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
func (r *reader) wholeUlimits(all map[string]any) map[string]any {
	integers(all)
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

// integers is v with every number that is written as text as an integer.
func integers(v any) any {
	switch v := v.(type) {
	case string:
		if n, err := strconv.Atoi(v); err == nil {
			return n
		}
	case []any:
		for i := range v {
			v[i] = integers(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = integers(v[name])
		}
	}
	return v
}
