// Package archive packs files of the supervisor for a component: what a copy takes
// along, where it goes, and the tar stream of it. It reads files and changes none,
// and it never holds the content of a whole file.
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

	"github.com/podlike/podlike/internal/pod"
)

// parentMode is that of the directories that are made on the way to a target.
const parentMode = 0o755

// Check reports why a copy cannot be made, so that it can be refused before
// anything is created. It looks at all that the copy takes along.
func Check(c pod.Copy) error {
	return walk(c.Source, func(e entry, info fs.FileInfo) error { return readable(e.source, info) })
}

// Size is how many bytes a copy takes in memory, at least, as far as it can be read:
// what cannot is told when it is packed.
func Size(c pod.Copy) (bytes int64) {
	_ = walk(c.Source, func(_ entry, info fs.FileInfo) error {
		pages := (max(info.Size(), 1) + page - 1) / page
		bytes += pages * page
		return nil
	})
	return bytes
}

// page is what memory is given out in, where pages are large.
const page = 64 << 10

// readable reports why a file cannot be read. Links need not lead anywhere.
func readable(name string, info fs.FileInfo) error {
	switch mode := info.Mode(); {
	case mode.IsDir(), mode&fs.ModeSymlink != 0:
		return nil // a directory is read by who walks on
	case mode.IsRegular():
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		return f.Close()
	}
	return fmt.Errorf("it is %s, and only files, directories and links can be copied", kind(info.Mode()))
}

// kind says what a special file is.
func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "a special file"
}

// An entry is one file that is taken along.
type entry struct {
	source string      // as the supervisor has it; empty where nothing is read
	name   string      // below the copy's own target; later in the archive
	copy   pod.Copy    // that it is taken along for
	made   *tar.Header // of what is made rather than read
}

// walk visits a file, or a directory and all in it, parents first. A source that is a
// link is what it leads to. It stops at the first error and says which copy it was,
// and which file of it.
func walk(source string, visit func(entry, fs.FileInfo) error) error {
	real, err := filepath.EvalSymlinks(source)
	if err == nil {
		err = descend(entry{source: real}, visit)
	}
	if err != nil {
		return fmt.Errorf("cannot copy %s: %w", source, cause(err))
	}
	return nil
}

// descend visits e and what is in it.
func descend(e entry, visit func(entry, fs.FileInfo) error) error {
	info, err := os.Lstat(e.source)
	if err == nil {
		err = visit(e, info)
	}
	if err != nil || !info.IsDir() {
		return locate(e, err)
	}
	inside, err := os.ReadDir(e.source)
	if err != nil {
		return locate(e, err)
	}
	for _, child := range inside {
		below := entry{source: filepath.Join(e.source, child.Name()), name: path.Join(e.name, child.Name())}
		if err := descend(below, visit); err != nil {
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
	source, err := os.Stat(c.Source)
	if err != nil {
		return fmt.Errorf("cannot copy %s: %w", c.Source, cause(err))
	}
	target, err := to.resolve(c, source.IsDir())
	if err != nil {
		return fmt.Errorf("cannot copy %s to %s: %w", c.Source, c.Target, err)
	}
	p.Dir = to.mountOf(target, source.IsDir())
	if err := p.parents(target, source.ModTime(), to); err != nil {
		return fmt.Errorf("cannot copy %s to %s: %w", c.Source, c.Target, err)
	}
	there := map[string]bool{path.Dir(target): len(p.entries) == 0} // directories of the component's
	return walk(c.Source, func(e entry, info fs.FileInfo) (err error) {
		at := path.Join(target, e.name)
		if info.IsDir() && (there[path.Dir(at)] || at == "/") {
			there[at], err = to.merges(at)
		}
		if err == nil && !there[at] {
			p.entries = append(p.entries, entry{source: e.source, name: p.nameOf(at), copy: c})
		}
		return err
	})
}

// nameOf is what a path in the component is called in the archive.
func (p *Packed) nameOf(target string) string {
	return strings.TrimPrefix(strings.TrimPrefix(target, p.Dir), "/")
}

// Keep takes a copy along, whole, under a name that is not there.
func (p *Packed) Keep(c pod.Copy, name string) error {
	return walk(c.Source, func(e entry, _ fs.FileInfo) error {
		p.entries = append(p.entries, entry{source: e.source, name: path.Join(name, e.name), copy: c})
		return nil
	})
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

// Write writes the tar archive. A file that has changed its size since is cut, or
// an error if it has become smaller.
func (p Packed) Write(to io.Writer) error {
	w := tar.NewWriter(to)
	for _, e := range p.entries {
		if err := write(w, e); err != nil {
			return fmt.Errorf("%s: %w", e.source, cause(err))
		}
	}
	return w.Close()
}

// write adds one file to the archive.
func write(w *tar.Writer, e entry) error {
	if e.made != nil {
		return w.WriteHeader(e.made)
	}
	header, err := headerOf(e)
	if err != nil {
		return err
	}
	if header.Typeflag != tar.TypeReg {
		return w.WriteHeader(header)
	}
	f, err := os.Open(e.source)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := w.WriteHeader(header); err != nil {
		return err
	}
	if _, err = io.CopyN(w, f, header.Size); errors.Is(err, io.EOF) {
		return errors.New("it has become smaller")
	}
	return err
}

// headerOf describes a file as it is now. Owners have no names, which would mean
// others in the component.
func headerOf(e entry) (*tar.Header, error) {
	info, err := os.Lstat(e.source)
	if err != nil {
		return nil, err
	}
	if err := readable(e.source, info); err != nil {
		return nil, err
	}
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(e.source); err != nil {
			return nil, err
		}
	}
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
