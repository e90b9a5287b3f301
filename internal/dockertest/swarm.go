package dockertest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"golang.org/x/sys/unix"
)

// bridge is the network that an engine makes when it joins a swarm, and keeps
// when it leaves.
const bridge = "docker_gwbridge"

// bridgeLabel on a swarm of ours says that the bridge was there before it.
const bridgeLabel = Label + ".bridge"

// serviceLabel is the label Swarm puts on each container of a service.
const serviceLabel = "com.docker.swarm.service.id"

// A cluster is what Swarm is asked for in a scope: to be there, and the services and
// stacks. They carry the scope's label where Swarm lets them.
type cluster struct {
	node node
	mark mark

	mu       sync.Mutex
	services map[string]bool // IDs of services made here and not yet removed
	stacks   []string        // names of stacks deployed here, also of those removed
	leave    func() error    // undoes Swarm; nil when there is nothing to undo
}

// Swarm makes sure that the engine is a manager of a swarm for as long as the
// scope lasts. An engine that is one already stays as it was. One that is not
// gets a swarm of its own on loopback and leaves it at the end.
//
// Only one scope on this machine has a swarm at a time; others wait here.
func (c *cluster) Swarm(t testing.TB) {
	t.Helper()
	if c.leave != nil {
		return
	}
	release, err := lock(swarmLock())
	if err != nil {
		t.Fatalf("cannot lock the swarm: %v", err)
	}
	c.leave = release
	ours, err := c.join()
	if err != nil {
		t.Fatalf("cannot make a swarm: %v", err)
	}
	if ours != nil {
		c.leave = func() error { return errors.Join(ours(), release()) }
	}
}

// join makes a swarm unless there is one, and returns what undoes that: nil for a
// swarm that someone else made. One that a test has left behind, because it was
// killed, is no one else's.
func (c *cluster) join() (leave func() error, err error) {
	ctx, cancel := bounded()
	defer cancel()
	info, err := c.node.cli.Info(ctx)
	if err != nil {
		return nil, err
	}
	if info.Swarm.LocalNodeState != swarm.LocalNodeStateInactive {
		return c.found()
	}
	labels := c.mark.Labels(nil)
	if _, err = c.node.cli.NetworkInspect(ctx, bridge, network.InspectOptions{}); err == nil {
		labels[bridgeLabel] = "keep"
	}
	_, err = c.node.cli.SwarmInit(ctx, swarm.InitRequest{
		ListenAddr:    "127.0.0.1:2377",
		AdvertiseAddr: "127.0.0.1",
		DataPathAddr:  "127.0.0.1",
		Spec:          swarm.Spec{Annotations: swarm.Annotations{Labels: labels}},
	})
	return func() error { return c.part(labels) }, err
}

// found is join for an engine that is in a swarm.
func (c *cluster) found() (leave func() error, err error) {
	ctx, cancel := bounded()
	defer cancel()
	seen, err := c.node.cli.SwarmInspect(ctx)
	if err != nil {
		return nil, fmt.Errorf("this engine is in a swarm that it does not manage: %w", err)
	}
	if _, tests := seen.Spec.Labels[Label]; tests {
		return func() error { return c.part(seen.Spec.Labels) }, nil
	}
	return nil, nil
}

// part leaves the swarm with those labels, and removes the network that leaving
// leaves behind, unless that was there before.
func (c *cluster) part(labels map[string]string) error {
	ctx, cancel := bounded()
	defer cancel()
	if err := c.node.cli.SwarmLeave(ctx, true); err != nil {
		return fmt.Errorf("cannot leave the swarm: %w", err)
	}
	if labels[bridgeLabel] != "" {
		return nil
	}
	return gone(c.node.cli.NetworkRemove(ctx, bridge))
}

// swarmLock is the file whose lock goes with the right to make a swarm.
func swarmLock() string { return filepath.Join(os.TempDir(), "podlike-test-swarm.lock") }

// lock waits until no other process, and no one else in this one, holds the lock
// on that file.
func lock(path string) (release func() error, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	for {
		err = unix.Flock(int(file.Fd()), unix.LOCK_EX)
		if err != unix.EINTR {
			break
		}
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file.Close, nil
}

// Service makes a Swarm service and returns its ID. The service and its containers
// carry the scope's label. Where the kernel has no IPVS use the endpoint mode
// dnsrr and ports in host mode.
func (c *cluster) Service(t testing.TB, spec swarm.ServiceSpec) string {
	t.Helper()
	if spec.Name == "" {
		spec.Name = "podlike-test-" + random()
	}
	ctx, cancel := bounded()
	defer cancel()
	made, err := c.node.cli.ServiceCreate(ctx, c.labelledService(spec), swarm.ServiceCreateOptions{})
	if err != nil {
		t.Fatalf("cannot create service %s: %v", spec.Name, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.services[made.ID] = true
	return made.ID
}

// UpdateService has a service be as specified from now on, under the name that it has.
func (c *cluster) UpdateService(t testing.TB, id string, spec swarm.ServiceSpec) {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	now, _, err := c.node.cli.ServiceInspectWithRaw(ctx, id, swarm.ServiceInspectOptions{})
	if err == nil {
		spec.Name = now.Spec.Name
		_, err = c.node.cli.ServiceUpdate(ctx, id, now.Version, c.labelledService(spec), swarm.ServiceUpdateOptions{})
	}
	if err != nil {
		t.Fatalf("cannot update service %s: %v", id, err)
	}
}

// labelledService is a service that carries the scope's label, and so do its containers.
func (c *cluster) labelledService(spec swarm.ServiceSpec) swarm.ServiceSpec {
	spec.Labels = c.mark.Labels(spec.Labels)
	if container := spec.TaskTemplate.ContainerSpec; container != nil {
		labelled := *container
		labelled.Labels = c.mark.Labels(container.Labels)
		spec.TaskTemplate.ContainerSpec = &labelled
	}
	return spec
}

// RemoveService removes a service and returns when its containers are gone. Unlike
// at the end of the scope, what these containers made is left to them.
func (c *cluster) RemoveService(t testing.TB, id string) {
	t.Helper()
	if err := c.removeService(id); err != nil {
		t.Fatal(err)
	}
}

// removeService removes a service and waits until Swarm has removed its containers.
func (c *cluster) removeService(id string) error {
	ctx, cancel := bounded()
	defer cancel()
	if err := c.node.cli.ServiceRemove(ctx, id); err != nil && !cerrdefs.IsNotFound(err) {
		return fmt.Errorf("cannot remove service %s: %w", id, err)
	}
	return c.node.awaitNone(labelled(serviceLabel, id), "service "+id)
}

// removeServices removes the scope's services.
func (c *cluster) removeServices() error {
	var errs []error
	for id := range c.services {
		errs = append(errs, c.removeService(id))
	}
	return errors.Join(errs...)
}

// eachService selects, one by one, what has the ID of one of the scope's services in that label.
func (c *cluster) eachService(label string) (all []filters.Args) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.services {
		all = append(all, labelled(label, id))
	}
	return all
}

// Tasks lists the tasks of a service, by its ID or name, also those that are over.
// A service that is gone has none.
func (c *cluster) Tasks(t testing.TB, service string) []swarm.Task {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	tasks, err := c.node.cli.TaskList(ctx, swarm.TaskListOptions{Filters: filters.NewArgs(filters.Arg("service", service))})
	if err != nil && !cerrdefs.IsNotFound(err) {
		t.Fatalf("cannot list the tasks of service %s: %v", service, err)
	}
	return tasks
}
