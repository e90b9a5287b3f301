package compose

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
)

// mostFiles is how many files may be read for one pod. It stops files that include
// two files that include two files.
const mostFiles = 100

// A scope is what the text of a file is read with.
type scope struct {
	dir    string // that relative paths start from
	lookup func(name string) (value string, found bool)
	// by is the place that includes what is read, and so decides about its variables.
	by string
}

// path is the path that is written in the scope, from the supervisor's root.
func (s scope) path(written string) string {
	if path.IsAbs(written) {
		return written
	}
	return path.Join(s.dir, written)
}

// A source is one file that was loaded, with what it includes.
type source struct {
	services map[string]*service
	volumes  map[string]volumeDefinition
	// files are secrets and configs: by the key of a service that names them, and the name.
	files   map[string]map[string]fileDefinition
	project string // the file's name for itself
}

// An assembler puts Compose files together. It is not compose-go's loader, for that one reads the file
// system itself, and of a value that it has put together it no longer knows the line.
type assembler struct {
	own        Own
	problems   pod.Problems
	warnings   pod.Problems
	extendable map[extension]*source // files that services extend
	told       map[string]bool       // variables that are known to be missing
	unset      map[string][]string   // the same, by the places that have them
	partial    bool                  // a file that is included could not be read
	files      int
}

// An extension is a file of which services are extended, and who decides about its variables.
type extension struct{ file, by string }

// wrong reports a problem.
func (a *assembler) wrong(place, format string, args ...any) {
	a.problems = append(a.problems, pod.Problemf(place, format, args...))
}

// warn reports what is ignored.
func (a *assembler) warn(place, format string, args ...any) {
	a.warnings = append(a.warnings, pod.Problemf(place, format, args...))
}

// load loads a file that is named at place, with what it includes and extends. Those
// that are being loaded include it. It returns nil when there is nothing to load.
func (a *assembler) load(place, file string, s scope, loading []string) *source {
	if slices.Contains(loading, file) {
		a.wrong(place, "%s: a file cannot include itself", strings.Join(append(loading, file), " -> "))
		return nil
	}
	loading = append(slices.Clone(loading), file)
	roots := a.parse(place, file, s)
	if roots == nil {
		return nil
	}
	var from *source
	for _, root := range roots { // of which each wins over those before (Compose: several documents)
		next := a.source(file, root, s)
		if include := child(root, "include"); include != nil {
			a.include(file, include, s, next, loading)
		}
		if from != nil {
			a.add(from, next)
		}
		from = next
	}
	for _, name := range slices.Sorted(maps.Keys(from.services)) {
		from.services[name] = a.extended(from.services[name], from.services, nil)
	}
	return from
}

// parse reads the documents of a file and puts in its variables. It returns none if there
// is something wrong with one.
func (a *assembler) parse(place, file string, s scope) []*yaml.Node {
	a.files++
	if a.files == mostFiles+1 {
		a.wrong(place, "more than %d files belong to the pod", mostFiles)
	}
	if a.files > mostFiles {
		return nil
	}
	text, err := a.own.ReadFile(file)
	if err != nil {
		a.wrong(place, "cannot read %s in the supervisor: %s", Quote(file), reason(err))
		return nil
	}
	roots, problems := ParseAll(file, string(text))
	a.problems = append(a.problems, problems...)
	for _, root := range roots {
		if root.Kind != yaml.MappingNode {
			a.wrong(join(file, strings.TrimSuffix(at(root.Line), ": ")), "must be a mapping such as {services: {web: {image: NAME}}}")
			return nil
		}
	}
	before := len(a.problems)
	for _, root := range roots {
		a.interpolate(file, root, s)
	}
	if len(a.problems) > before {
		return nil // what is not there would be told again as something else
	}
	return roots
}

// reason is what kept a file from being read.
func reason(err error) error {
	if failed, is := errors.AsType[*fs.PathError](err); is {
		return failed.Err
	}
	return err
}

