package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/engine/retry"
	"github.com/podlike/podlike/internal/event"
)

// sweepEvents are what happens while a node is swept, in all its kinds.
func sweepEvents(b *broom) {
	swept := event.Event{Kind: event.Swept, Container: "shop.podlike.web", Why: "its owner 0123456789ab is gone"}
	b.tell(swept)
	b.tell(event.Event{Kind: event.Swept, Container: "shop.podlike.web.3a6eb0790f39", Why: "its owner 0123456789ab is gone"})
	b.tell(event.Event{Kind: event.CleanupFailed, Why: "shop.podlike.db: cannot remove container fedcba987654: device is busy"})
	b.outage(retry.Outage{Why: errors.New("cannot list containers: the engine cannot be reached")})
	b.outage(retry.Outage{Over: true, Took: time.Minute})
	b.tell(swept)
}

func TestWhatIsSweptIsALineEach(t *testing.T) {
	var stdout, stderr bytes.Buffer
	sweepEvents(&broom{stdout: &stdout, stderr: &stderr})
	const web = "remove shop.podlike.web: its owner 0123456789ab is gone\n"
	if want := web + "remove shop.podlike.web.3a6eb0790f39: its owner 0123456789ab is gone\n" + web; stdout.String() != want {
		t.Errorf("stdout is\n%s\nwant\n%s", &stdout, want)
	}
	if want := `supervisor: shop.podlike.db: cannot remove container fedcba987654: device is busy
supervisor: the engine is waited for: cannot list containers: the engine cannot be reached
supervisor: the engine answers again
`; stderr.String() != want {
		t.Errorf("stderr is\n%s\nwant\n%s", &stderr, want)
	}
}

// What is only looked at again and again would be told each time.
func TestWhatStaysIsToldOnceWhereNothingIsRemoved(t *testing.T) {
	var stdout bytes.Buffer
	sweepEvents(&broom{stdout: &stdout, stderr: io.Discard, told: map[string]bool{}})
	if n := strings.Count(stdout.String(), "\n"); n != 2 {
		t.Errorf("told is\n%s", &stdout)
	}
}

// full takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestWhoCannotTellWhatItSweepsEnds(t *testing.T) {
	ctx, end := context.WithCancelCause(t.Context())
	b := &broom{stdout: full{}, stderr: io.Discard, end: end}
	if b.failed() != nil {
		t.Error("it has failed before it has told anything")
	}
	sweepEvents(b)
	const want = "cannot tell what is swept: no space left on device"
	if err := b.failed(); err == nil || err.Error() != want || context.Cause(ctx) != err {
		t.Errorf("it fails with %v, and ends with %v", err, context.Cause(ctx))
	}
}

// goesAway answers whether it is there, and nothing else.
func goesAway(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/_ping" {
		w.Header().Set("Api-Version", "1.41")
		return
	}
	cuts(w)
}

func TestOneSweepDoesNotWaitForAnEngineThatGoesAway(t *testing.T) {
	listen(t, socketDir(t), goesAway)
	began := time.Now()
	var stdout bytes.Buffer
	var stderr bytes.Buffer
	code := exitCode(0, sweepNode(t.Context(), nil, &stdout, io.Discard), &stderr)
	begin := fmt.Sprintf("supervisor: the engine has not answered for %s: cannot list ", sweepTimeout)
	if code != exitFault || !strings.HasPrefix(stderr.String(), begin) || strings.Count(stderr.String(), "\n") != 1 || stdout.Len() > 0 {
		t.Errorf("exit code %d, and it says\n%s%s", code, &stderr, &stdout)
	}
	if took := time.Since(began); took < sweepTimeout {
		t.Errorf("it takes %s", took)
	}
}

func TestASweeperWaitsForAnEngineThatGoesAwayAndEndsWhenItIsAskedTo(t *testing.T) {
	listen(t, socketDir(t), goesAway)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stderr := &until{text: "waited for", then: cancel}
	code, err := stopped(ctx, sweepNode(ctx, []string{"-every", "1s"}, io.Discard, stderr))
	if code != 0 || err != nil {
		t.Errorf("exit code %d, %v", code, err)
	}
	if said := stderr.said.String(); !strings.HasPrefix(said, "supervisor: the engine is waited for: cannot list ") || strings.Count(said, "\n") != 1 {
		t.Errorf("it says\n%s", said)
	}
}

// Two of the dead are told once each, however often they are looked at.
func TestASweeperThatOnlyLooksTellsEachThingOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var looks atomic.Int64
	listen(t, socketDir(t), func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Api-Version", "1.41")
		w.Header().Set("Content-Type", "application/json")
		switch _, path, _ := strings.Cut(r.URL.Path, "/v1.41"); path {
		case "": // the ping
		case "/containers/json":
			if looks.Add(1) == 3 {
				cancel()
			}
			fmt.Fprint(w, `[{"Id": "a", "Names": ["/shop.podlike.web"], "State": "running",
				"Labels": {"podlike.owner": "0123456789abcdef", "podlike.role": "component", "podlike.component": "web"}}]`)
		case "/volumes":
			fmt.Fprint(w, `{"Volumes": [{"Name": "v", "Labels": {"podlike.owner": "0123456789abcdef", "podlike.role": "scratch"}}]}`)
		case "/containers/a/json":
			fmt.Fprint(w, `{"Id": "a", "Name": "/shop.podlike.web", "State": {"Status": "running", "Running": true}, "Config": {}, "HostConfig": {}}`)
		case "/volumes/v":
			fmt.Fprint(w, `{"Name": "v"}`)
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"message": "no such thing"}`)
		}
	})
	var stdout, stderr bytes.Buffer
	if err := sweepNode(ctx, []string{"-every", "1s", "-dry-run"}, &stdout, &stderr); err != nil || looks.Load() < 3 {
		t.Errorf("it has looked %d times: %v", looks.Load(), err)
	}
	const want = "remove shop.podlike.web: its owner 0123456789ab is gone\nremove v: its owner 0123456789ab is gone\n"
	if stdout.String() != want || stderr.Len() > 0 {
		t.Errorf("it tells\n%s%s\nwant\n%s", &stdout, &stderr, want)
	}
}

// until does something when a text was written.
type until struct {
	text string
	then func()
	said bytes.Buffer
}

func (u *until) Write(p []byte) (int, error) {
	u.said.Write(p)
	if strings.Contains(u.said.String(), u.text) {
		u.then()
	}
	return len(p), nil
}
