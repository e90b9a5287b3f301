package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/podlike/podlike/internal/cgroup"
	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/engine/retry"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/identity"
	"github.com/podlike/podlike/internal/lease"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/mount"
	"github.com/podlike/podlike/internal/socket"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/status"
	"github.com/podlike/podlike/internal/stopsignal"
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
	s := openStreams(stdout, stderr)
	defer s.close()
	code, err := superviseWith(o, s)
	return exitCode(code, err, s.stderr.NoWait()), nil
}

// superviseWith runs the pod and says on those streams what happens.
func superviseWith(o options, out *streams) (int, error) {
	ctx, stop := untilAsked(context.Background())
	defer stop()
	preparation, prepared := patient(ctx)
	defer prepared()
	a := newAnswers()
	unserve, err := serveStatus(a)
	if err != nil {
		return 0, err
	}
	defer unserve()
	var preparing sync.WaitGroup
	preparing.Go(compose.Prepare) // what reading labels needs takes as long as asking the engine who we are
	defer preparing.Wait()
	emit := a.alsoTold(out.log(o.debug))
	d, err := reach(preparation, o.engineTimeout, emit)
	if err != nil {
		return unbegun(ctx, err, emit)
	}
	defer d.Close()
	if !d.LeavesWills() {
		emit(event.Event{At: time.Now(), Kind: event.EngineWarning, Why: noWills})
	}
	e := retry.New(d, o.engineTimeout, a.outage)
	r, err := readyOf(preparation, e, o, emit, groupOpener(preparation, d, e, emit))
	if r.group != nil {
		defer r.group.Close()
	}
	if err != nil || ctx.Err() != nil && !r.owner.Paired() {
		return unbegun(ctx, err, emit)
	}
	d.UseHelper(helperOf(r.owner, r.image))
	defer out.hurry(ctx, r.pod.Grace*3/4)()
	n := namerOf(r, d.WriteNames, emit)
	named, forget := n.Begin(ctx)
	defer forget()
	emit, rest := releasing(ctx, n.Until(emit), release)
	defer rest()
	c := config(e, r, o, emit, a.buffer, out)
	c.Named, c.EngineLost = named, e.Lost()
	hold, err := holdOn(preparation, r, o, a, &c)
	if err != nil {
		return unbegun(ctx, err, emit)
	}
	defer hold()
	if r.owner.Paired() { // of which nobody else may make anything now
		r.group = r.openGroup()
		defer r.group.Close()
		r.group.Pod, c.Owner.Cgroup, c.Group, c.Bind = r.pod, r.group.Parent(), r.group, r.group.Bind
	}
	if isTerminal(os.Stdin) {
		hurry, relax := inHurry(ctx)
		defer relax()
		c.Hurry = hurry
	}
	s := supervise.New(c)
	a.of(s, r.group)
	defer tend(ctx, e, r, emit)()
	return s.Run(ctx), nil
}

// patience is how long preparing goes on when a stop is asked for meanwhile.
const patience = 2 * time.Second

// patient is done some time after ctx: it may be a pair that is to stop, of which all may run.
func patient(ctx context.Context) (context.Context, func()) {
	patient, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var waiting sync.WaitGroup
	waiting.Go(func() {
		defer cancel()
		live.Wait(patient, ctx.Done())
		_ = clock.Sleep(patient, patience) // it is over, one way or the other
	})
	return patient, func() {
		cancel()
		waiting.Wait()
	}
}

// settle is what engines take to tell of a signal that they have sent, under some load.
const settle = 20 * time.Millisecond

// reachDelay is between two tries to reach the engine.
const reachDelay = 500 * time.Millisecond

// reach opens the engine. One that is there and does not answer, or that answers that it has
// failed, may be about to restart, and is tried again for as long as it may be away later;
// one that is not there is a mistake of whoever wrote the stack, unless its socket's
// directory was mounted: then it has yet to come.
func reach(ctx context.Context, limit time.Duration, emit event.Sink) (*docker.Engine, error) {
	began := time.Now()
	for tries := 1; ; tries++ {
		d, err := docker.Open(ctx)
		passing := errors.Is(err, engine.ErrUnreachable) || errors.Is(err, engine.ErrInternal)
		absent := errors.Is(err, fs.ErrNotExist) && !isMounted(filepath.Dir(docker.Socket()))
		if err == nil || !passing || absent || errors.Is(err, fs.ErrPermission) || limit > 0 && time.Since(began) >= limit {
			return d, err
		}
		if tries == 1 {
			emit(event.Event{At: time.Now(), Kind: event.EngineLost, Why: err.Error()})
		}
		if clock.Sleep(ctx, reachDelay) != nil {
			return nil, err
		}
	}
}

// isMounted reports whether a directory is not the image's.
func isMounted(dir string) bool {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false
	}
	table, err := mount.Read()
	return err == nil && table.At(dir).Target != "/"
}

// noWills says what is different with an engine that is not behind a socket of this
// machine.
const noWills = "the engine is not reached by a socket of this machine: should this supervisor be killed between a container's creation and its start, " +
	"that container stays until another supervisor on its node starts"

// An offer is one of a lease, in the words of package supervise.
type offer struct{ *lease.Offer }

// Grant implements supervise.Offer.
func (o offer) Grant(ctx context.Context) (supervise.Lease, error) {
	l, err := o.Offer.Grant(ctx)
	if err != nil {
		return nil, err // and not a nil of that type
	}
	return l, nil
}

// readyOf is the pod of the container that this process is the first of.
func readyOf(ctx context.Context, e engine.Engine, o options, tell event.Sink, open opener) (runnable, error) {
	traces, err := ownTraces()
	if err != nil {
		return runnable{}, err
	}
	self, err := identity.Find(ctx, e, traces)
	if err != nil {
		return runnable{}, err
	}
	return prepare(ctx, e, o, self, labelsOf(self), tell, open)
}

// stopped forgives an error that came of being asked to stop: nothing was made yet.
func stopped(ctx context.Context, err error) (int, error) {
	if ctx.Err() != nil {
		return 0, nil
	}
	return 0, err
}

// unbegun is stopped for a pod of which nothing was made yet: that it ends is told all the same.
func unbegun(ctx context.Context, err error, emit event.Sink) (int, error) {
	if ctx.Err() != nil {
		emit(event.Event{At: time.Now(), Kind: event.Ended, Why: context.Cause(ctx).Error(), Ends: []event.End{}})
	}
	return stopped(ctx, err)
}

// untilAsked is done when the first signal that asks for a stop comes. More of them change
// nothing: the pod is going down already.
func untilAsked(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case s := <-stopsignal.First():
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
			case s := <-stopsignal.First():
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

// config is what the supervisor of a pod works with. Where it only plans there are no streams.
func config(e engine.Engine, r runnable, o options, emit event.Sink, buffer *logbuffer.Buffer, out *streams) supervise.Config {
	c := supervise.Config{
		Engine: e, Pod: r.pod, Keys: r.keys, Owner: r.owner, OOMScore: r.oomScore,
		Emit: emit, Book: buffer, OOMKills: cgroup.OOMKills, Settle: settle, Admit: r.admit,
	}
	if r.group != nil {
		c.Group, c.Bind = r.group, r.group.Bind
	}
	if o.logs && out != nil {
		c.Stdout, c.Stderr = out.stdout, out.stderr
	}
	return c
}
