package charge

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"github.com/podlike/podlike/internal/dockertest"
)

// patience is how long anything that is to happen may take.
const patience = 30 * time.Second

// apart in the environment says that this process has a network of its own.
const apart = "PODLIKE_TEST_APART"

// There is one socket of that name in a network, so these tests have one of their own.
func TestMain(m *testing.M) {
	if os.Getenv(apart) != "" {
		goleak.VerifyTestMain(m)
		return
	}
	run := exec.Command("/proc/self/exe", os.Args[1:]...)
	run.Env = append(os.Environ(), apart+"=1")
	run.Stdin, run.Stdout, run.Stderr = os.Stdin, os.Stdout, os.Stderr
	run.SysProcAttr = namespaces(syscall.CLONE_NEWNET)
	run.SysProcAttr.Pdeathsig = syscall.SIGKILL
	if err := run.Run(); run.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "cannot run the tests in a network of their own:", err)
		os.Exit(1)
	}
	os.Exit(run.ProcessState.ExitCode())
}

// namespaces are new ones for a process, and the user namespace that it takes to get them.
func namespaces(flags uintptr) *syscall.SysProcAttr {
	own := func(id int) []syscall.SysProcIDMap {
		return []syscall.SysProcIDMap{{ContainerID: id, HostID: id, Size: 1}}
	}
	return &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | flags, UidMappings: own(os.Getuid()), GidMappings: own(os.Getgid())}
}

// A process is the real pause, as PID 1 of a PID namespace in this network.
type process struct {
	*exec.Cmd
	said string // the file that it writes to
}

// listening is the line of a socket that does so, and is not only bound.
var listening = regexp.MustCompile(`(?m)^\S+ \S+ \S+ 00010000 .* ` + Address + `$`)

// start starts a pause, and waits until it listens.
func start(t *testing.T) *process {
	t.Helper()
	p := run(t, namespaces(syscall.CLONE_NEWPID))
	dockertest.Eventually(t, patience, func() (bool, string) {
		sockets, err := os.ReadFile("/proc/self/net/unix")
		if err != nil {
			t.Fatal(err)
		}
		return listening.Match(sockets), p.output(t)
	})
	return p
}

// run starts a pause.
func run(t *testing.T, own *syscall.SysProcAttr, args ...string) *process {
	t.Helper()
	said, err := os.Create(t.TempDir() + "/said")
	if err != nil {
		t.Fatal(err)
	}
	defer said.Close()
	p := &process{exec.Command(dockertest.Binary(t, "./cmd/pause"), args...), said.Name()}
	p.Env = append(os.Environ(), "GOMAXPROCS=1", "GODEBUG=disablethp=1") // as its image has it
	p.Stderr, p.SysProcAttr = said, own
	if err := p.Start(); err != nil {
		t.Fatalf("cannot start pause: %v", err)
	}
	t.Cleanup(func() {
		p.Process.Kill()
		p.Wait() // says that it was killed, or was waited for
	})
	return p
}

// output is what the process has said.
func (p *process) output(t *testing.T) string {
	t.Helper()
	said, err := os.ReadFile(p.said)
	if err != nil {
		t.Fatal(err)
	}
	return string(said)
}

// sends sends the process a signal.
func (p *process) sends(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// freezes waits until all of its threads have stopped, which the kernel does in its own time.
func (p *process) freezes(t *testing.T) {
	t.Helper()
	dockertest.Eventually(t, patience, func() (bool, string) {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", p.Process.Pid))
		if err != nil || len(threads) == 0 {
			t.Fatalf("it has no threads: %v", err)
		}
		for _, name := range threads {
			stat, err := os.ReadFile(name)
			if _, state, _ := strings.Cut(string(stat), ") "); err == nil && !strings.HasPrefix(state, "T") {
				return false, string(stat)
			}
		}
		return true, ""
	})
}

// uses is how much memory the process uses, in KiB, and how many descriptors.
func (p *process) uses(t *testing.T) (kib, descriptors int) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	if _, err := fmt.Sscanf(after, "%d kB", &kib); err != nil {
		t.Fatalf("cannot read pause's memory: %v\n%s", err, status)
	}
	all, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return kib, len(all)
}

// keepsMemory tells whether pause has the memory of who is in charge.
func (p *process) keepsMemory(t *testing.T) bool {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d/fd/", p.Process.Pid)
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(all, func(fd os.DirEntry) bool {
		to, err := os.Readlink(dir + fd.Name())
		return err == nil && strings.Contains(to, "memfd:")
	})
}

