package mount

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// mostLinks is how many links one path may lead through, as the kernel has it.
const mostLinks = 40

// errReplaced is what reading a file ends with that became another one meanwhile. Who
// tries again may find it at rest.
var errReplaced = errors.New("it was replaced while it was read")

// A File is one that was found: where it is, and what it was then.
type File struct {
	// Path has no links.
	Path string
	// Info is of the file itself: in a directory links stay links.
	Info fs.FileInfo

	mount    Mount // that it is in
	confined bool  // a link in its mount led to it
}

// A Reader finds and opens files. It holds a directory open, so it has to be closed. It
// must not be used by two at once.
type Reader struct {
	table  Table
	levels []level // from the root down to the directory that it is in
}

// A level is an open directory.
type level struct {
	root *os.Root
	path string // without links
	info fs.FileInfo
}

// Open returns a reader of what the table describes.
func (t Table) Open() (*Reader, error) {
	root, err := os.OpenRoot("/")
	if err != nil {
		return nil, err
	}
	info, err := root.Stat(".")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &Reader{table: t, levels: []level{{root, "/", info}}}, nil
}

// Close closes the directories that are open.
func (r *Reader) Close() {
	for _, l := range r.levels {
		_ = l.root.Close() // nothing was written
	}
	r.levels = nil
}

// top is the directory that r is in.
func (r *Reader) top() level { return r.levels[len(r.levels)-1] }

// up goes to the directory above, if there is one.
func (r *Reader) up() {
	if last := len(r.levels) - 1; last > 0 {
		_ = r.levels[last].root.Close() // nothing was written
		r.levels = r.levels[:last]
	}
}

// down goes into a directory of the one that r is in, and through no link. That of
// os.Root's own would stay below the directory, but go on under another name.
func (r *Reader) down(name string) error {
	before, err := r.top().root.Lstat(name)
	switch {
	case err != nil:
		return err
	case before.Mode()&fs.ModeSymlink != 0:
		return errReplaced
	case !before.IsDir():
		return syscall.ENOTDIR
	}
	// With the dot the name is opened as a directory or not at all. Without it, that of a
	// FIFO would wait until somebody writes to it.
	root, err := r.top().root.OpenRoot(name + "/.")
	if err != nil {
		return err
	}
	after, err := root.Stat(".")
	if err == nil && !os.SameFile(before, after) {
		err = errReplaced
	}
	if err != nil {
		return errors.Join(err, root.Close())
	}
	r.levels = append(r.levels, level{root, path.Join(r.top().path, name), after})
	return nil
}

// enter goes to a directory, given by a path without links.
func (r *Reader) enter(dir string) error {
	for !Within(dir, r.top().path) {
		r.up()
	}
	for r.top().path != dir {
		rest := strings.TrimPrefix(strings.TrimPrefix(dir, r.top().path), "/")
		name, _, _ := strings.Cut(rest, "/")
		if err := r.down(name); err != nil {
			return err
		}
	}
	return nil
}

// mountOf is the mount that an open file is in: the table's at its path, if the kernel
// says so too.
func (r *Reader) mountOf(f *os.File, name string) (Mount, error) {
	at := r.table.At(name)
	id, err := idOf(f)
	if err == nil && id != at.ID {
		err = fmt.Errorf("something else is mounted at %s than was before", cmp.Or(at.Target, "/"))
	}
	return at, err
}

// idOf is the ID of the mount that an open file is in (proc(5), since Linux 3.15).
func idOf(f *os.File) (int, error) {
	info, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(int(f.Fd())))
	if err != nil {
		return 0, fmt.Errorf("cannot find out what it is mounted from: %w", err)
	}
	for line := range strings.Lines(string(info)) {
		if id, ok := strings.CutPrefix(line, "mnt_id:"); ok {
			return strconv.Atoi(strings.TrimSpace(id))
		}
	}
	return 0, errors.New("cannot find out what it is mounted from: this kernel does not tell")
}

// mount is the mount of the directory that r is in.
func (r *Reader) mount() (Mount, error) {
	dir, err := r.top().root.Open(".")
	if err != nil {
		return Mount{}, err
	}
	defer dir.Close()
	return r.mountOf(dir, r.top().path)
}

// Find finds what is at a path, links followed, the last one too.
func (r *Reader) Find(name string) (File, error) {
	if !path.IsAbs(name) {
		return File{}, fs.ErrNotExist
	}
	if err := r.enter("/"); err != nil {
		return File{}, err
	}
	s := search{Reader: r, todo: strings.Split(name, "/")}
	for len(s.todo) > 0 {
		next := s.todo[0]
		s.todo = s.todo[1:]
		found, err := s.step(next)
		if err != nil || found.Info != nil {
			return found, err
		}
	}
	m, err := r.mount()
	return File{r.top().path, r.top().info, m, s.within != nil}, err
}

// A search is on its way to a file.
type search struct {
	*Reader
	todo  []string // names of the path that are left
	links int      // that were followed
	// within is the mount that the search must not leave any more. Nil: it may be in any.
	within *Mount
}

