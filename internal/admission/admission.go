// Package admission is what a pod has to pass, and what is decided for it, before anything
// is created: which copies can be made and seen, which go into memory, which volumes are
// meant, which limits are lowered, and what its images and the engine lack. It never asks
// an engine and opens no file itself: all that it has to know is handed to it.
//
// It decides once, at the start, or as soon as an image is known. What of the supervisor's files may have changed when a
// component is started again is for package archive to look at again.
package admission

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/archive"
	"github.com/podlike/podlike/internal/pod"
)

// Look looks at all that a copy takes along, and reports why it cannot be made, as
// archive.LookAt does.
type Look func(pod.Copy) (archive.Look, error)

// Own is what the supervisor has itself.
type Own struct {
	// Limits are those of its container, and Bound says that they bind all components together, so that
	// none of them has to be limited by itself.
	Limits pod.Limits
	Bound  bool
	// Volumes are mounted into it, and components may refer to them.
	Volumes []pod.OwnVolume
	// Shared are volumes and host paths of its own that every component gets, but for the
	// Sockets, paths in the supervisor, that might be among them.
	Shared  []pod.Volume
	Sockets []string
}

// Check refuses copies that cannot be made, and those that nobody would see. The pod need
// not be valid. Problems have the places of the model.
func Check(p pod.Pod, look Look) (problems pod.Problems) {
	for _, c := range p.All() {
		for _, file := range c.Copies {
			if err := checkCopy(c, file, look); err != nil {
				problems = append(problems, pod.Problemf(file.PlaceIn(c.Name), "%v", err))
			}
		}
	}
	return problems
}

// checkCopy says why a copy into a component cannot be made, or would not be seen.
func checkCopy(c pod.Component, file pod.Copy, look Look) error {
	found, err := look(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w; give it to the supervisor, as a secret, a config or a volume of its service", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; let the supervisor's user read it", err)
	case err != nil:
		return err
	}
	file.Memory = file.Memory || found.Memory
	if why := c.Hides(file); why != "" {
		return fmt.Errorf("%s %s; copy to elsewhere", path.Clean(file.Target), why)
	}
	return nil
}

// Admit returns a complete and valid pod, which Check has nothing against, as it is to be
// run, and what of it was lowered; p itself stays as it is. An error is about a file that
// Check found to be well.
func Admit(p pod.Pod, own Own, look Look) (admitted pod.Pod, lowered pod.Problems, err error) {
	p = pod.ShareVolumes(pod.ResolveVolumes(p, own.Volumes), own.Shared, own.Sockets...)
	if p, err = inMemory(p, look); err != nil {
		return p, nil, err
	}
	if !own.Bound {
		p, lowered = pod.Clamp(p, own.Limits)
	}
	return p, lowered, nil
}

// Overcommitted warns of components that are promised more memory than there is for all of them.
func Overcommitted(p pod.Pod, memory int64) pod.Problems {
	var promised int64
	var to []string
	for _, c := range p.All() {
		if c.Resources.MemoryReservation > 0 {
			promised += c.Resources.MemoryReservation
			to = append(to, c.Name)
		}
	}
	if memory <= 0 || promised <= memory {
		return nil
	}
	const what = "%s are promised %s of memory together, and the pod has %s; promise less, or give the service more"
	place := pod.ComponentPrefix + to[len(to)-1] + ": mem_reservation"
	return pod.Problems{pod.Problemf(place, what, strings.Join(to, ", "), pod.Size(promised), pod.Size(memory))}
}

// inMemory returns p with all that must not touch a disk handed on in memory, and p itself
// as it is.
func inMemory(p pod.Pod, look Look) (pod.Pod, error) {
	p.Init, p.Components = slices.Clone(p.Init), slices.Clone(p.Components)
	for _, some := range [][]pod.Component{p.Init, p.Components} {
		for i, c := range some {
			var all []pod.Copy
			for _, file := range c.Copies {
				placed, err := place(c, file, look)
				if err != nil {
					return p, fmt.Errorf("cannot look at what is copied into %s: %w", c.Name, err)
				}
				all = append(all, placed...)
			}
			some[i].Copies = all
		}
	}
	return p, nil
}

// place decides whether a copy goes into memory, and says where exactly what it takes
// along is to be mounted then: as far as that can be known, at the target that
// `docker cp` would find. What is in a directory is mounted one by one, so that it goes
// beside what the component has there.
func place(c pod.Component, file pod.Copy, look Look) ([]pod.Copy, error) {
	found, err := look(file)
	if err != nil || !file.Memory && !found.Memory {
		return []pod.Copy{file}, err
	}
	file.Room = found.Size
	if file.Memory { // whose reader has said where it is to be
		return []pod.Copy{file}, nil
	}
	file.Memory, file.Writable = true, true
	if found.IsDir && path.Base(file.Source) == "." {
		return contents(file, found.Names, look)
	}
	file.Target = target(c, file, found.IsDir)
	return []pod.Copy{file}, nil
}

// contents are copies of all that is in a directory.
func contents(file pod.Copy, names []string, look Look) (all []pod.Copy, err error) {
	for _, name := range names {
		one := file
		one.Source, one.Target = path.Join(file.Source, name), path.Join(file.Target, name)
		found, err := look(one)
		if err != nil {
			return nil, err
		}
		one.Room = found.Size
		all = append(all, one)
	}
	return all, nil
}

// target is where a file or directory is to be mounted: into what is known to be a
// directory, or over the target.
func target(c pod.Component, file pod.Copy, isDir bool) string {
	to := path.Clean(file.Target)
	asked := strings.HasSuffix(file.Target, "/") || strings.HasSuffix(file.Target, "/.")
	if to == "/" || c.Mounts(to) || asked && !isDir {
		return path.Join(to, path.Base(path.Clean(file.Source)))
	}
	return to
}
