package dockertest

import (
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/podlike/podlike/internal/pod"
)

// pods are those that supervisors run on an engine, whoever started them. All that is of
// a pod has its supervisor's ID in a label, by which it is found.
type pods struct{ session *session }

// Supervisor is a container that runs a pod: this project's supervisor with the
// engine's socket, the pod's labels and the program's arguments. It is a plain
// value to be changed before it is run.
func (p pods) Supervisor(t testing.TB, labels map[string]string, args ...string) Spec {
	t.Helper()
	return Spec{
		Image:  Supervisor,
		Cmd:    args,
		Labels: labels,
		Binds:  []string{p.session.Socket(t) + ":/var/run/docker.sock"},
	}
}

// Pod lists the containers, running or not, that the container with the ID owner
// manages. The owner itself is none of them.
func (p pods) Pod(t testing.TB, owner string) []container.Summary {
	t.Helper()
	found, err := p.session.containers(labelled(pod.LabelOwner, owner))
	if err != nil {
		t.Fatalf("cannot list the pod of %s: %v", owner, err)
	}
	return found
}

// Component is the container of a pod's component, and whether it is there.
func (p pods) Component(t testing.TB, owner, name string) (c *Container, there bool) {
	t.Helper()
	return p.ofPod(t, owner, func(labels map[string]string) bool { return labels[pod.LabelComponent] == name })
}

// PauseOf is the container that holds a pod's namespaces, and whether it is there.
func (p pods) PauseOf(t testing.TB, owner string) (c *Container, there bool) {
	t.Helper()
	return p.ofPod(t, owner, func(labels map[string]string) bool { return labels[pod.LabelRole] == pod.RolePause })
}

// ofPod is the first container of a pod whose labels are the wanted ones.
func (p pods) ofPod(t testing.TB, owner string, wanted func(labels map[string]string) bool) (c *Container, there bool) {
	t.Helper()
	for _, s := range p.Pod(t, owner) {
		if wanted(s.Labels) {
			return &Container{ID: s.ID, Name: title(s), session: p.session}, true
		}
	}
	return nil, false
}

// Gone asserts that of what owner manages no container and no volume is left
// within the time.
func (p pods) Gone(t testing.TB, owner string, within time.Duration) {
	t.Helper()
	Eventually(t, within, func() (bool, string) {
		left := p.Left(t, owner)
		return len(left) == 0, "left: " + strings.Join(left, ", ")
	})
}

// Left names what there is of the pod that owner manages: `container NAME (STATUS)` and
// `volume NAME`.
func (p pods) Left(t testing.TB, owner string) (names []string) {
	t.Helper()
	for _, c := range p.Pod(t, owner) {
		if len(c.Names) > 0 { // 20.10 lists some that it knows no more, for it was killed while it removed them
			names = append(names, "container "+title(c)+" ("+c.Status+")")
		}
	}
	volumes, err := p.session.volumes(labelled(pod.LabelOwner, owner))
	if err != nil {
		t.Fatalf("cannot list the volumes of %s: %v", owner, err)
	}
	for _, v := range volumes {
		names = append(names, "volume "+v)
	}
	return names
}
