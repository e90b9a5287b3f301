// Package clock waits for a time to pass, and never beyond a context. It decides
// nothing: how long a wait is comes from elsewhere.
//
// Nobody who runs in a synctest bubble should wait on a channel timer of their own. One
// that is due before anybody waits for it runs on whoever looks at it first, and two of
// these at once crash the race detector (golang.org/issue/78156, Go 1.26).
package clock

import (
	"context"
	"time"
)

// Sleep waits that long, or fails with ctx's cause when that ends before. There is no
// waiting for no time, or less.
func Sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return context.Cause(ctx)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// A Beat comes once in every period. NewBeat begins one.
type Beat struct {
	period time.Duration
	last   time.Time
}

// NewBeat is a beat that comes a period from now for the first time.
func NewBeat(period time.Duration) *Beat {
	return &Beat{period, time.Now()}
}

// Wait waits for the next beat, or fails as Sleep does. Of those that have come since the
// last one was waited for, one is left, and it comes at once: as with a time.Ticker.
func (b *Beat) Wait(ctx context.Context) error {
	due := b.last.Add(b.period)
	late := time.Since(due)
	b.last = due.Add(max(late, 0).Truncate(b.period))
	return Sleep(ctx, -late)
}

// Left is how long it is until a context's deadline. Zero: that has passed, or there is none.
func Left(ctx context.Context) time.Duration {
	at, _ := ctx.Deadline()
	return max(time.Until(at), 0)
}
