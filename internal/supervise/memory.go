package supervise

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/archive"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// weigh is how many bytes of memory the pod needs for what is handed on in it.
func (r *run) weigh() (bytes int64) {
	for _, c := range r.Pod.All() {
		for _, file := range c.Copies {
			if file.Memory {
				bytes += archive.Size(file)
			}
		}
	}
	return bytes
}

// fill puts into the pod's memory what components mount from there, and finds out
// where the engine's machine has it. Pause runs: otherwise nothing would be mounted
// there yet, and the engine would write to the disk below.
func (r *run) fill(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := r.putIntoMemory(ctx, r.Pod.All()...)
	if err == nil {
		r.memory, err = r.locateMemory(ctx)
	}
	if err != nil {
		return r.cannotStart(plan.Pause, err)
	}
	return nil
}

// refill puts what components have in memory there again, as it was in the beginning,
// for containers that are to take the place of those that have ended.
func (r *run) refill(ctx context.Context, components ...pod.Component) error {
	needy := slices.DeleteFunc(slices.Clone(components), func(c pod.Component) bool { return !plan.NeedsMemory(c) })
	if len(needy) == 0 {
		return nil
	}
	return r.putIntoMemory(ctx, needy...)
}

// putIntoMemory puts the components' files there, all in one archive.
func (r *run) putIntoMemory(ctx context.Context, components ...pod.Component) error {
	packed := archive.Packed{Dir: plan.Memory}
	for _, c := range components {
		for i, file := range c.Copies {
			if !file.Memory {
				continue
			}
			if err := packed.Keep(file, plan.MemoryName(c.Name, i)); err != nil {
				return err
			}
		}
		if c.TerminationMessage != "" {
			packed.Empty(plan.MessageName(c.Name))
		}
	}
	if err := r.put(ctx, r.holding(plan.Pause).id, packed); err != nil {
		return fmt.Errorf("cannot hand on in memory: %w", err)
	}
	return nil
}

// locateMemory is the path of the pod's memory on the engine's machine.
func (r *run) locateMemory(ctx context.Context) (string, error) {
	pause, err := r.Engine.Inspect(ctx, string(r.holding(plan.Pause).id))
	if err != nil {
		return "", err
	}
	for _, m := range pause.Mounts {
		if m.Type == engine.VolumeMount && m.Target == plan.Memory && m.Source != "" {
			return m.Source, nil
		}
	}
	return "", fmt.Errorf("cannot find the pod's memory: the engine does not tell where %s has %s", pause.Name, plan.Memory)
}

// mountFailed says which copy it was where a component cannot be started for it, and
// what to do: only now it shows what the image has at its target.
func (r *run) mountFailed(c pod.Component, err error) error {
	for i, file := range slices.Backward(c.Copies) { // for the first name may be the beginning of the tenth
		if file.Memory && strings.Contains(err.Error(), path.Join(r.memory, plan.MemoryName(c.Name, i))) {
			return fmt.Errorf("cannot copy %s to %s in %s (if that is a directory, end it with a slash): %w", file.Source, file.Target, c.Name, err)
		}
	}
	return err
}
