package runner

import (
	"bytes"
	"time"

	"github.com/podlike/podlike/internal/engine"
)

// An anchor is a place in the engine's log: a time, and how much of each stream has an older
// one.
type anchor struct {
	at     time.Time
	before [2]int64
}

// shift has so much more of each stream come before it.
func (a *anchor) shift(by [2]int64) {
	for stream, n := range by {
		a.before[stream] += n
	}
}

const (
	// anchorAge is how much older than the last record an anchor is at least. The engine
	// gives each stream's records their times before it puts both streams' into one log, so a
	// record of one may come behind a younger one of the other. What is read from a time on is
	// without it then.
	anchorAge = time.Second
	// anchorPace is how often an anchor is told at most.
	anchorPace = time.Second
)

// The anchors of a log that is followed are a place from which on it can be read again, and
// one that is to be the next.
type anchors struct {
	anchor anchor
	next   anchor    // the zero time: none
	open   [2]bool   // the stream's last record has no end: those that follow have its time
	told   time.Time // when an anchor was told last
}

// restart is for when the log is read again from the anchor on.
func (a *anchors) restart() { a.next, a.open = anchor{}, [2]bool{} }

// shift has so much more of each stream come before both.
func (a *anchors) shift(by [2]int64) {
	a.anchor.shift(by)
	a.next.shift(by)
}

// weigh looks at the next record, in a log of which that much was read, and reports whether the
// anchor has moved.
func (a *anchors) weigh(record engine.Record, stream int, read anchor) (moved bool) {
	if record.At.IsZero() {
		return false
	}
	between := !a.open[stdout] && !a.open[stderr]
	newest := record.At.After(read.at)
	switch {
	case a.next.at.IsZero():
		if between && newest {
			a.next = anchor{record.At, read.before}
		}
	case record.At.Before(a.next.at):
		a.next.before[stream] += int64(len(record.Text))
	case between && newest && record.At.Sub(a.next.at) >= anchorAge:
		a.anchor, a.next, moved = a.next, anchor{record.At, read.before}, true
	}
	a.open[stream] = !bytes.HasSuffix(record.Text, []byte{'\n'})
	return moved
}
