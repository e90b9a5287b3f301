package test

import (
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

// looks runs a command of testkit's beside the components, and returns what it prints
// and its exit code.
func (s supervisor) looks(t testing.TB, flags []string, command ...string) (out string, code int) {
	t.Helper()
	line := slices.Concat([]string{"/supervisor", "debug", "--image", dockertest.Testkit}, flags, []string{"--", "/testkit"}, command)
	return s.Exec(t, line...)
}

// lookers are how many containers there are that somebody looks at the pod with.
func (s supervisor) lookers(t testing.TB) (n int) {
	t.Helper()
	for _, c := range s.d.Pod(t, s.ID) {
		if c.Labels[pod.LabelRole] == pod.RoleDebug {
			n++
		}
	}
	return n
}

func TestADebugContainerIsInThePodAndLeavesItAlone(t *testing.T) {
	t.Parallel()
	s := podOf(t, dockertest.New(t), components{"web": probed("serve :3000", "readinessProbe: {httpGet: {port: 3000, path: /}, "+often+"}"), "log": kit("sleep")})
	s.waitHealthy(t)
	out, code := s.looks(t, nil, "ps")
	if code != 0 || !strings.Contains(out, " pause\n") || strings.Count(out, " testkit\n") != 3 {
		t.Errorf("ps exits with %d and prints\n%s", code, out)
	}
	out, code = s.looks(t, nil, "get", "http://127.0.0.1:3000/")
	if code != 0 || !strings.HasPrefix(out, "testkit on ") {
		t.Errorf("get exits with %d and prints\n%s", code, out)
	}
	out, code = s.Exec(t, "/supervisor", "debug", "/testkit", "ps") // with the image of the first component
	if code != 0 || strings.Count(out, " testkit\n") != 3 {
		t.Errorf("ps exits with %d and prints\n%s", code, out)
	}
	for why, test := range map[string]struct {
		command []string
		code    int
	}{
		"its command's code is its own": {[]string{"--", "/testkit", "exit", "7"}, 7},
		"there is no such command":      {[]string{"--", "/none"}, 127},
		"that is no program":            {[]string{"--", "/etc/hosts"}, 126},
		"there is no such component":    {[]string{"-target", "nobody", "--", "/testkit", "ps"}, 2},
	} {
		if _, code := s.Exec(t, append([]string{"/supervisor", "debug"}, test.command...)...); code != test.code {
			t.Errorf("%q exits with %d, want %d: %s", test.command, code, test.code, why)
		}
	}
	if n := s.lookers(t); n != 0 || !s.Running(t) {
		t.Errorf("of the looks %d are left, and the pod runs: %v", n, s.Running(t))
	}
	if p := s.status(t); len(p.Components) != 2 || !p.Components[0].Ready || !p.Components[1].Ready || p.Components[0].Restarts+p.Components[1].Restarts > 0 {
		t.Errorf("the pod is %+v", p)
	}
	s.terminated(t)
}

// Where the components share no processes a look is at those of one of them.
func TestADebugContainerSeesTheProcessesOfItsTarget(t *testing.T) {
	t.Parallel()
	s := podOf(t, dockertest.New(t), components{"web": kit("family", "stop_grace_period: 1s"), "log": kit("sleep")}, "-pids=false")
	s.waitRunning(t)
	for target, processes := range map[string]int{"web": 3, "log": 1} {
		dockertest.Eventually(t, soon, func() (bool, string) { // its family may not be complete yet
			out, code := s.looks(t, []string{"--target", target}, "ps")
			return code == 0 && strings.Count(out, "\n") == processes+1 && !strings.Contains(out, "pause"), out
		})
	}
	s.terminated(t)
}

func TestAPodThatStopsTakesItsDebugContainersAlong(t *testing.T) {
	t.Parallel()
	s := podOf(t, dockertest.New(t), components{"web": kit("sleep")})
	s.waitRunning(t)
	for _, command := range []string{"sleep", "ignore"} {
		made, err := s.d.Client().ContainerExecCreate(t.Context(), s.ID, container.ExecOptions{Cmd: []string{"/supervisor", "debug", "--", "/testkit", command}})
		if err == nil {
			err = s.d.Client().ContainerExecStart(t.Context(), made.ID, container.ExecStartOptions{Detach: true})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	dockertest.Eventually(t, soon, func() (bool, string) { return s.lookers(t) == 2, "nobody looks yet" })
	if p := s.status(t); len(p.Components) != 1 {
		t.Errorf("who looks is no component, and the pod is %+v", p)
	}
	s.terminated(t)
}
