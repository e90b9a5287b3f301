package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/supervise"
)

// dryRun prints what a run would begin with. It looks at the engine and changes nothing.
func dryRun(o options, stdout, stderr io.Writer) (int, error) {
	ctx, stop := untilAsked(context.Background())
	defer stop()
	d, err := docker.Open(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	defer d.Close()
	r, err := readyOf(ctx, d, o, newLog(stderr, isTerminal(stderr), o.debug), nil)
	if err != nil {
		return stopped(ctx, err)
	}
	tell := func(event.Event) {}
	p, err := supervise.New(config(d, r, o, tell, nil, nil)).Plan(ctx)
	if err != nil {
		return stopped(ctx, err)
	}
	_, err = fmt.Fprint(stdout, p, namesOf(r.pod))
	return 0, err
}

// namesOf is the line of a plan that tells by which names components find each other.
func namesOf(p pod.Pod) string {
	if len(p.Hosts) == 0 {
		return ""
	}
	return fmt.Sprintf("name %s (%s in all components)\n", strings.Join(p.Hosts, ", "), pod.Loopback)
}
