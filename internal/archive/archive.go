// Package archive packs files of the supervisor for a component: what a copy takes
// along, where it goes, and the tar stream of it. It changes no file, never follows a
// link out of the mount that it is in (see package mount), and never holds the content
// of a whole file.
//
// Each time that a component is created its files are read anew, and other components may
// have changed them. So what may be written to a disk is decided when a file is packed,
// and again when it is written.
//
// A copy goes where `docker cp -L` would put it:
//
//	/file:/new        the file, under a new name
//	/file:/dir        into the directory, if there is one
//	/file:/dir/       into the directory, which is made if there is none
//	/dir:/new         the directory, under a new name
//	/dir:/dir         into the directory that is there
//	/dir/.:/dir       what is in the directory, into the other one
//	/link:/new        what the link leads to, under a new name
//
// Mode, owner (by number) and age are kept unless the copy says otherwise, links in a
// directory stay links. Where it differs: parents are made, as root's with mode 0755; directories that are there
// keep their mode and owner; and a link to a file at the target is replaced.
package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/podlike/podlike/internal/mount"
	"github.com/podlike/podlike/internal/pod"
)

// parentMode is that of the directories that are made on the way to a target.
const parentMode = 0o755

// contentMode is that of a file whose content is given, unless the copy says otherwise, as
// docker compose has it.
const contentMode = 0o444

// A Look is what there is to know about a copy before anything is created.
type Look struct {
	// IsDir: it takes a directory along.
	IsDir bool
	// Names of what is in the directory.
	Names []string
	// Memory: some of it must not be written to a disk.
	Memory bool
	// Size is how many bytes it takes in memory, at least.
	Size int64
}

// LookAt looks at all that a copy takes along, and reports why it cannot be made.
func LookAt(c pod.Copy) (l Look, err error) {
	if c.Content != nil {
		return Look{Memory: true, Size: Size(c)}, nil
	}
	err = walk(c.Source, func(w *walker, e entry) error {
		switch {
		case e.name == "":
			l.IsDir = e.file.Info.IsDir()
		case !strings.Contains(e.name, "/"):
			l.Names = append(l.Names, e.name)
		}
		l.Memory = l.Memory || w.mounts.InMemory(e.file.Path)
		l.Size += pages(e.file.Info)
		return w.readable(e.file)
	})
	return l, err
}

// Size is how many bytes a copy takes in memory, at least, as far as it can be read:
// what cannot is told when it is packed.
func Size(c pod.Copy) (bytes int64) {
	if c.Content != nil {
		return wholePages(int64(len(*c.Content)))
	}
	_ = walk(c.Source, func(_ *walker, e entry) error {
		bytes += pages(e.file.Info)
		return nil
	})
	return bytes
}

// page is what memory is given out in, where pages are large.
const page = 64 << 10

// pages is how many bytes of memory a file takes: whole pages, and one at least.
func pages(info fs.FileInfo) int64 { return wholePages(info.Size()) }

func wholePages(size int64) int64 { return (max(size, 1) + page - 1) / page * page }

// An entry is one file that is taken along.
type entry struct {
	file mount.File  // as the supervisor has it; its Path is empty where nothing is read
	name string      // below the copy's own target; later in the archive
	copy pod.Copy    // that it is taken along for
	made *tar.Header // of what is made rather than read
	text string      // that is in what is made
}

// A walker walks through files of the supervisor.
type walker struct {
	*mount.Reader
	mounts mount.Table
}

// newWalker returns a walker, to be closed, through what is mounted now.
func newWalker() (*walker, error) {
	mounts, err := mount.Read()
	if err != nil {
		return nil, err
	}
	r, err := mounts.Open()
	return &walker{r, mounts}, err
}

// readable reports why the content of a file cannot be read. A directory is read by who
// walks on, and links need not lead anywhere.
func (w *walker) readable(f mount.File) error {
	if !f.Info.Mode().IsRegular() {
		return nil
	}
	content, _, err := w.Content(f)
	if err != nil {
		return err
	}
	return content.Close()
}

