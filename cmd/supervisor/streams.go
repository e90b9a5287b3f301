package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/output"
)

const (
	// queueSize is how many bytes wait for a reader of standard output or error.
	queueSize = 128 << 10
	// flushTime is how long the end waits for them to be read. Who reads at all needs a
	// few milliseconds.
	flushTime = time.Second
)

// streams are the standard output and error of a supervisor that runs a pod. Their
// readers may be slow or not read at all: neither keeps a pod from ending.
type streams struct {
	stdout, stderr *output.Queue // the same one where both lead to the same place
	terminal       bool          // stderr is one
	files          []*os.File    // to be closed
}

// openStreams puts queues before two writers, until close is called.
func openStreams(stdout, stderr io.Writer) *streams {
	s := &streams{terminal: isTerminal(stderr)}
	s.stderr = output.NewQueue(s.deadlined(stderr), queueSize, s.lostRecord)
	if s.stdout = s.stderr; !same(stdout, stderr) {
		s.stdout = output.NewQueue(s.deadlined(stdout), queueSize, lostLine)
	}
	return s
}

// same tells whether two writers lead to the same place, where lines of both must not
// come between each other.
func same(a, b io.Writer) bool {
	fileA, okA := a.(*os.File)
	fileB, okB := b.(*os.File)
	if !okA || !okB {
		return false
	}
	infoA, errA := fileA.Stat()
	infoB, errB := fileB.Stat()
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// deadlined is a writer to the same place on which a write can be given up, where it is a
// pipe, as in a container without a terminal.
func (s *streams) deadlined(to io.Writer) io.Writer {
	file, ok := to.(*os.File)
	if !ok {
		return to
	}
	again, err := output.Reopen(file)
	if err != nil {
		return to // it works as well, but for the end of a write that nobody reads
	}
	s.files = append(s.files, again)
	return again
}

// lostLine is what is said of lost lines among the components' output.
func lostLine(lines, bytes int64) []byte {
	return fmt.Appendf(nil, "[podlike] %s\n", lost(lines, bytes))
}

// lostRecord is what is said of lost lines in the log.
func (s *streams) lostRecord(lines, size int64) []byte {
	var record bytes.Buffer
	newLog(&record, s.terminal, false)(event.Event{At: time.Now(), Kind: event.OutputLost, Why: lost(lines, size)})
	return record.Bytes()
}

func lost(lines, bytes int64) string {
	return fmt.Sprintf("%d lines (%d bytes) were lost, because nobody read them", lines, bytes)
}

// log is the log of events. It never waits.
func (s *streams) log(debug bool) event.Sink { return newLog(s.stderr.NoWait(), s.terminal, debug) }

// hurry has nobody wait for the readers any more from some time after ctx has ended: until
// then a slow one may read on, and afterwards what it does not read is lost.
func (s *streams) hurry(ctx context.Context, after time.Duration) (stop func()) {
	over, end := context.WithCancel(context.Background())
	var waiting sync.WaitGroup
	waiting.Go(func() {
		select {
		case <-ctx.Done():
		case <-over.Done():
			return
		}
		if clock.Sleep(over, after) == nil {
			s.stdout.Hurry()
			s.stderr.Hurry()
		}
	})
	return func() {
		end()
		waiting.Wait()
	}
}

// close writes what is left, for a moment. What nobody has read until then is lost, and
// there is nobody to tell.
func (s *streams) close() {
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	for _, q := range []*output.Queue{s.stdout, s.stderr} {
		_ = q.Close(ctx)
	}
	for _, f := range s.files {
		_ = f.Close()
	}
}
