package dockertest_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"

	"github.com/podlike/podlike/internal/dockertest"
)

// A nested engine runs this project's images, loses its containers or keeps them over a
// restart as its flags say, and leaves nothing on the machine.
func TestANestedEngineComesIsRestartedAndIsGone(t *testing.T) {
	for name, test := range map[string]struct {
		why     string
		version string
		flags   []string
		signal  string
		lives   bool
	}{
		"Old":         {"dockerd takes its containers down with it", dockertest.Engine20, nil, "TERM", false},
		"OldKilled":   {"what a killed dockerd left is taken down by the next", dockertest.Engine20, nil, "KILL", false},
		"LiveRestore": {"live-restore leaves them alone", dockertest.Engine26, []string{"--live-restore"}, "TERM", true},
		"LiveKilled":  {"and so when nobody could prepare for it", dockertest.Engine26, []string{"--live-restore"}, "KILL", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			machine := dockertest.New(t)
			var outer *dockertest.Container
			t.Run("Scope", func(t *testing.T) {
				n := machine.Nested(t, test.version, test.flags...)
				outer = n.Outer()
				if info, err := n.Client().ServerVersion(t.Context()); err != nil || !strings.HasPrefix(info.Version, test.version+".") {
					t.Fatalf("the engine is %s: %v", info.Version, err)
				}
				if got := n.Output(t, kit("flash", "here")); got != "here\n" {
					t.Errorf("testkit printed %q", got)
				}
				c := n.Run(t, sleeping)
				before := c.Inspect(t).State
				if len(groups(t, outer.Name)) == 0 {
					t.Error("no control group is below the engine's own, so that none is left says nothing")
				}
				n.RestartEngine(t, test.signal)
				after := c.Inspect(t).State
				if lives := after.Running && after.Pid == before.Pid; lives != test.lives {
					t.Errorf("lives: %v, want %v: %s", lives, test.lives, test.why)
				}
			})
			awaitGone(t, machine, outer.ID, outer.Name)
		})
	}
}

// doomedVariable in the environment makes the test below the one that is killed.
const doomedVariable = "PODLIKE_TEST_DOOMED"

// A test that is killed removes nothing. Its nested engine goes all the same, whatever
// runs on it.
func TestANestedEngineIsGoneWithATestThatIsKilled(t *testing.T) {
	machine := dockertest.New(t)
	if os.Getenv(doomedVariable) != "" {
		n := machine.Nested(t, dockertest.Engine26, "--live-restore")
		n.Run(t, kit("ignore"))
		if err := n.Client().ContainerPause(t.Context(), n.Run(t, kit("ignore")).ID); err != nil {
			t.Fatal(err)
		}
		fmt.Println(doomedVariable, n.Outer().ID, n.Outer().Name, filepath.Dir(n.Socket(t)))
		select {}
	}
	doomed := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$")
	doomed.Env = append(os.Environ(), doomedVariable+"=yes")
	out, err := doomed.StdoutPipe()
	if err == nil {
		err = doomed.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for lines := bufio.NewScanner(out); len(said) == 0 && lines.Scan(); {
		if rest, is := strings.CutPrefix(lines.Text(), doomedVariable+" "); is {
			said = strings.Fields(rest)
		}
	}
	if err := doomed.Process.Kill(); err != nil {
		t.Error(err)
	}
	_ = doomed.Wait() // it says that it was killed
	if len(said) != 3 {
		t.Fatalf("the test to be killed has said %q", said)
	}
	if err := os.RemoveAll(said[2]); err != nil { // of all temporary directories a killed test leaves its own
		t.Error(err)
	}
	awaitGone(t, machine, said[0], said[1])
}

// What an engine's container cannot remove, because it was killed itself, the test does,
// and fails: it has lost the engine.
func TestAKilledNestedEngineIsToldAndRemoved(t *testing.T) {
	machine := dockertest.New(t)
	var outer *dockertest.Container
	told := record(t, func(r *recorder) {
		n := machine.Nested(r, dockertest.Engine20)
		n.Run(r, sleeping)
		outer = n.Outer()
		outer.Kill(r, "KILL")
	})
	if !told.Failed() || !strings.Contains(told.text(), "of a nested engine exited with 137") {
		t.Errorf("failed: %v, told %q", told.Failed(), told.text())
	}
	awaitGone(t, machine, outer.ID, outer.Name)
}

// awaitGone asserts that a nested engine's container is gone, and its control groups.
func awaitGone(t *testing.T, machine *dockertest.Engine, id, name string) {
	t.Helper()
	dockertest.Eventually(t, 15*time.Second, func() (bool, string) {
		_, err := machine.Client().ContainerInspect(t.Context(), id)
		left := groups(t, name)
		return cerrdefs.IsNotFound(err) && len(left) == 0, fmt.Sprint(name, ": ", err, ", ", left)
	})
}

// groups are the control groups of that name, of every controller, that hold those of a
// nested engine's containers.
func groups(t *testing.T, name string) (all []string) {
	t.Helper()
	for _, pattern := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/*/"} {
		found, err := filepath.Glob(pattern + name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, found...)
	}
	return all
}
