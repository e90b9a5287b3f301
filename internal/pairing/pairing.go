// Package pairing tells whether a supervisor's network is that of a pause which a user has
// started by hand: then the pod is that pause's, and the two are a pair. It looks and refuses;
// it makes nothing.
package pairing

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// Engine is what is asked about containers.
type Engine interface {
	Inspect(ctx context.Context, ref string) (engine.Seen, error)
}

// Place is what the problems of a pair are about.
const Place = "--network"

// Find returns the pause whose network a supervisor has joined, and whether there is one. Its
// error is of Problems where that pause cannot have a pod that shares what is wanted.
func Find(ctx context.Context, e Engine, self engine.Seen, wanted pod.Pod) (pause engine.Seen, paired bool, err error) {
	if self.Network == "" {
		return pause, false, nil
	}
	pause, err = e.Inspect(ctx, string(self.Network))
	switch {
	case errors.Is(err, engine.ErrNotFound):
		return pause, false, problem("the container %.12s, whose network this one has joined, is gone: start it again, and make this one anew", self.Network)
	case err != nil:
		return pause, false, err
	case pause.Labels[pod.LabelRole] != pod.RolePause:
		return pause, false, nil
	}
	if why := unfit(pause, wanted); why != "" {
		return pause, false, problem("%s", why)
	}
	return pause, true, nil
}

// unfit says why a pause cannot have a pod, and what to do. Empty: it can.
func unfit(pause engine.Seen, wanted pod.Pod) string {
	modes := pause.Modes
	switch {
	case pause.Labels[pod.LabelOwner] != "":
		return fmt.Sprintf("%s is the pause of %s, which supervises it: start a pause of your own and join that", pause.Name, pause.Labels[pod.LabelName])
	case pause.Paused:
		return fmt.Sprintf("%s is paused, so that nothing can join it: docker unpause %s", pause.Name, pause.Name)
	case !pause.Running:
		return fmt.Sprintf("%s does not run: docker start %s", pause.Name, pause.Name)
	case modes.Network == "none" || modes.Network == "host":
		return fmt.Sprintf("%s has the network %q, and a pod needs one of its own: start it without --network %s", pause.Name, modes.Network, modes.Network)
	case wanted.SharePID && modes.PID != "":
		return fmt.Sprintf("%s has the PID namespace %q, and a pod needs one of its own: start it without --pid, or this supervisor with -pids=false",
			pause.Name, modes.PID)
	case wanted.ShareIPC && modes.IPC != "shareable":
		return fmt.Sprintf("%s does not share its IPC namespace: start it with --ipc shareable, or this supervisor with -ipc=false", pause.Name)
	}
	return ""
}

func problem(format string, args ...any) error {
	return pod.Problems{pod.Problemf(Place, format, args...)}
}

// Owner is the owner of all that is made for a pause.
func Owner(pause engine.Seen, version string) pod.Owner {
	return pod.Owner{ID: string(pause.ID), Name: pause.Name, Version: version, Life: pause.StartedAt.UTC().Format(time.RFC3339Nano)}
}
