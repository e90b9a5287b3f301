package supervise

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

const (
	// patience is how long the engine may take for a create or a start. They are not
	// given up half-way when the pod ends, but when it has gone down: what comes of
	// them has to be known, as long as there is somebody to remove it.
	patience = 2 * time.Minute
	// sweepGrace is what a leftover component gets to stop, as from a lost lease.
	sweepGrace = 5 * time.Second
)

// errAgain ends a round of bringing the pod up, for another.
var errAgain = errors.New("all components restart")

// rise brings the pod up, again as often as all of it has to restart, or ends its life.
func (r *run) rise(life context.Context, began time.Time) {
	ascend := r.up
	for !r.isOver() {
		round, again := context.WithCancelCause(life)
		r.newRound(again)
		r.makers.begin()
		err := ascend(round)
		r.makers.end()
		if err == nil {
			r.board.podHappened(lifecycle.Rose)
			r.Tell(event.Event{Kind: event.Running, Took: time.Since(began)})
			<-round.Done()
			err = context.Cause(round)
		}
		again(nil)
		if errors.Is(err, errAgain) {
			began, ascend = time.Now(), r.upAgain
			err = r.clearAll(life)
		}
		if err != nil {
			r.end(err)
		}
	}
}

// Plan is how the pod would be brought up now. Nothing is changed for that.
func (s *Supervisor) Plan(ctx context.Context) (plan.Plan, error) {
	r := newRun(s, ctx, nil, func(error) {})
	defer r.finish()
	world, err := r.observe(ctx)
	return plan.Up(s.Pod, s.Owner, world), err
}

// up observes, plans and brings the pod up. It returns when all runs or with what
// kept it from that.
func (r *run) up(ctx context.Context) error {
	world, err := r.observe(ctx)
	if err != nil {
		return err
	}
	return r.ascend(ctx, plan.Up(r.Pod, r.Owner, world))
}

// upAgain brings up what runs in pause's namespaces. It finds in memory what it found
// there in the beginning.
func (r *run) upAgain(ctx context.Context) error {
	if err := r.refill(ctx, r.Pod.All()...); err != nil {
		return r.cannotStart(plan.Pause, err)
	}
	return r.ascend(ctx, plan.Again(r.Pod))
}

// ascend does the steps of a way up.
func (r *run) ascend(ctx context.Context, p plan.Plan) error {
	return r.apply(ctx, p, nil, func(ctx context.Context, step plan.Step) error {
		err := r.bring(ctx, step)
		if err != nil && ctx.Err() == nil {
			r.giveUp(err) // now, and not when the engine is done with all other steps
		}
		return err
	})
}

// giveUp ends the pod for something that follows from what has happened to a component.
// If that has ended the pod itself, it comes first.
func (r *run) giveUp(err error) {
	r.turn.Lock()
	defer r.turn.Unlock()
	r.end(err)
}

// observe looks at what the engine has, all at once, and then at whose it is.
func (r *run) observe(ctx context.Context) (plan.World, error) {
	w := plan.World{Images: r.images}
	kin := plan.Kin(r.Owner)
	looks := []func() error{
		func() (err error) { w.Containers, err = r.Engine.List(ctx, kin); return err },
		func() (err error) { w.Volumes, err = r.Engine.Volumes(ctx, kin); return err },
	}
	for _, ref := range plan.Images(r.Pod) {
		looks = append(looks, func() error { return r.lookAtImage(ctx, ref) })
	}
	err := together(looks)
	if err == nil {
		w.Alive, err = r.alive(ctx, plan.Owners(w))
	}
	return w, err
}

// together does all at once and waits for all.
func together(all []func() error) error {
	errs := make([]error, len(all))
	var doing sync.WaitGroup
	for i, do := range all {
		doing.Go(func() { errs[i] = do() })
	}
	doing.Wait()
	return errors.Join(errs...)
}

// alive tells which of the owners run. They are asked after what they own was seen:
// one that is gone by then has left it.
func (r *run) alive(ctx context.Context, owners []engine.ID) (map[engine.ID]bool, error) {
	alive := map[engine.ID]bool{}
	for _, owner := range owners {
		seen, err := r.Engine.Inspect(ctx, string(owner))
		if err != nil && !errors.Is(err, engine.ErrNotFound) {
			return nil, err
		}
		alive[owner] = err == nil && seen.Running
	}
	return alive, nil
}

