package dockertest

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/swarm"
)

// stackLabel is the label that `docker stack deploy` puts on all that it makes.
const stackLabel = "com.docker.stack.namespace"

// Stack deploys a stack as a user does, by the docker command, and returns its name.
// Later files add to the earlier ones; paths in them begin where the first one is.
func (e *Engine) Stack(t testing.TB, files ...string) string {
	t.Helper()
	name := "podlike-test-" + random()
	e.mu.Lock()
	e.stacks = append(e.stacks, name)
	e.mu.Unlock()
	args := []string{"deploy", "--resolve-image", "never"} // images are of this machine only
	for _, file := range files {
		args = append(args, "--compose-file", file)
	}
	if err := e.stack(append(args, name)...); err != nil {
		t.Fatal(err)
	}
	if err := e.knowServices(name); err != nil {
		t.Fatalf("cannot list the services of stack %s: %v", name, err)
	}
	return name
}

// knowServices keeps in mind which services a stack has.
func (e *Engine) knowServices(stack string) error {
	ctx, cancel := bounded()
	defer cancel()
	found, err := e.cli.ServiceList(ctx, swarm.ServiceListOptions{Filters: labelled(stackLabel, stack)})
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range found {
		e.services[s.ID] = true
	}
	return err
}

// RemoveStack removes a stack and returns when its containers are gone. Its volumes
// stay, as they do for a user, until the scope ends.
func (e *Engine) RemoveStack(t testing.TB, name string) {
	t.Helper()
	if err := e.removeStack(name); err != nil {
		t.Fatal(err)
	}
}

// removeStack removes a stack, if it is there, and waits until Swarm has removed its
// containers.
func (e *Engine) removeStack(name string) error {
	if err := e.stack("rm", name); err != nil {
		return err
	}
	return e.awaitNone(labelled(stackLabel, name), "stack "+name)
}

// awaitNone waits until no container is selected any more.
func (e *Engine) awaitNone(f filters.Args, whose string) error {
	ctx, cancel := bounded()
	defer cancel()
	for {
		left, err := e.containers(f)
		if err != nil || len(left) == 0 {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s still has container %s", whose, title(left[0]))
		}
		time.Sleep(tick)
	}
}

// removeStacks removes what is there of the scope's stacks, but for their volumes.
func (e *Engine) removeStacks() (errs []error) {
	for _, name := range e.stacks {
		errs = append(errs, e.removeStack(name))
	}
	return errs
}

// removeStackVolumes removes the volumes of the scope's stacks.
func (e *Engine) removeStackVolumes() (errs []error) {
	for _, name := range e.stacks {
		errs = append(errs, e.removeVolumes(labelled(stackLabel, name)))
	}
	return errs
}

// stack runs a command about stacks on the scope's engine.
func (e *Engine) stack(args ...string) error {
	ctx, cancel := bounded()
	defer cancel()
	command := exec.CommandContext(ctx, "docker", append([]string{"stack"}, args...)...)
	command.Env = append(os.Environ(), "DOCKER_HOST="+e.cli.DaemonHost())
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot docker stack %q: %w: %s", args, err, said)
	}
	return nil
}
