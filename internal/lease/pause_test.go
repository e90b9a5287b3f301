package lease_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/lease"
)

// patience is how long anything that is to happen may take.
const patience = 30 * time.Second

// A process is the real pause, run as a process of this machine: not in a container,
// and not as PID 1 of this PID namespace.
type process struct {
	*exec.Cmd
	mu    sync.Mutex
	lines bytes.Buffer // what it has said
}

// Write takes what the process says.
func (p *process) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines.Write(b)
}

// said is what the process has said.
func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines.String()
}

// start starts pause with a variable in its environment. Should pause ask processes to
// end, this machine's are safe: it runs as nobody where the tests run as root, unless it
// gets a namespace of its own.
func start(t *testing.T, variable string, apart *syscall.SysProcAttr) *process {
	t.Helper()
	program, err := os.Open(dockertest.Binary(t, "./cmd/pause"))
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	p := &process{Cmd: exec.Command("/proc/self/fd/3")} // nobody may not look into the test's directory
	p.ExtraFiles = []*os.File{program}
	p.Env = append(os.Environ(), variable)
	p.Stderr, p.SysProcAttr = p, apart
	if apart == nil && os.Getuid() == 0 {
		p.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	if err := p.Start(); err != nil {
		t.Fatalf("cannot start pause: %v", err)
	}
	t.Cleanup(func() {
		p.Process.Kill()
		if t.Failed() {
			t.Logf("pause said:\n%s", p.said())
		}
	})
	return p
}

// offered starts pause with an offer and grants it.
func offered(t *testing.T, apart *syscall.SysProcAttr) (*process, *lease.Lease) {
	t.Helper()
	offer, err := lease.NewOffer()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(offer.Close)
	p := start(t, offer.Env(), apart)
	held, err := offer.Grant(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(held.Close)
	return p, held
}

// happens waits until a channel is closed.
func happens(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("not within %v: %s", patience, what)
	}
}

func TestPauseTellsThatItWasAskedAndStays(t *testing.T) {
	for name, s := range map[string]syscall.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": syscall.SIGINT} {
		t.Run(name, func(t *testing.T) {
			p, held := offered(t, nil)
			if err := p.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			happens(t, "pause has said that it was asked", held.Asked())
			select {
			case <-held.Lost():
				t.Error("pause has let go")
			default:
			}
			held.Close()
			if err := p.Wait(); err != nil {
				t.Errorf("pause: %v", err)
			}
			if want := "pause: " + name + " has come here"; strings.Count(p.said(), want) != 1 {
				t.Errorf("pause said\n%s\nwant '%s' once", p.said(), want)
			}
		})
	}
}

func TestPauseEndsWithItsLease(t *testing.T) {
	p, held := offered(t, nil)
	held.Close()
	if err := p.Wait(); err != nil {
		t.Errorf("pause: %v", err)
	}
}

func TestALeaseIsLostWhenPauseIsKilled(t *testing.T) {
	p, held := offered(t, nil)
	if err := p.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	happens(t, "the end of pause has been heard", held.Lost())
	p.Wait() // says that it was killed
}

// An engine can give containers a user namespace of their own, and pause is PID 1.
func TestPauseTakesALeaseFromWithinAUserNamespace(t *testing.T) {
	own := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 65534, Size: 1}}
	p, held := offered(t, &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID, UidMappings: own, GidMappings: own,
	})
	if err := held.Stopping(); err != nil {
		t.Fatal(err)
	}
	held.Close()
	if err := p.Wait(); err != nil || p.said() != "" {
		t.Errorf("pause: %v, and it said %q", err, p.said())
	}
}

func TestPauseGivesUpWhenItsTokenIsRefused(t *testing.T) {
	offer, err := lease.NewOffer()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { // waited for below
		_, err := offer.Grant(t.Context())
		ended <- err
	}()
	p := start(t, offer.Env()[:len(offer.Env())-1]+"!", nil)
	if p.Wait(); p.ProcessState.ExitCode() != 1 {
		t.Errorf("pause: %v", p.ProcessState)
	}
	if want := "pause: there is no lease: the supervisor has refused it, or ended before it granted it\n"; !strings.HasSuffix(p.said(), want) {
		t.Errorf("pause said\n%s\nwant\n%s", p.said(), want)
	}
	offer.Close()
	if err := <-ended; err == nil {
		t.Error("granted")
	}
}

func TestPauseGivesUpWhenTheOfferIsTakenBack(t *testing.T) {
	offer, err := lease.NewOffer()
	if err != nil {
		t.Fatal(err)
	}
	offer.Close()
	p := start(t, offer.Env(), nil)
	if p.Wait(); p.ProcessState.ExitCode() != 1 || !strings.Contains(p.said(), "connection refused") {
		t.Errorf("pause: %v, and it said %q", p.ProcessState, p.said())
	}
}
