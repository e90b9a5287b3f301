package enginetest

import (
	"bytes"
	"errors"
	"io"
	"time"
)

// output is the suite of engine.Output: streams, stdin among them, and logs.
type output struct{ *suite }

// outputLaws are its laws, by the names of their subtests.
var outputLaws = map[string]func(output){
	"ALogGivesEachByteOnceAndEndsWithItsContainer": output.log,
	"ALogHasLongLines":                   output.logLong,
	"ALogIsReadFromATimeOn":              output.logSince,
	"ALogTellsStreamsApart":              output.logStreams,
	"TheLogOfATerminalHasNoTimes":        output.logTerminal,
	"ALogThatIsClosedEnds":               output.logClosed,
	"WhatDoesNotRunHasSaidAll":           output.logUnstarted,
	"SomeLogsCannotBeRead":               output.logNone,
	"EveryByteArrivesAndStreamsAreApart": output.output,
	"ATerminalHasOneStream":              output.terminal,
	"StdinEndsWithItsAttachment":         output.lease,
	"StdinCanEndBeforeTheOutput":         output.halfClosed,
}

func (s output) output() {
	out, errs := s.capture(s.kit("lines", "3", "both"))
	if want := "line 1\nline 2\nline 3\n"; out != want || errs != want {
		s.Errorf("stdout %q, stderr %q, want both %q", out, errs, want)
	}
	if out, _ := s.capture(s.kit("partial", "no end")); out != "no end" {
		s.Errorf("got %q of a line without an end", out)
	}
}

func (s output) terminal() {
	c := s.kit("lines", "2")
	c.TTY = true
	if out, errs := s.capture(c); out != "line 1\r\nline 2\r\n" || errs != "" {
		s.Errorf("stdout %q, stderr %q", out, errs)
	}
}

func (s output) lease() {
	c := s.kit("cat", "/dev/stdin")
	c.Stdin = true
	id := s.create(c)
	stream, err := s.Attach(s.Context(), id, c)
	s.must(err)
	end, err := s.Wait(s.Context(), id)
	s.must(err)
	s.must(s.Start(s.Context(), id))
	_, err = stream.Write([]byte("kept alive\n"))
	s.must(err)
	select {
	case x := <-end:
		s.Fatalf("ended with %v while its stdin was held", x)
	case <-time.After(300 * time.Millisecond):
	}
	s.must(stream.Close())
	s.ends(end, 0)
}

func (s output) halfClosed() {
	c := s.kit("cat", "/dev/stdin")
	c.Stdin = true
	id := s.create(c)
	stream, err := s.Attach(s.Context(), id, c)
	s.must(err)
	defer stream.Close()
	end, err := s.Wait(s.Context(), id)
	s.must(err)
	s.must(s.Start(s.Context(), id))
	_, err = stream.Write([]byte("both\nways"))
	s.must(errors.Join(err, stream.CloseWrite()))
	var out bytes.Buffer
	s.must(stream.Copy(&out, io.Discard))
	if out.String() != "both\nways" {
		s.Errorf("got %q", out.String())
	}
	s.ends(end, 0)
}
