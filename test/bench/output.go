package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"
	"golang.org/x/sync/errgroup"
)

const (
	// printedLines is how many lines a component prints: some 100 MB of them.
	printedLines = 1_030_000
	// outputRounds is how often it does so, for each of both.
	outputRounds = 3
)

// Throughput is how long a component's output takes through a supervisor with -logs and
// through a bare program in its place, from the first byte to the last.
type Throughput struct {
	Bytes int64 `json:"bytes"` // as the component prints them
	Pairs
}

// compareOutput measures both in turn.
func compareOutput(ctx context.Context, api *client.Client, o options, report *Report, to io.Writer) error {
	var all Throughput
	for range outputRounds {
		_, supervised, err := throughSupervisor(ctx, api, o)
		if err != nil {
			return fmt.Errorf("through a supervisor: %w", err)
		}
		n, bare, err := throughCopier(ctx, api, o)
		if err != nil {
			return fmt.Errorf("through a bare program: %w", err)
		}
		all.Bytes = n
		all.add(supervised, bare)
	}
	report.Log = &all
	fmt.Fprintf(to, "\n%d MB of output: %.0f ms through -logs, %.0f ms through a bare attach-and-copy, ratio %.2f; goal: %.2f\n",
		all.Bytes/1e6, median(all.Ours), median(all.Bare), all.ratio(), goalLog)
	return nil
}

// throughSupervisor reads what a supervisor passes on of a component.
func throughSupervisor(ctx context.Context, api *client.Client, o options) (n int64, took time.Duration, err error) {
	s := newScene(api, o, 1)
	defer s.clean(context.WithoutCancel(ctx))
	p := &ours{scene: s, args: []string{"-logs"}, definition: s.printer(printedLines)}
	if err := p.create(ctx); err != nil {
		return 0, 0, err
	}
	return s.read(ctx, p.supervisor)
}

// throughCopier reads what a program passes on that attaches to a container and copies.
// It is this program, in a container of its own as a supervisor is.
func throughCopier(ctx context.Context, api *client.Client, o options) (n int64, took time.Duration, err error) {
	s := newScene(api, o, 1)
	defer s.clean(context.WithoutCancel(ctx))
	socket, err := s.socket()
	if err != nil {
		return 0, 0, err
	}
	self, err := os.Executable()
	if err != nil {
		return 0, 0, fmt.Errorf("cannot find this program: %w", err)
	}
	labels, none := map[string]string{labelRun: s.run}, container.LogConfig{Type: "none"}
	command := []string{"lines", fmt.Sprint(printedLines), "prefix", strings.Repeat("x", payload)}
	printer, err := api.ContainerCreate(ctx, &container.Config{Image: image, Cmd: command, Labels: labels},
		&container.HostConfig{LogConfig: none}, nil, nil, s.run+".printer")
	if err != nil {
		return 0, 0, err
	}
	copier, err := api.ContainerCreate(ctx,
		&container.Config{Image: image, Entrypoint: []string{"/bench", "-copy", printer.ID}, Labels: labels},
		&container.HostConfig{LogConfig: none, Binds: []string{socket + ":/var/run/docker.sock", self + ":/bench:ro"}}, nil, nil, s.run)
	if err != nil {
		return 0, 0, err
	}
	return s.read(ctx, copier.ID)
}

// read attaches to a container, starts it and reads its output until it ends. It fails
// when there is less of it than was printed.
func (s scene) read(ctx context.Context, id string) (n int64, took time.Duration, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %v", patience))
	defer cancel()
	out, err := s.ContainerAttach(ctx, id, container.AttachOptions{Stream: true, Stdout: true})
	if err != nil {
		return 0, 0, err
	}
	defer out.Close()
	defer context.AfterFunc(ctx, out.Close)()
	if err := s.ContainerStart(ctx, id, container.StartOptions{}); err != nil {
		return 0, 0, err
	}
	var got counter
	if _, err := stdcopy.StdCopy(&got, io.Discard, out.Reader); err != nil {
		return 0, 0, err
	}
	if least := int64(printedLines * payload); got.n < least {
		return 0, 0, fmt.Errorf("of %d bytes or more only %d arrived", least, got.n)
	}
	return got.n, got.last.Sub(got.first), nil
}

// A counter counts what is written, and knows when it was.
type counter struct {
	n           int64
	first, last time.Time
}

func (c *counter) Write(p []byte) (int, error) {
	c.last = time.Now()
	if c.n == 0 {
		c.first = c.last
	}
	c.n += int64(len(p))
	return len(p), nil
}

// copyOutput attaches to a container, starts it and copies its output until it ends.
func copyOutput(ctx context.Context, id string, to io.Writer) error {
	api, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return err
	}
	defer api.Close()
	out, err := api.ContainerAttach(ctx, id, container.AttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return err
	}
	defer out.Close()
	var both errgroup.Group
	both.Go(func() error {
		_, err := stdcopy.StdCopy(to, os.Stderr, out.Reader)
		return err
	})
	both.Go(func() error { return api.ContainerStart(ctx, id, container.StartOptions{}) })
	return both.Wait()
}
