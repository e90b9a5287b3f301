package pull

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/keyring"
)

// A shelf is an engine that only pulls.
type shelf struct {
	engine.Engine
	// answers are what pulls come to, one after the other; nil: the image is there.
	answers []error

	mu    sync.Mutex
	there bool
	users []string // of the credentials that the pulls came with
}

func (s *shelf) Pull(_ context.Context, _, _ string, with engine.Credential, _ func(engine.Progress)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users = append(s.users, with.Username)
	if len(s.answers) == 0 {
		return errors.New("nobody expects another pull")
	}
	err := s.answers[0]
	s.answers = s.answers[1:]
	s.there = err == nil
	return err
}

func (s *shelf) Image(context.Context, string) (engine.Image, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.there {
		return engine.Image{}, engine.ErrNotFound
	}
	return engine.Image{ID: "image"}, nil
}

// history fetches images from a shelf and returns what was told, with the time at which
// it was.
func history(ctx context.Context, s *shelf, keys keyring.Keyring, refs ...string) (told []string, err error) {
	began := time.Now()
	p := Puller{Engine: s, Keys: keys, Progress: func(string, string) {}, Emit: func(e event.Event) {
		told = append(told, strings.TrimSpace(fmt.Sprintf("%v %s %s", time.Since(began), e.Kind, e.Why)))
	}}
	for _, ref := range refs {
		_, failed := p.Fetch(ctx, ref, "", "")
		err = errors.Join(err, failed)
	}
	return told, err
}

// web is an image of a registry.
const web = "r.example/web"

// keysFor are credentials of a user at r.example.
func keysFor(t *testing.T, user string) keyring.Keyring {
	t.Helper()
	name := filepath.Join(t.TempDir(), "auth.json")
	if err := os.WriteFile(name, fmt.Appendf(nil, `{"auths": {"r.example": {"username": %q, "password": "p"}}}`, user), 0o600); err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func TestAnImageIsPulledAgainOnlyWhereThatMayHelp(t *testing.T) {
	down := fmt.Errorf("503: %w", engine.ErrUnavailable)
	denied := fmt.Errorf("401: %w", engine.ErrDenied)
	missing := fmt.Errorf("404: %w", engine.ErrNotFound)
	fault := errors.New("no space left on device")
	const retryDown = "pulling again 503: cannot be had at the moment"
	const retryDenied = "pulling again 401: the registry refuses access"
	for name, c := range map[string]struct {
		why     string
		keys    keyring.Keyring
		answers []error
		err     error
		want    []string
	}{
		"Good":         {"a pull is told", keyring.Keyring{}, []error{nil}, nil, []string{"0s pulling image", "0s image pulled"}},
		"DownTwice":    {"a registry may restart", keyring.Keyring{}, []error{down, down, nil}, nil, []string{"0s pulling image", "0s " + retryDown, "1s " + retryDown, "3s image pulled"}},
		"DownForEver":  {"but not for ever", keyring.Keyring{}, []error{down, down, down, down, down}, engine.ErrUnavailable, []string{"0s pulling image", "0s " + retryDown, "1s " + retryDown, "3s " + retryDown, "7s " + retryDown}},
		"DownThenGone": {"the last answer counts", keyring.Keyring{}, []error{down, missing}, engine.ErrNotFound, []string{"0s pulling image", "0s " + retryDown}},
		"Missing":      {"what is not there will not come", keyring.Keyring{}, []error{missing}, engine.ErrNotFound, []string{"0s pulling image"}},
		"Denied":       {"whoever has no credentials gets none by waiting", keyring.Keyring{}, []error{denied}, engine.ErrDenied, []string{"0s pulling image"}},
		"DeniedOnce":   {"a registry that was asked too early refuses good ones", keysFor(t, "me"), []error{denied, nil}, nil, []string{"0s pulling image", "0s " + retryDenied, "1s image pulled"}},
		"DeniedTwice":  {"but it does so only once", keysFor(t, "me"), []error{denied, denied}, engine.ErrDenied, []string{"0s pulling image", "0s " + retryDenied}},
		"Fault":        {"faults stay", keyring.Keyring{}, []error{fault}, fault, []string{"0s pulling image"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &shelf{answers: c.answers}
				got, err := history(t.Context(), s, c.keys, web)
				if !errors.Is(err, c.err) {
					t.Errorf("%s: got %v, want %v", c.why, err, c.err)
				}
				if diff := cmp.Diff(c.want, got); diff != "" {
					t.Errorf("%s:\n%s", c.why, diff)
				}
				if len(s.answers) != 0 {
					t.Errorf("%s: %d answers were not asked for", c.why, len(s.answers))
				}
			})
		})
	}
}

func TestARefusalSaysWhatToDo(t *testing.T) {
	denied := fmt.Errorf("cannot pull r.example/web: %w: unauthorized", engine.ErrDenied)
	for _, c := range []struct {
		keys    keyring.Keyring
		answers []error
		want    string
	}{
		{keyring.Keyring{}, []error{denied}, "unauthorized; no credentials for r.example were found: if it wants some, put them under auths in the secret " + keyring.Secret},
		{keysFor(t, "me"), []error{denied, denied}, "unauthorized; it was given the credentials for r.example in "},
	} {
		synctest.Test(t, func(t *testing.T) {
			_, err := history(t.Context(), &shelf{answers: c.answers}, c.keys, web)
			if !errors.Is(err, engine.ErrDenied) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, want %q", err, c.want)
			}
		})
	}
}

func TestPullsComeWithTheirRegistrysCredential(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{answers: []error{nil, nil}}
		_, err := history(t.Context(), s, keysFor(t, "me"), web, "q.example/web")
		if diff := cmp.Diff([]string{"me", ""}, s.users); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

// A pod that is asked to stop does not wait for a registry.
func TestWaitingForTheNextTryEndsWithThePod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		began := time.Now()
		down := fmt.Errorf("503: %w", engine.ErrUnavailable)
		s := &shelf{answers: []error{down, down, down, down, down}}
		if _, err := history(ctx, s, keyring.Keyring{}, web); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if took := time.Since(began); took != 1500*time.Millisecond {
			t.Errorf("it took %v", took)
		}
	})
}
