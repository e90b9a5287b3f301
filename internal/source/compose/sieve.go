package compose

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/podlike/podlike/internal/pod"
)

// A sieve parts what the loader takes of a service's definition from what it refuses, which
// it reports.
type sieve struct {
	Service
	*report
}

// load has the loader read the definition. Where it refuses, all that is to blame
// is reported, and the rest is loaded without.
func (s sieve) load(definition map[string]any) types.ServiceConfig {
	service, err := load(definition)
	if err == nil {
		return service
	}
	for node := range s.keys() {
		key := node.Value
		value, there := definition[key]
		if !there {
			continue
		}
		if rest, some := s.taken(key, value); some {
			definition[key] = rest
		} else {
			delete(definition, key)
		}
	}
	if service, err = load(definition); err != nil {
		s.wrong("", "cannot be read: %v", err)
	}
	return service
}

// taken is as much of a key's value as the loader takes, if it takes any. All else is
// reported: what is left without one mistake may have another, such as an item that is
// there twice.
func (s sieve) taken(key string, value any) (rest any, some bool) {
	for {
		err := try(key, value)
		if err == nil {
			return value, true
		}
		if value = s.blame(key, value, err); value == nil {
			return nil, false
		}
	}
}

// blame reports what the loader refuses about a key's value: each of its entries
// that is refused on its own, so that no mistake hides behind another, or else
// the whole, for which err is the reason. It returns what is left of the value,
// nil when nothing is.
func (s sieve) blame(key string, value any, err error) (rest any) {
	before := len(s.problems)
	switch v := value.(type) {
	case []any:
		rest = s.blameItems(key, v)
	case map[string]any:
		rest = s.blameEntries(key, v)
	}
	if len(s.problems) == before {
		s.refuse(refusal{key, key, key, value, err})
		return nil
	}
	return rest
}

// blameItems reports the items of a list that are refused, and returns the others.
func (s sieve) blameItems(key string, list []any) any {
	rest := []any{}
	for _, item := range list {
		alone := func(v any) any { return []any{v} }
		if s.takes(refusal{key: key, place: key, path: key + ".0", value: item}, alone) {
			rest = append(rest, item)
		}
	}
	return rest
}

// blameEntries reports the entries of a mapping that are refused, and returns the others.
func (s sieve) blameEntries(key string, mapping map[string]any) any {
	rest := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(mapping)) {
		path, value := key+"."+name, mapping[name]
		alone := func(v any) any { return map[string]any{name: v} }
		if s.takes(refusal{key: key, place: path, path: path, value: value}, alone) {
			rest[name] = value
		}
	}
	return rest
}

// takes tells whether the loader takes a key's value with one entry alone. If not
// it reports the entry, unless it is the list or the mapping itself that is wrong.
func (s sieve) takes(entry refusal, alone func(any) any) bool {
	entry.err = try(entry.key, alone(entry.value))
	if entry.err == nil {
		return true
	}
	if where, what := explain(entry.err); where != entry.key || !strings.HasPrefix(what, "must be") {
		s.refuseAll(entry, alone)
	}
	return false
}

// refuseAll reports the entry and, as long as the loader names fields of it, tries
// again without those: it tells of one mistake at a time, and of any of them first.
func (s sieve) refuseAll(entry refusal, alone func(any) any) {
	first := len(s.problems)
	s.refuse(entry)
	left, _ := clone(entry.value).(map[string]any)
	for deleteAll(left, entry.fields()) {
		entry.err = try(entry.key, alone(left))
		if entry.err != nil && len(entry.fields()) > 0 {
			s.refuse(entry)
		}
	}
	slices.SortFunc(s.problems[first:], func(a, b pod.Problem) int { return cmp.Compare(a.String(), b.String()) })
}

// deleteAll takes the names out of the mapping and tells whether any was there.
func deleteAll(mapping map[string]any, names []string) bool {
	before := len(mapping)
	for _, name := range names {
		delete(mapping, name)
	}
	return len(mapping) < before
}

// refuse puts a refusal into words.
func (s sieve) refuse(no refusal) {
	where, what := explain(no.err)
	within, deeper := strings.CutPrefix(where, no.path+".")
	within = strings.ToLower(position.ReplaceAllString(within, "")) // the decoder has the names of Go's fields
	if unknown := names(what); len(unknown) > 0 {
		s.unknown(strings.ReplaceAll(where, ".0", ""), unknown)
	} else if missing := tooLittle.FindStringSubmatch(what); missing != nil {
		s.wrong(no.place, "%s is missing; it must be %s", missing[1], form(no.key+"."+missing[1], no.key))
	} else if twice.MatchString(what) {
		s.wrong(no.place, "%s has an item twice; leave one out", Quote(no.value))
	} else if deeper {
		s.wrong(no.place, "%s must be %s in %s", within, form(no.path+"."+within, no.path+".*", no.key+"."+within, no.path, no.key), Quote(no.value))
	} else {
		s.mustBe(no.place, form(no.path, no.key+".*", no.key), no.value)
	}
}

// unknown reports names that must not be in the mapping at path.
func (s sieve) unknown(path string, names []string) {
	for _, name := range names {
		switch path {
		case "annotations", "depends_on", "environment", "labels", "post_start.environment", "pre_stop.environment", "sysctls":
			s.wrong(path, "%q cannot be a name", name)
		default:
			s.wrong(path+"."+name, "unknown key%s", didYouMean(name, serviceShape().keys(path), ""))
		}
	}
}
