// Package lifecycle says where a component can be in its life, what takes it from
// one place to the next, and what that makes of the pod. It is tables only: no
// clock, no engine, no goroutine.
package lifecycle

import "slices"

// State is where a component is in its life.
//
//	Pending ─► Created ─► Starting ─► Running ─► Stopping
//	   │          │          │ │         │          │
//	   └──────────┴──────────┤ └─────────┴──────────┤
//	                         ▼                      ▼
//	                       Never                  Exited
type State string

// The states. Exited and Never are the last ones: it ran and has ended, or it will
// never run.
const (
	Pending  State = "pending"
	Created  State = "created"
	Starting State = "starting"
	Running  State = "running"
	Stopping State = "stopping"
	Exited   State = "exited"
	Never    State = "never started"
)

// An Event is something that happened to a component.
type Event string

// The events.
const (
	WasCreated  Event = "was created"
	StartAsked  Event = "start asked"
	WasStarted  Event = "was started"
	StartFailed Event = "start failed"
	StopAsked   Event = "stop asked"
	Died        Event = "died"
)

// Next says where a component goes when something happens to it. What means
// nothing in a state changes nothing. A component may die before its start was
// reported; one that was removed before its start has not run.
func Next(s State, e Event) State {
	switch {
	case s == Pending && e == WasCreated:
		return Created
	case s == Created && e == StartAsked:
		return Starting
	case s == Starting && e == WasStarted:
		return Running
	case s == Running && e == StopAsked:
		return Stopping
	case e == StartFailed && s.before(Running):
		return Never
	case e == Died && s.before(Starting):
		return Never
	case e == Died && !s.Over():
		return Exited
	}
	return s
}

// before reports whether a component has yet to come to a state of its start.
func (s State) before(other State) bool {
	start := []State{Pending, Created, Starting, Running}
	at := slices.Index(start, s)
	return at >= 0 && at < slices.Index(start, other)
}

// Over reports whether nothing can happen to a component any more.
func (s State) Over() bool { return s == Exited || s == Never }

// Health is what a component or a pod can say of itself.
type Health string

// The states of health, in the engine's words.
const (
	Unsure    Health = "starting"
	Healthy   Health = "healthy"
	Unhealthy Health = "unhealthy"
)

// A Component is as much of one as decides about the pod's health.
type Component struct {
	State State
	// Checked: it has a health check.
	Checked bool
	// Health is the check's last word.
	Health Health
}

// PodHealth is the pod's health: healthy when every component with a check is
// healthy and every other is running, unhealthy when a check says so or a
// component is gone, starting otherwise.
func PodHealth(components []Component) Health {
	pod := Healthy
	for _, c := range components {
		switch {
		case c.State.Over() || c.State == Stopping || c.Checked && c.Health == Unhealthy:
			return Unhealthy
		case c.State != Running || c.Checked && c.Health != Healthy:
			pod = Unsure
		}
	}
	return pod
}
