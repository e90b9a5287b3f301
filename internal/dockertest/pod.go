package dockertest

import (
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/volume"

	"github.com/podlike/podlike/internal/pod"
)

// Supervisor is a container that runs a pod: this project's supervisor with the
// engine's socket, the pod's labels and the program's arguments. It is a plain
// value to be changed before it is run.
func (e *Engine) Supervisor(t testing.TB, labels map[string]string, args ...string) Spec {
	t.Helper()
	return Spec{
		Image:  Supervisor,
		Cmd:    args,
		Labels: labels,
		Binds:  []string{e.Socket(t) + ":/var/run/docker.sock"},
	}
}

// Socket is the path of the engine's socket on this machine.
func (e *Engine) Socket(t testing.TB) string {
	t.Helper()
	path, local := strings.CutPrefix(e.cli.DaemonHost(), "unix://")
	if !local {
		t.Fatalf("a supervisor needs an engine with a socket on this machine, not %s", e.cli.DaemonHost())
	}
	return path
}

// Pod lists the containers, running or not, that the container with the ID owner
// manages. The owner itself is none of them.
func (e *Engine) Pod(t testing.TB, owner string) []container.Summary {
	t.Helper()
	found, err := e.containers(labelled(pod.LabelOwner, owner))
	if err != nil {
		t.Fatalf("cannot list the pod of %s: %v", owner, err)
	}
	return found
}

// Component is the container of a pod's component, and whether it is there.
func (e *Engine) Component(t testing.TB, owner, name string) (c *Container, there bool) {
	t.Helper()
	return e.ofPod(t, owner, func(labels map[string]string) bool { return labels[pod.LabelComponent] == name })
}

// PauseOf is the container that holds a pod's namespaces, and whether it is there.
func (e *Engine) PauseOf(t testing.TB, owner string) (c *Container, there bool) {
	t.Helper()
	return e.ofPod(t, owner, func(labels map[string]string) bool { return labels[pod.LabelRole] == pod.RolePause })
}

// ofPod is the first container of a pod whose labels are the wanted ones.
func (e *Engine) ofPod(t testing.TB, owner string, wanted func(labels map[string]string) bool) (c *Container, there bool) {
	t.Helper()
	for _, s := range e.Pod(t, owner) {
		if wanted(s.Labels) {
			return &Container{ID: s.ID, Name: title(s), engine: e}, true
		}
	}
	return nil, false
}

// Gone asserts that of what owner manages no container and no volume is left
// within the time.
func (e *Engine) Gone(t testing.TB, owner string, within time.Duration) {
	t.Helper()
	Eventually(t, within, func() (bool, string) {
		left := e.left(t, owner)
		return len(left) == 0, "left: " + strings.Join(left, ", ")
	})
}

// left names what there is of the pod that owner manages.
func (e *Engine) left(t testing.TB, owner string) (names []string) {
	t.Helper()
	for _, c := range e.Pod(t, owner) {
		names = append(names, "container "+title(c)+" ("+c.Status+")")
	}
	volumes, err := e.volumes(labelled(pod.LabelOwner, owner))
	if err != nil {
		t.Fatalf("cannot list the volumes of %s: %v", owner, err)
	}
	for _, v := range volumes {
		names = append(names, "volume "+v)
	}
	return names
}

// containers lists all containers that f selects, running or not.
func (e *Engine) containers(f filters.Args) ([]container.Summary, error) {
	ctx, cancel := bounded()
	defer cancel()
	return e.cli.ContainerList(ctx, container.ListOptions{All: true, Filters: f})
}

// volumes lists the names of the volumes that f selects.
func (e *Engine) volumes(f filters.Args) (names []string, err error) {
	ctx, cancel := bounded()
	defer cancel()
	found, err := e.cli.VolumeList(ctx, volume.ListOptions{Filters: f})
	for _, v := range found.Volumes {
		names = append(names, v.Name)
	}
	return names, err
}

// title is a container's name as people write it.
func title(c container.Summary) string {
	if len(c.Names) == 0 {
		return c.ID[:12]
	}
	return strings.TrimPrefix(c.Names[0], "/")
}
