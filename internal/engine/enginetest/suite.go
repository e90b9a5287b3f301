package enginetest

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
)

// patience is how long anything may take: it ends tests that hang.
const patience = 30 * time.Second

// A suite is one subtest, and what the laws of all parts of the port have in common.
type suite struct {
	*testing.T
	Subject
}

// Log is the test's own, which the engine has a method of the same name beside.
func (s *suite) Log(args ...any) {
	s.T.Helper()
	s.T.Log(args...)
}

// must fails the test at an error.
func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// is checks what kind of error it is.
func (s *suite) is(err, kind error, what string) {
	s.Helper()
	if !errors.Is(err, kind) {
		s.Errorf("%s: got error %v, want %v", what, err, kind)
	}
}

// kit is a container of testkit that is to run a command.
func (s *suite) kit(command ...string) engine.Container {
	return engine.Container{
		Name: "podlike-test-" + strings.ToLower(rand.Text()[:12]), Image: dockertest.Testkit,
		Labels: s.Labels, Command: command, StopGrace: time.Second,
	}
}

func (s *suite) create(c engine.Container) engine.ID {
	s.Helper()
	id, _, err := s.Create(s.Context(), c)
	s.must(err)
	return id
}

// begin creates and starts a container, waiting for its end from before its start.
func (s *suite) begin(c engine.Container) (engine.ID, <-chan engine.Exit) {
	s.Helper()
	id := s.create(c)
	end, err := s.Wait(s.Context(), id)
	s.must(err)
	s.must(s.Start(s.Context(), id))
	return id, end
}

// ends checks the exit code of a container.
func (s *suite) ends(end <-chan engine.Exit, code int) {
	s.Helper()
	select {
	case x := <-end:
		if x.Err != nil || x.Code != code {
			s.Errorf("ended with %d, %v, want %d", x.Code, x.Err, code)
		}
	case <-time.After(patience):
		s.Fatal("still runs")
	}
}

// vanishes waits until a container is gone by itself.
func (s *suite) vanishes(ref string) {
	s.Helper()
	dockertest.Eventually(s, patience, func() (bool, string) {
		_, err := s.Inspect(s.Context(), ref)
		return errors.Is(err, engine.ErrNotFound), ref + " is there"
	})
}

// listening runs a container that has said that it listens to signals.
func (s *suite) listening() (engine.ID, <-chan engine.Exit) {
	s.Helper()
	c := s.kit("eat", "1") // says so
	id := s.create(c)
	end, err := s.Wait(s.Context(), id)
	s.must(err)
	stream, err := s.Attach(s.Context(), id, c)
	s.must(err)
	said := make(first, 1)
	var copying sync.WaitGroup
	copying.Go(func() { _ = stream.Copy(said, said) })
	s.Cleanup(func() { _ = stream.Close(); copying.Wait() })
	s.must(s.Start(s.Context(), id))
	<-said
	return id, end
}

// first is a writer that is ready when something has been written.
type first chan struct{}

func (f first) Write(p []byte) (int, error) {
	select {
	case f <- struct{}{}:
	default:
	}
	return len(p), nil
}

// capture runs a container to its end and returns what it printed.
func (s *suite) capture(c engine.Container) (stdout, stderr string) {
	s.Helper()
	id := s.create(c)
	stream, err := s.Attach(s.Context(), id, c)
	s.must(err)
	defer stream.Close()
	end, err := s.Wait(s.Context(), id)
	s.must(err)
	s.must(s.Start(s.Context(), id))
	var out, errs bytes.Buffer
	s.must(stream.Copy(&out, &errs))
	s.ends(end, 0)
	return out.String(), errs.String()
}

// archive is a tar archive of one file with the mode 0640.
func (s *suite) archive(name, content string) io.Reader {
	s.Helper()
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	s.must(w.WriteHeader(&tar.Header{Name: name, Mode: 0o640, Size: int64(len(content)), Typeflag: tar.TypeReg}))
	_, err := w.Write([]byte(content))
	s.must(errors.Join(err, w.Close()))
	return &packed
}

// checked is a container whose health check looks for a file.
func (s *suite) checked(command ...string) engine.Container {
	c := s.kit(command...)
	c.Health = &engine.Check{Test: []string{"CMD", "/testkit", "exists", "/healthy"}, Interval: 200 * time.Millisecond, Retries: 1}
	return c
}

// follow watches all, and passes on what it is told.
func (s *suite) follow() <-chan engine.Sign {
	signs := make(chan engine.Sign, 1000)
	ctx, cancel := context.WithCancel(s.Context())
	var watching sync.WaitGroup
	watching.Go(func() {
		err := s.Watch(ctx, s.Labels, func(sign engine.Sign) { signs <- sign })
		if ctx.Err() == nil {
			s.Errorf("lost: %v", err)
		}
	})
	s.Cleanup(func() {
		cancel()
		watching.Wait()
	})
	return signs
}

// told waits until something is told, and returns what was told before. It compares
// all but times.
func (s *suite) told(signs <-chan engine.Sign, wanted engine.Sign) (before []engine.Sign) {
	s.Helper()
	late := time.After(patience)
	for {
		select {
		case got := <-signs:
			if got.Kind != engine.SignHealth && time.Since(got.At).Abs() > patience {
				s.Errorf("%+v is not of this time", got)
			}
			got.At = time.Time{}
			if got == wanted {
				return before
			}
			before = append(before, got)
		case <-late:
			s.Fatalf("was not told %v, but %v", wanted, before)
		}
	}
}

func health(id engine.ID, h engine.Health) engine.Sign {
	return engine.Sign{Container: id, Kind: engine.SignHealth, Health: h}
}

func signalled(id engine.ID, signal int) engine.Sign {
	return engine.Sign{Container: id, Kind: engine.SignSignalled, Signal: signal}
}

func died(id engine.ID, code int) engine.Sign {
	return engine.Sign{Container: id, Kind: engine.SignDied, Code: code}
}

func sprint(v any) string { return fmt.Sprintf("%+v", v) }
