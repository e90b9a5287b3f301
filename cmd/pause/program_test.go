package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// build makes the program as its image has it, for a machine of that kind.
func build(t *testing.T, arch string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "pause")
	goBuild := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version=1.2.3", "-o", file, ".")
	goBuild.Env = append(os.Environ(), "CGO_ENABLED=0", "GOARCH="+arch)
	if out, err := goBuild.CombinedOutput(); err != nil {
		t.Fatalf("cannot build pause: %v\n%s", err, out)
	}
	return file
}

// here is the kind of machine that the tests run on.
func here(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOHOSTARCH").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func TestTheProgramIsSmall(t *testing.T) {
	const limit = 1_600_000 // every node pulls it, every pod maps it
	for _, arch := range []string{"amd64", "arm64"} {
		info, err := os.Stat(build(t, arch))
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > limit {
			t.Errorf("pause for %s has %d bytes, more than %d", arch, info.Size(), limit)
		}
		t.Logf("pause for %s has %d bytes", arch, info.Size())
	}
}

func TestTheProgramKnowsNobodyButReap(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{if not .Standard}}{{.ImportPath}}{{end}}", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	const module = "github.com/podlike/podlike/"
	want := []string{module + "internal/reap", module + "cmd/pause"}
	if got := strings.Fields(string(out)); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("beside the standard library pause is made of\n%q, want\n%q", got, want)
	}
}

func TestTheProgramAnswersAndExits(t *testing.T) {
	pause := build(t, here(t))
	const lease = "pause: cannot take the lease that PODLIKE_LEASE offers: "
	for name, c := range map[string]struct {
		why            string
		args           []string
		lease          string
		code           int
		stdout, stderr string
	}{
		"Version": {"the linker sets it", []string{"-v"}, "", 0, "1.2.3\n", ""},
		"Unknown": {"bad configuration is one line and 2", []string{"-x"}, "", 2, "", "pause: cannot start: unknown argument -x; there are -grace 5s, -hold and -v\n"},
		"Nobody":  {"without a supervisor nobody would ever end it", nil, "@podlike/lease/nobody:secret", 1, "", lease + "connection refused\n"},
		"NoToken": {"a lease that cannot be read is not none", nil, "secret", 1, "", lease + "invalid argument\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			run := exec.Command(pause, c.args...)
			run.Env = append(os.Environ(), "PODLIKE_LEASE="+c.lease)
			run.Stdout, run.Stderr = &stdout, &stderr
			if err := run.Run(); run.ProcessState == nil {
				t.Fatal(err)
			}
			if code := run.ProcessState.ExitCode(); code != c.code || stdout.String() != c.stdout || stderr.String() != c.stderr {
				t.Errorf("%s: exit code %d, stdout %q, stderr %q; want %d, %q, %q",
					c.why, code, &stdout, &stderr, c.code, c.stdout, c.stderr)
			}
		})
	}
}

func TestTheProgramWarnsWhenItIsNotFirstAndGoesOn(t *testing.T) {
	run := exec.Command(build(t, here(t)), "-hold") // this network is the machine's
	stderr, err := run.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Start(); err != nil {
		t.Fatal(err)
	}
	warning := make([]byte, 256)
	n, err := stderr.Read(warning)
	if !strings.HasPrefix(string(warning[:n]), "pause: warning: not PID 1") {
		t.Errorf("it says %q, %v", warning[:n], err)
	}

	for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGPIPE, syscall.SIGCHLD, syscall.SIGTERM} {
		if err := run.Process.Signal(s); err != nil {
			t.Fatalf("%v: %v", s, err)
		}
	}
	if err := run.Wait(); err != nil {
		t.Errorf("it should have survived all signals but SIGTERM, and that one with 0: %v", err)
	}
}
