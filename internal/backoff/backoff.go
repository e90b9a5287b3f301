// Package backoff says how long to wait before doing again what has failed: a pull,
// or a component's run. It looks at no clock and waits for nothing: its answers are a
// table.
package backoff

import "time"

// A Policy is a bounded number of tries with a delay that doubles between them.
// There is no jitter: what we do again we do for one pod, and its log shall say
// when the next try is.
type Policy struct {
	// First is the delay after the first failure.
	First time.Duration
	// Cap is the longest delay.
	Cap time.Duration
	// Tries is how many there are in all, the first included.
	Tries int
}

// After says how long to wait after that many failures in a row, and whether there
// is to be another try at all.
func (p Policy) After(failures int) (delay time.Duration, again bool) {
	if failures < 1 || failures >= p.Tries {
		return 0, false
	}
	return doubled(p.First, p.Cap, failures-1), true
}

// Calm is how long a run has to last for those before it to be forgotten, as for the
// kubelet.
const Calm = 10 * time.Minute

// Restarts are without an end. The first one is at once.
type Restarts struct {
	// First is the delay before the second one; it doubles from then on.
	First time.Duration
	// Cap is the longest delay.
	Cap time.Duration
}

// Before says how long to wait before the nth restart since the last calm, from 1.
func (r Restarts) Before(n int) time.Duration {
	if n < 2 {
		return 0
	}
	return doubled(r.First, r.Cap, n-2)
}

// doubled is a delay that was doubled so many times, at most a longest one.
func doubled(delay, longest time.Duration, times int) time.Duration {
	for range times {
		if delay >= longest/2 {
			return longest
		}
		delay *= 2
	}
	return min(delay, longest)
}
