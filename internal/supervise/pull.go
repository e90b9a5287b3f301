package supervise

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/podlike/podlike/internal/backoff"
	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/keyring"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/plan"
)

// tellEvery is how often a pull says how far it is.
const tellEvery = 2 * time.Second

var (
	// outages are the tries while an image cannot be had at the moment: some 15
	// seconds of them, for a registry that restarts. One that is away for longer is
	// for whoever restarts the pod.
	outages = backoff.Policy{First: time.Second, Cap: 10 * time.Second, Tries: 5}
	// refusals are the tries while credentials are refused. A registry that could not
	// answer the engine's first question is sent none, and so refuses those that are right.
	refusals = backoff.Policy{First: time.Second, Cap: time.Second, Tries: 2}
)

// pull fetches an image. A component whose image cannot be had ends the pod.
func (r *run) pull(ctx context.Context, ref, platform string) error {
	if err := r.fetch(ctx, ref, platform); err != nil {
		return r.cannotHave(r.firstUser(ref), err)
	}
	return nil
}

// cannotHave notes that a component has no image, which no restart would mend.
func (r *run) cannotHave(name string, err error) error {
	if !r.isOver() {
		r.board.update(name, func(e *entry) {
			e.State = lifecycle.Never
			e.end(ending{code: engine.FaultCode, why: err.Error(), finished: time.Now()})
		})
	}
	return &ended{component: name, code: engine.FaultCode, err: err}
}

// firstUser names a component that runs an image, or pause.
func (r *run) firstUser(image string) string {
	for _, c := range r.Pod.All() {
		if c.Image == image {
			return c.Name
		}
	}
	return plan.Pause
}

// fetch pulls an image, telling of it, and looks at what has come.
func (r *run) fetch(ctx context.Context, ref, platform string) error {
	began := time.Now()
	r.Tell(event.Event{Kind: event.Pulling, Image: ref})
	r.board.pulls(ref, "pulling "+ref)
	defer r.board.pulls(ref, "")
	if err := r.keepPulling(ctx, ref, platform, r.Keys.For(ref)); err != nil {
		return err
	}
	if err := r.lookAtImage(ctx, ref); err != nil {
		return err
	}
	r.Tell(event.Event{Kind: event.Pulled, Image: ref, Took: time.Since(began)})
	return nil
}

// keepPulling pulls an image, again as long as that may help.
func (r *run) keepPulling(ctx context.Context, ref, platform string, key keyring.Key) error {
	for failures := 1; ; failures++ {
		err := r.Engine.Pull(ctx, ref, platform, key.Credential, r.sayProgress(ref))
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		delay, again := pullAgain(err, key, failures)
		if !again {
			return explained(err, key)
		}
		r.Tell(event.Event{Kind: event.PullRetried, Image: ref, Why: err.Error(), In: delay})
		r.board.pulls(ref, fmt.Sprintf("pulling %s again after %s: %v", ref, delay, err))
		if err := clock.Sleep(ctx, delay); err != nil {
			return err
		}
	}
}

// pullAgain says when to pull again after so many failures, the last of them err,
// and whether to.
func pullAgain(err error, key keyring.Key, failures int) (time.Duration, bool) {
	switch {
	case errors.Is(err, engine.ErrUnavailable):
		return outages.After(failures)
	case errors.Is(err, engine.ErrDenied) && key.Given():
		return refusals.After(failures)
	}
	return 0, false
}

// explained says of a refusal what to do about it.
func explained(err error, key keyring.Key) error {
	if errors.Is(err, engine.ErrDenied) {
		return fmt.Errorf("%w; %s", err, key.Advice())
	}
	return err
}

// sayProgress tells how far a pull is, at a rate that a person can read.
func (r *run) sayProgress(ref string) func(engine.Progress) {
	said := time.Now()
	return func(p engine.Progress) {
		if time.Since(said) >= tellEvery {
			said = time.Now()
			r.Tell(event.Event{Kind: event.Pulling, Image: ref, Progress: progress(p)})
			r.board.pulls(ref, "pulling "+ref+": "+progress(p))
		}
	}
}

// progress says how far a pull is.
func progress(p engine.Progress) string {
	if p.Total == 0 {
		return p.Status
	}
	return fmt.Sprintf("%s %.1f of %.1f MB", p.Status, float64(p.Done)/1e6, float64(p.Total)/1e6)
}

// lacksImage reports whether an image is not there. Where that cannot be learned it
// counts as there.
func (r *run) lacksImage(ctx context.Context, ref string) bool {
	_, err := r.Engine.Image(ctx, ref)
	return errors.Is(err, engine.ErrNotFound)
}
