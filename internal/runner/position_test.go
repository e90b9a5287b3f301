package runner_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/runner"
)

// A ledger remembers what is noted in it, in its order.
type ledger []string

func (l *ledger) SetPassed(stream int, n int64, at time.Time) {
	*l = append(*l, fmt.Sprintf("%d: %d at %s", stream, n, at.UTC().Format("05")))
}

func (l *ledger) SetAnchor(at time.Time, before [2]int64) {
	*l = append(*l, fmt.Sprintf("anchor %d: %d", at.Unix(), before))
}

func TestAnAnchorIsNotedWhenAllBeforeItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l ledger
		n := runner.NewNoter(&l, runner.Position{Passed: [2]int64{100, 10}})
		n.Anchored(time.Unix(1, 0), [2]int64{100, 10}) // the predecessor has written that
		n.Anchored(time.Unix(2, 0), [2]int64{120, 12})
		n.Stdout(10)
		n.Stdout(30)
		n.Anchored(time.Unix(3, 0), [2]int64{130, 15}) // not in the place of one that waits
		time.Sleep(time.Second)
		n.Stderr(2)
		n.Anchored(time.Unix(4, 0), [2]int64{130, 20})
		n.Stderr(9)
		n.Stderr(10)
		want := ledger{"anchor 1: [100 10]", "0: 110 at 00", "0: 130 at 00", "1: 12 at 01", "anchor 2: [120 12]", "1: 19 at 01", "1: 20 at 01", "anchor 4: [130 20]"}
		if diff := cmp.Diff(want, l); diff != "" {
			t.Error(diff)
		}
	})
}
