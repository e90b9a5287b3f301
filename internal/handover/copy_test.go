package handover

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/archive"
	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/pod"
)

// A receiver is a container that was created on the real engine and not started.
type receiver struct {
	*testing.T
	scope   *dockertest.Engine
	courier Courier
	made    engine.Container
	id      engine.ID
}

// receive makes a container of what made says.
func receive(t *testing.T, scope *dockertest.Engine, made engine.Container) *receiver {
	t.Helper()
	scope.Need(t, dockertest.Testkit)
	e, err := docker.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	made.Image, made.Labels = dockertest.Testkit, scope.Labels(nil)
	id, _, err := e.Create(t.Context(), made)
	if err != nil {
		t.Fatal(err)
	}
	return &receiver{t, scope, Courier{Engine: e}, made, id}
}

// handOn copies into it as into a component "app".
func (r *receiver) handOn(copies ...pod.Copy) error {
	return r.courier.HandOn(r.Context(), r.id, r.made, pod.Component{Name: "app", Copies: copies})
}

// prepare puts directories of someone else's into it, which all may write to.
func (r *receiver) prepare(dirs ...string) {
	r.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, dir := range dirs {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o1777, Uid: 7, Gid: 8}); err != nil {
			r.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		r.Fatal(err)
	}
	if err := r.courier.Engine.Put(r.Context(), r.id, "/", &b); err != nil {
		r.Fatal(err)
	}
}

// tree is all that the container has at a path, one line per file.
func (r *receiver) tree(at string) (lines []string) {
	r.Helper()
	from, _, err := r.scope.Client().CopyFromContainer(r.Context(), string(r.id), at)
	if err != nil {
		r.Fatal(err)
	}
	defer from.Close()
	for archived := tar.NewReader(from); ; {
		h, err := archived.Next()
		if err == io.EOF {
			return lines
		}
		if err != nil {
			r.Fatal(err)
		}
		content, err := io.ReadAll(archived)
		if err != nil {
			r.Fatal(err)
		}
		name := path.Join(path.Dir(at), h.Name)
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %o %d:%d %s%.20s", name, h.Mode&0o7777, h.Uid, h.Gid, h.Linkname, content)))
	}
}

// ours is a tree of files of several owners.
func ours(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(root+"/file", []byte("content"), 0o600))
	must(os.Mkdir(root+"/dir", 0o700))
	must(os.Mkdir(root+"/dir/sub", 0o700))
	must(os.WriteFile(root+"/dir/sub/script", []byte("#!/bin/sh"), 0o600))
	must(os.Symlink("script", root+"/dir/sub/link"))
	must(os.Symlink("file", root+"/link"))
	for name, mode := range map[string]os.FileMode{"/file": 0o640, "/dir": 0o755, "/dir/sub": os.ModeSetgid | 0o750, "/dir/sub/script": os.ModeSetuid | 0o755} {
		must(os.Chown(root+name, 1234, 5678))
		must(os.Chmod(root+name, mode))
	}
	must(os.Lchown(root+"/dir/sub/link", 1234, 5678))
	return root
}

// What docker cp can do, a copy does as well and in the same way.
func TestACopyDoesWhatDockerCpDoes(t *testing.T) {
	scope, source := dockertest.New(t), ours(t)
	volumes := func() []engine.Mount {
		return []engine.Mount{{Type: engine.VolumeMount, Source: scope.Volume(t, nil), Target: "/data"}}
	}
	copied, cp := receive(t, scope, engine.Container{Mounts: volumes()}), receive(t, scope, engine.Container{Mounts: volumes()})
	var dirs []string
	for name, test := range map[string]struct{ why, source, target string }{
		"NewFile":     {"a new name", "/file", "/here/new"},
		"FileInto":    {"into what is there", "/file", "/here"},
		"FileSlash":   {"the same", "/file", "/here/"},
		"NewDir":      {"a new name", "/dir", "/here/new"},
		"NewDirSlash": {"the slash means nothing", "/dir/", "/here/new/"},
		"DirInto":     {"into what is there", "/dir", "/here"},
		"Contents":    {"what is in it", "/dir/.", "/here"},
		"ContentsNew": {"a new name for it", "/dir/.", "/here/new"},
		"Link":        {"what it leads to", "/link", "/here/new"},
	} {
		for _, where := range []string{"/" + name, "/data/" + name} {
			dirs = append(dirs[:0], where, where+"/here")
			copied.prepare(dirs...)
			cp.prepare(dirs...)
			if err := copied.handOn(pod.Copy{Source: source + test.source, Target: where + test.target}); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if out, err := exec.Command("docker", "cp", "-L", source+test.source, string(cp.id)+":"+where+test.target).CombinedOutput(); err != nil {
				t.Errorf("%s: docker cp: %v: %s", name, err, out)
				continue
			}
			if diff := cmp.Diff(cp.tree(where), copied.tree(where)); diff != "" {
				t.Errorf("%s: %s:\n%s", name, test.why, diff)
			}
		}
	}
}

