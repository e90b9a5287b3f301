package swarm

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"

	"github.com/podlike/podlike/internal/dockertest"
)

// aNodeLeaves shows that the engine which leaves a swarm kills the tasks that it has, and that
// their pods go with them: the supervisors could do nothing for that. What pause does not see a
// sweep takes away.
func aNodeLeaves(t *testing.T, c *cluster) {
	const service, pods = "settled", 3
	c.create(t, everywhere(service, whole()))
	c.settled(t, service, pods)
	leaver, id, owner := c.nodes[2], c.id(t, 2), look(c.nodes[2:]).tasks[0].id
	c.set(t, id, func(spec *swarm.NodeSpec) { spec.Role = swarm.NodeRoleWorker })
	dockertest.Eventually(t, long, func() (bool, string) {
		info, err := leaver.Client().Info(t.Context())
		return err == nil && !info.Swarm.ControlAvailable, fmt.Sprintf("it is still a manager: %v", err)
	})
	if err := leaver.Client().SwarmLeave(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	dockertest.Eventually(t, soon, func() (bool, string) {
		s := look(c.nodes[2:])
		_, there := leaver.Component(t, owner, "web")
		return len(s.tasks) == 0 && !there, s.String()
	})
	if out, code := leaver.Result(t, leaver.Supervisor(t, nil, "sweep")); code != 0 {
		t.Errorf("what pause does not see cannot be swept away: %s", out)
	}
	if s := look(c.nodes[2:]); !s.clean() {
		t.Errorf("there is more than that:\n%v", s)
	}
	c.settledOn(t, c.nodes[:2], service, pods-1)
	c.ask(t, func(ctx context.Context, cli *client.Client) error {
		return cli.NodeRemove(ctx, id, swarm.NodeRemoveOptions{Force: true})
	})
	leaver.Rejoin(t, c.nodes[0])
	c.settled(t, service, pods)
	c.remove(t, service)
}

// aManagerLosesQuorum shows that pods need no manager: they go on where there is none, and one that
// ends then ends in order. The swarm makes another when it can again.
func aManagerLosesQuorum(t *testing.T, c *cluster) {
	const service, pods = "steadfast", 3
	c.create(t, everywhere(service, whole()))
	c.settled(t, service, pods)
	last := c.nodes[0]
	for _, n := range c.nodes[1:] {
		n.KillEngine(t, "KILL")
	}
	dockertest.Eventually(t, long, func() (bool, string) {
		return asks(last.Client()) != nil, "the swarm still has a leader"
	})
	s := look(c.nodes[:1])
	if len(s.tasks) != 1 || !strings.Contains(s.tasks[0].status, "(healthy)") || !s.clean() {
		t.Fatalf("without a leader the pod is not what it was:\n%v", s)
	}
	id := s.tasks[0].id
	web, there := last.Component(t, id, "web")
	if !there {
		t.Fatalf("the pod has no component web:\n%v", s)
	}
	web.Kill(t, "KILL")
	last.Gone(t, id, soon)
	ended := last.Container(t, id)
	dockertest.Eventually(t, soon, func() (bool, string) { return !ended.Running(t), ended.Output(t) })
	if code := ended.Inspect(t).State.ExitCode; code != 137 {
		t.Errorf("the pod has ended with %d, want its component's 137:\n%s", code, ended.Output(t))
	}
	for _, n := range c.nodes[1:] {
		n.StartEngine(t)
	}
	t.Logf("settled %v after the engines were there again", c.settled(t, service, pods))
	c.remove(t, service)
}

// everywhere is a service of a pod on each node.
func everywhere(name string, labels map[string]string) swarm.ServiceSpec {
	spec := replicated(name, 0, labels)
	spec.Mode = swarm.ServiceMode{Global: &swarm.GlobalService{}}
	return spec
}

// asks asks a node about the swarm, which it can tell of only where there is a leader.
func asks(cli *client.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err := cli.SwarmInspect(ctx)
	return err
}
