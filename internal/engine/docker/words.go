package docker

import (
	"cmp"
	"math"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"

	"github.com/podlike/podlike/internal/engine"
)

// config says in Docker's words what runs in a container.
func config(c engine.Container) *container.Config {
	grace := seconds(c.StopGrace)
	return &container.Config{
		Image:       c.Image,
		Entrypoint:  c.Entrypoint,
		Cmd:         c.Command,
		Env:         c.Env,
		WorkingDir:  c.WorkingDir,
		User:        c.User,
		Labels:      c.Labels,
		Healthcheck: check(c.Health),
		StopSignal:  c.StopSignal,
		StopTimeout: &grace,
		Tty:         c.TTY,
		OpenStdin:   c.Stdin || c.StdinOpen,
		StdinOnce:   c.Stdin,
		AttachStdin: c.Stdin,
	}
}

// host says in Docker's words how a container is run. Everything is removed by
// the engine once it has ended, whoever is alive to ask for it.
func host(c engine.Container) *container.HostConfig {
	h := &container.HostConfig{
		AutoRemove:   true,
		NetworkMode:  container.NetworkMode(join(c.Network)),
		PidMode:      container.PidMode(join(c.PID)),
		IpcMode:      container.IpcMode(join(c.IPC)),
		UTSMode:      container.UTSMode(c.Namespaces.UTS),
		UsernsMode:   container.UsernsMode(c.Namespaces.User),
		CgroupnsMode: container.CgroupnsMode(c.Namespaces.Cgroup),
		LogConfig:    container.LogConfig{Type: c.Logging.Driver, Config: c.Logging.Options},
		Resources:    resources(c),
		Annotations:  c.Annotations,
		Init:         c.Init,
		Runtime:      c.Runtime,
		Isolation:    container.Isolation(c.Isolation),
		ShmSize:      c.ShmSize,
		StorageOpt:   c.StorageOpt,
		Sysctls:      c.Sysctls,
		Tmpfs:        c.Tmpfs,
	}
	secure(h, c.Security)
	if c.Offline {
		h.NetworkMode = network.NetworkNone
	}
	if c.ShareIPC {
		h.IpcMode = container.IPCModeShareable
	}
	if c.OOMScoreAdj != nil {
		h.OomScoreAdj = *c.OOMScoreAdj
	}
	if c.Locked {
		h.CapDrop = []string{"ALL"}
		h.CapAdd = c.Capabilities
		h.ReadonlyRootfs = true
		h.SecurityOpt = append([]string{"no-new-privileges"}, c.Security.Options...)
	}
	for _, m := range c.Mounts {
		if bind, ok := bindWord(m); ok {
			h.Binds = append(h.Binds, bind)
			continue
		}
		h.Mounts = append(h.Mounts, mountWord(m))
	}
	return h
}

// join names a container whose namespace is to be joined.
func join(id engine.ID) string {
	if id == "" {
		return ""
	}
	return "container:" + string(id)
}

// joined is the container whose network such a one joins, empty for none.
func joined(mode container.NetworkMode) engine.ID {
	return engine.ID(mode.ConnectedContainer())
}

// bindWord is a host path in the short form, in which the engine makes a missing
// directory, as users of docker run -v and of Compose expect.
func bindWord(m engine.Mount) (string, bool) {
	if m.Type != engine.BindMount || m.MustExist || m.Recursive != "" || strings.Contains(m.Source+m.Target, ":") {
		return "", false
	}
	var options []string
	if m.ReadOnly {
		options = append(options, "ro")
	}
	for _, word := range []string{m.Propagation, m.SELinux} {
		if word != "" {
			options = append(options, word)
		}
	}
	bind := m.Source + ":" + m.Target
	if len(options) > 0 {
		bind += ":" + strings.Join(options, ",")
	}
	return bind, true
}

func mountWord(m engine.Mount) mount.Mount {
	w := mount.Mount{Type: mount.Type(m.Type), Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly}
	switch m.Type {
	case engine.VolumeMount:
		w.VolumeOptions = &mount.VolumeOptions{Labels: m.Labels, NoCopy: m.NoCopy, Subpath: m.Subpath}
		if m.Options != nil || m.Driver != "" {
			w.VolumeOptions.DriverConfig = &mount.Driver{Name: cmp.Or(m.Driver, "local"), Options: m.Options}
		}
	case engine.TmpfsMount:
		w.TmpfsOptions = &mount.TmpfsOptions{SizeBytes: m.Size, Mode: os.FileMode(m.Mode)}
	case engine.BindMount:
		w.BindOptions = &mount.BindOptions{
			Propagation:            mount.Propagation(m.Propagation),
			CreateMountpoint:       !m.MustExist, // engines before API 1.42 refuse a source that is not there
			NonRecursive:           m.Recursive == "disabled",
			ReadOnlyNonRecursive:   m.Recursive == "writable", // what engines before API 1.44 do anyway
			ReadOnlyForceRecursive: m.Recursive == "readonly",
		}
	}
	return w
}

