package main

import (
	"context"
	"fmt"
	"io"

	"github.com/podlike/podlike/internal/charge"
	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/ledger"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/status"
	"github.com/podlike/podlike/internal/succession"
	"github.com/podlike/podlike/internal/supervise"
)

// showPlan prints what is to be done from what is there of the pod to what is wanted: by the
// labels of this container, or by a file. It looks at the engine and changes nothing.
func showPlan(args []string, stdout, stderr io.Writer) (int, error) {
	o, err := parseOptions(cmdPlan, args, stdout)
	if err != nil {
		return 0, err
	}
	ctx, stop := untilAsked(context.Background())
	defer stop()
	d, err := docker.Open(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	defer d.Close()
	self, o, err := beside(ctx, d, cmdPlan, args, stdout)
	if err != nil {
		return stopped(ctx, err)
	}
	from := labelsOf(self)
	if o.file != "" {
		from = stackFile(o.file)
	}
	tell := newLog(stderr, isTerminal(stderr), o.debug)
	r, err := prepare(ctx, d, o, self, from, tell, nil)
	if err != nil {
		return stopped(ctx, err)
	}
	c := config(d, r, o, func(event.Event) {}, nil, nil)
	c.Inherited = inherited(ctx, r)
	p, err := supervise.New(c).Plan(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	_, err = fmt.Fprint(stdout, p.Changes())
	return 0, err
}

// inherited is what is known of the pod's components beside what the engine knows: by pause, or by
// the supervisor of this container, if there is one. Nil: nothing.
func inherited(ctx context.Context, r runnable) []byte {
	if r.owner.Paired() {
		memory, err := charge.Peek(ctx)
		if err != nil {
			return nil // an older pause keeps nothing
		}
		return ledger.Open(memory).Load()
	}
	now, err := status.Read(ctx)
	if err != nil {
		return nil // none runs here
	}
	known := succession.Record{Components: map[string]succession.Component{}}
	for _, c := range now.Components {
		of, _ := r.pod.Component(c.Name)
		now := lifecycle.Waiting // its supervisor sees to it
		switch {
		case c.State.Running != nil:
			now = lifecycle.Running
		case c.State.Terminated != nil:
			now = lifecycle.Done
		}
		known.Components[c.Name] = succession.Component{Hash: plan.Hash(r.pod, of), State: now}
	}
	return known.Text()
}
