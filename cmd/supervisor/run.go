package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/podlike/podlike/internal/asked"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/identity"
	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/socket"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/status"
	"github.com/podlike/podlike/internal/supervise"
)

// runPod runs the pod from start to end.
func runPod(args []string, stdout, stderr io.Writer) (int, error) {
	o, err := parseOptions(cmdRun, args, stdout)
	if err != nil {
		return 0, err
	}
	if o.dryRun {
		return dryRun(o, stdout, stderr)
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
	tell := a.alsoTold(newLog(stderr, o.debug))
	r, err := readyOf(ctx, d, o, tell)
	if err != nil {
		return stopped(ctx, err)
	}
	d.UseHelper(engine.Container{Name: pod.HelperPrefix, Image: string(r.image), Labels: r.owner.Labels(pod.RoleHelper)})
	c := config(d, r, o, tell, a.book, stdout, stderr)
	if isTerminal(os.Stdin) {
		hurry, relax := inHurry(ctx)
		defer relax()
		c.Hurry = hurry
	}
	s := supervise.New(c)
	a.of(s)
	return s.Run(ctx), nil
}

// readyOf is the pod of the container that this process is the first of.
func readyOf(ctx context.Context, e engine.Engine, o options, tell event.Sink) (runnable, error) {
	traces, err := ownTraces()
	if err != nil {
		return runnable{}, err
	}
	self, err := identity.Find(ctx, e, traces)
	if err != nil {
		return runnable{}, err
	}
	return prepare(ctx, e, o, self, tell)
}

// stopped forgives an error that came of being asked to stop: nothing was made yet.
func stopped(ctx context.Context, err error) (int, error) {
	if ctx.Err() != nil {
		return 0, nil
	}
	return 0, err
}

// untilAsked is done when the first signal that asks for a stop comes. More of them change
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

// inHurry is closed when SIGINT comes after ctx has ended: somebody at a terminal has
// asked once more and does not want to wait.
func inHurry(ctx context.Context) (<-chan struct{}, func()) {
	hurry, relaxed := make(chan struct{}), make(chan struct{})
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-ctx.Done():
		case <-relaxed:
			return
		}
		for {
			select {
			case s := <-asked.ToStop():
				if s == syscall.SIGINT {
					close(hurry)
					return
				}
			case <-relaxed:
				return
			}
		}
	})
	return hurry, func() {
		close(relaxed)
		waiting.Wait()
	}
}

func signalName(s os.Signal) string {
	switch s {
	case syscall.SIGINT:
		return "SIGINT"
	case syscall.SIGHUP:
		return "SIGHUP"
	}
	return "SIGTERM"
}

// serveStatus answers those who ask until the returned function is called.
func serveStatus(a *answers) (func(), error) {
	l, err := socket.Listen()
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

// config is what the supervisor of a pod works with.
func config(e engine.Engine, r runnable, o options, tell event.Sink, book *logbuffer.Buffer, stdout, stderr io.Writer) supervise.Config {
	c := supervise.Config{
		Engine: e, Pod: r.pod, Keys: r.keys, Owner: r.owner, OOMScore: r.oomScore,
		Tell: tell, Book: book, OOMKills: oomKills,
	}
	if o.logs {
		c.Stdout, c.Stderr = &shared{to: stdout}, &shared{to: stderr}
	}
	return c
}
