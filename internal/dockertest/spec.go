package dockertest

import (
	"bytes"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/go-connections/nat"
)

// A Spec is a container to be. Its zero value, but for Image, is what
// `docker create IMAGE` makes.
type Spec struct {
	Image      string
	Name       string   // a random one when empty
	Entrypoint []string // nil: the image's
	Cmd        []string // nil: the image's
	Env        []string // NAME=value
	Labels     map[string]string
	User       string
	WorkingDir string
	Hostname   string

	Binds  []string          // source:target[:ro], a host path or a volume
	Mounts []mount.Mount     // what Binds cannot say
	Tmpfs  map[string]string // target: options

	Network string   // such as "none", a network, or that of Join
	PID     string   // the PID namespace, such as that of Join
	IPC     string   // the IPC namespace: "shareable" or that of Join
	Hosts   []string // name:address, for its hosts file
	Ports   []string // to publish, as `docker run -p` has them: "80", "8080:80"

	TTY       bool
	OpenStdin bool
	StdinOnce bool // the end of the first attached stdin is the end of stdin

	AutoRemove  bool
	ReadOnly    bool
	Privileged  bool
	CapDrop     []string
	CapAdd      []string
	SecurityOpt []string
	GroupAdd    []string
	Memory      int64 // limit in bytes; 0: none
	MemorySwap  int64 // memory and swap together, in bytes; 0: the engine's
	NanoCPUs    int64 // limit in billionths of one; 0: none
	PidsLimit   int64 // 0: none

	CgroupParent string
	CgroupNS     string // the cgroup namespace: "host" or "private"; empty: the engine's
	StopSignal   string
	StopTimeout  time.Duration               // in whole seconds; 0: the engine's
	Restart      container.RestartPolicyMode // empty: none
	LogDriver    string                      // empty: the engine's
	Health       *container.HealthConfig
}

// Join is the namespace of another container, for Network, PID and IPC.
func Join(c *Container) string { return "container:" + c.ID }

// Create makes a container and does not start it.
func (e *Engine) Create(t testing.TB, s Spec) *Container {
	t.Helper()
	e.Need(t, s.Image)
	if s.Name == "" {
		s.Name = "podlike-test-" + random()
	}
	config, host := s.words(t, e.mark)
	return e.create(t, s.Name, config, host)
}

// create is Create in the engine's words.
func (e *Engine) create(t testing.TB, name string, config *container.Config, host *container.HostConfig) *Container {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	made, err := e.cli.ContainerCreate(ctx, config, host, &network.NetworkingConfig{}, nil, name)
	if err != nil {
		t.Fatalf("cannot create container %s of %s: %v", name, config.Image, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.owners[made.ID] = true
	return &Container{ID: made.ID, Name: name, session: e.session}
}

// Run makes a container and starts it.
func (e *Engine) Run(t testing.TB, s Spec) *Container {
	t.Helper()
	c := e.Create(t, s)
	c.Start(t)
	return c
}

// Output runs a container to its end and returns all it printed, both streams in
// one. It fails the test when the container's exit code is not 0.
func (e *Engine) Output(t testing.TB, s Spec) string {
	t.Helper()
	out, code := e.Result(t, s)
	if code != 0 {
		t.Fatalf("%s %q exited with %d:\n%s", s.Image, s.Cmd, code, out)
	}
	return out
}

// Result runs a container to its end and returns all it printed, both streams in
// one, and its exit code. It attaches before it starts the container, so neither
// the log driver nor AutoRemove takes anything away.
func (e *Engine) Result(t testing.TB, s Spec) (out string, code int) {
	t.Helper()
	c := e.Create(t, s)
	ctx, cancel := bounded()
	defer cancel()
	stream, err := e.cli.ContainerAttach(ctx, c.ID, container.AttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		t.Fatalf("cannot attach to container %s: %v", c.Name, err)
	}
	defer stream.Close()
	c.Start(t)
	var both bytes.Buffer
	if err := demux(s.TTY, stream.Reader, &both, &both); err != nil {
		t.Fatalf("cannot read what container %s prints: %v", c.Name, err)
	}
	return both.String(), c.Wait(t)
}

// words is the engine's form of s as one's own, in the two halves that it wants.
func (s Spec) words(t testing.TB, own mark) (*container.Config, *container.HostConfig) {
	t.Helper()
	exposed, bound, err := nat.ParsePortSpecs(s.Ports)
	if err != nil {
		t.Fatalf("cannot publish %q: %v", s.Ports, err)
	}
	config := &container.Config{
		Image: s.Image, Entrypoint: s.Entrypoint, Cmd: s.Cmd, Env: s.Env, Labels: own.Labels(s.Labels),
		User: s.User, WorkingDir: s.WorkingDir, Hostname: s.Hostname, ExposedPorts: exposed,
		Tty: s.TTY, OpenStdin: s.OpenStdin, StdinOnce: s.StdinOnce, AttachStdin: s.OpenStdin,
		StopSignal: s.StopSignal, StopTimeout: seconds(s.StopTimeout), Healthcheck: s.Health,
	}
	host := &container.HostConfig{
		Binds: s.Binds, Mounts: s.Mounts, Tmpfs: s.Tmpfs,
		ExtraHosts: s.Hosts, NetworkMode: container.NetworkMode(s.Network), PidMode: container.PidMode(s.PID), IpcMode: container.IpcMode(s.IPC),
		PortBindings: bound, AutoRemove: s.AutoRemove, ReadonlyRootfs: s.ReadOnly, Privileged: s.Privileged,
		RestartPolicy: container.RestartPolicy{Name: s.Restart},
		CapDrop:       s.CapDrop, CapAdd: s.CapAdd, SecurityOpt: s.SecurityOpt, GroupAdd: s.GroupAdd,
		LogConfig: container.LogConfig{Type: s.LogDriver}, CgroupnsMode: container.CgroupnsMode(s.CgroupNS),
		Resources: container.Resources{
			Memory: s.Memory, MemorySwap: s.MemorySwap, NanoCPUs: s.NanoCPUs, PidsLimit: positive(s.PidsLimit), CgroupParent: s.CgroupParent,
		},
	}
	return config, host
}

// seconds is d as the engine has it, nil for none.
func seconds(d time.Duration) *int {
	if d == 0 {
		return nil
	}
	n := int(d.Seconds())
	return &n
}

// positive is n as the engine has a limit, nil for none.
func positive(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}

// Volume makes a named volume of the scope's own and returns its name.
func (e *Engine) Volume(t testing.TB, labels map[string]string) string {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	made, err := e.cli.VolumeCreate(ctx, volume.CreateOptions{Name: "podlike-test-" + random(), Labels: e.Labels(labels)})
	if err != nil {
		t.Fatalf("cannot create a volume: %v", err)
	}
	return made.Name
}

// RemoveVolume removes a volume that no container uses any more.
func (e *Engine) RemoveVolume(t testing.TB, name string) {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	if err := gone(e.cli.VolumeRemove(ctx, name, false)); err != nil {
		t.Fatalf("cannot remove volume %s: %v", name, err)
	}
}

// Network makes a bridge network of the scope's own and returns its name.
func (e *Engine) Network(t testing.TB) string {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	name := "podlike-test-" + random()
	if _, err := e.cli.NetworkCreate(ctx, name, network.CreateOptions{Labels: e.Labels(nil)}); err != nil {
		t.Fatalf("cannot create a network: %v", err)
	}
	return name
}
