package main

import (
	"fmt"
	"strings"
)

// The goals. Ratios are to the bare program; memory is in kB, as /proc has it.
const (
	goalUpSmall   = 1.05 // up to smallPod components
	goalUp        = 1.03
	smallPod      = 5
	goalDown      = 1.03
	goalIdleKB    = 16 << 10
	goalLoudKB    = 24 << 10
	goalNewEngine = 0.25 // seconds of CPU per idle pod and minute, where the engine knows start intervals
	goalLog       = 1.5
)

// What ten idle pods of three components took of a whole machine, in seconds of CPU a
// minute, when the image was checked every 2 s by the supervisor's own program.
const (
	beforeChecked   = 15.2
	beforeUnchecked = 0.7
)

// missed says which of the goals that were measured are missed, and by how much.
func (r Report) missed() []string {
	all := []string{}
	want := func(what string, got, goal float64, form string) {
		if got > goal {
			all = append(all, fmt.Sprintf("%s is "+form+", the goal is "+form, what, got, goal))
		}
	}
	for _, s := range r.Sizes {
		up := goalUp
		if s.Components <= smallPod {
			up = goalUpSmall
		}
		want(fmt.Sprintf("up of %d components", s.Components), s.Up.ratio(), up, "%.3f")
		want(fmt.Sprintf("down of %d components", s.Components), s.Down.ratio(), goalDown, "%.3f")
	}
	if r.Idle != nil {
		want("resident memory of an idle supervisor, in kB,", float64(r.Idle.Supervisor.Resident), goalIdleKB, "%.0f")
		want("CPU of an idle pod on a new engine, in seconds a minute,", r.Idle.newEngine(), goalNewEngine, "%.3f")
	}
	if r.Loud != nil {
		want("resident memory of a loud supervisor, in kB,", float64(r.Loud.Peak), goalLoudKB, "%.0f")
	}
	if r.Log != nil {
		want("time for output", r.Log.ratio(), goalLog, "%.2f")
	}
	return all
}

// orNone is a list with a line for each, or says that there is none.
func orNone(all []string) string {
	if len(all) == 0 {
		return "none"
	}
	return "\n  " + strings.Join(all, "\n  ")
}
