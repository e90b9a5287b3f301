package compose

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
)

// environment adds the variables that are to be set to those of files, nil if there are
// none. One that was written without a value has the supervisor's, and is not set when
// the supervisor has none (Compose: environment).
func (o ownReader) environment(path string, env map[string]string, m types.MappingWithEquals) map[string]string {
	if m != nil && env == nil {
		env = map[string]string{}
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if key == "" || strings.Contains(key, "=") {
			o.wrong(path, "%s is no name of a variable", Quote(key))
			continue
		}
		if given := m[key]; given != nil {
			env[key] = *given
		} else if own, found := o.Lookup(key); found {
			env[key] = own
		} else {
			delete(env, key)
		}
	}
	return env
}

// raw is the format of an environment file in which nothing has a special meaning.
const raw = "raw"

// envFiles are the variables that the files set, later ones winning, nil without a file. A
// file may refer to what the supervisor has, to what given sets and to what comes before.
func (o ownReader) envFiles(files []types.EnvFile, given types.MappingWithEquals) map[string]string {
	if files == nil {
		return nil
	}
	env := map[string]string{}
	lookup := func(name string) (string, bool) {
		if value, found := o.Lookup(name); found {
			return value, true
		}
		if value := given[name]; value != nil {
			return *value, true
		}
		return "", false
	}
	for _, file := range files {
		text, err := o.ReadFile(file.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && !bool(file.Required):
			continue
		case err == nil && file.Format == raw:
			err = rawVariables(text, env, o.Lookup)
		case err == nil && file.Format == "":
			err = variables(text, env, lookup)
		case err == nil:
			err = errors.New("its format must be raw, or be left out")
		}
		o.unread("env_file", file.Path, err)
	}
	return env
}

// variables adds those of a file as Compose reads it, with quotes, comments and $.
func variables(text []byte, env map[string]string, lookup dotenv.LookupFn) error {
	err := dotenv.ParseWithFormat(bytes.NewReader(text), "", env, lookup, "")
	if err == nil {
		return nil
	}
	if known := discreet.FindString(err.Error()); known != "" {
		return errors.New(known)
	}
	return errors.New("a line of it cannot be understood")
}

// discreet is what may be told of a file that may hold secrets.
var discreet = regexp.MustCompile(`line \d+: (key cannot contain a space|unexpected character|unterminated quoted value)`)

// rawVariables adds the variables of a file of lines NAME=value, as docker run
// --env-file reads it: a NAME alone has the supervisor's value, if it has one.
func rawVariables(text []byte, env map[string]string, lookup func(string) (string, bool)) error {
	for line := range strings.Lines(string(text)) {
		line = strings.TrimLeft(strings.TrimRight(line, "\r\n"), " \t")
		name, value, assigned := strings.Cut(line, "=")
		switch {
		case line == "" || line[0] == '#':
		case name == "" || strings.ContainsAny(name, " \t"):
			return errors.New("a line has no name, or one with a space")
		case assigned:
			env[name] = value
		default:
			if own, found := lookup(name); found {
				env[name] = own
			}
		}
	}
	return nil
}

// Variables adds those of a file as docker compose --env-file reads it.
func Variables(text []byte, env map[string]string, lookup func(string) (string, bool)) error {
	return variables(text, env, lookup)
}
