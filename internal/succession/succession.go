// Package succession is what one supervisor of a pair leaves to the next: what no container
// tells of the pod's components, and what becomes of each of them. It is plain values and their
// text. Who keeps the text, and who does what follows from it, is elsewhere.
package succession

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/state"
)

// A Record is what is known of a pod's components, by name.
type Record struct {
	Components map[string]Component `json:"components"`
	// WasHealthy: the pod has been so once.
	WasHealthy bool `json:"wasHealthy,omitempty"`
}

// A Component is what a successor has to know of one.
type Component struct {
	// Hash is that of the definition which all this is about.
	Hash      string          `json:"hash"`
	State     lifecycle.State `json:"state"`
	Container engine.ID       `json:"container,omitempty"`
	Run       int             `json:"run,omitempty"`
	Since     time.Time       `json:"since,omitzero"`
	Completed bool            `json:"completed,omitempty"`

	Restarts int           `json:"restarts,omitempty"`
	Failures int           `json:"failures,omitempty"`
	Due      time.Time     `json:"due,omitzero"`
	Delay    time.Duration `json:"delay,omitempty"`
	Ended    *Ending       `json:"ended,omitempty"`
	Before   *Ending       `json:"before,omitempty"`

	WasStarted    bool   `json:"wasStarted,omitempty"`
	PostStartDone bool   `json:"postStartDone,omitempty"`
	Started       bool   `json:"started,omitempty"`
	Ready         bool   `json:"ready,omitempty"`
	Broken        string `json:"broken,omitempty"`
}

// An Ending is a state.Ending without what it has said.
type Ending struct {
	Code         int       `json:"code"`
	OOM          state.OOM `json:"oom,omitzero"`
	Started      time.Time `json:"started,omitzero"`
	Finished     time.Time `json:"finished,omitzero"`
	Why          string    `json:"why,omitempty"`
	Message      string    `json:"message,omitempty"`
	Broken       string    `json:"broken,omitempty"`
	WhyUnhealthy string    `json:"whyUnhealthy,omitempty"`
}

// Of is what there is to know now.
func Of(p pod.Pod, known state.Pod) Record {
	r := Record{Components: map[string]Component{}, WasHealthy: known.WasHealthy}
	for _, c := range p.All() {
		now := known.Component(c.Name)
		if now == nil {
			continue
		}
		r.Components[c.Name] = Component{
			Hash: plan.Hash(p, c), State: now.State, Container: now.Container, Run: now.Run, Since: now.Since, Completed: now.Completed,
			Restarts: now.Life.Restarts, Failures: now.Failures, Due: now.Due, Delay: now.Delay, Ended: ending(now.Ended), Before: ending(now.Before),
			WasStarted: now.WasStarted, PostStartDone: now.PostStartDone, Started: now.Started, Ready: now.Ready, Broken: now.Broken,
		}
	}
	return r
}

// Initial is what is left to know when the pod has been taken down: which of its initial
// components have succeeded in this life of pause's.
func (r Record) Initial(p pod.Pod) Record {
	left := Record{Components: map[string]Component{}}
	for _, c := range p.Init {
		if of := r.Components[c.Name]; of.Completed && !c.Sidecar {
			left.Components[c.Name] = Component{Hash: of.Hash, State: lifecycle.Done, Completed: true, Run: of.Run, Restarts: of.Restarts, Ended: of.Ended}
		}
	}
	return left
}

// Text is the record for whoever keeps it.
func (r Record) Text() []byte {
	text, err := json.Marshal(r)
	if err != nil {
		panic("cannot write a record: " + err.Error()) // it is all plain values
	}
	return text
}

// Read reads a record. What cannot be read, or is not there, is of a pod that nothing is known of.
func Read(text []byte) Record {
	var r Record
	if json.Unmarshal(text, &r) != nil {
		return Record{}
	}
	return r
}

func ending(e state.Ending) *Ending {
	if e == state.NotEnded {
		return nil
	}
	return &Ending{e.Code, e.OOM, e.Started, e.Finished, e.Why, e.Message, e.Broken, e.WhyUnhealthy}
}

func (e *Ending) restored() state.Ending {
	if e == nil {
		return state.NotEnded
	}
	return state.Ending{
		Code: e.Code, OOM: e.OOM, Started: e.Started, Finished: e.Finished, Why: e.Why, Message: e.Message, Broken: e.Broken, WhyUnhealthy: e.WhyUnhealthy,
	}
}

// A Fate is what becomes of a component.
type Fate string

