package lifecycle

import "github.com/podlike/podlike/internal/pod"

// PodState is where a pod is in its life.
//
//	Rising ◄─► Up
//	   │        │
//	   └────────┴─► Falling ─► Succeeded or Failed
type PodState string

// The states of a pod.
const (
	Rising    PodState = "rising"
	Up        PodState = "up"
	Falling   PodState = "falling"
	Succeeded PodState = "succeeded"
	Failed    PodState = "failed"
)

// PodEvent is something that happened to a pod.
type PodEvent string

// The events of a pod.
const (
	Rose    PodEvent = "rose"    // all that has to run does
	Redone  PodEvent = "redone"  // all restart
	Ends    PodEvent = "ends"    // asked to, or one of its components ended it
	GoneBad PodEvent = "failed"  // nothing is left, and its code is not 0
	Gone    PodEvent = "is gone" // nothing is left, and its code is 0
)

// NextPod says where a pod goes when something happens to it. What means nothing in a
// state changes nothing.
func NextPod(s PodState, e PodEvent) PodState {
	switch {
	case s == Rising && e == Rose:
		return Up
	case s == Up && e == Redone:
		return Rising
	case (s == Rising || s == Up) && e == Ends:
		return Falling
	case s == Falling && e == Gone:
		return Succeeded
	case s == Falling && e == GoneBad:
		return Failed
	}
	return s
}

// Health is what a component or a pod can say of itself.
type Health string

// The states of health, in the engine's words.
const (
	Unsure    Health = "starting"
	Healthy   Health = "healthy"
	Unhealthy Health = "unhealthy"
)

// A Component is as much of one as decides about the pod.
type Component struct {
	State State
	Life  Life
	// Checked: it has a health check in its container.
	Checked bool
	// Health is the check's last word.
	Health Health
	// Probed: it has a startup or a readiness probe.
	Probed bool
	// Started: it runs, its postStart hooks are done and its startup probe has passed.
	Started bool
	// Ready: it has no readiness probe, or that has passed.
	Ready bool
}

// IsReady reports whether the component can do its work.
func (c Component) IsReady() bool {
	return c.State == Running && c.Started && c.Ready && (!c.Checked || c.Health == Healthy)
}

// PodHealth is the pod's health: starting until every component that has to run is
// ready for the first time. From then on, which is once, a health check that says so
// and a pod that goes down are unhealthy, and what is not ready only if the pod's user
// wants that: Swarm kills a task that is unhealthy.
func PodHealth(components []Component, once bool, unready pod.Unready) Health {
	ready := true
	for _, c := range components {
		switch {
		case c.State == Done:
		case c.State.Over() || c.State == Stopping || c.State == Running && c.Checked && c.Health == Unhealthy:
			return Unhealthy
		default:
			ready = ready && c.IsReady()
		}
	}
	switch {
	case ready, once && unready != pod.UnreadyCounts:
		return Healthy
	case once:
		return Unhealthy
	}
	return Unsure
}

// Complete reports whether a pod has nothing more to do: its essential components, or
// all where none is, are done. Sidecars do not keep it.
func Complete(components []Component) bool {
	var essential, others, left, othersLeft int
	for _, c := range components {
		undone := 1
		if c.State == Done {
			undone = 0
		}
		switch {
		case c.Life.Rank != Main:
		case c.Life.NonEssential:
			others, othersLeft = others+1, othersLeft+undone
		default:
			essential, left = essential+1, left+undone
		}
	}
	if essential > 0 {
		return left == 0
	}
	return others > 0 && othersLeft == 0
}
