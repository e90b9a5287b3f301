package main

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/sirupsen/logrus"
)

// An example is a folder with a stack file of one service, which is a pod.
type example struct {
	// Name of the stack, or of the container where there are no stacks.
	Name string
	// Stack is the path of the stack file.
	Stack string
	// HostPort is the path of what is deployed on top of Stack where there is no
	// routing mesh.
	HostPort string

	// Service and Configs are what Stack says.
	Service types.ServiceConfig
	Configs types.Configs
}

// load reads the example in a folder.
func load(ctx context.Context, folder, name string) (example, error) {
	e := example{
		Name:     name,
		Stack:    filepath.Join(folder, "stack.yml"),
		HostPort: filepath.Join(folder, "stack.host-port.yml"),
	}
	// Compose finds a stack file's version obsolete and says so; docker stack wants it.
	logrus.SetLevel(logrus.ErrorLevel)
	options, err := cli.NewProjectOptions([]string{e.Stack}, cli.WithName(name), cli.WithOsEnv)
	if err != nil {
		return e, fmt.Errorf("cannot read %s: %w", e.Stack, err)
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return e, fmt.Errorf("cannot read %s: %w", e.Stack, err)
	}
	if len(project.Services) != 1 {
		return e, fmt.Errorf("cannot use %s: it has %d services, one is wanted", e.Stack, len(project.Services))
	}
	for _, service := range project.Services {
		e.Service = service
	}
	if len(e.Service.Ports) == 0 {
		return e, fmt.Errorf("cannot use %s: it publishes no port to look at", e.Stack)
	}
	e.Configs = project.Configs
	return e, nil
}

// port is the one that the example publishes.
func (e example) port() string { return e.Service.Ports[0].Published }

// runArgs are the arguments of the docker command that runs the service without
// Swarm: a container with the same labels, its configs bound from their files.
func (e example) runArgs() []string {
	args := []string{"run", "--detach", "--name", e.Name}
	if grace := e.Service.StopGracePeriod; grace != nil {
		args = append(args, "--stop-timeout", strconv.Itoa(int(time.Duration(*grace).Seconds())))
	}
	for _, key := range slices.Sorted(maps.Keys(e.Service.Labels)) {
		args = append(args, "--label", key+"="+e.Service.Labels[key])
	}
	for _, port := range e.Service.Ports {
		args = append(args, "--publish", fmt.Sprintf("%s:%d", port.Published, port.Target))
	}
	for _, volume := range e.Service.Volumes {
		args = append(args, "--volume", volume.Source+":"+volume.Target)
	}
	for _, config := range e.Service.Configs {
		args = append(args, "--volume", e.Configs[config.Source].File+":"+config.Target+":ro")
	}
	return append(append(args, e.Service.Image), e.Service.Command...)
}
