// Package docker is the engine port on a Docker daemon, from API 1.41 on. Nothing
// else in the program knows that it is Docker that we talk to.
//
// words.go turns our values into Docker's and back, calls.go makes the calls and
// gives them the port's meaning, watch.go does so with its events and exec.go with commands, errors.go the kinds of errors, and will.go sees
// to it that the daemon removes what we may no longer be there to remove.
package docker

import (
	"archive/tar"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/volume"
	"github.com/docker/docker/client"

	"github.com/podlike/podlike/internal/engine"
)

// Engine is a Docker daemon.
type Engine struct {
	api *client.Client
	// creating sends requests with a will behind each. It is api where there are no wills.
	creating *client.Client
	wills    *wills
	killer   engine.Container // what kills commands is made like that
}

var _ engine.Engine = (*Engine)(nil)

// Open reaches the daemon that DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH
// and DOCKER_API_VERSION name, by default the socket /var/run/docker.sock, and
// settles on an API version with it.
func Open(ctx context.Context) (*Engine, error) {
	api, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return nil, fmt.Errorf("cannot use the engine's address: %w", err)
	}
	ping, err := api.Ping(ctx)
	if err != nil {
		_ = api.Close() // nothing was ever open
		return nil, fmt.Errorf("cannot reach the engine at %s (mount its socket, or name another in DOCKER_HOST): %w", api.DaemonHost(), reason(err))
	}
	api.NegotiateAPIVersionPing(ping)
	d := &Engine{api: api, creating: api, wills: newWills()}
	if socket, ok := strings.CutPrefix(api.DaemonHost(), "unix://"); ok {
		err = d.leaveWills(socket)
	}
	return d, err
}

// leaveWills makes a client of its own for requests with wills.
func (d *Engine) leaveWills(socket string) (err error) {
	d.wills.socket = socket
	d.creating, err = client.NewClientWithOpts(
		client.WithHost(d.api.DaemonHost()),
		client.WithHTTPClient(&http.Client{Transport: d.wills}),
		client.WithVersion(d.api.ClientVersion()),
	)
	return err
}

// Close ends the connections. What was created and not started still goes when its
// time has come.
func (d *Engine) Close() error {
	d.wills.leaveAll()
	return d.api.Close()
}

// Inspect implements engine.Engine.
func (d *Engine) Inspect(ctx context.Context, ref string) (engine.Seen, error) {
	c, err := d.api.ContainerInspect(ctx, ref)
	if err != nil {
		return engine.Seen{}, fail(err, "inspect container %s", ref)
	}
	return seen(c), nil
}

// List implements engine.Engine.
func (d *Engine) List(ctx context.Context, labels map[string]string) ([]engine.Seen, error) {
	found, err := d.api.ContainerList(ctx, container.ListOptions{All: true, Filters: withLabels(labels)})
	if err != nil {
		return nil, fail(err, "list containers")
	}
	all := make([]engine.Seen, len(found))
	for i, c := range found {
		all[i] = listed(c)
	}
	return all, nil
}

// Create implements engine.Engine.
func (d *Engine) Create(ctx context.Context, c engine.Container) (engine.ID, []string, error) {
	if err := d.lacks(c); err != nil {
		return "", nil, fail(err, "create container %s", c.Name)
	}
	if c.StartWithin > 0 && d.wills.can() {
		return d.createTimed(ctx, c)
	}
	api := d.api
	if c.Owner != "" && c.StartWithin == 0 {
		api, ctx = d.creating, whenEnded(c.Owner, c.Name).behind(ctx)
	}
	return create(ctx, api, c, c.Name)
}

// createTimed makes a container under another name first (see wills).
func (d *Engine) createTimed(ctx context.Context, c engine.Container) (engine.ID, []string, error) {
	name := c.Name + "." + rand.Text()
	id, warnings, err := create(whenOver(c.StartWithin, name).behind(ctx), d.creating, c, name)
	if err != nil {
		return "", nil, err
	}
	last := whenOver(c.StartWithin, string(id))
	last.id = id
	err = d.creating.ContainerRename(last.behind(ctx), string(id), c.Name)
	if err != nil {
		return "", nil, errors.Join(fail(err, "create container %s", c.Name), d.Remove(ctx, id))
	}
	return id, warnings, nil
}

