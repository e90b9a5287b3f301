package output

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"
)

const (
	// patience is for how long nothing may be read before what comes is dropped. A reader
	// that is busy takes something every few milliseconds; one that is stopped takes nothing,
	// and who waits for it, the engine's stop above all, has some seconds only.
	patience = 2 * time.Second
	// piece is how many bytes are written at once. A pipe has room again when a page of it is
	// read, so smaller ones would not show any sooner that somebody reads, and larger ones
	// would show it later.
	piece = 4 << 10
	// reserve is how many bytes more than the others the writers that never wait may have in
	// a queue, so that there is room for the log while components fill the rest.
	reserve = 256 << 10
)

// A Queue is between those who write whole lines and a reader that may be slow, or may
// not read at all. Any number of goroutines may write.
//
// Who writes faster than the reader reads waits for it, so that no line is lost. But when
// nothing was read for two seconds, what does not fit is dropped and counted, and nobody
// waits any more until something is read again: then one line says how much was lost.
//
// A text may have a mark: then its writer is told when it was written. As a process may be
// killed between the two, such a text is written by itself, so that it is one at most that
// was written and not told.
//
// New ones are made by NewQueue, and ended by Close.
type Queue struct {
	to   io.Writer
	max  int                             // bytes that wait to be written
	lost func(lines, bytes int64) []byte // the line that says so

	mu       sync.Mutex
	room     *sync.Cond // something was written, or nobody has to wait any more
	news     *sync.Cond // there is something to write, or it is the end
	waiting  []byte     // what is to be written next
	marks    []mark     // those of what waits, in its order
	owed     []mark     // the last of each Then whose text was dropped, until that is told
	writing  int        // bytes that are being written now
	written  int64      // bytes that were written
	stuck    bool       // the reader does not read
	hurry    bool       // nobody waits for it any more, whether it reads or not
	closed   bool
	gaveUp   bool
	err      error
	dropped  struct{ lines, bytes int64 }
	watching bool // watch is to run in a while
	timer    *time.Timer

	over chan struct{} // closed when nothing is written any more
}

// A Then is called with how much of something was passed on. It is known by its address. It
// must not write to the queue.
type Then func(n int64)

// A mark is what is told of a text when it was written.
type mark struct {
	from, to int // where the text is in what waits
	then     *Then
	n        int64
}

// NewQueue makes a queue of so many bytes, size, that writes to `to`. What lost returns is
// written when so many lines were dropped; it must be a whole line, and must not write
// to the queue.
func NewQueue(to io.Writer, size int, lost func(lines, bytes int64) []byte) *Queue {
	q := &Queue{to: to, max: size, lost: lost, over: make(chan struct{})}
	q.room, q.news = sync.NewCond(&q.mu), sync.NewCond(&q.mu)
	go q.run() // Close waits for it
	return q
}

// Write takes whole lines. It waits while there is no room and the reader reads. Where
// lines are dropped that is no error; one is returned when writing has failed before, or
// after Close.
func (q *Queue) Write(lines []byte) (int, error) { return q.put(lines, q.max, true, mark{}) }

// WriteThen takes whole lines as Write does. When exactly these were written, and before
// anything that came after them is, then is called with n by the goroutine that writes. Lines
// that are dropped count as written when the line was that tells how much was lost; of several
// with the same Then only the last is told. What cannot be written any more, because writing has
// failed or Close has given up, is never told.
func (q *Queue) WriteThen(lines []byte, then *Then, n int64) (int, error) {
	return q.put(lines, q.max, true, mark{then: then, n: n})
}

// NoWait is a writer to the queue that never waits: what does not fit is dropped at
// once. It has some room of its own beyond that of Write.
func (q *Queue) NoWait() io.Writer { return noWait{q} }

type noWait struct{ *Queue }

// Write implements io.Writer. Who never waits has no use for an error either.
func (n noWait) Write(lines []byte) (int, error) {
	_, _ = n.put(lines, n.max+reserve, false, mark{})
	return len(lines), nil
}

// Hurry has nobody wait for the reader from now on: what does not fit is dropped. It is
// for when there is no time left, as at the end of a stop.
func (q *Queue) Hurry() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.hurry = true
	q.room.Broadcast()
}

// put appends lines to what waits, or drops them.
func (q *Queue) put(lines []byte, most int, wait bool, m mark) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for wait && !q.fitsLocked(lines, most) && !q.passesLocked() {
		q.watchLocked()
		q.room.Wait()
	}
	switch {
	case q.err != nil:
		return 0, q.err
	case q.closed:
		return 0, os.ErrClosed
	case wait && q.stuck || !q.fitsLocked(lines, most):
		q.dropLocked(lines, m)
	default:
		if wait {
			q.tellLossLocked() // what comes later must not be told sooner
		}
		q.addLocked(lines, m)
		q.news.Signal()
	}
	return len(lines), nil
}

// addLocked appends a text to what waits.
func (q *Queue) addLocked(text []byte, m mark) {
	m.from = len(q.waiting)
	q.waiting = append(q.waiting, text...)
	if m.to = len(q.waiting); m.then != nil {
		q.marks = append(q.marks, m)
	}
}

// fitsLocked tells whether there is room for lines. There always is when nothing waits.
func (q *Queue) fitsLocked(lines []byte, most int) bool {
	all := len(q.waiting) + q.writing
	return all == 0 || all+len(lines) <= most
}

