package template

import (
	"slices"
	"strconv"
	"strings"

	"github.com/mattn/go-shellwords"

	"github.com/podlike/podlike/internal/source/tree"
	"github.com/podlike/podlike/internal/template/merge"
	"github.com/podlike/podlike/internal/template/render"
)

// A record is a mapping of Compose's, whose keys go by the names that Go has for them as well:
// read_only is ReadOnly, as of old.
type record struct {
	all map[string]any
	// zeros are what keys are that it does not have, but could.
	zeros map[string]zero
}

var _ render.Record = record{}

// folded is a name as Compose and Go both would have it.
func folded(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "")) }

// goNames are those names of docker's own types that are not Compose's in another case.
var goNames = map[string]string{"NanoCPUs": "cpus", "MemoryBytes": "memory", "Ipc": "ipc"}

// Field implements render.Record.
func (r record) Field(name string) (any, bool) {
	if value, is := r.all[name]; is {
		return value, true
	}
	if other := goNames[name]; other != "" {
		name = other
	}
	for _, key := range keysOf(r.all) {
		if folded(key) == folded(name) && !strings.Contains(name, "_") || key == name {
			return r.all[key], true
		}
	}
	for _, key := range keysOf(r.zeros) {
		if key == name || folded(key) == folded(name) && !strings.Contains(name, "_") {
			return r.zeros[key].empty(), true
		}
	}
	return nil, false
}

// Names implements render.Record.
func (r record) Names() []string {
	if r.zeros == nil {
		return keysOf(r.all)
	}
	all := keysOf(r.all)
	for key := range r.zeros {
		if !slices.Contains(all, key) {
			all = append(all, key)
		}
	}
	return all
}

// Plain implements render.Record.
func (r record) Plain() map[string]any { return r.all }

// users are the keys below which the names are the user's, and stand for nothing else.
var users = []string{
	"environment", "labels", "annotations", "sysctls", "driver_opts", "options", "storage_opt", "args", "extra_hosts",
	"services", "volumes", "networks", "configs", "secrets", "depends_on", "ulimits",
}

// recordOf makes records of the mappings in a value, whose key it is.
func recordOf(key string, value any) any {
	switch value := value.(type) {
	case map[string]any:
		all := map[string]any{}
		for k, v := range value {
			all[k] = recordOf(k, v)
		}
		if slices.Contains(users, key) || strings.HasPrefix(key, "x-") {
			return all
		}
		return record{all: all}
	case []any:
		all := make([]any, len(value))
		for i, item := range value {
			all[i] = recordOf("", item)
		}
		return all
	}
	return value
}

// serviceRecord is a service as templates see it: in the long form.
func serviceRecord(name string, service *tree.Value) record {
	all := normal(service)
	all["name"] = name
	r := recordOf("", all).(record)
	r.zeros = map[string]zero{}
	for _, row := range Rows {
		r.zeros[row.Key] = row.zero
	}
	return r
}

// stackRecord is the stack as templates see it.
func stackRecord(stack *tree.Value) record {
	all := map[string]any{}
	for _, key := range stackKeys {
		all[key] = map[string]any{}
	}
	for _, e := range stack.Entries {
		if e.Key != "services" && !e.Value.IsNull() {
			all[e.Key] = recordOf(e.Key, e.Value.Plain())
		}
	}
	services := map[string]any{}
	if of := stack.Get("services"); of != nil {
		for _, e := range of.Entries {
			services[e.Key] = serviceRecord(e.Key, e.Value)
		}
	}
	all["services"] = services
	return record{all: all}
}

// normal is a service with each of its keys in one form.
func normal(service *tree.Value) map[string]any {
	all := map[string]any{}
	for _, e := range service.Entries {
		if e.Value.IsNull() {
			continue
		}
		all[e.Key] = normalKey(e.Key, e.Value)
	}
	return all
}

// normalKey is the value of a key in its long form.
func normalKey(key string, v *tree.Value) any {
	switch key {
	case "command", "entrypoint":
		if v.IsText() {
			words, err := shellwords.Parse(v.Text)
			if err != nil {
				words = []string{v.Text}
			}
			return tree.NewList(words, v.At).Plain()
		}
	case "environment", "labels", "sysctls", "annotations", "networks", "depends_on":
		return merge.Named(key, v).Plain()
	case "env_file", "dns", "dns_search", "tmpfs":
		if v.IsText() {
			return []any{v.Text}
		}
	case "ports":
		return longs(v, longPorts)
	case "volumes":
		return longs(v, longVolume)
	case "configs", "secrets":
		return longs(v, func(text string) []any { return []any{map[string]any{"source": text}} })
	case "healthcheck":
		plain, _ := v.Plain().(map[string]any)
		if test, is := plain["test"].(string); is {
			plain["test"] = []any{"CMD-SHELL", test}
		}
		return plain
	case "deploy":
		plain, _ := v.Plain().(map[string]any)
		if labels := v.Get("labels"); !labels.IsNull() {
			plain["labels"] = merge.Named("labels", labels).Plain()
		}
		return plain
	}
	return v.Plain()
}

// longs are the items of a list in the long form.
func longs(v *tree.Value, long func(text string) []any) any {
	if v.Kind != tree.List {
		return v.Plain()
	}
	all := []any{}
	for _, item := range v.Items {
		if item.Kind == tree.Scalar {
			all = append(all, long(item.Text)...)
		} else {
			all = append(all, item.Plain())
		}
	}
	return all
}

// longVolume is SOURCE:TARGET:MODE in the long form.
func longVolume(text string) []any {
	parts := merge.Split(text)
	v := map[string]any{"type": "volume", "target": parts[0]}
	if len(parts) > 1 {
		v["source"], v["target"] = parts[0], parts[1]
		if strings.HasPrefix(parts[0], "/") || strings.HasPrefix(parts[0], ".") || strings.HasPrefix(parts[0], "~") {
			v["type"] = "bind"
		}
	}
	if len(parts) > 2 && slices.Contains(strings.Split(parts[2], ","), "ro") {
		v["read_only"] = true
	}
	return []any{v}
}

// longPorts are [IP:]PUBLISHED:TARGET/PROTOCOL in the long form, one for each of a range.
func longPorts(text string) []any {
	parts := merge.Split(text)
	target, protocol, found := strings.Cut(parts[len(parts)-1], "/")
	if !found {
		protocol = "tcp"
	}
	published := ""
	if len(parts) > 1 {
		published = parts[len(parts)-2]
	}
	first, last, isRange := portRange(target)
	from, _, both := portRange(published)
	if !isRange {
		p := map[string]any{"mode": "ingress", "target": portOf(target), "protocol": protocol}
		if published != "" {
			p["published"] = portOf(published)
		}
		return []any{p}
	}
	var all []any
	for port := first; port <= last && port-first < 1000; port++ {
		p := map[string]any{"mode": "ingress", "target": port, "protocol": protocol}
		if both {
			p["published"] = from + port - first
		}
		all = append(all, p)
	}
	return all
}

// portRange are the ends of a range of ports.
func portRange(text string) (first, last int, isRange bool) {
	a, b, found := strings.Cut(text, "-")
	first, err := strconv.Atoi(a)
	last, other := strconv.Atoi(b)
	return first, last, found && err == nil && other == nil && first <= last
}

// portOf is a port as a number, if it is one.
func portOf(text string) any {
	if n, err := strconv.Atoi(text); err == nil {
		return n
	}
	return text
}
