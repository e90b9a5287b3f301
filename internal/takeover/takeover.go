// Package takeover takes over what runs of a pair from the supervisor that was in charge of it
// before, and puts what has changed in the place of what runs. What becomes of each component
// says package succession, and in what order things are done says package plan.
package takeover

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/handover"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/maker"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/state"
	"github.com/podlike/podlike/internal/succession"
)

// Engine is what taking over needs of one.
type Engine interface {
	Inspect(ctx context.Context, ref string) (engine.Seen, error)
	Remove(ctx context.Context, id engine.ID) error
	Rename(ctx context.Context, id engine.ID, name string) error
}

// Hands do with a component, or pause, what a supervisor does.
type Hands interface {
	// GoOn has a container that was adopted be watched and attended to.
	GoOn(name string, c *live.Container)
	// RestartIn has a component restarted after a time.
	RestartIn(name string, delay time.Duration)
	// EndRun has a component's run end.
	EndRun(name string, c *live.Container)
}

// A Taker takes one pair over. New makes it.
type Taker struct {
	Config
	formers  map[engine.ID]former // under the lock of live
	recorder recorder
}

// Config is what a Taker works with.
type Config struct {
	Engine  Engine
	Pod     pod.Pod
	Owner   pod.Owner
	Live    *live.State
	Maker   maker.Maker
	Courier handover.Courier
	Emit    event.Sink
	Hands   Hands
	// Keeper keeps the record. Nil: nobody does.
	Keeper Keeper
}

// A former is a container that runs and is not as the pod says.
type former struct {
	*live.Container
	name   string
	signal string
	grace  time.Duration
}

// New is one that has taken nothing over yet.
func New(c Config) *Taker { return &Taker{Config: c, formers: map[engine.ID]former{}} }

// Remember puts what the last in charge has left into what is known, and returns what becomes of
// each component.
func (t *Taker) Remember(left []byte, w plan.World) map[string]succession.Heir {
	record := succession.Read(left)
	heirs := record.Heirs(t.Pod, t.Owner, w.Containers)
	t.Live.Look(func(v *live.View) { v.WasHealthy = record.WasHealthy })
	for name, h := range heirs {
		t.Live.Update(name, func(c *state.Component) { h.Restore(c, time.Now()) })
	}
	return heirs
}

// Take takes over what there is: what runs as the pod says goes on, and of what does not the
// output does.
func (t *Taker) Take(ctx context.Context, w plan.World, heirs map[string]succession.Heir) error {
	if err := t.takeHolder(ctx, plan.Holder(t.Pod, t.Owner, w)); err != nil {
		return err
	}
	for name, h := range heirs {
		if err := t.inherit(ctx, name, h); err != nil {
			return err
		}
	}
	var ids []engine.ID
	for _, s := range w.Containers {
		ids = append(ids, s.ID)
	}
	t.Maker.KeepPositions(ids)
	for _, s := range w.Containers {
		if name := s.Labels[pod.LabelComponent]; t.Runs(s) && heirs[name].Seen.ID != s.ID {
			if err := t.keepFormer(ctx, name, s.ID); err != nil {
				return err
			}
		}
	}
	return nil
}

// Found reports whether something of the pair's present life runs.
func (t *Taker) Found(w plan.World) bool { return slices.ContainsFunc(w.Containers, t.Runs) }

// Runs reports whether a container is a component's, of this life, that runs.
func (t *Taker) Runs(s engine.Seen) bool {
	return s.Running && s.Labels[pod.LabelOwner] == t.Owner.ID && s.Labels[pod.LabelRole] == pod.RoleComponent && s.Labels[pod.LabelLife] == t.Owner.Life
}

// takeHolder takes over what holds the pair's volumes, if there is such a container.
func (t *Taker) takeHolder(ctx context.Context, id engine.ID) error {
	if id == "" {
		return nil
	}
	memory := ""
	if len(plan.PauseMemory(t.Pod, t.Owner, 0)) > 0 {
		var err error
		if memory, err = t.Courier.Locate(ctx, id); err != nil {
			return err
		}
	}
	c, err := t.Maker.Adopt(ctx, plan.Pause, id)
	if err != nil {
		return err
	}
	t.Live.Look(func(v *live.View) { v.Memory = memory })
	t.Hands.GoOn(plan.Pause, c)
	return nil
}

