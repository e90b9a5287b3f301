// Package merge lays what several texts say of one service over each other. How each key is
// merged is a table, of which the documentation is made as well.
package merge

import "strings"

// How says how two values of a key become one.
type How int

// The ways there are.
const (
	// ByKind: mappings by key, lists append without repeats, and of anything else the stronger one counts.
	ByKind How = iota
	// ByName: lists of NAME=value and mappings, or lists of names and mappings, by name.
	ByName
	// ByTarget: items by where they are mounted.
	ByTarget
	// ByPort: items by the port in the container and its protocol.
	ByPort
	// Joined: lists append as they are; text appends to a list, and a list to no text.
	Joined
	// Whole: the stronger one counts.
	Whole
)

// A Rule is how one key is merged.
type Rule struct {
	Key string // within a service; a dot leads into a mapping
	How How
	// Note is what else is to be said of it.
	Note string
}

// Rules are those of keys that are not merged by what they are.
var Rules = []Rule{
	{"annotations", ByName, ""},
	{"build.args", ByName, ""},
	{"command", Joined, "of override files, extends and include the stronger one counts, as docker stack deploy has it"},
	{"configs", ByTarget, ""},
	{"depends_on", ByName, ""},
	{"deploy.labels", ByName, ""},
	{"devices", ByTarget, ""},
	{"entrypoint", Joined, "as command"},
	{"environment", ByName, ""},
	{"healthcheck.test", Whole, "two commands make no third one"},
	{"labels", ByName, ""},
	{"networks", ByName, ""},
	{"ports", ByPort, ""},
	{"secrets", ByTarget, ""},
	{"sysctls", ByName, ""},
	{"tmpfs", ByTarget, ""},
	{"volumes", ByTarget, ""},
}

// Words say what the ways are, for the documentation.
var Words = map[How]string{
	ByKind:   "mappings by key at every depth; lists append without repeats; of text, numbers and booleans the stronger one counts",
	ByName:   "by name, as a list of NAME=value or as a mapping",
	ByTarget: "by the path in the container, in the short or the long form",
	ByPort:   "by the port in the container and its protocol, in the short or the long form",
	Joined:   "lists append, text appends to a list; where the stronger one is text, it counts alone",
	Whole:    "the stronger one counts as a whole",
}

// how is the rule of a path within a service.
func how(path []string) How {
	key := strings.Join(path, ".")
	for _, r := range Rules {
		if r.Key == key {
			return r.How
		}
	}
	return ByKind
}