// The fates.
const (
	Anew     Fate = ""               // it is made, if it is to run: nothing of it is there
	Adopted  Fate = "adopted"        // it runs, and goes on
	Ended    Fate = "ended"          // it has ended since, which nobody has seen to
	Waiting  Fate = "waiting"        // it is to be restarted when it is due
	Complete Fate = "complete"       // it has done what it had to
	Finish   Fate = "to be finished" // it runs, and was asked to end
)

// An Heir is a component and what becomes of it.
type Heir struct {
	Component
	Fate Fate
	// Seen is the container, of one that runs.
	Seen engine.Seen
}

// Heirs are what becomes of all components whose definition has not changed, where there are
// these containers.
func (r Record) Heirs(p pod.Pod, owner pod.Owner, containers []engine.Seen) map[string]Heir {
	heirs := map[string]Heir{}
	for _, c := range p.All() {
		h := Heir{Component: r.Components[c.Name], Seen: running(p, owner, c, containers)}
		if h.Hash != plan.Hash(p, c) {
			h.Component = Component{}
		}
		h.Fate = h.fate(p.IsInit(c.Name) && !c.Sidecar)
		if h.Seen.ID != "" && h.Container != h.Seen.ID { // it was made just before its maker died
			h.Component = Component{
				Hash: plan.Hash(p, c), Container: h.Seen.ID, Run: h.Run, Restarts: h.Restarts, Failures: h.Failures, Ended: h.Ended, Before: h.Before,
			}
			h.Run = max(h.Run, runOf(h.Seen))
		}
		if h.Seen.ID != "" && !h.hasRun() {
			h.begin(c)
		}
		heirs[c.Name] = h
	}
	return heirs
}

// fate is what becomes of a component, by what was known of it last and whether it runs. What is
// initial and has succeeded has done so for all of pause's life.
func (h Heir) fate(initial bool) Fate {
	runs := h.Seen.ID != ""
	known := h.Container == h.Seen.ID
	switch {
	case runs && known && (h.State == lifecycle.Ending || h.State == lifecycle.Recycling):
		return Finish
	case runs:
		return Adopted
	case h.State == lifecycle.Done || initial && h.Completed: // also where the pod was going down
		return Complete
	case h.State == lifecycle.Waiting:
		return Waiting
	case h.State == lifecycle.Starting || h.hasRun():
		return Ended
	}
	return Anew
}

// hasRun reports whether it was known that the container runs.
func (h Heir) hasRun() bool {
	return h.State == lifecycle.Running || h.State == lifecycle.Ending || h.State == lifecycle.Recycling
}

// begin has a run begin that its maker did not live to see: what is to be done and to be waited
// for in it has all to come yet.
func (h *Heir) begin(of pod.Component) {
	begun := state.Component{Component: lifecycle.Component{State: lifecycle.Starting}}
	begun.NoteStarted(of, time.Time{})
	h.PostStartDone, h.Started, h.Ready, h.Broken, h.Since = begun.PostStartDone, begun.Started, begun.Ready, "", time.Time{}
}

// running is a component's container, if it runs in the pod's present life as the pod says.
func running(p pod.Pod, owner pod.Owner, c pod.Component, containers []engine.Seen) engine.Seen {
	for _, s := range containers {
		l := s.Labels
		if s.Running && l[pod.LabelOwner] == owner.ID && l[pod.LabelLife] == owner.Life && l[pod.LabelRole] == pod.RoleComponent &&
			l[pod.LabelComponent] == c.Name && l[pod.LabelHash] == plan.Hash(p, c) {
			return s
		}
	}
	return engine.Seen{}
}

// runOf is the number of a container's run.
func runOf(s engine.Seen) int {
	n, _ := strconv.Atoi(s.Labels[pod.LabelRun]) // it has always been one
	return n
}

// Restore puts what is known into a component. One that runs is taken for running, and one that
// has ended since for one whose end is yet to come.
func (h Heir) Restore(c *state.Component, now time.Time) {
	c.Container, c.Run, c.Completed = h.Container, h.Run, h.Completed
	c.Life.Restarts, c.Failures, c.Ended, c.Before = h.Restarts, h.Failures, h.Ended.restored(), h.Before.restored()
	c.WasStarted = h.WasStarted
	switch h.Fate {
	case Anew:
		c.WasStarted = false
		return
	case Complete:
		c.State, c.Started = lifecycle.Done, h.Started
		return
	case Waiting:
		c.State, c.Due, c.Delay = lifecycle.Waiting, h.Due, h.Delay
		return
	}
	if c.State = lifecycle.Running; h.State == lifecycle.Ending || h.State == lifecycle.Recycling {
		c.State = h.State
	}
	if c.Since = h.Since; c.Since.IsZero() {
		c.Since = now
	}
	c.WasStarted, c.PostStartDone, c.Started, c.Ready, c.Broken = true, h.PostStartDone, h.Started, h.Ready, h.Broken
}
