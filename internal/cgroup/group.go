package cgroup

import (
	"path"
	"strings"
)

// The drivers by which engines make groups.
const (
	FS      = "cgroupfs"
	Systemd = "systemd"
)

// A Setup is how a machine has control groups: their version, 1 or 2, and the driver by which
// its engine makes them.
type Setup struct {
	Version int    `json:"version"`
	Driver  string `json:"driver"`
}

// A Group is that of a pod, which all its containers are below.
type Group struct {
	Setup
	// Path is where it is, from the root of the hierarchy.
	Path string `json:"path"`
}

const (
	// own is the group that all groups of pods are in which are not below somebody else's.
	own = "podlike"
	// mark is the group of a pod below that of its owner, beside the owner's own processes.
	mark = "podlike"
	// slice is what the names of systemd's units for groups end with.
	slice = ".slice"
)

// Of is the group of a pod's own, by the ID of its owner. The dash makes it a child of
// podlike.slice to systemd.
func (s Setup) Of(pod string) Group {
	if s.Driver == Systemd {
		return Group{s, path.Join("/", own+slice, own+"-"+pod+slice)}
	}
	return Group{s, path.Join("/", own, pod)}
}

// Below is the group of a pod below that of its owner, whose limits bind it then. Only
// cgroup v1 with cgroupfs can have that.
func (s Setup) Below(owner string) Group { return Group{s, path.Join("/", owner, mark)} }

// Parent is what an engine is asked to make the pod's containers below.
func (g Group) Parent() string {
	if g.Driver == Systemd {
		return path.Base(g.Path)
	}
	return g.Path
}

// Owner is the ID of the container that the pod of a group of its own belongs to. Empty: it is no such.
func (g Group) Owner() string {
	switch name := path.Base(g.Path); {
	case g.Driver == Systemd:
		name, _ = strings.CutPrefix(strings.TrimSuffix(name, slice), own+"-")
		return name
	case path.Dir(g.Path) == "/"+own:
		return name
	}
	return ""
}

// Limits are what all of a group may use together. A zero limits nothing.
type Limits struct {
	Memory int64 `json:"memory,omitempty"` // in bytes
	// Swap is what there may be of it beside the memory, in bytes. Nil limits nothing.
	Swap   *int64 `json:"swap,omitempty"`
	CPUs   int64  `json:"cpus,omitempty"` // in billionths of one
	Pids   int64  `json:"pids,omitempty"`
	CPUSet string `json:"cpuset,omitempty"` // those that it may run on, such as 0-2,5
}

// A State is how a group is at a moment.
type State struct {
	// Kills is how many processes in it the kernel has killed for lack of memory, whose limit
	// it ever was, and Hits how often the group's own limit could not be kept otherwise.
	Kills uint64 `json:"kills"`
	Hits  uint64 `json:"hits"`
	// Memory is the working set in bytes: without the part of the page cache that was not looked
	// at lately, as the kubelet counts it.
	Memory  uint64 `json:"memory"`
	CPU     uint64 `json:"cpu"` // used so far, in microseconds
	Pids    uint64 `json:"pids"`
	Read    uint64 `json:"read"` // bytes from block devices so far, and to them
	Written uint64 `json:"written"`
	// Pressure is the share of the last ten seconds, in per cent, in which something in the group
	// waited for memory, processors or devices. Nil: the kernel does not tell.
	Pressure *Pressure `json:"pressure,omitempty"`
}

// Pressure is how much of the time something waits, in per cent.
type Pressure struct {
	Memory float64 `json:"memory"`
	CPU    float64 `json:"cpu"`
	IO     float64 `json:"io"`
}
