// Package lifecycle says where a component and its pod can be in their lives, what
// takes them from one place to the next, and what is to be done then. It is tables
// only: no clock, no engine, no goroutine.
package lifecycle

import "github.com/podlike/podlike/internal/pod"

// State is where a component is in its life.
//
//	   ┌───────── due ──────────┐
//	   ▼                        │
//	Pending ─► Created ─► Starting ─► Running ─► Ending
//	   ▲          │          │          │   └──────│──► Recycling
//	   │          └──────────┼──────────┴──────────┤        │
//	   │                     ▼ its end, and the    │        │
//	   │                     │ policy says         ▼        │
//	   │                     ├─► Waiting ◄── again ─────────┘
//	   │                     ├─► Done, the pod goes on without it
//	   │                     └─► Exited or Never, the pod ends
//	Cleared ◄─ all restart ── any of these
//
//	any of these ── stop asked ─► Stopping ─► Stopped
type State string

// The states. What was asked to stop is Stopping or Stopped from then on.
const (
	Pending  State = "pending"  // there is no container yet
	Created  State = "created"  // there is one that does not run
	Starting State = "starting" // the engine was asked to run it
	Running  State = "running"
	// Ending: it was asked to end because it is broken; it has failed then, and the policy decides.
	Ending State = "ending"
	// Recycling: it was asked to end because it is to begin anew, whatever its policy.
	Recycling State = "restarting"
	Waiting   State = "waiting to restart"
	// Done: it has ended, or could not be started, and the pod goes on without it.
	Done State = "done"
	// Exited: it has ended, and so does the pod.
	Exited State = "exited"
	// Never: it could not be started, and so the pod ends.
	Never State = "never started"
	// Cleared: all of the pod is taken down, to be brought up again.
	Cleared  State = "cleared"
	Stopping State = "stopping"
	Stopped  State = "stopped"
)

// Kind is what kind of thing happened to a component.
type Kind string

// The kinds of events. Code is that of StartFailed and Died.
const (
	WasCreated   Kind = "was created"
	StartAsked   Kind = "start asked"
	WasStarted   Kind = "was started"
	StartFailed  Kind = "start failed"
	Died         Kind = "died"
	KillAsked    Kind = "kill asked"    // it is broken
	RestartAsked Kind = "restart asked" // what it depends on began anew
	Due          Kind = "due"           // its delay is over
	ClearAsked   Kind = "clear asked"   // all restart
	Reset        Kind = "reset"         // all are gone, and begin anew
	StopAsked    Kind = "stop asked"    // the pod goes down, and it is its turn
)

// An Event is something that happened to a component.
type Event struct {
	Kind Kind
	// Code is its exit code, or 125 to 127 as docker run's if it could not be started.
	Code int
	// Ours: a start has failed through no fault of a component that has run before. It is
	// tried again, whatever the policy.
	Ours bool
}

// Action is what is to be done about an event.
type Action string

// The actions.
const (
	Nothing    Action = ""
	Restart    Action = "restart"     // when the back-off is over
	RestartNow Action = "restart now" // it is not its fault
	RestartAll Action = "restart all"
	Fail       Action = "end the pod" // with the component's code
)

// Rank is when a component runs.
type Rank string

// The ranks.
const (
	Main    Rank = "component"
	Init    Rank = "init"    // before the others, to completion
	Sidecar Rank = "sidecar" // from before the others to after them
)

// A Life is what a component's user wants to become of it.
type Life struct {
	Rank    Rank
	Restart pod.Restart
	// Job: another component waits for its success.
	Job          bool
	NonEssential bool
	// Restarts is how often it has been restarted so far.
	Restarts int
}

// LifeOf is the life of one of the pod's components that was not restarted yet.
func LifeOf(p pod.Pod, c pod.Component) Life {
	l := Life{Rank: Main, Restart: c.Restart, Job: p.IsJob(c.Name), NonEssential: c.NonEssential}
	switch {
	case c.Sidecar:
		l.Rank = Sidecar
	case p.IsInit(c.Name):
		l.Rank = Init
	}
	return l
}

