// Command playground brings a Swarm of three nodes up, for people to play with, and down again. The
// nodes are nested engines with this project's images; the machine's engine only has their containers.
// It does not deploy anything there.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/client"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/nested"
)

const (
	// name is that of the network, and what those of the nodes begin with.
	name  = "podlike-swarm"
	image = "podlike/engine:20.10"
	nodes = 3
	// patience is how long any one thing may take.
	patience = 2 * time.Minute
)

// labels are on all that is made.
var labels = map[string]string{"podlike.test": "playground"}

// images are what each node has.
var images = []string{"podlike/pause:dev", "podlike/supervisor:dev", "podlike/testkit:dev", "nginx:1.22"}

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "playground:", err)
		os.Exit(1)
	}
}

// run is main with an error to return.
func run(ctx context.Context, args []string) error {
	machine, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return err
	}
	defer machine.Close()
	switch {
	case len(args) == 1 && args[0] == "up":
		return up(ctx, machine)
	case len(args) == 1 && args[0] == "down":
		return down(ctx, machine)
	}
	return errors.New("usage: playground up|down")
}

// dir is where the socket of a node is on the machine.
func dir(node int) string { return filepath.Join(os.TempDir(), name, strconv.Itoa(node)) }

// up makes the swarm. What was made before a mistake is left to down.
func up(ctx context.Context, machine *client.Client) error {
	if _, err := machine.NetworkInspect(ctx, name, network.InspectOptions{}); err == nil {
		return errors.New("there is a swarm already; `make swarm-down` removes it")
	}
	if _, err := machine.NetworkCreate(ctx, name, network.CreateOptions{Driver: "bridge", Internal: true, Labels: labels}); err != nil {
		return fmt.Errorf("cannot make a network: %w", err)
	}
	errs, all := make([]error, nodes), make([]nested.Node, nodes)
	var starting sync.WaitGroup
	for i := range nodes {
		starting.Go(func() { all[i], errs[i] = start(ctx, machine, i+1) })
	}
	starting.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if err := nested.Swarm(ctx, all); err != nil {
		return err
	}
	fmt.Printf("a swarm of %d nodes; each is reached by the socket of its own:\n", nodes)
	for i, n := range all {
		fmt.Printf("  export DOCKER_HOST=%s    # %s-%d, at %s\n", n.DaemonHost(), name, i+1, n.Address)
		if err := n.Close(); err != nil {
			return err
		}
	}
	fmt.Println("deploy with --resolve-image never; there is no IPVS where the machine has none: endpoint_mode dnsrr, ports in mode host")
	return nil
}

// start starts the engine of a node, and gives it the images.
func start(ctx context.Context, machine *client.Client, number int) (n nested.Node, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	called := fmt.Sprintf("%s-%d", name, number)
	spec := nested.Spec{Image: image, Name: called, Dir: dir(number), Network: name, Labels: labels, Kept: true}
	if err := os.MkdirAll(spec.Dir, 0o755); err != nil {
		return n, err
	}
	config, host := spec.Words()
	made, err := machine.ContainerCreate(ctx, config, host, &network.NetworkingConfig{}, nil, called)
	if err == nil {
		err = machine.ContainerStart(ctx, made.ID, container.StartOptions{})
	}
	if err != nil {
		return n, fmt.Errorf("cannot start container %s: %w", called, err)
	}
	if _, err := nested.Start(ctx, machine, called, nested.Flags(called)); err != nil {
		return n, err
	}
	seen, err := machine.ContainerInspect(ctx, called)
	if err != nil {
		return n, err
	}
	socket := "unix://" + filepath.Join(spec.Dir, nested.Socket)
	cli, err := client.NewClientWithOpts(client.WithHost(socket), client.WithAPIVersionNegotiation())
	if err != nil {
		return n, err
	}
	n = nested.Node{Client: cli, Address: seen.NetworkSettings.Networks[name].IPAddress}
	for {
		_, err := cli.Ping(ctx)
		if err == nil {
			return n, nested.Load(ctx, machine, cli, images...)
		}
		if clock.Sleep(ctx, time.Second/10) != nil {
			return n, fmt.Errorf("%s does not answer; `docker logs %s` may say why: %w", called, called, err)
		}
	}
}

// down removes the swarm, and what is left of one.
func down(ctx context.Context, machine *client.Client) error {
	ours := filters.NewArgs(filters.Arg("label", "podlike.test="+labels["podlike.test"]))
	found, err := machine.ContainerList(ctx, container.ListOptions{All: true, Filters: ours})
	if err != nil {
		return err
	}
	errs := make([]error, len(found))
	var stopping sync.WaitGroup
	for i, c := range found {
		stopping.Go(func() { errs[i] = stop(ctx, machine, c.ID) })
	}
	stopping.Wait()
	for i := range nodes {
		errs = append(errs, sweep(ctx, machine, fmt.Sprintf("%s-%d", name, i+1)))
	}
	if err := machine.NetworkRemove(ctx, name); err != nil && !cerrdefs.IsNotFound(err) {
		errs = append(errs, fmt.Errorf("cannot remove the network: %w", err))
	}
	return errors.Join(append(errs, os.RemoveAll(filepath.Dir(dir(1))))...)
}

// stop asks a node's container to end, which ends all in it, and returns when it is gone.
func stop(ctx context.Context, machine *client.Client, id string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ended, failed := machine.ContainerWait(ctx, id, container.WaitConditionRemoved)
	grace := 60
	if err := machine.ContainerStop(ctx, id, container.StopOptions{Timeout: &grace}); err != nil && !cerrdefs.IsNotFound(err) {
		return fmt.Errorf("cannot stop container %.12s: %w", id, err)
	}
	select {
	case <-ended:
		return nil
	case err := <-failed:
		if cerrdefs.IsNotFound(err) {
			return nil
		}
		return err
	}
}

// sweep removes the control groups that a node leaves whose container was killed.
func sweep(ctx context.Context, machine *client.Client, node string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	config := &container.Config{Image: image, Cmd: []string{"sweep", node}, Labels: labels}
	host := &container.HostConfig{
		NetworkMode: "none", CgroupnsMode: container.CgroupnsModeHost, AutoRemove: true, Binds: []string{"/sys/fs/cgroup:/sys/fs/cgroup"},
	}
	made, err := machine.ContainerCreate(ctx, config, host, &network.NetworkingConfig{}, nil, "")
	if err != nil {
		return fmt.Errorf("cannot look for control groups that are left: %w", err)
	}
	ended, failed := machine.ContainerWait(ctx, made.ID, container.WaitConditionNextExit)
	if err := machine.ContainerStart(ctx, made.ID, container.StartOptions{}); err != nil {
		return fmt.Errorf("cannot look for control groups that are left: %w", err)
	}
	select {
	case end := <-ended:
		if end.StatusCode != 0 {
			return fmt.Errorf("control groups of %s are left", node)
		}
		return nil
	case err := <-failed:
		return err
	}
}
