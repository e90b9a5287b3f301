package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/engine/retry"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/sweep"
)

// everyFlag is how long the sweeper waits between one time and the next.
const everyFlag = "every"

// groupsEvery is how often control groups are swept at most: it takes a helper each time, and empty ones
// are in nobody's way.
const groupsEvery = 5 * time.Minute

// sweepTimeout is how long the engine may be away while it is swept once.
const sweepTimeout = 5 * time.Second

// A sweeping is what the command line of sweep says.
type sweeping struct {
	every  time.Duration // zero: once
	dryRun bool
}

func parseSweep(args []string, help io.Writer) (o sweeping, err error) {
	c := newCommand("sweep", "sweep [-every time] [-dry-run]",
		"removes what supervisors that do not run any more have left on the engine's machine, a line of output for each thing")
	c.DurationVar(&o.every, everyFlag, 0, "sweep again and again, with that `time` in between, until asked to stop (default: once)")
	c.BoolVar(&o.dryRun, "dry-run", false, "print what would be removed now, and change nothing")
	if _, err := c.parse(args, 0, help); err != nil {
		return o, err
	}
	c.Visit(func(f *flag.Flag) {
		if f.Name == everyFlag && o.every < time.Second {
			err = usage("-every " + o.every.String() + ": must be a second at least")
		}
	})
	return o, err
}

// sweepNode removes what dead supervisors have left on the engine's machine.
func sweepNode(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parseSweep(args, stdout)
	if err != nil {
		return err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	b := &broom{stdout: stdout, stderr: stderr, end: end}
	if o.every == 0 {
		d, err := docker.Open(ctx)
		if err != nil {
			return err
		}
		defer d.Close()
		if err = sweepOnce(ctx, d, sweep.Sweeper{Emit: b.tell, DryRun: o.dryRun}); err == nil { // who still runs is in no group that is left
			err = sweepGroups(ctx, d, sweep.Sweeper{Engine: d, Emit: b.tell, DryRun: o.dryRun})
		}
		return errors.Join(err, b.failed())
	}
	if o.dryRun {
		b.told = map[string]bool{}
	}
	d, err := reach(ctx, 0, b.tell)
	if err != nil {
		return err
	}
	defer d.Close()
	var tending sync.WaitGroup
	defer tending.Wait()
	tending.Go(func() {
		for wait := o.every; clock.Sleep(ctx, wait) == nil; wait = max(o.every, groupsEvery) {
			if err := sweepGroups(ctx, d, sweep.Sweeper{Engine: d, Emit: b.tell, DryRun: o.dryRun}); err != nil && ctx.Err() == nil {
				b.tell(event.Event{Kind: event.CleanupFailed, Why: err.Error()})
			}
		}
	})
	sweep.Sweeper{Engine: retry.New(d, 0, b.outage), Emit: b.tell, DryRun: o.dryRun}.Every(ctx, o.every)
	return b.failed()
}

// sweepGroups removes the control groups that nobody needs any more.
func sweepGroups(ctx context.Context, d *docker.Engine, s sweep.Sweeper) error {
	if ctx.Err() != nil {
		return nil
	}
	groups, err := nodeGroups(ctx, d)
	if err != nil || groups == nil {
		return err
	}
	_, err = s.DropGroups(ctx, groups)
	return err
}

// sweepOnce sweeps, unless the engine goes away meanwhile.
func sweepOnce(ctx context.Context, d *docker.Engine, s sweep.Sweeper) error {
	ctx, end := context.WithCancelCause(ctx)
	why := make(chan error, 1)
	e := retry.New(d, sweepTimeout, func(o retry.Outage) {
		if !o.Over {
			select {
			case <-why: // of one that is over
			default:
			}
			why <- o.Why
		}
	})
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-e.Lost():
			end(errSweepLost)
		case <-ctx.Done():
		}
	})
	s.Engine = e
	err := s.Once(ctx)
	end(nil)
	watching.Wait()
	if context.Cause(ctx) == errSweepLost {
		return fmt.Errorf("%w: %w", errSweepLost, <-why)
	}
	return err
}

// errSweepLost: the engine has gone away while it was swept.
var errSweepLost = fmt.Errorf("the engine has not answered for %s", sweepTimeout)

// A broom tells what is swept: what was removed on stdout, the rest on stderr, a line each.
// When nobody can be told of that any more, it ends the sweeping.
type broom struct {
	stdout, stderr io.Writer
	end            context.CancelCauseFunc

	mu   sync.Mutex
	told map[string]bool // what is not told again; nil: nothing
	err  error           // what keeps it from telling
}

// tell takes what happens.
func (b *broom) tell(e event.Event) {
	switch e.Kind {
	case event.Swept:
		b.print(b.stdout, fmt.Sprintf("remove %s: %s\n", e.Container, e.Why))
	case event.EngineLost:
		b.print(b.stderr, fmt.Sprintf("supervisor: the engine is waited for: %s\n", e.Why))
	case event.EngineBack:
		b.print(b.stderr, "supervisor: the engine answers again\n")
	default:
		b.print(b.stderr, fmt.Sprintf("supervisor: %s\n", e.Why))
	}
}

// outage tells that the engine is away, or back.
func (b *broom) outage(o retry.Outage) {
	if o.Over {
		b.tell(event.Event{Kind: event.EngineBack})
		return
	}
	b.tell(event.Event{Kind: event.EngineLost, Why: o.Why.Error()})
}

// print writes a line.
func (b *broom) print(to io.Writer, line string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.told[line] {
		return
	}
	if b.told != nil {
		b.told[line] = true
	}
	if _, err := io.WriteString(to, line); err != nil && b.err == nil {
		b.err = fmt.Errorf("cannot tell what is swept: %w", err)
		b.end(b.err)
	}
}

// failed is what has kept it from telling, if anything has.
func (b *broom) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}
