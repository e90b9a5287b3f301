// Package cgroup makes, reads and removes the control groups of pods, and reads what the kernel says of
// this process's own. It knows the kernel's files and systemd, and no engine: where a pod's group is to be,
// and who may reach it, is for others to say.
//
// group.go says where groups are. host.go does what is to be done with them by the machine's hierarchy, and
// systemd.go by its systemd; order.go is how somebody else is asked to. watch.go, oom.go and this file are
// about this process's own.
package cgroup

import (
	"fmt"
	"slices"

	"github.com/containerd/cgroups/v3/cgroup1"
)

// Paths are this process's groups, one path for each hierarchy, without
// duplicates, in alphabetical order. In a private cgroup namespace they say no
// more than "/".
func Paths() ([]string, error) { return read("/proc/self/cgroup") }

func read(file string) ([]string, error) {
	controllers, unified, err := cgroup1.ParseCgroupFileUnified(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the cgroups of this process: %w", err)
	}
	paths := []string{unified}
	for _, path := range controllers {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	paths = slices.DeleteFunc(slices.Compact(paths), func(path string) bool { return path == "" })
	return paths, nil
}
