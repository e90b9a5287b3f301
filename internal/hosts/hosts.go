// Package hosts makes names known to all who share a hosts file (hosts(5)), as the containers
// of a pod share that of the supervisor. It knows which lines are ours, and leaves all others
// as they are: the engine's own, and those that somebody has asked it for.
//
// The file is mounted into each container, so that it is written to as it is and never
// replaced. The engine writes to it as well, whenever the supervisor's container joins or
// leaves a network, and may forget what it has not written itself: Watch tells of that. It
// decides nothing about names, and asks no engine.
package hosts

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
)

// Path is where a container has its hosts file.
const Path = "/etc/hosts"

// engines is the mount of a hosts file that is the engine's own, in a directory that it has
// for the container or for the one whose network that has joined.
var engines = regexp.MustCompile(`/containers/[0-9a-f]{64}/hosts /etc/hosts `)

// IsEngines tells from what a process has mounted (proc(5): mountinfo) whether its hosts file is
// the engine's. Any other is somebody's own, and may be that of the whole machine.
func IsEngines(mountinfo string) bool { return engines.MatchString(mountinfo) }

// address is what our names stand for, and mark what our lines end with. Neither has a tab
// beside it: the engine finds its own lines by what comes after one.
const (
	address = "127.0.0.1"
	mark    = "# podlike"
)

// A Taken is a name that the file has another address for.
type Taken struct{ Name, Address string }

// line is the one of a name.
func line(name string) string { return address + " " + name + " " + mark + "\n" }

// isOurs tells whether a line is one of ours.
func isOurs(line string) bool { return strings.HasSuffix(strings.TrimSpace(line), " "+mark) }

// Merge returns a hosts file's text with the names in it, and none that we have written there
// before. What is taken has its address from somebody else, and keeps that. Merged once more
// the text stays as it is.
func Merge(text string, names []string) (merged string, taken []Taken) {
	others := entries(text, false)
	written := map[string]bool{}
	var kept strings.Builder
	for l := range strings.Lines(text) {
		if !isOurs(l) {
			kept.WriteString(l)
			continue
		}
		name := nameOf(l)
		if wanted(names, name) && others[name] == nil && !written[name] && strings.HasSuffix(l, "\n") {
			kept.WriteString(l)
			written[name] = true
		}
	}
	for _, name := range names {
		if at := others[strings.ToLower(name)]; at != nil && !slices.Contains(at, address) {
			taken = append(taken, Taken{Name: name, Address: at[0]})
		}
	}
	return kept.String() + Missing(kept.String(), names), taken
}

// Missing is what has to come after a hosts file's text for the names to be known: nothing
// where all are.
func Missing(text string, names []string) string {
	known := entries(text, true)
	var more strings.Builder
	for _, name := range names {
		if known[strings.ToLower(name)] == nil {
			known[strings.ToLower(name)] = []string{address}
			more.WriteString(line(name))
		}
	}
	if more.Len() > 0 && text != "" && !strings.HasSuffix(text, "\n") {
		return "\n" + more.String()
	}
	return more.String()
}

// wanted tells whether a name in small letters is one of the names.
func wanted(names []string, name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return strings.ToLower(n) == name })
}

// nameOf is the name in a line of ours, in small letters.
func nameOf(line string) string {
	fields := strings.Fields(line)
	if len(fields) < 2 {
		return ""
	}
	return strings.ToLower(fields[1])
}

// entries are the addresses of each name in small letters, ours or only those of others.
func entries(text string, ours bool) map[string][]string {
	all := map[string][]string{}
	for l := range strings.Lines(text) {
		if !ours && isOurs(l) {
			continue
		}
		said, _, _ := strings.Cut(l, "#")
		fields := strings.Fields(said)
		for _, name := range fields[min(1, len(fields)):] {
			name = strings.ToLower(name)
			all[name] = append(all[name], fields[0])
		}
	}
	return all
}

// Write has the file know the names, and none that we have written there before. It is
// done when there is nothing to be written.
func Write(path string, names []string) ([]Taken, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read names: %w", err)
	}
	merged, taken := Merge(string(text), names)
	return taken, change(path, string(text), merged)
}

// Restore has the file know those of the names that it has lost.
func Restore(path string, names []string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("cannot read names: %w", err)
	}
	return change(path, string(text), string(text)+Missing(string(text), names))
}

// Lacks tells whether the file does not know all of the names.
func Lacks(path string, names []string) bool {
	text, err := os.ReadFile(path)
	return err != nil || Missing(string(text), names) != ""
}

// change writes what a file has to have in place of its text. Where that is more, it is put
// behind what there is by then; else nobody sees the file empty in between.
func change(path, text, changed string) (err error) {
	more, longer := strings.CutPrefix(changed, text)
	flags := os.O_WRONLY
	switch {
	case changed == text:
		return nil
	case longer:
		flags |= os.O_APPEND
	}
	file, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return fmt.Errorf("cannot write names: %w", err)
	}
	if longer {
		_, err = file.WriteString(more)
	} else if _, err = file.WriteAt([]byte(changed), 0); err == nil {
		err = file.Truncate(int64(len(changed)))
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("cannot write names: %w", err)
	}
	return nil
}
