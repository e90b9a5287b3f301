package supervise

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/executor"
	"github.com/podlike/podlike/internal/handover"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/state"
	"github.com/podlike/podlike/internal/takeover"
	"github.com/podlike/podlike/internal/verdict"
)

// errAgain ends a round of bringing the pod up, for another.
var errAgain = errors.New("all components restart")

// An ascent brings a pod up, as often as all of it has to restart.
type ascent struct{ *run }

// rise brings the pod up, again as often as all of it has to restart, or ends its life. What
// there is of a pair is taken over in any case: who ends it has to know it.
func (a ascent) rise(life context.Context, began time.Time) {
	for first := a.Charge != nil; first || !a.isOver(); first = false {
		round, again := context.WithCancelCause(life)
		a.newRound(again)
		a.live.BeginCreating()
		err := a.up(round)
		a.live.EndCreating()
		if err == nil {
			a.podHappened(lifecycle.Rose)
			a.Emit(event.Event{Kind: event.Running, Took: time.Since(began)})
			a.tasks.Go(func() { a.sweeper.Clear(life) })
			<-round.Done()
			err = context.Cause(round)
		}
		again(nil)
		if errors.Is(err, errAgain) {
			began = time.Now()
			err = a.clearAll(life)
		}
		if err != nil {
			a.end(err)
		}
	}
}

// up observes, plans and brings the pod up. It returns when all runs or with what
// kept it from that.
func (a ascent) up(ctx context.Context) error {
	p, err := a.intend(ctx)
	if err != nil {
		return err
	}
	return a.ascend(ctx, p)
}

// ascend does the steps of a way up.
func (a ascent) ascend(ctx context.Context, p plan.Plan) error {
	return executor.Run(ctx, p, nil, func(ctx context.Context, step plan.Step) error {
		err := a.bring(ctx, step)
		if err != nil && ctx.Err() == nil && !step.BestEffort {
			a.giveUp(err) // now, and not when the engine is done with all other steps
		}
		return err
	})
}

// observe looks at what the engine has of the pod.
func (r *run) observe(ctx context.Context) (w plan.World, err error) {
	var pause engine.ID
	if c := r.live.Container(plan.Pause); c != nil {
		pause = c.ID
	}
	if w, err = r.surveyor.Look(ctx, pause); err == nil {
		w.Alive, err = r.sweeper.Alive(ctx, w)
	}
	for i, seen := range w.Containers { // engines list what has ended as running for another moment
		w.Containers[i].Running = seen.Running && !r.live.HasEnded(seen.ID)
	}
	for ref, image := range w.Images {
		r.live.NoteImage(ref, image)
	}
	w.Images, w.Bytes = r.live.Images(), handover.Weigh(r.Pod)
	return w, err
}

// intend plans how the pod is brought up, unless what it needs of the engine keeps it from that.
func (r *run) intend(ctx context.Context) (plan.Plan, error) {
	if r.Owner.Paired() && !r.took.Load() {
		return pair{r}.takeOver(ctx)
	}
	world, err := r.observe(ctx)
	if err != nil {
		return nil, err
	}
	p := r.plan(world)
	return p, r.Admit(p.Settled(world.Images), world.Lacking)
}

// plan is how the pod comes up where there is this.
func (r *run) plan(w plan.World) plan.Plan {
	w.Settled = takeover.Settled(r.live)
	return plan.Reconcile(r.Pod, r.Owner, w, plan.Goal{Kind: plan.Up})
}

// bring does one step up.
func (a ascent) bring(ctx context.Context, step plan.Step) error {
	switch step.Op {
	case plan.Pull:
		return a.pull(ctx, step.Name, step.Platform)
	case plan.Create:
		if step.Container != "" {
			a.taker.Succeed(step, func(as string) error { return a.makeAs(step.Name, as) })
			return nil
		}
		return a.create(step.Name)
	case plan.Replace:
		if err := a.taker.Replace(ctx, step); err != nil {
			return a.member(step.Name).cannotStart(err)
		}
		return nil
	case plan.Start:
		return a.begin(ctx, step.Name)
	case plan.Fill:
		return a.fill(ctx)
	case plan.Await:
		return a.await(ctx, step)
	case plan.Stop, plan.Remove, plan.RemoveVolume:
		if step.Op == plan.Stop && a.taker.Stop(ctx, step.Container) {
			return nil
		}
		return a.sweeper.Clean(ctx, step)
	}
	return fmt.Errorf("cannot %s: no such step", step.Key())
}

