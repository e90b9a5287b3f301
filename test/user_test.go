package test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

// A supervisor needs the engine's socket, and nothing else that is root's: whatever it
// does for its components, it works as anybody and has nothing to write to.
func TestASupervisorNeedsNoRootAndNoRoom(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	spec := d.Supervisor(t, components{
		"web": kit("serve 127.0.0.1:3000", "restart: always", "secrets: [key]",
			`healthcheck: {test: [CMD, /testkit, get, "http://127.0.0.1:3000/"], interval: 200ms}`),
		"slow": kit("sleep", "x-pod: {readinessProbe: {exec: {command: [/testkit, wait, /go]}, periodSeconds: 1}}"),
	}.labels())
	spec.Labels[pod.CopyPrefix+"web"] = "/conf/app.conf:/etc/shop/app.conf"
	spec.User, spec.ReadOnly = fmt.Sprint("65534:", socketGroup(t, d)), true
	spec.CapDrop, spec.SecurityOpt = []string{"ALL"}, []string{"no-new-privileges"}
	spec.Binds = append(spec.Binds, dirWith(t, "app.conf", "a setting")+":/conf:ro", dirWith(t, "key", "a secret")+":/run/secrets:ro")
	s := run(t, d, spec)

	s.waitFor(t, "probe failed", 3) // for its command takes too long, and is killed
	if waiting, _ := s.component(t, "slow").Exec(t, "/testkit", "find", "/go"); strings.Count(waiting, "\n") > 1 {
		t.Errorf("commands of the probe were left running:\n%s", waiting)
	}
	s.has(t, "web", "/etc/shop/app.conf", "a setting")
	s.has(t, "web", "/run/secrets/key", "a secret")
	inside(t, s.component(t, "slow"), "touch", "/go")
	s.waitHealthy(t)

	first := s.component(t, "web")
	first.Kill(t, "KILL")
	s.shows(t, `\nweb +yes +Running +1 `)
	if s.component(t, "web").ID == first.ID {
		t.Error("the component was restarted in the same container")
	}
	s.has(t, "web", "/etc/shop/app.conf", "a setting")
	s.has(t, "web", "/run/secrets/key", "a secret")
	s.terminated(t)
}

// What its user may not read it says before it makes anything.
func TestASupervisorThatMayNotReadAFileSaysWhoHasToBeLet(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	spec := d.Supervisor(t, components{"web": kit("sleep")}.labels())
	spec.Labels[pod.CopyPrefix+"web"] = "/conf/key:/key"
	dir := dirWith(t, "key", "a secret")
	if err := os.Chmod(filepath.Join(dir, "key"), 0o600); err != nil {
		t.Fatal(err)
	}
	spec.User = fmt.Sprint("65534:", socketGroup(t, d))
	spec.Binds = append(spec.Binds, dir+":/conf:ro")
	s := run(t, d, spec)
	if code := s.Wait(t); code != 2 {
		t.Errorf("exited with %d, want 2", code)
	}
	_, told := s.Logs(t)
	if want := "supervisor: pod.copy.web: cannot copy /conf/key: permission denied; let the supervisor's user read it\n"; told != want {
		t.Errorf("got %q, want %q", told, want)
	}
}

// has asserts that a component has a file with that text.
func (s supervisor) has(t *testing.T, component, path, want string) {
	t.Helper()
	if got := inside(t, s.component(t, component), "cat", path); got != want {
		t.Errorf("%s has at %s %q, want %q", component, path, got, want)
	}
}

// shows waits until `supervisor status` prints what matches the pattern.
func (s supervisor) shows(t *testing.T, pattern string) {
	t.Helper()
	dockertest.Eventually(t, soon, func() (bool, string) {
		out, code := s.Exec(t, "/supervisor", "status")
		return code == 0 && regexp.MustCompile(pattern).MatchString(out), fmt.Sprintf("exit code %d, and\n%s", code, out)
	})
}

// dirWith is a directory on this machine with one file in it that anybody may read.
func dirWith(t *testing.T, name, text string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// socketGroup is the group that may use the engine's socket.
func socketGroup(t *testing.T, d *dockertest.Engine) uint32 {
	t.Helper()
	seen, err := os.Stat(d.Socket(t))
	if err != nil {
		t.Fatal(err)
	}
	return seen.Sys().(*syscall.Stat_t).Gid
}