// taken takes the charge.
func taken(t *testing.T, name string) *Charge {
	t.Helper()
	c, err := Take(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
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

// connect connects to who listens and says something.
func connect(t *testing.T, say string) *net.UnixConn {
	t.Helper()
	conn, err := dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, say); err != nil {
		t.Fatal(err)
	}
	return conn
}

// answers compares all that the other end sends before it lets go.
func answers(t *testing.T, why string, conn net.Conn, want string) {
	t.Helper()
	got, err := io.ReadAll(conn)
	if err != nil && !errors.Is(err, unix.ECONNRESET) || string(got) != want { // it had not read everything
		t.Errorf("%s: answered with %q and %v, want %q", why, got, err, want)
	}
}

func TestTheMemoryAndWhatIsSaidGoToTheOneInCharge(t *testing.T) {
	p := start(t)
	if _, err := Peek(t.Context()); !errors.Is(err, errNothing) {
		t.Errorf("something is seen of what nobody has left: %v", err)
	}
	first := taken(t, "web-supervisor")
	if len(first.Memory()) != MemorySize || !bytes.Equal(first.Memory(), make([]byte, MemorySize)) {
		t.Fatalf("there is something in a memory of %d bytes that is new", len(first.Memory()))
	}
	copy(first.Memory()[MemorySize-5:], "hello")
	for range 2 { // whoever is in charge
		seen, err := Peek(t.Context())
		if err != nil || len(seen) != MemorySize || string(seen[MemorySize-5:]) != "hello" {
			t.Errorf("of %d bytes the last seen are %q: %v", len(seen), seen[max(len(seen)-5, 0):], err)
		}
	}
	var other *Taken
	if _, err := Take(t.Context(), "other"); !errors.As(err, &other) || other.By != "web-supervisor" {
		t.Errorf("taken twice: %v", err)
	}
	if err := first.Stopping(); err != nil {
		t.Error(err)
	}
	first.Close()
	happens(t, "the first one's charge is over", first.Lost())
	copy(first.Memory(), "late") // harms nobody

	second := taken(t, strings.Repeat("x", maxName))
	if got := second.Memory(); string(got[MemorySize-5:]) != "hello" || string(got[:4]) != "late" {
		t.Errorf("the successor's memory begins with %q and ends with %q", got[:4], got[MemorySize-5:])
	}
	if _, err := Take(t.Context(), "other"); !errors.As(err, &other) || other.By != strings.Repeat("x", maxName) {
		t.Errorf("taken twice: %v", err)
	}
	p.sends(t, unix.SIGTERM)
	happens(t, "pause was asked to end", second.Asked())
	happens(t, "pause has ended, as there is nobody else", second.Lost())
	if err := p.Wait(); err != nil {
		t.Errorf("pause: %v", err)
	}
	if _, err := Take(t.Context(), "late"); !errors.Is(err, ErrNoPause) {
		t.Errorf("taken from one who is gone: %v", err)
	}
}

// As docker pause does it. Those who gave up meanwhile have left claims behind.
func TestAFrozenPauseIsFoundOutInTime(t *testing.T) {
	p := start(t)
	p.sends(t, unix.SIGSTOP)
	p.freezes(t)
	began := time.Now()
	for range 2 {
		if _, err := Take(t.Context(), "early"); !errors.Is(err, ErrNoAnswer) {
			t.Errorf("a frozen pause: %v", err)
		}
	}
	if took := time.Since(began); took < 2*timeout {
		t.Errorf("it had %v each", took/2)
	}
	p.sends(t, unix.SIGCONT)
	taken(t, "late")
}

// In the network of a pod there may be anybody, with a PID namespace of their own.
func TestWhoSaysNothingSensibleGetsNoAnswerAndDelaysNobody(t *testing.T) {
	p := start(t)
	silent, half := connect(t, ""), connect(t, "c")
	for why, say := range map[string]string{
		"nothing known":       "GET / HTTP/1.1\r\n\r\n",
		"no name":             "c\n",
		"a name of control":   "c\x1b[31m\n",
		"two lines":           "cone\ncother\n",
		"more than a claim":   "cone\nk",
		"a name without end":  "c" + strings.Repeat("x", maxName+1),
		"a name that is long": "c" + strings.Repeat("x", maxName+1) + "\n",
	} {
		answers(t, why, connect(t, say), "")
	}
	held := taken(t, "web-supervisor")
	for _, late := range []net.Conn{silent, half} {
		answers(t, "silent", late, "")
	}
	dockertest.Eventually(t, patience, func() (bool, string) {
		return p.keepsMemory(t), "pause has not got the memory that it is to keep"
	})
	_, before := p.uses(t)
	held.Close()

	var all []net.Conn
	for range 4 * 16 {
		all = append(all, connect(t, "c"))
	}
	answers(t, "the first of too many", all[0], "")
	held = taken(t, "web-supervisor")
	for _, conn := range all {
		conn.Close()
	}
	held.Close()
	answers(t, "in parts", parts(t, "c", "par", "ts\n"), "g")
	taken(t, "web-supervisor")
	dockertest.Eventually(t, patience, func() (bool, string) {
		_, now := p.uses(t)
		return now == before, fmt.Sprintf("%d descriptors, %d before", now, before)
	})
}

// parts says something in parts, each when the former has been read, and lets go of its half
// of the connection.
func parts(t *testing.T, all ...string) net.Conn {
	t.Helper()
	conn := connect(t, "")
	raw, err := conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range all {
		if _, err := io.WriteString(conn, part); err != nil {
			t.Fatal(err)
		}
		dockertest.Eventually(t, patience, func() (bool, string) {
			var unread int
			var err error
			raw.Control(func(fd uintptr) { unread, err = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ) })
			return unread == 0 && err == nil, fmt.Sprint(unread, " bytes were not read, ", err)
		})
	}
	conn.CloseWrite()
	return conn
}

