// Package state holds what is known of a pod and its components while they live: plain
// values and what changes them. It has no lock, asks no engine and waits for nothing, so
// that whoever supervises can keep all of it under one lock, and whoever shows it can do
// so from a copy.
package state

import (
	"slices"
	"time"

	"github.com/podlike/podlike/internal/backoff"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/probe"
)

// A Pod is what is known of one. New makes it.
type Pod struct {
	Phase   lifecycle.PodState
	Unready pod.Unready
	// Components in their order.
	Components []Component
	// PauseRuns: the namespaces are there.
	PauseRuns bool
	// WasHealthy and MainStarted: it has been so once.
	WasHealthy, MainStarted bool
	// Began is when its supervisor did, and Falling when it began to go down. Why says why.
	Began, Falling time.Time
	Why            string
	// Pulling says of images, by reference, how far fetching them is.
	Pulling map[string]string
	// Outage is the engine's present one. Zero: it answers.
	Outage Outage
	// Answering is since when the engine answers.
	Answering time.Time
	// Creating are how many goroutines may create containers now, and CreationsBegun how many
	// so far: while one is at it, there may soon be more than was seen.
	Creating, CreationsBegun int
}

// An Outage is a time in which the engine does not answer.
type Outage struct {
	Since time.Time
	Why   string
}

// New is a pod of which nothing is there yet.
func New(p pod.Pod, now time.Time) Pod {
	s := Pod{Phase: lifecycle.Rising, Unready: p.Unready, Began: now, Answering: now, Pulling: map[string]string{}}
	for _, c := range p.All() {
		s.Components = append(s.Components, Component{Name: c.Name, Component: lifecycle.Component{
			State: lifecycle.Pending, Life: lifecycle.LifeOf(p, c), Ready: c.Probes.Readiness == nil,
			Probed: c.Probes.Readiness != nil || c.Probes.Startup != nil,
		}, Ended: NotEnded, Before: NotEnded})
	}
	return s
}

// Clone is a copy that later changes of p do not reach.
func (p Pod) Clone() Pod {
	p.Components = slices.Clone(p.Components)
	pulling := map[string]string{}
	for ref, how := range p.Pulling {
		pulling[ref] = how
	}
	p.Pulling = pulling
	return p
}

// Happened moves the pod on.
func (p *Pod) Happened(what lifecycle.PodEvent) { p.Phase = lifecycle.NextPod(p.Phase, what) }

// Fall notes that the pod goes down, and why.
func (p *Pod) Fall(why string, now time.Time) {
	p.Happened(lifecycle.Ends)
	p.Falling, p.Why = now, why
}

// NoteOutage notes that the engine does not answer, or answers again.
func (p *Pod) NoteOutage(since time.Time, why error, over bool, now time.Time) {
	if p.Outage, p.Answering = (Outage{}), now; !over {
		p.Outage = Outage{Since: since, Why: why.Error()}
	}
}

// BeginCreating notes that somebody may create containers from now on.
func (p *Pod) BeginCreating() {
	p.Creating++
	p.CreationsBegun++
}

// Component finds one by its name, nil for others than the pod's.
func (p *Pod) Component(name string) *Component {
	for i := range p.Components {
		if p.Components[i].Name == name {
			return &p.Components[i]
		}
	}
	return nil
}

// ByContainer finds the component whose container that is, nil for others.
func (p *Pod) ByContainer(id engine.ID) *Component {
	for i := range p.Components {
		if p.Components[i].Container == id {
			return &p.Components[i]
		}
	}
	return nil
}

// Settle notes what has been so once. It is to be called after every change.
func (p *Pod) Settle() {
	p.WasHealthy = p.WasHealthy || lifecycle.PodHealth(p.lives(), false, p.Unready) == lifecycle.Healthy
	p.MainStarted = p.MainStarted || p.MainRuns()
}

// Health is the pod's.
func (p *Pod) Health() lifecycle.Health {
	return lifecycle.PodHealth(p.lives(), p.WasHealthy, p.Unready)
}

// Complete reports whether the pod has nothing more to do.
func (p *Pod) Complete() bool { return lifecycle.Complete(p.lives()) }

// MainRuns reports whether a component that is not initial has been started since the pod
// was last brought up.
func (p *Pod) MainRuns() bool {
	for _, c := range p.Components {
		if c.Life.Rank == lifecycle.Main && c.WasStarted {
			return true
		}
	}
	return false
}

func (p *Pod) lives() []lifecycle.Component {
	all := make([]lifecycle.Component, len(p.Components))
	for i, c := range p.Components {
		all[i] = c.Component
	}
	return all
}

