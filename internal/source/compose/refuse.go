package compose

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

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

// names are the keys of which there are too many, if that is what the loader says.
func names(what string) []string {
	found := tooMuch.FindStringSubmatch(what)
	if found == nil {
		return nil
	}
	all := strings.Split(found[1], "', '")
	for i, name := range all {
		if plain, err := strconv.Unquote(`"` + name + `"`); err == nil { // the schema escapes what is not seen
			all[i] = plain
		}
	}
	slices.Sort(all)
	return all
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