// special is what is wrong with a file that has no content.
func special(info fs.FileInfo) error {
	return fmt.Errorf("it is %s, and only files, directories and links can be copied", mount.Kind(info.Mode()))
}

// walk visits a file, or a directory and all in it, parents first. A source that is a
// link is what it leads to. It stops at the first error and says which copy it was,
// and which file of it.
func walk(source string, visit func(*walker, entry) error) error {
	w, err := newWalker()
	if err != nil {
		return err
	}
	defer w.Close()
	f, err := w.Find(source)
	if err == nil {
		err = w.descend(entry{file: f}, visit)
	}
	if err != nil {
		return fmt.Errorf("cannot copy %s: %w", source, cause(err))
	}
	return nil
}

// descend visits e and what is in it. A FIFO, a socket or a device is an error: docker cp
// would make another one that nobody is at the other end of.
func (w *walker) descend(e entry, visit func(*walker, entry) error) error {
	if mode := e.file.Info.Mode(); !mode.IsRegular() && !mode.IsDir() && mode&fs.ModeSymlink == 0 {
		return locate(e, special(e.file.Info))
	}
	if err := visit(w, e); err != nil || !e.file.Info.IsDir() {
		return locate(e, err)
	}
	files, err := w.List(e.file)
	if err != nil {
		return locate(e, err)
	}
	for _, f := range files {
		if err := w.descend(entry{file: f, name: path.Join(e.name, path.Base(f.Path))}, visit); err != nil {
			return err
		}
	}
	return nil
}

// locate says which file of a copy an error is about, unless it is the source.
func locate(e entry, err error) error {
	if err == nil || e.name == "" {
		return cause(err)
	}
	return fmt.Errorf("%s in it: %w", e.name, cause(err))
}

// cause is what is wrong with a file without its path, which the caller names.
func cause(err error) error {
	if p, ok := err.(*os.PathError); ok {
		return p.Err
	}
	return err
}

// A Found is what a component has at a path, links followed.
type Found int

// What can be found.
const (
	Nothing Found = iota
	File
	Dir
)

// A Place is the component that a copy goes to.
type Place struct {
	// Mounts are the paths at which something is mounted into it.
	Mounts []string
	// Look tells what it has at an absolute path.
	Look func(path string) (Found, error)
}

// A Packed copy is ready to be written.
type Packed struct {
	// Dir is where it has to be unpacked: the mount that it goes to, for the engine
	// tells by this whether it may be written to, or the component's root.
	Dir string

	entries []entry
}

// Pack finds out what a copy takes along and where it goes. What the component has
// is looked at now, and what Write writes then counts on it.
func Pack(c pod.Copy, to Place) (Packed, error) {
	var p Packed
	err := p.pack(c, to)
	return p, err
}

func (p *Packed) pack(c pod.Copy, to Place) error {
	var there map[string]bool // directories of the component's
	var target string
	var misplaced error
	err := walk(c.Source, func(w *walker, e entry) (err error) {
		if w.mounts.InMemory(e.file.Path) {
			return errOnDisk
		}
		if e.name == "" {
			if target, misplaced = p.begin(c, e.file.Info, to); misplaced != nil {
				return misplaced
			}
			there = map[string]bool{path.Dir(target): len(p.entries) == 0}
		}
		at := path.Join(target, e.name)
		if e.file.Info.IsDir() && (there[path.Dir(at)] || at == "/") {
			there[at], err = to.merges(at)
		}
		if err == nil && !there[at] {
			p.entries = append(p.entries, entry{file: e.file, name: p.nameOf(at), copy: c})
		}
		return err
	})
	if misplaced != nil {
		return fmt.Errorf("cannot copy %s to %s: %w", c.Source, c.Target, misplaced)
	}
	return err
}

