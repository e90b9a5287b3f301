package swarm

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/swarm"

	"github.com/podlike/podlike/internal/dockertest"
)

// root is the tree's, seen from this package.
var root = filepath.Join("..", "..")

// noRequestFails is what the example of a rolling update says of itself: it is updated again and
// again, as a user does it, under a client in its network.
func noRequestFails(t *testing.T, c *cluster) {
	stack := c.nodes[0].Stack(t, filepath.Join(root, "deploy", "examples", "rolling", "stack.yml"))
	web := stack + "_web"
	c.settled(t, web, 3)
	neighbour := c.nodes[0].Run(t, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"sleep"}, Network: stack + "_front"})
	dockertest.Eventually(t, soon, func() (bool, string) { // nodes tell each other names at their leisure
		_, code := neighbour.Exec(t, "/testkit", "get", "http://web/")
		return code == 0, "http://web/ does not answer"
	})
	user := c.nodes[0].Run(t, dockertest.Spec{
		Image: dockertest.Testkit, Cmd: []string{"poll", "http://web/", "every", "20ms", "for", "2m"}, Network: dockertest.Join(neighbour),
	})
	updates := 0
	for user.Running(t) {
		c.update(t, web, func(*swarm.ServiceSpec) {})
		over := false
		dockertest.Eventually(t, long, func() (bool, string) {
			var state swarm.UpdateState
			state, over = c.updated(t, web)
			return over || !user.Running(t), string(state)
		})
		if over {
			updates++
		}
	}
	said := strings.TrimSpace(user.Output(t))
	lines := strings.Split(said, "\n")
	dockertest.Report(t, "%d updates of three pods: %s", updates, lines[len(lines)-1])
	if code := user.Wait(t); code != 0 || updates == 0 {
		t.Errorf("exited with %d after %d updates:\n%s", code, updates, said)
	}
	neighbour.Remove(t)
	c.settled(t, web, 3)
	id := c.inspect(t, web).ID
	c.nodes[0].RemoveStack(t, stack)
	c.gone(t, id)
}
