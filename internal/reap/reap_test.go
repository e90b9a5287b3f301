package reap_test

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/podlike/podlike/internal/reap"
)

// alone tells whether the test runs in a process of its own. When it does not,
// alone runs it in one, and the caller returns. All takes every child there is, so
// it cannot share a process with other tests; and a test that makes its process
// the parent of orphans should not do so to all that come after it.
func alone(t *testing.T) bool {
	t.Helper()
	const mark = "REAP_TEST_ALONE"
	if os.Getenv(mark) != "" {
		return true
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	self := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	self.Env = append(os.Environ(), mark+"=1")
	if out, err := self.CombinedOutput(); err != nil {
		t.Fatalf("in a process of its own: %v\n%s", err, out)
	}
	return false
}

// start starts a shell that nobody but All will wait for. Files become its descriptors
// from 3 on.
func start(t *testing.T, script string, files ...*os.File) (pid int) {
	t.Helper()
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	inherited := []uintptr{0, 1, 2}
	for _, f := range files {
		inherited = append(inherited, f.Fd())
	}
	pid, err = syscall.ForkExec(shell, []string{"sh", "-c", script}, &syscall.ProcAttr{Env: os.Environ(), Files: inherited})
	if err != nil {
		t.Fatalf("cannot start a shell: %v", err)
	}
	return pid
}

// awaitEnd waits until a child has ended, and leaves it to be collected.
func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err == nil {
			return
		}
		if err != unix.EINTR {
			t.Fatalf("cannot wait for child %d: %v", pid, err)
		}
	}
}

// expect compares what a call of All returned.
func expect(t *testing.T, when string, got, want int) {
	t.Helper()
	if got != want {
		t.Fatalf("%s: collected %d, want %d", when, got, want)
	}
}

func TestOrphansOfOthersAreCollectedHoweverManyAtOnce(t *testing.T) {
	if !alone(t) {
		return
	}
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		t.Fatalf("cannot become the parent of orphans: %v", err)
	}
	const shells, each = 4, 200
	ended := reap.Ended()
	await, release, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	for range shells {
		start(t, "i=0; while [ $i -lt 200 ]; do (read line) <&3 & i=$((i+1)); done", await)
	}

	collect(ended, shells) // by now all orphans are ours
	release.Close()        // and end at once
	collect(ended, shells*each)
	if _, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); err != unix.ECHILD {
		t.Errorf("a child is left: wait4 says %v, want %v", err, unix.ECHILD)
	}
}

// collect returns when n children have been collected. It hangs when one is missed.
func collect(ended <-chan os.Signal, n int) {
	for n > 0 {
		<-ended
		n -= reap.All()
	}
}

func TestOneSignalIsEnoughForManyChildren(t *testing.T) {
	if !alone(t) {
		return
	}
	const many = 50
	ended := reap.Ended()
	for range many {
		awaitEnd(t, start(t, "exit 3"))
	}

	<-ended
	expect(t, "all that have ended", reap.All(), many)
	expect(t, "when nobody is left", reap.All(), 0)
}

func TestAChildThatLivesIsNotWaitedFor(t *testing.T) {
	if !alone(t) {
		return
	}
	ended := reap.Ended()
	expect(t, "without children", reap.All(), 0)
	pid := start(t, "exec sleep 60")
	expect(t, "while the child lives", reap.All(), 0)

	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-ended
	expect(t, "when the child has ended", reap.All(), 1)
}
