package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// PauseContainer is the container that holds the pod's namespaces: it joins the
// supervisor's network, owns PID and IPC, and lives as long as its stdin is held.
func PauseContainer(p pod.Pod, owner pod.Owner) engine.Container {
	return engine.Container{
		Name:         owner.PauseName(),
		Image:        p.PauseImage,
		Labels:       owner.Labels(pod.RolePause),
		Stdin:        true,
		Network:      engine.ID(owner.ID),
		ShareIPC:     true,
		ShmSize:      sharedShm(p),
		Locked:       true,
		Capabilities: []string{"KILL"},
		StopGrace:    pod.DefaultStopGrace,
	}
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
// score for the kernel's choice of what to kill first when memory runs out.
func ComponentContainer(p pod.Pod, owner pod.Owner, c pod.Component, pause engine.ID, image engine.Image, oom int) engine.Container {
	made := engine.Container{
		Name:        owner.ContainerName(c.Name),
		Image:       c.Image,
		Platform:    c.Platform,
		Entrypoint:  c.Entrypoint,
		Command:     c.Command,
		Env:         Environment(c.Env),
		WorkingDir:  c.WorkingDir,
		User:        c.User,
		Labels:      labels(owner, c),
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
		OOMScoreAdj: cmp.Or(c.OOMScoreAdj, &oom),
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
func labels(owner pod.Owner, c pod.Component) map[string]string {
	all := withOurs(c.Labels, owner.Labels(pod.RoleComponent))
	all[pod.LabelComponent] = c.Name
	all[pod.LabelHash] = pod.Hash(c)
	return all
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
	return owner.ContainerName(component) + "." + hex.EncodeToString(sum[:6])
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
