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
	"slices"

	"github.com/compose-spec/compose-go/v2/tree"
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

// keys are the service's keys and their values, in the order they were written.
func (s Service) keys() iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		for pair := range slices.Chunk(s.Node.Content, 2) {
			if !yield(pair[0], pair[1]) {
				return
			}
		}
	}
}

// Read turns the service into a component, with those of its pre_start, and reports all
// that is wrong with it, and what was probably not meant. With problems they hold what
// could be read.
func Read(s Service, own Own) (g Group, problems, warnings pod.Problems) {
	r := newReader(s, own, false)
	g = r.read()
	return g, r.problems, r.warnings
}

// A reader reads one service. A filter lets the keys through that are to be loaded; of each
// value the loader gets a form of which it loses nothing; a sieve parts what it takes from what
// it refuses; and of what it takes a component is made.
//
// What there is to know of one kind of value is a reader of its own, such as a volumeReader,
// which reports to the same report.
type reader struct {
	Service
	*report
	own   Own
	given map[string]any // what is loaded of the service
}

// newReader is the one for a service, of a Compose file if it is lenient, or else of a label.
func newReader(s Service, own Own, lenient bool) *reader {
	return &reader{Service: s, report: &report{place: s.Place, lenient: lenient}, own: own}
}

// read returns the components.
func (r *reader) read() Group {
	if r.Node == nil || r.Node.Kind != yaml.MappingNode {
		r.wrong("", "must be a mapping such as {image: NAME}")
		return Group{{Name: r.Name}}
	}
	r.given = r.definition()
	c := r.component(sieve{r.Service, r.report}.load(r.given))
	r.extend(&c)
	c.Ports = r.listens()
	if r.lenient {
		c.DependsOn = linked(c.DependsOn, r.Node, !r.own.Nameless)
	}
	return r.group(c)
}

// definition is the part of the service that is to be loaded. Whatever else the
// service holds is ignored or reported.
func (r *reader) definition() map[string]any {
	d, f := map[string]any{}, r.filter()
	for key, value := range r.keys() {
		if !f.accepts(key.Value, key.Line, decoded(value)) || key.Value == "pre_start" { // which is read by itself
			continue
		}
		if v, ok := r.value(key.Value, value); ok {
			d[key.Value] = v
		}
	}
	return d
}

// filter is the one for the service's keys.
func (r *reader) filter() filter { return filter{r.report, r.own.Nameless} }

// commands reads those of the service.
func (r *reader) commands() commandReader { return commandReader{ownReader{r.report, r.own}} }

// value is what the loader gets for the key: what was written, in a form of which
// the loader loses nothing. It is not ok when it is not worth loading.
func (r *reader) value(key string, n *yaml.Node) (value any, ok bool) {
	numbers := numberReader{r.report}
	asWritten(n, serviceShape().at(key))
	numbers.changed(key, n, serviceShape().at(key))
	if err := n.Decode(&value); err != nil {
		r.wrong(key, "cannot be read: %s", yamlError(err))
		return nil, false
	}
	switch v := value.(type) {
	case string:
		if key == "command" || key == "entrypoint" {
			return v, r.commands().isOne(key, v)
		}
	case []any:
		switch key {
		case "volumes":
			value = volumeReader{r.report}.long(v)
		case "devices":
			value = deviceReader{r.report}.long(v)
		case "post_start", "pre_stop":
			value = r.commands().split(key, v)
		}
	case map[string]any:
		if key == "deploy" {
			value = r.filter().deploy(v)
		}
	}
	return numbers.exact(key, cast(tree.NewPath("services", only, key), value))
}