// source takes a file apart.
func (a *assembler) source(file string, root *yaml.Node, s scope) *source {
	from := &source{
		services: map[string]*service{}, volumes: map[string]volumeDefinition{},
		files: map[string]map[string]fileDefinition{"secrets": {}, "configs": {}},
	}
	for pair := range slices.Chunk(root.Content, 2) {
		key, value := pair[0], pair[1]
		switch key.Value {
		case "services":
			a.services(file, value, s, from.services)
		case "volumes":
			a.volumes(file, value, from.volumes)
		case "secrets", "configs":
			a.fileDefinitions(file, key.Value, value, s, from.files[key.Value])
		case "name":
			from.project = value.Value
		case "version", "include", "networks", "models": // what of them a service uses is said there
		case "jobs":
			a.warn(join(file, at(key.Line)+"jobs"), "makes no sense in a pod and is ignored; only services become components")
		default:
			if !isExtension(key.Value) {
				a.wrong(join(file, at(key.Line)+key.Value), "unknown key%s", didYouMean(key.Value, topLevel, "; no Compose file has it"))
			}
		}
	}
	return from
}

// topLevel are the keys of a Compose file.
var topLevel = []string{"version", "name", "include", "services", "volumes", "networks", "configs", "secrets", "models", "jobs"}

// services adds those of a file.
func (a *assembler) services(file string, all *yaml.Node, s scope, to map[string]*service) {
	if all.Kind != yaml.MappingNode {
		a.wrong(join(file, at(all.Line)+"services"), "must be a mapping such as {web: {image: NAME}}")
		return
	}
	for pair := range slices.Chunk(all.Content, 2) {
		name, node := pair[0].Value, pair[1]
		switch {
		case !IsComponentName(name):
			a.wrong(join(file, at(pair[0].Line)+"services"), "%s is no name for a component; use letters, digits, _ . and -", Quote(name))
		case node.ShortTag() == "!!null": // which others may extend, and merge with
			to[name] = &service{scope: s, file: file, name: name, line: pair[0].Line}
		case node.Kind != yaml.MappingNode:
			a.wrong(join(servicePlace(file, name), at(pair[0].Line)), "must be a mapping such as {image: NAME}")
		default:
			to[name] = &service{scope: s, file: file, name: name, line: pair[0].Line, entries: entries(file, name, node, s)}
		}
	}
}

// entries are those of a service, with the paths of its files from the root.
func entries(file, service string, n *yaml.Node, s scope) []entry {
	var all []entry
	for pair := range slices.Chunk(n.Content, 2) {
		e := entry{key: pair[0].Value, value: pair[1], file: file, service: service, line: pair[0].Line, column: pair[0].Column}
		e.reset, e.replace = e.value.Tag == "!reset", e.value.Tag == "!override"
		if e.reset || e.replace {
			e.value.Tag = ""
		}
		absoluteFiles(e.key, e.value, s)
		all = append(all, e)
	}
	return all
}

// absoluteFiles makes the paths of files in a key's value absolute.
func absoluteFiles(key string, value *yaml.Node, s scope) {
	switch key {
	case "env_file", "label_file":
		absolute(value, s)
	case "security_opt":
		for _, option := range value.Content {
			absoluteProfile(option, s)
		}
	case "pre_start":
		for _, hook := range value.Content {
			for i := 0; hook.Kind == yaml.MappingNode && i+1 < len(hook.Content); i += 2 {
				absoluteFiles(hook.Content[i].Value, hook.Content[i+1], s)
			}
		}
	}
}

// absolute makes a path, those of a list, and that of each mapping in it absolute.
func absolute(n *yaml.Node, s scope) {
	switch n.Kind {
	case yaml.ScalarNode:
		if n.Value != "" && n.ShortTag() == "!!str" {
			n.Value = s.path(n.Value)
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			absolute(item, s)
		}
	case yaml.MappingNode:
		if written := child(n, "path"); written != nil {
			absolute(written, s)
		}
	}
}

// absoluteProfile makes the path of a seccomp profile absolute.
func absoluteProfile(option *yaml.Node, s scope) {
	file, is := strings.CutPrefix(strings.Replace(option.Value, ":", "=", 1), "seccomp=")
	if is && file != "" && file != "unconfined" && file != "builtin" {
		option.Value = "seccomp=" + s.path(file)
	}
}

// child is the value of a mapping's key, nil if it has none.
func child(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
