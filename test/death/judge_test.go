package death

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// killed is the exit code of who was killed.
	killed = 137
	// unknown and unknownToo are what an engine says where it does not know one.
	unknown, unknownToo = 255, 128
	// unseen is how a reason begins where the engine knows nothing of an end any more.
	unseen = "its end was not seen"
	// The numbers of SIGKILL, SIGTERM and SIGSTOP, as the engine tells them.
	asKill, asTerm, asStop = "9", "15", "19"
	// atOnce is how long after the first cause of an end another one may have been seen
	// first, by a supervisor on a machine that has more to do.
	atOnce = 5 * time.Second
)

// A record is one of a supervisor's log.
type record struct {
	Time      time.Time `json:"time"`
	Message   string    `json:"message"`
	Component string    `json:"component"`
	Why       string    `json:"why"`
	Code      int       `json:"code"`
}

// records are all that a supervisor has logged, without its components' output.
func records(log string) (all []record) {
	for line := range strings.Lines(log) {
		var r record
		if json.Unmarshal([]byte(line), &r) == nil && r.Message != "" {
			all = append(all, r)
		}
	}
	return all
}

// A trial is what a judge looks at.
type trial struct {
	chronicle
	shape  shape
	hits   []hit
	logs   map[string]string // of supervisors, by ID; what was removed before has none
	asked  time.Time         // when the pod was stopped as its users do; zero: it was not
	mortal bool              // without its engine, containers end
}

// A cause is why a life may have ended.
type cause struct {
	component string // that the last record names; empty: none
	says      string // what the record has of why
	code      int
	at        time.Time
}

// verdict is what is wrong with how each life has ended.
func (t trial) verdict() (wrong []string) {
	for i, l := range t.lives {
		for _, w := range t.life(l) {
			wrong = append(wrong, fmt.Sprintf("life %d of %d, of %.12s: %s", i+1, len(t.lives), l.id, w))
		}
	}
	return append(wrong, t.twice()...)
}

// life is what is wrong with how one has ended.
func (t trial) life(l *run) (wrong []string) {
	switch {
	case l.died.IsZero():
		return []string{"it has not ended"}
	case l.code == killed && t.wasKilled(l):
		return nil // there is nobody left to say more
	case l.code == 2 && t.pauseFell(l):
		return nil // there is no pod any more that could be supervised, which is no record's
	case t.engineWent(l) && (l.code == 0 || l.code == killed || l.code == -1):
		return nil // what it has said while there was no engine may be lost
	}
	log, there := t.logs[l.id]
	there = there && !t.wasRemoved(l) // what was read of it before may not be all
	last, told := t.lastOf(l, log)
	switch {
	case !told && there && !t.unheard(l):
		return []string{fmt.Sprintf("it has exited with %d and has told of no end", l.code)}
	case !told:
		return t.fits(l)
	case last.Code != l.code && t.knows(l):
		wrong = append(wrong, fmt.Sprintf("it has exited with %d and told of %d", l.code, last.Code))
	}
	return append(wrong, t.blames(l, last)...)
}

// unheard says whether a life has ended when there was no engine to keep what it has said.
func (t trial) unheard(l *run) bool {
	return slices.ContainsFunc(t.hits, func(h hit) bool {
		return h.victim == engineName && l.died.After(h.at) && l.died.Before(h.until)
	})
}

// wasRemoved says whether somebody has removed the supervisor's container.
func (t trial) wasRemoved(l *run) bool {
	return slices.ContainsFunc(t.hits, func(h hit) bool { return h.way == dockerRemove && h.id == l.id })
}

// knows says whether an exit code is the one that a life has ended with. An engine that was away
// then may have another for it.
func (t trial) knows(l *run) bool {
	made := l.code == unknown || l.code == unknownToo
	return l.code != -1 && (!made || !t.unheard(l))
}

// fits is what is wrong with the exit code of a life whose log is gone.
func (t trial) fits(l *run) []string {
	all := t.causes(l)
	if !t.knows(l) || slices.ContainsFunc(all, func(c cause) bool { return c.code == l.code || c.code == -1 }) {
		return nil
	}
	return []string{fmt.Sprintf("it has exited with %d, and its log is gone; what has ended it is one of %+v", l.code, all)}
}

// lastOf is the last record of a life, if it tells of the pod's end.
func (t trial) lastOf(l *run, log string) (last record, told bool) {
	for _, r := range records(log) {
		next := slices.ContainsFunc(t.lives, func(o *run) bool { return o.id == l.id && o.started.After(l.started) && !r.Time.Before(o.started) })
		if !next && !r.Time.Before(l.started.Add(-time.Second)) {
			last = r
		}
	}
	return last, last.Message == "pod ended"
}

// wasKilled says whether somebody has killed the supervisor in that life.
func (t trial) wasKilled(l *run) bool {
	return slices.ContainsFunc(t.hits, func(h hit) bool { return h.fells() && t.struck(h) == l })
}

// pauseFell says whether the pause of a pair was struck before a life of its supervisor's had begun.
func (t trial) pauseFell(l *run) bool {
	return slices.ContainsFunc(t.hits, func(h hit) bool { return h.victim == pauseName && h.at.Before(l.started) })
}