// A Component is what is known of one.
type Component struct {
	lifecycle.Component
	Name string
	// Container is its last one's ID. Empty: there was none yet.
	Container engine.ID
	// Run is the number of its last container, from 1. Zero: there was none yet.
	Run int
	// WasStarted: it has been running since it was last brought up with the pod.
	WasStarted bool
	Since      time.Time // when its run was started
	// Completed: the pod goes on without it, or did so until it went down.
	Completed bool
	// Ended is how its last run has ended, and Before how the one before did.
	Ended, Before Ending
	// Failures are its restarts since the last calm.
	Failures int
	// Due is when it is to be run again, while it waits for that, and Delay for how long.
	Due   time.Time
	Delay time.Duration
	// PostStartDone: this run's post_start hooks are over. Missed is what the startup or
	// the readiness probe that it has yet to pass has said when it failed last.
	PostStartDone bool
	Missed        string
	// WhyUnhealthy is why its health check says no, as far as that is known. Examined: that is being
	// found out.
	WhyUnhealthy string
	Examined     bool
	// Broken is why this run was asked to end. Empty: it was not.
	Broken string
	// OurFault: its last end was no run's, but a failure to make one.
	OurFault bool
}

// Happened moves a component on and returns what is to be done.
func (c *Component) Happened(what lifecycle.Event) lifecycle.Action {
	before := c.State
	state, action := lifecycle.Next(before, what, c.Life)
	c.State = state
	c.Completed = state == lifecycle.Done || c.Completed && state == lifecycle.Stopped
	switch {
	case action == lifecycle.Restart || action == lifecycle.RestartNow:
		c.Delay = 0
	case state == lifecycle.Pending && (before == lifecycle.Waiting || before == lifecycle.Cleared && c.Ended != NotEnded):
		if !c.OurFault { // not before: it may never come to that
			c.Life.Restarts++
		}
		c.OurFault = false
	}
	return action
}

// BackOff counts a failure and returns how long to wait before the restart.
func (c *Component) BackOff(policy backoff.Restarts, now time.Time) time.Duration {
	c.Failures++
	c.Delay = policy.Before(c.Failures)
	c.Due = now.Add(c.Delay)
	return c.Delay
}

// NoteCreated notes the container of the next run. Checked: it has a health check.
func (c *Component) NoteCreated(id engine.ID, run int, checked bool) {
	c.Happened(lifecycle.Event{Kind: lifecycle.WasCreated})
	c.Container, c.Run, c.Checked = id, run, checked
	c.Health, c.WhyUnhealthy, c.Examined = "", "", false
}

// NoteHealth notes what its health check says now, and that it is to be found out why one
// says no. One that is asked to end need not pass it any more.
func (c *Component) NoteHealth(h lifecycle.Health) {
	c.Health, c.WhyUnhealthy = h, ""
	c.Examined = h == lifecycle.Unhealthy && (c.State == lifecycle.Starting || c.State == lifecycle.Running)
}

// NoteWhyUnhealthy notes why its health check says no. Empty: that could not be found out.
func (c *Component) NoteWhyUnhealthy(why string) {
	if c.Examined {
		c.WhyUnhealthy, c.Examined = why, false
	}
}

// NoteFailing notes how its health check has failed last while it neither succeeds nor says no,
// and reports whether that is news.
func (c *Component) NoteFailing(how string) (news bool) {
	if c.Health == lifecycle.Healthy || c.Health == lifecycle.Unhealthy || c.WhyUnhealthy == how {
		return false
	}
	c.WhyUnhealthy = how
	return true
}

// NoteStarted notes that its run has begun. What the last run was is not to show in this one.
func (c *Component) NoteStarted(of pod.Component, now time.Time) {
	c.Happened(lifecycle.Event{Kind: lifecycle.WasStarted})
	c.WasStarted, c.Since, c.Broken = true, now, ""
	c.Started, c.Ready = len(of.PostStart) == 0 && of.Probes == pod.Probes{}, of.Probes.Readiness == nil
	c.PostStartDone, c.Missed = len(of.PostStart) == 0, ""
}

// NoteTried notes what it means for a component's readiness what a probe has found.
func (c *Component) NoteTried(t probe.Tried) {
	if t.Kind == probe.Liveness {
		return
	}
	failed := t.Result.Outcome == probe.Failure
	if c.Missed = ""; failed {
		c.Missed = t.Result.Message
	}
	switch {
	case t.Turned && t.Kind == probe.Startup:
		c.Started = !failed
	case t.Turned:
		c.Ready = !failed
	}
}

// NoteEnd notes how its run has ended, or what was to be one.
func (c *Component) NoteEnd(how Ending) {
	if c.Ended != NotEnded {
		c.Before = c.Ended
	}
	if !how.Started.IsZero() { // otherwise it is the health of a run before
		how.WhyUnhealthy = c.WhyUnhealthy
	}
	c.Ended = how
	if !how.Started.IsZero() && how.Finished.Sub(how.Started) >= backoff.Calm {
		c.Failures = 0
	}
}

// Runs reports whether a component runs. One that is taken down does so until its end.
func (c *Component) Runs() bool {
	switch c.State {
	case lifecycle.Running, lifecycle.Ending, lifecycle.Recycling:
		return true
	case lifecycle.Stopping, lifecycle.Cleared:
		return c.WasStarted && c.Since.After(c.Ended.Finished)
	}
	return false
}

// HoldsUp reports whether those that come after a component have to wait for it.
func (c *Component) HoldsUp() bool {
	return c.Life.Rank == lifecycle.Init && c.State != lifecycle.Done || c.Life.Rank == lifecycle.Sidecar && !c.Started
}
