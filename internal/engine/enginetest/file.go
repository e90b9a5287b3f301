package enginetest

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
)

// files is the suite of engine.Files.
type files struct{ *suite }

// fileLaws are its laws, by the names of their subtests.
var fileLaws = map[string]func(files){
	"PutMakesParentsThatAllCanRead": files.put,
	"ReadReturnsTheEndOfAFile":      files.read,
}

func (s files) put() {
	c := s.kit("stat", "/a", "/a/b", "/a/b/file")
	id := s.create(c)
	stream, err := s.Attach(s.Context(), id, c)
	s.must(err)
	defer stream.Close()

	s.must(s.Put(s.Context(), id, "/", s.archive("a/b/file", "hi")))
	s.is(s.Put(s.Context(), id, "/none", new(bytes.Buffer)), engine.ErrNotFound, "Put into no directory")
	for path, want := range map[string]bool{"/": true, "/a/b": true, "/a/b/": true, "/a/b/file": false} {
		if got, err := s.Stat(s.Context(), id, path); got != want || err != nil {
			s.Errorf("Stat of %s: directory %t, error %v; want %t", path, got, err, want)
		}
	}
	for _, path := range []string{"/none", "/a/none", "/a/b/file/none"} {
		_, err := s.Stat(s.Context(), id, path)
		s.is(err, engine.ErrNotFound, "Stat of "+path)
	}

	s.must(s.Start(s.Context(), id))
	var out bytes.Buffer
	s.must(stream.Copy(&out, &out))
	var modes []string
	for line := range strings.Lines(out.String()) {
		mode, _, _ := strings.Cut(line, " ")
		modes = append(modes, mode)
	}
	if got, want := strings.Join(modes, " "), "drwxr-xr-x drwxr-xr-x -rw-r-----"; got != want {
		s.Errorf("modes %s, want %s; all of it:\n%s", got, want, out.String())
	}
}

func (s files) read() {
	id := s.create(s.kit("history", "/said", "me")) // writes a line with a time and its name
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	s.must(w.WriteHeader(&tar.Header{Name: "dir/file", Mode: 0o600, Size: 10, Typeflag: tar.TypeReg}))
	_, err := w.Write([]byte("0123456789"))
	s.must(errors.Join(err, w.Close()))
	s.must(s.Put(s.Context(), id, "/", &archive))
	for limit, want := range map[int64]string{4: "6789", 10: "0123456789", 4096: "0123456789", 0: ""} {
		if got, err := s.Read(s.Context(), id, "/dir/file", limit); string(got) != want || err != nil {
			s.Errorf("read %q, %v, want the last %d bytes", got, err, limit)
		}
	}
	_, err = s.Read(s.Context(), id, "/said", 4096)
	s.is(err, engine.ErrNotFound, "Read of no file")
	if _, err = s.Read(s.Context(), id, "/dir", 4096); err == nil || errors.Is(err, engine.ErrNotFound) {
		s.Errorf("a directory was read with %v", err)
	}
	s.must(s.Start(s.Context(), id))
	dockertest.Eventually(s, patience, func() (bool, string) {
		got, err := s.Read(s.Context(), id, "/said", 11)
		return string(got) == "me started\n", fmt.Sprintf("%q, %v", got, err)
	})
	s.must(s.Remove(s.Context(), id))
	_, err = s.Read(s.Context(), id, "/said", 11)
	s.is(err, engine.ErrNotFound, "Read in no container")
}