// passesLocked tells whether nobody waits now.
func (q *Queue) passesLocked() bool { return q.stuck || q.hurry || q.closed || q.err != nil }

func (q *Queue) dropLocked(lines []byte, m mark) {
	q.dropped.lines += int64(countLines(lines))
	q.dropped.bytes += int64(len(lines))
	if m.then == nil {
		return
	}
	if i := slices.IndexFunc(q.owed, func(o mark) bool { return o.then == m.then }); i >= 0 {
		q.owed[i] = m
		return
	}
	q.owed = append(q.owed, m)
}

// watchLocked looks in a while whether anything was read until then.
func (q *Queue) watchLocked() {
	if q.watching {
		return
	}
	q.watching = true
	before := q.written
	q.timer = time.AfterFunc(patience, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		q.watching = false
		q.stuck = q.stuck || q.written == before && q.writing > 0
		q.room.Broadcast() // who still waits begins to watch anew
	})
}

// run writes what there is until the end.
func (q *Queue) run() {
	defer close(q.over)
	var batch []byte
	var marks []mark
	for {
		var ok bool
		if batch, marks, ok = q.take(batch, marks); !ok || !q.pass(batch, marks) {
			return
		}
	}
}

// take waits for what is to be written next. The queue gets the memory of what was
// written before for what comes meanwhile.
func (q *Queue) take(batch []byte, marks []mark) ([]byte, []mark, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.waiting) == 0 && len(q.marks) == 0 && !q.closed {
		q.news.Wait()
	}
	if q.gaveUp {
		return nil, nil, false
	}
	clear(marks) // who has told all may be gone
	batch, q.waiting = q.waiting, batch[:0]
	marks, q.marks = q.marks, marks[:0]
	q.writing = len(batch)
	return batch, marks, len(batch) > 0 || len(marks) > 0
}

// pass writes a batch, each text that has a mark by itself, and tells whether to go on.
func (q *Queue) pass(batch []byte, marks []mark) bool {
	for at := 0; at < len(batch) || len(marks) > 0; {
		end := min(len(batch), at+piece)
		switch {
		case len(marks) == 0:
		case at < marks[0].from:
			end = min(end, marks[0].from)
		default:
			end = min(end, marks[0].to)
		}
		var n int
		var err error
		if end > at {
			n, err = q.to.Write(batch[at:end])
			at += n
		}
		for len(marks) > 0 && marks[0].to <= at {
			(*marks[0].then)(marks[0].n)
			marks = marks[1:]
		}
		if !q.wrote(n, err) {
			return false
		}
	}
	return true
}

// wrote notes what was written, and tells whether to go on.
func (q *Queue) wrote(n int, err error) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.written += int64(n)
	q.writing -= n
	if err != nil && q.err == nil && !q.gaveUp {
		q.err = fmt.Errorf("cannot pass output on: %w", err)
	}
	if n > 0 {
		q.flowsLocked()
	}
	q.room.Broadcast()
	return q.err == nil && !q.gaveUp
}

// flowsLocked has the reader told what was lost, now that it reads.
func (q *Queue) flowsLocked() {
	q.stuck = false
	q.tellLossLocked()
}

// tellLossLocked appends the line that says what was lost, if anything was. When that is
// written, who has lost it is told.
func (q *Queue) tellLossLocked() {
	if q.dropped.lines == 0 {
		return
	}
	from := len(q.waiting)
	q.waiting = append(q.waiting, q.lost(q.dropped.lines, q.dropped.bytes)...)
	for _, m := range q.owed {
		m.from, m.to = from, len(q.waiting)
		q.marks = append(q.marks, m)
	}
	clear(q.owed)
	q.owed, q.dropped.lines, q.dropped.bytes = q.owed[:0], 0, 0
}

// Close writes what is left, for as long as ctx allows, and then gives up. Whoever waits
// in Write waits no longer. The error says why not everything was written.
//
// A write that nobody reads cannot be ended unless the writer has a SetWriteDeadline that
// works, as a file of Reopen has. Without one, Close leaves the one goroutine that is stuck
// in it behind, until the process ends.
func (q *Queue) Close(ctx context.Context) error {
	q.end()
	select {
	case <-q.over:
		return q.result(nil)
	case <-ctx.Done():
	}
	q.giveUp()
	if d, ok := q.to.(interface{ SetWriteDeadline(time.Time) error }); ok && d.SetWriteDeadline(time.Unix(1, 0)) == nil {
		<-q.over
	}
	return q.result(context.Cause(ctx))
}

// end takes nothing more.
func (q *Queue) end() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	if q.timer != nil {
		q.timer.Stop()
	}
	q.news.Signal()
	q.room.Broadcast()
}

func (q *Queue) giveUp() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.gaveUp = true
}

// result is what has kept the rest from being written, if anything has.
func (q *Queue) result(gaveUp error) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case gaveUp != nil && len(q.waiting)+q.writing > 0:
		return fmt.Errorf("cannot pass output on: nobody reads it: %w", gaveUp)
	case gaveUp != nil:
		return nil
	}
	return q.err
}

// countLines counts the lines in a text that ends with one.
func countLines(text []byte) int { return bytes.Count(text, []byte{'\n'}) }