// errOnDisk is what keeps a copy from being made that would write to a disk what never
// was on one. A copy of it that was there when the pod was started goes into memory.
var errOnDisk = errors.New("it is a secret, or in memory alone, and is not written to a disk; it was something else when the pod was started")

// begin decides where a copy goes, and takes along what is missing on the way.
func (p *Packed) begin(c pod.Copy, source fs.FileInfo, to Place) (target string, err error) {
	if target, err = to.resolve(c, source.IsDir()); err != nil {
		return "", err
	}
	p.Dir = to.mountOf(target, source.IsDir())
	return target, p.parents(target, source.ModTime(), to)
}

// nameOf is what a path in the component is called in the archive.
func (p *Packed) nameOf(target string) string {
	return strings.TrimPrefix(strings.TrimPrefix(target, p.Dir), "/")
}

// Keep takes a copy along into memory, whole, under a name that is not there. It reports
// that the copy has grown beyond its Room before anything is written: the memory has the
// size that it was made with, and an engine would stop in the middle.
func (p *Packed) Keep(c pod.Copy, name string) error {
	if c.Content != nil {
		made := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: contentMode, Size: int64(len(*c.Content))}
		own(made, c)
		p.entries = append(p.entries, entry{made: made, text: *c.Content, copy: c})
		return nil
	}
	var size int64
	var kept []entry
	err := walk(c.Source, func(_ *walker, e entry) error {
		size += pages(e.file.Info)
		kept = append(kept, entry{file: e.file, name: path.Join(name, e.name), copy: c})
		return nil
	})
	if err == nil && c.Room > 0 && size > c.Room {
		const grown = "cannot copy %s: it has grown since the pod was started: it takes %d bytes, and there is room for %d; start the pod again"
		err = fmt.Errorf(grown, c.Source, size, c.Room)
	}
	if err == nil {
		p.entries = append(p.entries, kept...)
	}
	return err
}

// Empty takes an empty file along that all may read and write.
func (p *Packed) Empty(name string) {
	p.entries = append(p.entries, entry{made: &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o666}})
}

// parents adds the directories that are missing on the way from Dir to a target. They
// are as old as what goes into them.
func (p *Packed) parents(target string, age time.Time, to Place) error {
	var missing []string
	for dir := path.Dir(target); len(dir) >= len(p.Dir); dir = path.Dir(dir) {
		found, err := to.merges(dir)
		if err != nil {
			return err
		}
		if found || dir == p.Dir {
			break
		}
		missing = append(missing, dir)
	}
	slices.Reverse(missing)
	for _, dir := range missing {
		made := &tar.Header{Typeflag: tar.TypeDir, Name: p.nameOf(dir) + "/", Mode: parentMode, ModTime: age}
		p.entries = append(p.entries, entry{made: made})
	}
	return nil
}

// resolve is where what is copied goes itself: the target, or into it.
func (to Place) resolve(c pod.Copy, isDir bool) (string, error) {
	target := path.Clean(c.Target)
	found, err := to.Look(target)
	if err != nil {
		return "", err
	}
	asked := strings.HasSuffix(c.Target, "/") || strings.HasSuffix(c.Target, "/.")
	switch {
	case found == File && (isDir || asked):
		return "", fmt.Errorf("%s in the component is not a directory", target)
	case isDir && path.Base(c.Source) == ".", found == File:
		return target, nil
	case found == Nothing && (isDir || !asked):
		return target, nil
	}
	return to.into(path.Join(target, filepath.Base(filepath.Clean(c.Source))), isDir)
}

// into is a target within a directory, if what is there can be replaced.
func (to Place) into(target string, isDir bool) (string, error) {
	found, err := to.Look(target)
	if err == nil && found == Dir && !isDir {
		err = fmt.Errorf("%s in the component is a directory", target)
	}
	return target, err
}

