package docker

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"sync/atomic"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"

	"github.com/podlike/podlike/internal/engine"
)

// files are copied from and to the containers of a daemon. A daemon does not follow every link,
// and calls some of what is not there a fault of its own: here that is known, and nowhere else.
type files struct {
	api   *client.Client
	wills *wills
}

var _ engine.Files = (*files)(nil)

// Stat implements engine.Files. The engine itself follows all links but one at
// the very end, of which it tells where it leads.
func (f *files) Stat(ctx context.Context, id engine.ID, name string) (isDir bool, err error) {
	at, err := f.api.ContainerStatPath(ctx, string(id), name)
	if err == nil && at.Mode&fs.ModeSymlink != 0 {
		at, err = f.api.ContainerStatPath(ctx, string(id), at.LinkTarget)
	}
	if err != nil && !errdefs.IsNotFound(err) && f.belowFile(ctx, id, name) {
		return false, fmt.Errorf("cannot look at %s in container %.12s: %w", name, id, engine.ErrNotFound)
	}
	return at.Mode.IsDir(), fail(ctx, err, "look at %s in container %.12s", name, id)
}

// Read implements engine.Files. The engine sends links as what they are.
func (f *files) Read(ctx context.Context, id engine.ID, name string, limit int64) ([]byte, error) {
	archive, at, err := f.api.CopyFromContainer(ctx, string(id), name)
	if err == nil && at.Mode&fs.ModeSymlink != 0 {
		_ = archive.Close() // of a reader
		archive, _, err = f.api.CopyFromContainer(ctx, string(id), at.LinkTarget)
	}
	if err != nil && !errdefs.IsNotFound(err) && f.belowFile(ctx, id, name) {
		err = engine.ErrNotFound
	}
	if err != nil {
		return nil, fail(ctx, err, "read %s in container %.12s", name, id)
	}
	defer archive.Close()
	content, err := lastOf(archive, limit)
	return content, fail(ctx, err, "read %s in container %.12s", name, id)
}

// errNoFile: what is to be read is a directory or a device.
var errNoFile = errors.New("it is not a regular file")

// lastOf is the end of the file that an archive begins with.
func lastOf(archive io.Reader, limit int64) ([]byte, error) {
	r := tar.NewReader(archive)
	file, err := r.Next()
	if err != nil {
		return nil, err
	}
	if file.Typeflag != tar.TypeReg {
		return nil, errNoFile
	}
	if _, err := io.CopyN(io.Discard, r, max(file.Size-limit, 0)); err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// belowFile tells whether a path leads through a file. The engine calls that a
// fault of its own, and gives no reason.
func (f *files) belowFile(ctx context.Context, id engine.ID, name string) bool {
	parent := path.Dir(name)
	if parent == name {
		return false
	}
	isDir, err := f.Stat(ctx, id, parent)
	return err == nil && !isDir || errors.Is(err, engine.ErrNotFound)
}

// Put implements engine.Files.
func (f *files) Put(ctx context.Context, id engine.ID, dir string, archive io.Reader) error {
	f.wills.void(id) // copying may take longer than a will waits; what it leaves is swept
	from := &source{from: archive}
	err := f.api.CopyToContainer(ctx, string(id), dir, from, container.CopyToContainerOptions{})
	if unread := from.failed.Load(); unread != nil {
		return fmt.Errorf("cannot copy into container %.12s: %w", id, *unread)
	}
	return putFail(ctx, err, id)
}

// A source keeps the error with which its reading failed: that is not the engine's.
type source struct {
	from   io.Reader
	failed atomic.Pointer[error]
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	if err != nil && err != io.EOF {
		s.failed.Store(&err)
	}
	return n, err
}
