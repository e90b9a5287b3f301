// Package postmortem finds out why a component's run has ended: whether the kernel killed it
// for lack of memory, and what it has said of its end itself. It does not decide what
// follows from that.
package postmortem

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/executor"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/state"
	"github.com/podlike/podlike/internal/status"
)

// KilledCode is the exit code of who was killed.
const KilledCode = 128 + 9

// briefly is how long the engine may take to tell more of an end.
const briefly = 5 * time.Second

// Engine is what an examination needs of one.
type Engine interface {
	Inspect(ctx context.Context, ref string) (engine.Seen, error)
	Read(ctx context.Context, id engine.ID, path string, limit int64) ([]byte, error)
	Usage(ctx context.Context, id engine.ID) (engine.Usage, error)
	Signal(ctx context.Context, id engine.ID, signal string) error
}

// A Group is the control group that all of a pod's containers are in.
type Group interface {
	// Counts are how many processes of the pod the kernel has killed so far for lack of memory, and
	// how often the pod's own limit was hit. Not known: nobody can look.
	Counts(ctx context.Context) (kills, hits uint64, known bool)
	// Memory is the limit of all together, in bytes. Zero: there is none, or no group.
	Memory() int64
	// Shared: the engine says of each of the pod's containers that memory is short when the group's
	// limit is hit, of pause too.
	Shared() bool
	// Starved reports whether the kernel has killed something in a container for lack of memory. Not
	// known: nobody can tell it from others that lack the same memory.
	Starved(id engine.ID) (did, known bool)
}

// An Examiner looks into the ends of a pod's components. New makes it.
type Examiner struct {
	engine Engine
	pod    pod.Pod
	live   *live.State
	group  Group
	// oomKills is how many processes the kernel has killed for lack of memory so far,
	// wherever on the engine's machine. Nil, or not known: it does not tell.
	oomKills func() (n int64, known bool)

	// What follows is under the lock of live. Kills is how many that were when it was looked at last,
	// and killsBefore the time before. -1: nobody has looked.
	kills, killsBefore int64
	counts             counts
}

// Counts are what the pod's group has counted, as it was looked at last.
type counts struct {
	kills, hits   uint64
	killed, short time.Time // when each was seen to have grown last
}

// New is an examiner of a pod's. A nil group, or none that knows, is one of whose limits nothing can be
// told. OOMKills is how many processes the kernel has killed for lack of memory so far, wherever on the
// engine's machine: it is asked where the group cannot tell. Nil, or not known: it does not tell.
func New(e Engine, p pod.Pod, l *live.State, g Group, oomKills func() (n int64, known bool)) *Examiner {
	return &Examiner{engine: e, pod: p, live: l, group: cmp.Or(g, Group(none{})), oomKills: oomKills, kills: -1, killsBefore: -1}
}

// None is the group of a pod that has none.
type none struct{}

func (none) Counts(context.Context) (kills, hits uint64, known bool) { return 0, 0, false }
func (none) Memory() int64                                           { return 0 }
func (none) Shared() bool                                            { return false }
func (none) Starved(engine.ID) (did, known bool)                     { return false, false }

// KillGroup sees to what follows when the engine says that memory was short in a component's container,
// where its user wants all of it to go: the rest of the component is killed, or the pod is over, which is
// returned.
func (x *Examiner) KillGroup(ctx context.Context, component string, id engine.ID) (podOver bool) {
	c, _ := x.pod.Component(component)
	if !x.pod.OOMGroup && !c.OOMGroup {
		return false
	}
	if did, known := x.group.Starved(id); known && !did {
		return false // another one of the pod's was meant
	}
	if !x.pod.OOMGroup {
		_ = x.engine.Signal(ctx, id, "SIGKILL") // unless it has ended
	}
	return x.pod.OOMGroup
}

