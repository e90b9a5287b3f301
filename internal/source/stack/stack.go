// Package stack reads stack files: which of their services run a pod, and where in the
// file, to the line and column, each thing is that is wrong with it.
//
// It reads a file as docker stack deploy does, as far as labels, and the configs that
// they name, are concerned; what the labels mean is package labels' to say. It asks no
// engine, and no file but those it is told to read and the configs and secrets of a service.
package stack

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/labels"
	"github.com/podlike/podlike/internal/source/span"
)

// Read reads the pods of a stack file: one for each service that has labels of ours. A
// file in which no service has is a Compose file, and one pod.
//
// Own is of the machine on which the file is: variables of who would deploy the stack,
// and its file system. With findings that are problems the pods are incomplete.
func Read(file string, own compose.Own) ([]source.Pod, []Finding) {
	r := reader{file: file, own: own}
	r.read()
	return r.pods, Order(file, r.findings)
}

// A reader reads one stack file.
type reader struct {
	file     string
	own      compose.Own
	document document
	pods     []source.Pod
	findings []Finding
}

func (r *reader) read() {
	text, err := r.own.ReadFile(r.file)
	if err != nil {
		r.findings = []Finding{{Position: Position{File: r.file, Line: 1, Column: 1}, Problem: pod.Problemf("", "cannot be read: %s", reason(err))}}
		return
	}
	r.document = read(span.Whole(r.file, string(text)))
	roots, problems := compose.ParseAll(r.file, string(text))
	if len(roots) > 0 && !slices.ContainsFunc(roots, func(root *yaml.Node) bool { return len(ofPods(root)) > 0 }) {
		r.composeFile()
		return
	}
	if len(roots) > 1 {
		problems = append(problems, pod.Problemf(r.file,
			"cannot be read: line %d: only one YAML document may be here, for docker stack deploy reads no other", roots[1].Line))
	}
	var root *yaml.Node
	if len(roots) > 0 {
		root = roots[0]
	}
	services := ofPods(root)
	f := finder{documents: map[string]document{r.file: r.document}}
	for _, p := range problems {
		r.findings = append(r.findings, f.find(p, false))
	}
	for pair := range slices.Chunk(services, 2) {
		s := service{reader: r, name: pair[0].Value, node: pair[1], root: root}
		s.read()
	}
}

// reason is what kept a file from being read.
func reason(err error) error {
	if failed, is := errors.AsType[*fs.PathError](err); is {
		return failed.Err
	}
	return err
}

// composeFile reads the file as one that pod.compose.file names.
func (r *reader) composeFile() {
	f := finder{documents: map[string]document{}, other: r.document.start}
	own := compose.Own{Lookup: r.own.Lookup, ReadFile: func(file string) ([]byte, error) {
		text, err := r.own.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) && !r.beside(file) {
			return nil, unseenFile(file, "it is the supervisor's own")
		}
		if err == nil {
			f.documents[file] = fileOf(file, string(text))
		}
		return text, err
	}}
	read, err := labels.Read(map[string]string{pod.ComposeFile: r.file}, own)
	r.pods = []source.Pod{{Pod: read.Pod, Locator: locator{read: read, finder: f}}}
	r.findings = f.all(read.Warnings, err)
}

// beside tells whether a file is to be found where the one that names it is. Others
// are the supervisor's.
func (r *reader) beside(file string) bool {
	return !path.IsAbs(file) || path.IsAbs(r.file) && strings.HasPrefix(file, path.Dir(r.file)+"/")
}

// dotEnv is the name of a file of variables that need not be there.
const dotEnv = ".env"

// fileOf is the document that is a file.
func fileOf(file, text string) document {
	d := read(span.Whole(file, text))
	d.env = path.Base(file) == dotEnv
	return d
}

// all finds where all problems and warnings are.
func (f finder) all(warnings pod.Problems, err error) (all []Finding) {
	problems, _ := errors.AsType[pod.Problems](err)
	for _, p := range problems {
		all = append(all, f.find(p, false))
	}
	for _, w := range warnings {
		all = append(all, f.find(w, true))
	}
	return all
}

// ofPods are those services, with their names, of a stack that have labels of ours.
func ofPods(root *yaml.Node) []*yaml.Node {
	var all []*yaml.Node
	services := child(root, "services")
	if services == nil || services.Kind != yaml.MappingNode {
		return nil
	}
	for pair := range slices.Chunk(services.Content, 2) {
		if hasOurs(child(pair[1], "labels")) || hasOurs(child(child(pair[1], "deploy"), "labels")) {
			all = append(all, pair...)
		}
	}
	return all
}

// hasOurs tells whether there are labels of ours, in a list or a mapping.
func hasOurs(n *yaml.Node) bool {
	return slices.ContainsFunc(labelsIn(n), func(l label) bool { return labels.IsOurs(l.name) })
}

// child is the value of a mapping's key, nil if it has none.
func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n != nil && n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