// begin starts a component for the first time. Where that fails and its policy has it
// restarted, that it runs is waited for.
func (a ascent) begin(ctx context.Context, name string) error {
	if name != plan.Pause && live.Await(ctx, a.Named) != nil {
		return ctx.Err()
	}
	if err := a.member(name).start(); err != nil {
		return err
	}
	if name == plan.Pause {
		return a.grant()
	}
	return a.live.Until(ctx, name, func(c state.Component) (bool, error) {
		if c.State.Over() && c.State != lifecycle.Done && !c.WasStarted {
			return false, fmt.Errorf("cannot go on with %s: %s", name, c.Ended) // whatever waits for its start must not have it
		}
		return c.WasStarted || c.State == lifecycle.Done, nil
	})
}

// grant waits until pause has its lease. From then on it says when it is asked to stop. The
// offer is not taken back when the pod ends meanwhile: pause would end for that, as if it had
// ended the pod.
func (a ascent) grant() error {
	if a.Offer == nil {
		return nil
	}
	granting, cancel := context.WithTimeout(a.watching, makeTimeout)
	defer cancel()
	pause := a.live.Container(plan.Pause)
	a.tasks.Go(func() { // pause may end before it takes its lease
		defer cancel()
		live.Wait(granting, pause.Over)
	})
	lease, err := a.Offer.Grant(granting)
	if err != nil {
		return a.member(plan.Pause).cannotStart(err)
	}
	a.live.Look(func(v *live.View) { v.Lease = lease })
	a.tasks.Go(func() {
		defer lease.Close() // when the pod has gone down
		live.Wait(a.watching, lease.Asked())
		if a.watching.Err() == nil {
			a.giveUp(&verdict.Ended{Component: plan.Pause, Code: 1, Err: verdict.ErrPauseAsked})
		}
		<-a.watching.Done()
	})
	return nil
}

// pull fetches an image. A component whose image cannot be had ends the pod.
func (a ascent) pull(ctx context.Context, ref, platform string) error {
	image, err := a.puller.Fetch(ctx, ref, platform, "")
	if err != nil {
		return a.cannotPull(ref, err)
	}
	a.live.NoteImage(ref, image)
	return a.Admit(map[string]engine.Image{ref: image}, nil)
}

// cannotHave notes that a component has no image, which no restart would mend.
func (a ascent) cannotHave(name string, err error) error {
	if !a.isOver() {
		a.live.Update(name, func(c *state.Component) {
			c.State = lifecycle.Never
			c.NoteEnd(state.Ending{Code: engine.FaultCode, Why: err.Error(), Finished: time.Now()})
		})
	}
	return &verdict.Ended{Component: name, Code: engine.FaultCode, Err: err}
}

// cannotPull ends the pod for an image, unless those that want it are there already, of another:
// they go on.
func (a ascent) cannotPull(image string, err error) error {
	needs := plan.Pause
	for _, c := range a.Pod.All() {
		if c.Image == image && !a.taker.KeepsOld(c.Name, err) {
			needs = c.Name
			break
		}
	}
	if needs == plan.Pause && image != a.Pod.PauseImage {
		return nil
	}
	return a.cannotHave(needs, err)
}

// fill puts into the pod's memory what components mount from there, and finds out
// where the engine's machine has it.
func (a ascent) fill(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, makeTimeout)
	defer cancel()
	memory, err := a.courier.Provide(ctx, a.live.Container(plan.Pause).ID, a.Pod.All()...)
	if err != nil {
		return a.member(plan.Pause).cannotStart(err)
	}
	a.live.Look(func(v *live.View) { v.Memory = memory })
	return nil
}

// await waits until a component is what others wait for. That it can no longer be, or
// takes longer than its user grants it, ends the pod, unless they can do without.
func (a ascent) await(ctx context.Context, step plan.Step) error {
	a.Emit(event.Event{Kind: event.Waiting, Component: step.Name, Why: "until " + step.Until.Word() + ", " + step.Why})
	granted, cancel := a.granted(ctx, step.Name)
	defer cancel()
	code := 1
	err := a.live.Until(granted, step.Name, func(c state.Component) (bool, error) {
		code = max(c.Ended.Code, 1)
		return c.Meets(step.Until)
	})
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case step.Optional:
		a.Emit(event.Event{Kind: event.ConfigWarning, Component: step.Name, Why: "going on without it: " + err.Error()})
		return nil
	}
	return &verdict.Ended{Component: step.Name, Code: code, Err: fmt.Errorf("cannot go on with %s: %w", step.Name, err)}
}

// granted is done when a component has had all the time that it may take to begin.
func (a ascent) granted(ctx context.Context, name string) (context.Context, context.CancelFunc) {
	limit := a.component(name).StartTimeout
	if limit == 0 {
		return context.WithCancel(ctx)
	}
	late := fmt.Errorf("it has taken longer than its start timeout of %s", limit)
	return context.WithTimeoutCause(ctx, limit, late)
}
