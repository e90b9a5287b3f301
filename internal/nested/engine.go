// Package nested runs Docker engines in containers of another engine, each alone or several as the
// nodes of a swarm. It makes what it is told to and removes nothing: a container of an engine ends,
// with all that runs in it, when its stdin does or when it is asked to stop. It knows nothing of
// tests, so that people can play with such engines too.
package nested

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/client"
)

const (
	// Dir is where an engine's socket is, in its own container and in those of supervisors
	// whose engine may be restarted under them. It is a directory of the machine's: in a
	// mount of the socket itself a restarted engine's new socket would not be seen.
	Dir = "/run/engine"
	// Socket is the socket's name there.
	Socket = "docker.sock"
	// usual is another socket of an engine, where stacks expect one.
	usual = "/run/docker.sock"
)

// A Spec is an engine to be. `test/engine/mkimage` makes the images.
type Spec struct {
	Image string
	// Name is that of the container, of the engine's machine, and of the control group that
	// has those of the engine's containers.
	Name    string
	Dir     string // of the machine, where the socket is to be
	Network string // of the machine's engine, or "none"
	Labels  map[string]string
	// Kept says that the engine lives until it is asked to stop. Another one's end is the end
	// of the connection by which its container's stdin was attached before the start.
	Kept bool
}

// Words is the engine's container in the machine's engine's words. It is as open to the machine
// as a privileged one, but for what an engine that lacks SYS_RESOURCE itself cannot give. It
// removes itself.
func (s Spec) Words() (*container.Config, *container.HostConfig) {
	config := &container.Config{
		Image: s.Image, Hostname: s.Name, Cmd: []string{"hold", s.Name}, Labels: s.Labels,
		OpenStdin: true, StdinOnce: !s.Kept, AttachStdin: !s.Kept,
	}
	host := &container.HostConfig{
		NetworkMode: container.NetworkMode(s.Network), CgroupnsMode: container.CgroupnsModeHost, AutoRemove: true,
		CapAdd: []string{"ALL"}, CapDrop: []string{"SYS_RESOURCE"},
		SecurityOpt: []string{"seccomp=unconfined", "apparmor=unconfined"},
		MaskedPaths: []string{}, ReadonlyPaths: []string{},
		Binds:  []string{"/sys/fs/cgroup:/sys/fs/cgroup", s.Dir + ":" + Dir},
		Mounts: []mount.Mount{{Type: mount.TypeVolume, Target: "/var/lib/docker"}},
		Tmpfs:  map[string]string{"/run": ""},
	}
	host.DeviceCgroupRules = []string{"a *:* rwm"}
	return config, host
}

// Flags are dockerd's in the container of that name, and more of them.
func Flags(name string, more ...string) []string {
	return append([]string{
		"--host", "unix://" + Dir + "/" + Socket, "--host", "unix://" + usual,
		"--group", strconv.Itoa(os.Getgid()), // who starts it may connect, whoever that is
		"--storage-driver", "vfs", // the others need a kernel or a program for them
		"--cgroup-parent", "/" + name,
	}, more...)
}

// Start starts dockerd in a container that runs, by its ID or name, and returns the ID of the exec
// that dockerd is. It does not wait until that answers.
func Start(ctx context.Context, machine *client.Client, id string, flags []string) (exec string, err error) {
	made, err := machine.ContainerExecCreate(ctx, id, container.ExecOptions{Cmd: append([]string{"sh", "-c", run, "sh"}, flags...)})
	if err == nil {
		err = machine.ContainerExecStart(ctx, made.ID, container.ExecStartOptions{Detach: true})
	}
	if err != nil {
		return "", fmt.Errorf("cannot start dockerd in container %s: %w", id, err)
	}
	return made.ID, nil
}

// run runs dockerd with its arguments. Swarm asks a registry before it starts a task: that there is
// none shall be clear at once.
const run = `echo nameserver 127.0.0.1 >/etc/resolv.conf; exec nested run "$@"`

// Load copies images of one engine to another.
func Load(ctx context.Context, from, to *client.Client, images ...string) error {
	saved, err := from.ImageSave(ctx, images)
	if err != nil {
		return fmt.Errorf("cannot save the images %q: %w", images, err)
	}
	defer saved.Close()
	loaded, err := to.ImageLoad(ctx, saved)
	if err == nil {
		defer loaded.Body.Close()
		_, err = io.Copy(io.Discard, loaded.Body) // they are there when this ends
	}
	if err != nil {
		return fmt.Errorf("cannot load the images %q into a nested engine: %w", images, err)
	}
	return nil
}