// lookAtImage notes an image that is there.
func (r *run) lookAtImage(ctx context.Context, ref string) error {
	image, err := r.Engine.Image(ctx, ref)
	if errors.Is(err, engine.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.images[ref] = image
	return nil
}

func (r *run) image(ref string) engine.Image {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.images[ref]
}

// bring does one step up.
func (r *run) bring(ctx context.Context, step plan.Step) error {
	switch step.Op {
	case plan.Pull:
		return r.pull(ctx, step.Name, step.Platform)
	case plan.Create:
		return r.create(ctx, step.Name, 0)
	case plan.Start:
		return r.begin(ctx, step.Name)
	case plan.Fill:
		return r.fill(ctx)
	case plan.Await:
		return r.await(ctx, step)
	case plan.Stop:
		return r.stop(ctx, step.Container, "", sweepGrace, nil)
	case plan.Remove:
		r.Tell(event.Event{Kind: event.Swept, Container: step.Name, Why: step.Why})
		return r.Engine.Remove(ctx, step.Container)
	case plan.RemoveVolume:
		r.Tell(event.Event{Kind: event.Swept, Container: step.Name, Why: step.Why})
		return r.Engine.RemoveVolume(ctx, step.Name)
	}
	return fmt.Errorf("cannot %s: no such step", step.Key())
}

// begin starts a component for the first time. Where that fails and its policy has it
// restarted, that it runs is waited for.
func (r *run) begin(ctx context.Context, name string) error {
	if err := r.start(name); err != nil {
		return err
	}
	return r.board.until(ctx, name, func(e entry) (bool, error) {
		if e.State.Over() && e.State != lifecycle.Done && !e.started {
			return false, fmt.Errorf("cannot go on with %s: %s", name, end(e)) // whatever waits for its start must not have it
		}
		return e.started || e.State == lifecycle.Done, nil
	})
}

// create makes a container, hands files on to it, and connects to its streams and
// its end, so that its start is a single call and nothing of it is missed. Within is
// what there is of a time to its start.
func (r *run) create(ctx context.Context, name string, within time.Duration) error {
	made, component, id, err := r.createPulled(ctx, name, within)
	if err != nil {
		return r.cannotStart(name, err)
	}
	ctx, cancel := context.WithTimeout(r.watching, patience)
	defer cancel()
	checked := name != plan.Pause && plan.Checked(component, r.image(component.Image))
	r.board.happened(name, lifecycle.Event{Kind: lifecycle.WasCreated})
	r.board.update(name, func(e *entry) { e.id, e.Checked, e.Health = id, checked, "" })
	r.Tell(event.Event{Kind: event.Created, Component: name, Container: string(id)})
	if checked || component.Resources.Memory > 0 {
		r.follow.Do(func() { r.tasks.Go(r.followHealth) })
	}
	if err := r.handOn(ctx, id, made, component); err != nil {
		return r.cannotStart(name, err)
	}
	if err := r.connect(ctx, name, id, made); err != nil {
		return r.cannotStart(name, err)
	}
	return nil
}

// createPulled creates a container of an image that is there. One that has gone since it was
// seen or pulled is pulled once more, unless its user has it never pulled.
func (r *run) createPulled(ctx context.Context, name string, within time.Duration) (engine.Container, pod.Component, engine.ID, error) {
	made, component := r.container(name)
	id, err := r.tryCreate(name, made)
	if err == nil || !r.lacksImage(ctx, made.Image) {
		return made, component, id, err
	}
	if component.Pull == pod.Never {
		return made, component, id, fmt.Errorf("%w; it is never pulled: load it on this machine, or let pull_policy be missing", err)
	}
	if err := r.fetch(ctx, made.Image, made.Platform); err != nil {
		return made, component, "", err
	}
	made, component = r.container(name)
	id, err = r.tryCreate(name, made)
	return made, component, id, err
}

// tryCreate is not given up when the pod ends: what comes of it has to be known.
func (r *run) tryCreate(name string, c engine.Container) (engine.ID, error) {
	ctx, cancel := context.WithTimeout(r.watching, patience)
	defer cancel()
	id, warnings, err := r.Engine.Create(ctx, c)
	for _, w := range warnings {
		r.Tell(event.Event{Kind: event.ConfigWarning, Why: name + ": " + w})
	}
	return id, err
}

// container is what to create for a name, and the component it is for.
func (r *run) container(name string) (engine.Container, pod.Component) {
	if name == plan.Pause {
		made := plan.PauseContainer(r.Pod, r.Owner)
		made.Mounts = append(made.Mounts, plan.PauseMemory(r.Pod, r.Owner, r.weigh())...)
		return made, pod.Component{}
	}
	c := r.component(name)
	pause := r.holding(plan.Pause).id
	made := plan.ComponentContainer(r.Pod, r.Owner, c, pause, r.image(c.Image), r.OOMScore)
	made.Mounts = append(made.Mounts, plan.MemoryMounts(c, r.memory)...)
	return made, c
}

// connect attaches to a container and waits for its end, both before its start.
func (r *run) connect(ctx context.Context, name string, id engine.ID, made engine.Container) error {
	h := &holding{
		id: id, said: r.Book.Run(name),
		started: make(chan struct{}), prepared: make(chan struct{}), over: make(chan struct{}), drained: make(chan struct{}),
		kills: r.kills(), gone: make(chan struct{}),
	}
	var err error
	if h.exited, err = r.Engine.Wait(r.watching, id); err != nil {
		return err
	}
	if h.stream, err = r.Engine.Attach(ctx, id, made); err != nil {
		return err
	}
	r.hold(name, h)
	if made.Stdin {
		r.tasks.Go(func() { r.holdLease(h.stream) })
	}
	return nil
}

// start runs what was created, unless it was decided otherwise in the meantime.
func (r *run) start(name string) error {
	ctx, cancel := context.WithTimeout(r.watching, patience)
	defer cancel()
	h := r.holding(name)
	if !r.mayStart(name, h) {
		return nil
	}
	err := r.Engine.Start(ctx, h.id)
	h.failed = err != nil
	if err == nil {
		r.hasStarted(name, h)
	} else {
		err = r.cannotStart(name, r.mountFailed(r.component(name), err))
	}
	close(h.started)
	return err
}

// mayStart reports whether a component is there and to be started. Pause always is.
func (r *run) mayStart(name string, h *holding) bool {
	may := name == plan.Pause
	r.board.update(name, func(e *entry) {
		e.State, _ = lifecycle.Next(e.State, lifecycle.Event{Kind: lifecycle.StartAsked}, e.Life)
		may = e.State == lifecycle.Starting
	})
	if may {
		h.asked.Store(true)
	}
	return may
}

// hasStarted notes that a component runs, and has somebody attend to it if there is
// more to be done.
func (r *run) hasStarted(name string, h *holding) {
	c := r.component(name)
	attended := name != plan.Pause && needsAttention(c)
	if name == plan.Pause {
		r.board.holds()
	}
	r.board.update(name, func(e *entry) { // in one: what the last run was is not to show in this one
		e.State, _ = lifecycle.Next(e.State, lifecycle.Event{Kind: lifecycle.WasStarted}, e.Life)
		e.started, e.since, e.broken = true, time.Now(), ""
		e.Started, e.Ready = !attended, c.Probes.Readiness == nil
		e.greeted, e.missed = len(c.PostStart) == 0, ""
	})
	r.Tell(event.Event{Kind: event.Started, Component: name, Container: string(h.id)})
	if attended {
		r.tasks.Go(func() { r.attend(name, c, h) })
	}
}

// cannotStart notes what kept a component from running, and returns it if that ends the
// pod. What goes wrong while the pod ends anyway is no news, unless it is the
// component's own fault.
func (r *run) cannotStart(name string, err error) error {
	code := engine.StartCode(err)
	if !r.isOver() || code != engine.FaultCode {
		r.board.update(name, func(e *entry) { e.end(ending{code: code, why: err.Error(), finished: time.Now()}) })
	}
	cause := &ended{component: name, code: code, err: err}
	if name == plan.Pause || r.happened(name, lifecycle.Event{Kind: lifecycle.StartFailed, Code: code}, cause) == lifecycle.Fail {
		return cause
	}
	return nil
}
