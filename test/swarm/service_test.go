package swarm

import (
	"fmt"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/swarm"
	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/dockertest"
)

// anUpdateStartsOrStopsFirst shows that a pod counts as a task from its first answer to its last
// trace: with start-first the old one is asked to stop only when the new one is healthy, with
// stop-first the new one starts only when the old one has gone. Each ends well.
func anUpdateStartsOrStopsFirst(t *testing.T, c *cluster) {
	const service, pods = "orderly", 2
	c.create(t, replicated(service, pods, whole()))
	c.settled(t, service, pods)
	for _, order := range []string{swarm.UpdateOrderStartFirst, swarm.UpdateOrderStopFirst} {
		old := c.supervisors(t, service)
		c.update(t, service, func(spec *swarm.ServiceSpec) { spec.UpdateConfig.Order = order })
		c.awaitUpdate(t, service, swarm.UpdateStateCompleted)
		took := c.settled(t, service, pods)
		t.Logf("%s: settled %v after the update's end", order, took)
		for slot, next := range c.supervisors(t, service) {
			before, ended := old[slot].inspect(t), time.Time{}
			if before.State.Running || before.State.ExitCode != 0 {
				t.Errorf("%s: the old pod of slot %d is %s, with %d", order, slot, before.State.Status, before.State.ExitCode)
			}
			ended = moment(t, before.State.FinishedAt)
			if began := moment(t, next.inspect(t).State.StartedAt); (order == swarm.UpdateOrderStartFirst) != began.Before(ended) {
				t.Errorf("%s: the new pod of slot %d has started at %v, and the old one ended at %v", order, slot, began, ended)
			}
		}
	}
	c.remove(t, service)
}

// whatNeverTurnsHealthyIsRolledBack shows that the old pods go on, untouched, and that nothing is
// left of the new ones.
func whatNeverTurnsHealthyIsRolledBack(t *testing.T, c *cluster) {
	const service, pods = "careful", 2
	c.create(t, replicated(service, pods, whole()))
	c.settled(t, service, pods)
	old := c.supervisors(t, service)
	c.update(t, service, func(spec *swarm.ServiceSpec) {
		spec.TaskTemplate.ContainerSpec.Labels = c.nodes[0].Labels(unready())
		spec.TaskTemplate.ContainerSpec.Healthcheck = checked(time.Second)
		spec.UpdateConfig.Parallelism = 1
		spec.UpdateConfig.FailureAction = swarm.UpdateFailureActionRollback
	})
	c.awaitUpdate(t, service, swarm.UpdateStateRollbackCompleted)
	c.settled(t, service, pods)
	kept := 0
	for slot, now := range c.supervisors(t, service) {
		if now.id == old[slot].id {
			kept++
		}
	}
	if kept == 0 {
		t.Error("an update of one pod after the other that never got beyond the first has replaced all")
	}
	if diff := cmp.Diff(c.nodes[0].Labels(whole()), c.inspect(t, service).Spec.TaskTemplate.ContainerSpec.Labels); diff != "" {
		t.Errorf("the service is not what it was:\n%s", diff)
	}
	c.remove(t, service)
}

// scaledToNothingAndBack shows that a service of no pods has nothing anywhere.
func scaledToNothingAndBack(t *testing.T, c *cluster) {
	const service, pods = "elastic", 3
	c.create(t, replicated(service, pods, whole()))
	c.settled(t, service, pods)
	c.scale(t, service, 0)
	c.settled(t, service, 0)
	c.scale(t, service, pods)
	c.settled(t, service, pods)
	c.remove(t, service)
}

// removedWhileItStarts removes a service at once, and one whose components run and are not ready.
func removedWhileItStarts(t *testing.T, c *cluster) {
	c.create(t, replicated("regretted", 3, unready()))
	c.remove(t, "regretted")
	c.create(t, replicated("hopeless", 3, unready()))
	dockertest.Eventually(t, long, func() (bool, string) {
		components := 0
		for _, n := range c.nodes {
			for _, s := range look([]*dockertest.Nested{n}).tasks {
				if web, there := n.Component(t, s.id, "web"); there && web.Running(t) {
					components++
				}
			}
		}
		return components == 3, fmt.Sprintf("%d components run", components)
	})
	c.remove(t, "hopeless")
}

// A supervisor is the container of a task.
type supervisor struct {
	id   string
	node *dockertest.Nested
}

// supervisors are those of a service's pods, by slot.
func (c *cluster) supervisors(t *testing.T, service string) map[int]supervisor {
	t.Helper()
	all := map[int]supervisor{}
	for _, task := range c.tasks(t, service) {
		all[task.Slot] = supervisor{task.Status.ContainerStatus.ContainerID, c.at(t, task)}
	}
	return all
}

// inspect tells all that the node's engine knows of the container.
func (s supervisor) inspect(t *testing.T) container.InspectResponse {
	t.Helper()
	return s.node.Container(t, s.id).Inspect(t)
}

// moment is a time as the engine writes it.
func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
