package fake

import (
	"bytes"
	"context"
	"io"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/engine"
)

// longest is how many bytes of a line are kept in one record, as on a real engine.
const longest = 16 << 10

// A keeper keeps a container's output in records. All of it belongs to the engine's lock.
type keeper struct {
	records []engine.Record
	begun   [2]engine.Record // of stdout and stderr: a line that has no end yet
	over    bool             // there will be no more
	changed chan struct{}    // closed, and made anew, whenever there is more
}

func newKeeper() *keeper { return &keeper{changed: make(chan struct{})} }

// keep adds what was printed.
func (k *keeper) keep(c chunk) {
	begun := &k.begun[0]
	if c.stderr {
		begun = &k.begun[1]
	}
	for part := range bytes.SplitAfterSeq(c.bytes, []byte("\n")) {
		for len(part) > 0 {
			n := min(len(part), longest-len(begun.Text))
			begun.Text = append(begun.Text, part[:n]...)
			part = part[n:]
			if len(begun.Text) == longest || begun.Text[len(begun.Text)-1] == '\n' {
				k.add(begun, c.stderr)
			}
		}
	}
}

// add makes a record of a line, or of a part of it.
func (k *keeper) add(begun *engine.Record, stderr bool) {
	if len(begun.Text) > 0 {
		k.records = append(k.records, engine.Record{At: time.Now(), Stderr: stderr, Text: begun.Text})
		*begun = engine.Record{}
		k.tell()
	}
}

// tell wakes those who wait for more.
func (k *keeper) tell() {
	close(k.changed)
	k.changed = make(chan struct{})
}

// finish keeps what is left, as nothing comes any more.
func (k *keeper) finish() {
	if !k.over {
		k.add(&k.begun[0], false)
		k.add(&k.begun[1], true)
		k.over = true
		k.tell()
	}
}

// A reader is one who reads a container's log.
type reader struct {
	e      *Engine
	k      *keeper
	tty    bool
	whole  bool // nothing will come: it did not run
	since  time.Time
	next   int             // the record to be read
	link   context.Context // done when the connection is cut
	once   sync.Once
	closed chan struct{}
}

// Log implements engine.Engine. As on a real engine, one that does not run has said all.
// The reader outlives ctx, and its container.
func (e *Engine) Log(ctx context.Context, id engine.ID, tty bool, since time.Time) (l engine.Log, err error) {
	err = e.callWith(ctx, "Log", id, func(c *container) error {
		if c.Logging.Driver == "none" {
			return engine.ErrNoLog
		}
		l = &reader{e: e, k: c.log, tty: tty, whole: !c.running, since: since, link: e.wire.connection(), closed: make(chan struct{})}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return l, nil
}

// Next implements engine.Log.
func (r *reader) Next() (engine.Record, error) {
	for {
		record, err, more := r.look()
		if more == nil {
			return record, err
		}
		select {
		case <-more:
		case <-r.closed:
		case <-r.link.Done():
		}
	}
}

// look takes the next record, or tells what to wait for.
func (r *reader) look() (record engine.Record, err error, more <-chan struct{}) {
	r.e.mu.Lock()
	defer r.e.mu.Unlock()
	select {
	case <-r.closed:
		return record, io.ErrClosedPipe, nil
	case <-r.link.Done():
		return record, errCut, nil
	default:
	}
	for r.next < len(r.k.records) {
		record = r.k.records[r.next]
		r.next++
		if record.At.Before(r.since) {
			continue
		}
		record.Text = bytes.Clone(record.Text)
		if r.tty {
			record.At = time.Time{}
		}
		return record, nil, nil
	}
	if r.k.over || r.whole {
		return engine.Record{}, io.EOF, nil
	}
	return engine.Record{}, nil, r.k.changed
}

// Close implements engine.Log.
func (r *reader) Close() error {
	r.once.Do(func() { close(r.closed) })
	return nil
}
