package cgroup_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

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
		"Below":   {cgroup.Setup{Version: 1, Driver: cgroup.FS}.Below("/docker/" + id), "/docker/" + id + "/podlike", "/docker/" + id + "/podlike"},
	} {
		if g := test.group; g.Path != test.path || g.Parent() != test.parent || g.Owner() != id {
			t.Errorf("%s: it is %s below %s and of %q", name, g.Path, g.Parent(), g.Owner())
		}
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

func TestThePodsOfAMachineAreFound(t *testing.T) {
	v1, v2 := cgroup.Setup{Version: 1, Driver: cgroup.FS}, cgroup.Setup{Version: 2, Driver: cgroup.FS}
	systemd := cgroup.Setup{Version: 2, Driver: cgroup.Systemd}
	for name, test := range map[string]struct {
		setup cgroup.Setup
		dirs  []string
		want  []cgroup.Group
	}{
		"V1":      {v1, []string{"memory/docker/a/podlike/x", "pids/docker/a/podlike", "pids/docker/b", "cpu/mine/c/podlike"}, []cgroup.Group{v1.Below("/mine/c"), v1.Below("/docker/a")}},
		"V2":      {v2, []string{"podlike/a/x", "docker/b", "podlike.slice/podlike-c.slice"}, []cgroup.Group{v2.Of("a")}},
		"Systemd": {systemd, []string{"podlike.slice/podlike-a.slice/docker-1.scope", "podlike.slice/other.slice", "podlike/b"}, []cgroup.Group{systemd.Of("a")}},
		"None":    {v2, nil, nil},
	} {
		root := dirs(t, append(test.dirs, "podlike/busy", "podlike.slice/podlike-busy.slice")...)
		for _, busy := range []string{"podlike/busy", "podlike.slice/podlike-busy.slice"} {
			if err := os.WriteFile(filepath.Join(root, busy, "cgroup.events"), []byte("populated 1\nfrozen 0\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got := cgroup.Host{Root: root}.Pods(test.setup)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Of cgroup v1 the owner's group goes as well, from all hierarchies, and nobody else's.
func TestWhatADeadOwnerHasLeftIsRemoved(t *testing.T) {
	root := dirs(t, "memory/docker/a/podlike/x", "pids/docker/a/podlike", "pids/docker/b/podlike")
	g := cgroup.Setup{Version: 1, Driver: cgroup.FS}.Below("/docker/a")
	for range 2 { // the second time nothing is there
		if err := (cgroup.Host{Root: root}).Remove(t.Context(), g); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]bool{"memory/docker/a": false, "pids/docker/a": false, "pids/docker/b/podlike": true, "memory/docker": true} {
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