// Next says where a component goes when something happens to it, and what is to be
// done. What means nothing in a state changes nothing. A component may die before its
// start was reported.
func Next(s State, e Event, l Life) (State, Action) {
	switch {
	case s == Stopped, s == Stopping && e.Kind != Died && e.Kind != StartFailed:
		return s, Nothing
	case s == Stopping:
		return Stopped, Nothing
	case e.Kind == StopAsked:
		return stop(s), Nothing
	case e.Kind == ClearAsked:
		return Cleared, Nothing
	case s == Cleared && e.Kind == Reset:
		return Pending, Nothing
	case s == Cleared || s.Over():
		return s, Nothing
	}
	return live(s, e, l)
}

// stop is where a component goes that is asked to stop.
func stop(s State) State {
	switch s {
	case Starting, Running, Ending, Recycling:
		return Stopping
	}
	return Stopped
}

// live is Next for a component that has not ended for good.
func live(s State, e Event, l Life) (State, Action) {
	switch {
	case s == Pending && e.Kind == WasCreated:
		return Created, Nothing
	case s == Created && e.Kind == StartAsked:
		return Starting, Nothing
	case s == Starting && e.Kind == WasStarted:
		return Running, Nothing
	case s == Running && e.Kind == KillAsked:
		return Ending, Nothing
	case (s == Running || s == Ending) && e.Kind == RestartAsked:
		return Recycling, Nothing
	case s == Recycling && e.Kind == Died:
		return Waiting, RestartNow
	case s == Waiting && e.Kind == Due:
		return Pending, Nothing
	case e.Kind == StartFailed && e.Ours && s.before(Running):
		return Waiting, Restart
	case e.Kind == StartFailed && s.before(Running):
		return ended(Never, l.after(e.Code, false))
	case e.Kind == Died && (s == Starting || s == Running || s == Ending):
		return ended(Exited, l.after(e.Code, s == Ending))
	}
	return s, Nothing
}

// before reports whether a component has yet to come to a state of its start.
func (s State) before(other State) bool {
	start := map[State]int{Pending: 1, Created: 2, Starting: 3, Running: 4}
	return start[s] > 0 && start[s] < start[other]
}

// ended is where a component goes that has ended by itself, and is followed by an
// action: to last, if it ends the pod.
func ended(last State, action Action) (State, Action) {
	switch action {
	case Nothing:
		return Done, Nothing
	case Restart:
		return Waiting, Restart
	default:
		return last, action
	}
}

// after says what an end with a code is to be followed by: what the first rule that
// matches says, or else the policy. What was asked to end because it is broken has
// failed, whatever its code: so has, for the kubelet, what a probe has it kill.
func (l Life) after(code int, broken bool) Action {
	for _, rule := range l.Restart.Rules {
		if rule.Matches(code) {
			if rule.Action == pod.RuleRestartAll {
				return RestartAll
			}
			return Restart
		}
	}
	switch failed := broken || code != 0; {
	case l.NonEssential:
		return Nothing
	case l.Rank == Sidecar:
		return Restart
	case !failed && (l.Job || l.Rank == Init):
		return Nothing
	case l.Restart.Policy == pod.RestartAlways:
		return Restart
	case l.Restart.Policy == pod.RestartOnFailure:
		return l.onFailure(failed)
	}
	return Fail
}

// onFailure is what follows an end under that policy.
func (l Life) onFailure(failed bool) Action {
	switch {
	case !failed:
		return Nothing
	case l.Restart.Max > 0 && l.Restarts >= l.Restart.Max:
		return Fail
	}
	return Restart
}

// Over reports whether a component has ended for good, unless all restart.
func (s State) Over() bool { return s == Done || s == Exited || s == Never || s == Stopped }