// HasEnded reports whether a container that ran does not any more. Of its end we may not have
// been told yet.
func (x *Examiner) HasEnded(ctx context.Context, c *live.Container) bool {
	ctx, cancel := context.WithTimeout(ctx, briefly)
	defer cancel()
	seen, err := x.engine.Inspect(ctx, string(c.ID))
	return errors.Is(err, engine.ErrNotFound) || err == nil && !seen.Running
}

// OOM reports whether the kernel ended a run for lack of memory, and whose limit that was.
//
// The engine's word comes first, but it may be late, and under load one in twenty never comes on engines
// of old; with the systemd driver it is often missing. So of what was killed, and not by us, the pod's
// control group tells whether anything of the pod was. Where it cannot, that something on the machine was
// killed for that reason within the last second is a guess, unless the engine was asked to kill it.
func (x *Examiner) OOM(ctx context.Context, name string, c *live.Container, exit engine.Exit) state.OOM {
	component, _ := x.pod.Component(name)
	own := component.Resources.Memory
	killed := exit.Code == KilledCode && !x.wasStopped(name)
	limited := killed && (own > 0 || x.group.Memory() > 0)
	lately := limited && own > 0 && x.killedLately()
	ctx, cancel := context.WithTimeout(ctx, briefly)
	defer cancel()
	if limited { // otherwise nobody need have waited for the sign
		live.Wait(ctx, c.SignedOff)
	}
	told, slain := x.told(c), false
	x.live.Look(func(*live.View) { slain = c.Killed })
	if killed && !told {
		seen, err := x.engine.Inspect(ctx, string(c.ID))
		told = err == nil && seen.OOMKilled // it may have forgotten it by now
	}
	if x.group.Shared() {
		return x.judgeShared(ctx, name, killed, told, lately && !slain, own)
	}
	if !told && !limited {
		return state.OOM{}
	}
	grown, hit, known := x.count(ctx)
	switch {
	case told, limited && known && grown && !slain:
		return x.limited(ctx, name, state.OOMKilled, own, hit)
	case !known && lately && !slain:
		return x.limited(ctx, name, state.OOMGuess, own, false)
	}
	return state.OOM{}
}

// told reports whether the engine has said of a container that memory was short in it.
func (x *Examiner) told(c *live.Container) (told bool) {
	x.live.Look(func(*live.View) { told = !c.OOM.IsZero() })
	return told
}

const (
	// recently is how long ago a limit may have been hit that a run has ended by.
	recently = 5 * time.Second
	// tardy is how much later the engine may say of pause than of a component that memory was
	// short, and glance between two looks.
	tardy  = 500 * time.Millisecond
	glance = 20 * time.Millisecond
)

// judgeShared is OOM where the engine says of each container that memory was short when it was for
// all: then only what was killed is meant.
func (x *Examiner) judgeShared(ctx context.Context, name string, killed, told, guess bool, own int64) state.OOM {
	pods := x.pauseStarved()
	for began := time.Now(); killed && told && !pods && time.Since(began) < tardy && clock.Sleep(ctx, glance) == nil; {
		pods = x.pauseStarved()
	}
	switch {
	case pods && !killed:
		return state.OOM{}
	case pods:
		return x.limited(ctx, name, state.OOMKilled, own, true)
	case told:
		return x.limited(ctx, name, state.OOMKilled, own, own == 0)
	case killed && guess:
		return x.limited(ctx, name, state.OOMGuess, own, false)
	}
	return state.OOM{}
}

// pauseStarved reports whether the engine has said just now of pause that memory was short.
func (x *Examiner) pauseStarved() (did bool) {
	x.live.Look(func(v *live.View) {
		pause := v.Containers[plan.Pause]
		did = pause != nil && !pause.OOM.IsZero() && time.Since(pause.OOM) < recently
	})
	return did
}

// limited says whose limit it was: the pod's, if that was hit or the run had none of its own.
func (x *Examiner) limited(ctx context.Context, name string, sure state.Certainty, own int64, hit bool) state.OOM {
	all := x.group.Memory()
	switch {
	case all > 0 && (hit || own == 0):
		o := state.OOM{Sure: sure, Limit: state.PodLimit, Bytes: all}
		o.Most, o.MostBytes = x.most(ctx, name, all)
		return o
	case own > 0:
		return state.OOM{Sure: sure, Limit: state.ComponentLimit, Bytes: own}
	}
	return state.OOM{Sure: sure}
}

