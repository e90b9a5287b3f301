package swarm

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/client"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

const (
	// nginx is the image that the example has.
	nginx = "nginx:1.22"
	// overlay is the network that the services here share.
	overlay = "shared"
	// socket is where each node has its engine's.
	socket = "/var/run/docker.sock"
)

// A cluster is a swarm whose nodes are nested engines.
type cluster struct{ nodes []*dockertest.Nested }

// ask asks one node after the other until one has an answer: an engine may be away, a manager
// may have no leader, and what is to be changed may have changed.
func (c *cluster) ask(t *testing.T, question func(ctx context.Context, cli *client.Client) error) {
	t.Helper()
	dockertest.Eventually(t, long, func() (bool, string) {
		var said []string
		for _, n := range c.nodes {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			err := question(ctx, n.Client())
			cancel()
			if err == nil {
				return true, ""
			}
			said = append(said, err.Error())
		}
		return false, strings.Join(said, "\n")
	})
}

// kit is a component that runs a command of testkit's, with more keys in YAML.
func kit(command string, more ...string) string {
	return "{" + strings.Join(append([]string{"image: " + dockertest.Testkit, fmt.Sprintf("command: %q", command)}, more...), ", ") + "}"
}

// whole is a pod of which a dead supervisor leaves something: a component that pause does not
// see, and a volume without a name.
func whole() map[string]string {
	return map[string]string{
		pod.ComponentPrefix + "web": kit("serve 127.0.0.1:3000", "volumes: ['kept:/kept']",
			"x-pod: {readinessProbe: {tcpSocket: {port: 3000, host: 127.0.0.1}, periodSeconds: 1}}"),
		pod.ComponentPrefix + "log": kit("sleep", "restart: always", "volumes: [/data]", "x-pod: {pid: private}"),
	}
}

// unready is a pod that never turns healthy.
func unready() map[string]string {
	return map[string]string{
		pod.ComponentPrefix + "web": kit("sleep", "x-pod: {readinessProbe: {tcpSocket: {port: 3000, host: 127.0.0.1}, periodSeconds: 1}}"),
	}
}

// replicated is a service of pods with these labels.
func replicated(name string, pods uint64, labels map[string]string) swarm.ServiceSpec {
	grace, at := budget, time.Second
	return swarm.ServiceSpec{
		Annotations: swarm.Annotations{Name: name},
		Mode:        swarm.ServiceMode{Replicated: &swarm.ReplicatedService{Replicas: &pods}},
		TaskTemplate: swarm.TaskSpec{
			ContainerSpec: &swarm.ContainerSpec{
				Image: dockertest.Supervisor, Args: []string{"-stop-timeout", (budget - 3*time.Second).String()}, Labels: labels,
				Mounts:          []mount.Mount{{Type: mount.TypeBind, Source: socket, Target: socket}},
				StopGracePeriod: &grace, Healthcheck: checked(5 * time.Minute),
			},
			RestartPolicy: &swarm.RestartPolicy{Condition: swarm.RestartPolicyConditionAny, Delay: &at},
			Networks:      []swarm.NetworkAttachmentConfig{{Target: overlay}},
		},
		UpdateConfig: &swarm.UpdateConfig{Order: swarm.UpdateOrderStartFirst, Parallelism: 2, Monitor: time.Second},
		EndpointSpec: &swarm.EndpointSpec{Mode: swarm.ResolutionModeDNSRR}, // there may be no IPVS
	}
}

// checked is the image's health check, more often, for pods that have that time to turn healthy.
func checked(start time.Duration) *container.HealthConfig {
	return &container.HealthConfig{
		Test: []string{"CMD", "/healthcheck"}, Interval: time.Second, Timeout: 10 * time.Second, StartPeriod: start, Retries: 3,
	}
}

// create makes a service.
func (c *cluster) create(t *testing.T, spec swarm.ServiceSpec) {
	t.Helper()
	spec.Labels = c.nodes[0].Labels(nil)
	spec.TaskTemplate.ContainerSpec.Labels = c.nodes[0].Labels(spec.TaskTemplate.ContainerSpec.Labels)
	c.ask(t, func(ctx context.Context, cli *client.Client) error {
		_, err := cli.ServiceCreate(ctx, spec, swarm.ServiceCreateOptions{})
		if cerrdefs.IsConflict(err) || cerrdefs.IsAlreadyExists(err) { // the one before had no answer
			return nil
		}
		return err
	})
}

// inspect tells all that the swarm knows of a service.
func (c *cluster) inspect(t *testing.T, service string) (seen swarm.Service) {
	t.Helper()
	c.ask(t, func(ctx context.Context, cli *client.Client) (err error) {
		seen, _, err = cli.ServiceInspectWithRaw(ctx, service, swarm.ServiceInspectOptions{})
		return err
	})
	return seen
}

