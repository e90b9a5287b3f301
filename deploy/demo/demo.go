package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A demo is an example on an engine.
type demo struct {
	example
	docker docker
	out    io.Writer
	// swarm says that the engine manages a Swarm, and so takes stacks.
	swarm bool
}

// How long each part may take. Building a pod takes a second or two; the rest is
// for slow machines.
const (
	healthyWithin = 90 * time.Second
	goneWithin    = 60 * time.Second
	pageWithin    = 10 * time.Second
)

// up deploys the example in place of one that may be there from before, waits
// until it is healthy and shows it.
func (d demo) up(ctx context.Context) error {
	if err := d.down(ctx); err != nil {
		return err
	}
	if err := free(d.port()); err != nil {
		return err
	}
	if err := d.deploy(ctx); err != nil {
		return err
	}
	supervisor, err := d.healthy(ctx)
	if err != nil {
		return err
	}
	return d.tour(ctx, supervisor)
}

// deploy hands the example to the engine: as a stack where it manages a Swarm, as
// a container elsewhere.
func (d demo) deploy(ctx context.Context) error {
	if !d.swarm {
		return d.docker.say(ctx, d.runArgs()...)
	}
	// The images are of this machine only, so no registry is asked about them.
	args := []string{"stack", "deploy", "--resolve-image", "never", "--compose-file", d.Stack}
	if !hasIPVS("/proc") {
		fmt.Fprintln(d.out, "This kernel has no IPVS, so Swarm has no routing mesh here: the port is published in host mode.")
		args = append(args, "--compose-file", d.HostPort)
	}
	return d.docker.say(ctx, append(args, d.Name)...)
}

// manages tells whether the engine manages a Swarm.
func manages(ctx context.Context, d docker) (bool, error) {
	answer, err := d.ask(ctx, "info", "--format", "{{.Swarm.ControlAvailable}}")
	return answer == "true", err
}

// healthy waits until the pod is, and returns the ID of its supervisor.
func (d demo) healthy(ctx context.Context) (id string, err error) {
	err = within(ctx, healthyWithin, func() (bool, error) {
		if id, err = d.supervisor(ctx); id == "" || err != nil {
			return false, err
		}
		state, err := d.docker.ask(ctx, "inspect", "--format", "{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}}", id)
		if strings.HasPrefix(state, "exited") {
			_ = d.docker.show(ctx, "logs", "--tail", "20", id)
			return false, errors.New("cannot show the example: its pod has ended, see above; `make demo-down` removes it")
		}
		return state == "running healthy", err
	})
	if errors.Is(err, errLate) {
		err = fmt.Errorf("cannot show the example: it is not healthy after %v; `docker ps -a` shows it, `make demo-down` removes it", healthyWithin)
	}
	return id, err
}

// supervisor is the ID of the supervisor's container, empty while there is none.
func (d demo) supervisor(ctx context.Context) (string, error) {
	if !d.swarm {
		return d.docker.ask(ctx, "ps", "--all", "--quiet", "--filter", "name=^/"+d.Name+"$")
	}
	service := d.Name + "_" + d.Service.Name
	if err := d.failure(ctx, service); err != nil {
		return "", err
	}
	return d.docker.ask(ctx, "ps", "--quiet", "--filter", "label=com.docker.swarm.service.name="+service)
}

// failure is why tasks of the service have failed. One may, for a network of the
// stack that has not reached the node yet, say; Swarm starts another.
func (d demo) failure(ctx context.Context, service string) error {
	tasks, err := d.docker.list(ctx, "service", "ps", "--no-trunc", "--format", "{{.Error}}", service)
	failed := slices.DeleteFunc(tasks, func(problem string) bool { return problem == "" })
	if err == nil && len(failed) > 1 {
		err = fmt.Errorf("cannot show the example: its tasks fail, Swarm says %s; `make demo-down` removes it", failed[0])
	}
	return err
}

// tour shows the pod: its page, its containers and their output.
func (d demo) tour(ctx context.Context, supervisor string) error {
	url := "http://127.0.0.1:" + d.port()
	fmt.Fprintf(d.out, "\nThe page, through nginx, from %s:\n\n", url)
	page, err := fetch(ctx, url)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "%s\nThe pod's containers:\n\n", page)
	if err := d.docker.show(ctx, "ps", "--filter", "name="+d.containers(), "--format", `table {{.Names}}\t{{.Image}}\t{{.Status}}`); err != nil {
		return err
	}
	fmt.Fprint(d.out, "\nWhat they say, as the supervisor's log has it:\n\n")
	if err := d.docker.show(ctx, "logs", "--tail", "20", supervisor); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "\nIt goes on running. The README next to %s says what to try.\nTo remove it: make demo-down\n", d.Stack)
	return nil
}