// engineWent says whether a life has ended with its engine, or one that was ended in that way.
func (t trial) engineWent(l *run, ways ...way) bool {
	return t.mortal && slices.ContainsFunc(t.hits, func(h hit) bool {
		return h.victim == engineName && h.at.Before(l.died) && (len(ways) == 0 || slices.Contains(ways, h.way))
	})
}

// blames is what is wrong with whom the last record blames.
func (t trial) blames(l *run, last record) []string {
	all := t.causes(l)
	if len(all) == 0 {
		return []string{fmt.Sprintf("nothing has ended it, and it says %+v", last)}
	}
	first := slices.MinFunc(all, func(a, b cause) int { return a.at.Compare(b.at) })
	for _, c := range all {
		known := c.code == last.Code || c.code == -1
		says := strings.Contains(last.Why, c.says) || strings.HasPrefix(last.Why, unseen)
		late := !c.at.Before(first.at.Add(atOnce))
		if late && first.component == pauseName && c.component == "" { // it was asked as well, while the pod went down
			late = false
		}
		if c.component == last.Component && says && known && !late {
			return nil
		}
	}
	return []string{fmt.Sprintf("it says %q of %q with %d; what has ended it is one of %+v", last.Why, last.Component, last.Code, all)}
}

// causes are all that may have ended a life, as far as it was alive then.
func (t trial) causes(l *run) (all []cause) {
	if at := t.earliest(l, ""); !at.IsZero() {
		all = append(all, cause{says: "asked to stop by SIG", at: at})
	}
	own := t.of(l)
	for _, p := range named(own, pauseName) {
		if at := t.earliest(p, asTerm); !at.IsZero() {
			all = append(all, cause{component: pauseName, says: "pause was asked to stop", code: 1, at: at})
		}
		if h, hit := t.hitOn(p); hit && h.fells() && !p.died.IsZero() {
			code := max(p.code, 1)
			if l.paired() { // it was started by somebody else, who gets its code
				code = 1
			}
			all = append(all, cause{component: pauseName, says: pauseName, code: code, at: h.at})
		}
	}
	completed, latest := true, time.Time{}
	for _, p := range t.shape.parts {
		runs := named(own, p.name)
		for n, r := range runs {
			if t.endsPod(p, r, n) {
				all = append(all, cause{component: p.name, says: p.name, code: r.code, at: r.died})
			}
		}
		if p.init {
			continue
		}
		if len(runs) == 0 || runs[len(runs)-1].runs() || !p.rests(runs[len(runs)-1].code) {
			completed = false
		} else if at := runs[len(runs)-1].died; at.After(latest) {
			latest = at
		}
	}
	if completed {
		all = append(all, cause{says: "all components have completed", at: latest})
	}
	return slices.DeleteFunc(all, func(c cause) bool { return c.at.After(l.died) })
}

// endsPod says whether the end of a component's nth run, counted from 0, ends its pod: one
// that came of itself or of a blow, and not of pause's end or because it was asked by us.
func (t trial) endsPod(p part, r *run, n int) bool {
	_, hit := t.hitOn(r)
	byItself := p.ends && len(r.asked) == 0
	return !r.died.IsZero() && (hit || byItself) && !p.restarts(r.code, n) && !p.rests(r.code)
}

// hitOn is the first blow that has struck a run.
func (t trial) hitOn(r *run) (h hit, struck bool) {
	for _, h := range t.hits {
		if t.struck(h) == r {
			return h, true
		}
	}
	return hit{}, false
}

// earliest is when somebody has asked a run to end: by the engine with a signal of that
// number, or any where it is empty, past the engine or by the engine's own end. Zero:
// nobody has.
func (t trial) earliest(r *run, signal string) (first time.Time) {
	note := func(at time.Time) {
		if !at.IsZero() && (first.IsZero() || at.Before(first)) && !at.Before(r.started) {
			first = at
		}
	}
	for _, a := range r.asked {
		if signal == "" || a.signal == signal {
			note(a.at)
		}
	}
	for _, h := range t.hits {
		if h.victim == engineName && t.mortal || h.asks() && t.struck(h) == r {
			note(h.at)
		}
	}
	if r.name == supervisorName && r == t.last() {
		note(t.asked)
	}
	return first
}

// twice is what is wrong with how runs follow each other: in one life no component runs
// twice at a time.
func (t trial) twice() (wrong []string) {
	for _, l := range t.lives {
		for _, p := range t.shape.parts {
			runs := named(t.of(l), p.name)
			for i := 1; i < len(runs); i++ {
				if before := runs[i-1]; before.died.IsZero() || runs[i].started.Before(before.died) {
					wrong = append(wrong, fmt.Sprintf("run %d of %s was started while the one before ran", i+1, p.name))
				}
			}
		}
	}
	return wrong
}

// mayStay says whether something may stay until another supervisor sweeps: of a pod whose
// supervisor was killed what pause does not end, and anything that an engine was about to
// remove when it was killed itself.
func (t trial) mayStay() bool {
	for _, h := range t.hits {
		if h.victim == engineName || h.victim == supervisorName && h.fells() && t.shape.hardy() {
			return true
		}
	}
	return false
}
