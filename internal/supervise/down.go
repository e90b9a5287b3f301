package supervise

import (
	"context"
	"errors"

	"github.com/podlike/podlike/internal/descent"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/state"
	"github.com/podlike/podlike/internal/verdict"
)

// down stops and removes all that is there, within the pod's budget. It has a clock
// of its own, and goes on however many of its steps fail.
func (r *run) down(ctx context.Context, v *verdict.Verdict) error {
	r.stopRestarts()
	if errors.Is(v.Cause, verdict.ErrEngineLost) {
		return errors.New("what there is of the pod ends with its lease; what is left then is removed by the next supervisor on this node")
	}
	d := descent.Begin(ctx, descent.Config{
		Engine: r.Engine, Pod: r.Pod, Owner: r.Owner, Live: r.live, Emit: r.Emit, Hurry: r.Hurry, Settle: r.Settle,
		SupervisorAsked: r.stopAsked, PauseAsked: errors.Is(v.Cause, verdict.ErrPauseAsked),
		Observe: r.observe, PreStop: r.prepareToStop, StopSignal: r.stopSignal,
		StopAsked: func(name string) { r.happened(name, lifecycle.Event{Kind: lifecycle.StopAsked}, nil) },
	})
	defer d.End()
	if code, took := d.PauseTook(v.Component, v.Code); took {
		v.Component, v.Code, v.Why = plan.Pause, code, "pause ended, and everything in its namespace with it"
	}
	err := d.TakeDown()
	if v.Component == plan.Pause && r.stopAsked() { // all were asked at once
		v.Component, v.Code, v.Why = "", 0, context.Cause(r.asked).Error()
	}
	return err
}

// stopAsked reports whether the supervisor itself was asked to stop.
func (r *run) stopAsked() bool { return r.asked.Err() != nil }

// stopRestarts has nothing restarted any more but sidecars, whose turn comes when all
// others have stopped.
func (r *run) stopRestarts() {
	sidecar := map[string]bool{}
	for _, c := range r.Pod.All() {
		sidecar[c.Name] = c.Sidecar
	}
	r.live.Each(func(c *state.Component) {
		if !sidecar[c.Name] {
			c.Happened(lifecycle.Event{Kind: lifecycle.StopAsked})
		}
	})
}
