package runner

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// A connection that is cut is made again at once, and then, if it is cut again, after
// delays that double. One that has held for longer than the longest counts as well.
const firstDelay, longestDelay = 100 * time.Millisecond, 5 * time.Second

// A pace says how long to wait before a connection is made again.
type pace struct {
	delay time.Duration
	last  time.Time
}

// wait waits for that, or fails when ctx ends.
func (p *pace) wait(ctx context.Context) error {
	if time.Since(p.last) > longestDelay {
		p.delay = 0
	}
	err := clock.Sleep(ctx, p.delay)
	p.delay, p.last = min(max(2*p.delay, firstDelay), longestDelay), time.Now()
	return err
}

// await waits for the container's end, again as often as the wait is cut.
func (r *Run) await(exits <-chan engine.Exit) {
	var again pace
	for {
		select {
		case exit := <-exits:
			if exit.Err == nil {
				r.ended(exit)
				return
			}
		case <-r.life.Done():
			r.ended(engine.Exit{Err: context.Cause(r.life)})
			return
		}
		r.noteCut()
		err := again.wait(r.life)
		if err == nil {
			var exit engine.Exit
			exits, exit, err = r.reconnect()
			if err == nil && exits == nil {
				r.ended(exit)
				return
			}
		}
		if err != nil {
			r.ended(engine.Exit{Err: err})
			return
		}
	}
}

// reconnect waits for the end once more. No channel: it has ended, and that is how.
func (r *Run) reconnect() (<-chan engine.Exit, engine.Exit, error) {
	exits, err := r.Engine.Wait(r.life, r.ID) // before looking: an end in between is not missed
	var seen engine.Seen
	if err == nil {
		seen, err = r.Engine.Inspect(r.life, string(r.ID))
	}
	switch {
	case errors.Is(err, engine.ErrNotFound):
		ran, exit := r.lastEnd(r.life)
		if !ran {
			exit = engine.Exit{Err: fmt.Errorf("its end was not seen: %w", err)}
		}
		return nil, exit, nil
	case err != nil:
		return nil, engine.Exit{}, err
	case seen.Running || seen.Created:
		return exits, engine.Exit{}, nil
	}
	return nil, engine.Exit{Code: seen.ExitCode}, nil
}

// lastEnd is how a container ended that is gone, as far as the engine remembers.
func (r *Run) lastEnd(ctx context.Context) (ran bool, exit engine.Exit) {
	since := r.opened
	if !since.IsZero() {
		since = since.Add(-time.Minute)
	}
	past, err := r.Engine.Past(ctx, ofOwner(r.made), since)
	if err != nil {
		return false, engine.Exit{}
	}
	for _, s := range past {
		if s.Container == r.ID && s.Kind == engine.SignDied {
			ran, exit = true, engine.Exit{Code: s.Code}
		}
	}
	return ran, exit
}

// ofOwner are the labels by which all of a container's pod is found.
func ofOwner(c engine.Container) map[string]string {
	return map[string]string{pod.LabelOwner: c.Labels[pod.LabelOwner]}
}

func (r *Run) ended(exit engine.Exit) {
	r.exit = exit
	close(r.done)
}

// noteCut notes that a connection was lost, and so output may be.
func (r *Run) noteCut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = true
}

// wasCut reports whether a connection was lost since it was asked last.
func (r *Run) wasCut() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.cut
	r.cut = false
	return was
}
