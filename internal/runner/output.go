package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/podlike/podlike/internal/engine"
)

// An output passes on what a container prints, each byte once, from whatever connection
// it comes. Of each stream it counts what it has passed on. The engine's log begins with
// the same bytes, so after a cut that many of them are left out.
type output struct {
	run    *Run
	passed [2]int64 // bytes, of stdout and stderr
	begun  [2]int64 // those of them that are of a line without an end
	anchors
	cutAt time.Time // when the output was cut last
}

// The streams, as indexes.
const (
	stdout = iota
	stderr
)

// newOutput goes on where somebody else has stopped.
func (r *Run) newOutput(from Position) *output {
	return &output{run: r, passed: from.Passed, anchors: anchors{anchor: from.anchor()}, cutAt: from.At}
}

// A counter passes one stream on and counts.
type counter struct {
	out    *output
	stream int
}

func (c counter) Write(p []byte) (int, error) {
	c.out.passed[c.stream] += int64(len(p))
	if end := bytes.LastIndexByte(p, '\n') + 1; end > 0 {
		c.out.begun[c.stream] = int64(len(p) - end)
	} else {
		c.out.begun[c.stream] += int64(len(p))
	}
	return c.out.to(c.stream).Write(p)
}

func (o *output) to(stream int) io.Writer {
	if stream == stderr {
		return o.run.Stderr
	}
	return o.run.Stdout
}

// pass passes the output on until there is no more.
func (r *Run) pass() {
	out := r.newOutput(Position{})
	defer r.finish()
	if whole := r.copy(out, r.stream); !whole {
		r.resume(out)
	}
}

// finish closes what takes the output. Where there is more to come, for somebody else, it is
// asked to leave a line without an end to them.
func (r *Run) finish() {
	letGo := r.life.Err() != nil && !r.hasEnded()
	for _, w := range []io.Closer{r.Stdout, r.Stderr} {
		if l, ok := w.(interface{ Leave() }); ok && letGo {
			l.Leave()
		}
		if err := w.Close(); err != nil {
			r.Missing("cannot pass its output on: " + err.Error())
		}
	}
	close(r.drained)
}

// hasEnded reports whether the container has, as far as that is known.
func (r *Run) hasEnded() bool {
	select {
	case <-r.done:
		return r.exit.Err == nil
	default:
		return false
	}
}

// settling is how long after the end of its output a container's own end may be told.
const settling = 500 * time.Millisecond

// copy passes on what comes by a connection, and reports whether that was all there is.
func (r *Run) copy(out *output, stream engine.Stream) (whole bool) {
	stop := context.AfterFunc(r.life, func() { _ = stream.Close() }) // there is nothing more to come
	err := stream.Copy(counter{out, stdout}, counter{out, stderr})
	stop()
	out.cutAt = time.Now()
	_ = stream.Close() // it has ended
	switch {
	case r.life.Err() != nil:
		return true
	case err != nil: // it was cut: there is no time to lose, for what has ended is removed
		return false
	}
	soon, cancel := context.WithTimeout(r.life, settling)
	defer cancel()
	select {
	case <-r.done:
		return !r.wasCut()
	case <-soon.Done():
	}
	seen, gone := r.Engine.Inspect(r.life, string(r.ID))
	return gone == nil && !seen.Running && !seen.Created && !r.wasCut()
}

// resume passes on what is yet to come after a cut, and what came meanwhile.
func (r *Run) resume(out *output) {
	var again pace
	for again.wait(r.life) == nil {
		r.wasCut()
		log, err := r.Engine.Log(r.life, r.ID, r.made.TTY, out.anchor.at)
		switch {
		case r.life.Err() != nil:
			return
		case errors.Is(err, engine.ErrNotFound):
			r.Missing(fmt.Sprintf("some of its last output may be missing: it ended and was removed while its output was cut off, since %s", clockTime(out.cutAt)))
			return
		case errors.Is(err, engine.ErrNoLog):
			if r.reattach(out) {
				return
			}
			continue
		case err != nil:
			r.Missing("its output cannot be read any more: " + err.Error())
			return
		}
		if out.follow(log) && r.isOver() {
			return
		}
	}
}

