package compose

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"regexp"
	"strings"

	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/types"
)

// Own is what belongs to the supervisor and a definition may refer to.
type Own struct {
	// Lookup finds a variable of its environment, as os.LookupEnv does.
	Lookup func(name string) (value string, found bool)
	// ReadFile reads a file of its own, as os.ReadFile does.
	ReadFile func(path string) ([]byte, error)
}

// raw is the format of an environment file in which nothing has a special meaning.
const raw = "raw"

// envFiles are the variables that the files set, later ones winning, nil without a file. A
// file may refer to what the supervisor has, to what given sets and to what comes before.
func (r *reader) envFiles(files []types.EnvFile, given types.MappingWithEquals) map[string]string {
	if files == nil {
		return nil
	}
	env := map[string]string{}
	lookup := func(name string) (string, bool) {
		if value, found := r.own.Lookup(name); found {
			return value, true
		}
		if value := given[name]; value != nil {
			return *value, true
		}
		return "", false
	}
	for _, file := range files {
		text, err := r.own.ReadFile(file.Path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && !bool(file.Required):
			continue
		case err == nil && file.Format == raw:
			err = rawVariables(text, env, r.own.Lookup)
		case err == nil && file.Format == "":
			err = variables(text, env, lookup)
		case err == nil:
			err = errors.New("its format must be raw, or be left out")
		}
		r.unread("env_file", file.Path, err)
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

// labels are those of the files, later ones winning, and those given, which win over all.
func (r *reader) labels(files []string, given types.Labels) map[string]string {
	if len(files) == 0 {
		return given
	}
	labels := map[string]string{}
	for _, file := range files {
		text, err := r.own.ReadFile(file)
		if err == nil {
			err = variables(text, labels, nil)
		}
		r.unread("label_file", file, err)
	}
	maps.Copy(labels, given)
	return labels
}

// securityOptions are the options with the text of a seccomp profile in place of its
// path, as the engine wants it.
func (r *reader) securityOptions(options []string) []string {
	var all []string
	for _, option := range options {
		file, isSeccomp := strings.CutPrefix(strings.Replace(option, ":", "=", 1), "seccomp=")
		if isSeccomp && file != "unconfined" && file != "builtin" {
			text, err := r.own.ReadFile(file)
			var profile bytes.Buffer
			if err == nil {
				err = json.Compact(&profile, text)
			}
			r.unread("security_opt", file, err)
			option = "seccomp=" + profile.String()
		}
		all = append(all, option)
	}
	return all
}

// unread reports a file of the supervisor that could not be read.
func (r *reader) unread(key, file string, err error) {
	if err != nil {
		r.wrong(key, "cannot read %s in the supervisor: %s", Quote(file), reason(err))
	}
}
