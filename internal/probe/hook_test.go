package probe_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/probe"
)

// said is an error's text, empty where there is none.
func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestAHooksCommandHasToExitWith0(t *testing.T) {
	for name, c := range map[string]struct {
		why  string
		exec probe.ExecFunc
		want string
	}{
		"Zero":     {"it is done", exits(0, "done", nil), ""},
		"Two":      {"the output says why", exits(2, "no such site\n", nil), "cannot run drain --now: exit code 2: no such site"},
		"NoEngine": {"for a hook that is as bad", exits(0, "", errors.New("no such engine")), "cannot run drain --now: no such engine"},
	} {
		t.Run(name, func(t *testing.T) {
			err := probe.Doer{Exec: c.exec}.Hook(t.Context(), pod.Hook{Exec: &pod.Exec{Command: []string{"drain", "--now"}}})
			if said(err) != c.want {
				t.Errorf("got %q, want %q: %s", said(err), c.want, c.why)
			}
		})
	}
}

func TestAHooksCommandRunsAsTheHookSays(t *testing.T) {
	want := pod.Exec{Command: []string{"a"}, Env: map[string]string{"B": "c"}, User: "d", WorkingDir: "/e", Privileged: true}
	var got pod.Exec
	d := probe.Doer{Exec: func(_ context.Context, x pod.Exec) (int, string, error) { got = x; return 0, "", nil }}
	if err := d.Hook(t.Context(), pod.Hook{Exec: &want}); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAHooksRequestHasToBeAnsweredWithWhateverCode(t *testing.T) {
	var agent string
	s := site(t, func(w http.ResponseWriter, r *http.Request) {
		agent = r.UserAgent()
		if r.URL.Path == "/bad" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	for _, path := range []string{"/", "/bad"} {
		if err := (probe.Doer{Version: "1.2"}).Hook(t.Context(), pod.Hook{HTTP: &pod.HTTPGet{Port: port(s), Path: path}}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if agent != "podlike-lifecycle/1.2" {
		t.Errorf("asked by %q", agent)
	}
	s.Close()
	err := probe.Doer{}.Hook(t.Context(), pod.Hook{HTTP: &pod.HTTPGet{Port: port(s)}})
	if !strings.Contains(said(err), "connection refused") {
		t.Errorf("nobody there: got %q", said(err))
	}
}

func TestAHookSleepsAsLongAsItSaysOrMay(t *testing.T) {
	late := errors.New("the budget is over")
	for name, c := range map[string]struct {
		why        string
		sleep, may time.Duration
		took       time.Duration
		want       error
	}{
		"InTime": {"it has what it asks for", 5 * time.Second, time.Minute, 5 * time.Second, nil},
		"Late":   {"a budget is a budget", time.Hour, 30 * time.Second, 30 * time.Second, late},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeoutCause(t.Context(), c.may, late)
				defer cancel()
				start := time.Now()
				err := probe.Doer{}.Hook(ctx, pod.Hook{Sleep: c.sleep})
				if took := time.Since(start); took != c.took || !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
					t.Errorf("%v after %v, want %v after %v: %s", err, took, c.want, c.took, c.why)
				}
			})
		})
	}
}
