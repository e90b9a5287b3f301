// Package compose turns Compose service definitions into components: one in a label,
// or all of a Compose file.
//
// What a definition means is compose-go's to say: its schema decides what is
// allowed, its loader reads every short and long form. This package decides what
// a pod makes of each key (Keys), and tells all that is wrong at once, each with
// its place, in words for the one who wrote it.
//
// It takes a label as it stands: nothing is interpolated, no path is resolved and
// nothing that was not written is made up. A file has variables, relative paths, and
// other files that it includes and extends. It opens none of them: those that a
// definition names, and the Compose file itself, it asks its caller for.
package compose

import (
	"iter"
	"maps"
	"slices"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
)

// A Service is one Compose service definition, and where its user wrote it.
type Service struct {
	// Name is that of the component it becomes.
	Name string
	// Place is where a user finds it, such as pod.component.web.
	Place string
	// Node is the definition, as Parse returned it.
	Node *yaml.Node
}

// Read turns the service into a component, with those of its pre_start, and reports all
// that is wrong with it. With problems they hold what could be read.
func Read(s Service, own Own) (Group, pod.Problems) {
	r := reader{Service: s, own: own}
	g := r.read()
	return g, r.problems
}

// A reader reads one service.
type reader struct {
	Service
	own      Own
	lenient  bool           // what makes no sense in a pod is ignored, with a warning
	given    map[string]any // what is loaded of the service
	problems pod.Problems
	warnings pod.Problems
}

// read returns the components.
func (r *reader) read() Group {
	if r.Node == nil || r.Node.Kind != yaml.MappingNode {
		r.wrong("", "must be a mapping such as {image: NAME}")
		return Group{{Name: r.Name}}
	}
	r.given = r.definition()
	c := r.component(r.load(r.given))
	r.extend(&c)
	return r.group(c)
}

// definition is the part of the service that is to be loaded. Whatever else the
// service holds is ignored or reported.
func (r *reader) definition() map[string]any {
	d := map[string]any{}
	for key, value := range r.keys() {
		if !r.accepts(key.Value, key.Line) || key.Value == "pre_start" { // which is read by itself
			continue
		}
		if v, ok := r.value(key.Value, value); ok {
			d[key.Value] = v
		}
	}
	return d
}

// keys are the service's keys and their values, in the order they were written.
func (r *reader) keys() iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		for pair := range slices.Chunk(r.Node.Content, 2) {
			if !yield(pair[0], pair[1]) {
				return
			}
		}
	}
}

// accepts tells whether the key is to be loaded, and reports it when it may not be there.
func (r *reader) accepts(name string, line int) bool {
	known := Keys[name]
	switch {
	case known.Use == Supported:
		return true
	case r.lenient && known.Use != Unknown:
		r.ignore(name, known)
	case known.Use == Rejected:
		r.wrong(name, "not supported in a pod; %s", known.Note)
	case known.Use == Unknown && !isExtension(name):
		r.wrong(at(line)+name, "unknown key; no Compose service has it")
	}
	return false
}

// ignore warns of a key of a Compose file that does nothing.
func (r *reader) ignore(name string, known Key) {
	r.doubt(name, "makes no sense in a pod and is ignored; %s", known.Note)
}

// value is what the loader gets for the key: what was written, in a form of which
// the loader loses nothing. It is not ok when it is not worth loading.
func (r *reader) value(key string, n *yaml.Node) (value any, ok bool) {
	if err := n.Decode(&value); err != nil {
		r.wrong(key, "cannot be read: %s", yamlError(err))
		return nil, false
	}
	switch v := value.(type) {
	case string:
		if key == "command" || key == "entrypoint" {
			return v, r.isOneCommand(key, v)
		}
	case []any:
		switch key {
		case "volumes":
			value = r.longVolumes(v)
		case "devices":
			value = r.longDevices(v)
		case "post_start", "pre_stop":
			value = r.commandLines(key, v)
		}
	case map[string]any:
		if key == "deploy" {
			value = r.deploy(v)
		}
	}
	return r.exact(key, value)
}

// deploy is the part of a service's deploy that is to be loaded.
func (r *reader) deploy(all map[string]any) map[string]any {
	left := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if _, known := Keys["deploy."+name]; !known || r.accepts("deploy."+name, 0) {
			left[name] = all[name]
		}
	}
	return left
}

// wrong reports a problem with what is at path within the service.
func (r *reader) wrong(path, format string, args ...any) {
	r.problems = append(r.problems, pod.Problemf(join(r.Place, path), format, args...))
}
