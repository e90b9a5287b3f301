// Package backoff says how long to wait before doing again what has failed. It
// looks at no clock and waits for nothing: its answers are a table.
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
	delay = p.First
	for range failures - 1 {
		if delay >= p.Cap/2 {
			return p.Cap, true
		}
		delay *= 2
	}
	return min(delay, p.Cap), true
}
