package input

import (
	"path"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/source/tree"
)

// Move is Relocate for directories of which one may be absolute, or above that of the process.
func (m Machine) Move(root *tree.Value, from, to string) {
	if to != "" && m.Abs != nil && (path.IsAbs(from) != path.IsAbs(to) || strings.HasPrefix(path.Clean(to), "..")) {
		from, to = m.Abs(from), m.Abs(to)
	}
	Relocate(root, from, to)
}

// Home is the directory that the paths of a stack start from: that of its first file.
func Home(files []string) string {
	if files[0] == "-" {
		return "."
	}
	return path.Dir(files[0])
}

// Relocate has the relative paths of files in a stack, which are relative to the directory from, be
// relative to another one. Empty is the directory of the process.
func Relocate(root *tree.Value, from, to string) {
	move := func(v *tree.Value) {
		if v.IsText() && isRelative(v.Text) {
			v.Text = rebased(v.Text, from, to)
		}
	}
	for _, kind := range []string{"configs", "secrets"} {
		if all := root.Get(kind); all != nil {
			for _, e := range all.Entries {
				move(e.Value.Get("file"))
			}
		}
	}
	services := root.Get("services")
	if services == nil {
		return
	}
	for _, e := range services.Entries {
		relocateService(e.Value, move)
	}
}

// relocateService moves the paths in one service.
func relocateService(service *tree.Value, move func(v *tree.Value)) {
	move(service.Get("extends", "file"))
	for _, key := range []string{"env_file", "label_file"} {
		switch v := service.Get(key); {
		case v.IsText():
			move(v)
		case v != nil:
			for _, item := range v.Items {
				move(item)
				move(item.Get("path"))
			}
		}
	}
	volumes := service.Get("volumes")
	if volumes == nil {
		return
	}
	for _, item := range volumes.Items {
		if source := item.Get("source"); source.IsText() && IsRelativeBind(item) {
			move(source)
		} else if item.IsText() && IsRelativeBind(item) {
			host, rest, _ := strings.Cut(item.Text, ":")
			v := tree.NewText(host, item.At)
			move(v)
			item.Text = v.Text + ":" + rest
		}
	}
}

// IsRelativeBind tells whether a volume is a directory of the machine that deploys the stack,
// relative to the stack.
func IsRelativeBind(item *tree.Value) bool {
	source := item.Text
	if item.Kind == tree.Mapping {
		if t := item.Get("type"); t.IsText() && t.Text != "bind" || item.Get("source") == nil {
			return false
		}
		source = item.Get("source").Text
	}
	return strings.HasPrefix(source, "./") || strings.HasPrefix(source, "../") || source == "." || source == ".." ||
		strings.HasPrefix(source, ".:") || strings.HasPrefix(source, "..:")
}

// isRelative tells whether a path is one that a directory has to be put before.
func isRelative(file string) bool {
	return file != "" && !path.IsAbs(file) && !strings.HasPrefix(file, "~") && !strings.HasPrefix(file, "$")
}

// rebased is a path that is relative to from, seen from another directory. Both are relative to
// the same one, or absolute. Where nobody knows, the path is as seen from that one.
func rebased(file, from, to string) string {
	whole := path.Join(from, file)
	if path.IsAbs(whole) != path.IsAbs(to) && to != "" {
		return whole
	}
	target, base := split(path.Clean(whole)), split(path.Clean("./"+to))
	if path.IsAbs(to) {
		base = split(path.Clean(to))
	}
	if to == "" {
		base = nil
	}
	n := 0
	for n < len(target) && n < len(base) && target[n] == base[n] {
		n++
	}
	if slices.Contains(base[n:], "..") {
		return whole
	}
	up := slices.Repeat([]string{".."}, len(base)-n)
	found := path.Join(append(up, target[n:]...)...)
	if path.IsAbs(whole) && to == "" {
		return whole
	}
	if !strings.HasPrefix(found, "../") {
		found = "./" + found
	}
	return found
}

// split are the parts of a path.
func split(file string) []string {
	return slices.DeleteFunc(strings.Split(file, "/"), func(part string) bool { return part == "" || part == "." })
}
