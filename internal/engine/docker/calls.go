// Package docker is the engine port on a Docker daemon, from API 1.41 on. Nothing
// else in the program knows that it is Docker that we talk to.
//
// words.go turns our values into Docker's and back. calls.go makes the calls and gives
// them the port's meaning; file.go does so with files, and log.go, watch.go, stream.go, exec.go
// and pull.go with what takes longer. helper.go has a container do what this process cannot.
// machine.go is about what containers use and what they run on,
// link.go tells whether it was the daemon that answered, errors.go the kinds of errors, and
// will.go sees to it that the daemon removes what we may no longer be there to start.
package docker

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"os"
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
	link link
	api  *client.Client
	// streams opens those that are no requests any more.
	streams *client.Client
	// creating sends requests with a will behind each. It is api where there are no wills.
	creating *client.Client
	wills    *wills

	files
	helpers
}

var _ engine.Engine = (*Engine)(nil)

// Open reaches the daemon that DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH
// and DOCKER_API_VERSION name, by default the socket /var/run/docker.sock, and
// settles on an API version with it.
func Open(ctx context.Context) (*Engine, error) {
	d := &Engine{wills: newWills()}
	api, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation(), d.link.linked)
	if err != nil {
		return nil, fmt.Errorf("cannot use the engine's address: %w", err)
	}
	ping, err := api.Ping(ctx)
	if err != nil {
		return nil, unreached(ctx, err, api.DaemonHost())
	}
	api.NegotiateAPIVersionPing(ping)
	d.api, d.creating = api, api
	d.files, d.helpers = files{api, d.wills}, helpers{on: d, streams: d}
	if d.streams, err = d.another(client.WithDialContext(d.link.dialRaw)); err != nil {
		return nil, err
	}
	if d.wills.socket = Socket(); d.wills.socket != "" {
		d.creating, err = d.another(client.WithHTTPClient(&http.Client{Transport: relay{d.wills}}))
	}
	return d, err
}

// Socket is the path of the socket that Open connects to. Empty: it is none.
func Socket() string {
	path, _ := strings.CutPrefix(cmp.Or(os.Getenv(client.EnvOverrideHost), client.DefaultDockerHost), "unix://")
	if !strings.HasPrefix(path, "/") {
		return ""
	}
	return path
}

// another is a client for the same engine.
func (d *Engine) another(how client.Opt) (*client.Client, error) {
	return client.NewClientWithOpts(client.WithHost(d.api.DaemonHost()), how, client.WithVersion(d.api.ClientVersion()))
}

// LeavesWills tells whether the engine removes by itself what was created and not started,
// should this process die in between. It cannot where the engine is not reached by a socket
// of this machine. A proxy behind the socket that reads ahead keeps it from doing so as
// well, which does not show.
func (d *Engine) LeavesWills() bool { return d.wills.left() }

// Close ends the connections. What was created and not started still goes when its
// time has come.
func (d *Engine) Close() error {
	d.wills.leaveAll()
	d.link.base.CloseIdleConnections()
	return nil
}

// Inspect implements engine.Engine.
func (d *Engine) Inspect(ctx context.Context, ref string) (engine.Seen, error) {
	c, err := d.api.ContainerInspect(ctx, ref)
	if err != nil {
		return engine.Seen{}, fail(ctx, err, "inspect container %s", ref)
	}
	return seen(c), nil
}

// List implements engine.Engine.
func (d *Engine) List(ctx context.Context, labels map[string]string) ([]engine.Seen, error) {
	found, err := d.api.ContainerList(ctx, container.ListOptions{All: true, Filters: withLabels(labels)})
	if err != nil {
		return nil, fail(ctx, err, "list containers")
	}
	all := make([]engine.Seen, 0, len(found))
	for _, c := range found {
		if !isGhost(c) {
			all = append(all, listed(c))
		}
	}
	return all, nil
}

// Create implements engine.Engine.
func (d *Engine) Create(ctx context.Context, c engine.Container) (engine.ID, []string, error) {
	if err := d.lacks(c); err != nil {
		return "", nil, fail(ctx, err, "create container %s", c.Name)
	}
	began := time.Now()
	api := d.api
	if d.wills.left() {
		api = d.creating
	}
	id, warnings, err := create(ctx, api, c)
	if err != nil || !d.LeavesWills() {
		return id, warnings, err
	}
	switch took := time.Since(began); {
	case took < within/2: // there is time to start it
		return id, warnings, nil
	case took < within-time.Second:
		d.wills.void(id)
		return id, warnings, nil
	}
	// It may be removed at this moment. An engine that slow gets no will.
	if err := d.Remove(ctx, id); err != nil {
		return "", nil, err
	}
	return create(ctx, d.api, c)
}

// create sends the one request.
func create(ctx context.Context, api *client.Client, c engine.Container) (engine.ID, []string, error) {
	made, err := api.ContainerCreate(ctx, config(c), host(c), nil, platform(c.Platform), c.Name)
	if err != nil {
		return "", nil, nameFail(ctx, err, "create container %s", c.Name)
	}
	return engine.ID(made.ID), made.Warnings, nil
}

