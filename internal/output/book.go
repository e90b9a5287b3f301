package output

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

const (
	// bookLine is how much of a line a book keeps at most.
	bookLine = 64 << 10
	// lineCost is what a line takes up beside its text, about.
	lineCost = 96
	// lastBytes is how much of a line Last tells at most.
	lastBytes = 4 << 10
)

// Stream is one of a component's two.
type Stream string

// The streams.
const (
	Stdout Stream = "stdout"
	Stderr Stream = "stderr"
)

// A Line is a line of output, without its end, or says that some are missing.
type Line struct {
	At        time.Time
	Component string
	Stream    Stream
	Text      string
	// Cut is how many bytes at the end of a very long line were not kept.
	Cut int
	// Lost, when not zero, is how many lines of the component are not kept that were
	// here. There is nothing else in the Line then.
	Lost int

	number int // in the book
}

// A Book keeps the output of each component's current run and of the one before, for
// those who ask afterwards and for those who follow. Each run keeps its last lines.
// Who reads holds up nobody. NewBook makes it.
type Book struct {
	keep int // bytes a run

	mu    sync.Mutex
	lines int // how many there were, so the next one's number
	pages map[string]*pages
	more  chan struct{} // nil while nobody waits
}

// pages are a component's two runs. The previous one is nil during the first.
type pages struct{ previous, current *Run }

// NewBook makes a book that keeps so many bytes of each run, in whole lines.
func NewBook(keep int) *Book {
	return &Book{keep: keep, pages: map[string]*pages{}}
}

// A Run is what a component has said from one start to its end.
type Run struct {
	book      *Book
	component string
	lines     []Line
	gone      int  // how many lines before those are not kept any more
	bytes     int  // what the lines take up
	next      *Run // the run after this one
	dropped   bool // nothing is kept of it any more
}

// Run begins a component's next run. What of the last one is still to come is kept
// with that one.
func (b *Book) Run(component string) *Run {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := &Run{book: b, component: component}
	p, ok := b.pages[component]
	if !ok {
		b.pages[component] = &pages{current: r}
		return r
	}
	if p.previous != nil {
		p.previous.dropLocked()
	}
	p.current.next = r
	p.previous, p.current = p.current, r
	return r
}

// dropLocked forgets all of a run. Those who follow it learn how many lines that were.
func (r *Run) dropLocked() {
	r.gone += len(r.lines)
	r.lines, r.dropped = nil, true
}

// Keeper remembers the lines of one of the streams.
func (r *Run) Keeper(s Stream) Keeper { return Keeper{r, s} }

// A Keeper writes the lines of one stream into the book.
type Keeper struct {
	run    *Run
	stream Stream
}

// Add takes a line without its end, and does not hold on to the bytes.
func (k Keeper) Add(line []byte) {
	kept := line[:min(len(line), bookLine)]
	k.run.add(Line{Component: k.run.component, Stream: k.stream, Text: string(kept), Cut: len(line) - len(kept)})
}

// add remembers one line, and forgets as many as are too many then.
func (r *Run) add(l Line) {
	b := r.book
	b.mu.Lock()
	defer b.mu.Unlock()
	l.At, l.number = time.Now(), b.lines
	b.lines++
	r.lines = append(r.lines, l)
	r.bytes += l.cost()
	for r.bytes > b.keep && len(r.lines) > 1 || r.dropped && len(r.lines) > 0 {
		r.bytes -= r.lines[0].cost()
		r.lines[0] = Line{} // its text is not to be held by what is behind the slice
		r.lines, r.gone = r.lines[1:], r.gone+1
	}
	if b.more != nil {
		close(b.more)
		b.more = nil
	}
}

func (l Line) cost() int { return len(l.Text) + lineCost }

// Last are the texts of the last n lines, at most 4 KiB of each.
func (r *Run) Last(n int) []string {
	r.book.mu.Lock()
	defer r.book.mu.Unlock()
	var texts []string
	for _, l := range r.lines[max(len(r.lines)-n, 0):] {
		texts = append(texts, l.Text[:min(len(l.Text), lastBytes)])
	}
	return texts
}

// A Follower reads a book: what is in it, and then what is added. It is a place in
// the book and holds no line, so it needs no end. It is for one goroutine.
type Follower struct {
	book      *Book
	component string // empty: all
	since     time.Time
	previous  bool
	first     map[string]*Run // the oldest run of each component that is read
	read      map[*Run]int    // how many lines of each
	seen      int             // how many lines there were in the book at the last Read
}

// Follow begins with the first line of a component's current run, or of all
// components' if that is empty; previous: the runs before, and only those. Lines
// from before since are left out.
func (b *Book) Follow(component string, previous bool, since time.Time) *Follower {
	f := &Follower{book: b, component: component, since: since, previous: previous, first: map[string]*Run{}, read: map[*Run]int{}}
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, p := range b.pages {
		f.first[name] = p.current
		if previous {
			f.first[name] = p.previous
		}
	}
	return f
}

// Has tells how many runs of a component are in the book: 0, 1 or 2.
func (b *Book) Has(component string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.pages[component]
	switch {
	case !ok:
		return 0
	case p.previous == nil:
		return 1
	}
	return 2
}

// Read returns what has been added since the last Read, in order. Where lines are not
// kept any more a Line says so. It does not wait.
func (f *Follower) Read() []Line {
	f.book.mu.Lock()
	defer f.book.mu.Unlock()
	var lines []Line
	for name, p := range f.book.pages {
		if f.component != "" && f.component != name {
			continue
		}
		if _, ok := f.first[name]; !ok && !f.previous {
			f.first[name] = cmp.Or(p.previous, p.current) // it has begun in the meantime
		}
		lines = append(lines, f.runsLocked(name)...)
	}
	f.seen = f.book.lines
	slices.SortStableFunc(lines, func(a, b Line) int { return cmp.Compare(a.number, b.number) })
	return lines
}

// runsLocked reads a component's runs.
func (f *Follower) runsLocked(name string) []Line {
	var lines []Line
	for r := f.first[name]; r != nil; r = r.next {
		lines = append(lines, r.readLocked(f.read[r], f.since)...)
		f.read[r] = r.gone + len(r.lines)
		if f.previous {
			break
		}
		if r.dropped && r == f.first[name] {
			f.first[name] = r.next
			delete(f.read, r)
		}
	}
	return lines
}

// readLocked are the lines from one on. If some before the first of them are not kept
// any more, that is said first.
func (r *Run) readLocked(from int, since time.Time) []Line {
	lost := max(r.gone-from, 0)
	rest := r.lines[max(from-r.gone, 0):]
	early, _ := slices.BinarySearchFunc(rest, since, func(l Line, t time.Time) int { return l.At.Compare(t) })
	lines := rest[early:]
	if lost == 0 || early > 0 { // what is lost is from before since, too
		return lines
	}
	missing := Line{Component: r.component, Lost: lost, number: r.book.lines}
	if len(lines) > 0 {
		missing.number = lines[0].number
	}
	return append([]Line{missing}, lines...)
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
	b := f.book
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.more == nil {
		b.more = make(chan struct{})
	}
	return b.lines > f.seen, b.more
}
