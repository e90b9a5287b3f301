// Package handover hands files of the supervisor on to the pod's containers: before their
// start into what they have on the disk, or into the memory that pause holds for them. It
// decides neither what is handed on nor what may touch a disk.
package handover

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/podlike/podlike/internal/archive"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// Files is what handing on needs of an engine.
type Files interface {
	engine.Containers
	engine.Files
}

// Courier hands files on. What was cut off on the way may be tried again.
type Courier struct {
	Engine Files
}

// HandOn copies files of the supervisor into a container that does not run yet,
// one copy after the other: a later one may go into what an earlier one has made.
// What is handed on in memory it has already.
func (c Courier) HandOn(ctx context.Context, id engine.ID, made engine.Container, component pod.Component) error {
	to := archive.Place{Look: c.lookInto(ctx, id)}
	for _, m := range made.Mounts {
		to.Mounts = append(to.Mounts, m.Target)
	}
	for _, file := range component.Copies {
		if file.Memory {
			continue
		}
		packed, err := archive.Pack(file, to)
		if err != nil {
			return err
		}
		if err := c.put(ctx, id, packed); err != nil {
			return copyFailed(component.Name, file, packed.Dir, err)
		}
	}
	return nil
}

// lookInto looks at paths in a container.
func (c Courier) lookInto(ctx context.Context, id engine.ID) func(string) (archive.Found, error) {
	return func(path string) (archive.Found, error) {
		isDir, err := c.Engine.Stat(ctx, id, path)
		switch {
		case errors.Is(err, engine.ErrNotFound):
			return archive.Nothing, nil
		case err == nil && isDir:
			return archive.Dir, nil
		}
		return archive.File, err
	}
}

// put streams one copy. What went wrong with reading is told rather than what the
// engine says of half an archive.
func (c Courier) put(ctx context.Context, id engine.ID, packed archive.Packed) error {
	from, to := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := packed.Write(to)
		to.CloseWithError(err)
		written <- err
	}()
	err := c.Engine.Put(ctx, id, packed.Dir, from)
	_ = from.Close() // the engine wants no more of it, which is ErrClosedPipe to who writes
	if unread := <-written; unread != nil && !errors.Is(unread, io.ErrClosedPipe) {
		return unread
	}
	return err
}

// copyFailed says which copy it was, and what to do where something is read-only.
func copyFailed(component string, c pod.Copy, dir string, err error) error {
	if errors.Is(err, engine.ErrReadOnly) && dir == "/" {
		err = fmt.Errorf("%w; copy into a volume of it, or leave out its read_only", err)
	} else if errors.Is(err, engine.ErrReadOnly) {
		err = fmt.Errorf("%w; let it mount %s writable, or copy to elsewhere", err, dir)
	}
	return fmt.Errorf("cannot copy %s to %s in %s: %w", c.Source, c.Target, component, err)
}
