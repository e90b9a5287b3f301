package status

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/socket"
)

// role is the variable that tells this program, run once more, what it is.
const role = "STATUS_TEST_ROLE"

// The status socket belongs to a PID namespace. The tests run in one of their own,
// so that nobody else's socket is in their way; a neighbour has another one.
func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		os.Exit(inside())
	case "neighbour":
		os.Exit(neighbour())
	}
	os.Exit(m.Run())
}

// inside runs the tests in a PID namespace of their own and returns their exit code.
func inside() int {
	tests := elsewhere("tests", os.Args[1:]...)
	tests.Stdin, tests.Stdout, tests.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := tests.Run(); tests.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "cannot make a PID namespace:", err)
		return 1
	}
	return tests.ProcessState.ExitCode()
}

// elsewhere is this program in another role, in a PID namespace of its own, which
// who is not root has to be in a user namespace of one's own to make.
func elsewhere(as string, args ...string) *exec.Cmd {
	c := exec.Command("/proc/self/exe", args...)
	c.Env = append(os.Environ(), role+"="+as, "GORACE=atexit_sleep_ms=0") // it would wait a second for others' races
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	if uid := os.Getuid(); uid != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: uid, Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	return c
}

// neighbour is told what to do on stdin and answers each word with a line.
func neighbour() int {
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	for words := bufio.NewScanner(os.Stdin); words.Scan(); {
		switch words.Text() {
		case "address":
			fmt.Println(socket.Address())
		case "listen":
			l, err := socket.Listen()
			fmt.Println(err)
			if err == nil {
				serving.Go(func() { _ = Serve(ctx, l, source{health: func() string { return "healthy" }}) })
			}
		case "ask":
			fmt.Println(socket.Health(ctx))
		}
	}
	cancel()
	serving.Wait()
	return 0
}

// A talk is one with a neighbour.
type talk struct {
	process *os.Process
	to      io.WriteCloser
	from    *bufio.Reader
}

// talkTo starts a neighbour, which ends with the test.
func talkTo(t *testing.T, c *exec.Cmd) talk {
	t.Helper()
	to, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	from, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = to.Close()
		_ = c.Wait() // an error if the test has killed it
	})
	return talk{process: c.Process, to: to, from: bufio.NewReader(from)}
}

// say says a word and returns the answer.
func (s talk) say(t *testing.T, word string) string {
	t.Helper()
	if _, err := fmt.Fprintln(s.to, word); err != nil {
		t.Fatal(err)
	}
	answer, err := s.from.ReadString('\n')
	if err != nil {
		t.Fatalf("no answer to %s: %v", word, err)
	}
	return strings.TrimSpace(answer)
}

// address is the neighbour's socket.
func (s talk) address(t *testing.T) string {
	t.Helper()
	address, ok := strings.CutSuffix(s.say(t, "address"), " <nil>")
	if !ok {
		t.Fatal(address)
	}
	return address
}

// A source is what a supervisor would know.
type source struct {
	health func() string
	pod    Pod
	ring   *event.Ring
	buffer *logbuffer.Buffer
}

func (s source) Health() string          { return s.health() }
func (s source) Handover() error         { return nil }
func (s source) Status() Pod             { return s.pod }
func (s source) Events() *event.Ring     { return s.ring }
func (s source) Logs() *logbuffer.Buffer { return s.buffer }

// serve answers with health until the returned function is called, which returns
// Serve's error.
func serve(t *testing.T, health func() string) func() error {
	t.Helper()
	return serveAll(t, source{health: health})
}

// serveAll answers with all of a source.
func serveAll(t *testing.T, s source) func() error {
	t.Helper()
	l, err := socket.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- Serve(ctx, l, s) }()
	return sync.OnceValue(func() error {
		cancel()
		return <-over
	})
}

func TestWhoAsksIsToldHowThePodIsNow(t *testing.T) {
	defer goleak.VerifyNone(t)
	var now atomic.Value
	stop := serve(t, func() string { return now.Load().(string) })
	defer stop()
	for _, want := range []string{"starting", "healthy", "unhealthy"} {
		now.Store(want)
		if got, err := socket.Health(t.Context()); got != want || err != nil {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("asked to end, Serve says %v", err)
	}
}

func TestNobodyToAskIsAnError(t *testing.T) {
	got, err := socket.Health(t.Context())
	if err == nil || !strings.HasPrefix(err.Error(), "cannot ask the supervisor: ") {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestASupervisorThatDoesNotAnswerIsNotWaitedForLongerThanAsked(t *testing.T) {
	defer goleak.VerifyNone(t)
	asked, forever := make(chan struct{}), make(chan struct{})
	stop := serve(t, func() string { close(asked); <-forever; return "" })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-asked; cancel() }()
	if got, err := socket.Health(ctx); err == nil {
		t.Errorf("got %q", got)
	}
	close(forever)
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestThereIsOneSocketInAContainer(t *testing.T) {
	defer goleak.VerifyNone(t)
	stop := serve(t, func() string { return "healthy" })
	l, err := socket.Listen()
	if err == nil {
		_ = l.Close()
		t.Error("a second supervisor can listen")
	}
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if l, err = socket.Listen(); err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
	_ = l.Close()
}

func TestASocketIsFreeAgainWhenItsSupervisorWasKilled(t *testing.T) {
	same := elsewhere("neighbour")
	same.SysProcAttr.Cloneflags = 0 // a predecessor in this namespace
	before := talkTo(t, same)
	if said := before.say(t, "listen"); said != "<nil>" {
		t.Fatal(said)
	}
	if got, err := socket.Health(t.Context()); got != "healthy" {
		t.Fatalf("it says %q, %v", got, err)
	}
	if err := before.process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = before.process.Wait()
	stop := serve(t, func() string { return "starting" })
	defer stop()
	if got, err := socket.Health(t.Context()); got != "starting" {
		t.Errorf("its successor says %q, %v", got, err)
	}
}

func TestEveryContainerHasASocketOfItsOwn(t *testing.T) {
	stop := serve(t, func() string { return "unhealthy" })
	defer stop()
	other := talkTo(t, elsewhere("neighbour"))
	if said := other.say(t, "listen"); said != "<nil>" {
		t.Fatalf("beside another supervisor in the same network: %s", said)
	}
	if said := other.say(t, "ask"); said != "healthy <nil>" {
		t.Errorf("asked from within: %s", said)
	}
}

// Whoever is not in the supervisor's container, as no component is, learns nothing,
// not even from an error.
func TestAnOutsiderGetsNoAnswer(t *testing.T) {
	supervisor := talkTo(t, elsewhere("neighbour"))
	if said := supervisor.say(t, "listen"); said != "<nil>" {
		t.Fatal(said)
	}
	conn, err := net.Dial("unix", supervisor.address(t))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, "GET /v1/health HTTP/1.1\r\nHost: podlike\r\nConnection: close\r\n\r\n") // it may be refused by now
	answer, _ := io.ReadAll(conn)
	if len(answer) > 0 {
		t.Errorf("got %q", answer)
	}
	if said := supervisor.say(t, "ask"); said != "healthy <nil>" {
		t.Errorf("asked from within after that: %s", said)
	}
}

// A component can take the address of a supervisor that does not listen. It must
// not speak for it.
func TestAnImpostorIsNotBelieved(t *testing.T) {
	asker := talkTo(t, elsewhere("neighbour"))
	l, err := net.Listen("unix", asker.address(t))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "healthy") })}
	defer server.Close()
	go server.Serve(l)
	if said := asker.say(t, "ask"); !strings.Contains(said, "held by a process outside of this container") {
		t.Errorf("it is told %q", said)
	}
}
