package clock_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podlike/podlike/internal/clock"
)

var errGone = errors.New("gone")

func TestSleepLastsUntilItIsOverOrTheContextIs(t *testing.T) {
	for why, test := range map[string]struct {
		sleep, lasts, want time.Duration
		err                error
	}{
		"it is over":                     {sleep: time.Second, lasts: time.Minute, want: time.Second},
		"the context is over before":     {sleep: time.Minute, lasts: time.Second, want: time.Second, err: errGone},
		"there is nothing to wait for":   {sleep: 0, lasts: time.Minute},
		"it should have been over":       {sleep: -time.Second, lasts: time.Minute},
		"the context was over before it": {sleep: time.Second, lasts: 0, err: errGone},
		"neither has any time":           {sleep: 0, lasts: 0, err: errGone},
	} {
		t.Run(why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeoutCause(t.Context(), test.lasts, errGone)
				defer cancel()
				began := time.Now()
				err := clock.Sleep(ctx, test.sleep)
				if took := time.Since(began); took != test.want || !errors.Is(err, test.err) {
					t.Errorf("slept %s and said %v, want %s and %v", took, err, test.want, test.err)
				}
			})
		})
	}
}

// What is done between beats takes its time. The beats are those of a time.Ticker.
func TestABeatThatWasMissedComesAtOnceAndOnlyOnce(t *testing.T) {
	busy := []time.Duration{0, 400, 999, 1000, 1001, 0, 2500, 0, 100, 7200, 300, 0}
	beats := func(t *testing.T, wait func()) (at []time.Duration) {
		began := time.Now()
		for _, takes := range busy {
			time.Sleep(takes * time.Millisecond)
			wait()
			at = append(at, time.Since(began))
		}
		return at
	}
	synctest.Test(t, func(t *testing.T) {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		want := beats(t, func() { <-ticker.C })
		beat := clock.NewBeat(time.Second)
		got := beats(t, func() {
			if err := beat.Wait(t.Context()); err != nil {
				t.Error(err)
			}
		})
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("after %s beats came at %s, want %s", busy[i]*time.Millisecond, got, want)
				break
			}
		}
	})
}

func TestABeatEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 2500*time.Millisecond, errGone)
		defer cancel()
		beat, n := clock.NewBeat(time.Second), 0
		for beat.Wait(ctx) == nil {
			n++
		}
		if n != 2 {
			t.Errorf("%d beats in 2.5 s, want 2", n)
		}
	})
}

// With channel timers in its place this crashes the race detector within a second or two.
func TestManyMayWaitForWhatIsOverdueAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				beat := clock.NewBeat(time.Second)
				for range 2000 {
					time.Sleep(3 * time.Second)
					if err := errors.Join(beat.Wait(t.Context()), clock.Sleep(t.Context(), 0)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
	})
}
