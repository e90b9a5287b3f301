// Package output turns a component's streams into whole lines, passes them on and
// remembers the last ones. It loses no byte and keeps each stream's order.
package output

import (
	"bytes"
	"io"
	"sync"
)

// maxLine is what is held back at most while waiting for a line's end. A longer
// line is passed on in parts of this length, each marked as a line is.
const maxLine = 16 << 20

// A Lines is a writer that takes one stream apart into lines. A last line without
// an end is passed on by Close, with one.
type Lines struct {
	prefix []byte
	to     io.Writer // nil: lines are only remembered
	keep   Keeper
	crlf   bool
	held   []byte
	err    error
}

// NewLines makes a writer that has each line remembered, puts prefix before it and
// writes it, whole and in one call, to `to`, which may be nil. crlf says that lines end as a
// terminal's do, in CR LF, of which the CR is dropped.
func NewLines(prefix string, to io.Writer, keep Keeper, crlf bool) *Lines {
	return &Lines{prefix: []byte(prefix), to: to, keep: keep, crlf: crlf}
}

// Write takes a piece of the stream. It always takes all of it: a reader of
// output that has gone away must not stop a component. Close tells of the error.
func (l *Lines) Write(p []byte) (int, error) {
	taken := len(p)
	for {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			break
		}
		l.pass(p[:end])
		p = p[end+1:]
	}
	for len(l.held)+len(p) > maxLine {
		part := maxLine - len(l.held)
		l.pass(p[:part])
		p = p[part:]
	}
	l.held = append(l.held, p...)
	return taken, nil
}

// pass passes on one line: what was held back and the rest of it.
func (l *Lines) pass(rest []byte) {
	line := rest
	if len(l.held) > 0 {
		line = append(l.held, rest...)
	}
	if l.crlf {
		line = bytes.TrimSuffix(line, []byte("\r"))
	}
	l.keep.Add(line)
	if l.to != nil && l.err == nil {
		_, l.err = l.to.Write(l.whole(line))
	}
	l.held = l.held[:0]
	if cap(l.held) > 1<<20 { // one huge line must not cost its memory for ever
		l.held = nil
	}
}

// whole is a line as it is written, in one piece so that no other comes between.
func (l *Lines) whole(line []byte) []byte {
	all := make([]byte, 0, len(l.prefix)+len(line)+1)
	all = append(all, l.prefix...)
	all = append(all, line...)
	return append(all, '\n')
}

// Close passes on a last line that has no end, and reports the first error of
// writing.
func (l *Lines) Close() error {
	if len(l.held) > 0 {
		l.pass(nil)
	}
	return l.err
}

// Shared makes a writer safe for several writers of whole lines.
func Shared(to io.Writer) io.Writer { return &shared{to: to} }

type shared struct {
	mu sync.Mutex
	to io.Writer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to.Write(p)
}
