package dockertest_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
)

// A recorder is a test within a test: it may fail without failing the real one,
// and keeps what it was told. What it does not have itself is the real test's.
type recorder struct {
	testing.TB
	failed   bool
	lines    []string
	cleanups []func()
}

// record runs f as a test of its own, with its cleanups, and returns how it went.
func record(t testing.TB, f func(r *recorder)) *recorder {
	r := &recorder{TB: t}
	for _, step := range []func(){func() { f(r) }, r.cleanup} {
		done := make(chan struct{})
		go func() { // Fatalf ends a goroutine
			defer close(done)
			step()
		}()
		<-done
	}
	return r
}

func (r *recorder) cleanup() {
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
}

func (r *recorder) text() string { return strings.Join(r.lines, "\n") }

func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Failed() bool     { return r.failed }

func (r *recorder) Logf(format string, args ...any) {
	r.lines = append(r.lines, fmt.Sprintf(format, args...))
}

func (r *recorder) Errorf(format string, args ...any) {
	r.failed = true
	r.Logf(format, args...)
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}
