package main

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/podlike/podlike/internal/pod"
)

// secretDirs are where secrets are, whatever is mounted there.
var secretDirs = []string{"/run/secrets", "/var/run/secrets"}

// ownMounts tell by its path what of this process's files is in memory alone, and so
// never was on a disk: Swarm's secrets and configs, wherever they are.
type ownMounts []ownMount

// An ownMount is where something is mounted, and whether that is memory.
type ownMount struct {
	target string
	memory bool
}

// readMounts reads this process's own mounts.
func readMounts() (ownMounts, error) {
	info, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("cannot read own mounts: %w", err)
	}
	return parseMounts(string(info)), nil
}

// parseMounts reads what /proc/self/mountinfo says (proc(5)): the target is the fifth
// field, and the type of file system the first one behind a lone dash.
func parseMounts(info string) (all ownMounts) {
	for line := range strings.Lines(info) {
		fields := strings.Fields(line)
		dash := slices.Index(fields, "-")
		if dash < 5 || dash+1 >= len(fields) {
			continue
		}
		kind := fields[dash+1]
		all = append(all, ownMount{unescape(fields[4]), kind == "tmpfs" || kind == "ramfs"})
	}
	return all
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

// isSecret tells whether a path is where secrets are.
func isSecret(name string) bool {
	return slices.ContainsFunc(secretDirs, func(dir string) bool { return within(name, dir) })
}

// inMemory tells whether a path without links is in memory, or is a directory that has
// something in it that is. Of several mounts at a target the last one hides the others.
func (all ownMounts) inMemory(name string) bool {
	if isSecret(name) {
		return true
	}
	var on ownMount
	for _, m := range all {
		if m.memory && within(m.target, name) {
			return true
		}
		if within(name, m.target) && len(m.target) >= len(on.target) {
			on = m
		}
	}
	return on.memory
}

// within tells whether a path is dir or below it.
func within(name, dir string) bool {
	return strings.HasPrefix(name+"/", strings.TrimSuffix(dir, "/")+"/")
}

// inMemory returns p with all that must not touch a disk handed on in memory, and p
// itself as it is. The sources of all copies can be read.
func inMemory(p pod.Pod, mounts ownMounts) (pod.Pod, error) {
	p.Init, p.Components = slices.Clone(p.Init), slices.Clone(p.Components)
	for _, some := range [][]pod.Component{p.Init, p.Components} {
		for i, c := range some {
			var all []pod.Copy
			for _, file := range c.Copies {
				placed, err := place(c, file, mounts)
				if err != nil {
					return p, fmt.Errorf("cannot look at what is copied into %s: %w", c.Name, err)
				}
				all = append(all, placed...)
			}
			some[i].Copies = all
		}
	}
	return p, nil
}

// place decides whether a copy goes into memory, and says where exactly what it takes
// along is to be mounted then: as far as that can be known, at the target that
// `docker cp` would find. What is in a directory is mounted one by one, so that it
// goes beside what the component has there.
func place(c pod.Component, file pod.Copy, mounts ownMounts) ([]pod.Copy, error) {
	found, err := mounts.handsOn(file)
	if err != nil || file.Memory || !found {
		return []pod.Copy{file}, err
	}
	info, err := os.Stat(file.Source)
	if err != nil {
		return nil, err
	}
	file.Memory, file.Writable = true, true
	if info.IsDir() && path.Base(file.Source) == "." {
		return contents(file)
	}
	file.Target = target(c, file, info)
	return []pod.Copy{file}, nil
}

// handsOn tells whether a copy goes into memory: because it is to, or has been there.
func (all ownMounts) handsOn(file pod.Copy) (bool, error) {
	real, err := filepath.EvalSymlinks(file.Source)
	return file.Memory || all.inMemory(real), err
}

// contents are copies of all that is in a directory.
func contents(file pod.Copy) (all []pod.Copy, err error) {
	inside, err := os.ReadDir(file.Source)
	for _, entry := range inside {
		one := file
		one.Source, one.Target = path.Join(file.Source, entry.Name()), path.Join(file.Target, entry.Name())
		all = append(all, one)
	}
	return all, err
}

// target is where a file or directory is to be mounted: into what is known to be a
// directory, or over the target.
func target(c pod.Component, file pod.Copy, info fs.FileInfo) string {
	to := path.Clean(file.Target)
	asked := strings.HasSuffix(file.Target, "/") || strings.HasSuffix(file.Target, "/.")
	if to == "/" || c.Mounts(to) || asked && !info.IsDir() {
		return path.Join(to, path.Base(path.Clean(file.Source)))
	}
	return to
}
