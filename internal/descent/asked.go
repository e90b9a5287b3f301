package descent

import (
	"context"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

const (
	// atOnce is for how long others may still be asked by whoever stops all containers
	// of a pod, or of the machine, at once, when one was.
	atOnce = 250 * time.Millisecond
	// slowness is how much longer than for an answer an engine may take to tell of a signal.
	slowness = 5
	// recently is how far back a signal counts as one of those.
	recently = 2 * time.Second
)

// learnWhoWasAsked finds out which components somebody else has sent their stop signal:
// docker stop of all containers does so at the same moment. They are not asked again, for
// a second signal means "now" to many. As long as there are new ones there may be more.
func (d *Descent) learnWhoWasAsked(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(d.hurry, cancel)
	defer stop()
	if lease := d.Live.Lease(); lease != nil {
		defer func() { _ = lease.Stopping() }() // pause has ended otherwise
	}
	began := time.Now()
	more := d.learnOnce(ctx, began)
	if d.PauseAsked || more {
		more = true
	} else if d.SupervisorAsked() && d.Settle > 0 { // the slower the engine, the later it tells
		more = d.pauseIsAsked(ctx, max(d.Settle, slowness*time.Since(began))) || ctx.Err() == nil && d.learnOnce(ctx, began)
	}
	for more && clock.Sleep(ctx, atOnce) == nil {
		more = d.learnOnce(ctx, began)
	}
}

// pauseIsAsked waits for a time and reports whether pause was asked to stop meanwhile, as it is
// by whoever asks all. Pause says so itself, which is sooner than the engine does.
func (d *Descent) pauseIsAsked(ctx context.Context, within time.Duration) bool {
	lease := d.Live.Lease()
	if lease == nil {
		_ = clock.Sleep(ctx, within)
		return false
	}
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	live.Wait(limited, lease.Asked())
	return live.Closed(lease.Asked())
}

// learnOnce notes who was asked so far, and reports whether somebody was just now.
func (d *Descent) learnOnce(ctx context.Context, now time.Time) (news bool) {
	signs, err := d.Engine.Past(ctx, map[string]string{pod.LabelOwner: d.Owner.ID}, now.Add(-plan.BudgetOf(d.Pod).Kill))
	if err != nil {
		return false
	}
	for _, s := range signs {
		if s.Kind == engine.SignSignalled && d.noteAsked(s) && now.Sub(s.At) < recently {
			news = true
		}
	}
	return news
}

// noteAsked notes who was sent a signal, if it is the one to stop, and reports whether
// that is news.
func (d *Descent) noteAsked(s engine.Sign) (news bool) {
	for name, c := range d.Live.Containers() {
		if c.ID == s.Container && (name == plan.Pause || s.Signal == engine.SignalNumber(d.StopSignal(name))) {
			return c.MarkAsked()
		}
	}
	return false
}