// However many come, pause does not grow by it.
func TestAFloodOfClaimantsCostsNoMemory(t *testing.T) {
	const growth = 100 // KiB
	p := start(t)
	held := taken(t, "web-supervisor")
	flood := func(times int) {
		for i := range times {
			say, want := "cother\n", "tweb-supervisor\n"
			if i%2 == 0 {
				say, want = "?\n", ""
			}
			conn := connect(t, say)
			answers(t, "refused", conn, want)
			conn.Close()
		}
	}
	flood(100)
	before, descriptors := p.uses(t)
	flood(10_000)
	after, now := p.uses(t)
	t.Logf("%d KiB at first, %d after the flood", before, after)
	if after-before > growth || now > descriptors {
		t.Errorf("pause used %d KiB and %d descriptors, and %d and %d after the flood", before, descriptors, after, now)
	}
	select {
	case <-held.Lost():
		t.Error("the one in charge has lost it")
	default:
	}
}

// The one in charge may be a component with a PID namespace of its own, or broken.
func TestWhatTheOneInChargeSaysTakesNothingFromPause(t *testing.T) {
	p := start(t)
	taken(t, "first").Close()
	held := connect(t, "cother\n")
	said, control := make([]byte, 1), make([]byte, unix.CmsgLen(4))
	if _, size, _, _, err := held.ReadMsgUnix(said, control); err != nil || said[0] != saidGranted {
		t.Fatalf("not granted: %q, %v", said, err)
	} else if fd := descriptor(control[:size]); fd >= 0 {
		unix.Close(fd)
	}
	_, before := p.uses(t)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	fd := int(null.Fd())
	for range 100 {
		for say, fds := range map[string][]int{"k": {fd, fd, fd}, "s": {fd}, "?": {fd}, "kkk": nil} {
			if _, _, err := held.WriteMsgUnix([]byte(say), unix.UnixRights(fds...), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := io.WriteString(held, strings.Repeat("?", 50_000)); err != nil {
		t.Fatal(err)
	}
	held.CloseWrite()
	answers(t, "all was read", held, "")
	if _, now := p.uses(t); now != before-1 { // without the connection
		t.Errorf("pause has %d descriptors, and had %d", now, before)
	}

	last := taken(t, "last") // pause has kept what is no memory
	if !bytes.Equal(last.Memory(), make([]byte, MemorySize)) {
		t.Error("what was kept in the place of the memory was taken for one")
	}
}

func TestAFurtherPauseInANetwork(t *testing.T) {
	const first = "pause: warning: not PID 1, so no orphan comes here, and its end ends nobody else\n"
	start(t)
	for name, c := range map[string]struct {
		why, said string
		args      []string
	}{
		"Warns": {"it goes on as it is", first + "pause: warning: no supervisor can take charge here: cannot listen on @podlike/charge: " +
			"address already in use; a pause that joins another one's network needs -hold\n", nil},
		"Hold": {"it only holds what is its own", first, []string{"-hold"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := run(t, namespaces(0), c.args...)
			dockertest.Eventually(t, patience, func() (bool, string) {
				said := p.output(t)
				return said == c.said, said
			})
			taken(t, "web-supervisor").Close() // of the first pause
			p.sends(t, unix.SIGTERM)
			if err := p.Wait(); err != nil || p.output(t) != c.said {
				t.Errorf("%s: it ended with %v and said\n%s", c.why, err, p.output(t))
			}
		})
	}
}
