package docker_test

import (
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
)

// Neither its user nor a root that is read-only keeps a container from knowing names, and who
// joins its network knows them as well.
func TestNamesAreWrittenWhereTheContainerMayNotWriteThem(t *testing.T) {
	d := dockertest.New(t)
	supervisor, kit := d.ScratchImage(t, "./cmd/supervisor"), d.ScratchImage(t, "./test/testkit")
	e := open(t)
	target := d.Run(t, dockertest.Spec{Image: kit, Cmd: []string{"sleep"}, User: "1000", ReadOnly: true})
	joined := d.Run(t, dockertest.Spec{Image: kit, Cmd: []string{"sleep"}, Network: dockertest.Join(target)})
	if err := e.WriteNames(t.Context(), engine.ID(target.ID), []string{"db"}, false); err == nil {
		t.Error("they were written without an image to do that with")
	}
	e.UseHelper(engine.Container{Image: supervisor, Labels: d.Labels(nil)})
	for _, test := range []struct {
		names  []string
		beside bool
		want   string
	}{
		{[]string{"app", "db"}, false, "127.0.0.1 app # podlike\n127.0.0.1 db # podlike\n"},
		{[]string{"db"}, false, "127.0.0.1 db # podlike\n"},
		{[]string{"web"}, true, "127.0.0.1 db # podlike\n127.0.0.1 web # podlike\n"},
		{[]string{"new"}, false, "127.0.0.1 new # podlike\n"},
	} {
		if err := e.WriteNames(t.Context(), engine.ID(target.ID), test.names, test.beside); err != nil {
			t.Fatal(err)
		}
		for _, c := range []*dockertest.Container{target, joined} {
			text, _ := c.Exec(t, "/testkit", "cat", "/etc/hosts")
			if _, ours, _ := strings.Cut(text, target.ID[:12]+"\n"); ours != test.want {
				t.Errorf("got %q, want %q", ours, test.want)
			}
		}
	}
	err := e.WriteNames(t.Context(), engine.ID(target.ID), []string{"no name"}, false)
	if err == nil || !strings.Contains(err.Error(), "exit code 2") {
		t.Errorf("what is no name was written: %v", err)
	}
}

// What is done on the engine's machine is done by root without any capability, and what it says is
// returned, or is the error.
func TestAHelperSeesPathsOfTheMachineAndNothingElse(t *testing.T) {
	d := dockertest.New(t)
	e := open(t)
	e.UseHelper(engine.Container{Name: "podlike-", Image: d.ScratchImage(t, "./cmd/supervisor"), Labels: d.Labels(nil), CgroupParent: "podlike-none.slice"})
	begun := 0
	run := func(command ...string) (string, error) {
		out, err := e.OnHost(t.Context(), []string{"/sys/fs/cgroup"}, command, map[string]string{"podlike.test": "x"}, func() { begun++ })
		return string(out), err
	}
	out, err := run("version")
	if err != nil || out != "dev\n" || begun != 1 {
		t.Errorf("it says %q, %v, having begun %d times", out, err, begun)
	}
	if _, err := run("nonsense"); err == nil || !strings.Contains(err.Error(), "nonsense: no such command") {
		t.Errorf("what is wrong is told as %v", err)
	}
	if _, err := run("cgroup", `{"do":"list","group":{"version":1,"driver":"cgroupfs"}}`); err != nil {
		t.Errorf("the groups of pods cannot be listed: %v", err)
	}
}
