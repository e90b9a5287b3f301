package main

import (
	"context"
	"fmt"
	"os"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/hosts"
	"github.com/podlike/podlike/internal/naming"
	"github.com/podlike/podlike/internal/pod"
)

// resolvConf is where a container's name servers are.
const resolvConf = "/etc/resolv.conf"

// namerOf is the one for a pod that is about to run.
func namerOf(r runnable, write func(context.Context, engine.ID, []string, bool) error, emit event.Sink) *naming.Namer {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	server, _ := hosts.Server(resolvConf)
	return &naming.Namer{
		Names: r.pod.Hosts, Own: r.called, File: hosts.Path, Mounted: err != nil || !hosts.IsEngines(string(mounts)), Server: server, Emit: emit,
		Write: func(ctx context.Context, names []string, beside bool) error {
			return write(ctx, engine.ID(r.owner.ID), names, beside)
		},
	}
}

// writeNames writes names as a helper.
func writeNames(names []string) error {
	beside := len(names) > 0 && names[0] == docker.Beside
	if beside {
		names = names[1:]
	}
	if len(names) == 0 {
		return usage("names: there has to be one at least")
	}
	for _, name := range names {
		if why := pod.NoHostName(name); why != "" {
			return usage(fmt.Sprintf("names: %q %s", name, why))
		}
	}
	if beside {
		return hosts.Restore(hosts.Path, names)
	}
	_, err := hosts.Write(hosts.Path, names)
	return err
}
