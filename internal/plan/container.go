package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// PauseContainer is the container that holds the pod's namespaces: it joins the
// supervisor's network, owns PID and IPC, and holds the volumes of components that may be
// restarted, which are nobody else's between two runs, and the pod's memory, with so many
// bytes that are handed on. Lease is the environment that it finds its lease by. The engine's
// own shutdown waits for it as long as components may take to stop.
//
// In a pair somebody else's pause holds the namespaces, and this one joins them.
func PauseContainer(p pod.Pod, owner pod.Owner, images map[string]engine.Image, bytes int64, lease []string) engine.Container {
	mounts := append(held(p, owner, images), PauseMemory(p, owner, bytes)...)
	if owner.Paired() {
		return holder(p, owner, mounts)
	}
	within := BudgetOf(p).Kill
	return engine.Container{
		Name:         owner.PauseName(),
		Image:        p.PauseImage,
		Command:      []string{"-grace", graceOf(p).String()},
		Env:          lease,
		Labels:       owner.Labels(pod.RolePause),
		Mounts:       mounts,
		Network:      engine.ID(owner.ID),
		ShareIPC:     true,
		ShmSize:      sharedShm(p),
		Locked:       true,
		Capabilities: []string{"KILL"},
		StopGrace:    within + LastCall,
		CgroupParent: owner.Cgroup,
	}
}

// holder holds the volumes of a pair, and its memory.
func holder(p pod.Pod, owner pod.Owner, mounts []engine.Mount) engine.Container {
	c := engine.Container{
		Name:      owner.PauseName(),
		Image:     p.PauseImage,
		Command:   []string{"-hold"},
		Labels:    owner.Labels(pod.RolePause),
		Mounts:    mounts,
		Network:   engine.ID(owner.ID),
		Locked:    true,
		StopGrace: BudgetOf(p).Kill + LastCall,

		CgroupParent: owner.Cgroup,
	}
	if p.SharePID {
		c.PID = engine.ID(owner.ID) // and so ends with it
	}
	c.Labels[pod.LabelHash] = hashOf(mounts)
	return c
}

// needsHolder reports whether a pair has something to hold, as far as its images are known:
// what may be restarted may have anonymous volumes.
func needsHolder(p pod.Pod, owner pod.Owner, w World) bool {
	unknown := func(c pod.Component) bool { _, known := w.Images[c.Image]; return p.MayRestart(c) && !known }
	return slices.ContainsFunc(p.All(), unknown) || len(PauseContainer(p, owner, w.Images, w.Bytes, nil).Mounts) > 0
}

// hashOf is a short hash of what a container mounts, whatever the labels are.
func hashOf(mounts []engine.Mount) string {
	digest := sha256.New()
	for _, m := range mounts {
		m.Labels = nil
		fmt.Fprintf(digest, "%+v\n", m) // with its options in order
	}
	return hex.EncodeToString(digest.Sum(nil)[:8])
}

// graceOf is how long the components get from pause when their supervisor is gone: as long
// as the longest of them asks for, within what the pod has.
func graceOf(p pod.Pod) (grace time.Duration) {
	for _, c := range p.All() {
		grace = max(grace, c.StopGrace)
	}
	return min(max(grace, orphanGrace), BudgetOf(p).Kill)
}

// orphanGrace is what components get at least when their supervisor is gone, where the pod
// has as much.
const orphanGrace = 5 * time.Second

// held are the volumes of components that may be restarted, each once.
func held(p pod.Pod, owner pod.Owner, images map[string]engine.Image) (all []engine.Mount) {
	known := map[string]bool{}
	for _, c := range p.All() {
		if !p.MayRestart(c) {
			continue
		}
		for _, m := range componentMounts(p, owner, c, images[c.Image]) {
			if m.Type != engine.VolumeMount || m.Source == "" || known[m.Source] {
				continue
			}
			known[m.Source] = true
			all = append(all, engine.Mount{
				Type: m.Type, Source: m.Source, Target: fmt.Sprintf("/volumes/%d", len(all)), ReadOnly: true, NoCopy: true,
				Labels: m.Labels, Driver: m.Driver, Options: m.Options,
			})
		}
	}
	return all
}

