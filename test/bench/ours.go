package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/docker/docker/api/types/container"

	"github.com/podlike/podlike/internal/pod"
)

// ours is a pod of this project's.
type ours struct {
	scene
	supervisor string // its ID
}

// up does what docker run -d does; the supervisor does the rest.
func (o *ours) up(ctx context.Context) error {
	socket, local := strings.CutPrefix(o.DaemonHost(), "unix://")
	if !local {
		return fmt.Errorf("a supervisor needs an engine with a socket on this machine, not %s", o.DaemonHost())
	}
	labels := map[string]string{labelRun: o.run}
	for i := range o.n {
		labels[fmt.Sprintf("%sc%02d", pod.ComponentPrefix, i)] = o.component()
	}
	made, err := o.ContainerCreate(ctx,
		&container.Config{Image: "podlike/supervisor:" + o.version, Labels: labels},
		&container.HostConfig{AutoRemove: true, Binds: []string{socket + ":/var/run/docker.sock"}},
		nil, nil, o.run)
	if err != nil {
		return err
	}
	o.supervisor = made.ID
	return o.ContainerStart(ctx, made.ID, container.StartOptions{})
}

// component is a component's definition.
func (o *ours) component() string {
	return fmt.Sprintf("{image: %s, command: sleep, labels: {%s: %s, %s: yes}}", image, labelRun, o.run, labelComponent)
}

// down asks the supervisor to end.
func (o *ours) down(ctx context.Context) error {
	return o.ContainerKill(ctx, o.supervisor, "SIGTERM")
}
