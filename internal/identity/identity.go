// Package identity finds out which container this process runs in. It only asks
// and never guesses: what it finds was looked up at the engine and compared with
// what this process can see of itself.
package identity

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/engine"
)

// Traces are what a process can know of the container it is in.
type Traces struct {
	// Told is an ID or a name given by the user; it is trusted, but has to exist.
	Told string
	// Task is the Swarm task's ID, told by way of {{.Task.ID}} in the environment.
	Task string
	// CgroupPaths are the paths in /proc/self/cgroup: the container's own, except
	// in a private cgroup namespace, which is the default on cgroup v2.
	CgroupPaths []string
	// MountInfo is the text of /proc/self/mountinfo. The engine mounts
	// /etc/hostname from a directory named after the container, or after another
	// one when its network was joined.
	MountInfo string
	// Hostname is the short ID unless the user chose another.
	Hostname string
	// Argv is the command line of this process.
	Argv []string
	// Ask is a command that exits with 0 in this process's container, and in no other
	// one that runs the same program.
	Ask []string
}

// Engine is what is asked about containers, and runs Traces.Ask in them.
type Engine interface {
	engine.Containers
	engine.Commands
}

// taskLabel is how Swarm marks the container of a task.
const taskLabel = "com.docker.swarm.task.id"

// ErrUnknown says that no trace led to this process's container.
var ErrUnknown = errors.New("cannot find out which container this is: set PODLIKE_CONTAINER to its name or ID, or PODLIKE_TASK to {{.Task.ID}}")

// Find returns the container this process runs in, or ErrUnknown.
func Find(ctx context.Context, e Engine, t Traces) (engine.Seen, error) {
	if t.Told != "" {
		return e.Inspect(ctx, t.Told)
	}
	refs, err := t.own(ctx, e)
	if err != nil {
		return engine.Seen{}, err
	}
	found, err := t.fitting(ctx, e, refs)
	if err != nil || len(found) > 0 {
		return first(found), err
	}
	return t.findInNetwork(ctx, e)
}

// findInNetwork looks among those that share a network, as they share the traces that
// are left. Where several are as we are, each is asked.
func (t Traces) findInNetwork(ctx context.Context, e Engine) (engine.Seen, error) {
	all, err := e.List(ctx, nil)
	if err != nil {
		return engine.Seen{}, err
	}
	for _, ref := range t.ofNetwork() {
		found, err := t.fitting(ctx, e, sharing(all, ref))
		switch {
		case err != nil || len(found) == 1:
			return first(found), err
		case len(found) > 1:
			return t.ask(ctx, e, found)
		}
	}
	return engine.Seen{}, ErrUnknown
}

// ask returns the one of several containers that says it is ours, or ErrUnknown. Others
// may end while they are asked.
func (t Traces) ask(ctx context.Context, e Engine, all []engine.Seen) (engine.Seen, error) {
	var unasked error
	for _, c := range all {
		code, err := e.Exec(ctx, c.ID, engine.Exec{Command: t.Ask})
		if err == nil && code == 0 {
			return c, nil
		}
		unasked = errors.Join(unasked, err)
	}
	return engine.Seen{}, errors.Join(unasked, ErrUnknown)
}

// fitting are those of some containers that are there and may be ours.
func (t Traces) fitting(ctx context.Context, e Engine, refs []string) (all []engine.Seen, err error) {
	for _, ref := range refs {
		found, err := e.Inspect(ctx, ref)
		switch {
		case err == nil && t.fit(found):
			all = append(all, found)
		case err != nil && !errors.Is(err, engine.ErrNotFound):
			return nil, err
		}
	}
	return all, nil
}

// own are references to containers that have what only ours has, the surest first.
func (t Traces) own(ctx context.Context, e Engine) ([]string, error) {
	var refs []string
	if t.Task != "" {
		tasks, err := e.List(ctx, map[string]string{taskLabel: t.Task})
		if err != nil {
			return nil, err
		}
		for _, c := range tasks {
			refs = append(refs, string(c.ID))
		}
	}
	for _, path := range t.CgroupPaths {
		refs = append(refs, idsIn(path)...)
	}
	return unique(refs), nil
}

// ofNetwork are references to the container whose network we have: ours, or the one
// whose network we have joined.
func (t Traces) ofNetwork() []string {
	refs := mountedHostname(t.MountInfo)
	if shortID.MatchString(t.Hostname) {
		refs = append(refs, t.Hostname)
	}
	return unique(refs)
}

// sharing are a container and those that have joined its network, or that of one that
// has.
func sharing(all []engine.Seen, ref string) []string {
	refs := []string{ref}
	for i := 0; i < len(refs); i++ { // it grows
		for _, c := range all {
			if strings.HasPrefix(string(c.Network), refs[i]) {
				refs = append(refs, string(c.ID))
			}
		}
	}
	return refs
}

// first is the first of some, nothing where there is none.
func first(all []engine.Seen) (one engine.Seen) {
	if len(all) > 0 {
		one = all[0]
	}
	return one
}

// fit reports whether a container can be the one this process runs in. A process
// sees the hostname of its container, or that of the network it has joined, and
// its command line as the engine started it.
func (t Traces) fit(c engine.Seen) bool {
	return c.Running && slices.Equal(c.Argv, t.Argv) && (c.Hostname == t.Hostname || c.Hostname == "")
}

var (
	longID  = regexp.MustCompile(`[0-9a-f]{64}`)
	shortID = regexp.MustCompile(`^[0-9a-f]{12}$`)
	// hostFile is the source of a mount: …/containers/<id>/hostname.
	hostFile = regexp.MustCompile(`/containers/([0-9a-f]{64})/hostname `)
)

// idsIn are the container IDs in a cgroup's path, the innermost first, as
// containers may run in containers: /docker/<id>, /system.slice/docker-<id>.scope.
func idsIn(path string) []string {
	ids := longID.FindAllString(path, -1)
	slices.Reverse(ids)
	return ids
}

func mountedHostname(mountinfo string) []string {
	var ids []string
	for _, match := range hostFile.FindAllStringSubmatch(mountinfo, -1) {
		ids = append(ids, match[1])
	}
	return ids
}

// unique keeps the first of each.
func unique(all []string) []string {
	var kept []string
	for _, one := range all {
		if !slices.Contains(kept, one) {
			kept = append(kept, one)
		}
	}
	return kept
}

// PauseImage is the pause image that belongs to a supervisor's: the same
// repository and version. An image of another name gets podlike/pause:version.
func PauseImage(supervisor, version string) string {
	image, _, _ := strings.Cut(supervisor, "@")
	dir, last := "", image
	if slash := strings.LastIndexByte(image, '/'); slash >= 0 {
		dir, last = image[:slash+1], image[slash+1:]
	}
	if name, tag, tagged := strings.Cut(last, ":"); name == "supervisor" {
		if !tagged {
			tag = "latest"
		}
		return fmt.Sprintf("%spause:%s", dir, tag)
	}
	return "podlike/pause:" + version
}
