package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestAPortThatIsTakenIsNamed(t *testing.T) {
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String())

	if err := free(port); err == nil || !strings.HasPrefix(err.Error(), "port "+port+" is taken: ") {
		t.Errorf("while something listens: got %v", err)
	}
	listener.Close()
	if err := free(port); err != nil {
		t.Errorf("afterwards: got %v", err)
	}
}

func TestAPageThatIsLateIsWaitedFor(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked < 3 {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		w.Write([]byte("here"))
	}))
	defer server.Close()

	if page, err := fetch(t.Context(), server.URL); page != "here" || err != nil {
		t.Errorf("got %q, %v", page, err)
	}
}

func TestWaitingEndsWithTheContextOrWithItsTime(t *testing.T) {
	never := func() (bool, error) { return false, nil }
	if err := within(t.Context(), time.Millisecond, never); !errors.Is(err, errLate) {
		t.Errorf("when time is over: got %v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := within(over, time.Hour, never); !errors.Is(err, context.Canceled) {
		t.Errorf("when it is cancelled: got %v", err)
	}
}

func TestIPVSIsLookedForWhereTheKernelTellsOfIt(t *testing.T) {
	for _, c := range []struct {
		why   string
		files []string
		want  bool
	}{
		{"an engine without /proc runs in a system of its own", nil, true},
		{"the module is loaded", []string{"sys/kernel/osrelease", "net/ip_vs"}, true},
		{"this release has no modules", []string{"sys/kernel/osrelease"}, false},
	} {
		proc := t.TempDir()
		for _, file := range c.files {
			write(t, filepath.Join(proc, file), "no-such-release\n")
		}
		if got := hasIPVS(proc); got != c.want {
			t.Errorf("%s: got %v", c.why, got)
		}
	}
}

func TestACommandIsShownAsAShellTakesIt(t *testing.T) {
	got := quoted([]string{"run", "--label", "a=it's\nb", "x:80"})
	if want := `run --label 'a=it'\''s` + "\nb' x:80"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAnErrorIsWhatTheEngineSaid(t *testing.T) {
	failed := errors.New("exit status 125")
	for said, want := range map[string]string{
		"docker: Error response from daemon: port is taken.\nRun 'docker --help'\n": "port is taken.",
		"unknown flag\n": "unknown flag",
		"":               "exit status 125",
	} {
		if got := reason(failed, said).Error(); got != want {
			t.Errorf("%q: got %q, want %q", said, got, want)
		}
	}
}

// write makes a file and the folders above it.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