// inherit goes on with a component where its last supervisor has left it.
func (t *Taker) inherit(ctx context.Context, name string, h succession.Heir) error {
	switch h.Fate {
	case succession.Anew, succession.Complete:
		return nil
	case succession.Waiting:
		t.Hands.RestartIn(name, time.Until(h.Due))
		return nil
	}
	c, err := t.Maker.Adopt(ctx, name, h.Container)
	if err != nil {
		return err
	}
	t.Hands.GoOn(name, c)
	if h.Fate != succession.Ended {
		t.Emit(event.Event{Kind: event.Adopted, Component: name, Container: string(c.ID)})
	}
	if h.Fate == succession.Finish {
		t.Hands.EndRun(name, c)
	}
	return nil
}

// keepFormer goes on with the output of a container that is not as the pod says, until its
// successor is there or it is removed.
func (t *Taker) keepFormer(ctx context.Context, name string, id engine.ID) error {
	seen, err := t.Engine.Inspect(ctx, string(id))
	if err != nil {
		return err
	}
	c, err := t.Maker.AdoptFormer(ctx, name, id)
	if err != nil {
		return err
	}
	t.Live.Look(func(*live.View) {
		t.formers[id] = former{c, name, cmp.Or(seen.StopSignal, "SIGTERM"), cmp.Or(seen.StopTimeout, pod.DefaultStopGrace)}
	})
	return nil
}

// Close lets go of what was not as the pod says, and has not ended yet.
func (t *Taker) Close() {
	var left []former
	t.Live.Look(func(*live.View) { left = slices.Collect(maps.Values(t.formers)) })
	for _, f := range left {
		f.Close()
	}
}

// former is one that was kept, and has no successor yet.
func (t *Taker) former(id engine.ID) (f former, kept bool) {
	t.Live.Look(func(*live.View) { f, kept = t.formers[id] })
	return f, kept
}

// Succeed makes the container that is to replace one that runs, by make and under a name of its
// own. Where that cannot be done the old one goes on.
func (t *Taker) Succeed(step plan.Step, make func(as string) error) {
	if _, kept := t.former(step.Container); !kept {
		return // it goes on: its image cannot be had
	}
	if err := make(t.Owner.NextName(step.Name)); err != nil {
		t.keepOld(step.Name, step.Container, err)
	}
}

// KeepsOld has a component go on with what runs, for its new definition cannot be had, and
// reports whether there is something that runs.
func (t *Taker) KeepsOld(name string, why error) (kept bool) {
	old := engine.ID("")
	t.Live.Look(func(*live.View) {
		for id, f := range t.formers {
			if f.name == name {
				old, kept = id, true
			}
		}
	})
	if kept {
		t.keepOld(name, old, why)
	}
	return kept
}

func (t *Taker) keepOld(name string, old engine.ID, why error) {
	f, kept := t.former(old)
	if !kept {
		return
	}
	t.Emit(event.Event{Kind: event.NotReplaced, Component: name, Why: fmt.Sprintf("%v; it goes on as it was", why)})
	t.Live.Update(name, func(c *state.Component) {
		succession.Heir{
			Component: succession.Component{Container: old, Run: max(c.Run, 1), PostStartDone: true, Started: true, Ready: true}, Fate: succession.Adopted,
		}.Restore(c, time.Now())
	})
	t.Live.Look(func(*live.View) { delete(t.formers, old) })
	t.Hands.GoOn(name, f.Container)
}

// Replace puts a component's new container in the place of the one that runs, unless that goes
// on. It has the name when the old one is gone.
func (t *Taker) Replace(ctx context.Context, step plan.Step) error {
	f, kept := t.former(step.Container)
	if !kept {
		return nil
	}
	t.end(ctx, f)
	if err := t.Engine.Remove(ctx, step.Container); err != nil {
		return err
	}
	return t.Engine.Rename(ctx, t.Live.Container(step.Name).ID, t.Owner.ContainerName(step.Name))
}

// Stop has a container end that the pod does not have any more, and reports whether it is one
// whose output is passed on.
func (t *Taker) Stop(ctx context.Context, id engine.ID) (known bool) {
	f, kept := t.former(id)
	if kept {
		t.end(ctx, f)
	}
	return kept
}

// end has a container end, and waits for its last output. Where it cannot be asked to, its removal
// ends it.
func (t *Taker) end(ctx context.Context, f former) {
	_ = f.Container.Stop(ctx, f.signal, f.grace)
	t.Live.Drain(ctx, f.Container)
}
