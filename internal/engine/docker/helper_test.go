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
