package dockertest

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"

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
	for _, end := range e.closers {
		end()
	}
	e.waits.Wait()
	if err := e.cli.Close(); err != nil {
		t.Errorf("cannot close the engine's client: %v", err)
	}
}

// clean removes all that is the scope's own. The order matters: who would make
// more goes first, and what is in use goes after its users.
func (e *Engine) clean() error {
	own, listed := e.own()
	errs := []error{listed}
	for service := range e.services {
		errs = append(errs, e.removeService(service))
	}
	errs = append(errs, e.removeAll(e.mine()))
	errs = append(errs, e.removeStacks()...)
	for _, f := range own {
		errs = append(errs, e.removeAll(f), e.removeVolumes(f))
	}
	errs = append(errs, e.removeStackVolumes()...)
	errs = append(errs, e.removeVolumes(e.mine()), e.removeNetworks(), e.removeImages())
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
	for id := range e.services {
		all = append(all, labelled(pod.LabelService, id))
	}
	return all, err
}

// removeAll removes the containers that f selects, at the same time.
func (e *Engine) removeAll(f filters.Args) error {
	found, err := e.containers(f)
	if err != nil {
		return err
	}
	errs := make([]error, len(found))
	var removals sync.WaitGroup
	for i, c := range found {
		removals.Go(func() {
			if err := e.remove(c.ID); err != nil {
				errs[i] = fmt.Errorf("cannot remove container %s: %w", title(c), err)
			}
		})
	}
	removals.Wait()
	return errors.Join(errs...)
}

// remove removes a container and its anonymous volumes, and returns when it is
// gone. One whose removal is under way elsewhere is waited for.
func (e *Engine) remove(id string) error {
	ctx, cancel := bounded()
	defer cancel()
	for {
		err := e.cli.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
		if err == nil || cerrdefs.IsNotFound(err) {
			return nil
		}
		if !cerrdefs.IsConflict(err) || ctx.Err() != nil {
			return err
		}
		time.Sleep(tick)
	}
}

// removeVolumes removes the volumes that f selects.
func (e *Engine) removeVolumes(f filters.Args) error {
	names, err := e.volumes(f)
	errs := []error{err}
	for _, name := range names {
		ctx, cancel := bounded()
		errs = append(errs, gone(e.cli.VolumeRemove(ctx, name, true)))
		cancel()
	}
	return errors.Join(errs...)
}

// removeNetworks removes the networks of this scope.
func (e *Engine) removeNetworks() error {
	ctx, cancel := bounded()
	defer cancel()
	found, err := e.cli.NetworkList(ctx, network.ListOptions{Filters: e.mine()})
	errs := []error{err}
	for _, n := range found {
		errs = append(errs, gone(e.cli.NetworkRemove(ctx, n.ID)))
	}
	return errors.Join(errs...)
}

// removeImages removes the images of this scope.
func (e *Engine) removeImages() error {
	ctx, cancel := bounded()
	defer cancel()
	found, err := e.cli.ImageList(ctx, image.ListOptions{Filters: e.mine()})
	errs := []error{err}
	for _, i := range found {
		_, err := e.cli.ImageRemove(ctx, i.ID, image.RemoveOptions{Force: true, PruneChildren: true})
		errs = append(errs, gone(err))
	}
	return errors.Join(errs...)
}

// gone is err, unless it says that what was to be removed is not there.
func gone(err error) error {
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// tell logs the state and the last lines of every container of the scope and of
// the pods that its supervisors made.
func (e *Engine) tell(t testing.TB) {
	t.Helper()
	own, err := e.own()
	if err != nil {
		t.Logf("cannot list the test's containers: %v", err)
	}
	for id := range e.services {
		own = append(own, labelled(serviceLabel, id))
	}
	for _, f := range append([]filters.Args{e.mine()}, own...) {
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
	c := &Container{ID: s.ID, Name: title(s), engine: e}
	if err := c.logs(tailOnFailure, &lines, &lines); err != nil {
		fmt.Fprintf(&lines, "(no logs: %v)\n", err)
	}
	t.Logf("container %s of %s: %s, %s\n%s", c.Name, s.Image, s.State, s.Status, lines.String())
}
