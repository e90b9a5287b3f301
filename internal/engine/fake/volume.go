package fake

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/podlike/podlike/internal/engine"
)

// volumeRoot is where volumes are on the engine's machine, each under its name. Of
// other paths there the fake knows nothing: it takes them to be there, and empty.
const volumeRoot = "/volumes/"

// volumes are those of an engine, with what is in them. All of it belongs to the engine's lock.
type volumes struct {
	wire   *wire
	lock   sync.Locker // the engine's
	all    map[string]engine.Volume
	stored Files // by their paths on the engine's machine
}

func newVolumes(w *wire, lock sync.Locker) *volumes {
	return &volumes{wire: w, lock: lock, all: map[string]engine.Volume{}, stored: Files{}}
}

// Volumes implements engine.Volumes.
func (v *volumes) Volumes(ctx context.Context, labels map[string]string) (all []engine.Volume, err error) {
	err = v.wire.call(ctx, "Volumes", "volumes", func() error {
		v.lock.Lock()
		defer v.lock.Unlock()
		for _, name := range slices.Sorted(maps.Keys(v.all)) {
			if carries(v.all[name].Labels, labels) {
				all = append(all, v.all[name])
			}
		}
		return nil
	})
	return all, err
}

// Volume implements engine.Volumes.
func (v *volumes) Volume(ctx context.Context, name string) (one engine.Volume, err error) {
	err = v.wire.call(ctx, "Volume", name, func() error {
		v.lock.Lock()
		defer v.lock.Unlock()
		var ok bool
		if one, ok = v.all[name]; !ok {
			return engine.ErrNotFound
		}
		return nil
	})
	return one, err
}

// AddVolume makes a volume that is there before anything else.
func (v *volumes) AddVolume(name string, labels map[string]string) {
	v.lock.Lock()
	defer v.lock.Unlock()
	v.all[name] = engine.Volume{Name: name, Labels: labels}
}

// lacksLocked reports a host path that a container must have and that is not there.
func (v *volumes) lacksLocked(c engine.Container) error {
	for _, m := range c.Mounts {
		_, there := v.stored[path.Clean(m.Source)]
		if m.Type == engine.BindMount && m.MustExist && strings.HasPrefix(m.Source, volumeRoot) && !there {
			return fmt.Errorf("bind source path does not exist: %s", m.Source)
		}
	}
	return nil
}

// makeLocked makes a volume, unless it is there.
func (v *volumes) makeLocked(name string, labels map[string]string) {
	if _, ok := v.all[name]; !ok {
		v.all[name] = engine.Volume{Name: name, Labels: labels}
	}
}

// dropLocked removes a volume and all in it.
func (v *volumes) dropLocked(name string) {
	delete(v.all, name)
	maps.DeleteFunc(v.stored, func(file string, _ File) bool { return strings.HasPrefix(file, volumeRoot+name+"/") })
}
