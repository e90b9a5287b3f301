package dockertest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
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

// Swarm makes sure that the engine is a manager of a swarm for as long as the
// scope lasts. An engine that is one already stays as it was. One that is not
// gets a swarm of its own on loopback and leaves it at the end.
//
// Only one scope on this machine has a swarm at a time; others wait here.
func (e *Engine) Swarm(t testing.TB) {
	t.Helper()
	if e.leave != nil {
		return
	}
	release, err := lock(swarmLock())
	if err != nil {
		t.Fatalf("cannot lock the swarm: %v", err)
	}
	e.leave = release
	ours, err := e.join()
	if err != nil {
		t.Fatalf("cannot make a swarm: %v", err)
	}
	if ours != nil {
		e.leave = func() error { return errors.Join(ours(), release()) }
	}
}

// join makes a swarm unless there is one, and returns what undoes that: nil for a
// swarm that someone else made. One that a test has left behind, because it was
// killed, is no one else's.
func (e *Engine) join() (leave func() error, err error) {
	ctx, cancel := bounded()
	defer cancel()
	info, err := e.cli.Info(ctx)
	if err != nil {
		return nil, err
	}
	if info.Swarm.LocalNodeState != swarm.LocalNodeStateInactive {
		return e.found()
	}
	labels := e.Labels(nil)
	if _, err = e.cli.NetworkInspect(ctx, bridge, network.InspectOptions{}); err == nil {
		labels[bridgeLabel] = "keep"
	}
	_, err = e.cli.SwarmInit(ctx, swarm.InitRequest{
		ListenAddr:    "127.0.0.1:2377",
		AdvertiseAddr: "127.0.0.1",
		DataPathAddr:  "127.0.0.1",
		Spec:          swarm.Spec{Annotations: swarm.Annotations{Labels: labels}},
	})
	return func() error { return e.part(labels) }, err
}

// found is join for an engine that is in a swarm.
func (e *Engine) found() (leave func() error, err error) {
	ctx, cancel := bounded()
	defer cancel()
	cluster, err := e.cli.SwarmInspect(ctx)
	if err != nil {
		return nil, fmt.Errorf("this engine is in a swarm that it does not manage: %w", err)
	}
	if _, tests := cluster.Spec.Labels[Label]; tests {
		return func() error { return e.part(cluster.Spec.Labels) }, nil
	}
	return nil, nil
}

// part leaves the swarm with those labels, and removes the network that leaving
// leaves behind, unless that was there before.
func (e *Engine) part(labels map[string]string) error {
	ctx, cancel := bounded()
	defer cancel()
	if err := e.cli.SwarmLeave(ctx, true); err != nil {
		return fmt.Errorf("cannot leave the swarm: %w", err)
	}
	if labels[bridgeLabel] != "" {
		return nil
	}
	return gone(e.cli.NetworkRemove(ctx, bridge))
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
func (e *Engine) Service(t testing.TB, spec swarm.ServiceSpec) string {
	t.Helper()
	if spec.Name == "" {
		spec.Name = "podlike-test-" + random()
	}
	ctx, cancel := bounded()
	defer cancel()
	made, err := e.cli.ServiceCreate(ctx, e.labelledService(spec), swarm.ServiceCreateOptions{})
	if err != nil {
		t.Fatalf("cannot create service %s: %v", spec.Name, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.services[made.ID] = true
	return made.ID
}

// UpdateService has a service be as specified from now on, under the name that it has.
func (e *Engine) UpdateService(t testing.TB, id string, spec swarm.ServiceSpec) {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	now, _, err := e.cli.ServiceInspectWithRaw(ctx, id, swarm.ServiceInspectOptions{})
	if err == nil {
		spec.Name = now.Spec.Name
		_, err = e.cli.ServiceUpdate(ctx, id, now.Version, e.labelledService(spec), swarm.ServiceUpdateOptions{})
	}
	if err != nil {
		t.Fatalf("cannot update service %s: %v", id, err)
	}
}

// labelledService is a service that carries the scope's label, and so do its containers.
func (e *Engine) labelledService(spec swarm.ServiceSpec) swarm.ServiceSpec {
	spec.Labels = e.Labels(spec.Labels)
	if c := spec.TaskTemplate.ContainerSpec; c != nil {
		labelled := *c
		labelled.Labels = e.Labels(c.Labels)
		spec.TaskTemplate.ContainerSpec = &labelled
	}
	return spec
}

// RemoveService removes a service and returns when its containers are gone. Unlike
// at the end of the scope, what these containers made is left to them.
func (e *Engine) RemoveService(t testing.TB, id string) {
	t.Helper()
	if err := e.removeService(id); err != nil {
		t.Fatal(err)
	}
}

// removeService removes a service and waits until Swarm has removed its containers.
func (e *Engine) removeService(id string) error {
	ctx, cancel := bounded()
	defer cancel()
	if err := e.cli.ServiceRemove(ctx, id); err != nil && !cerrdefs.IsNotFound(err) {
		return fmt.Errorf("cannot remove service %s: %w", id, err)
	}
	return e.awaitNone(labelled(serviceLabel, id), "service "+id)
}

// Tasks lists the tasks of a service, by its ID or name, also those that are over.
// A service that is gone has none.
func (e *Engine) Tasks(t testing.TB, service string) []swarm.Task {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	tasks, err := e.cli.TaskList(ctx, swarm.TaskListOptions{Filters: filters.NewArgs(filters.Arg("service", service))})
	if err != nil && !cerrdefs.IsNotFound(err) {
		t.Fatalf("cannot list the tasks of service %s: %v", service, err)
	}
	return tasks
}
