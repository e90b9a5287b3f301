package dockertest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/docker/docker/api/types/swarm"
)

// stackLabel is the label that `docker stack deploy` puts on all that it makes.
const stackLabel = "com.docker.stack.namespace"

// Stack deploys a stack as a user does, by the docker command, and returns its name.
// Later files add to the earlier ones; paths in them begin where the first one is.
func (c *cluster) Stack(t testing.TB, files ...string) string {
	t.Helper()
	name := "podlike-test-" + random()
	c.StackAs(t, name, files...)
	return name
}

// StackAs is Stack under a name that nobody else may have.
func (c *cluster) StackAs(t testing.TB, name string, files ...string) {
	t.Helper()
	c.mu.Lock()
	c.stacks = append(c.stacks, name)
	c.mu.Unlock()
	args := []string{"deploy", "--resolve-image", "never"} // images are of this machine only
	for _, file := range files {
		args = append(args, "--compose-file", file)
	}
	if err := c.stack(append(args, name)...); err != nil {
		t.Fatal(err)
	}
	if err := c.knowServices(name); err != nil {
		t.Fatalf("cannot list the services of stack %s: %v", name, err)
	}
}

// knowServices keeps in mind which services a stack has.
func (c *cluster) knowServices(stack string) error {
	ctx, cancel := bounded()
	defer cancel()
	found, err := c.node.cli.ServiceList(ctx, swarm.ServiceListOptions{Filters: labelled(stackLabel, stack)})
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range found {
		c.services[s.ID] = true
	}
	return err
}

// RemoveStack removes a stack and returns when its containers are gone. Its volumes
// stay, as they do for a user, until the scope ends.
func (c *cluster) RemoveStack(t testing.TB, name string) {
	t.Helper()
	if err := c.removeStack(name); err != nil {
		t.Fatal(err)
	}
}

// removeStack removes a stack, if it is there, and waits until Swarm has removed its
// containers.
func (c *cluster) removeStack(name string) error {
	if err := c.stack("rm", name); err != nil {
		return err
	}
	return c.node.awaitNone(labelled(stackLabel, name), "stack "+name)
}

// removeStacks removes what is there of the scope's stacks, but for their volumes.
func (c *cluster) removeStacks() error {
	var errs []error
	for _, name := range c.stacks {
		errs = append(errs, c.removeStack(name))
	}
	return errors.Join(errs...)
}

// removeStackVolumes removes the volumes of the scope's stacks.
func (c *cluster) removeStackVolumes() error {
	var errs []error
	for _, name := range c.stacks {
		errs = append(errs, c.node.removeVolumes(labelled(stackLabel, name)))
	}
	return errors.Join(errs...)
}

// stack runs a command about stacks on the scope's engine.
func (c *cluster) stack(args ...string) error {
	ctx, cancel := bounded()
	defer cancel()
	command := exec.CommandContext(ctx, "docker", append([]string{"stack"}, args...)...)
	command.Env = append(os.Environ(), "DOCKER_HOST="+c.node.cli.DaemonHost())
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot docker stack %q: %w: %s", args, err, said)
	}
	return nil
}
