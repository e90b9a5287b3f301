package archive_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/archive"
	"github.com/podlike/podlike/internal/pod"
)

// file makes a file of the supervisor's.
func file(t *testing.T, name, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil { // which no umask takes anything from
		t.Fatal(err)
	}
}

// dir makes a directory of the supervisor's.
func dir(t *testing.T, name string, mode os.FileMode) {
	t.Helper()
	if err := os.Mkdir(name, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
}

// link makes a link of the supervisor's.
func link(t *testing.T, to, name string) {
	t.Helper()
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
}

// tree is a file, a directory and links to both and to nowhere.
func tree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	file(t, root+"/file", "content", 0o640)
	dir(t, root+"/dir", 0o750)
	file(t, root+"/dir/script", "#!/bin/sh\n", 0o755)
	dir(t, root+"/dir/sub", os.ModeSetgid|0o770)
	file(t, root+"/dir/sub/empty", "", 0o400)
	link(t, "../sub/empty", root+"/dir/sub/lost")
	link(t, "file", root+"/link")
	link(t, "dir", root+"/way")
	return root
}

// component is a place with a few things in it. A path below a file is not there.
var component = archive.Place{
	Mounts: []string{"/volume/", "/volume/deep", "/etc/one"},
	Look: func(path string) (archive.Found, error) {
		switch path {
		case "/", "/etc", "/etc/dir", "/etc/dir/sub", "/etc/file", "/volume", "/volume/deep":
			return archive.Dir, nil
		case "/etc/one", "/etc/full", "/etc/full/dir":
			return map[bool]archive.Found{true: archive.File, false: archive.Dir}[path != "/etc/full"], nil
		case "/broken":
			return archive.Nothing, errors.New("the engine is gone")
		}
		return archive.Nothing, nil
	},
}

// packed is what a copy puts where, one line per file.
func packed(t *testing.T, c pod.Copy, to archive.Place) (lines []string) {
	t.Helper()
	p, err := archive.Pack(c, to)
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers(t, p) {
		line := fmt.Sprintf("%s: %s %o", p.Dir, h.Name, h.Mode)
		if h.Linkname != "" {
			line = fmt.Sprintf("%s: %s -> %s", p.Dir, h.Name, h.Linkname)
		}
		lines = append(lines, line)
	}
	return lines
}

// headers are those of an archive that can be read to its end.
func headers(t *testing.T, p archive.Packed) (all []tar.Header) {
	t.Helper()
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, *h)
	}
}

