package dockertest

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/image"
)

// images are those of an engine: the ones that a test needs, and the ones that it makes of
// this module's commands. It pulls none.
type images struct {
	node node
	mark mark // on those that are made
}

// Need fails the test when the engine lacks one of the images. Nothing is pulled:
// tests run without a registry.
func (i images) Need(t testing.TB, images ...string) {
	t.Helper()
	i.needMade(t, "make images testkit", images...)
}

// needMade is Need for images that the command by makes.
func (i images) needMade(t testing.TB, by string, images ...string) {
	t.Helper()
	for _, name := range images {
		ctx, cancel := bounded()
		_, err := i.node.cli.ImageInspect(ctx, name)
		cancel()
		if cerrdefs.IsNotFound(err) {
			t.Fatalf("image %s is not there; run `%s`", name, by)
		}
		if err != nil {
			t.Fatalf("cannot inspect image %s: %v", name, err)
		}
	}
}

// Binary builds a command of this module, such as "./cmd/pause", as it is built
// for its image: static and stripped. It returns the path of the file, which is
// gone after the test.
func Binary(t testing.TB, pkg string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), filepath.Base(pkg))
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", file, pkg)
	build.Dir = moduleRoot(t)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("cannot build %s: %v\n%s", pkg, err, out)
	}
	return file
}

// moduleRoot is the directory of go.mod, wherever in the module the test is.
func moduleRoot(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatalf("cannot find the module: %v", err)
	}
	return filepath.Dir(strings.TrimSpace(string(out)))
}

// ScratchImage builds a command of this module and makes an image that holds
// nothing else, with the command as its entrypoint. It returns the image's name.
// The image is removed when the scope ends.
func (i images) ScratchImage(t testing.TB, pkg string) string {
	t.Helper()
	name := filepath.Base(pkg)
	root, err := archive(Binary(t, pkg), name)
	if err != nil {
		t.Fatalf("cannot pack %s: %v", pkg, err)
	}
	ref := "podlike-test/" + name + ":" + random()
	changes := []string{fmt.Sprintf("ENTRYPOINT [%q]", "/"+name), "LABEL " + Label + "=" + string(i.mark)}
	if err := i.importImage(root, ref, changes); err != nil {
		t.Fatalf("cannot make an image of %s: %v", pkg, err)
	}
	return ref
}

// importImage makes an image whose only layer is the tar archive root.
func (i images) importImage(root io.Reader, ref string, changes []string) error {
	ctx, cancel := bounded()
	defer cancel()
	source := image.ImportSource{Source: root, SourceName: "-"}
	progress, err := i.node.cli.ImageImport(ctx, source, ref, image.ImportOptions{Changes: changes})
	if err != nil {
		return err
	}
	defer progress.Close()
	_, err = io.Copy(io.Discard, progress) // the image is there when this ends
	return err
}

// Forget removes a name of an image from the engine, and the image with its last name.
func (i images) Forget(t testing.TB, ref string) {
	t.Helper()
	ctx, cancel := bounded()
	defer cancel()
	if _, err := i.node.cli.ImageRemove(ctx, ref, image.RemoveOptions{}); gone(err) != nil {
		t.Fatalf("cannot remove image %s: %v", ref, err)
	}
}

// archive is a tar archive that holds one executable file.
func archive(file, name string) (io.Reader, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(content))}); err != nil {
		return nil, err
	}
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	return &b, w.Close()
}
