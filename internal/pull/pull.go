// Package pull fetches images, again as long as that may help, and tells how far it is.
// It decides neither which images nor when.
package pull

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

// A Puller fetches images.
type Puller struct {
	Engine engine.Images
	Keys   keyring.Keyring
	Emit   event.Sink
	// Progress is told how far fetching an image is. Nothing said: it is over.
	Progress func(ref, said string)
}

// Fetch pulls an image and looks at what has come. Why says why where that is not plain.
func (p *Puller) Fetch(ctx context.Context, ref, platform, why string) (engine.Image, error) {
	began := time.Now()
	p.Emit(event.Event{Kind: event.Pulling, Image: ref, Why: why})
	p.Progress(ref, "pulling "+ref)
	defer p.Progress(ref, "")
	if err := p.keepPulling(ctx, ref, platform, p.Keys.For(ref)); err != nil {
		return engine.Image{}, err
	}
	image, err := p.Engine.Image(ctx, ref)
	if err == nil {
		p.Emit(event.Event{Kind: event.Pulled, Image: ref, Took: time.Since(began)})
	}
	return image, err
}

// keepPulling pulls an image, again as long as that may help.
func (p *Puller) keepPulling(ctx context.Context, ref, platform string, key keyring.Key) error {
	for failures := 1; ; failures++ {
		err := p.Engine.Pull(ctx, ref, platform, key.Credential, p.sayProgress(ref))
		if err == nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		delay, again := pullAgain(err, key, failures)
		if !again {
			return explained(err, key)
		}
		p.Emit(event.Event{Kind: event.PullRetried, Image: ref, Why: err.Error(), In: delay})
		p.Progress(ref, fmt.Sprintf("pulling %s again after %s: %v", ref, delay, err))
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
func (p *Puller) sayProgress(ref string) func(engine.Progress) {
	said := time.Now()
	return func(now engine.Progress) {
		if time.Since(said) >= tellEvery {
			said = time.Now()
			p.Emit(event.Event{Kind: event.Pulling, Image: ref, Progress: progress(now)})
			p.Progress(ref, "pulling "+ref+": "+progress(now))
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