// merges tells whether there is a directory already, which is left as it is.
func (to Place) merges(dir string) (bool, error) {
	found, err := to.Look(dir)
	if err == nil && found == File {
		err = fmt.Errorf("%s in the component is not a directory", dir)
	}
	return found == Dir, err
}

// mountOf is the innermost mount that a target is in, or the root.
func (to Place) mountOf(target string, isDir bool) string {
	dir := "/"
	for _, mount := range to.Mounts {
		mount = path.Clean(mount)
		within := strings.HasPrefix(target, mount+"/") || isDir && target == mount
		if within && len(mount) > len(dir) {
			dir = mount
		}
	}
	return dir
}

// Write writes the tar archive. What has changed since it was packed is looked at again:
// a file that is another kind of file now, or in another mount, is an error, and one that
// has grown while it is read is cut where it ended when it was opened. One that has become
// smaller meanwhile is filled up with zeros, so that who reads the archive does not take
// the next file for the rest of this one, and is an error too.
func (p Packed) Write(to io.Writer) error {
	from, err := newWalker()
	if err != nil {
		return err
	}
	defer from.Close()
	w := tar.NewWriter(to)
	for _, e := range p.entries {
		if err := from.write(w, e); errors.Is(err, errShrunk) {
			return errors.Join(fmt.Errorf("%s: %w", e.file.Path, err), w.Close())
		} else if err != nil {
			return fmt.Errorf("%s: %w", e.file.Path, cause(err))
		}
	}
	return w.Close()
}

// errShrunk is what a file ends with that has less than was said of it.
var errShrunk = errors.New("it has become smaller while it was read")

// write adds one file to the archive.
func (w *walker) write(to *tar.Writer, e entry) error {
	if e.made != nil {
		err := to.WriteHeader(e.made)
		if err == nil {
			_, err = io.WriteString(to, e.text)
		}
		return err
	}
	if !e.file.Info.Mode().IsRegular() {
		header, err := w.headerOf(e)
		if err != nil {
			return err
		}
		return to.WriteHeader(header)
	}
	content, info, err := w.Content(e.file)
	if err != nil {
		return err
	}
	defer content.Close()
	switch {
	case !e.copy.Memory && w.mounts.InMemory(e.file.Path):
		return errOnDisk
	case e.copy.Memory && pages(info) > pages(e.file.Info):
		return errors.New("it has grown since it was measured")
	}
	header, err := header(e, info, "")
	if err != nil {
		return err
	}
	if err := to.WriteHeader(header); err != nil {
		return err
	}
	return fill(to, content, header.Size)
}

// fill writes as many bytes as were said.
func fill(to io.Writer, from io.Reader, size int64) error {
	n, err := io.CopyN(to, from, size)
	if !errors.Is(err, io.EOF) {
		return err
	}
	if _, err := io.CopyN(to, zeros{}, size-n); err != nil {
		return err
	}
	return errShrunk
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// headerOf describes a directory or a link as it is now.
func (w *walker) headerOf(e entry) (*tar.Header, error) {
	f, err := w.Again(e.file)
	if err != nil {
		return nil, err
	}
	link := ""
	if !f.Info.IsDir() {
		if link, err = w.Readlink(f); err != nil {
			return nil, err
		}
	}
	return header(e, f.Info, link)
}

// header describes a file. Owners have no names, which would mean others in the component.
func header(e entry, info fs.FileInfo, link string) (*tar.Header, error) {
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return nil, err
	}
	header.Name, header.Uname, header.Gname = e.name, "", ""
	if info.IsDir() {
		header.Name += "/"
	}
	own(header, e.copy)
	return header, nil
}

// own gives a file the owner and the mode that its copy asks for.
func own(h *tar.Header, c pod.Copy) {
	if c.UID != nil {
		h.Uid = *c.UID
	}
	if c.GID != nil {
		h.Gid = *c.GID
	}
	if c.Mode != nil && h.Typeflag == tar.TypeReg {
		h.Mode = int64(*c.Mode)
	}
}