// update changes a service, and does not wait for what comes of that. All its pods are new
// afterwards, whatever the change.
func (c *cluster) update(t *testing.T, service string, change func(*swarm.ServiceSpec)) {
	t.Helper()
	c.ask(t, func(ctx context.Context, cli *client.Client) error {
		now, _, err := cli.ServiceInspectWithRaw(ctx, service, swarm.ServiceInspectOptions{})
		if err != nil {
			return err
		}
		now.Spec.TaskTemplate.ForceUpdate++
		change(&now.Spec)
		_, err = cli.ServiceUpdate(ctx, now.ID, now.Version, now.Spec, swarm.ServiceUpdateOptions{})
		return err
	})
}

// scale changes how many pods a service has.
func (c *cluster) scale(t *testing.T, service string, pods uint64) {
	t.Helper()
	c.update(t, service, func(spec *swarm.ServiceSpec) {
		spec.TaskTemplate.ForceUpdate--
		spec.Mode.Replicated.Replicas = &pods
	})
}

// updated says how an update is, and whether that is its end.
func (c *cluster) updated(t *testing.T, service string) (state swarm.UpdateState, over bool) {
	t.Helper()
	seen := c.inspect(t, service)
	if seen.UpdateStatus == nil {
		return "", false
	}
	state = seen.UpdateStatus.State
	return state, state != swarm.UpdateStateUpdating && state != swarm.UpdateStateRollbackStarted
}

// awaitUpdate waits for the end of an update, which is to be that one.
func (c *cluster) awaitUpdate(t *testing.T, service string, want swarm.UpdateState) {
	t.Helper()
	dockertest.Eventually(t, long, func() (bool, string) {
		state, over := c.updated(t, service)
		if over && state != want {
			t.Fatalf("the update is %s, want %s: %s", state, want, c.inspect(t, service).UpdateStatus.Message)
		}
		return over, string(state)
	})
}

// remove removes a service, and asserts that nothing is left of it on any node.
func (c *cluster) remove(t *testing.T, service string) {
	t.Helper()
	id := c.inspect(t, service).ID
	c.ask(t, func(ctx context.Context, cli *client.Client) error {
		err := cli.ServiceRemove(ctx, id)
		if cerrdefs.IsNotFound(err) {
			return nil
		}
		return err
	})
	c.gone(t, id)
}

// purge removes all services and what is left of their pods: a test has failed, and is not to be
// in the next one's way.
func (c *cluster) purge(t *testing.T) {
	t.Helper()
	c.ask(t, func(ctx context.Context, cli *client.Client) error {
		found, err := cli.ServiceList(ctx, swarm.ServiceListOptions{})
		for _, s := range found {
			_ = cli.ServiceRemove(ctx, s.ID) // another try shows whether it is there
		}
		if err == nil && len(found) > 0 {
			err = fmt.Errorf("there are %d services", len(found))
		}
		return err
	})
	dockertest.Eventually(t, long, func() (bool, string) {
		s := look(c.nodes)
		return len(s.tasks) == 0, s.String()
	})
	for _, n := range c.nodes {
		n.Result(t, n.Supervisor(t, nil, "sweep"))
	}
}

// tasks are those of a service that the swarm wants to run, in no order.
func (c *cluster) tasks(t *testing.T, service string) (all []swarm.Task) {
	t.Helper()
	f := filters.NewArgs(filters.Arg("service", service), filters.Arg("desired-state", "running"))
	c.ask(t, func(ctx context.Context, cli *client.Client) (err error) {
		all, err = cli.TaskList(ctx, swarm.TaskListOptions{Filters: f})
		return err
	})
	return all
}

// id is that of a node, by which the swarm knows it.
func (c *cluster) id(t *testing.T, node int) string {
	t.Helper()
	info, err := c.nodes[node].Client().Info(t.Context())
	if err != nil || info.Swarm.NodeID == "" {
		t.Fatalf("node %d is in no swarm: %v", node, err)
	}
	return info.Swarm.NodeID
}

// set changes what the swarm is to do with a node.
func (c *cluster) set(t *testing.T, node string, change func(*swarm.NodeSpec)) {
	t.Helper()
	c.ask(t, func(ctx context.Context, cli *client.Client) error {
		now, _, err := cli.NodeInspectWithRaw(ctx, node)
		if err != nil {
			return err
		}
		change(&now.Spec)
		return cli.NodeUpdate(ctx, node, now.Version, now.Spec)
	})
}

// at is the client of the node where a task is.
func (c *cluster) at(t *testing.T, task swarm.Task) *dockertest.Nested {
	t.Helper()
	for i, n := range c.nodes {
		if c.id(t, i) == task.NodeID {
			return n
		}
	}
	t.Fatalf("task %s is on no node", task.ID)
	return nil
}
