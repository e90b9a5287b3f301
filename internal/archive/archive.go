// Package archive packs files of the supervisor for a component. It reads files
// and changes none.
package archive

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/podlike/podlike/internal/pod"
)

// Check reports why a copy cannot be made, so that it can be refused before
// anything is created.
func Check(c pod.Copy) error {
	info, err := os.Stat(c.Source)
	switch {
	case err != nil:
		return fmt.Errorf("cannot copy %s: %w", c.Source, cause(err))
	case !info.Mode().IsRegular():
		return fmt.Errorf("cannot copy %s: not a regular file", c.Source)
	}
	return nil
}

// cause is what is wrong with a file without its path, which the caller names.
func cause(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}

// Pack is a tar archive of one copied file, with its mode, to be unpacked at the
// component's root. It belongs to root, as in the supervisor.
func Pack(c pod.Copy) (io.Reader, error) {
	content, err := os.ReadFile(c.Source)
	if err != nil {
		return nil, fmt.Errorf("cannot copy %s: %w", c.Source, cause(err))
	}
	info, err := os.Stat(c.Source)
	if err != nil {
		return nil, fmt.Errorf("cannot copy %s: %w", c.Source, cause(err))
	}
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	header := tar.Header{
		Name: strings.TrimPrefix(path.Clean(c.Target), "/"), Size: int64(len(content)),
		Mode: int64(info.Mode().Perm()), ModTime: info.ModTime(), Typeflag: tar.TypeReg,
	}
	if err := w.WriteHeader(&header); err != nil {
		return nil, fmt.Errorf("cannot copy %s: %w", c.Source, err)
	}
	if _, err := w.Write(content); err != nil {
		return nil, fmt.Errorf("cannot copy %s: %w", c.Source, err)
	}
	return &packed, w.Close()
}
