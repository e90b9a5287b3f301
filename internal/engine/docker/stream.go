package docker

import (
	"context"
	"errors"
	"io"
	"net"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/podlike/podlike/internal/engine"
)

// stream is a hijacked connection to a container's streams.
type stream struct {
	types.HijackedResponse
	tty bool
}

// Attach implements engine.Engine. The stream outlives ctx.
func (d *Engine) Attach(ctx context.Context, id engine.ID, c engine.Container) (engine.Stream, error) {
	hijacked, err := hijack(ctx, func(ctx context.Context) (types.HijackedResponse, error) {
		return d.streams.ContainerAttach(ctx, string(id), container.AttachOptions{
			Stream: true, Stdin: c.Stdin, Stdout: true, Stderr: true,
		})
	})
	if err != nil && upgrade(err) != "" {
		err = d.whyRefused(ctx, id, err)
	}
	if err != nil {
		return nil, d.wills.suspect(id, fail(ctx, err, "attach to container %s", c.Name))
	}
	return &stream{HijackedResponse: hijacked, tty: c.TTY}, nil
}

// whyRefused finds out why a stream was refused. The client tells no more than a status,
// which may be a proxy's: it says nothing of the container.
func (d *Engine) whyRefused(ctx context.Context, id engine.ID, refused error) error {
	if _, err := d.api.ContainerInspect(ctx, string(id)); err != nil {
		return err
	}
	if upgrade(refused) == "404" { // and yet it is there
		return &lost{err: refused}
	}
	return refused
}

// Copy implements engine.Stream. A container with a TTY has one stream only, all
// others have two in one, taken apart here. Of a connection that ends in good order
// nobody can tell whether the container or something on the way has ended it.
func (s *stream) Copy(stdout, stderr io.Writer) (err error) {
	from := readable{s.Reader}
	if s.tty {
		_, err = io.Copy(stdout, from)
	} else {
		_, err = stdcopy.StdCopy(stdout, stderr, from)
	}
	return err
}

// Write implements engine.Stream.
func (s *stream) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		err = &lost{err: err}
	}
	return n, err
}

// CloseWrite implements engine.Stream.
func (s *stream) CloseWrite() error { return s.HijackedResponse.CloseWrite() }

// Close implements engine.Stream.
func (s *stream) Close() error {
	s.HijackedResponse.Close()
	return nil
}
