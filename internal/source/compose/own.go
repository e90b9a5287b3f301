package compose

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"
)

// Own is what belongs to the supervisor and a definition may refer to.
type Own struct {
	// Lookup finds a variable of its environment, as os.LookupEnv does.
	Lookup func(name string) (value string, found bool)
	// ReadFile reads a file of its own, as os.ReadFile does.
	ReadFile func(path string) ([]byte, error)
	// Project is put before the names of a Compose file's volumes. Nil: what the file or
	// COMPOSE_PROJECT_NAME says; empty: nothing is.
	Project *string
	// Nameless: the components of a Compose file do not find each other by name.
	Nameless bool
}

// An ownReader reads what refers to what is the supervisor's own.
type ownReader struct {
	*report
	Own
}

// labels are those of the files, later ones winning, and those given, which win over all.
func (o ownReader) labels(files []string, given types.Labels) map[string]string {
	if len(files) == 0 {
		return given
	}
	labels := map[string]string{}
	for _, file := range files {
		text, err := o.ReadFile(file)
		if err == nil {
			err = variables(text, labels, nil)
		}
		o.unread("label_file", file, err)
	}
	maps.Copy(labels, given)
	return labels
}

// securityOptions are the options with the text of a seccomp profile in place of its
// path, as the engine wants it.
func (o ownReader) securityOptions(options []string) []string {
	var all []string
	for _, option := range options {
		file, isSeccomp := strings.CutPrefix(strings.Replace(option, ":", "=", 1), "seccomp=")
		if isSeccomp && file != "unconfined" && file != "builtin" {
			text, err := o.ReadFile(file)
			var profile bytes.Buffer
			if err == nil {
				err = json.Compact(&profile, text)
			}
			o.unread("security_opt", file, err)
			option = "seccomp=" + profile.String()
		}
		all = append(all, option)
	}
	return all
}

// unread reports a file of the supervisor that could not be read.
func (o ownReader) unread(key, file string, err error) {
	if err != nil {
		o.wrong(key, "cannot read %s in the supervisor: %s", Quote(file), reason(err))
	}
}