// clockTime is a time as people tell it to each other. Before the first output is no other.
func clockTime(t time.Time) string {
	if t.IsZero() {
		return "its start"
	}
	return t.UTC().Format("15:04:05.000")
}

// isOver reports whether the container has ended, and the end of its log is that of its
// output.
func (r *Run) isOver() bool {
	soon, cancel := context.WithTimeout(r.life, settling)
	defer cancel()
	select {
	case <-r.done:
		return true
	case <-soon.Done():
	}
	seen, err := r.Engine.Inspect(r.life, string(r.ID))
	return errors.Is(err, engine.ErrNotFound) || err == nil && !seen.Running && !seen.Created
}

// reattach connects to the streams where the log cannot be read, and reports whether that
// was all there is.
func (r *Run) reattach(out *output) (whole bool) {
	cutAt := out.cutAt
	stream, err := r.Engine.Attach(r.life, r.ID, withoutStdin(r.made))
	if errors.Is(err, engine.ErrNotFound) {
		r.Missing("its output since " + clockTime(cutAt) + " is missing: it has ended, and its log driver cannot be read")
		return true
	}
	if err != nil {
		return r.life.Err() != nil
	}
	seen, err := r.Engine.Inspect(r.life, string(r.ID))
	switch {
	case errors.Is(err, engine.ErrNotFound) || err == nil && !seen.Running && !seen.Created:
		r.Missing("its output since " + clockTime(cutAt) + " is missing: it has ended, and its log driver cannot be read")
		_ = stream.Close() // nothing comes by it
		return true
	case err != nil || !seen.Created: // nothing is printed before the start
		r.Missing(fmt.Sprintf("its output from %s to %s is missing: its log driver cannot be read", clockTime(cutAt), clockTime(time.Now())))
	}
	return r.copy(out, stream)
}

// withoutStdin is a container whose stdin is not to be attached to: it is for one
// attachment, and that has been.
func withoutStdin(c engine.Container) engine.Container {
	c.Stdin = false
	return c
}

// follow passes on what a log has that was not, and reports whether it has come to its
// end.
func (o *output) follow(log engine.Log) (atEnd bool) {
	stop := context.AfterFunc(o.run.life, func() { _ = log.Close() })
	defer stop()
	defer log.Close()
	at := o.anchor
	o.restart()
	for {
		record, err := log.Next()
		if err != nil {
			o.cutAt = time.Now()
			return err == io.EOF
		}
		stream := stdout
		if record.Stderr {
			stream = stderr
		}
		if o.weigh(record, stream, at) {
			o.tellAnchor()
		}
		if record.At.After(at.at) {
			at.at = record.At
		}
		o.take(record, stream, &at)
		at.before[stream] += int64(len(record.Text))
	}
}

// tellAnchor tells of the anchor, but not too often.
func (o *output) tellAnchor() {
	if o.run.Anchored != nil && time.Since(o.told) >= anchorPace {
		o.told = time.Now()
		o.run.Anchored(o.anchor.at, o.anchor.before)
	}
}

// take passes on what of a record was not. At tells how much of each stream comes before
// it. What came by the other connection before the cut is older than that, but for a line
// that ends after it.
func (o *output) take(record engine.Record, stream int, at *anchor) {
	known := min(max(o.passed[stream]-at.before[stream], 0), int64(len(record.Text)))
	late := !o.cutAt.IsZero() && record.At.After(o.cutAt.Add(logDelay))
	if late && known > o.begun[stream] { // the log has lost its beginning, so counting does not help
		o.run.Missing("some of its output may be missing: its log was rotated while its output was cut off, since " + clockTime(o.cutAt))
		lost := [2]int64{o.passed[stdout] - at.before[stdout], o.passed[stderr] - at.before[stderr]}
		at.shift(lost)
		o.shift(lost)
		o.told = time.Time{} // the next one must not wait: with the last a successor would count wrong
		known = 0
	}
	_, _ = counter{o, stream}.Write(record.Text[known:])
}

// logDelay is how much later than us the engine's log may get what was printed.
const logDelay = 250 * time.Millisecond
