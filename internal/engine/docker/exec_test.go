package docker_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
)

// Neither a signal that is ignored nor a session or an environment of its own saves a
// process whose time is over.
func TestACommandWhoseTimeIsOverIsKilledWithItsChildren(t *testing.T) {
	shared := dockertest.New(t)
	supervisor, kit := shared.ScratchImage(t, "./cmd/supervisor"), shared.ScratchImage(t, "./test/testkit")
	sleeping := dockertest.Spec{Image: kit, Cmd: []string{"sleep"}}
	for name, test := range map[string]struct {
		why    string
		joined bool
		exec   engine.Exec
	}{
		"OwnPIDs":    {"the killer joins the one namespace there is", false, engine.Exec{}},
		"SharedPIDs": {"the processes are in another container's namespace", true, engine.Exec{}},
		"OtherUser":  {"root may see and kill those of others", false, engine.Exec{User: "1000:1000"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			e := open(t)
			e.UseKiller(engine.Container{Image: supervisor, Labels: d.Labels(nil)})
			target := d.Run(t, sleeping)
			if test.joined {
				joined := sleeping
				joined.PID = dockertest.Join(target)
				target = d.Run(t, joined)
			}
			spared := make(chan error, 1)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				_, err := e.Exec(ctx, engine.ID(target.ID), engine.Exec{Command: []string{"/testkit", "sleep", "spared"}})
				spared <- err
			}()
			defer func() { cancel(); <-spared }()

			var said bytes.Buffer
			test.exec.Command, test.exec.Output = []string{"/testkit", "family"}, &said
			late, cancelLate := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancelLate()
			if _, err := e.Exec(late, engine.ID(target.ID), test.exec); !errors.Is(err, context.DeadlineExceeded) || strings.Contains(err.Error(), "kill") {
				t.Errorf("%s: got %v", test.why, err)
			}
			if said.String() != "both born\n" {
				t.Errorf("it said %q: there were no children to kill", said.String())
			}
			if left, code := target.Exec(t, "/testkit", "find", "family", "ignore"); code == 0 {
				t.Errorf("%s; left:\n%s", test.why, left)
			}
			if _, code := target.Exec(t, "/testkit", "find", "spared"); code != 0 {
				t.Error("another command was killed with it")
			}
			if !target.Running(t) {
				t.Error("the container has ended with it")
			}
		})
	}
}

// Nobody who asks for a timeout may believe that it worked.
func TestACommandThatCannotBeKilledIsTold(t *testing.T) {
	d := dockertest.New(t)
	target := d.Run(t, sleeping)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	_, err := open(t).Exec(ctx, engine.ID(target.ID), engine.Exec{Command: []string{"/testkit", "ignore"}})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "cannot kill") {
		t.Errorf("got %v", err)
	}
}

func TestACommandRunsAsItIsAskedTo(t *testing.T) {
	d := dockertest.New(t)
	target := d.Run(t, sleeping)
	var out bytes.Buffer
	_, err := open(t).Exec(t.Context(), engine.ID(target.ID), engine.Exec{
		Command: []string{"/testkit", "id", "one two"}, User: "5:6", WorkingDir: "/proc", Output: &out,
	})
	if want := "uid 5\ngid 6\ngroups [6]\ncwd /proc\narg one two\n"; err != nil || out.String() != want {
		t.Errorf("got %q, %v, want %q", out.String(), err, want)
	}
}
