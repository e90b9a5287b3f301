package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/event"
)

// An engine that is there and does badly is tried again. What no time will mend is told at once.
func TestAnEngineThatDoesBadlyAtFirstIsTriedAgain(t *testing.T) {
	const ever = 1 << 30
	for _, row := range []struct {
		why   string
		bad   int64 // answers before the first good one
		how   func(http.ResponseWriter)
		limit time.Duration
		asked int64 // at least so often
		told  int
		fails bool
	}{
		{"it does well", 0, nil, time.Minute, 1, 0, false},
		{"an engine that starts answers 500", 1, fails, time.Minute, 2, 1, false},
		{"so does a proxy whose engine is not there yet", 1, passesOn, time.Minute, 2, 1, false},
		{"a connection is cut", 1, cuts, time.Minute, 2, 1, false},
		{"two bad answers are told once", 2, fails, time.Minute, 3, 1, false},
		{"it is tried for as long as it may be away", ever, fails, retried(2), 2, 1, true},
	} {
		t.Run(row.why, func(t *testing.T) {
			var asked atomic.Int64
			listen(t, socketDir(t), func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodHead { // the client's second try to make sense of the first
					row.how(w)
					return
				}
				if asked.Add(1) <= row.bad {
					row.how(w)
					return
				}
				w.Header().Set("Api-Version", "1.41")
			})
			var told atomic.Int64
			d, err := reach(t.Context(), row.limit, func(event.Event) { told.Add(1) })
			if err == nil {
				defer d.Close()
			}
			if (err != nil) != row.fails || asked.Load() < row.asked || told.Load() != int64(row.told) {
				t.Errorf("asked %d times, told %d times, and it returns %v", asked.Load(), told.Load(), err)
			}
		})
	}
}

func TestAnEngineThatIsNotThereIsToldAtOnce(t *testing.T) {
	began := time.Now()
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(t.TempDir(), "docker.sock"))
	_, err := reach(t.Context(), time.Hour, func(event.Event) { t.Error("it is tried again") })
	if err == nil || time.Since(began) > time.Minute {
		t.Errorf("it returns %v after %s", err, time.Since(began))
	}
}

// Where the socket's directory is mounted an engine that starts has yet to make it.
func TestAnEngineWhoseSocketComesLaterIsTriedAgain(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "podlike-reach-") // a mount of its own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	t.Setenv("DOCKER_HOST", "unix://"+filepath.Join(dir, "docker.sock"))
	told := 0
	d, err := reach(t.Context(), time.Minute, func(event.Event) {
		told++
		listen(t, dir, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Api-Version", "1.41") })
	})
	if err != nil || told != 1 {
		t.Fatalf("told %d times, and it returns %v", told, err)
	}
	d.Close()
}

func TestWhoIsAskedToStopTriesNoLonger(t *testing.T) {
	listen(t, socketDir(t), func(w http.ResponseWriter, _ *http.Request) { fails(w) })
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := reach(ctx, 0, func(event.Event) { cancel() }); err == nil {
		t.Error("an engine that only fails was reached")
	}
}

// fails answers as an engine does that cannot do what it should.
func fails(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusInternalServerError)
}

// passesOn answers as a proxy does that does not reach its engine.
func passesOn(w http.ResponseWriter) { http.Error(w, "no", http.StatusInternalServerError) }

// cuts ends the connection without an answer.
func cuts(http.ResponseWriter) { panic(http.ErrAbortHandler) }

// retried is a time in which so many tries are begun.
func retried(tries int) time.Duration { return time.Duration(tries)*reachDelay - reachDelay/2 }

// socketDir is a directory for a socket, for whose name t.TempDir may be too long.
func socketDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "podlike-reach-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// listen answers at the socket in a directory, which DOCKER_HOST names from now on.
func listen(t *testing.T, dir string, answer http.HandlerFunc) {
	t.Helper()
	l, err := net.Listen("unix", filepath.Join(dir, "docker.sock"))
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(answer)
	s.Listener.Close()
	s.Listener = l
	s.Start()
	t.Cleanup(s.Close)
	t.Setenv("DOCKER_HOST", "unix://"+l.Addr().String())
}
