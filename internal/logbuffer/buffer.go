// Package logbuffer keeps the last lines of the components' output in memory, for those
// who ask afterwards and for those who follow. It never uses more memory than it was
// given, whoever writes how much, and nobody who writes ever waits for one who reads.
//
// buffer.go bounds what is kept, run.go keeps the lines of one run, follower.go reads.
package logbuffer

import (
	"cmp"
	"sync"
	"time"
)

// A Buffer keeps the output of each component's current run and of the one before.
// All of them share its memory: where there is no room for a new line, the oldest lines
// of the run that holds most are forgotten. So a loud component displaces its own lines
// and not those of a quiet one. New buffers are made by NewBuffer.
type Buffer struct {
	max int // bytes that all blocks together may have
	now clock

	mu         sync.Mutex
	used       int   // bytes that all blocks together have
	records    int64 // how many records there ever were, so the next one's number
	components map[string]*runs
	more       chan struct{} // closed with the next record; nil while nobody waits
}

// runs are a component's last two. The previous one is nil during the first.
type runs struct{ previous, current *Run }

// A clock tells the time of day, which may be set back, and how much time has passed
// since some moment, which only grows.
type clock func() (wall time.Time, passed time.Duration)

// NewBuffer makes a buffer that uses so many bytes of memory at most for the lines of
// all components, about 30 bytes for each write included. A line of 64 KiB always fits.
func NewBuffer(bytes int) *Buffer {
	began := time.Now()
	return &Buffer{
		max: max(bytes, headerSize+maxLine+1), components: map[string]*runs{},
		now: func() (time.Time, time.Duration) { t := time.Now(); return t, t.Sub(began) },
	}
}

// Run begins a component's next run. What the one before still has to say is kept with
// that one; the lines of the one before that are forgotten.
func (b *Buffer) Run(component string) *Run {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &Run{buffer: b, component: component}
	of, ok := b.components[component]
	if !ok {
		b.components[component] = &runs{current: r}
		return r
	}
	if of.previous != nil {
		of.previous.dropLocked()
	}
	of.current.next = r
	of.previous, of.current = of.current, r
	return r
}

// Runs tells how many runs of a component are in the buffer: 0, 1 or 2.
func (b *Buffer) Runs(component string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	of, ok := b.components[component]
	switch {
	case !ok:
		return 0
	case of.previous == nil:
		return 1
	}
	return 2
}

// blockLocked makes room for one more block of a run. A block that has to go for it is
// used again where it has the size, so that a full buffer allocates nothing.
func (b *Buffer) blockLocked(r *Run, size int) *block {
	var spare *block
	for b.used+size > b.max {
		largest := b.largestLocked(r)
		if largest == nil {
			break // nothing is kept at all, and NewBuffer has seen to it that any line fits
		}
		spare = largest.forgetLocked()
	}
	if spare == nil || cap(spare.data) != size {
		spare = &block{data: make([]byte, 0, size)}
	}
	b.used += size
	*spare = block{data: spare.data[:0]}
	return spare
}

// largestLocked is the run that holds most, or nil if none holds anything. Of two that
// hold the same it is the one that needs the room, or else the one whose lines are older.
func (b *Buffer) largestLocked(needs *Run) (largest *Run) {
	for _, of := range b.components {
		for _, r := range []*Run{of.previous, of.current} {
			if r != nil && len(r.blocks) > 0 && (largest == nil || r.goesBefore(largest, needs)) {
				largest = r
			}
		}
	}
	return largest
}

// goesBefore tells whether lines of r are forgotten rather than those of another run.
func (r *Run) goesBefore(other, needs *Run) bool {
	if r.held != other.held {
		return r.held > other.held
	}
	if r == needs || other == needs {
		return r == needs
	}
	return cmp.Less(r.blocks[0].first, other.blocks[0].first)
}

// wakeLocked wakes those who wait for a record.
func (b *Buffer) wakeLocked() {
	if b.more != nil {
		close(b.more)
		b.more = nil
	}
}
