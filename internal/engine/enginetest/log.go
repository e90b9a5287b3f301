package enginetest

import (
	"errors"
	"io"
	"strings"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
)

// open reads a log.
func (s output) open(id engine.ID, tty bool, since time.Time) engine.Log {
	s.Helper()
	l, err := s.Engine.Log(s.Context(), id, tty, since)
	s.must(err)
	late := time.AfterFunc(patience, func() { _ = l.Close() }) // ends a test that hangs
	s.Cleanup(func() { late.Stop(); _ = l.Close() })
	return l
}

// reads checks the next record of a log, and returns its time.
func (s output) reads(l engine.Log, want string) time.Time {
	s.Helper()
	r, err := l.Next()
	s.must(err)
	if string(r.Text) != want || r.Stderr || time.Since(r.At).Abs() > patience {
		s.Fatalf("the record is %q %+v, want %q of now", r.Text, r, want)
	}
	return r.At
}

// rest reads a log to its end.
func (s output) rest(l engine.Log) (stdout, stderr string) {
	s.Helper()
	for {
		r, err := l.Next()
		switch {
		case errors.Is(err, io.EOF):
			return stdout, stderr
		case err != nil:
			s.Fatalf("after %q: %v", stdout, err)
		case r.Stderr:
			stderr += string(r.Text)
		default:
			stdout += string(r.Text)
		}
	}
}

// asked ends what stays when it has said all, by a signal.
func (s output) asked(id engine.ID) {
	s.Helper()
	dockertest.Eventually(s, patience, func() (bool, string) {
		_, err := s.Stat(s.Context(), id, "/said")
		return err == nil, sprint(err)
	})
	s.must(s.Signal(s.Context(), id, "SIGTERM"))
}

func (s output) log() {
	id, end := s.begin(s.kit("lines", "4", "every", "500ms"))
	l := s.open(id, false, time.Time{})
	s.reads(l, "line 1\n")
	s.reads(l, "line 2\n")
	if out, errs := s.rest(l); out != "line 3\nline 4\n" || errs != "" {
		s.Errorf("then it said %q and %q", out, errs)
	}
	s.ends(end, 0)
	if _, err := l.Next(); !errors.Is(err, io.EOF) {
		s.Errorf("after the end: %v", err)
	}
	s.vanishes(string(id))
	_, err := s.Engine.Log(s.Context(), id, false, time.Time{})
	s.is(err, engine.ErrNotFound, "Log of what is gone")
}

func (s output) logLong() {
	id, _ := s.begin(s.kit("long", "50000", "stay", "/said"))
	l := s.open(id, false, time.Time{})
	s.asked(id)
	if out, errs := s.rest(l); out != strings.Repeat("0123456789", 5000)+"\n" || errs != "" {
		s.Errorf("got %d bytes ending in %q, and %q", len(out), out[max(0, len(out)-20):], errs)
	}
}

// The record of just that time is given again.
func (s output) logSince() {
	id, _ := s.begin(s.kit("lines", "4", "every", "100ms", "stay", "/said"))
	first := s.open(id, false, time.Time{})
	s.reads(first, "line 1\n")
	second := s.reads(first, "line 2\n")
	all := map[string]engine.Log{
		"line 1\nline 2\nline 3\nline 4\n": s.open(id, false, time.Time{}),
		"line 2\nline 3\nline 4\n":         s.open(id, false, second),
		"line 3\nline 4\n":                 s.open(id, false, second.Add(time.Nanosecond)),
	}
	s.asked(id)
	for want, l := range all {
		if out, errs := s.rest(l); out != want || errs != "" {
			s.Errorf("got %q and %q, want %q", out, errs, want)
		}
	}
}

func (s output) logStreams() {
	id, _ := s.begin(s.kit("lines", "3", "both", "stay", "/said"))
	l := s.open(id, false, time.Time{})
	out, errs := "", ""
	for range 6 {
		r, err := l.Next()
		s.must(err)
		if r.Stderr {
			errs += string(r.Text)
		} else {
			out += string(r.Text)
		}
	}
	if want := "line 1\nline 2\nline 3\n"; out != want || errs != want {
		s.Errorf("stdout %q, stderr %q, want both %q", out, errs, want)
	}
}

func (s output) logTerminal() {
	c := s.kit("lines", "2", "stay", "/said")
	c.TTY = true
	id, _ := s.begin(c)
	l := s.open(id, true, time.Time{})
	said := ""
	for want := "line 1\r\nline 2\r\n"; said != want; {
		r, err := l.Next()
		s.must(err)
		said += string(r.Text)
		if !strings.HasPrefix(want, said) || r.Stderr || !r.At.IsZero() {
			s.Fatalf("%+v, after all %q, want %q", r, said, want)
		}
	}
	s.must(s.Remove(s.Context(), id))
	if out, errs := s.rest(l); out != "" || errs != "" {
		s.Errorf("then it said %q and %q", out, errs)
	}
}

func (s output) logClosed() {
	id, _ := s.begin(s.kit("sleep"))
	l := s.open(id, false, time.Time{})
	next := make(chan error, 1)
	go func() {
		_, err := l.Next()
		next <- err
	}()
	select {
	case err := <-next:
		s.Errorf("ended with %v while it was open", err)
	case <-time.After(100 * time.Millisecond):
		s.must(l.Close())
	}
	select {
	case err := <-next:
		if err == nil || errors.Is(err, io.EOF) || errors.Is(err, engine.ErrUnreachable) {
			s.Errorf("got %v", err)
		}
	case <-time.After(patience):
		s.Fatal("still reads")
	}
}

func (s output) logUnstarted() {
	id := s.create(s.kit("sleep"))
	if out, errs := s.rest(s.open(id, false, time.Time{})); out != "" || errs != "" {
		s.Errorf("it said %q and %q", out, errs)
	}
}

func (s output) logNone() {
	c := s.kit("sleep")
	c.Logging.Driver = "none"
	id, _ := s.begin(c)
	_, err := s.Engine.Log(s.Context(), id, false, time.Time{})
	s.is(err, engine.ErrNoLog, "Log")
}