func check(c *engine.Check) *container.HealthConfig {
	if c == nil {
		return nil
	}
	return &container.HealthConfig{
		Test: c.Test, Interval: c.Interval, Timeout: c.Timeout, StartPeriod: c.StartPeriod, Retries: c.Retries,
		StartInterval: c.StartInterval,
	}
}

// seconds rounds up: a grace of half a second is no grace of none.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

// withLabels filters by labels; an empty value stands for any.
func withLabels(labels map[string]string) filters.Args {
	args := filters.NewArgs()
	for key, value := range labels {
		if value != "" {
			key += "=" + value
		}
		args.Add("label", key)
	}
	return args
}

// seen is a container as inspected.
func seen(c container.InspectResponse) engine.Seen {
	s := engine.Seen{
		ID:           engine.ID(c.ID),
		Name:         strings.TrimPrefix(c.Name, "/"),
		Image:        c.Config.Image,
		ImageID:      engine.ID(c.Image),
		Labels:       c.Config.Labels,
		Running:      c.State.Running,
		Paused:       c.State.Paused,
		Created:      c.State.Status == container.StateCreated,
		ExitCode:     c.State.ExitCode,
		OOMKilled:    c.State.OOMKilled,
		StartedAt:    moment(c.State.StartedAt),
		FinishedAt:   moment(c.State.FinishedAt),
		StopSignal:   c.Config.StopSignal,
		Hostname:     c.Config.Hostname,
		Argv:         append([]string{c.Path}, c.Args...),
		Network:      joined(c.HostConfig.NetworkMode),
		Modes:        engine.Modes{Network: string(c.HostConfig.NetworkMode), PID: string(c.HostConfig.PidMode), IPC: string(c.HostConfig.IpcMode)},
		OOMScoreAdj:  c.HostConfig.OomScoreAdj,
		Limits:       limits(c.HostConfig.Resources),
		CgroupParent: c.HostConfig.CgroupParent,
	}
	if c.Config.StopTimeout != nil {
		s.StopTimeout = time.Duration(*c.Config.StopTimeout) * time.Second
	}
	if c.State.Health != nil {
		s.Health = health(c.State.Health.Status)
		s.FailedCheck = failedCheck(c.State.Health.Log, c.Config.Healthcheck)
	}
	for _, m := range c.Mounts {
		s.Mounts = append(s.Mounts, engine.Mounted{
			Type: engine.MountType(m.Type), Name: m.Name, Source: m.Source, Target: m.Destination,
			ReadOnly: !m.RW, Propagation: string(m.Propagation),
		})
	}
	return s
}

// moment is a time in the engine's words, zero for one that has not come.
func moment(word string) time.Time {
	t, _ := time.Parse(time.RFC3339Nano, word) // an engine that has none says nothing
	return t
}

// isGhost tells whether a container is listed that the daemon has removed: 20.10 goes on
// listing some that it was removing when it was killed, without their names, and says of each
// that there is no such container.
func isGhost(c container.Summary) bool { return len(c.Names) == 0 }

// listed is a container as the list shows it: its health is not there.
func listed(c container.Summary) engine.Seen {
	s := engine.Seen{ID: engine.ID(c.ID), Image: c.Image, Labels: c.Labels, Created: c.State == container.StateCreated}
	switch c.State {
	case container.StateRunning, container.StatePaused, container.StateRestarting: // all of them run where one is inspected
		s.Running = true
	}
	s.Network = joined(container.NetworkMode(c.HostConfig.NetworkMode))
	for _, name := range c.Names {
		if name = strings.TrimPrefix(name, "/"); path.Base(name) == name { // not one of a link
			s.Name = name
		}
	}
	return s
}

// health turns the engine's words into ours; "none" is no check.
func health(word string) engine.Health {
	if word == container.NoHealthcheck {
		return engine.NoHealth
	}
	return engine.Health(word)
}

// failedCheck is the last in an engine's log that has failed: after the sign of that there may
// have been others.
func failedCheck(log []*container.HealthcheckResult, of *container.HealthConfig) engine.FailedCheck {
	for _, r := range slices.Backward(log) {
		if r == nil || r.ExitCode == 0 {
			continue
		}
		c := engine.FailedCheck{Code: r.ExitCode, Said: r.Output}
		c.NoCommand = notRun.MatchString(r.Output) && noCommand.MatchString(r.Output)
		c.Shell = of != nil && len(of.Test) > 0 && of.Test[0] == "CMD-SHELL"
		return c
	}
	return engine.FailedCheck{}
}

func imageSeen(i image.InspectResponse) engine.Image {
	seen := engine.Image{ID: engine.ID(i.ID), Platform: path.Join(i.Os, i.Architecture, i.Variant)}
	if i.Config == nil {
		return seen
	}
	for target := range i.Config.Volumes {
		seen.Volumes = append(seen.Volumes, target)
	}
	for port := range i.Config.ExposedPorts {
		if !strings.Contains(port, "/") { // as not every builder writes
			port += "/tcp"
		}
		seen.Ports = append(seen.Ports, port)
	}
	seen.StopSignal = i.Config.StopSignal
	check := i.Config.Healthcheck
	seen.Checked = check != nil && len(check.Test) > 0 && check.Test[0] != "NONE"
	return seen
}
