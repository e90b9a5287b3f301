package handover

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/podlike/podlike/internal/archive"
	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// Weigh is how many bytes of memory a pod needs for what is handed on in it.
func Weigh(p pod.Pod) (bytes int64) {
	for _, c := range p.All() {
		for _, file := range c.Copies {
			if file.Memory {
				bytes += max(file.Room, archive.Size(file))
			}
		}
	}
	return bytes
}

// Provide is Fill, and says where the engine's machine has the memory.
func (c Courier) Provide(ctx context.Context, pause engine.ID, components ...pod.Component) (source string, err error) {
	if err := c.Fill(ctx, pause, components...); err != nil {
		return "", err
	}
	return c.Locate(ctx, pause)
}

// Fill puts into the pod's memory what these components mount from there, as it was in the
// beginning. Pause has to run: otherwise nothing would be mounted there yet, and the engine
// would write to the disk below.
func (c Courier) Fill(ctx context.Context, pause engine.ID, components ...pod.Component) error {
	needy := slices.DeleteFunc(slices.Clone(components), func(c pod.Component) bool { return !plan.NeedsMemory(c) })
	if len(needy) == 0 {
		return nil
	}
	return c.putIntoMemory(ctx, pause, needy...)
}

// putIntoMemory puts the components' files there, all in one archive.
func (c Courier) putIntoMemory(ctx context.Context, pause engine.ID, components ...pod.Component) error {
	packed := archive.Packed{Dir: plan.Memory}
	for _, component := range components {
		for i, file := range component.Copies {
			if !file.Memory {
				continue
			}
			if err := packed.Keep(file, plan.MemoryName(component.Name, i)); err != nil {
				return err
			}
		}
		if component.TerminationMessage != "" {
			packed.Empty(plan.MessageName(component.Name))
		}
	}
	for {
		err := c.put(ctx, pause, packed)
		switch {
		case err == nil:
			return nil
		case !errors.Is(err, engine.ErrUnreachable) || clock.Sleep(ctx, retryDelay) != nil:
			return fmt.Errorf("cannot hand on in memory: %w", err)
		}
	}
}

// retryDelay is between a try that was cut off and the next, which hands on all of it again.
const retryDelay = time.Second

// Locate is the path of the pod's memory on the engine's machine.
func (c Courier) Locate(ctx context.Context, pause engine.ID) (string, error) {
	seen, err := c.Engine.Inspect(ctx, string(pause))
	if err != nil {
		return "", err
	}
	for _, m := range seen.Mounts {
		if m.Type == engine.VolumeMount && m.Target == plan.Memory && m.Source != "" {
			return m.Source, nil
		}
	}
	return "", fmt.Errorf("cannot find the pod's memory: the engine does not tell where %s has %s", seen.Name, plan.Memory)
}

// MountFailed says which copy it was where a component cannot be started for it, and
// what to do: only now it shows what the image has at its target. Memory is where the engine's
// machine has the pod's memory.
func MountFailed(c pod.Component, memory string, err error) error {
	for i, file := range slices.Backward(c.Copies) { // for the first name may be the beginning of the tenth
		if file.Memory && strings.Contains(err.Error(), path.Join(memory, plan.MemoryName(c.Name, i))) {
			return fmt.Errorf("cannot copy %s to %s in %s (if that is a directory, end it with a slash): %w", file.Source, file.Target, c.Name, err)
		}
	}
	return err
}