// count looks at the pod's group, and says whether something was killed, and whether the pod's own limit
// was hit, of late.
func (x *Examiner) count(ctx context.Context) (grown, hit, known bool) {
	kills, hits, known := x.group.Counts(ctx)
	x.live.Look(func(*live.View) {
		now := time.Now()
		if known && kills > x.counts.kills {
			x.counts.kills, x.counts.killed = kills, now
		}
		if known && hits > x.counts.hits {
			x.counts.hits, x.counts.short = hits, now
		}
		since := func(t time.Time) bool { return !t.IsZero() && now.Sub(t) < recently }
		grown, hit = since(x.counts.killed), since(x.counts.short)
	})
	return grown, hit, known
}

// most is the component that had used most of the pod's memory when all of it was used: what those use
// that are left is known, and the rest was the victim's.
func (x *Examiner) most(ctx context.Context, victim string, all int64) (name string, bytes int64) {
	var others []*live.Container
	var names []string
	x.live.Look(func(v *live.View) {
		for of, c := range v.Containers {
			if of != victim && of != plan.Pause && live.Closed(c.Started) && !live.Closed(c.Over) {
				others, names = append(others, c), append(names, of)
			}
		}
	})
	used := make([]int64, len(others))
	asks := make([]func() error, len(others))
	for i, c := range others {
		asks[i] = func() error {
			u, err := x.engine.Usage(ctx, c.ID)
			used[i] = u.Memory
			return err
		}
	}
	_ = executor.Together(asks) // of whom nothing is known nothing is said
	rest := all
	for i, n := range used {
		rest -= n
		if n > bytes || n == bytes && names[i] < name {
			name, bytes = names[i], n
		}
	}
	if victim != "" && rest > bytes {
		return victim, rest
	}
	return name, bytes
}

// wasStopped reports whether we have asked a component to end, and so may have killed it.
func (x *Examiner) wasStopped(name string) bool {
	c, _ := x.live.Component(name)
	return c.State != lifecycle.Starting && c.State != lifecycle.Running
}

// LastWords is what a component has written into its termination message.
func (x *Examiner) LastWords(ctx context.Context, name string) string {
	pause := x.live.Container(plan.Pause)
	if c, _ := x.pod.Component(name); c.TerminationMessage == "" || pause == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, briefly)
	defer cancel()
	known, _ := x.live.Snapshot()
	text, err := x.engine.Read(ctx, pause.ID, plan.MessagePath(name), int64(status.MessageBytes(known)))
	if err != nil {
		return "" // pause may have gone as well
	}
	return string(text)
}

// sampling is how often the machine's count is looked at.
const sampling = 500 * time.Millisecond

// CountKills keeps count, until ctx ends, of what the kernel kills on the machine for lack
// of memory, where a component may lack it.
func (x *Examiner) CountKills(ctx context.Context) {
	limited := slices.ContainsFunc(x.pod.All(), func(c pod.Component) bool { return c.Resources.Memory > 0 })
	if x.oomKills == nil || !limited {
		return
	}
	beat := clock.NewBeat(sampling)
	for {
		n, known := x.oomKills()
		if !known {
			return
		}
		x.live.Look(func(*live.View) {
			if x.kills < 0 { // before anything of the pod was killed
				x.kills = n
			}
			x.kills, x.killsBefore = n, x.kills
		})
		if beat.Wait(ctx) != nil {
			return
		}
	}
}

// killedLately reports whether the kernel has killed something on the machine for lack of
// memory within the last second.
func (x *Examiner) killedLately() (lately bool) {
	if x.oomKills == nil {
		return false
	}
	n, known := x.oomKills()
	x.live.Look(func(*live.View) { lately = known && x.killsBefore >= 0 && n > x.killsBefore })
	return lately
}
