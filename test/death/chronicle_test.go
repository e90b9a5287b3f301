package death

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/events"

	"github.com/podlike/podlike/internal/pod"
)

// The names of who is no component.
const (
	supervisorName = "supervisor"
	pauseName      = "pause"
	holderName     = "holder" // of what a pair keeps
)

// A run is a container from its start to its end. What has not come yet is zero.
type run struct {
	name    string // of a component, or one of the above
	id      string
	owner   string // ID of the container whose pod it is of: a pair's is its pause
	created time.Time
	started time.Time
	died    time.Time
	code    int // once it has died; -1 where nobody knows it
	removed time.Time
	asked   []asking // by the engine, on somebody's behalf
}

// An asking is a signal that the engine has sent.
type asking struct {
	signal string // its number
	at     time.Time
}

// runs says whether the container was started and has not ended.
func (r *run) runs() bool { return !r.started.IsZero() && r.died.IsZero() }

// A chronicle is what the engine has done in a round.
type chronicle struct {
	lives   []*run // of supervisors, in the order of their starts; a container may have several
	members []*run // all others, in the order of their creation
	volumes []string
}

// chronicleOf reads what was heard of a round, in the order of time.
func chronicleOf(heard []events.Message) (c chronicle) {
	last := map[string]*run{} // of each container
	for _, m := range heard {
		if m.Type == events.VolumeEventType {
			c.volumes = append(c.volumes, m.Actor.ID)
			continue
		}
		r := last[m.Actor.ID]
		again := r != nil && m.Action == events.ActionStart && !r.started.IsZero()
		if again && r.runs() { // that was known already
			continue
		}
		if r == nil || again {
			r = newRun(m, r)
			if of := last[r.owner]; r.name == pauseName && of != nil && of.name == pauseName && of != r {
				r.name = holderName
			}
			last[m.Actor.ID] = r
			if r.name != supervisorName {
				c.members = append(c.members, r)
			}
		}
		if m.Action == events.ActionStart && r.name == supervisorName {
			c.lives = append(c.lives, r)
		}
		r.note(m)
	}
	return c
}

// newRun is the one of a container that begins with what was heard, after another one if
// there was any.
func newRun(m events.Message, before *run) *run {
	labels := m.Actor.Attributes
	r := &run{name: labels[pod.LabelComponent], id: m.Actor.ID, created: time.Unix(0, m.TimeNano)}
	r.owner = cmp.Or(labels[pod.LabelOwner], labels[pairLabel], r.id)
	switch {
	case labels[pod.LabelRole] == pod.RolePause:
		r.name = pauseName
	case labels[roundLabel] != "":
		r.name = supervisorName
	}
	if before != nil {
		r.name, r.owner, r.created = before.name, before.owner, before.created
	}
	return r
}

// note notes what has happened to the container.
func (r *run) note(m events.Message) {
	at := time.Unix(0, m.TimeNano)
	switch m.Action {
	case events.ActionStart:
		r.started = at
	case events.ActionKill:
		r.asked = append(r.asked, asking{m.Actor.Attributes["signal"], at})
	case events.ActionDie:
		if r.runs() && !at.Before(r.started) {
			r.died, r.code = at, -1
			if code, err := strconv.Atoi(m.Actor.Attributes["exitCode"]); err == nil {
				r.code = code
			}
		}
	case events.ActionDestroy: // of its end an engine that was killed tells nothing
		r.removed = at
		if r.runs() {
			r.died, r.code = at, -1
		}
	}
}

// paired says whether a life is one of a pair's supervisor.
func (l *run) paired() bool { return l.owner != l.id }

// of are the runs of a life's pod: those that its supervisor has made in that life, or all of
// a pair, whoever has made them.
func (c chronicle) of(l *run) (all []*run) {
	var next time.Time
	for _, o := range c.lives {
		if o.id == l.id && o.started.After(l.started) && (next.IsZero() || o.started.Before(next)) {
			next = o.started
		}
	}
	for _, m := range c.members {
		if l.paired() && m.owner == l.owner || m.owner == l.id && m.created.After(l.started) && (next.IsZero() || m.created.Before(next)) {
			all = append(all, m)
		}
	}
	return all
}

