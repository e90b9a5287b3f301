package dockertest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
)

// kit is a container of the testkit.
func kit(cmd ...string) dockertest.Spec {
	return dockertest.Spec{Image: dockertest.Testkit, Cmd: cmd}
}

func TestLogsKeepTheStreamsApart(t *testing.T) {
	d := dockertest.New(t)
	spec := kit("lines", "3", "both")
	c := d.Run(t, spec)
	c.Wait(t)
	stdout, stderr := c.Logs(t)
	if want := "line 1\nline 2\nline 3\n"; stdout != want || stderr != want {
		t.Errorf("stdout %q, stderr %q, want both %q", stdout, stderr, want)
	}
}

func TestLogsOfATTYAreItsOutput(t *testing.T) {
	d := dockertest.New(t)
	spec := kit("lines", "1")
	spec.TTY = true
	c := d.Run(t, spec)
	c.Wait(t)
	if stdout, _ := c.Logs(t); stdout != "line 1\r\n" {
		t.Errorf("got %q", stdout)
	}
}

func TestWaitTellsHowTheContainerEnded(t *testing.T) {
	d := dockertest.New(t)
	for name, test := range map[string]struct {
		why  string
		cmd  []string
		auto bool
		code int
	}{
		"Success":    {"0 is a code like any other", []string{"exit", "0"}, false, 0},
		"Failure":    {"the code is the program's", []string{"exit", "7"}, false, 7},
		"Highest":    {"a code is one byte", []string{"exit", "255"}, false, 255},
		"Killed":     {"a signal is 128 and its number", []string{"kill"}, false, 137},
		"AutoRemove": {"the engine forgets such a container at once; the wait began before its start", []string{"exit", "3"}, true, 3},
	} {
		t.Run(name, func(t *testing.T) {
			spec := kit(test.cmd...)
			spec.AutoRemove = test.auto
			if code := d.Run(t, spec).Wait(t); code != test.code {
				t.Errorf("got %d, want %d: %s", code, test.code, test.why)
			}
		})
	}
}

func TestWaitNeedsAStart(t *testing.T) {
	told := record(t, func(r *recorder) { dockertest.New(r).Create(r, kit("exit", "0")).Wait(r) })
	if !told.Failed() || !strings.Contains(told.text(), "it was not started") {
		t.Errorf("failed: %v, told %q", told.Failed(), told.text())
	}
}

func TestWaitWorksForWhatOthersStarted(t *testing.T) {
	d := dockertest.New(t)
	running, over := d.Run(t, sleeping), d.Run(t, kit("exit", "4"))
	over.Wait(t)
	handle := d.Container(t, running.Name)
	running.Kill(t, "KILL")
	if code := handle.Wait(t); code != 137 {
		t.Errorf("got %d from the one that ran, want 137", code)
	}
	if code := d.Container(t, over.ID).Wait(t); code != 4 {
		t.Errorf("got %d from the one that was over, want 4", code)
	}
}

func TestOutputHasEveryByteOfWhatEndsAtOnce(t *testing.T) {
	d := dockertest.New(t)
	spec := kit("flash", "hello")
	spec.AutoRemove, spec.LogDriver = true, "none"
	if out := d.Output(t, spec); out != "hello\n" {
		t.Errorf("got %q", out)
	}
}

func TestOutputFailsWithTheCodeAndTheOutput(t *testing.T) {
	told := record(t, func(r *recorder) { dockertest.New(r).Output(r, kit("cat", "/none")) })
	if !told.Failed() || !strings.Contains(told.text(), "exited with 1:\ntestkit: open /none") {
		t.Errorf("failed: %v, told %q", told.Failed(), told.text())
	}
}

func TestExecGivesOutputAndCode(t *testing.T) {
	c := dockertest.New(t).Run(t, sleeping)
	if out, code := c.Exec(t, "/testkit", "flash", "hello"); out != "hello\n" || code != 0 {
		t.Errorf("got %q and %d, want hello and 0", out, code)
	}
	if _, code := c.Exec(t, "/testkit", "exit", "9"); code != 9 {
		t.Errorf("got %d, want 9", code)
	}
}

func TestExistsUntilRemoved(t *testing.T) {
	c := dockertest.New(t).Create(t, kit("sleep", "health", "/ready"))
	if !c.Exists(t) || c.Running(t) {
		t.Errorf("created: exists %v, running %v", c.Exists(t), c.Running(t))
	}
	c.Start(t)
	if !c.Running(t) {
		t.Error("started, but does not run")
	}
	dockertest.Eventually(t, 5*time.Second, func() (bool, string) { // before that TERM ends it as it likes
		_, code := c.Exec(t, "/testkit", "exists", "/ready")
		return code == 0, "it does not listen to signals yet"
	})
	c.Stop(t, 5*time.Second)
	if code := c.Wait(t); code != 0 {
		t.Errorf("exited with %d on TERM", code)
	}
	c.Remove(t)
	if c.Exists(t) {
		t.Error("removed, but is there")
	}
	c.Remove(t)
}

func TestPortLeadsToTheContainer(t *testing.T) {
	spec := kit("serve", ":80")
	spec.Ports = []string{"127.0.0.1::80"}
	c := dockertest.New(t).Run(t, spec)
	url := "http://" + c.Port(t, "80/tcp") + "/"
	dockertest.Eventually(t, 5*time.Second, func() (bool, string) {
		answer, err := http.Get(url)
		if err != nil {
			return false, err.Error()
		}
		defer answer.Body.Close()
		page, _ := io.ReadAll(answer.Body)
		return strings.HasPrefix(string(page), "testkit on "), string(page)
	})
}

// A held stdin stays open, and its end is the end of the container's stdin. The
// binary for it reads to the end: cat of /dev/stdin.
func TestAttachedStdinIsOpenUntilClosed(t *testing.T) {
	spec := kit("cat", "/dev/stdin")
	spec.OpenStdin, spec.StdinOnce = true, true
	c := dockertest.New(t).Create(t, spec)
	stdin := c.AttachStdin(t)
	c.Start(t)
	if _, err := io.WriteString(stdin, "hello"); err != nil {
		t.Fatal(err)
	}
	if !c.Running(t) {
		t.Error("ended while its stdin was held")
	}
	stdin.Close()
	if code := c.Wait(t); code != 0 {
		t.Errorf("exited with %d", code)
	}
	if out, _ := c.Logs(t); out != "hello" {
		t.Errorf("read %q, want hello", out)
	}
}

func TestAnImageFromScratchRunsTheCommand(t *testing.T) {
	d := dockertest.New(t)
	image := d.ScratchImage(t, "./test/testkit")
	if out := d.Output(t, dockertest.Spec{Image: image, Cmd: []string{"flash", "hello"}}); out != "hello\n" {
		t.Errorf("got %q", out)
	}
	seen, err := d.Client().ImageInspect(t.Context(), image)
	if mark := d.Labels(nil)[dockertest.Label]; err != nil || seen.Config.Labels[dockertest.Label] != mark {
		t.Errorf("the image has the labels %v, %v, want the scope's %s", seen.Config, err, mark)
	}
}
