package fake

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/engine"
)

// volumeRoot is where volumes are on the engine's machine, each under its name. Of
// other paths there the fake knows nothing: it takes them to be there, and empty.
const volumeRoot = "/volumes/"

// lacksLocked reports a host path that a container must have and that is not there.
func (e *Engine) lacksLocked(c engine.Container) error {
	for _, m := range c.Mounts {
		_, there := e.stored[path.Clean(m.Source)]
		if m.Type == engine.BindMount && m.MustExist && strings.HasPrefix(m.Source, volumeRoot) && !there {
			return fmt.Errorf("bind source path does not exist: %s", m.Source)
		}
	}
	return nil
}

// mountLocked mounts what a container asks for, and makes the volumes of those that
// are not there.
func (e *Engine) mountLocked(c *container) {
	mounted := map[string]bool{}
	for _, m := range c.Mounts {
		mounted[m.Target] = true
		at := engine.Mounted{Type: m.Type, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly, Propagation: m.Propagation}
		if m.Type == engine.VolumeMount {
			at.Name = e.volumeLocked(c, m.Source, m.Labels)
			at.Source = volumeRoot + at.Name
		}
		c.mounts = append(c.mounts, at)
	}
	for _, target := range c.image.Volumes {
		if !mounted[target] {
			name := e.volumeLocked(c, "", nil)
			c.mounts = append(c.mounts, engine.Mounted{Type: engine.VolumeMount, Name: name, Source: volumeRoot + name, Target: target})
		}
	}
}

// volumeLocked is the name of a volume that is there from now on; one without a name
// goes with the container.
func (e *Engine) volumeLocked(c *container, name string, labels map[string]string) string {
	if name == "" {
		name = e.nextLocked()
		c.anonymous = append(c.anonymous, name)
	}
	if _, ok := e.volumes[name]; !ok {
		e.volumes[name] = engine.Volume{Name: name, Labels: labels}
	}
	return name
}

// dropVolumeLocked removes a volume and all in it.
func (e *Engine) dropVolumeLocked(name string) {
	delete(e.volumes, name)
	maps.DeleteFunc(e.stored, func(file string, _ File) bool { return strings.HasPrefix(file, volumeRoot+name+"/") })
}

// locateLocked finds where a container's path is: in a volume, or in its own root.
func (e *Engine) locateLocked(c *container, name string) (Files, string) {
	name = path.Clean(name)
	var in engine.Mounted
	for _, m := range c.mounts {
		if below(name, m.Target) && len(m.Target) > len(in.Target) {
			in = m
		}
	}
	if in.Source == "" { // its root, or a tmpfs of its own
		return c.files, name
	}
	return e.stored, path.Join(in.Source, strings.TrimPrefix(name, path.Clean(in.Target)))
}

// below tells whether a path is dir or in it.
func below(name, dir string) bool {
	return name == path.Clean(dir) || strings.HasPrefix(name, path.Clean(dir)+"/")
}

// statLocked tells whether what is at a path is a directory. The root is there, and
// what volumes are mounted on.
func (e *Engine) statLocked(c *container, name string) (isDir bool, err error) {
	name = path.Clean(name)
	files, at := e.locateLocked(c, name)
	file, ok := files[at]
	mounted := slices.ContainsFunc(c.mounts, func(m engine.Mounted) bool { return path.Clean(m.Target) == name })
	switch {
	case ok:
		return file.Mode.IsDir(), nil
	case name == "/", mounted:
		return true, nil
	}
	return false, fmt.Errorf("%s: %w", name, engine.ErrNotFound)
}

// viewLocked are the files that a container has now, with those in what it mounts.
func (e *Engine) viewLocked(c *container) Files {
	view := maps.Clone(c.files)
	for _, m := range c.mounts {
		for name, file := range e.stored {
			if m.Source != "" && below(name, m.Source) {
				view[path.Join(m.Target, strings.TrimPrefix(name, m.Source))] = file
			}
		}
	}
	return view
}
