package cgroup

import (
	"os"
	"path/filepath"
	"testing"
)

func TestWhatAGroupOfV1UsesIsReadFromItsHierarchies(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{
		"memory/memory.stat":           "cache 5\ninactive_file 1\ntotal_inactive_file 300\n",
		"memory/memory.usage_in_bytes": "1000\n",
		"cpuacct/cpuacct.usage":        "5000000\n",
		"pids/pids.current":            "7\n",
		"blkio/" + bytes:               "254:0 Read 10\n254:0 Write 20\n254:16 Read 1\n254:16 Sync 9\nTotal 31\n",
	} {
		if err := os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readV1(root)
	if want := (State{Memory: 700, CPU: 5000, Pids: 7, Read: 11, Written: 20}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if err := os.RemoveAll(filepath.Join(root, "blkio")); err != nil {
		t.Fatal(err)
	}
	if got, err := readV1(root); err != nil || got.Read != 0 || got.Memory != 700 {
		t.Errorf("without counts of devices: %+v, %v", got, err)
	}
	if _, err := readV1(t.TempDir()); err == nil {
		t.Error("there is no group, and nothing is wrong")
	}
}
