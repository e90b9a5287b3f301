package archive_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/archive"
	"github.com/podlike/podlike/internal/mount/mounttest"
	"github.com/podlike/podlike/internal/pod"
)

// shared makes what a supervisor has that shares a volume with components: ROOT/data with
// a tree, where they may change what they like, and ROOT/secrets in memory.
func shared(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	for _, name := range []string{"/volume", "/volume/dir", "/data", "/secrets"} {
		dir(t, root+name, 0o755)
	}
	file(t, root+"/volume/file", "own", 0o644)
	file(t, root+"/volume/dir/file", "own too", 0o644)
	mounttest.Bind(t, root+"/volume", root+"/data")
	mounttest.Tmpfs(t, root+"/secrets")
	file(t, root+"/secrets/key", "secret", 0o600)
	file(t, root+"/secrets/file", "secret", 0o600)
	return root
}

// texts are the files of a copy that can be read to its end, with their content.
func texts(t *testing.T, p archive.Packed) (all []string, err error) {
	t.Helper()
	var b bytes.Buffer
	err = p.Write(&b)
	for r := tar.NewReader(&b); ; {
		h, ended := r.Next()
		if ended != nil {
			return all, err
		}
		text, broken := io.ReadAll(r)
		if broken != nil {
			t.Errorf("%s: %v", h.Name, broken)
		}
		all = append(all, h.Name+h.Linkname+"="+string(text))
	}
}

// pack packs a copy in both ways, to a disk and into memory.
func pack(c pod.Copy, memory bool) (p archive.Packed, err error) {
	if c.Memory = memory; memory {
		return p, p.Keep(c, "x")
	}
	return archive.Pack(c, component)
}

// replace puts something into the place of a file or directory of a volume.
func replace(t *testing.T, at string, by func(at string) error) {
	t.Helper()
	if err := errors.Join(os.RemoveAll(at), by(at)); err != nil {
		t.Fatal(err)
	}
}

// linkTo makes a link. ROOT in it is the directory above the /data in which it is made.
func linkTo(to string) func(at string) error {
	return func(at string) error {
		root, _, _ := strings.Cut(at, "/data/")
		return os.Symlink(strings.ReplaceAll(to, "ROOT", root), at)
	}
}

// A swap puts something else into the place of a file or directory, at, that belongs to a
// copy's source.
type swap struct {
	why, source, at string
	by              func(at string) error
}

// pipe makes a FIFO.
func pipe(at string) error { return syscall.Mkfifo(at, 0o600) }

var swaps = map[string]swap{
	"File":      {"the file itself", "/data/file", "/data/file", linkTo("ROOT/secrets/key")},
	"Climbing":  {"a link that climbs", "/data/file", "/data/file", linkTo("../secrets/key")},
	"Way":       {"a directory on the way to it", "/data/dir/file", "/data/dir", linkTo("ROOT/secrets")},
	"Dir":       {"the directory that is copied", "/data/dir", "/data/dir", linkTo("ROOT/secrets")},
	"Contents":  {"that of which all is copied", "/data/dir/.", "/data/dir", linkTo("../secrets/.")},
	"Environ":   {"the supervisor's environment", "/data/file", "/data/file", linkTo("/proc/self/environ")},
	"Image":     {"its image, which is on the same device", "/data/file", "/data/file", linkTo("/etc/passwd")},
	"Pipe":      {"a pipe, for the supervisor to wait at", "/data/file", "/data/file", pipe},
	"PipeInDir": {"the same in a directory", "/data/dir", "/data/dir/file", pipe},
	"PipeOnWay": {"or on the way", "/data/dir/file", "/data/dir", pipe},
	"Device": {"a device, if it can make one", "/data/file", "/data/file", func(at string) error {
		return syscall.Mknod(at, syscall.S_IFCHR|0o600, 1<<8|5)
	}},
}

// A component is started again, and so its files are packed again. Another one, or itself,
// has replaced them since, or does so when they have been packed and are not yet written.
func TestAComponentGetsNoSecretForWhatItPutsIntoAFilesPlace(t *testing.T) {
	mounttest.Alone(t, func(t *testing.T) {
		for name, test := range swaps {
			for _, memory := range []bool{false, true} {
				if name == "Device" && os.Getuid() != 0 {
					continue // which root alone can make
				}
				t.Run(fmt.Sprintf("%s/memory=%t", name, memory), func(t *testing.T) {
					root := shared(t)
					c := pod.Copy{Source: root + test.source, Target: "/x"}
					p, err := pack(c, memory)
					if err != nil {
						t.Fatal(err)
					}
					replace(t, root+test.at, test.by)
					if got, err := texts(t, p); err == nil || strings.Contains(fmt.Sprint(got), "secret") {
						t.Errorf("written: %s: got %q, %v", test.why, got, err)
					}
					_, err = pack(c, memory)
					if err == nil || !strings.HasPrefix(err.Error(), "cannot copy "+c.Source+": ") {
						t.Errorf("packed again: %s: got %v", test.why, err)
					}
					if err := look(c); err == nil {
						t.Errorf("looked at: %s: no error", test.why)
					}
				})
			}
		}
	})
}

