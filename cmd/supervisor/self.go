package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/podlike/podlike/internal/cgroup"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/identity"
	"github.com/podlike/podlike/internal/pairing"
	"github.com/podlike/podlike/internal/pod"
)

// The environment variables that tell who we are where no trace does.
const (
	envContainer = "PODLIKE_CONTAINER"
	envTask      = "PODLIKE_TASK"
)

// ownTraces are what this process can see of itself.
func ownTraces() (identity.Traces, error) {
	paths, err := cgroup.Paths()
	if err != nil {
		return identity.Traces{}, err
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return identity.Traces{}, fmt.Errorf("cannot read own mounts: %w", err)
	}
	host, err := os.Hostname()
	if err != nil {
		return identity.Traces{}, fmt.Errorf("cannot read own hostname: %w", err)
	}
	place, err := os.Readlink(ownPlace)
	if err != nil {
		return identity.Traces{}, fmt.Errorf("cannot tell this container from others: %w", err)
	}
	return identity.Traces{
		Told: os.Getenv(envContainer), Task: os.Getenv(envTask),
		CgroupPaths: paths, MountInfo: string(mounts), Hostname: host, Argv: os.Args,
		Ask: []string{os.Args[0], "is", place},
	}, nil
}

// ownPlace is a link that leads elsewhere in each container: none shares its mounts.
const ownPlace = "/proc/self/ns/mnt"

// is succeeds in one container only: where ownPlace leads to the named place.
func is(args []string) error {
	if len(args) != 1 {
		return usage("is: there has to be one place")
	}
	place, err := os.Readlink(ownPlace)
	if err == nil && place != args[0] {
		err = fmt.Errorf("this is %s", place)
	}
	return err
}

// container is the one that this process is in, as its first or, by docker exec, as a
// further one: that can look at the pod, but must not run it.
func container(ctx context.Context, e engine.Engine) (engine.Seen, error) {
	traces, err := ownTraces()
	if err != nil {
		return engine.Seen{}, err
	}
	self, err := identity.Find(ctx, e, traces)
	if !errors.Is(err, identity.ErrUnknown) {
		return self, err
	}
	first, err := os.ReadFile("/proc/1/cmdline")
	if err != nil {
		return engine.Seen{}, fmt.Errorf("cannot read the command of the first process: %w", err)
	}
	traces.Argv = strings.Split(strings.TrimSuffix(string(first), "\x00"), "\x00")
	return identity.Find(ctx, e, traces)
}

// calledAs are the names of a Swarm service in its networks, none of anything else: Swarm puts
// the stack's name before that of the service, which is known there as well.
func calledAs(labels map[string]string) []string {
	service := labels[pod.SwarmService]
	if service == "" {
		return nil
	}
	return []string{service, strings.TrimPrefix(service, labels[pod.StackNamespace]+"_")}
}

// ownerOf is the owner of all that a supervisor in this container makes, or for a pause that was
// started by hand.
func ownerOf(self engine.Seen) pod.Owner {
	if self.Labels[pod.LabelRole] == pod.RolePause {
		return pairing.Owner(self, version)
	}
	return pod.Owner{
		ID: string(self.ID), Name: self.Name, Version: version,
		Service: self.Labels[pod.SwarmServiceID], Task: self.Labels[pod.SwarmTaskID], Node: self.Labels[pod.SwarmNodeID],
	}
}
