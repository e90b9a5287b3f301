package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"
)

const (
	loudComponents = 20
	// loudFor is how long they print, and loudEvery how often memory is looked at.
	loudFor   = 15 * time.Second
	loudEvery = 100 * time.Millisecond
	// payload is the text of each line that is printed, before its number.
	payload = 90
)

// Loud is a supervisor of components that all print as fast as they can.
type Loud struct {
	Components int `json:"components"`
	Peak       int `json:"resident_peak_kb"`
	Private    int `json:"private_peak_kb"`
}

// printer is the definition of a component that prints lines, of which the engine keeps none.
func (s scene) printer(lines int) string {
	return fmt.Sprintf("{image: %s, command: [lines, '%d', prefix, %s], logging: {driver: none}, labels: {%s: %s, %s: yes}}",
		image, lines, strings.Repeat("x", payload), labelRun, s.run, labelComponent)
}

// lookAtLoud looks at the memory of a supervisor that passes on all that it gets.
func lookAtLoud(ctx context.Context, api *client.Client, o options, report *Report, to io.Writer) error {
	s := newScene(api, o, loudComponents)
	defer s.clean(context.WithoutCancel(ctx))
	p := &ours{scene: s, args: []string{"-logs"}, definition: s.printer(1 << 40)}
	if _, err := s.clock(ctx, p.up, s.allRun()); err != nil {
		return err
	}
	c, err := api.ContainerInspect(ctx, s.run)
	if err != nil {
		return err
	}
	loud := Loud{Components: s.n}
	for end := time.Now().Add(loudFor); time.Now().Before(end); time.Sleep(loudEvery) {
		m, err := memoryOf(c.State.Pid)
		if err != nil {
			return err
		}
		loud.Peak, loud.Private = max(loud.Peak, m.Resident), max(loud.Private, m.Private)
	}
	report.Loud = &loud
	fmt.Fprintf(to, "\n%d components, all loud: %d kB resident at most, %d kB of it private; goal: resident below %d\n",
		loud.Components, loud.Peak, loud.Private, goalLoudKB)
	return p.stop(ctx)
}

// stop ends a pod and waits until it is gone.
func (o *ours) stop(ctx context.Context) error {
	gone, lost := o.ContainerWait(ctx, o.supervisor, container.WaitConditionRemoved)
	if err := o.down(ctx); err != nil {
		return err
	}
	select {
	case <-gone:
		return nil
	case err := <-lost:
		return err
	}
}
