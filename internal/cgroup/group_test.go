package cgroup_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/cgroup"
)

func TestAGroupIsWhereItsDriverHasItAndKnowsItsOwner(t *testing.T) {
	const id = "0123456789ab"
	for name, test := range map[string]struct {
		group        cgroup.Group
		path, parent string
	}{
		"FS":      {cgroup.Setup{Version: 2, Driver: cgroup.FS}.Of(id), "/podlike/" + id, "/podlike/" + id},
		"Systemd": {cgroup.Setup{Version: 2, Driver: cgroup.Systemd}.Of(id), "/podlike.slice/podlike-" + id + ".slice", "podlike-" + id + ".slice"},
	} {
		if g := test.group; g.Path != test.path || g.Parent() != test.parent || g.Owner() != id {
			t.Errorf("%s: it is %s below %s and of %q", name, g.Path, g.Parent(), g.Owner())
		}
	}
	below := cgroup.Setup{Version: 1, Driver: cgroup.FS}.Below("/docker/" + id)
	if below.Path != "/docker/"+id+"/podlike" || below.Parent() != below.Path {
		t.Errorf("below its owner's it is %s below %s", below.Path, below.Parent())
	}
	if of := (cgroup.Group{Setup: cgroup.Setup{Version: 2, Driver: cgroup.FS}, Path: "/docker/" + id}).Owner(); of != "" {
		t.Errorf("a group that is no pod's is of %q", of)
	}
}

// dirs makes directories and returns their root.
func dirs(t *testing.T, names ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, name := range names {
		if err := os.MkdirAll(filepath.Join(root, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// write writes a file of a group, as the kernel has it.
func write(t *testing.T, text string, name ...string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(name...), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

var (
	v2       = cgroup.Setup{Version: 2, Driver: cgroup.FS}
	systemd  = cgroup.Setup{Version: 2, Driver: cgroup.Systemd}
	systemd1 = cgroup.Setup{Version: 1, Driver: cgroup.Systemd}
)

func TestOnlyGroupsOfPodsAreFoundInWhichNothingRuns(t *testing.T) {
	const below = "systemd/podlike.slice/podlike-busy.slice/docker-1.scope"
	root := dirs(t, "podlike/a/x", "podlike/busy", "docker/b", "podlike.slice/podlike-c.slice", "podlike.slice/other.slice", "podlike.slice/podlike-busy.slice",
		"systemd/podlike.slice/podlike-d.slice/docker-2.scope", below)
	for _, busy := range []string{"podlike/busy", "podlike.slice/podlike-busy.slice"} {
		write(t, "populated 1\nfrozen 0\n", root, busy, "cgroup.events")
	}
	write(t, "12\n", root, below, "cgroup.procs")
	write(t, "", root, "systemd/podlike.slice/podlike-d.slice/docker-2.scope/cgroup.procs")
	for _, test := range []struct {
		setup cgroup.Setup
		want  string
	}{{v2, "a"}, {systemd, "c"}, {systemd1, "d"}} {
		got := cgroup.Host{Root: root}.Pods(test.setup)
		if diff := cmp.Diff([]cgroup.Group{test.setup.Of(test.want)}, got); diff != "" {
			t.Errorf("%+v: %s", test.setup, diff)
		}
	}
	if got := (cgroup.Host{Root: t.TempDir()}).Pods(v2); got != nil {
		t.Errorf("where there are none are %+v", got)
	}
}

// What runs in a group is never in its way, whoever is in a hurry.
func TestAGroupIsRemovedWhenNothingRunsInIt(t *testing.T) {
	root := dirs(t, "podlike/a/x", "podlike/b", "systemd/podlike.slice/podlike-a.slice")
	a, slice := v2.Of("a"), systemd1.Of("a")
	write(t, "populated 1\n", root, a.Path, "cgroup.events")
	write(t, "7\n", root, "systemd", slice.Path, "cgroup.procs")
	h := cgroup.Host{Root: root, Bus: filepath.Join(root, "none")}
	for _, g := range []cgroup.Group{a, slice} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		if err := h.Remove(ctx, g); err == nil || !strings.HasSuffix(err.Error(), "something still runs in it") {
			t.Errorf("%s: %v", g.Path, err)
		}
	}
	if err := os.Remove(filepath.Join(root, a.Path, "cgroup.events")); err != nil { // a file, which no rmdir of the kernel's minds
		t.Fatal(err)
	}
	for range 2 { // the second time nothing is there
		if err := h.Remove(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]bool{"podlike/a": false, "podlike/b": true} {
		if _, err := os.Stat(filepath.Join(root, name)); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestProcessorsAreBitsForSystemd(t *testing.T) {
	for list, want := range map[string][]byte{"": nil, "0": {1}, "0-2,5": {0x27}, "8": {0, 1}, "1, 3": {0xa}, "x": nil} {
		if got := cgroup.MaskOf(list); !bytes.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", list, got, want)
		}
	}
}
