package docker_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"testing"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/docker"
)

// What is at a path is known of a container that was never started, and of the
// volumes that it mounts.
func TestStatSeesWhatAContainerHas(t *testing.T) {
	d := dockertest.New(t)
	e, err := docker.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	c := d.Create(t, dockertest.Spec{Image: dockertest.Testkit, Binds: []string{d.Volume(t, nil) + ":/data/volume"}})
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for _, h := range []tar.Header{
		{Name: "dir/file", Mode: 0o644},
		{Name: "todir", Typeflag: tar.TypeSymlink, Linkname: "dir"},
		{Name: "dir/tofile", Typeflag: tar.TypeSymlink, Linkname: "/todir/file"},
		{Name: "tolink", Typeflag: tar.TypeSymlink, Linkname: "todir"},
		{Name: "lost", Typeflag: tar.TypeSymlink, Linkname: "none"},
	} {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), e.Put(t.Context(), engine.ID(c.ID), "/", &archive)); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		why, path string
		isDir     bool
		err       error
	}{
		"Root":         {"it is always there", "/", true, nil},
		"Dir":          {"a directory", "/dir", true, nil},
		"File":         {"a file", "/dir/file", false, nil},
		"Missing":      {"nothing", "/none", false, engine.ErrNotFound},
		"Below":        {"nothing, below nothing", "/none/none", false, engine.ErrNotFound},
		"BelowFile":    {"nothing can be in a file", "/dir/file/none/none", false, engine.ErrNotFound},
		"Volume":       {"it is mounted for this", "/data/volume", true, nil},
		"LinkToDir":    {"what it leads to", "/todir", true, nil},
		"LinkToFile":   {"what it leads to", "/dir/tofile", false, nil},
		"LinkToLink":   {"what both lead to", "/tolink", true, nil},
		"LinkOnTheWay": {"it is followed", "/tolink/file", false, nil},
		"LostLink":     {"it leads to nothing", "/lost", false, engine.ErrNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			isDir, err := e.Stat(t.Context(), engine.ID(c.ID), test.path)
			if isDir != test.isDir || !errors.Is(err, test.err) {
				t.Errorf("%s: got %v, %v, want %v, %v", test.why, isDir, err, test.isDir, test.err)
			}
			_, err = e.Read(t.Context(), engine.ID(c.ID), test.path, 1)
			if (err == nil) != (test.err == nil && !isDir) || test.err != nil && !errors.Is(err, test.err) {
				t.Errorf("%s: read with %v", test.why, err)
			}
		})
	}
}
