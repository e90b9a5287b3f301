package runner

import (
	"sync"
	"time"
)

// A Position is how far a container's output was passed on: whoever adopts it goes on
// there.
type Position struct {
	// Passed is how many bytes of stdout and stderr were passed on, from the container's
	// start.
	Passed [2]int64
	// Anchor is a place in the engine's log from which on it is read, the zero time for its
	// beginning, and Before is how much of each stream comes before that.
	Anchor time.Time
	Before [2]int64
	// At is when Passed was noted last; zero: nothing was ever passed on.
	At time.Time
}

// anchor is the place from which the log is to be read. One that is beyond what was passed on
// is of no use: there may be output between the two.
func (p Position) anchor() anchor {
	if p.Before[stdout] > p.Passed[stdout] || p.Before[stderr] > p.Passed[stderr] {
		return anchor{}
	}
	return anchor{p.Anchor, p.Before}
}

// A Ledger is where a position is noted, for a successor to read if this process is killed.
// SetPassed is called for each line, so it has to be quick, and neither may fail.
type Ledger interface {
	SetPassed(stream int, n int64, at time.Time)
	SetAnchor(at time.Time, before [2]int64)
}

// A Noter notes in a ledger how far a container's output was passed on. It joins two who know
// a part of that each: what takes the output knows what was written, a Run where in the
// log it reads, which is ahead of that. An anchor is noted when all that comes before it was
// written, so that no successor begins behind what was read and lost.
//
// New ones are made by NewNoter. Several goroutines may use one.
type Noter struct {
	mu      sync.Mutex
	to      Ledger
	base    [2]int64 // bytes that were passed on before
	passed  [2]int64
	waiting *anchor // until what comes before it is written
}

// NewNoter makes one for a run whose output is passed on from a position on: that with which it
// is adopted, or the zero one for what was opened.
func NewNoter(to Ledger, from Position) *Noter {
	return &Noter{to: to, base: from.Passed, passed: from.Passed}
}

// Stdout notes that so many bytes of what Config.Stdout was given are passed on.
func (n *Noter) Stdout(passed int64) { n.note(stdout, passed) }

// Stderr is Stdout for stderr.
func (n *Noter) Stderr(passed int64) { n.note(stderr, passed) }

func (n *Noter) note(stream int, passed int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.passed[stream] = n.base[stream] + passed
	n.to.SetPassed(stream, n.passed[stream], time.Now())
	n.handOnLocked()
}

// Anchored notes an anchor as soon as it may be, and none before that: it is for
// Config.Anchored.
func (n *Noter) Anchored(at time.Time, before [2]int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.waiting == nil { // or with many lines on their way none would ever have its turn
		n.waiting = &anchor{at, before}
		n.handOnLocked()
	}
}

// handOnLocked notes the anchor that waits, if its time has come.
func (n *Noter) handOnLocked() {
	a := n.waiting
	if a == nil || n.passed[stdout] < a.before[stdout] || n.passed[stderr] < a.before[stderr] {
		return
	}
	n.to.SetAnchor(a.at, a.before)
	n.waiting = nil
}
