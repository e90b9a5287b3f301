package naming_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/hosts"
	"github.com/podlike/podlike/internal/naming"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long what comes may take.
const patience = 10 * time.Second

// engines is what an engine has written.
const engines = "127.0.0.1\tlocalhost\n172.17.0.2\t0123456789ab\n"

// A scene is a supervisor's container whose components are to find each other.
type scene struct {
	*naming.Namer
	t *testing.T

	mu     sync.Mutex
	told   []string
	helped []bool // the helpers that were sent, and whether they wrote beside others
	failed error  // what a helper says
}

// newScene has the names db and app, and a hosts file of that text. Empty: it cannot be
// written, nor read, but by a helper.
func newScene(t *testing.T, text string) *scene {
	t.Helper()
	s := &scene{t: t}
	file := filepath.Join(t.TempDir(), "hosts")
	if text != "" {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	s.Namer = &naming.Namer{
		Names: []string{"app", "db"}, File: file,
		Emit: func(e event.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.told = append(s.told, string(e.Kind)+": "+e.Why)
		},
		Write: func(_ context.Context, names []string, beside bool) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.helped = append(s.helped, beside)
			if s.failed != nil {
				return s.failed
			}
			return errors.Join(os.WriteFile(file, []byte(engines), 0o644), hosts.Restore(file, names))
		},
	}
	return s
}

// named waits until components may start.
func (s *scene) named(known <-chan struct{}) {
	s.t.Helper()
	select {
	case <-known:
	case <-time.After(patience):
		s.t.Fatal("components still wait")
	}
}

// said are what was told and the helpers that were sent.
func (s *scene) said() (told []string, helped []bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.told), slices.Clone(s.helped)
}

func TestNamesAreKnownBeforeComponentsStart(t *testing.T) {
	for name, test := range map[string]struct {
		why     string
		text    string
		mounted bool
		failed  error
		known   bool
		helped  []bool
		told    string // how the only thing that is told begins; empty: there is nothing
	}{
		"Writable": {"the supervisor writes them itself", engines, false, nil, true, nil, ""},
		"There":    {"they are there already", engines + "127.0.0.1 app # podlike\n127.0.0.1 db # podlike\n", false, nil, true, nil, ""},
		"Taken": {"somebody has another address for one", engines + "192.0.2.1\tdb\n", false, nil, true, nil,
			"check the settings: in HOSTS of the service, by its extra_hosts perhaps, db is 192.0.2.1"},
		"Helped": {"who may not write has a helper do so", "", false, nil, true, []bool{false}, ""},
		"Unhelped": {"what a helper cannot do is told, and the pod goes on", "", false, errors.New("no image"), false, []bool{false},
			"check the settings: components do not find each other by name: app, db: no image"},
		"Mounted":      {"a file of somebody's own is left as it is, and that is told", engines, true, nil, false, nil, "check the settings: HOSTS is mounted into the supervisor"},
		"MountedKnown": {"where it has them there is nothing to tell", "127.0.0.1 app db\n", true, nil, true, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, test.text)
			s.Mounted, s.failed = test.mounted, test.failed
			known, end := s.Begin(t.Context())
			s.named(known)
			told, helped := s.said()
			if !slices.Equal(helped, test.helped) || hosts.Lacks(s.File, s.Names) == test.known {
				t.Errorf("helpers %v, want %v, and names are missing: %v; %s", helped, test.helped, hosts.Lacks(s.File, s.Names), test.why)
			}
			got := strings.ReplaceAll(strings.Join(told, "\n"), s.File, "HOSTS")
			if !strings.HasPrefix(got, test.told) || test.told == "" && got != "" {
				t.Errorf("told %q, want %q: %s", got, test.told, test.why)
			}
			end()
		})
	}
}

// An engine writes the file anew, and may leave out what is not its own.
func TestNamesThatSomebodyTakesOutArePutBack(t *testing.T) {
	s := newScene(t, engines)
	known, end := s.Begin(t.Context())
	defer end()
	s.named(known)
	for range 3 {
		if err := os.WriteFile(s.File, []byte(engines), 0o644); err != nil {
			t.Fatal(err)
		}
		for began := time.Now(); hosts.Lacks(s.File, s.Names); time.Sleep(time.Millisecond) {
			if time.Since(began) > patience {
				t.Fatal("they are not put back")
			}
		}
	}
	if _, helped := s.said(); helped != nil {
		t.Errorf("helpers %v were sent by who may write", helped)
	}
}

// A file that is mounted may be the machine's own, and nothing is ever put back there.
func TestAMountedFileIsNotWatched(t *testing.T) {
	s := newScene(t, engines)
	s.Mounted = true
	known, end := s.Begin(t.Context())
	s.named(known)
	end()
	if text, err := os.ReadFile(s.File); err != nil || string(text) != engines {
		t.Errorf("it is %q, %v", text, err)
	}
}

// That the pod's own name means the pod is no news, and nothing is told after the last record.
func TestNothingIsToldOnceThePodStops(t *testing.T) {
	s := newScene(t, engines+"192.0.2.1\tdb\n127.0.0.1\tapp\n")
	passed := 0
	sink := s.Until(func(event.Event) { passed++ })
	sink(event.Event{Kind: event.Running})
	known, end := s.Begin(t.Context())
	s.named(known)
	end()
	if told, _ := s.said(); len(told) != 1 || strings.Contains(told[0], "app is") {
		t.Errorf("told %q", told)
	}
	sink(event.Event{Kind: event.Stopping})
	known, end = s.Begin(t.Context())
	s.named(known)
	end()
	if told, _ := s.said(); len(told) != 1 || passed != 2 {
		t.Errorf("%d events were passed on, and told is %q", passed, told)
	}
}

// Without names there is nothing to wait for.
func TestAPodWithoutNamesWaitsForNone(t *testing.T) {
	known, end := (&naming.Namer{}).Begin(t.Context())
	if known != nil {
		t.Error("there is something to wait for")
	}
	end()
}

// What is told of names and the end of that are of two goroutines.
func TestThePodMayStopWhileItsNamesAreWritten(t *testing.T) {
	s := newScene(t, engines+"192.0.2.1\tdb\n")
	sink := s.Until(func(event.Event) {})
	known, end := s.Begin(t.Context())
	sink(event.Event{Kind: event.Stopping})
	s.named(known)
	end()
	if told, _ := s.said(); len(told) > 1 {
		t.Errorf("told %q", told)
	}
}
