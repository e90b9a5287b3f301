package swarm

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

// A sight is what there is on some nodes.
type sight struct {
	tasks  []task            // that run
	strays map[string]string // what is left of pods whose supervisor does not live, by ID
	away   []string          // what keeps nodes from being looked at
}

// A task is the container of one, which in a pod is the supervisor's.
type task struct {
	node, id, service, status string
}

func (t task) String() string {
	return fmt.Sprintf("%s: %.12s of %s, %s", t.node, t.id, t.service, t.status)
}

// running counts the tasks of a service, by its ID.
func (s sight) running(service string) int { return s.count(service, "") }

// healthy counts those of its tasks that are.
func (s sight) healthy(service string) int { return s.count(service, "(healthy)") }

// count counts the tasks of a service whose status has a text.
func (s sight) count(service, status string) (n int) {
	for _, t := range s.tasks {
		if t.service == service && strings.Contains(t.status, status) {
			n++
		}
	}
	return n
}

// clean says whether all nodes were seen, and nothing there that is left of anything.
func (s sight) clean() bool { return len(s.strays) == 0 && len(s.away) == 0 }

// look looks at nodes. What is seen of one is of another moment than what is seen of the next.
func look(nodes []*dockertest.Nested) sight {
	s := sight{strays: map[string]string{}}
	for _, n := range nodes {
		if err := s.add(n.Client(), n.Outer().Name); err != nil {
			s.away = append(s.away, fmt.Sprintf("%s: %v", n.Outer().Name, err))
		}
	}
	return s
}

// add adds what there is on a node.
func (s *sight) add(cli *client.Client, node string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	before, err := running(ctx, cli)
	if err != nil {
		return err
	}
	owned, err := cli.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", pod.LabelOwner))})
	if err != nil {
		return err
	}
	scratch, err := cli.VolumeList(ctx, volume.ListOptions{Filters: filters.NewArgs(filters.Arg("label", pod.LabelRole+"="+pod.RoleScratch))})
	if err != nil {
		return err
	}
	after, err := running(ctx, cli)
	if err != nil {
		return err
	}
	lives := map[string]bool{} // who lived at either time: in between some come, and some go
	for _, c := range append(before, after...) {
		lives[c.ID] = true
	}
	for _, c := range after {
		s.tasks = append(s.tasks, task{node, c.ID, c.Labels[pod.SwarmServiceID], c.Status})
	}
	for _, c := range owned {
		if len(c.Names) > 0 && !lives[c.Labels[pod.LabelOwner]] { // 20.10 lists some that it knows no more
			s.strays[c.ID] = fmt.Sprintf("%s: container %s, %s", node, c.Names[0], c.Status)
		}
	}
	for _, v := range scratch.Volumes {
		if !lives[v.Labels[pod.LabelOwner]] {
			s.strays[v.Name] = fmt.Sprintf("%s: volume %s of %.12s", node, v.Name, v.Labels[pod.LabelOwner])
		}
	}
	return nil
}

// running lists the containers of tasks that run on a node.
func running(ctx context.Context, cli *client.Client) ([]container.Summary, error) {
	return cli.ContainerList(ctx, container.ListOptions{Filters: filters.NewArgs(filters.Arg("label", pod.SwarmServiceID))})
}

func (s sight) String() string {
	var b strings.Builder
	for _, t := range s.tasks {
		fmt.Fprintln(&b, t)
	}
	for _, why := range s.away {
		fmt.Fprintln(&b, why)
	}
	for _, what := range s.strays {
		fmt.Fprintln(&b, "left:", what)
	}
	return b.String()
}

// settled waits until a service has exactly so many pods, all of them healthy, and nothing is on
// any node of pods whose supervisor does not live. It returns how long that took.
func (c *cluster) settled(t *testing.T, service string, pods int) time.Duration {
	t.Helper()
	return c.settledOn(t, c.nodes, service, pods)
}

// settledOn is settled without those nodes that cannot be asked, or are not to be.
func (c *cluster) settledOn(t *testing.T, nodes []*dockertest.Nested, service string, pods int) time.Duration {
	t.Helper()
	began := time.Now()
	id := c.inspect(t, service).ID
	dockertest.Eventually(t, long, func() (bool, string) {
		s := look(nodes)
		seen := s.String()
		if !s.clean() || s.healthy(id) != pods || s.running(id) != pods {
			return false, seen
		}
		tasks := c.tasks(t, id)
		if len(tasks) != pods {
			return false, fmt.Sprintf("%s%d tasks are to run", seen, len(tasks))
		}
		for _, task := range tasks {
			if task.Status.State != swarm.TaskStateRunning {
				return false, fmt.Sprintf("%stask %s is %s: %s", seen, task.ID, task.Status.State, task.Status.Err)
			}
		}
		return true, seen
	})
	return time.Since(began)
}

// gone asserts that nothing is left on any node of a service that was removed, by its ID, nor a
// task of which something may yet come.
func (c *cluster) gone(t *testing.T, id string) {
	t.Helper()
	dockertest.Eventually(t, long, func() (bool, string) {
		var tasks []swarm.Task // a filter would ask for the service
		c.ask(t, func(ctx context.Context, cli *client.Client) (err error) {
			tasks, err = cli.TaskList(ctx, swarm.TaskListOptions{})
			return err
		})
		for _, one := range tasks {
			if one.ServiceID == id {
				return false, fmt.Sprintf("task %s is %s", one.ID, one.Status.State)
			}
		}
		s := look(c.nodes)
		return s.clean() && s.running(id) == 0, s.String()
	})
}

// things are the volumes and networks of each node, but for volumes without a name that pods have.
func (c *cluster) things(t *testing.T) (all []string) {
	t.Helper()
	for i, n := range c.nodes {
		volumes, err := n.Client().VolumeList(t.Context(), volume.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		networks, err := n.Client().NetworkList(t.Context(), network.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range volumes.Volumes {
			if v.Labels[pod.LabelRole] != pod.RoleScratch {
				all = append(all, fmt.Sprintf("node %d: volume %s", i+1, v.Name))
			}
		}
		for _, one := range networks {
			all = append(all, fmt.Sprintf("node %d: network %s", i+1, one.Name))
		}
	}
	return all
}