// down removes the example, however it was deployed, and returns when nothing of
// it is left. Removing what is not there is fine.
func (d demo) down(ctx context.Context) error {
	there, err := d.left(ctx)
	if err != nil || len(there) == 0 {
		return err
	}
	if err := d.remove(ctx); err != nil {
		return err
	}
	err = within(ctx, goneWithin, func() (bool, error) {
		there, err = d.left(ctx)
		return len(there) == 0, err
	})
	if errors.Is(err, errLate) {
		return fmt.Errorf("cannot remove the example: after %v there are still %s", goneWithin, strings.Join(there, ", "))
	}
	return err
}

// remove asks the engine to remove the stack, if there is one, and the container,
// if there is one.
func (d demo) remove(ctx context.Context) error {
	if d.swarm {
		if err := d.docker.say(ctx, "stack", "rm", d.Name); err != nil {
			return err
		}
	}
	alone, err := d.docker.ask(ctx, "ps", "--all", "--quiet", "--filter", "name=^/"+d.Name+"$")
	if err != nil || alone == "" {
		return err
	}
	if err := d.docker.say(ctx, "stop", d.Name); err != nil {
		return err
	}
	return d.docker.say(ctx, "rm", "--volumes", d.Name)
}

// left lists what there is of the example, each with its kind.
func (d demo) left(ctx context.Context) ([]string, error) {
	kinds := []string{"container", "volume", "network"}
	if d.swarm {
		kinds = append(kinds, "service", "config")
	}
	var all []string
	for _, kind := range kinds {
		names, err := d.docker.list(ctx, d.listArgs(kind)...)
		if err != nil {
			return nil, err
		}
		for _, name := range names {
			all = append(all, kind+" "+name)
		}
	}
	return all, nil
}

// listArgs are the arguments of the docker command that lists the example's things
// of one kind. An engine matches names as a pattern, those of containers with a
// slash in front; a Swarm matches how they begin.
func (d demo) listArgs(kind string) []string {
	switch kind {
	case "container":
		return []string{kind, "ls", "--all", "--filter", "name=" + d.containers(), "--format", "{{.Names}}"}
	case "volume", "network":
		return []string{kind, "ls", "--filter", "name=^" + d.Name + "_", "--format", "{{.Name}}"}
	}
	return []string{kind, "ls", "--filter", "name=" + d.Name + "_", "--format", "{{.Name}}"}
}

// containers is the pattern of the names of the example's containers: the
// supervisor's is the stack's or begins with it, the others begin with that.
func (d demo) containers() string { return "^/" + d.Name + "([._]|$)" }

// free says so when something listens on the port already.
func free(port string) error {
	listener, err := net.Listen("tcp", ":"+port)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("port %s is taken: stop what listens there, or choose another one with `make demo PORT=8081`", port)
	}
	if err == nil {
		listener.Close()
	}
	return nil
}

// hasIPVS tells whether the kernel can balance connections for Swarm's routing
// mesh: its part for that is there, or is a module that the engine can load. An
// engine that runs in another system, a virtual machine of its own, has it.
func hasIPVS(proc string) bool {
	release, err := os.ReadFile(proc + "/sys/kernel/osrelease")
	if err != nil {
		return true
	}
	if _, err := os.Stat(proc + "/net/ip_vs"); err == nil {
		return true
	}
	for _, list := range []string{"modules.dep", "modules.builtin"} {
		modules, err := os.ReadFile("/lib/modules/" + strings.TrimSpace(string(release)) + "/" + list)
		if err == nil && strings.Contains(string(modules), "/ip_vs.ko") {
			return true
		}
	}
	return false
}

// fetch is the text of the page at url, which may take a moment to be there.
func fetch(ctx context.Context, url string) (text string, err error) {
	var last error
	err = within(ctx, pageWithin, func() (bool, error) {
		text, last = get(ctx, url)
		return last == nil, nil
	})
	if errors.Is(err, errLate) {
		err = last
	}
	return text, err
}

// get asks for the page at url once.
func get(ctx context.Context, url string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", fmt.Errorf("cannot get %s: %w", url, err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", fmt.Errorf("cannot get the page: %w", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = errors.New(answer.Status)
	}
	if err != nil {
		return "", fmt.Errorf("cannot get %s: %w", url, err)
	}
	return string(text), nil
}

// errLate is what within returns when its time is over.
var errLate = errors.New("it takes too long")

// within asks done again and again until it says yes, fails, or time is over.
func within(ctx context.Context, limit time.Duration, done func() (bool, error)) error {
	deadline := time.After(limit)
	for {
		if yes, err := done(); yes || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline:
			return errLate
		case <-time.After(200 * time.Millisecond):
		}
	}
}