// create sends the one request.
func create(ctx context.Context, api *client.Client, c engine.Container, name string) (engine.ID, []string, error) {
	made, err := api.ContainerCreate(ctx, config(c), host(c), nil, platform(c.Platform), name)
	if err != nil {
		return "", nil, fail(err, "create container %s", c.Name)
	}
	return engine.ID(made.ID), made.Warnings, nil
}

// Stat implements engine.Engine. The engine itself follows all links but one at
// the very end, of which it tells where it leads.
func (d *Engine) Stat(ctx context.Context, id engine.ID, name string) (isDir bool, err error) {
	at, err := d.api.ContainerStatPath(ctx, string(id), name)
	if err == nil && at.Mode&fs.ModeSymlink != 0 {
		at, err = d.api.ContainerStatPath(ctx, string(id), at.LinkTarget)
	}
	if err != nil && !errdefs.IsNotFound(err) && d.belowFile(ctx, id, name) {
		return false, fmt.Errorf("cannot look at %s in container %.12s: %w", name, id, engine.ErrNotFound)
	}
	return at.Mode.IsDir(), fail(err, "look at %s in container %.12s", name, id)
}

// Read implements engine.Engine. The engine sends links as what they are.
func (d *Engine) Read(ctx context.Context, id engine.ID, name string, limit int64) ([]byte, error) {
	archive, at, err := d.api.CopyFromContainer(ctx, string(id), name)
	if err == nil && at.Mode&fs.ModeSymlink != 0 {
		_ = archive.Close() // of a reader
		archive, _, err = d.api.CopyFromContainer(ctx, string(id), at.LinkTarget)
	}
	if err != nil && !errdefs.IsNotFound(err) && d.belowFile(ctx, id, name) {
		err = engine.ErrNotFound
	}
	if err != nil {
		return nil, fail(err, "read %s in container %.12s", name, id)
	}
	defer archive.Close()
	content, err := lastOf(archive, limit)
	return content, fail(err, "read %s in container %.12s", name, id)
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
func (d *Engine) belowFile(ctx context.Context, id engine.ID, name string) bool {
	parent := path.Dir(name)
	if parent == name {
		return false
	}
	isDir, err := d.Stat(ctx, id, parent)
	return err == nil && !isDir || errors.Is(err, engine.ErrNotFound)
}

// Put implements engine.Engine.
func (d *Engine) Put(ctx context.Context, id engine.ID, dir string, archive io.Reader) error {
	err := d.api.CopyToContainer(ctx, string(id), dir, archive, container.CopyToContainerOptions{})
	return putFail(err, id)
}

// Start implements engine.Engine.
func (d *Engine) Start(ctx context.Context, id engine.ID) error {
	if err := d.api.ContainerStart(ctx, string(id), container.StartOptions{}); err != nil {
		d.wills.leave(id)
		return startFail(err, id)
	}
	d.wills.void(id)
	return nil
}

// Wait implements engine.Engine.
func (d *Engine) Wait(ctx context.Context, id engine.ID) (<-chan engine.Exit, error) {
	ends, lost := d.api.ContainerWait(ctx, string(id), container.WaitConditionNextExit)
	select {
	case err := <-lost: // refused: there is no such container
		return nil, fail(err, "wait for container %.12s", id)
	default:
	}
	exit := make(chan engine.Exit, 1)
	go func() { exit <- d.await(ctx, id, ends, lost) }() // over when ctx is
	return exit, nil
}

// await reads one answer to a wait. A stream that was cut tells nothing about the
// container, so it is asked for again.
func (d *Engine) await(ctx context.Context, id engine.ID, ends <-chan container.WaitResponse, lost <-chan error) engine.Exit {
	for {
		select {
		case end := <-ends:
			return exitOf(end)
		case err := <-lost:
			if ctx.Err() != nil {
				return engine.Exit{Err: context.Cause(ctx)}
			}
			now, gone := d.Inspect(ctx, string(id))
			if gone != nil {
				return engine.Exit{Err: errors.Join(fail(err, "wait for container %.12s", id), gone)}
			}
			if !now.Running {
				return engine.Exit{Code: now.ExitCode}
			}
			ends, lost = d.api.ContainerWait(ctx, string(id), container.WaitConditionNotRunning)
		}
	}
}

func exitOf(end container.WaitResponse) engine.Exit {
	if end.Error != nil {
		return engine.Exit{Err: errors.New(end.Error.Message)}
	}
	return engine.Exit{Code: int(end.StatusCode)}
}

// Stop implements engine.Engine.
func (d *Engine) Stop(ctx context.Context, id engine.ID, grace time.Duration) error {
	whole := seconds(grace)
	err := d.api.ContainerStop(ctx, string(id), container.StopOptions{Timeout: &whole})
	if errdefs.IsNotFound(err) {
		return nil
	}
	return fail(err, "stop container %.12s", id)
}

// Resize implements engine.Engine.
func (d *Engine) Resize(ctx context.Context, id engine.ID, rows, columns uint) error {
	err := d.api.ContainerResize(ctx, string(id), container.ResizeOptions{Height: rows, Width: columns})
	return fail(err, "resize the terminal of container %.12s", id)
}

// Remove implements engine.Engine.
func (d *Engine) Remove(ctx context.Context, id engine.ID) error {
	err := d.api.ContainerRemove(ctx, string(id), container.RemoveOptions{Force: true, RemoveVolumes: true})
	switch {
	case errdefs.IsConflict(err): // the engine is at it already
		err = d.removed(ctx, id)
	case errdefs.IsNotFound(err):
		err = nil
	default:
		err = fail(err, "remove container %.12s", id)
	}
	if err == nil {
		d.wills.void(id)
	}
	return err
}

// removed waits until the engine has removed a container.
func (d *Engine) removed(ctx context.Context, id engine.ID) error {
	ends, lost := d.api.ContainerWait(ctx, string(id), container.WaitConditionRemoved)
	select {
	case end := <-ends:
		return exitOf(end).Err
	case err := <-lost:
		if errdefs.IsNotFound(err) {
			return nil
		}
		return fail(err, "wait for the removal of container %.12s", id)
	}
}

// Image implements engine.Engine.
func (d *Engine) Image(ctx context.Context, ref string) (engine.Image, error) {
	i, err := d.api.ImageInspect(ctx, ref)
	if errdefs.IsInvalidArgument(err) { // it is no name to this engine, so nothing is called that
		err = errdefs.ErrNotFound.WithMessage(plain{err}.Error())
	}
	if err != nil {
		return engine.Image{}, fail(err, "inspect image %s", ref)
	}
	return imageSeen(i), nil
}

// Volumes implements engine.Engine.
func (d *Engine) Volumes(ctx context.Context, labels map[string]string) ([]engine.Volume, error) {
	found, err := d.api.VolumeList(ctx, volume.ListOptions{Filters: withLabels(labels)})
	if err != nil {
		return nil, fail(err, "list volumes")
	}
	all := make([]engine.Volume, len(found.Volumes))
	for i, v := range found.Volumes {
		all[i] = engine.Volume{Name: v.Name, Labels: v.Labels}
	}
	return all, nil
}

// Volume implements engine.Engine.
func (d *Engine) Volume(ctx context.Context, name string) (engine.Volume, error) {
	v, err := d.api.VolumeInspect(ctx, name)
	if err != nil {
		return engine.Volume{}, fail(err, "inspect volume %s", name)
	}
	return engine.Volume{Name: v.Name, Labels: v.Labels}, nil
}

// RemoveVolume implements engine.Engine.
func (d *Engine) RemoveVolume(ctx context.Context, name string) error {
	err := d.api.VolumeRemove(ctx, name, false)
	if errdefs.IsNotFound(err) {
		return nil
	}
	return fail(err, "remove volume %s", name)
}