// named are those of some runs that are a component's, or pause's, and were started.
func named(runs []*run, name string) (all []*run) {
	for _, r := range runs {
		if r.name == name && !r.started.IsZero() {
			all = append(all, r)
		}
	}
	return all
}

// last is the life that has begun last, nil before the first.
func (c chronicle) last() *run {
	if len(c.lives) == 0 {
		return nil
	}
	return c.lives[len(c.lives)-1]
}

// owners are the IDs of all supervisors.
func (c chronicle) owners() (ids []string) {
	for _, l := range c.lives {
		if !slices.Contains(ids, l.id) {
			ids = append(ids, l.id)
		}
	}
	return ids
}

// pods are the IDs that are the owners of what supervisors have made.
func (c chronicle) pods() (ids []string) {
	for _, l := range c.lives {
		if !slices.Contains(ids, l.owner) {
			ids = append(ids, l.owner)
		}
	}
	return ids
}

// ids are those of all containers, those of supervisors last.
func (c chronicle) ids() (ids []string) {
	for _, m := range c.members {
		ids = append(ids, m.id)
	}
	return append(ids, c.owners()...)
}

// A hit is a blow that has struck a container, or the engine.
type hit struct {
	blow
	id    string    // of the container; empty for the engine
	at    time.Time // before it was struck
	until time.Time // after that
}

// struck is the run that a hit was to end: nil if there is none, as the container had not
// been started.
func (c chronicle) struck(h hit) (r *run) {
	for _, o := range slices.Concat(c.members, c.lives) {
		if o.id == h.id && !o.started.IsZero() && o.started.Before(h.until) && (o.died.IsZero() || o.died.After(h.at)) {
			r = o
		}
	}
	return r
}

// A standing is how a pod is.
type standing int

const (
	pending standing = iota // something has yet to happen
	up                      // all that is to run does
	over                    // it has ended, and is not to come again
)

// standing says how the pod is, and what has yet to happen.
func (c chronicle) standing(s shape, again func(*run) bool, hits []hit) (now standing, why string) {
	for _, h := range hits {
		if r := c.struck(h); r != nil && h.must(r.name) && r.died.IsZero() {
			return pending, fmt.Sprintf("%s was hit and has not ended", r.name)
		}
	}
	l := c.last()
	switch {
	case l == nil:
		return pending, "no supervisor was started"
	case !l.runs() && again(l):
		return pending, "no life follows the one that has ended"
	case !l.runs():
		return over, ""
	}
	if left := c.former(l); left != "" {
		return pending, left
	}
	for _, h := range hits { // the pod ends, but its supervisor does not know yet
		if h.victim == pauseName && h.fells() && !h.at.Before(l.started) && slices.ContainsFunc(c.of(l), func(m *run) bool { return m == c.struck(h) }) {
			return pending, "pause was hit and the supervisor lives"
		}
	}
	return c.stands(s, l)
}

// former is what is left of former lives.
func (c chronicle) former(l *run) string {
	now := c.of(l)
	var left []string
	for _, m := range c.members {
		if m.removed.IsZero() && !slices.Contains(now, m) {
			left = append(left, fmt.Sprintf("%s %.12s", m.name, m.id))
		}
	}
	if len(left) == 0 {
		return ""
	}
	return "left of a former life: " + strings.Join(left, ", ")
}

// stands says whether all runs that is to run in a life.
func (c chronicle) stands(s shape, l *run) (now standing, why string) {
	own := c.of(l)
	if pauses := named(own, pauseName); len(pauses) == 0 || !pauses[len(pauses)-1].runs() {
		return pending, "pause does not run"
	}
	resting := true
	for _, p := range s.parts {
		all := named(own, p.name)
		if len(all) == 0 {
			return pending, p.name + " was not started"
		}
		r := all[len(all)-1]
		resting = resting && (p.init || !r.runs())
		if !r.runs() && !p.rests(r.code) {
			return pending, fmt.Sprintf("%s does not run: it has ended with %d", p.name, r.code)
		}
	}
	if resting {
		return pending, "all components have completed"
	}
	return up, ""
}
