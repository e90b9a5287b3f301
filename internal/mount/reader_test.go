package mount_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/mount"
	"github.com/podlike/podlike/internal/mount/mounttest"
)

// scene makes what a supervisor has: ROOT/data is a volume that a component may write to,
// with another one at ROOT/data/inner, and ROOT/secrets is in memory. The volumes are on the
// device that the root is on. Each file has its own path for content.
func scene(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	make := func(files ...string) {
		for _, file := range files {
			if err := errors.Join(os.MkdirAll(path.Dir(root+file), 0o755), os.WriteFile(root+file, []byte(file), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
	}
	make("/volume/file", "/volume/dir/sub/file", "/volume/inner/hidden", "/other/file", "/data/hidden", "/secrets/hidden")
	mounttest.Bind(t, root+"/volume", root+"/data")
	mounttest.Bind(t, root+"/other", root+"/data/inner")
	mounttest.Tmpfs(t, root+"/secrets")
	make("/secrets/key")
	return root
}

// open is a reader of what is mounted now.
func open(t *testing.T) *mount.Reader {
	t.Helper()
	table, err := mount.Read()
	if err != nil {
		t.Fatal(err)
	}
	r, err := table.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

// content is that of a file, or what kept it from being read.
func content(r *mount.Reader, name string) string {
	f, err := r.Find(name)
	if err != nil {
		return err.Error()
	}
	if f.Info.IsDir() {
		return "a directory"
	}
	return contentOf(r, f)
}

// contentOf is that of a file that was found.
func contentOf(r *mount.Reader, f mount.File) string {
	file, _, err := r.Content(f)
	if err != nil {
		return err.Error()
	}
	defer file.Close()
	text, err := io.ReadAll(file)
	return string(text) + map[bool]string{true: fmt.Sprint(err)}[err != nil]
}

// refused is what is wrong with a link out of the volume.
const refused = "a link leads out of what is mounted at ROOT/data, and is not followed"

// ways are paths, and what is read there when there are such links: name -> where it leads
// to. X is a name of the row's own, and ROOT where the supervisor has what it has.
var ways = []struct {
	why   string
	links []string
	path  string
	want  string
}{
	{"a file is read", nil, "/data/file", "/volume/file"},
	{"a secret is read by its own name", nil, "/secrets/key", "/secrets/key"},
	{"a component puts a link in the place of a file", []string{"/data/X -> ROOT/secrets/key"}, "/data/X", refused},
	{"or one that climbs", []string{"/data/X -> ../secrets/key"}, "/data/X", refused},
	{"or in that of a directory", []string{"/data/X -> ROOT/secrets"}, "/data/X/key", refused},
	{"or of one in it", []string{"/data/X -> dir", "/data/dir/X -> ../../secrets"}, "/data/X/X/key", refused},
	{"the directory is refused itself", []string{"/data/X -> ROOT/secrets"}, "/data/X/.", refused},
	{"the supervisor's environment is its own", []string{"/data/X -> /proc/self/environ"}, "/data/X", refused},
	{"so is its image, though that is on the same device", []string{"/data/X -> /etc/passwd"}, "/data/X", refused},
	{"who has left does not come back", []string{"/data/X -> ../secrets/../data/file"}, "/data/X", refused},
	{"not even to what it left", []string{"/data/X -> ../data/file"}, "/data/X", refused},
	{"what is above is not its own", []string{"/data/X -> .."}, "/data/X", refused},
	{"nor by the mount's own name", []string{"/data/X -> ROOT/data/../secrets/key"}, "/data/X", refused},
	{"a name that begins alike", []string{"/data/X -> ROOT/data2/key"}, "/data/X", refused},
	{"a volume in a volume is another one", []string{"/data/X -> inner/file"}, "/data/X", refused},
	{"from there to the outer one as well", []string{"/data/inner/X -> ../file"}, "/data/inner/X", strings.Replace(refused, "data", "data/inner", 1)},
	{"what comes after a link is within it", []string{"/data/X -> dir/sub"}, "/data/X/../../../secrets/key", refused},
	{"the image's link leads to a component's", []string{"/X -> data/X", "/data/X -> ../secrets/key"}, "/X", refused},
	{"the root of a process is no way out", nil, "/proc/self/root/etc/passwd", "a link leads out of what is mounted at /proc, and is not followed"},

	{"a link within a volume is followed", []string{"/data/X -> dir/sub/file"}, "/data/X", "/volume/dir/sub/file"},
	{"as Kubernetes has them", []string{"/data/..X -> dir", "/data/X -> ..X/sub"}, "/data/X/file", "/volume/dir/sub/file"},
	{"up and down", []string{"/data/dir/X -> ../dir/../file"}, "/data/dir/X", "/volume/file"},
	{"with the volume's own path", []string{"/data/X -> ROOT/data/dir/sub"}, "/data/X/file", "/volume/dir/sub/file"},
	{"to all of it", []string{"/data/X -> ROOT/data"}, "/data/X/file", "/volume/file"},
	{"a volume in a volume that is named", nil, "/data/inner/file", "/other/file"},
	{"the image's own links lead anywhere", []string{"/X -> secrets"}, "/X/key", "/secrets/key"},
	{"such as into a volume", []string{"/X -> ROOT/data"}, "/X/dir/sub/file", "/volume/dir/sub/file"},
	{"the user's own path climbs", nil, "/data/dir/../../secrets/key", "/secrets/key"},

	{"a file is no directory", nil, "/data/file/x", "not a directory"},
	{"nor with a slash", nil, "/data/file/", "not a directory"},
	{"a link to itself", []string{"/data/X -> X"}, "/data/X", "too many levels of symbolic links"},
}

func TestNoLinkLeadsOutOfTheMountThatItIsIn(t *testing.T) {
	mounttest.Alone(t, func(t *testing.T) {
		root := scene(t)
		r := open(t)
		for i, test := range ways {
			x := fmt.Sprintf("x%d", i)
			put := strings.NewReplacer("X", x, "ROOT", root).Replace
			for _, link := range test.links {
				name, to, _ := strings.Cut(put(link), " -> ")
				if err := os.Symlink(to, root+name); err != nil {
					t.Fatal(err)
				}
			}
			name := put(test.path)
			if !strings.HasPrefix(name, "/proc/") {
				name = root + name
			}
			if got := strings.ReplaceAll(content(r, name), root, "ROOT"); got != test.want {
				t.Errorf("%s: %q %s: got %q, want %q", test.why, test.links, test.path, got, test.want)
			}
		}
	})
}

// names are the paths of what is in a directory, without the root's.
func names(t *testing.T, r *mount.Reader, root, dir string) (all []string, err error) {
	t.Helper()
	f, err := r.Find(root + dir)
	if err != nil {
		t.Fatal(err)
	}
	files, err := r.List(f)
	for _, f := range files {
		all = append(all, strings.TrimPrefix(f.Path, root))
	}
	return all, err
}

func TestADirectoryHasWhatIsMountedInItUnlessALinkLedThere(t *testing.T) {
	mounttest.Alone(t, func(t *testing.T) {
		root := scene(t)
		r := open(t)
		got, err := names(t, r, root, "/data")
		if diff := cmp.Diff([]string{"/data/dir", "/data/file", "/data/inner"}, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
		if got, err := names(t, r, root, "/data/inner"); err != nil || len(got) != 1 {
			t.Errorf("got %q, %v", got, err)
		}
		// A component has replaced a directory that is copied: that of the volume with
		// another one in it was not asked for.
		if err := os.Symlink(".", root+"/data/away"); err != nil {
			t.Fatal(err)
		}
		want := "inner in it: a link leads out of what is mounted at " + root + "/data, and is not followed"
		if got, err := names(t, r, root, "/data/away"); err == nil || err.Error() != want {
			t.Errorf("got %q, %v", got, err)
		}
	})
}

// A component that moves or removes a directory takes along, or away, what is mounted
// there in other containers.
func TestAFileIsInTheMountThatTheTableSaysOrIsNotRead(t *testing.T) {
	mounttest.Alone(t, func(t *testing.T) {
		root := scene(t)
		r := open(t)
		before, err := r.Find(root + "/data/file")
		if err != nil {
			t.Fatal(err)
		}
		dir, err := r.Find(root + "/data/dir")
		if err != nil {
			t.Fatal(err)
		}
		want := "something else is mounted at " + root + "/data than was before"
		mounttest.Tmpfs(t, root+"/data/dir")
		if err := errors.Join(os.WriteFile(root+"/data/dir/key", nil, 0o600), os.Symlink("key", root+"/data/dir/link")); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"/data/dir", "/data/dir/key", "/data/dir/link"} {
			if got := content(r, root+name); got != want {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
		if got, err := r.List(dir); err == nil || err.Error() != want {
			t.Errorf("got %v, %v, want %s", got, err, want)
		}
		mounttest.Bind(t, root+"/secrets/key", root+"/data/file")
		if _, _, err := r.Content(before); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
		if got := content(open(t), root+"/data/file"); got != "/secrets/key" {
			t.Errorf("who looks again gets %q", got)
		}
	})
}

// What is found may be replaced before it is read. That of an other kind is not opened: the
// opening of a FIFO waits for who writes to it, and that of a device may do anything.
func TestWhatHasBeenReplacedIsNotRead(t *testing.T) {
	mounttest.Alone(t, func(t *testing.T) {
		root := scene(t)
		for name, by := range map[string]func(string) error{
			"a pipe":      func(at string) error { return syscall.Mkfifo(at, 0o600) },
			"a device":    func(at string) error { return syscall.Mknod(at, syscall.S_IFCHR|0o600, 1<<8|8) },
			"a link":      func(at string) error { return os.Symlink(root+"/secrets/key", at) },
			"a directory": func(at string) error { return os.Mkdir(at, 0o700) },
			"a socket":    func(at string) error { return syscall.Mknod(at, syscall.S_IFSOCK|0o600, 0) },
		} {
			if name == "a device" && os.Getuid() != 0 {
				continue // which root alone can make
			}
			at := root + "/data/" + strings.ReplaceAll(name, " ", "-")
			if err := os.WriteFile(at, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			r := open(t)
			f, err := r.Find(at)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.Remove(at), by(at)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := r.Content(f); err == nil || err.Error() != "it was replaced by "+name+" while it was read" {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if got, err := open(t).Find("data/file"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a path from nowhere led to %v, %v", got, err)
		}
	})
}

// rotate puts one of several files after another into a place, again and again until it is
// stopped. Each is beside the place, with a number at the end of its name.
func rotate(t *testing.T, at string, kinds ...func(at string) error) (stop func()) {
	t.Helper()
	for i, make := range kinds {
		if err := make(fmt.Sprint(at, i)); err != nil {
			t.Fatal(err)
		}
	}
	done := make(chan struct{})
	var rotating sync.WaitGroup
	rotating.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			next := fmt.Sprint(at, i%len(kinds))
			if err := errors.Join(os.Rename(next, at), os.Rename(at, next)); err != nil {
				t.Error(err)
				return
			}
		}
	})
	return func() {
		close(done)
		rotating.Wait()
	}
}

// Whatever a component does while the supervisor reads, it gets its own file or an error.
func TestNoSwapInBetweenLetsASecretOut(t *testing.T) {
	mounttest.Alone(t, func(t *testing.T) {
		root := scene(t)
		file := func(text string) func(at string) error {
			return func(at string) error { return os.WriteFile(at, []byte(text), 0o600) }
		}
		dir := func(text string) func(at string) error {
			return func(at string) error { return errors.Join(os.Mkdir(at, 0o700), file(text)(at+"/key")) }
		}
		link := func(to string) func(at string) error {
			return func(at string) error { return os.Symlink(to, at) }
		}
		fifo := func(at string) error { return syscall.Mkfifo(at, 0o600) }
		if err := errors.Join(file("other")(root+"/data/other"), dir("other")(root+"/data/otherdir")); err != nil {
			t.Fatal(err)
		}
		table, err := mount.Read()
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		for _, test := range []struct {
			why, place, path string
			kinds            []func(at string) error
			again            bool // it is found once, before: a link to another file of the volume is no attack
		}{
			{"a secret for a file", "/data/a", "/data/a", []func(string) error{file("own"), link(root + "/secrets/key"), file("own"), fifo}, false},
			{"secrets for a directory", "/data/b", "/data/b/key", []func(string) error{dir("own"), link("../secrets"), dir("own"), fifo}, false},
			{"a pipe for a directory", "/data/e", "/data/e/key", []func(string) error{dir("own"), fifo}, false},
			{"another file than was found", "/data/c", "/data/c", []func(string) error{file("own"), link("other")}, true},
			{"another directory than was found", "/data/d", "/data/d/key", []func(string) error{dir("own"), link("otherdir")}, true},
		} {
			stop := rotate(t, root+test.place, test.kinds...)
			f := found(t, root+test.path)
			for range 2000 {
				r, err := table.Open()
				if err != nil {
					t.Fatal(err)
				}
				got := contentOf(r, f)
				if !test.again {
					got = content(r, root+test.path)
				}
				r.Close()
				seen[got]++
				if got == "other" || got == "/secrets/key" || got == "" {
					t.Errorf("%s was read: %q", test.why, got)
					break
				}
			}
			stop()
		}
		for what, n := range seen {
			t.Logf("%6d %s", n, what)
		}
		if seen["own"] == 0 {
			t.Errorf("nothing was read: %v", seen)
		}
	})
}

// found waits until there is a file at a path, and no link leads to it.
func found(t *testing.T, name string) (f mount.File) {
	t.Helper()
	dockertest.Eventually(t, time.Minute, func() (bool, string) {
		r := open(t)
		defer r.Close()
		var err error
		f, err = r.Find(name)
		return err == nil && f.Path == name && f.Info.Mode().IsRegular(), fmt.Sprint(f.Path, err)
	})
	return f
}
