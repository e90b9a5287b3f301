package probe_test

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/probe"
)

// A proxy of the supervisor's is for all tests, as net/http looks for it only once.
func TestMain(m *testing.M) {
	os.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	goleak.VerifyTestMain(m)
}

// patience is the timeout of a probe that has no reason to time out.
const patience = 30 * time.Second

// check fails unless a result is as wanted: the outcome, and part of the message. An
// empty part is an empty message.
func check(t *testing.T, why string, got probe.Result, outcome probe.Outcome, message string) {
	t.Helper()
	if got.Outcome != outcome || !strings.Contains(got.Message, message) || (message == "") != (got.Message == "") {
		t.Errorf("got %v, %q; want %v, %q: %s", got.Outcome, got.Message, outcome, message, why)
	}
}

// exits is an engine on which each command ends like that.
func exits(code int, output string, err error) probe.ExecFunc {
	return func(context.Context, pod.Exec) (int, string, error) { return code, output, err }
}

// hangs is a command that runs until it is killed.
func hangs(ctx context.Context, _ pod.Exec) (int, string, error) {
	<-ctx.Done()
	return 137, "half an answer", nil
}

func TestACommandIsGoodWhenItExitsWith0(t *testing.T) {
	long := strings.Repeat("é", 1000)
	for name, c := range map[string]struct {
		why     string
		exec    probe.ExecFunc
		outcome probe.Outcome
		message string
	}{
		"Zero":     {"all is well, and what it prints is its own affair", exits(0, "fine", nil), probe.Success, ""},
		"One":      {"the output says why", exits(1, "no database\n", nil), probe.Failure, "exit code 1: no database"},
		"Silent":   {"there need not be an output", exits(3, " \n", nil), probe.Failure, "exit code 3"},
		"Long":     {"a message is for people", exits(1, long, nil), probe.Failure, "exit code 1: " + long[:512] + " …"},
		"Binary":   {"a message is text", exits(1, "\xff\xfe!", nil), probe.Failure, "exit code 1: �!"},
		"Colours":  {"nor does it colour a terminal", exits(1, "\x1b[31mno\r\nway\x00\tout", nil), probe.Failure, "exit code 1: �[31mno\nway�\tout"},
		"NoEngine": {"who could not ask knows nothing", exits(0, "", errors.New("no such engine")), probe.Unknown, "no such engine"},
	} {
		t.Run(name, func(t *testing.T) {
			p := pod.Probe{Exec: []string{"check"}, Timeout: patience}
			check(t, c.why, probe.Doer{Exec: c.exec}.Do(t.Context(), p), c.outcome, c.message)
		})
	}
}

func TestACommandIsTheProbes(t *testing.T) {
	var got []string
	d := probe.Doer{Exec: func(_ context.Context, x pod.Exec) (int, string, error) { got = x.Command; return 0, "", nil }}
	d.Do(t.Context(), pod.Probe{Exec: []string{"a", "b c"}, Timeout: patience})
	if strings.Join(got, "|") != "a|b c" {
		t.Errorf("ran %q", got)
	}
}

// obeys is a command that ends well when it is asked to end.
func obeys(ctx context.Context, _ pod.Exec) (int, string, error) {
	<-ctx.Done()
	return 0, "", nil
}

func TestATryTakesNoLongerThanItsTimeout(t *testing.T) {
	for name, c := range map[string]struct {
		why  string
		exec probe.ExecFunc
	}{
		"Killed": {"what it is killed with is not why", hangs},
		"Obeys":  {"late is late, however it ends", obeys},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				got := probe.Doer{Exec: c.exec}.Do(t.Context(), pod.Probe{Exec: []string{"check"}, Timeout: 1500 * time.Millisecond})
				check(t, c.why, got, probe.Failure, "timed out after 1.5s")
				if took := time.Since(start); took != 1500*time.Millisecond {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

func TestATryThatIsBrokenOffSaysNothing(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the pod ends"))
	got := probe.Doer{Exec: hangs}.Do(ctx, pod.Probe{Exec: []string{"check"}, Timeout: patience})
	check(t, "the component is not to blame", got, probe.Unknown, "the pod ends")
}

func TestASocketIsGoodWhenItCanBeConnectedTo(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	for _, host := range []string{"", "localhost"} {
		p := pod.Probe{TCP: &pod.TCPSocket{Host: host, Port: port}, Timeout: patience}
		check(t, "nobody has to accept, host "+host, probe.Doer{}.Do(t.Context(), p), probe.Success, "")
	}
	for range 2 {
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		if rest, err := io.ReadAll(conn); err != nil || len(rest) > 0 {
			t.Errorf("a connection brings %q, %v, and not just its end", rest, err)
		}
		conn.Close()
	}
	l.Close()
	p := pod.Probe{TCP: &pod.TCPSocket{Port: port}, Timeout: patience}
	check(t, "nobody listens any more", probe.Doer{}.Do(t.Context(), p), probe.Failure, "connection refused")
}
