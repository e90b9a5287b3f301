// Package mounttest gives a test a mount namespace of its own, in which it can mount what
// it likes. Nothing of it is seen outside, or left when the test is over.
package mounttest

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// inside is the variable that names the test for which a process has the namespace.
const inside = "PODLIKE_TEST_MOUNTS"

// Alone runs test, the rest of t, in a process with mounts of its own. It fails where none
// may be made.
func Alone(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	if os.Getenv(inside) == t.Name() {
		Mount(t, "", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "")
		test(t)
		return
	}
	names := strings.Split(t.Name(), "/")
	for i, name := range names {
		names[i] = "^" + regexp.QuoteMeta(name) + "$"
	}
	c := exec.CommandContext(t.Context(), "/proc/self/exe", "-test.v", "-test.count=1", "-test.timeout=1m", "-test.run="+strings.Join(names, "/"))
	c.Env = append(os.Environ(), inside+"="+t.Name(), "GORACE=atexit_sleep_ms=0")
	c.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		c.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		c.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		c.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	said, err := c.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "--- PASS: "+t.Name()+" ") {
		t.Errorf("in a process with mounts of its own: %v:\n%s", err, said)
	}
}

// Mount mounts something, as mount(2) does, and fails the test if it cannot.
func Mount(t *testing.T, source, target, kind string, flags uintptr, options string) {
	t.Helper()
	if err := syscall.Mount(source, target, kind, flags, options); err != nil {
		t.Fatalf("cannot mount %s: %v", target, err)
	}
	if flags&syscall.MS_PRIVATE != 0 {
		return // nothing was mounted
	}
	t.Cleanup(func() { // before the directory that it is in is removed
		if err := syscall.Unmount(target, syscall.MNT_DETACH); err != nil {
			t.Errorf("cannot unmount %s: %v", target, err)
		}
	})
}

// Bind mounts a directory, or a file, at another place. It is the same file system there,
// and another mount.
func Bind(t *testing.T, source, target string) {
	t.Helper()
	Mount(t, source, target, "", syscall.MS_BIND, "")
}

// Tmpfs mounts an empty file system in memory.
func Tmpfs(t *testing.T, target string) {
	t.Helper()
	Mount(t, "tmpfs", target, "tmpfs", 0, "")
}
