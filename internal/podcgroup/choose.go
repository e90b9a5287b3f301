// Package podcgroup gives a pod its control group: it finds a way to make one on the engine's
// machine, keeps the group's limits those of the container that the pod belongs to, tells how it
// is, and removes it. What is done to a group is package cgroup's, here or in a helper.
//
// On cgroup v1 with cgroupfs the pod's containers are below the supervisor's own group, and the
// engine's limits of that bind them all. Elsewhere no engine lets a container be below another one's, so that
// the pod has a group of its own beside it.
package podcgroup

import (
	"path"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/cgroup"
	"github.com/podlike/podlike/internal/engine"
)

// A Way is how a pod comes by its group.
type Way string

// The ways, in the order in which they are tried.
const (
	Nested Way = "nested" // below that of the container that the pod belongs to: nothing is to be made
	Mount  Way = "mount"  // by the machine's hierarchy, which a user has mounted into the supervisor
	DBus   Way = "dbus"   // by the machine's systemd, whose bus a user has mounted into the supervisor
	Helper Way = "helper" // by a container with just that mounted, for the moment it takes
	Off    Way = "off"    // not at all: each component is limited by itself
)

// Facts are what a way is chosen by.
type Facts struct {
	Info engine.Info
	// Self is the supervisor's container, and Owner the one that the pod belongs to: the same, or a
	// pair's pause.
	Self, Owner engine.Seen
	// Paths are the groups that this process is in, as it sees them itself.
	Paths []string
	// Unwanted: no group is to be made.
	Unwanted bool
}

// A Choice is what was chosen.
type Choice struct {
	Way   Way
	Group cgroup.Group
	// Host is how the group can be reached from here. What is empty cannot.
	Host cgroup.Host
	// Why says why there is none.
	Why string
}

// Choose chooses a way. Whether it can be gone is yet to be seen.
func Choose(f Facts) Choice {
	setup := cgroup.Setup{Version: f.Info.CgroupVersion, Driver: f.Info.CgroupDriver}
	c := Choice{Group: setup.Of(string(f.Owner.ID)), Host: Reach(f.Self.Mounts)}
	switch fs := setup.Driver == cgroup.FS; {
	case f.Unwanted:
		return Choice{Way: Off, Why: "it is not wanted"}
	case f.Info.Rootless:
		return Choice{Way: Off, Why: "the engine is not run by root"}
	case !fs && setup.Driver != cgroup.Systemd:
		return Choice{Way: Off, Why: "the engine makes no control groups"}
	case setup.Version == 1 && fs:
		return Choice{Way: Nested, Group: setup.Below(placeOf(f))}
	case f.Info.UserNS:
		return Choice{Way: Off, Why: "root in containers of this engine is nobody on its machine"}
	case fs && c.Host.Root != "":
		c.Way = Mount
	case !fs && c.Host.Bus != "":
		c.Way = DBus
	default:
		c.Way = Helper
	}
	return c
}

const (
	// hierarchy is where machines have their groups, and buses where the socket of their system bus is.
	hierarchy = "/sys/fs/cgroup"
	busSocket = "/run/dbus/system_bus_socket"
)

// Reach is how the machine's groups can be reached by what is mounted here.
func Reach(mounts []engine.Mounted) (h cgroup.Host) {
	for _, m := range mounts {
		source := path.Clean(strings.TrimPrefix(m.Source, "/var")) // where /var/run is a link
		switch {
		case m.Type != engine.BindMount:
		case source == hierarchy && !m.ReadOnly:
			h.Root = m.Target
		case source == busSocket:
			h.Bus = m.Target
		case source == path.Dir(busSocket):
			h.Bus = path.Join(m.Target, path.Base(busSocket))
		}
	}
	return h
}

// usual is where engines with cgroupfs make groups if nobody says otherwise.
const usual = "/docker"

// placeOf is where the engine has the group of the container that the pod belongs to. Where an engine
// was told another place for all, only what this process sees of itself shows it.
func placeOf(f Facts) string {
	id := string(f.Owner.ID)
	if f.Owner.CgroupParent != "" {
		return path.Join(f.Owner.CgroupParent, id)
	}
	own := slices.IndexFunc(f.Paths, func(p string) bool { return path.Base(p) == string(f.Self.ID) })
	if own < 0 || f.Self.CgroupParent != "" {
		return path.Join(usual, id)
	}
	if dir := path.Dir(f.Paths[own]); path.Base(dir) != path.Base(usual) { // an engine in a container has that elsewhere
		return path.Join(dir, id)
	}
	return path.Join(usual, id)
}
