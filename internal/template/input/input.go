// Package input reads stack files as docker stack deploy -c A -c B does, and what they include
// and extend, into one tree that knows where everything was written.
//
// It is not compose-go's loader: that one reads the file system itself, wants to resolve variables that
// are the deploy's to resolve, and knows no line of a value once it is merged.
package input

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/charset"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/span"
	"github.com/podlike/podlike/internal/source/tree"
	"github.com/podlike/podlike/internal/template/merge"
)

// mostFiles is how many files may be read for one stack.
const mostFiles = 200

// A Machine is what of this machine a stack may refer to.
type Machine struct {
	ReadFile func(file string) ([]byte, error)
	Lookup   func(name string) (value string, found bool)
	// Abs makes a path of this machine absolute. Nil: nobody knows how.
	Abs func(file string) string
}

// A Stack is what was read.
type Stack struct {
	Root *tree.Value
	// Texts are the files that were read, by the names that positions in them have.
	Texts map[string]span.Span
}

// Read reads files and merges them: what later ones say is stronger. Where variables is given,
// they are put in, and a $ of what comes of that is written $$.
func Read(files []string, m Machine, variables bool) (Stack, []source.Finding) {
	r := &reader{machine: m, home: Home(files), variables: variables, stack: Stack{Texts: map[string]span.Span{}}}
	for _, file := range files {
		start := source.Position{File: file, Line: 1, Column: 1}
		root := r.file(file, start, nil)
		if root == nil {
			continue
		}
		r.stack.Root = merge.Files(root, r.stack.Root)
	}
	if r.stack.Root == nil {
		if len(r.findings) == 0 {
			r.wrong(source.Position{File: files[0], Line: 1, Column: 1}, "", "there is nothing in it; write services: and a service below it")
		}
		return r.stack, r.findings
	}
	r.extendAll()
	return r.stack, r.findings
}

// A reader reads the files of one stack.
type reader struct {
	machine   Machine
	home      string // where relative paths start from
	variables bool
	stack     Stack
	findings  []source.Finding
	files     int
	bases     map[string]*tree.Value // files that services extend
}

func (r *reader) wrong(at source.Position, place, format string, args ...any) {
	r.findings = append(r.findings, source.Finding{Position: at, Problem: pod.Problemf(place, "%s", fmt.Sprintf(format, args...))})
}

// Reason is what kept a file from being read.
func Reason(err error) error {
	if failed, is := errors.AsType[*fs.PathError](err); is {
		return failed.Err
	}
	return err
}

// parse reads one file that is named at a place.
func (r *reader) parse(file string, at source.Position) *tree.Value {
	if r.files++; r.files > mostFiles {
		if r.files == mostFiles+1 {
			r.wrong(at, "", "more than %d files belong to the stack", mostFiles)
		}
		return nil
	}
	text, err := r.machine.ReadFile(file)
	if err != nil {
		what := "cannot be read: %v"
		if at.File != file {
			what = "cannot read " + file + ": %v"
		}
		r.wrong(at, "", what, Reason(err))
		return nil
	}
	if err := charset.Check(text); err != nil {
		r.wrong(source.Position{File: file, Line: 1, Column: 1}, "", "cannot be read: %v", err)
		return nil
	}
	s := span.Whole(file, string(text))
	r.stack.Texts[file] = s
	root, findings := tree.Parse(s, "")
	r.findings = append(r.findings, findings...)
	if root == nil {
		return nil
	}
	if root.Kind != tree.Mapping {
		r.wrong(root.At.Position, "", "must be a mapping such as {services: {web: {image: NAME}}}")
		return nil
	}
	if r.variables {
		r.interpolate(root)
	}
	return root
}

// file reads a file with what it includes (Compose: include), over which it is laid.
func (r *reader) file(file string, at source.Position, trail []string) *tree.Value {
	if slices.Contains(trail, file) {
		r.wrong(at, "include", "%s: a file cannot include itself", strings.Join(append(trail, file), " -> "))
		return nil
	}
	root := r.parse(file, at)
	if root == nil {
		return nil
	}
	dir := path.Dir(file)
	if file == "-" {
		dir = "."
	}
	if len(trail) > 0 {
		r.machine.Move(root, dir, r.home)
	}
	e := root.Delete("include")
	if e == nil {
		return root
	}
	var all *tree.Value
	for _, one := range r.included(e.Value) {
		name := one.Text
		if !path.IsAbs(name) {
			name = path.Join(dir, name)
		}
		all = merge.Files(r.file(name, one.At.Position, append(slices.Clone(trail), file)), all)
	}
	return merge.Files(root, all)
}

// included are the paths that include names.
func (r *reader) included(list *tree.Value) (paths []*tree.Value) {
	if list.Kind != tree.List {
		list = &tree.Value{Kind: tree.List, Items: []*tree.Value{list}}
	}
	for _, item := range list.Items {
		one := item
		if item.Kind == tree.Mapping {
			one = item.Get("path")
		}
		switch {
		case one.IsText():
			paths = append(paths, one)
		case one != nil && one.Kind == tree.List && !slices.ContainsFunc(one.Items, func(p *tree.Value) bool { return !p.IsText() }):
			paths = append(paths, one.Items...)
		default:
			r.wrong(item.At.Position, "include", "must be a list of paths, or of mappings such as {path: other.yml}")
		}
	}
	return paths
}

// numeric are the keys whose value is a number or a boolean, so that a variable there may be one.
var numeric = []string{
	"replicas", "parallelism", "max_attempts", "retries", "published", "target", "mode", "read_only", "tty", "stdin_open", "init", "external",
	"attachable", "internal", "privileged", "disable", "max_replicas_per_node", "soft", "hard", "pids", "required", "restart",
}

// HasVariables tells whether docker stack deploy looks for variables in the value at a path. In
// extensions, of which templates are some, it does not.
func HasVariables(keys []string, v *tree.Value) bool {
	isExtension := func(i int) bool { return len(keys) > i && strings.HasPrefix(keys[i], "x-") }
	return v.Kind == tree.Scalar && v.Tag == "!!str" && strings.Contains(v.Text, "$") && !isExtension(0) && (keys[0] != "services" || !isExtension(2))
}

// interpolate puts variables into all values.
func (r *reader) interpolate(root *tree.Value) {
	root.Each(func(keys []string, v *tree.Value) {
		if !HasVariables(keys, v) {
			return
		}
		done, remarks := span.Whole("", v.Text).Interpolate(r.machine.Lookup)
		for _, remark := range remarks {
			problem := pod.Problemf(strings.Join(keys, "."), "%s", remark.What)
			r.findings = append(r.findings, source.Finding{Position: v.At.Position, Problem: problem, Warning: remark.Warning})
		}
		text := string(done.Text)
		if v.Style == 0 && len(keys) > 0 && slices.Contains(numeric, keys[len(keys)-1]) {
			if plain, _ := tree.Parse(span.Whole("", text), ""); plain.IsText() {
				v.Tag = plain.Tag
			}
		}
		v.Text = strings.ReplaceAll(text, "$", "$$")
	})
}