// sharedShm is the size of the /dev/shm that all components share: the largest that
// any of them asks for. Zero when none does or it is not shared.
func sharedShm(p pod.Pod) (size int64) {
	for _, c := range p.All() {
		if p.ShareIPC {
			size = max(size, c.ShmSize)
		}
	}
	return size
}

// ComponentContainer is a component's container, joined to pause. The image tells
// which anonymous volumes the engine would make without our labels, and oom is the
// score for the kernel's choice of what to kill first when memory runs out. Run is the
// number of the component's run, from 1. In a pair it joins the pod's owner, and pause is nothing
// to it.
func ComponentContainer(p pod.Pod, owner pod.Owner, c pod.Component, run int, pause engine.ID, image engine.Image, oom int) engine.Container {
	if owner.Paired() {
		pause = engine.ID(owner.ID)
	}
	made := engine.Container{
		Name:        owner.ContainerName(c.Name),
		Image:       c.Image,
		Platform:    c.Platform,
		Entrypoint:  c.Entrypoint,
		Command:     c.Command,
		Env:         Environment(c.Env),
		WorkingDir:  c.WorkingDir,
		User:        c.User,
		Labels:      labels(p, owner, c, run),
		Annotations: c.Annotations,
		Mounts:      componentMounts(p, owner, c, image),
		Tmpfs:       c.Tmpfs,
		Health:      check(c.Health),
		StopSignal:  c.StopSignal,
		StopGrace:   c.StopGrace,
		TTY:         c.TTY,
		StdinOpen:   c.StdinOpen,
		Network:     pause,
		ShmSize:     c.ShmSize,

		CgroupParent: owner.Cgroup,
		OOMScoreAdj:  cmp.Or(c.OOMScoreAdj, &oom),
	}
	if p.SharePID && !c.PrivatePID {
		made.PID = pause
	}
	if p.ShareIPC {
		made.IPC, made.ShmSize = pause, 0
	}
	confine(&made, c)
	return made
}

// A Debug is somebody's look at a pod.
type Debug struct {
	// Which tells its container from those of others.
	Which string
	Image string
	// Command is what to run in place of the image's own.
	Command []string
	// Target is a component's container whose processes are to be seen. Empty: the pod's.
	Target engine.ID
	TTY    bool
}

// DebugContainer is one more container, joined to pause, that is no component: its end
// means nothing to the pod. Its stdin is held by who looks.
func DebugContainer(owner pod.Owner, d Debug, pause engine.ID, image engine.Image, oom int) engine.Container {
	return engine.Container{
		Name:        owner.DebugName(d.Which),
		Image:       d.Image,
		Entrypoint:  d.Command,
		Labels:      owner.Labels(pod.RoleDebug),
		Mounts:      mounts(owner, pod.Component{}, image),
		Health:      check(&pod.Health{Disable: true}),
		TTY:         d.TTY,
		Stdin:       true,
		StopGrace:   pod.DefaultStopGrace,
		Network:     pause,
		PID:         cmp.Or(d.Target, pause),
		IPC:         pause,
		OOMScoreAdj: &oom,

		CgroupParent: owner.Cgroup,
	}
}

// confine adds what the component may use and do.
func confine(made *engine.Container, c pod.Component) {
	made.Init, made.Runtime, made.Isolation = c.Init, c.Runtime, c.Isolation
	made.Logging = engine.Logging(c.Logging)
	made.Namespaces = engine.Namespaces(c.Namespaces)
	made.Sysctls, made.StorageOpt = c.Sysctls, c.StorageOpt
	made.Resources, made.Blkio = engine.Resources(c.Resources), engine.Blkio(c.Blkio)
	made.Security = engine.Security(c.Security)
	made.DeviceRules = c.DeviceRules
	for _, d := range c.Devices {
		made.Devices = append(made.Devices, engine.Device(d))
	}
	for _, r := range c.DeviceRequests {
		made.DeviceRequests = append(made.DeviceRequests, engine.DeviceRequest(r))
	}
}

// Environment is what an engine gets for variables, in the order of their names.
func Environment(env map[string]string) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(env)) {
		all = append(all, name+"="+env[name])
	}
	return all
}