func TestACopyGoesWhereDockerCpPutsIt(t *testing.T) {
	inDir := func(at string) []string {
		return []string{at + "script 755", at + "sub/ 2770", at + "sub/empty 400", at + "sub/lost -> ../sub/empty"}
	}
	below := func(at string, top ...string) []string { return append(top, inDir(at)...) }
	for name, test := range map[string]struct {
		why            string
		source, target string
		want           []string
	}{
		"New":           {"a file gets the name it is given", "/file", "/etc/new", []string{"/: etc/new 640"}},
		"Replaced":      {"a file takes another one's place", "/file", "/etc/full/dir", []string{"/: etc/full/dir 640"}},
		"Into":          {"a directory keeps the file's name", "/file", "/volume", []string{"/volume: file 640"}},
		"IntoRoot":      {"the root is a directory", "/file", "/", []string{"/: file 640"}},
		"IntoMissing":   {"a slash at the end makes a directory", "/file", "/opt/a/", []string{"/: opt/ 755", "/: opt/a/ 755", "/: opt/a/file 640"}},
		"Dotted":        {"a dot at the end is a directory's too", "/file", "/opt/.", []string{"/: opt/ 755", "/: opt/file 640"}},
		"Parents":       {"only what is missing is made", "/file", "/etc/a/b", []string{"/: etc/a/ 755", "/: etc/a/b 640"}},
		"Roundabout":    {"a path that is not the shortest", "/dir/../file", "/etc//x/../new", []string{"/: etc/new 640"}},
		"LongName":      {"old archives had no place for it", "/file", "/etc/" + strings.Repeat("n", 200), []string{"/: etc/" + strings.Repeat("n", 200) + " 640"}},
		"Volume":        {"the engine is asked to write to the volume", "/file", "/volume/a/b", []string{"/volume: a/ 755", "/volume: a/b 640"}},
		"InnerVolume":   {"the innermost is meant", "/file", "/volume/deep/x", []string{"/volume/deep: x 640"}},
		"MountedFile":   {"a file that is mounted is in the root", "/file", "/etc/one", []string{"/: etc/one 640"}},
		"NotTheVolume":  {"a name that begins alike", "/file", "/volume2", []string{"/: volume2 640"}},
		"Renamed":       {"a directory gets the name it is given", "/dir", "/new", below("/: new/", "/: new/ 750")},
		"RenamedSlash":  {"as docker cp, which needs no slash for that", "/dir/", "/new/", below("/: new/", "/: new/ 750")},
		"DirInto":       {"a directory keeps the directory's name", "/dir", "/volume", below("/volume: dir/", "/volume: dir/ 750")},
		"Merged":        {"directories that are there are left as they are", "/dir", "/etc", []string{"/: etc/dir/script 755", "/: etc/dir/sub/empty 400", "/: etc/dir/sub/lost -> ../sub/empty"}},
		"Contents":      {"what is in it goes into the other", "/dir/.", "/volume", inDir("/volume: ")},
		"ContentsToNew": {"the other is made like it", "/dir/.", "/a/new", below("/: a/new/", "/: a/ 755", "/: a/new/ 750")},
		"ContentsRoot":  {"the root stays what it is", "/dir/.", "/", inDir("/: ")},
		"Link":          {"what it leads to is wanted, as with docker cp -L", "/link", "/etc/new", []string{"/: etc/new 640"}},
		"LinkToDir":     {"under the link's name", "/way", "/volume", below("/volume: way/", "/volume: way/ 750")},
		"LinkFollowed":  {"a slash at its end means the directory", "/way/", "/new", below("/: new/", "/: new/ 750")},
		"LinkContents":  {"what it leads to has content", "/way/.", "/volume", inDir("/volume: ")},
	} {
		t.Run(name, func(t *testing.T) {
			c := pod.Copy{Source: tree(t) + test.source, Target: test.target}
			if err := look(c); err != nil {
				t.Error(err)
			}
			if diff := cmp.Diff(test.want, packed(t, c, component)); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

func TestWhatIsInTheWayIsNotReplaced(t *testing.T) {
	for name, test := range map[string]struct{ why, source, target, want string }{
		"DirOnFile":    {"a directory is no file", "/dir", "/etc/one", "/etc/one in the component is not a directory"},
		"DirOnInner":   {"nor is it in a directory", "/dir", "/etc/full", "/etc/full/dir in the component is not a directory"},
		"FileOnDir":    {"nor is a file a directory", "/file", "/etc", "/etc/file in the component is a directory"},
		"SlashedFile":  {"a slash asks for a directory", "/file", "/etc/one/", "/etc/one in the component is not a directory"},
		"ParentIsFile": {"nothing is in a file", "/file", "/etc/one/x/y", "/etc/one in the component is not a directory"},
		"Unknown":      {"nothing is guessed", "/file", "/broken", "the engine is gone"},
		"UnknownAbove": {"nor on the way", "/file", "/broken/x", "the engine is gone"},
	} {
		t.Run(name, func(t *testing.T) {
			c := pod.Copy{Source: tree(t) + test.source, Target: test.target}
			_, err := archive.Pack(c, component)
			if err == nil || !strings.HasPrefix(err.Error(), "cannot copy "+c.Source) || !strings.HasSuffix(err.Error(), ": "+test.want) {
				t.Errorf("%s: got %v, want %s", test.why, err, test.want)
			}
		})
	}
}

func TestOwnerAgeAndContentAreKept(t *testing.T) {
	source, want := t.TempDir()+"/large", strings.Repeat("0123456789", 100_000)
	file(t, source, want, 0o644)
	then := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 { // others cannot give files away
		uid, gid = 1234, 5678
	}
	if err := errors.Join(os.Chtimes(source, then, then), os.Chown(source, uid, gid)); err != nil {
		t.Fatal(err)
	}
	p, err := archive.Pack(pod.Copy{Source: source, Target: "/x"}, component)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	r := tar.NewReader(&b)
	h, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	got := []any{h.Uid, h.Gid, h.Uname, h.Gname, h.ModTime.UTC()}
	if diff := cmp.Diff([]any{uid, gid, "", "", then}, got); diff != "" {
		t.Error(diff)
	}
	if content, err := io.ReadAll(r); err != nil || string(content) != want {
		t.Errorf("%d bytes, or others: %v", len(content), err)
	}
}

// fullDisk takes a few bytes only.
type fullDisk struct{ left int }

func (f *fullDisk) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

// A file of 1 TB is written until nobody takes it any more, and does not have to
// fit into memory for that.
func TestALargeFileIsNotHeld(t *testing.T) {
	source := t.TempDir() + "/sparse"
	file(t, source, "", 0o644)
	if err := os.Truncate(source, 1<<40); err != nil {
		t.Fatal(err)
	}
	p, err := archive.Pack(pod.Copy{Source: source, Target: "/x"}, component)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Write(&fullDisk{1 << 20}); !errors.Is(err, io.ErrShortWrite) {
		t.Errorf("got %v", err)
	}
}

func TestWhatCannotBeCopiedIsToldBeforeAnythingIsMade(t *testing.T) {
	root := tree(t)
	socket, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(socket)
	t.Chdir(root) // for a path that is short enough for a socket
	dir(t, root+"/pipes", 0o755)
	if err := errors.Join(syscall.Bind(socket, &syscall.SockaddrUnix{Name: "socket"}), syscall.Mkfifo(root+"/pipes/pipe", 0o600)); err != nil {
		t.Fatal(err)
	}
	const only = ", and only files, directories and links can be copied"
	for name, test := range map[string]struct{ why, source, want string }{
		"Missing":    {"a config that the service was not given", root + "/missing", "no such file or directory"},
		"Socket":     {"it would be of no use elsewhere", root + "/socket", "it is a socket" + only},
		"Pipe":       {"it has no end to read to", root + "/pipes/pipe", "it is a pipe" + only},
		"PipeInside": {"it is named", root + "/pipes", "pipe in it: it is a pipe" + only},
		"Device":     {"it is not ours", "/dev/null", "it is a device" + only},
		"ThroughOne": {"a file is no directory", root + "/file/x", "not a directory"},
		"Slashed":    {"nor with a slash", root + "/file/", "not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			c := pod.Copy{Source: test.source, Target: "/x"}
			want := "cannot copy " + test.source + ": " + test.want
			if err := look(c); err == nil || err.Error() != want {
				t.Errorf("%s: got %v, want %s", test.why, err, want)
			}
		})
	}
}

// asNobody makes this test's thread, and no other, one of a user who owns nothing.
func asNobody(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		return // we are not root, whom nothing is forbidden
	}
	runtime.LockOSThread()
	if err := syscall.Setfsuid(65534); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Setfsuid(0); err != nil {
			t.Fatal(err) // and the thread ends with the test
		}
		runtime.UnlockOSThread()
	})
}

