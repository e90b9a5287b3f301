package dockertest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"
)

// A node is an engine as all who use it find it: what it has, whoever made that, and how
// to be rid of it. It knows nothing of tests; who asks it selects by label what is meant.
type node struct{ cli *client.Client }

// Client is the engine's client, for what this package has no word for. Whatever
// is made with it has to carry Labels to be removed.
func (n node) Client() *client.Client { return n.cli }

// Socket is the path of the engine's socket on this machine.
func (n node) Socket(t testing.TB) string {
	t.Helper()
	path, local := strings.CutPrefix(n.cli.DaemonHost(), "unix://")
	if !local {
		t.Fatalf("a supervisor needs an engine with a socket on this machine, not %s", n.cli.DaemonHost())
	}
	return path
}

// containers lists all containers that f selects, running or not.
func (n node) containers(f filters.Args) ([]container.Summary, error) {
	ctx, cancel := bounded()
	defer cancel()
	return n.cli.ContainerList(ctx, container.ListOptions{All: true, Filters: f})
}

// volumes lists the names of the volumes that f selects.
func (n node) volumes(f filters.Args) (names []string, err error) {
	ctx, cancel := bounded()
	defer cancel()
	found, err := n.cli.VolumeList(ctx, volume.ListOptions{Filters: f})
	for _, v := range found.Volumes {
		names = append(names, v.Name)
	}
	return names, err
}

// awaitNone waits until no container is selected any more.
func (n node) awaitNone(f filters.Args, whose string) error {
	ctx, cancel := bounded()
	defer cancel()
	for {
		left, err := n.containers(f)
		if err != nil || len(left) == 0 {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s still has container %s", whose, title(left[0]))
		}
		time.Sleep(tick)
	}
}

// removeContainers removes the containers that f selects, at the same time.
func (n node) removeContainers(f filters.Args) error {
	found, err := n.containers(f)
	if err != nil {
		return err
	}
	errs := make([]error, len(found))
	var removals sync.WaitGroup
	for i, c := range found {
		removals.Go(func() {
			if err := n.remove(c.ID); err != nil {
				errs[i] = fmt.Errorf("cannot remove container %s: %w", title(c), err)
			}
		})
	}
	removals.Wait()
	return errors.Join(errs...)
}

// remove removes a container and its anonymous volumes, and returns when it is
// gone. One whose removal is under way elsewhere is waited for.
func (n node) remove(id string) error {
	ctx, cancel := bounded()
	defer cancel()
	for {
		err := n.cli.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
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
func (n node) removeVolumes(f filters.Args) error {
	names, err := n.volumes(f)
	errs := []error{err}
	for _, name := range names {
		ctx, cancel := bounded()
		errs = append(errs, gone(n.cli.VolumeRemove(ctx, name, true)))
		cancel()
	}
	return errors.Join(errs...)
}

// removeNetworks removes the networks that f selects.
func (n node) removeNetworks(f filters.Args) error {
	ctx, cancel := bounded()
	defer cancel()
	found, err := n.cli.NetworkList(ctx, network.ListOptions{Filters: f})
	errs := []error{err}
	for _, one := range found {
		errs = append(errs, gone(n.cli.NetworkRemove(ctx, one.ID)))
	}
	return errors.Join(errs...)
}

// removeImages removes the images that f selects.
func (n node) removeImages(f filters.Args) error {
	ctx, cancel := bounded()
	defer cancel()
	found, err := n.cli.ImageList(ctx, image.ListOptions{Filters: f})
	errs := []error{err}
	for _, i := range found {
		_, err := n.cli.ImageRemove(ctx, i.ID, image.RemoveOptions{Force: true, PruneChildren: true})
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

// title is a container's name as people write it.
func title(c container.Summary) string {
	if len(c.Names) == 0 {
		return c.ID[:12]
	}
	return strings.TrimPrefix(c.Names[0], "/")
}
