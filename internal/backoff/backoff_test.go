package backoff_test

import (
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/backoff"
)

// delays are all that a policy gives until it gives up.
func delays(p backoff.Policy) (all []time.Duration) {
	for failures := 1; ; failures++ {
		delay, again := p.After(failures)
		if !again {
			return all
		}
		all = append(all, delay)
	}
}

func TestTheDelayDoublesUpToItsCapAndTriesEnd(t *testing.T) {
	const s = time.Second
	for name, c := range map[string]struct {
		why    string
		policy backoff.Policy
		want   []time.Duration
	}{
		"Doubling":    {"each failure doubles the delay", backoff.Policy{First: s, Cap: time.Minute, Tries: 5}, []time.Duration{s, 2 * s, 4 * s, 8 * s}},
		"Capped":      {"no delay is longer than the cap", backoff.Policy{First: s, Cap: 5 * s, Tries: 6}, []time.Duration{s, 2 * s, 4 * s, 5 * s, 5 * s}},
		"CapIsPower":  {"a cap that is met exactly is no delay twice as long", backoff.Policy{First: s, Cap: 4 * s, Tries: 5}, []time.Duration{s, 2 * s, 4 * s, 4 * s}},
		"FirstTooBig": {"the cap holds for the first delay too", backoff.Policy{First: 9 * s, Cap: 5 * s, Tries: 3}, []time.Duration{5 * s, 5 * s}},
		"OneTry":      {"one try has no second", backoff.Policy{First: s, Cap: s, Tries: 1}, nil},
		"Zero":        {"the zero policy never tries again", backoff.Policy{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, delays(c.policy)); diff != "" {
				t.Errorf("%s:\n%s", c.why, diff)
			}
		})
	}
}

func TestManyFailuresNeverOverflowTheDelay(t *testing.T) {
	p := backoff.Policy{First: 1, Cap: math.MaxInt64, Tries: math.MaxInt}
	for failures := 1; failures < 200; failures++ {
		if delay, again := p.After(failures); !again || delay <= 0 {
			t.Fatalf("after %d failures: %v, %v", failures, delay, again)
		}
	}
}

func TestRestartsBeginAtOnceAndSlowDown(t *testing.T) {
	var got []time.Duration
	for n := 1; n <= 8; n++ {
		got = append(got, backoff.Restarts{First: 10 * time.Second, Cap: 300 * time.Second}.Before(n)/time.Second)
	}
	if diff := cmp.Diff([]time.Duration{0, 10, 20, 40, 80, 160, 300, 300}, got); diff != "" {
		t.Error(diff)
	}
}

func TestACapBelowTheFirstDelayHolds(t *testing.T) {
	if got := (backoff.Restarts{First: time.Minute, Cap: time.Second}).Before(2); got != time.Second {
		t.Errorf("got %v", got)
	}
}
