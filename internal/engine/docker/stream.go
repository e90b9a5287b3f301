package docker

import (
	"context"
	"io"

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

// Attach implements engine.Engine.
func (d *Engine) Attach(ctx context.Context, id engine.ID, c engine.Container) (engine.Stream, error) {
	hijacked, err := d.api.ContainerAttach(ctx, string(id), container.AttachOptions{
		Stream: true, Stdin: c.Stdin, Stdout: true, Stderr: true,
	})
	if err != nil {
		return nil, fail(err, "attach to container %s", c.Name)
	}
	return &stream{HijackedResponse: hijacked, tty: c.TTY}, nil
}

// Copy implements engine.Stream. A container with a TTY has one stream only, all
// others have two in one, taken apart here.
func (s *stream) Copy(stdout, stderr io.Writer) (err error) {
	if s.tty {
		_, err = io.Copy(stdout, s.Reader)
	} else {
		_, err = stdcopy.StdCopy(stdout, stderr, s.Reader)
	}
	return err
}

// Write implements engine.Stream.
func (s *stream) Write(p []byte) (int, error) { return s.Conn.Write(p) }

// CloseWrite implements engine.Stream.
func (s *stream) CloseWrite() error { return s.HijackedResponse.CloseWrite() }

// Close implements engine.Stream.
func (s *stream) Close() error {
	s.HijackedResponse.Close()
	return nil
}
