package fake

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/engine"
)

// Put implements engine.Engine.
func (e *Engine) Put(ctx context.Context, id engine.ID, dir string, archive io.Reader) error {
	return e.callWith(ctx, "Put", id, func(c *container) error { return c.disk.put(dir, archive) })
}

// Stat implements engine.Engine.
func (e *Engine) Stat(ctx context.Context, id engine.ID, name string) (isDir bool, err error) {
	err = e.callWith(ctx, "Stat", id, func(c *container) (err error) {
		isDir, err = c.disk.stat(name)
		return err
	})
	return isDir, err
}

// Read implements engine.Engine.
func (e *Engine) Read(ctx context.Context, id engine.ID, name string, limit int64) (content []byte, err error) {
	err = e.callWith(ctx, "Read", id, func(c *container) (err error) {
		content, err = c.disk.read(name, limit)
		return err
	})
	return content, err
}

// A disk is what a container sees of files: those in its own root and those in what it
// mounts. All of it belongs to the engine's lock.
type disk struct {
	root   Files
	mounts []engine.Mounted
	stored Files // in the engine's volumes
}

// locate finds where a container's path is: in a volume, or in its own root.
func (d *disk) locate(name string) (Files, string) {
	name = path.Clean(name)
	var in engine.Mounted
	for _, m := range d.mounts {
		if below(name, m.Target) && len(m.Target) > len(in.Target) {
			in = m
		}
	}
	if in.Source == "" { // its root, or a tmpfs of its own
		return d.root, name
	}
	return d.stored, path.Join(in.Source, strings.TrimPrefix(name, path.Clean(in.Target)))
}

// below tells whether a path is dir or in it.
func below(name, dir string) bool {
	return name == path.Clean(dir) || strings.HasPrefix(name, path.Clean(dir)+"/")
}

// stat tells whether what is at a path is a directory. The root is there, and
// what volumes are mounted on.
func (d *disk) stat(name string) (isDir bool, err error) {
	name = path.Clean(name)
	files, at := d.locate(name)
	file, ok := files[at]
	mounted := slices.ContainsFunc(d.mounts, func(m engine.Mounted) bool { return path.Clean(m.Target) == name })
	switch {
	case ok:
		return file.Mode.IsDir(), nil
	case name == "/", mounted:
		return true, nil
	}
	return false, fmt.Errorf("%s: %w", name, engine.ErrNotFound)
}

// view are the files that there are now.
func (d *disk) view() Files {
	view := maps.Clone(d.root)
	for _, m := range d.mounts {
		for name, file := range d.stored {
			if m.Source != "" && below(name, m.Source) {
				view[path.Join(m.Target, strings.TrimPrefix(name, m.Source))] = file
			}
		}
	}
	return view
}

// put unpacks an archive into a directory that is there.
func (d *disk) put(dir string, archive io.Reader) error {
	if isDir, err := d.stat(dir); err != nil || !isDir {
		return fmt.Errorf("directory %s: %w", dir, engine.ErrNotFound)
	}
	files, at := d.locate(dir)
	return files.unpack(at, archive)
}

// read is a regular file's content, or the last limit bytes of it.
func (d *disk) read(name string, limit int64) ([]byte, error) {
	switch isDir, err := d.stat(name); {
	case err != nil:
		return nil, err
	case isDir:
		return nil, fmt.Errorf("%s is not a regular file", name)
	}
	files, at := d.locate(name)
	all := files[at].Content
	return []byte(all[max(0, len(all)-int(limit)):]), nil
}

// write makes a file, as a program in the container does.
func (d *disk) write(name, content string) {
	files, at := d.locate(name)
	files[at] = File{Mode: 0o644, Content: content}
}

// unpack adds what is in an archive, making parents that are not there.
func (f Files) unpack(dir string, archive io.Reader) error {
	r := tar.NewReader(archive)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		name := path.Join(dir, h.Name)
		for parent := path.Dir(name); parent != "/"; parent = path.Dir(parent) {
			if _, ok := f[parent]; !ok {
				f[parent] = File{Mode: fs.ModeDir | 0o755}
			}
		}
		f[name] = File{Mode: h.FileInfo().Mode(), Content: string(content)}
	}
}
