// Package mount knows what is mounted in this process's container, and reads files
// there: no link leads a reader out of the mount that the link is in. It never writes,
// and it never opens a FIFO, a socket or a device.
//
// Files that components can change, in a volume shared with the supervisor, are read as
// often as a component is started, and by a supervisor that has secrets. So it must not
// matter what a component puts into the place of a file. One rule decides:
//
//	a link in the root mount, which is the supervisor's image, may lead anywhere
//	a link in any other mount is followed within that mount, and nothing out of it
//
// A path is walked directory by directory through an os.Root of each, so that what was
// looked at is what is opened, and the kernel is asked which mount that is in. No part
// of the path can be exchanged in between.
package mount

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A Mount is where something is mounted.
type Mount struct {
	// ID is the kernel's number of it.
	ID int
	// Target is the path that it is mounted at, without links.
	Target string
	// Memory: it is a file system in memory alone, and so never was on a disk.
	Memory bool
}

// A Table is all that is mounted, in the order in which it was.
type Table []Mount

// Read reads this process's own mounts.
func Read() (Table, error) {
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("cannot read own mounts: %w", err)
	}
	return Parse(string(info)), nil
}

// Parse reads what /proc/self/mountinfo says (proc(5)): the ID is the first field, the
// target the fifth, and the type of file system the first one behind a lone dash. It
// skips lines of another form.
func Parse(info string) (t Table) {
	for line := range strings.Lines(info) {
		fields := strings.Fields(line)
		dash := slices.Index(fields, "-")
		if dash < 5 || dash+1 >= len(fields) {
			continue
		}
		id, err := strconv.Atoi(fields[0])
		if err != nil {
			continue
		}
		kind := fields[dash+1]
		t = append(t, Mount{ID: id, Target: unescape(fields[4]), Memory: kind == "tmpfs" || kind == "ramfs"})
	}
	return t
}

// unescape gives a path back its blanks, which mountinfo has in octal.
func unescape(name string) string {
	parts := strings.Split(name, `\`)
	for i, part := range parts[1:] {
		if len(part) < 3 {
			continue
		}
		if char, err := strconv.ParseUint(part[:3], 8, 8); err == nil {
			parts[i+1] = string([]byte{byte(char)}) + part[3:]
		}
	}
	return strings.Join(parts, "")
}

// At is the mount that a path without links is in, the zero Mount if none is known. Of
// several at one target the last hides the others.
func (t Table) At(name string) (at Mount) {
	for _, m := range t {
		if Within(name, m.Target) && len(m.Target) >= len(at.Target) {
			at = m
		}
	}
	return at
}

// InMemory tells whether a file must not be written to a disk: it is in memory alone, as
// Swarm's secrets and configs are wherever they are mounted, or it is where secrets are.
// The path has no links.
func (t Table) InMemory(name string) bool { return IsSecret(name) || t.At(name).Memory }

// secretDirs are where secrets are, whatever is mounted there. An image need not have
// /var/run as a link.
var secretDirs = []string{"/run/secrets", "/var/run/secrets"}

// IsSecret tells whether a path is where secrets are.
func IsSecret(name string) bool {
	return slices.ContainsFunc(secretDirs, func(dir string) bool { return Within(name, dir) })
}

// Within tells whether a path is dir or below it.
func Within(name, dir string) bool {
	return strings.HasPrefix(name+"/", strings.TrimSuffix(dir, "/")+"/")
}