// In a directory links stay links: what one leads to is the component's own affair.
func TestALinkInADirectoryTakesNothingAlong(t *testing.T) {
	mounttest.Alone(t, func(t *testing.T) {
		root := shared(t)
		link(t, root+"/secrets/key", root+"/data/dir/link")
		p, err := pack(pod.Copy{Source: root + "/data/dir", Target: "/x"}, false)
		if err != nil {
			t.Fatal(err)
		}
		got, err := texts(t, p)
		want := []string{"x/=", "x/file=own too", "x/link" + root + "/secrets/key="}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
}

// What is in memory alone goes into memory, by whatever way it came to be copied.
func TestWhatIsInMemoryIsNotPackedForADisk(t *testing.T) {
	mounttest.Alone(t, func(t *testing.T) {
		root := shared(t)
		link(t, "secrets/key", root+"/image")
		const refused = "it is a secret, or in memory alone, and is not written to a disk"
		for _, test := range []struct {
			why, source, inside string
			memory              bool
			size                int64
		}{
			{"a file on a disk", "/data/file", "", false, 1},
			{"a secret", "/secrets/key", "", true, 1},
			{"a link of the image's to one", "/image", "", true, 1},
			{"all that are there", "/secrets", "", true, 3},
			{"what they are mounted in", "/", "secrets in it: ", true, 13},
		} {
			c := pod.Copy{Source: root + test.source, Target: "/x"}
			l, err := archive.LookAt(c)
			if err != nil || l.Memory != test.memory || l.Size != test.size*(64<<10) {
				t.Errorf("%s: got %+v, %v", test.why, l, err)
			}
			_, err = pack(c, false)
			if test.memory != (err != nil && strings.HasPrefix(err.Error(), "cannot copy "+c.Source+": "+test.inside+refused)) {
				t.Errorf("%s: got %v", test.why, err)
			}
			if _, err := pack(c, true); err != nil {
				t.Errorf("%s: %v", test.why, err)
			}
		}
		p, err := pack(pod.Copy{Source: root + "/data/file", Target: "/x"}, false)
		if err != nil {
			t.Fatal(err)
		}
		mounttest.Bind(t, root+"/secrets/key", root+"/data/file")
		if got, err := texts(t, p); err == nil || !strings.HasSuffix(err.Error(), refused+"; it was something else when the pod was started") {
			t.Errorf("what is there now was written: %q, %v", got, err)
		}
	})
}

// onFirst does something when the first byte is written: a file is open then.
type onFirst struct {
	io.Writer
	do func() error
}

func (w *onFirst) Write(p []byte) (int, error) {
	if w.do != nil {
		if err := w.do(); err != nil {
			return 0, err
		}
		w.do = nil
	}
	return w.Writer.Write(p)
}

func TestAFileThatChangesWhileItIsReadLeavesTheArchiveWhole(t *testing.T) {
	const size = 1 << 20
	for name, test := range map[string]struct {
		why   string
		to    int64
		names []string
		want  string
	}{
		"Growing":   {"it is what it was when it was opened", 2 * size, []string{"a", "b"}, ""},
		"Shrinking": {"what was said to be there is not", size / 2, []string{"a"}, "it has become smaller while it was read"},
		"Emptied":   {"nor is anything", 0, []string{"a"}, "it has become smaller while it was read"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			file(t, root+"/a", strings.Repeat("x", size), 0o600)
			file(t, root+"/b", "after", 0o600)
			p, err := archive.Pack(pod.Copy{Source: root + "/.", Target: "/volume"}, component)
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			err = p.Write(&onFirst{&b, func() error { return os.Truncate(root+"/a", test.to) }})
			if test.want == "" && err != nil || test.want != "" && (err == nil || err.Error() != root+"/a: "+test.want) {
				t.Errorf("got %v: %s", err, test.why)
			}
			const block = 512 // for the header of each, the few bytes of b, and twice for the end
			if want := size + (2*len(test.names)-1+2)*block; b.Len() != want {
				t.Errorf("it has %d bytes, want %d", b.Len(), want)
			}
			var got []string
			r := tar.NewReader(&b)
			h, err := r.Next()
			for ; err == nil; h, err = r.Next() {
				got = append(got, h.Name)
				if n, err := io.Copy(io.Discard, r); err != nil || h.Name == "a" && n != size {
					t.Errorf("%s: %d bytes, %v", h.Name, n, err)
				}
			}
			if diff := cmp.Diff(test.names, got); diff != "" || err != io.EOF {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// The pod's memory is made once. That a file does not fit any more is told before the
// engine has half of it.
func TestWhatHasGrownBeyondItsRoomIsNotKept(t *testing.T) {
	root := t.TempDir()
	file(t, root+"/file", strings.Repeat("x", 1000), 0o600)
	c := pod.Copy{Source: root + "/file", Memory: true}
	l, err := archive.LookAt(c)
	if c.Room = l.Size; err != nil || c.Room != 64<<10 {
		t.Fatalf("got %+v, %v", l, err)
	}
	kept := archive.Packed{Dir: "/kept"}
	file(t, root+"/file", strings.Repeat("x", 64<<10), 0o600)
	if err := kept.Keep(c, "one"); err != nil {
		t.Errorf("it still fits: %v", err)
	}
	file(t, root+"/file", strings.Repeat("x", 64<<10+1), 0o600)
	want := "cannot copy " + root + "/file: it has grown since the pod was started: it takes 131072 bytes, and there is room for 65536; start the pod again"
	if err := kept.Keep(c, "two"); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
	if err := kept.Write(io.Discard); err == nil || err.Error() != root+"/file: it has grown since it was measured" {
		t.Errorf("got %v", err)
	}
	c.Room = 0
	if err := kept.Keep(c, "three"); err != nil {
		t.Errorf("nobody has measured it: %v", err)
	}
}