// step goes on by one name of the path. It returns what is found if that is no directory.
func (s *search) step(name string) (File, error) {
	switch name {
	case "", ".":
		return File{}, nil
	case "..":
		s.up()
		return File{}, s.check(s.top().path)
	}
	info, err := s.top().root.Lstat(name)
	if err != nil {
		return File{}, err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return File{}, s.follow(name)
	}
	at := path.Join(s.top().path, name)
	if err := s.check(at); err != nil {
		return File{}, err
	}
	switch {
	case info.IsDir():
		return File{}, s.down(name)
	case len(s.todo) > 0:
		return File{}, syscall.ENOTDIR
	}
	return File{at, info, s.table.At(at), s.within != nil}, nil
}

// follow puts what a link says in the place of its name.
func (s *search) follow(name string) error {
	if s.links++; s.links > mostLinks {
		return syscall.ELOOP
	}
	to, err := s.top().root.Readlink(name)
	if err != nil {
		return err
	}
	m, err := s.mount()
	if err != nil {
		return err
	}
	if m.Target != "/" {
		s.within = &m
	}
	if path.IsAbs(to) {
		if to, err = s.restart(to); err != nil {
			return err
		}
	}
	s.todo = slices.Concat(strings.Split(to, "/"), s.todo)
	return nil
}

// restart begins again at the root, or at that of the mount that must not be left, and
// returns what is left of an absolute path then.
func (s *search) restart(to string) (string, error) {
	root := "/"
	if s.within != nil {
		root = s.within.Target
	}
	if !Within(to, root) {
		return "", leaves(*s.within)
	}
	return strings.TrimPrefix(to, root), s.enter(root)
}

// check checks that a path, without links, is where the search may go.
func (s *search) check(at string) error {
	if s.within != nil && s.table.At(at).ID != s.within.ID {
		return leaves(*s.within)
	}
	return nil
}

// leaves is what is wrong with a link, or with what a link led to.
func leaves(m Mount) error {
	return fmt.Errorf("a link leads out of what is mounted at %s, and is not followed", m.Target)
}

// List are the files in a directory, in the order of their names. What is mounted in it
// is among them, unless it was a link that led to the directory.
func (r *Reader) List(dir File) ([]File, error) {
	if err := r.enter(dir.Path); err != nil {
		return nil, err
	}
	open, err := r.top().root.Open(".")
	if err != nil {
		return nil, err
	}
	defer open.Close()
	if _, err := r.mountOf(open, dir.Path); err != nil {
		return nil, err
	}
	names, err := open.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	files := make([]File, len(names))
	for i, name := range names {
		at := path.Join(dir.Path, name)
		info, err := r.top().root.Lstat(name)
		files[i] = File{at, info, r.table.At(at), dir.confined}
		if err == nil && dir.confined && files[i].mount.ID != dir.mount.ID {
			err = leaves(dir.mount)
		}
		if err != nil {
			return files[:i], inside(name, err)
		}
	}
	return files, nil
}

// inside says which file of a directory an error is about.
func inside(name string, err error) error {
	if p, ok := err.(*fs.PathError); ok {
		err = p.Err
	}
	return fmt.Errorf("%s in it: %w", name, err)
}

// Again looks at a file again, which may have changed but has to be of the same kind.
func (r *Reader) Again(f File) (File, error) {
	if f.Path == "/" { // which is in no directory
		return f, nil
	}
	if err := r.enter(path.Dir(f.Path)); err != nil {
		return f, err
	}
	info, err := r.top().root.Lstat(path.Base(f.Path))
	if err == nil && info.Mode().Type() != f.Info.Mode().Type() {
		err = fmt.Errorf("it was replaced by %s while it was read", Kind(info.Mode()))
	}
	f.Info = info
	return f, err
}

// Kind says what kind of file one is.
func Kind(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "a file"
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeSymlink != 0:
		return "a link"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}

// Readlink is what a link says.
func (r *Reader) Readlink(f File) (string, error) {
	if err := r.enter(path.Dir(f.Path)); err != nil {
		return "", err
	}
	if _, err := r.mount(); err != nil {
		return "", err
	}
	return r.top().root.Readlink(path.Base(f.Path))
}

// Content opens a regular file for reading, and returns what it is now.
func (r *Reader) Content(f File) (*os.File, fs.FileInfo, error) {
	f, err := r.Again(f)
	if err != nil {
		return nil, nil, err
	}
	// Should it be a FIFO by now, nobody is waited for who writes to it.
	open, err := r.top().root.OpenFile(path.Base(f.Path), os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := open.Stat()
	if err == nil && (!os.SameFile(f.Info, info) || !info.Mode().IsRegular()) {
		err = errReplaced
	}
	if err == nil {
		_, err = r.mountOf(open, f.Path)
	}
	if err != nil {
		return nil, nil, errors.Join(err, open.Close())
	}
	return open, info, nil
}
