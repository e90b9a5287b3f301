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
	supervisor string   // its ID
	args       []string // the supervisor's
	unchecked  bool     // without the image's health check
	definition string   // a component's, in place of one that sleeps
}

// up does what docker run -d does; the supervisor does the rest.
func (o *ours) up(ctx context.Context) error {
	if err := o.create(ctx); err != nil {
		return err
	}
	return o.ContainerStart(ctx, o.supervisor, container.StartOptions{})
}

// socket is the path of the engine's socket on this machine.
func (s scene) socket() (string, error) {
	path, local := strings.CutPrefix(s.DaemonHost(), "unix://")
	if !local {
		return "", fmt.Errorf("a supervisor needs an engine with a socket on this machine, not %s", s.DaemonHost())
	}
	return path, nil
}

// create makes the supervisor's container.
func (o *ours) create(ctx context.Context) error {
	socket, err := o.socket()
	if err != nil {
		return err
	}
	labels := map[string]string{labelRun: o.run}
	for i := range o.n {
		labels[fmt.Sprintf("%sc%02d", pod.ComponentPrefix, i)] = o.component()
	}
	config := &container.Config{Image: "podlike/supervisor:" + o.version, Labels: labels, Cmd: o.args}
	if o.unchecked {
		config.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
	}
	host := &container.HostConfig{AutoRemove: true, Binds: []string{socket + ":/var/run/docker.sock"}, LogConfig: quiet(o.args)}
	made, err := o.ContainerCreate(ctx, config, host, nil, nil, o.run)
	if err != nil {
		return err
	}
	o.supervisor = made.ID
	return nil
}

// quiet has the engine keep no log of a supervisor that has arguments, which is one whose
// components print: the disk is not what is measured.
func quiet(args []string) (c container.LogConfig) {
	if len(args) > 0 {
		c.Type = "none"
	}
	return c
}

// component is a component's definition.
func (o *ours) component() string {
	if o.definition != "" {
		return o.definition
	}
	return fmt.Sprintf("{image: %s, command: sleep, labels: {%s: %s, %s: yes}}", image, labelRun, o.run, labelComponent)
}

// down asks the supervisor to end.
func (o *ours) down(ctx context.Context) error {
	return o.ContainerKill(ctx, o.supervisor, "SIGTERM")
}
