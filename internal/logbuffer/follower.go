package logbuffer

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"time"
)

// readBytes is how much Read returns at once, about. A reader's memory is bounded so.
const readBytes = 64 << 10

// lineCost is what a Line takes up beside its text, about.
const lineCost = 128

// A Line is a line of output, without its line feed, or says that some are missing.
type Line struct {
	// At is the time of day as the clock was set then.
	At        time.Time
	Component string
	Stream    Stream
	Text      string
	// Partial says that the line goes on in the next Line of this stream.
	Partial bool
	// Lost, when not zero, is how many lines of the component were here and are not kept
	// any more. There is nothing else in the Line then but the component.
	Lost int
}

// A Follower reads a buffer: what is in it, and then what is added. It is a place in the
// buffer and holds no line, so it needs no end. Only one goroutine may use it.
type Follower struct {
	buffer    *Buffer
	component string // empty: all
	previous  bool
	since     time.Duration   // by the buffer's clock
	first     map[string]*Run // the oldest run of each component that is read
	read      map[*Run]int    // how many lines of each
	seen      int64           // how many records there were when nothing was left to read
}

// Follow begins with the first line of a component's current run, or of all components'
// if that is empty; previous: of the runs before, and only those.
//
// Lines from before since are left out. A time without a monotonic reading is taken by
// the clock as it is set now: whatever the clock did since a line was said, the line is
// as old as it is.
func (b *Buffer) Follow(component string, previous bool, since time.Time) *Follower {
	f := &Follower{buffer: b, component: component, previous: previous, since: math.MinInt64, first: map[string]*Run{}, read: map[*Run]int{}}
	b.mu.Lock()
	defer b.mu.Unlock()
	if !since.IsZero() {
		wall, passed := b.now()
		f.since = passed + min(since.Sub(wall), math.MaxInt64-passed)
	}
	for name, of := range b.components {
		f.first[name] = of.current
		if previous {
			f.first[name] = of.previous
		}
	}
	return f
}

// Read returns what was added since the last Read, in order, some 64 KiB of it at most:
// there is nothing more for now when it returns nothing. Where lines are not kept any
// more a Line says so. It does not wait.
func (f *Follower) Read() []Line {
	f.buffer.mu.Lock()
	defer f.buffer.mu.Unlock()
	var lines []Line
	places := f.placesLocked()
	for size := 0; size < readBytes; {
		next := earliest(places)
		if next == nil {
			f.seen = f.buffer.records
			break
		}
		before := len(lines)
		lines = next.readLocked(lines)
		for _, l := range lines[before:] {
			size += len(l.Text) + lineCost
		}
	}
	for _, p := range places {
		f.read[p.run] = p.lines
	}
	return lines
}

// A place is how far a run has been read.
type place struct {
	run    *Run
	lines  int      // how many are read
	blocks []*block // with the lines that are left
	rest   []byte   // what is left of the first of the blocks
}

// placesLocked are the places in all the runs that are followed.
func (f *Follower) placesLocked() (all []*place) {
	for name, of := range f.buffer.components {
		if f.component != "" && f.component != name {
			continue
		}
		if _, ok := f.first[name]; !ok && !f.previous {
			f.first[name] = cmp.Or(of.previous, of.current) // it has begun in the meantime
		}
		for f.first[name] != nil && !f.previous && f.first[name].overLocked(f.read) {
			delete(f.read, f.first[name])
			f.first[name] = f.first[name].next
		}
		for r := f.first[name]; r != nil; r = r.next {
			all = append(all, r.placeLocked(f.read[r], f.since))
			if f.previous {
				break
			}
		}
	}
	return all
}

// overLocked tells whether there is nothing to read of a run any more. What a run that is
// dropped may still say is not told then.
func (r *Run) overLocked(read map[*Run]int) bool { return r.dropped && read[r] == r.gone }

// placeLocked is the place in a run behind so many lines, or behind all that is from before
// since.
func (r *Run) placeLocked(lines int, since time.Duration) *place {
	p := &place{run: r, lines: lines}
	if r.gone > lines && r.goneAt < since {
		p.lines = r.gone // they would have been left out
	}
	at := r.gone
	for i, b := range r.blocks {
		if at+b.lines <= p.lines || b.at < since {
			at += b.lines
			continue
		}
		p.blocks, p.rest = r.blocks[i:], b.data
		break
	}
	for len(p.rest) > 0 {
		c, rest := parse(p.rest)
		if at >= p.lines && c.passed >= since {
			break
		}
		at, p.rest = at+countLines(c.text), rest
	}
	if at > r.gone {
		p.lines = max(p.lines, at)
	}
	return p
}

// earliest is the place where what was said first is to be read, or nil.
func earliest(places []*place) (first *place) {
	var number int64
	for _, p := range places {
		if n, ok := p.number(); ok && (first == nil || n < number) {
			first, number = p, n
		}
	}
	return first
}

// number is that of the next record to be read, or of the last of those that are lost.
func (p *place) number() (number int64, ok bool) {
	switch {
	case p.lines < p.run.gone:
		return p.run.goneRecord, true
	case len(p.rest) > 0:
		c, _ := parse(p.rest)
		return c.number, true
	}
	return 0, false
}

// readLocked reads a record, or that some are lost.
func (p *place) readLocked(lines []Line) []Line {
	if lost := p.run.gone - p.lines; lost > 0 {
		p.lines = p.run.gone
		return append(lines, Line{Component: p.run.component, Lost: lost})
	}
	var c record
	if c, p.rest = parse(p.rest); len(p.rest) == 0 {
		if p.blocks = p.blocks[1:]; len(p.blocks) > 0 {
			p.rest = p.blocks[0].data
		}
	}
	for text := range bytes.Lines(c.text) {
		line, whole := bytes.CutSuffix(text, []byte{'\n'})
		lines = append(lines, Line{At: time.Unix(0, c.wall), Component: p.run.component, Stream: c.stream, Text: string(line), Partial: !whole})
		p.lines++
	}
	return lines
}

// Wait returns when there may be something to Read, or with the reason why ctx is done.
func (f *Follower) Wait(ctx context.Context) error {
	news, more := f.look()
	if news {
		return nil
	}
	select {
	case <-more:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// look tells whether something was added since the last Read, and what tells of it.
func (f *Follower) look() (news bool, more <-chan struct{}) {
	b := f.buffer
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.more == nil {
		b.more = make(chan struct{})
	}
	return b.records > f.seen, b.more
}
