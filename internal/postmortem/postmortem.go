// Package postmortem finds out why a component's run has ended: whether the kernel killed it
// for lack of memory, and what it has said of its end itself. It does not decide what
// follows from that.
package postmortem

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
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
}

// An Examiner looks into the ends of a pod's components. New makes it.
type Examiner struct {
	engine Engine
	pod    pod.Pod
	live   *live.State
	// oomKills is how many processes the kernel has killed for lack of memory so far,
	// wherever on the engine's machine. Nil, or not known: it does not tell.
	oomKills func() (n int64, known bool)
	// kills is how many that were when it was looked at last, and killsBefore the time
	// before. -1: nobody has looked. They are under the lock of live.
	kills, killsBefore int64
}

// New is an examiner of a pod's. OOMKills is how many processes the kernel has killed for
// lack of memory so far, wherever on the engine's machine. Nil, or not known: it does not tell.
func New(e Engine, p pod.Pod, l *live.State, oomKills func() (n int64, known bool)) *Examiner {
	return &Examiner{engine: e, pod: p, live: l, oomKills: oomKills, kills: -1, killsBefore: -1}
}

// HasEnded reports whether a container that ran does not any more. Of its end we may not have
// been told yet.
func (x *Examiner) HasEnded(ctx context.Context, c *live.Container) bool {
	ctx, cancel := context.WithTimeout(ctx, briefly)
	defer cancel()
	seen, err := x.engine.Inspect(ctx, string(c.ID))
	return errors.Is(err, engine.ErrNotFound) || err == nil && !seen.Running
}

// OOM reports whether the kernel ended a run for lack of memory. The engine's word comes
// first, but it may be late, and under load one in twenty never comes on engines of old.
// So for a component with a limit that was killed, and not by us, that something on the
// machine was killed for that reason within the last second is a guess.
func (x *Examiner) OOM(ctx context.Context, name string, c *live.Container, exit engine.Exit) state.OOM {
	component, _ := x.pod.Component(name)
	limited := exit.Code == KilledCode && component.Resources.Memory > 0
	lately := limited && x.killedLately()
	ctx, cancel := context.WithTimeout(ctx, briefly)
	defer cancel()
	if limited && !x.wasStopped(name) { // otherwise nobody need have waited for the sign
		live.Wait(ctx, c.SignedOff)
	}
	told := false
	x.live.Look(func(*live.View) { told = c.OOMKilled })
	switch {
	case told:
		return state.OOMKilled
	case exit.Code != KilledCode || x.wasStopped(name):
		return ""
	}
	if seen, err := x.engine.Inspect(ctx, string(c.ID)); err == nil && seen.OOMKilled { // it may have forgotten it by now
		return state.OOMKilled
	}
	if lately {
		return state.OOMGuess
	}
	return ""
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
