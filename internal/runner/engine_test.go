package runner_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/engine/retry"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/runner"
)

// patience is how long anything may take on a real engine: it ends tests that hang.
const patience = time.Minute

// A realRun is one on a real engine, behind a proxy that cuts it off.
type realRun struct {
	*runner.Run
	engine    engine.Engine
	proxy     *dockertest.Proxy
	out, errs sink
	mu        sync.Mutex
	missing   []string
}

// onDocker starts a command of testkit on the real engine.
func onDocker(t *testing.T, change func(*engine.Container), command ...string) *realRun {
	t.Helper()
	d := dockertest.New(t)
	d.Need(t, dockertest.Testkit)
	owner := d.Run(t, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"sleep"}}) // one who lives, or another test's sweep takes the run
	s := &realRun{proxy: d.Proxy(t)}
	t.Setenv("DOCKER_HOST", "unix://"+s.proxy.Socket())
	e, err := docker.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	made := engine.Container{
		Name: "podlike-test-" + strings.ToLower(rand.Text()[:12]), Image: dockertest.Testkit,
		Labels: d.Labels(map[string]string{pod.LabelOwner: owner.ID}), Command: command, StopGrace: time.Second,
	}
	change(&made)
	r, _, err := runner.Open(t.Context(), runner.Config{
		Engine: retry.New(e, 0, func(retry.Outage) {}), Stdout: &s.out, Stderr: &s.errs,
		Missing: func(why string) { s.mu.Lock(); defer s.mu.Unlock(); s.missing = append(s.missing, why) },
	}, made, ready)
	if err := errors.Join(err, r.Start(t.Context())); err != nil {
		t.Fatal(err)
	}
	s.Run, s.engine = r, e
	t.Cleanup(r.Close)
	return s
}

// says waits until it has said that at the end.
func (s *realRun) says(t *testing.T, out, errs string) {
	t.Helper()
	dockertest.Eventually(t, patience, func() (bool, string) {
		return strings.HasSuffix(s.out.String(), out) && strings.HasSuffix(s.errs.String(), errs),
			fmt.Sprintf("stdout %q, stderr %q", s.out.String(), s.errs.String())
	})
}

// logs is the call that reads a log.
var logs = dockertest.Call{Path: "/containers/*/logs"}

// cut cuts it off, and waits until its log is read anew.
func (s *realRun) cut(t *testing.T) {
	t.Helper()
	before := s.proxy.Calls(logs)
	s.proxy.Inject(dockertest.Fault{Kind: dockertest.Cut})()
	dockertest.Eventually(t, patience, func() (bool, string) { return s.proxy.Calls(logs) > before, "nobody reads its log" })
}

// ends stops it and checks all that it has said.
func (s *realRun) ends(t *testing.T, out, errs string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	dockertest.Eventually(t, patience, func() (bool, string) { // it heeds signals by then
		_, err := s.engine.Stat(ctx, s.ID, "/said")
		return err == nil, fmt.Sprint(err)
	})
	if err := s.Stop(ctx, "SIGTERM", patience/2); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Drained():
	case <-ctx.Done():
		t.Fatal("its output does not end")
	}
	if x := s.Exit(); x.Code != 0 || x.Err != nil {
		t.Errorf("it ended with %+v", x)
	}
	if s.out.String() != out || s.errs.String() != errs {
		t.Errorf("stdout %q\nstderr %q", s.out.String(), s.errs.String())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.missing) > 0 {
		t.Errorf("missing is %q", s.missing)
	}
}

func TestARealEnginesOutputIsPassedOnOnceOverCuts(t *testing.T) {
	const lines = 200
	for _, tty := range []bool{false, true} {
		for _, cuts := range []int{1, 2, 6} { // more would wait for longer and longer; see those on the fake
			t.Run(fmt.Sprint(cuts, " cuts, TTY ", tty), func(t *testing.T) {
				command, newline := []string{"lines", fmt.Sprint(lines), "both", "every", "20ms", "stay", "/said"}, "\n"
				if tty {
					command, newline = []string{"lines", fmt.Sprint(lines), "every", "20ms", "stay", "/said"}, "\r\n"
				}
				s := onDocker(t, func(c *engine.Container) {
					c.TTY = tty
				}, command...)
				for cut := range cuts {
					at := fmt.Sprintf("line %d%s", (cut+1)*lines/(cuts+1), newline)
					dockertest.Eventually(t, patience, func() (bool, string) { return strings.Contains(s.out.String(), at), "no " + at })
					s.cut(t)
				}
				want, last := "", fmt.Sprintf("line %d%s", lines, newline)
				for i := range lines {
					want += fmt.Sprintf("line %d%s", i+1, newline)
				}
				if tty {
					s.says(t, last, "")
					s.ends(t, want, "")
					return
				}
				s.says(t, last, last)
				s.ends(t, want, want)
			})
		}
	}
}

func TestARealEnginesLineWithoutAnEndIsPassedOnOnce(t *testing.T) {
	s := onDocker(t, func(*engine.Container) {}, "partial", "no end", "stay", "/said")
	s.says(t, "no end", "")
	s.cut(t)
	s.ends(t, "no end", "")
}
