package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/podlike/podlike/internal/asked"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/identity"
	"github.com/podlike/podlike/internal/keyring"
	"github.com/podlike/podlike/internal/output"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/status"
	"github.com/podlike/podlike/internal/supervise"
)

// envDockerConfig names the directory of Docker's config.json.
const envDockerConfig = "DOCKER_CONFIG"

// runPod runs the pod from start to end.
func runPod(args []string, stdout, stderr io.Writer) (int, error) {
	o, err := parseOptions(args, stdout)
	if err != nil {
		return 0, err
	}
	ctx, stop := untilAsked(context.Background())
	defer stop()
	a := newAnswers()
	unserve, err := serveStatus(a)
	if err != nil {
		return 0, err
	}
	defer unserve()
	var preparing sync.WaitGroup
	preparing.Go(compose.Prepare) // what reading labels needs takes as long as asking the engine who we are
	defer preparing.Wait()
	d, err := docker.Open(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	defer d.Close()
	s, err := prepare(ctx, d, o, a, stdout, stderr)
	if err != nil {
		return stopped(ctx, err)
	}
	a.of(s)
	return s.Run(ctx), nil
}

// stopped forgives an error that came of being asked to stop: nothing was made yet.
func stopped(ctx context.Context, err error) (int, error) {
	if ctx.Err() != nil {
		return 0, nil
	}
	return 0, err
}

// untilAsked is done when the first SIGTERM or SIGINT comes. More of them change
// nothing: the pod is going down already.
func untilAsked(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case s := <-asked.ToStop():
			cancel(fmt.Errorf("asked to stop by %s", signalName(s)))
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		cancel(nil)
		waiting.Wait()
	}
}

func signalName(s os.Signal) string {
	if s == syscall.SIGINT {
		return "SIGINT"
	}
	return "SIGTERM"
}

// serveStatus answers those who ask until the returned function is called.
func serveStatus(a *answers) (func(), error) {
	l, err := status.Listen()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() { _ = status.Serve(ctx, l, a) }) // it shows as a failing health check
	return func() {
		cancel()
		serving.Wait()
	}, nil
}

// prepare finds out who we are and what pod we are to run. Nothing is created yet.
func prepare(ctx context.Context, e engine.Engine, o options, a *answers, stdout, stderr io.Writer) (*supervise.Supervisor, error) {
	traces, err := ownTraces()
	if err != nil {
		return nil, err
	}
	self, err := identity.Find(ctx, e, traces)
	if err != nil {
		return nil, err
	}
	tell := a.alsoTold(newLog(stderr, o.debug))
	p, err := readPod(ctx, e, o, self, tell)
	keys, unread := keyring.Read(keyring.Files(os.Getenv(envDockerConfig))...)
	if err := errors.Join(err, unread); err != nil {
		return nil, problemsIn(err)
	}
	p, lowered := pod.Clamp(p, pod.Limits(self.Limits))
	for _, l := range lowered {
		tell(event.Event{At: time.Now(), Kind: event.Lowered, Why: l.String()})
	}
	c := supervise.Config{
		Engine: e, Pod: p, Keys: keys, Owner: ownerOf(self), OOMScore: min(self.OOMScoreAdj+1, 1000),
		Tell: tell, Book: a.book,
	}
	if o.logs {
		c.Stdout, c.Stderr = output.Shared(stdout), output.Shared(stderr)
	}
	return supervise.New(c), nil
}
