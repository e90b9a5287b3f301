package main

import (
	"fmt"
	"os"

	"github.com/podlike/podlike/internal/cgroup"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/identity"
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
	return identity.Traces{
		Told: os.Getenv(envContainer), Task: os.Getenv(envTask),
		CgroupPaths: paths, MountInfo: string(mounts), Hostname: host, Argv: os.Args,
	}, nil
}

// ownerOf is the owner of all that a supervisor in this container makes.
func ownerOf(self engine.Seen) pod.Owner {
	return pod.Owner{
		ID: string(self.ID), Name: self.Name, Version: version,
		Service: self.Labels[pod.SwarmServiceID], Task: self.Labels[pod.SwarmTaskID], Node: self.Labels[pod.SwarmNodeID],
	}
}
