package supervise

import (
	"context"
	"errors"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/state"
	"github.com/podlike/podlike/internal/takeover"
	"github.com/podlike/podlike/internal/verdict"
)

// A Charge is being in charge of a pair, which one supervisor is at a time. It is pause's to give,
// and its end is no end of pause.
type Charge interface {
	Lease
	takeover.Keeper
}

// hands are a run as a takeover sees it.
type hands struct{ *run }

// GoOn implements takeover.Hands.
func (h hands) GoOn(name string, c *live.Container) {
	m, component := h.member(name), h.component(name)
	var sofar state.Component
	h.live.Change(func(v *live.View) {
		v.Containers[name] = c
		if e := v.Component(name); e != nil {
			e.Checked = plan.Checked(component, v.Images[component.Image])
			sofar = *e
		}
	})
	h.tasks.Go(func() { m.watchExit(c) })
	m.attendTo(c, sofar)
}

// RestartIn implements takeover.Hands.
func (h hands) RestartIn(name string, delay time.Duration) {
	h.live.BeginCreating()
	h.make(func() { h.member(name).restart(delay) })
}

// EndRun implements takeover.Hands.
func (h hands) EndRun(name string, c *live.Container) { h.member(name).endRun(c) }

// A pair is a run whose pause was started by hand.
type pair struct{ *run }

// takeOver takes over what there is of a pair, once, and returns how the rest of it comes up.
func (r pair) takeOver(ctx context.Context) (plan.Plan, error) {
	defer close(r.tried)
	ctx, cancel := r.patient(ctx)
	defer cancel()
	w, err := r.observe(ctx)
	if err != nil {
		return nil, err
	}
	r.found.Store(r.taker.Found(w))
	heirs := r.taker.Remember(r.Inherited, w)
	p := r.plan(w)
	if err := r.Admit(p.Settled(w.Images), w.Lacking); err != nil {
		return nil, err
	}
	if err := r.taker.Take(ctx, w, heirs); err != nil {
		return nil, err
	}
	r.took.Store(true)
	r.tasks.Go(func() { r.taker.KeepRecord(r.watching) })
	r.tasks.Go(r.follow) // which begins with how all are
	r.live.Look(func(v *live.View) {
		if v.Complete() {
			r.end(&verdict.Ended{})
		}
	})
	return p, nil
}

// patient is done some time after ctx: what is not taken over by then can be removed, but gets
// neither its hooks nor its grace.
func (r pair) patient(ctx context.Context) (context.Context, context.CancelFunc) {
	patient, cancel := context.WithCancel(r.watching)
	r.tasks.Go(func() {
		defer cancel()
		live.Wait(patient, ctx.Done())
		_ = clock.Sleep(patient, plan.BudgetOf(r.Pod).Ask/4) // it is over, one way or the other
	})
	return patient, cancel
}

// leaves reports whether all that runs of a pair is left to a successor: where the supervisor is
// asked to stop and is to leave it, where the engine is away, and where it has not been taken
// over, for a mistake in a new definition is no reason to end what runs.
func (r pair) leaves(v verdict.Verdict) bool {
	untouched, clean := r.found.Load() && !r.took.Load() && v.Code != 0, v.Code == 0 && v.Component == "" && r.stopAsked()
	return untouched || errors.Is(v.Cause, verdict.ErrEngineLost) || clean && r.KeepOnStop()
}

// leave lets go of all that runs.
func (r pair) leave(v verdict.Verdict, took time.Duration) int {
	if r.took.Load() {
		r.taker.Leave(false)
	}
	r.finish()
	r.Emit(event.Event{Kind: event.Left, Code: v.Code, Why: v.Why, Took: took})
	return v.Code
}