// Start implements engine.Engine.
func (d *Engine) Start(ctx context.Context, id engine.ID) error {
	if err := d.api.ContainerStart(ctx, string(id), container.StartOptions{}); err != nil {
		err = d.wills.suspect(id, startFail(ctx, err, id))
		d.wills.leave(id)
		return err
	}
	d.wills.void(id)
	return nil
}

// Wait implements engine.Engine.
func (d *Engine) Wait(ctx context.Context, id engine.ID) (<-chan engine.Exit, error) {
	ends, failed := d.api.ContainerWait(ctx, string(id), container.WaitConditionNextExit)
	select {
	case err := <-failed: // refused: there is no such container
		return nil, d.wills.suspect(id, fail(ctx, err, "wait for container %.12s", id))
	default:
	}
	exit := make(chan engine.Exit, 1)
	go func() { // over when ctx is
		select {
		case end := <-ends:
			exit <- exitOf(end)
		case err := <-failed: // whatever is wrong with it, it is no end
			exit <- engine.Exit{Err: fail(ctx, &lost{err: err}, "wait for container %.12s", id)}
		}
	}()
	return exit, nil
}

func exitOf(end container.WaitResponse) engine.Exit {
	if end.Error != nil {
		return engine.Exit{Err: fmt.Errorf("%w: %s", engine.ErrInternal, end.Error.Message)}
	}
	return engine.Exit{Code: int(end.StatusCode)}
}

// Rename implements engine.Engine. The engine refuses a name that the container has already.
func (d *Engine) Rename(ctx context.Context, id engine.ID, name string) error {
	err := d.api.ContainerRename(ctx, string(id), name)
	if err == nil {
		return nil
	}
	if c, unseen := d.api.ContainerInspect(ctx, string(id)); unseen == nil && c.Name == "/"+name {
		return nil
	}
	return nameFail(ctx, err, "rename container %.12s to %s", id, name)
}

// Signal implements engine.Engine. The process may end before the signal reaches it.
func (d *Engine) Signal(ctx context.Context, id engine.ID, signal string) error {
	err := d.api.ContainerKill(ctx, string(id), signal)
	if errdefs.IsNotFound(err) || errdefs.IsConflict(err) || err != nil && has(err.Error(), "no such process", "process already finished") {
		return nil
	}
	return fail(ctx, err, "send %s to container %.12s", signal, id)
}

// Resize implements engine.Engine.
func (d *Engine) Resize(ctx context.Context, id engine.ID, rows, columns uint) error {
	err := d.api.ContainerResize(ctx, string(id), container.ResizeOptions{Height: rows, Width: columns})
	return fail(ctx, err, "resize the terminal of container %.12s", id)
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
		err = fail(ctx, err, "remove container %.12s", id)
	}
	if err == nil {
		d.wills.void(id)
	}
	return err
}

// removed waits until the engine has removed a container. One that was removed just before the
// engine began to wait it may wait for for ever (20.10), so it is asked once more whether there is one.
func (d *Engine) removed(ctx context.Context, id engine.ID) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ends, failed := d.api.ContainerWait(ctx, string(id), container.WaitConditionRemoved) // returns when the engine waits
	if _, err := d.api.ContainerInspect(ctx, string(id)); errdefs.IsNotFound(err) {
		return nil
	}
	select {
	case end := <-ends:
		return exitOf(end).Err
	case err := <-failed:
		if errdefs.IsNotFound(err) {
			return nil
		}
		return fail(ctx, err, "wait for the removal of container %.12s", id)
	}
}

// Image implements engine.Engine.
func (d *Engine) Image(ctx context.Context, ref string) (engine.Image, error) {
	i, err := d.api.ImageInspect(ctx, ref)
	if errdefs.IsInvalidArgument(err) { // it is no name to this engine, so nothing is called that
		err = errdefs.ErrNotFound.WithMessage(plain{err}.Error())
	}
	if err != nil {
		return engine.Image{}, fail(ctx, err, "inspect image %s", ref)
	}
	return imageSeen(i), nil
}

// Volumes implements engine.Engine.
func (d *Engine) Volumes(ctx context.Context, labels map[string]string) ([]engine.Volume, error) {
	found, err := d.api.VolumeList(ctx, volume.ListOptions{Filters: withLabels(labels)})
	if err != nil {
		return nil, fail(ctx, err, "list volumes")
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
		return engine.Volume{}, fail(ctx, err, "inspect volume %s", name)
	}
	return engine.Volume{Name: v.Name, Labels: v.Labels}, nil
}

// RemoveVolume implements engine.Engine.
func (d *Engine) RemoveVolume(ctx context.Context, name string) error {
	err := d.api.VolumeRemove(ctx, name, false)
	if errdefs.IsNotFound(err) {
		return nil
	}
	return fail(ctx, err, "remove volume %s", name)
}
