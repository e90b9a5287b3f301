package execkill_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/execkill"
)

// asFamily is the variable that makes the test's binary a parent or a child.
const asFamily = "MARK_TEST_FAMILY"

func TestMain(m *testing.M) {
	if who := os.Getenv(asFamily); who != "" {
		family(who)
	}
	os.Exit(m.Run())
}

// family ignores what it is asked, for ever. A parent has two children: one in a
// session of its own, and one whose environment has no mark.
func family(who string) {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT)
	if who == "parent" {
		apart := child(os.Environ())
		apart.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		bare := child(nil)
		for _, c := range []*exec.Cmd{apart, bare} {
			if err := c.Start(); err != nil {
				fmt.Println(err)
			}
			fmt.Println(c.Process.Pid)
		}
	}
	select {}
}

func child(environment []string) *exec.Cmd {
	c := exec.Command("/proc/self/exe")
	c.Env = append(environment, asFamily+"=child")
	return c
}

// start starts a family in a session of its own, and returns the PIDs of its three.
func start(t *testing.T, marked string) (pids []int) {
	t.Helper()
	c := exec.Command("/proc/self/exe")
	c.Env = append(os.Environ(), asFamily+"=parent", execkill.Env(marked))
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	pids = []int{c.Process.Pid}
	t.Cleanup(func() {
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL) // most have been
		}
		_ = c.Wait()
	})
	said := bufio.NewScanner(out)
	for range 2 {
		var pid int
		if !said.Scan() {
			t.Fatal("no child")
		}
		if _, err := fmt.Sscan(said.Text(), &pid); err != nil {
			t.Fatal(said.Text())
		}
		pids = append(pids, pid)
	}
	return pids
}

// lives tells whether a process has not ended.
func lives(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(stat), ") Z ")
}

func TestAllThatDescendsFromWhatIsMarkedIsKilled(t *testing.T) {
	ours, others := execkill.New(), execkill.New()
	killed, spared := start(t, ours), start(t, others)
	if err := execkill.Kill(t.Context(), ours); err != nil {
		t.Fatal(err)
	}
	for i, pid := range killed {
		dockertest.Eventually(t, 5*time.Second, func() (bool, string) { return !lives(pid), fmt.Sprint("process ", i, " lives") })
	}
	for i, pid := range spared {
		if !lives(pid) {
			t.Errorf("process %d with another mark was killed", i)
		}
	}
}

// On a machine where some processes may not be looked at, nobody knows.
func TestThereNeedBeNobodyToKill(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := execkill.Kill(ctx, execkill.New()); err != nil && !errors.Is(err, os.ErrPermission) {
		t.Error(err)
	}
}
