package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/event"
)

// pipe is a pipe, which ends with the test.
func pipe(t *testing.T) (read, write *os.File) {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = read.Close(), write.Close() })
	return read, write
}

// Whatever components say and whatever happens, a supervisor whose output nobody reads goes
// on and ends, and leaves nothing behind.
func TestNobodyHasToReadWhatTheSupervisorSays(t *testing.T) {
	defer goleak.VerifyNone(t)
	_, stdout := pipe(t)
	_, stderr := pipe(t)
	s := openStreams(stdout, stderr)
	log := s.log(false)
	text := []byte(strings.Repeat("x", 999) + "\n")
	for range 1000 {
		_, _ = s.stdout.Write(text)
	}
	began := time.Now()
	for range 10_000 {
		log(event.Event{At: at, Kind: event.Started, Component: strings.Repeat("x", 100)})
	}
	if took := time.Since(began); took > flushTime {
		t.Errorf("events were held up for %v", took)
	}
	began = time.Now()
	s.close()
	if took := time.Since(began); took > 2*flushTime {
		t.Errorf("the end was held up for %v", took)
	}
}

func TestWhatIsSaidLastIsRead(t *testing.T) {
	read, write := pipe(t)
	s := openStreams(write, write)
	if s.stdout != s.stderr {
		t.Error("lines of both can come between each other")
	}
	_, _ = io.WriteString(s.stdout, "[out] web: bye\n")
	s.log(false)(event.Event{At: at, Kind: event.Ended})
	s.close()
	_ = write.Close()
	text, err := io.ReadAll(read)
	if got := string(text); err != nil || !strings.HasPrefix(got, "[out] web: bye\n{") || !strings.HasSuffix(got, `"message":"pod ended"}`+"\n") {
		t.Errorf("%v in %s", err, got)
	}
}

func TestWhatIsLostIsSaidAsTheRestIs(t *testing.T) {
	if got, want := string(lostLine(3, 17)), "[podlike] 3 lines (17 bytes) were lost, because nobody read them\n"; got != want {
		t.Errorf("among the output it says %s", got)
	}
	got := string((&streams{}).lostRecord(3, 17))
	const end = `","why":"3 lines (17 bytes) were lost, because nobody read them","message":"output lost"}` + "\n"
	if !strings.HasPrefix(got, `{"level":"warn","time":"`) || !strings.HasSuffix(got, end) {
		t.Errorf("in the log it says %s", got)
	}
}

// A reader that takes little, but takes something, is waited for, and no longer than a stop
// has time.
func TestAStopDoesNotWaitForASlowReader(t *testing.T) {
	read, write := pipe(t)
	_, stderr := pipe(t)
	s := openStreams(write, stderr)
	ctx, stop := context.WithCancel(t.Context())
	defer s.hurry(ctx, 10*time.Millisecond)()
	var saying, reading sync.WaitGroup
	said, done := make(chan struct{}), make(chan struct{})
	saying.Go(func() {
		defer close(said)
		for range 1000 {
			_, _ = s.stdout.Write([]byte(strings.Repeat("x", 4095) + "\n"))
		}
	})
	reading.Go(func() {
		for page := make([]byte, 4096); ; {
			select {
			case <-done:
				return
			case <-time.After(100 * time.Millisecond):
			}
			if _, err := read.Read(page); err != nil {
				t.Error(err)
				return
			}
		}
	})
	select {
	case <-said:
		t.Error("nobody has waited for the reader")
	case <-time.After(2 * time.Second):
	}
	stop()
	dockertest.Eventually(t, 2*time.Second, func() (bool, string) {
		select {
		case <-said:
			return true, ""
		default:
			return false, "it still waits"
		}
	})
	saying.Wait()
	s.close()
	close(done)
	reading.Wait()
	if _, err := s.stdout.Write([]byte("late\n")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("it is not closed: %v", err)
	}
}
