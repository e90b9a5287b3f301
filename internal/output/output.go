// Package output turns a component's streams into lines and passes them on, to a reader
// who may be slow or may not read at all. It keeps each stream's order and no line for
// longer than it has to; the last ones are remembered by package logbuffer.
//
// output.go takes streams apart, queue.go is between the lines and who reads them,
// reopen.go opens standard output so that a write to it can be given up.
package output

import (
	"bytes"
	"io"
)

const (
	// MaxLine is how many bytes of a line are held back at most while waiting for its
	// end. A longer line is passed on in parts of this length, each marked as a line is.
	MaxLine = 64 << 10
	// batch is how many bytes are written at once, about, where that many lines are there.
	batch = 16 << 10
	// smallLine is how much memory a stream keeps for its next unfinished line.
	smallLine = 4 << 10
)

// A Keeper remembers lines.
type Keeper interface {
	// Add takes some lines, each with its line feed, and of a line that is longer than
	// MaxLine a part without one. It does not hold on to the bytes.
	Add(lines []byte)
}

// A Lines is a writer that takes one stream apart into lines. A last line without an end
// is passed on by Close, with one. New ones are made by NewLines.
type Lines struct {
	prefix []byte
	to     io.Writer // nil: lines are only remembered
	keep   Keeper    // nil: they are only passed on
	crlf   bool
	held   []byte // the beginning of a line
	lines  []byte // what is made of the lines before it is written
	err    error
	noted  Then  // nil: nobody wants to know
	passed int64 // bytes of the stream up to the end of what was passed on last
}

// A thenWriter is a writer that tells when it has written what it took, as a Queue does.
type thenWriter interface {
	WriteThen(lines []byte, then *Then, n int64) (int, error)
}

// NewLines makes a writer that has each line remembered, puts prefix before it and writes
// it to `to`: always whole lines, many in one call where they are there. Both may be nil. crlf
// says that lines end as a terminal's do, in CR LF, of which the CR is dropped.
func NewLines(prefix string, to io.Writer, keep Keeper, crlf bool) *Lines {
	return &Lines{prefix: []byte(prefix), to: to, keep: keep, crlf: crlf}
}

// Note has noted called behind each line, or part of a line that is too long, with how many
// bytes of the stream there are up to its end. That is when the line was written, which a
// Queue tells later and by another goroutine; where lines are only remembered, when
// they are. What cannot be written is not noted. Each line is written by itself then,
// so that a process that is killed has written one at most that was not noted.
//
// It is for before the first Write, and returns the same Lines.
func (l *Lines) Note(noted func(passed int64)) *Lines {
	l.noted = noted
	return l
}

// Write takes a piece of the stream. It always takes all of it: a reader of output that
// has gone away must not stop a component. Close tells of the error.
func (l *Lines) Write(p []byte) (int, error) {
	taken := len(p)
	for len(p) > 0 {
		if len(l.held) > 0 {
			p = l.finish(p)
			continue
		}
		piece := p[:min(len(p), MaxLine)]
		end := bytes.LastIndexByte(piece, '\n') + 1
		l.pass(piece[:end])
		l.hold(piece[end:])
		p = p[len(piece):]
	}
	return taken, nil
}

// finish adds to the line that is held, and passes it on when it is whole or as long as
// it may be. It returns what it has not used.
func (l *Lines) finish(p []byte) []byte {
	room := MaxLine - len(l.held)
	if end := bytes.IndexByte(p[:min(len(p), room+1)], '\n'); end >= 0 {
		l.held = append(l.held, p[:end+1]...)
		l.release(len(l.held))
		return p[end+1:]
	}
	if len(p) <= room {
		l.held = append(l.held, p...)
		return nil
	}
	l.held = append(l.held, p[:room]...)
	part := len(l.held)
	if l.crlf && l.held[part-1] == '\r' {
		part-- // it may belong to the line's end
	}
	l.release(part)
	return p[room:]
}

// hold keeps the beginning of a line until there is more of it.
func (l *Lines) hold(p []byte) {
	if cap(l.held) > smallLine && len(p) <= smallLine {
		l.held = nil // one long line must not cost its memory for ever
	}
	l.held = append(l.held[:0], p...)
}

// release passes on so many bytes of the line that is held.
func (l *Lines) release(n int) {
	l.pass(l.held[:n])
	l.held = append(l.held[:0], l.held[n:]...)
}

// pass passes on whole lines, or a part of one.
func (l *Lines) pass(lines []byte) {
	if len(lines) == 0 {
		return
	}
	text := lines
	if l.crlf {
		text = dropCR(lines)
	}
	if l.keep != nil {
		l.keep.Add(text)
	}
	switch {
	case l.noted != nil:
		l.passNoted(lines)
	case l.to != nil && l.err == nil:
		l.passTogether(text)
	}
}

// passTogether writes lines, many at once.
func (l *Lines) passTogether(lines []byte) {
	for line := range bytes.Lines(lines) {
		if len(l.lines) > 0 && len(l.lines)+len(l.prefix)+len(line) >= batch {
			l.write()
		}
		l.lines = append(append(l.lines, l.prefix...), line...)
	}
	if l.lines[len(l.lines)-1] != '\n' {
		l.lines = append(l.lines, '\n')
	}
	l.write()
}

// passNoted writes lines as they are in the stream one by one, and has each noted.
func (l *Lines) passNoted(lines []byte) {
	if l.to == nil {
		l.passed += int64(len(lines))
		l.noted(l.passed)
		return
	}
	for line := range bytes.Lines(lines) {
		l.passed += int64(len(line))
		text, whole := bytes.CutSuffix(line, []byte{'\n'})
		if whole && l.crlf {
			text = bytes.TrimSuffix(text, []byte{'\r'})
		}
		l.lines = append(append(append(l.lines, l.prefix...), text...), '\n')
		l.write()
	}
}

// dropCR makes LF of each CR LF.
func dropCR(lines []byte) []byte {
	if !bytes.Contains(lines, []byte("\r\n")) {
		return lines
	}
	return bytes.ReplaceAll(lines, []byte("\r\n"), []byte{'\n'})
}

// write writes the lines that are made.
func (l *Lines) write() {
	if l.err == nil {
		l.err = l.put()
	}
	l.lines = l.lines[:0]
	if cap(l.lines) > batch {
		l.lines = nil
	}
}

// put writes them, and has them noted if anybody wants to know.
func (l *Lines) put() error {
	if l.noted == nil {
		_, err := l.to.Write(l.lines)
		return err
	}
	if to, ok := l.to.(thenWriter); ok {
		_, err := to.WriteThen(l.lines, &l.noted, l.passed)
		return err
	}
	if _, err := l.to.Write(l.lines); err != nil {
		return err
	}
	l.noted(l.passed)
	return nil
}

// Leave drops the beginning of a line whose end has not come, where what was passed on is noted:
// who goes on from there passes on all of the line. It is for before Close.
func (l *Lines) Leave() {
	if l.noted != nil {
		l.held = nil
	}
}

// Close passes on a last line that has no end, and reports the first error of writing.
func (l *Lines) Close() error {
	if len(l.held) > 0 {
		l.passed-- // its end is not of the stream
		l.pass(append(l.held, '\n'))
		l.held = nil
	}
	return l.err
}