// labels are the user's and ours; ours win.
func labels(p pod.Pod, owner pod.Owner, c pod.Component, run int) map[string]string {
	all := withOurs(c.Labels, owner.Labels(pod.RoleComponent))
	all[pod.LabelComponent] = c.Name
	all[pod.LabelHash] = Hash(p, c)
	all[pod.LabelRun] = strconv.Itoa(run)
	return all
}

// Hash is that of all that a component's container is made by: its definition, and what it shares.
func Hash(p pod.Pod, c pod.Component) string {
	hash := pod.Hash(c)
	if !p.SharePID {
		hash += "-pids"
	}
	if !p.ShareIPC {
		hash += "-ipc"
	}
	return hash
}

// withOurs are the user's labels and ours; ours win.
func withOurs(users, ours map[string]string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, users)
	maps.Copy(all, ours)
	return all
}

// mounts are the user's, and the anonymous volumes that the image asks for, so
// that they carry our labels.
func mounts(owner pod.Owner, c pod.Component, image engine.Image) []engine.Mount {
	var all []engine.Mount
	taken := map[string]bool{}
	for _, v := range c.Volumes {
		taken[v.Target] = true
		all = append(all, mount(owner, v))
	}
	for target := range c.Tmpfs {
		taken[target] = true
	}
	for _, m := range MemoryMounts(c, "") {
		taken[m.Target] = true
	}
	for _, target := range slices.Sorted(slices.Values(image.Volumes)) {
		if !taken[target] {
			all = append(all, mount(owner, pod.Volume{Kind: pod.Anonymous, Target: target}))
		}
	}
	return all
}

// componentMounts are a component's. Where it may be run again, what is anonymous has a
// name that its next container will know: the engine would remove it with this one.
func componentMounts(p pod.Pod, owner pod.Owner, c pod.Component, image engine.Image) []engine.Mount {
	all := mounts(owner, c, image)
	for i, m := range all {
		if m.Type == engine.VolumeMount && m.Source == "" && p.MayRestart(c) {
			all[i].Source = scratchName(owner, c.Name, m.Target)
		}
	}
	return all
}

// scratchName is what the volume at a component's target is called.
func scratchName(owner pod.Owner, component, target string) string {
	sum := sha256.Sum256([]byte(target))
	return fitting(owner.ContainerName(component) + "." + hex.EncodeToString(sum[:6]))
}

// KeepsScratch reports whether a pod has anonymous volumes, or its images may have, that
// do not go with their containers.
func KeepsScratch(p pod.Pod) bool { return slices.ContainsFunc(p.All(), p.MayRestart) }

func mount(owner pod.Owner, v pod.Volume) engine.Mount {
	m := engine.Mount{
		Source: v.Source, Target: v.Target, ReadOnly: v.ReadOnly,
		NoCopy: v.NoCopy, Subpath: v.Subpath, Size: v.Size, Mode: v.Mode,
		Propagation: v.Propagation, SELinux: v.SELinux, Recursive: string(v.Recursive), MustExist: v.MustExist,
	}
	switch v.Kind {
	case pod.Bind:
		m.Type = engine.BindMount
	case pod.Tmpfs:
		m.Type = engine.TmpfsMount
	case pod.Anonymous:
		m.Type, m.Labels = engine.VolumeMount, withOurs(v.Labels, owner.Labels(pod.RoleScratch))
	case pod.Named:
		m.Type, m.Labels = engine.VolumeMount, withOurs(v.Labels, owner.Labels(pod.RoleData))
		m.Driver, m.Options = v.Driver, v.Options
	}
	return m
}

func check(h *pod.Health) *engine.Check {
	switch {
	case h == nil:
		return nil
	case h.Disable:
		return &engine.Check{Test: []string{"NONE"}}
	}
	return &engine.Check{Test: h.Test, Interval: h.Interval, Timeout: h.Timeout, StartPeriod: h.StartPeriod, StartInterval: h.StartInterval, Retries: h.Retries}
}

// Checked reports whether a component has a health check: its own, or its image's.
func Checked(c pod.Component, image engine.Image) bool {
	if c.Health == nil || len(c.Health.Test) == 0 && !c.Health.Disable {
		return image.Checked
	}
	return !c.Health.Disable
}
