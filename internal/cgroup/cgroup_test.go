package cgroup

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestPathsOfEveryHierarchyAreReadOnce(t *testing.T) {
	for name, test := range map[string]struct {
		why, file string
		want      []string
	}{
		"v1":      {"all controllers of a v1 machine share a path", "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n", []string{"/docker/abc"}},
		"v2":      {"v2 has one nameless hierarchy", "0::/system.slice/docker-abc.scope\n", []string{"/system.slice/docker-abc.scope"}},
		"hybrid":  {"both at once", "2:memory:/docker/abc\n0::/user.slice\n", []string{"/docker/abc", "/user.slice"}},
		"private": {"a private namespace hides the path", "0::/\n", []string{"/"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "cgroup")
			if err := os.WriteFile(file, []byte(test.file), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := read(file)
			if err != nil || !slices.Equal(got, test.want) {
				t.Errorf("%s: got %v, %v; want %v", test.why, got, err, test.want)
			}
		})
	}
}
