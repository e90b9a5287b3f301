package main

import (
	"context"
	"fmt"
	"sync"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"golang.org/x/sync/errgroup"
)

// bare is the same topology made by hand: no labels to read, nobody to find, no
// output to pass on, no lease. It does what has to be done in any case, and waits
// for ends as a careful program would.
type bare struct {
	scene
	owner, pause string // their IDs
	components   []string
	ends         sync.WaitGroup // the waits for each container's end
}

// up makes an owner of the network, then pause, then all components at once.
func (b *bare) up(ctx context.Context) (err error) {
	if b.owner, err = b.make(ctx, "owner", image, container.HostConfig{}); err != nil {
		return err
	}
	if err := b.start(ctx, b.owner); err != nil {
		return err
	}
	b.pause, err = b.make(ctx, "pause", "podlike/pause:"+b.version, container.HostConfig{
		NetworkMode: container.NetworkMode("container:" + b.owner), IpcMode: container.IPCModeShareable,
		CapDrop: []string{"ALL"}, CapAdd: []string{"KILL"}, ReadonlyRootfs: true, SecurityOpt: []string{"no-new-privileges"},
	})
	if err != nil {
		return err
	}
	if err := b.start(ctx, b.pause); err != nil {
		return err
	}
	b.components = make([]string, b.n)
	return b.each(ctx, func(ctx context.Context, i int) error { return b.bring(ctx, i) })
}

// bring makes and starts one component.
func (b *bare) bring(ctx context.Context, i int) (err error) {
	join := "container:" + b.pause
	host := container.HostConfig{NetworkMode: container.NetworkMode(join), PidMode: container.PidMode(join), IpcMode: container.IpcMode(join)}
	if b.components[i], err = b.make(ctx, fmt.Sprintf("c%02d", i), image, host); err != nil {
		return err
	}
	return b.start(ctx, b.components[i])
}

// make creates a container. All but pause run testkit and are told what to do.
func (b *bare) make(ctx context.Context, name, image string, host container.HostConfig) (id string, err error) {
	config := &container.Config{Image: image, Labels: map[string]string{labelRun: b.run}}
	if name != "pause" {
		config.Cmd = []string{"sleep"}
	}
	if name != "pause" && name != "owner" {
		config.Labels[labelComponent] = "yes"
	}
	host.AutoRemove = true
	made, err := b.ContainerCreate(ctx, config, &host, nil, nil, b.run+"."+name)
	return made.ID, err
}

// start waits for a container's end from before its start, so that none is missed.
// What the end was interests nobody here.
func (b *bare) start(ctx context.Context, id string) error {
	ended, lost := b.ContainerWait(context.WithoutCancel(ctx), id, container.WaitConditionNextExit)
	b.ends.Go(func() {
		select {
		case <-ended:
		case <-lost:
		}
	})
	return b.ContainerStart(ctx, id, container.StartOptions{})
}

// down stops all components at once and removes them, then pause and the owner.
func (b *bare) down(ctx context.Context) error {
	err := b.each(ctx, func(ctx context.Context, i int) error { return b.end(ctx, b.components[i]) })
	if err != nil {
		return err
	}
	for _, id := range []string{b.pause, b.owner} {
		if err := b.remove(ctx, id); err != nil {
			return err
		}
	}
	b.ends.Wait()
	return nil
}

// end asks one component to end and removes it.
func (b *bare) end(ctx context.Context, id string) error {
	if err := b.ContainerStop(ctx, id, container.StopOptions{}); err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	return b.remove(ctx, id)
}

// remove returns when a container is gone. The engine may be at it already.
func (b *bare) remove(ctx context.Context, id string) error {
	err := b.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if errdefs.IsConflict(err) {
		ends, lost := b.ContainerWait(ctx, id, container.WaitConditionRemoved)
		select {
		case <-ends:
			return nil
		case err = <-lost:
		}
	}
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// each does something for every component, at the same time.
func (b *bare) each(ctx context.Context, do func(context.Context, int) error) error {
	all, ctx := errgroup.WithContext(ctx)
	for i := range b.n {
		all.Go(func() error { return do(ctx, i) })
	}
	return all.Wait()
}
