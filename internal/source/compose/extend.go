package compose

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/override"
	"github.com/compose-spec/compose-go/v2/tree"
	"gopkg.in/yaml.v3"
)

// extended is the service with what it extends, and with what that extends. The trail
// are the services that extend it.
func (a *assembler) extended(s *service, beside map[string]*service, trail []*service) *service {
	says := s.entry("extends")
	if says == nil {
		return s
	}
	plain := *s
	plain.entries = slices.DeleteFunc(slices.Clone(s.entries), func(e entry) bool { return e.key == "extends" })
	name, from := s.origin("extends", "")
	place := from.String(name)
	trail = append(slices.Clone(trail), s)
	base, beside := a.base(place, s, says.value, beside)
	switch {
	case base != nil && !slices.Contains(trail, base):
		return a.merge(a.extended(base, beside, trail), &plain)
	case base != nil:
		a.wrong(place, "%s: a service cannot extend itself", strings.Join(append(namesOf(trail), base.name), " -> "))
	}
	plain.partial = true
	return &plain
}

// namesOf are those of the services.
func namesOf(all []*service) []string {
	var names []string
	for _, s := range all {
		names = append(names, s.name)
	}
	return names
}

// base is the service that is extended, and those beside it, and is reported if it is
// not there.
func (a *assembler) base(place string, s *service, says *yaml.Node, beside map[string]*service) (*service, map[string]*service) {
	var on struct{ Service, File string }
	if says.Kind == yaml.ScalarNode {
		on.Service = says.Value
	} else if says.Decode(&on) != nil || on.Service == "" {
		a.wrong(place, "must be the name of a service, or a mapping such as {service: web, file: other.yml}")
		return nil, nil
	}
	in := "this file"
	if on.File != "" {
		file := s.path(on.File)
		from := a.extend(place, file, s)
		if from == nil {
			return nil, nil
		}
		beside, in = from.services, file
	}
	if beside[on.Service] == nil {
		a.wrong(place, "there is no service %s in %s", Quote(on.Service), in)
	}
	return beside[on.Service], beside
}

// extend loads a file of which a service is extended, once. What it includes does not
// matter.
func (a *assembler) extend(place, file string, s *service) *source {
	this := extension{file, s.by}
	if from, known := a.extendable[this]; known {
		return from
	}
	var from *source
	within := scope{dir: path.Dir(file), lookup: s.lookup, by: s.by}
	for _, root := range a.parse(place, file, within) {
		next := a.source(file, root, within)
		if from != nil {
			a.add(from, next)
		}
		from = next
	}
	a.extendable[this] = from
	return from
}

// merge is the one service over the other, by Compose's rules for files that override
// each other.
func (a *assembler) merge(base, over *service) *service {
	merged := *over
	merged.entries, merged.partial = nil, base.partial || over.partial
	for _, e := range base.entries {
		if over.entry(e.key) == nil {
			merged.entries = append(merged.entries, e)
		}
	}
	for _, e := range over.entries {
		if below := base.entry(e.key); below != nil && !e.reset && !e.replace {
			value, err := mergeValues(e.key, below.value, e.value)
			if err != nil {
				name, from := over.origin(e.key, "")
				a.wrong(from.String(name), "cannot be laid over what %s says; write both in the same form", servicePlace(below.file, below.service))
				continue
			}
			e.value = value
		}
		merged.entries = append(merged.entries, e)
	}
	return &merged
}

// mergeValues lays a key's value over another. compose-go expects values that its
// schema has allowed, and does not survive some others.
func mergeValues(key string, base, over *yaml.Node) (merged *yaml.Node, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cannot merge: %v", r)
		}
	}()
	var below, above any
	if err := errors.Join(base.Decode(&below), over.Decode(&above)); err != nil {
		return nil, err
	}
	value, err := override.MergeYaml(below, above, tree.NewPath("services", only, key))
	if err != nil {
		return nil, err
	}
	merged = &yaml.Node{}
	if list, is := value.([]any); is && key == "volumes" {
		return merged, merged.Encode(lastOfTargets(list))
	}
	one, err := override.EnforceUnicity(map[string]any{"services": map[string]any{only: map[string]any{key: value}}})
	if err != nil {
		return nil, err
	}
	return merged, merged.Encode(one["services"].(map[string]any)[only].(map[string]any)[key])
}

// lastOfTargets are the volumes of which no later one has the target. compose-go
// would take d:/data for a path of Windows.
func lastOfTargets(volumes []any) []any {
	var last []any
	places := map[string]int{}
	for _, v := range volumes {
		target := targetOf(v)
		if short, is := v.(string); is {
			parts := strings.Split(short, ":")
			target = path.Clean(parts[min(1, len(parts)-1)])
		}
		if i, there := places[target]; there && target != "" {
			last[i] = v
			continue
		}
		places[target] = len(last)
		last = append(last, v)
	}
	return last
}
