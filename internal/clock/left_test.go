package clock_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podlike/podlike/internal/clock"
)

func TestWhatIsLeftIsNeverLessThanNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, row := range []struct {
			why         string
			after, want time.Duration
		}{
			{"the deadline is yet to come", time.Minute, time.Minute},
			{"it has passed", -time.Minute, 0},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), row.after)
			defer cancel()
			if got := clock.Left(ctx); got != row.want {
				t.Errorf("%s are left, want %s: %s", got, row.want, row.why)
			}
		}
		if got := clock.Left(t.Context()); got != 0 {
			t.Errorf("%s are left without a deadline", got)
		}
	})
}