func TestWhatCannotBeReadIsTold(t *testing.T) {
	for name, closed := range map[string]string{"Dir": "sub", "FileInside": "sub/empty", "File": "script"} {
		t.Run(name, func(t *testing.T) {
			root := tree(t)
			for name, mode := range map[string]os.FileMode{"/..": 0o755, "": 0o755, "/dir": 0o755, "/dir/sub": 0o755, "/dir/sub/empty": 0o444} {
				if err := os.Chmod(root+name, mode); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chmod(root+"/dir/"+closed, 0); err != nil {
				t.Fatal(err)
			}
			asNobody(t)
			want := "cannot copy " + root + "/dir: " + closed + " in it: permission denied"
			if err := look(pod.Copy{Source: root + "/dir", Target: "/x"}); err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		})
	}
}

// Between the check and the copy everything may have changed.
func TestWhatHasChangedSinceIsAnError(t *testing.T) {
	for name, test := range map[string]struct {
		change func(name string) error
		want   string
	}{
		"Gone":    {os.Remove, "no such file or directory"},
		"Special": {func(name string) error { return errors.Join(os.Remove(name), syscall.Mkfifo(name, 0o600)) }, "it was replaced by a pipe while it was read"},
	} {
		t.Run(name, func(t *testing.T) {
			source := tree(t) + "/file"
			p, err := archive.Pack(pod.Copy{Source: source, Target: "/x"}, component)
			if err != nil {
				t.Fatal(err)
			}
			if err := test.change(source); err != nil {
				t.Fatal(err)
			}
			if err := p.Write(io.Discard); err == nil || !strings.HasPrefix(err.Error(), source+": "+test.want) {
				t.Errorf("got %v", err)
			}
			if _, err := archive.Pack(pod.Copy{Source: source, Target: "/x"}, component); name == "Gone" && err == nil {
				t.Error("it was packed all the same")
			}
		})
	}
}

func TestACopysOwnOwnerAndModeCount(t *testing.T) {
	uid, gid, mode := 7, 8, uint32(0o440)
	p, err := archive.Pack(pod.Copy{Source: tree(t) + "/dir", Target: "/x", UID: &uid, GID: &gid, Mode: &mode}, component)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{"x/": 0o750, "x/script": 0o440, "x/sub/": 0o2770, "x/sub/empty": 0o440, "x/sub/lost": 0o777}
	got := map[string]int64{}
	for _, h := range headers(t, p) {
		got[h.Name] = h.Mode
		if h.Uid != uid || h.Gid != gid {
			t.Errorf("%s is %d:%d's", h.Name, h.Uid, h.Gid)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a directory that nobody can enter is of no use:\n%s", diff)
	}
}

// What is mounted from where it is kept needs no name of its own there.
func TestWhatIsKeptHasTheNameItIsGiven(t *testing.T) {
	root, p := tree(t), archive.Packed{Dir: "/kept"}
	if err := errors.Join(p.Keep(pod.Copy{Source: root + "/link"}, "one"), p.Keep(pod.Copy{Source: root + "/dir"}, "two")); err != nil {
		t.Fatal(err)
	}
	p.Empty("three")
	var got []string
	for _, h := range headers(t, p) {
		got = append(got, fmt.Sprintf("%s %o %d%s", h.Name, h.Mode, h.Size, h.Linkname))
	}
	want := []string{"one 640 7", "two/ 750 0", "two/script 755 10", "two/sub/ 2770 0", "two/sub/empty 400 0", "two/sub/lost 777 0../sub/empty", "three 666 0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if err := p.Keep(pod.Copy{Source: root + "/none"}, "four"); err == nil {
		t.Error("what is not there was kept")
	}
}

// What a Compose file says itself is in no file of the supervisor.
func TestContentThatIsGivenIsKept(t *testing.T) {
	content, mode, uid := "a secret", uint32(0o400), 5
	c := pod.Copy{Content: &content, Mode: &mode, UID: &uid}
	p := archive.Packed{Dir: "/kept"}
	if err := errors.Join(p.Keep(pod.Copy{Content: &content}, "one"), p.Keep(c, "two")); err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	if err := p.Write(&all); err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := tar.NewReader(&all); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		text, readErr := io.ReadAll(r)
		if err := errors.Join(err, readErr); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%s %o %d %s", h.Name, h.Mode, h.Uid, text))
	}
	if diff := cmp.Diff([]string{"one 444 0 a secret", "two 400 5 a secret"}, got); diff != "" {
		t.Error(diff)
	}
	if got := archive.Size(c); got != 64<<10 {
		t.Errorf("its size is %d", got)
	}
}

func TestASizeIsNeverTooSmall(t *testing.T) {
	root := tree(t)
	file(t, root+"/large", strings.Repeat("x", 200<<10), 0o600)
	for name, test := range map[string]struct {
		why, source string
		pages       int64
	}{
		"File":    {"it begins a page", "/file", 1},
		"Large":   {"it begins its last page", "/large", 4},
		"Dir":     {"each in it has a page of its own", "/dir", 5},
		"Link":    {"what it leads to", "/link", 1},
		"Missing": {"its absence is told elsewhere", "/none", 0},
	} {
		if got := archive.Size(pod.Copy{Source: root + test.source}); got != test.pages*(64<<10) {
			t.Errorf("%s: got %d, want %d pages: %s", name, got, test.pages, test.why)
		}
	}
}

// look looks at a copy for what is wrong with it.
func look(c pod.Copy) error {
	_, err := archive.LookAt(c)
	return err
}
