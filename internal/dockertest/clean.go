package dockertest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"

	"github.com/podlike/podlike/internal/pod"
)

// tailOnFailure is how many lines of each container's log a failed test shows.
const tailOnFailure = "50"

// close ends the scope: it tells what there was if the test has failed, removes
// all that is the scope's own, and waits for the goroutines it started.
func (e *Engine) close(t testing.TB) {
	t.Helper()
	if t.Failed() {
		e.tell(t)
	}
	if err := e.clean(); err != nil {
		t.Errorf("cannot clean up after the test: %v", err)
	}
	e.hangUp(t)
}

// clean removes all that is the scope's own. The order matters: who would make
// more goes first, and what is in use goes after its users.
func (e *Engine) clean() error {
	own, listed := e.own()
	errs := []error{listed, e.removeServices(), e.removeContainers(e.mine()), e.removeStacks()}
	for _, f := range own {
		errs = append(errs, e.removeContainers(f), e.removeVolumes(f))
	}
	errs = append(errs, e.removeStackVolumes(), e.removeVolumes(e.mine()), e.removeNetworks(e.mine()), e.removeImages(e.mine()))
	if e.leave != nil {
		errs = append(errs, e.leave())
	}
	return errors.Join(errs...)
}

// own selects, one by one, what the supervisors of this scope have made: by the
// ID of each container that was ever made here, and of each Swarm service.
func (e *Engine) own() (all []filters.Args, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	tasks, err := e.containers(e.mine())
	for _, c := range tasks { // also those that Swarm has made
		e.owners[c.ID] = true
	}
	for id := range e.owners {
		all = append(all, labelled(pod.LabelOwner, id))
	}
	return append(all, e.eachService(pod.LabelService)...), err
}

// tell logs the state and the last lines of every container of the scope and of
// the pods that its supervisors made.
func (e *Engine) tell(t testing.TB) {
	t.Helper()
	own, err := e.own()
	if err != nil {
		t.Logf("cannot list the test's containers: %v", err)
	}
	for _, f := range slices.Concat([]filters.Args{e.mine()}, own, e.eachService(serviceLabel)) {
		found, _ := e.containers(f)
		for _, c := range found {
			e.tellOne(t, c)
		}
	}
}

// tellOne logs the state and the last lines of one container.
func (e *Engine) tellOne(t testing.TB, s container.Summary) {
	t.Helper()
	var lines bytes.Buffer
	c := &Container{ID: s.ID, Name: title(s), session: e.session}
	if err := c.logs(tailOnFailure, &lines, &lines); err != nil {
		fmt.Fprintf(&lines, "(no logs: %v)\n", err)
	}
	t.Logf("container %s of %s: %s, %s\n%s", c.Name, s.Image, s.State, s.Status, lines.String())
}
