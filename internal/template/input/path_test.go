package input_test

import (
	"path"
	"testing"

	"github.com/podlike/podlike/internal/source/span"
	"github.com/podlike/podlike/internal/source/tree"
	"github.com/podlike/podlike/internal/template/input"
)

// abs is what /here makes of a path.
func abs(file string) string {
	if path.IsAbs(file) {
		return file
	}
	return path.Join("/here/now", file)
}

func TestAPathIsToldFromAnotherDirectory(t *testing.T) {
	for _, test := range []struct{ why, file, from, to, want string }{
		{"nothing moves", "./a", "dir", "dir", "./a"},
		{"from below the process", "a", "dir", "", "./dir/a"},
		{"beside", "./a", "dir", "other", "../dir/a"},
		{"below", "./a", "dir", "dir/sub", "../a"},
		{"above", "../a", "dir/sub", "", "./dir/a"},
		{"above the process", "a", "../dir", "", "../dir/a"},
		{"both above it", "a", "../dir", "../other", "../dir/a"},
		{"one above it", "a", "dir", "../other", "../now/dir/a"},
		{"one of them absolute", "a", "dir", "/tmp/out", "../../here/now/dir/a"},
		{"the other one", "a", "/etc/dir", "", "/etc/dir/a"},
		{"both of them", "a", "/etc/dir", "/etc", "./dir/a"},
		{"an absolute path stays", "/a", "dir", "other", "/a"},
		{"so does a variable", "${A}/b", "dir", "other", "${A}/b"},
		{"and what the shell knows", "~/a", "dir", "other", "~/a"},
	} {
		root, _ := tree.Parse(span.Whole("f", "configs: {c: {file: '"+test.file+"'}, e: {external: true}}"), "")
		input.Machine{Abs: abs}.Move(root, test.from, test.to)
		if got := root.Get("configs", "c", "file").Text; got != test.want {
			t.Errorf("%s: %s of %s is %s from %q, want %s", test.why, test.file, test.from, got, test.to, test.want)
		}
	}
}

func TestOnlyHostPathsAreRelativeToTheStack(t *testing.T) {
	for item, want := range map[string]bool{
		"./a:/b": true, "../a:/b": true, ".:/b": true, "a:/b": false, "/a:/b": false, "/a": false, "~/a:/b": false, "${A}:/b": false,
		"{type: bind, source: ./a, target: /b}": true, "{type: volume, source: a, target: /b}": false, "{type: tmpfs, target: /b}": false,
	} {
		v, _ := tree.Parse(span.Whole("f", item), "")
		if got := input.IsRelativeBind(v); got != want {
			t.Errorf("%s: %v, want %v", item, got, want)
		}
	}
}
