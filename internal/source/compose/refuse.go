package compose

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/pod"
)

// blame reports what the loader refuses about a key's value: each of its entries
// that is refused on its own, so that no mistake hides behind another, or else
// the whole, for which err is the reason. It returns what is left of the value,
// nil when nothing is.
func (r *reader) blame(key string, value any, err error) (rest any) {
	before := len(r.problems)
	switch v := value.(type) {
	case []any:
		rest = r.blameItems(key, v)
	case map[string]any:
		rest = r.blameEntries(key, v)
	}
	if len(r.problems) == before {
		r.refuse(refusal{key, key, key, value, err})
		return nil
	}
	return rest
}

// blameItems reports the items of a list that are refused, and returns the others.
func (r *reader) blameItems(key string, list []any) any {
	rest := []any{}
	for _, item := range list {
		alone := func(v any) any { return []any{v} }
		if r.takes(refusal{key: key, place: key, path: key + ".0", value: item}, alone) {
			rest = append(rest, item)
		}
	}
	return rest
}

// blameEntries reports the entries of a mapping that are refused, and returns the others.
func (r *reader) blameEntries(key string, mapping map[string]any) any {
	rest := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(mapping)) {
		path, value := key+"."+name, mapping[name]
		alone := func(v any) any { return map[string]any{name: v} }
		if r.takes(refusal{key: key, place: path, path: path, value: value}, alone) {
			rest[name] = value
		}
	}
	return rest
}

// takes tells whether the loader takes a key's value with one entry alone. If not
// it reports the entry, unless it is the list or the mapping itself that is wrong.
func (r *reader) takes(entry refusal, alone func(any) any) bool {
	entry.err = try(entry.key, alone(entry.value))
	if entry.err == nil {
		return true
	}
	if where, what := explain(entry.err); where != entry.key || !strings.HasPrefix(what, "must be") {
		r.refuseAll(entry, alone)
	}
	return false
}

// refuseAll reports the entry and, as long as the loader names fields of it, tries
// again without those: it tells of one mistake at a time, and of any of them first.
func (r *reader) refuseAll(entry refusal, alone func(any) any) {
	first := len(r.problems)
	r.refuse(entry)
	left, _ := clone(entry.value).(map[string]any)
	for deleteAll(left, entry.fields()) {
		entry.err = try(entry.key, alone(left))
		if entry.err != nil && len(entry.fields()) > 0 {
			r.refuse(entry)
		}
	}
	slices.SortFunc(r.problems[first:], func(a, b pod.Problem) int { return cmp.Compare(a.String(), b.String()) })
}

// deleteAll takes the names out of the mapping and tells whether any was there.
func deleteAll(mapping map[string]any, names []string) bool {
	before := len(mapping)
	for _, name := range names {
		delete(mapping, name)
	}
	return len(mapping) < before
}

// try tells what the loader says of a value of the key.
func try(key string, value any) error {
	_, err := load(map[string]any{key: value})
	return err
}

// A refusal is a value that the loader does not take.
type refusal struct {
	key   string // of the service
	place string // of the value, for the user
	path  string // of the value, for the loader
	value any
	err   error
}

// fields are those of the value that the loader names.
func (no refusal) fields() []string {
	if no.err == nil {
		return nil
	}
	where, what := explain(no.err)
	if within, deeper := strings.CutPrefix(where, no.path+"."); deeper {
		field, _, _ := strings.Cut(within, ".")
		return []string{field}
	}
	if where == no.path {
		return names(what)
	}
	return nil
}

// What the loader says when there is too much or too little.
var (
	tooMuch   = regexp.MustCompile(`(?s)^additional properties '(.*)' not allowed`)
	tooLittle = regexp.MustCompile(`^missing propert(?:y|ies) '([^']*)'`)
	twice     = regexp.MustCompile(`^items at \d+ and \d+ are equal`)
)

// refuse puts a refusal into words.
func (r *reader) refuse(no refusal) {
	where, what := explain(no.err)
	within, deeper := strings.CutPrefix(where, no.path+".")
	within = strings.ToLower(position.ReplaceAllString(within, "")) // the decoder has the names of Go's fields
	if unknown := names(what); len(unknown) > 0 {
		r.unknown(strings.ReplaceAll(where, ".0", ""), unknown)
	} else if missing := tooLittle.FindStringSubmatch(what); missing != nil {
		r.wrong(no.place, "%s is missing; it must be %s", missing[1], form(no.key+"."+missing[1], no.key))
	} else if twice.MatchString(what) {
		r.wrong(no.place, "%s has an item twice; leave one out", Quote(no.value))
	} else if deeper {
		r.wrong(no.place, "%s must be %s in %s", within, form(no.path+"."+within, no.path+".*", no.key+"."+within, no.path, no.key), Quote(no.value))
	} else {
		r.mustBe(no.place, form(no.path, no.key+".*", no.key), no.value)
	}
}

// names are the keys of which there are too many, if that is what the loader says.
func names(what string) []string {
	found := tooMuch.FindStringSubmatch(what)
	if found == nil {
		return nil
	}
	return slices.Sorted(strings.SplitSeq(found[1], "', '"))
}

// unknown reports names that must not be in the mapping at path.
func (r *reader) unknown(path string, names []string) {
	for _, name := range names {
		switch path {
		case "annotations", "depends_on", "environment", "labels", "post_start.environment", "pre_stop.environment", "sysctls":
			r.wrong(path, "%q cannot be a name", name)
		default:
			r.wrong(path+"."+name, "unknown key")
		}
	}
}

// mustBe reports that the value at path has the wrong form.
func (r *reader) mustBe(path, form string, value any) {
	switch value.(type) {
	case nil:
		r.wrong(path, "must be %s, but is empty", form)
	case bool, int, int64, uint64, float64:
		hint := ""
		if strings.HasPrefix(form, "a string") {
			hint = "; put it in quotes"
		}
		r.wrong(path, "must be %s, not %s%s", form, Quote(value), hint)
	default:
		r.wrong(path, "must be %s, not %s", form, Quote(value))
	}
}

// form is what has to be at the first of the paths of which that is known.
func form(paths ...string) string {
	for _, path := range paths {
		if form, known := forms[path]; known {
			return form
		}
	}
	return "something else"
}

// The ways in which the loader names a place: the schema has "services.it.tty must
// be", and the decoder "'tty' invalid boolean".
var (
	fromSchema  = regexp.MustCompile(`services\.` + only + `\.?(\S*?):? (.*)`)
	fromDecoder = regexp.MustCompile(`(?m)^\s*'(\S*)' (.*)`)
	position    = regexp.MustCompile(`^\d+\.`)
	index       = regexp.MustCompile(`\.?\[([^\]]+)\]`)
)

// explain takes the loader's error apart. Where is empty when the loader names no place.
func explain(err error) (where, what string) {
	for _, known := range []*regexp.Regexp{fromSchema, fromDecoder} {
		if found := known.FindStringSubmatch(err.Error()); found != nil {
			return index.ReplaceAllString(found[1], ".$1"), found[2]
		}
	}
	return "", err.Error()
}

// Quote shows a decoded YAML value on one line, much as its user wrote it.
func Quote(value any) string {
	if value == nil {
		return "nothing"
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(value) != nil { // infinity and the like
		return fmt.Sprint(value)
	}
	return shorten(strings.TrimSpace(text.String()))
}

// shorten is the text's beginning where all of it would be too much for a line.
func shorten(text string) string {
	const enough = 80
	if runes := []rune(text); len(runes) > enough {
		return string(runes[:enough]) + "..."
	}
	return text
}