func TestACopyMakesParentsAndLeavesOthersDirectoriesAlone(t *testing.T) {
	scope, source := dockertest.New(t), ours(t)
	if err := os.Symlink("../../file", source+"/dir/sub/out"); err != nil { // which docker cp is refused
		t.Fatal(err)
	}
	r := receive(t, scope, engine.Container{})
	r.prepare("there", "there/sub")
	if err := r.handOn(
		pod.Copy{Source: source + "/dir/.", Target: "/there"},
		pod.Copy{Source: source + "/file", Target: "/there/a/b/"},
	); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"/there 1777 7:8",
		"/there/a 755 0:0",
		"/there/a/b 755 0:0",
		"/there/a/b/file 640 1234:5678 content",
		"/there/sub 1777 7:8",
		"/there/sub/link 777 1234:5678 script",
		"/there/sub/out 777 0:5678 ../../file",
		"/there/sub/script 4755 1234:5678 #!/bin/sh",
	}
	if diff := cmp.Diff(want, r.tree("/there")); diff != "" {
		t.Error(diff)
	}
}

// Whether a volume is mounted while a container does not run is the engine's own
// business, so another container has to see what was copied.
func TestACopyReachesTheVolumeItself(t *testing.T) {
	scope, source := dockertest.New(t), ours(t)
	mounts := []engine.Mount{{Type: engine.VolumeMount, Source: scope.Volume(t, nil), Target: "/data"}}
	locked := engine.Container{Mounts: mounts, Security: engine.Security{ReadOnly: true}}
	if err := receive(t, scope, locked).handOn(
		pod.Copy{Source: source + "/file", Target: "/data/"},
		pod.Copy{Source: source + "/file", Target: "/data/a/b"},
	); err != nil {
		t.Fatal("a volume is not the root, which is read-only:", err)
	}
	want := []string{"/data 755 0:0", "/data/a 755 0:0", "/data/a/b 640 1234:5678 content", "/data/file 640 1234:5678 content"}
	if diff := cmp.Diff(want, receive(t, scope, engine.Container{Mounts: mounts}).tree("/data")); diff != "" {
		t.Error(diff)
	}
}

// The file is larger than what is on its way when the engine refuses it.
func TestWhatIsReadOnlyIsToldWithItsRemedy(t *testing.T) {
	scope, source := dockertest.New(t), t.TempDir()+"/large"
	if err := os.WriteFile(source, make([]byte, 16<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		why          string
		made         engine.Container
		target, want string
	}{
		"Root": {
			"there is no place for it", engine.Container{Security: engine.Security{ReadOnly: true}}, "/etc/x",
			"container rootfs is marked read-only; copy into a volume of it, or leave out its read_only",
		},
		"Volume": {
			"neither is there here", engine.Container{Mounts: []engine.Mount{{Type: engine.VolumeMount, Source: scope.Volume(t, nil), Target: "/data", ReadOnly: true}}}, "/data/x",
			"mounted volume is marked read-only; let it mount /data writable, or copy to elsewhere",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := receive(t, scope, test.made).handOn(pod.Copy{Source: source, Target: test.target})
			if err == nil || !strings.HasPrefix(err.Error(), "cannot copy "+source+" to "+test.target+" in app: ") || !strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("%s: got %v", test.why, err)
			}
		})
	}
}

func TestWhatIsInTheWayIsTold(t *testing.T) {
	scope, source := dockertest.New(t), ours(t)
	r := receive(t, scope, engine.Container{})
	err := r.handOn(pod.Copy{Source: source + "/file", Target: "/testkit/below/x"})
	if err == nil || !strings.HasSuffix(err.Error(), "/testkit in the component is not a directory") {
		t.Errorf("got %v", err)
	}
}

// The engine's own words for half an archive would say nothing.
func TestWhatCannotBeReadAnyMoreIsTold(t *testing.T) {
	scope, source := dockertest.New(t), t.TempDir()+"/file"
	if err := os.WriteFile(source, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	r := receive(t, scope, engine.Container{})
	packed, err := archive.Pack(pod.Copy{Source: source, Target: "/x"}, archive.Place{Look: r.courier.lookInto(t.Context(), r.id)})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(source); err != nil {
		t.Fatal(err)
	}
	if err := r.courier.put(t.Context(), r.id, packed); err == nil || err.Error() != source+": no such file or directory" {
		t.Errorf("got %v", err)
	}
}
