// Package cgroup reads what the kernel says of control groups: in which this process is,
// on cgroup v1, v2 and both at once, and how often memory was short in any. It changes
// nothing.
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
