package stack

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/mattn/go-shellwords"
	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/labels"
	"github.com/podlike/podlike/internal/source/span"
)

// A service is one of a stack that runs a pod.
type service struct {
	*reader
	name string
	node *yaml.Node
	root *yaml.Node // of the stack
	// mounted are the files of this machine, by where the service has them. Empty: none
	// that is known.
	mounted map[string]string
	env     map[string]string
	finder  finder
	remarks []span.Remark // about variables in its labels
}

// place is where the service is, for the user.
func (s *service) place() string { return "services." + s.name }

// read reads the pod that the service runs.
func (s *service) read() {
	s.reject(child(child(s.node, "deploy"), "labels"))
	written := child(s.node, "labels")
	if !hasOurs(written) {
		return
	}
	s.finder = finder{documents: map[string]document{}, other: s.position("labels"), shown: s.place()}
	s.foreign(written)
	s.mounts()
	s.environment(child(s.node, "environment"))
	values := s.labels(written)
	if len(values) == 0 { // there are labels, but none that is text
		return
	}
	read, err := labels.Read(values, compose.Own{Lookup: s.lookup, ReadFile: s.readFile})
	s.findings = append(s.findings, s.withoutVariables(s.finder.all(read.Warnings, err))...)
	s.check(read)
	s.pods = append(s.pods, source.Pod{
		Pod: read.Pod, Name: s.place(), Image: s.plain(child(s.node, "image")), Command: s.command(), StopGrace: s.grace(),
		Locator: locator{read, s.finder, s.ofService()},
	})
}

// command are the arguments of the supervisor, none if its program is another one.
func (s *service) command() []string {
	n := child(s.node, "command")
	switch {
	case n == nil || child(s.node, "entrypoint") != nil:
		return nil
	case n.Kind == yaml.SequenceNode:
		var all []string
		for _, item := range n.Content {
			all = append(all, s.plain(item))
		}
		return all
	}
	words, err := shellwords.Parse(s.plain(n))
	if err != nil {
		s.wrong(n, "command", "cannot be split into words; close its quotes, or write a list")
	}
	return words
}

// position is where a key of the service is.
func (s *service) position(key string) Position {
	return s.document.where(0, []string{"services", s.name, key}, "")
}

// reject reports labels of ours among those of deploy.
func (s *service) reject(n *yaml.Node) {
	for _, l := range labelsIn(n) {
		if labels.IsOurs(l.name) {
			s.wrong(l.at, "deploy.labels: "+l.name, "those labels do not reach the supervisor; move it to the service's own labels")
		}
	}
}

// foreign warns of labels that look like ours and are none.
func (s *service) foreign(n *yaml.Node) {
	for _, l := range labelsIn(n) {
		if labels.IsForeign(l.name) {
			s.warn(l.at, l.name, labels.Foreign)
		}
	}
}

// warn warns of what a node of the stack file is.
func (s *service) warn(n *yaml.Node, place, what string) {
	s.wrong(n, place, what)
	s.findings[len(s.findings)-1].Warning = true
}

// wrong reports a problem with what a node of the stack file is.
func (s *service) wrong(n *yaml.Node, place, what string) {
	s.findings = append(s.findings, Finding{Position: s.document.Position(n.Line, n.Column), Problem: pod.Problem{Place: join(s.place(), place), What: what}})
}

// A label is one as it was written.
type label struct {
	name string
	// at is its key, or the item of a list that it is, and value what holds its value.
	at, value *yaml.Node
}

// labelsIn are those of a list of name=value or of a mapping.
func labelsIn(n *yaml.Node) []label {
	var all []label
	switch {
	case n == nil:
	case n.Kind == yaml.MappingNode:
		for pair := range slices.Chunk(n.Content, 2) {
			all = append(all, label{pair[0].Value, pair[0], pair[1]})
		}
	case n.Kind == yaml.SequenceNode:
		for _, item := range n.Content {
			name, _, _ := strings.Cut(item.Value, "=")
			if item.Kind == yaml.MappingNode && len(item.Content) > 0 {
				name = item.Content[0].Value
			}
			all = append(all, label{name, item, item})
		}
	}
	return all
}

// labels are the values of the service's labels, with variables put in, of which the
// finder knows where they stand.
func (s *service) labels(n *yaml.Node) map[string]string {
	values := map[string]string{}
	for _, l := range labelsIn(n) {
		if !labels.IsOurs(l.name) {
			continue
		}
		if l.value.Kind != yaml.ScalarNode {
			s.noText(l)
			continue
		}
		d := s.value(l)
		values[l.name] = string(d.Text)
		s.finder.documents[l.name] = d
	}
	return values
}

// noText reports a label that has no text for its value.
func (s *service) noText(l label) {
	if l.at == l.value {
		s.wrong(l.at, l.name, "must be one text NAME=value; or write the labels as a mapping, with no dashes")
		return
	}
	s.wrong(l.at, l.name, "must be text; write | behind the colon, and leave the lines below as they are")
}

// value is the text of a label.
func (s *service) value(l label) document {
	text, remarks := s.document.Scalar(l.value).Interpolate(s.own.Lookup)
	if _, after, _ := strings.Cut(string(text.Text), "="); l.at == l.value {
		text = text.Cut(len(text.Text) - len([]rune(after)))
	}
	d := read(text)
	d.start, d.shown = s.document.Position(l.at.Line, l.at.Column), join(s.place(), l.name)
	s.remarks = append(s.remarks, remarks...)
	for _, r := range remarks {
		s.findings = append(s.findings, ofRemark(r, d.shown))
	}
	return d
}

// withoutVariables returns what was found in labels with one message in place of two for what
// is wrong on the line of a variable that is not set.
func (s *service) withoutVariables(found []Finding) []Finding {
	for i, f := range found {
		component, isImage := strings.CutSuffix(f.Place, ": image")
		var unset []string
		for _, r := range s.remarks {
			if r.Unset != "" && r.At.File == f.File && r.At.Line == f.Line {
				unset = append(unset, r.Unset)
			}
		}
		switch {
		case f.Warning || unset == nil:
			continue
		case isImage:
			left, _ := strconv.QuotedPrefix(f.What)
			left, _ = strconv.Unquote(left)
			found[i].Problem = compose.UnsetImage(component, unset, left)
		default:
			found[i].What += "; the variable " + strings.Join(unset, " and ") + " is not set, which may be why"
		}
		s.findings = slices.DeleteFunc(s.findings, func(other Finding) bool {
			return slices.ContainsFunc(s.remarks, func(r span.Remark) bool {
				return r.Unset != "" && r.At == other.Position && other.Line == f.Line && other.Warning
			})
		})
	}
	return found
}

// lookup finds a variable that the service gives to its supervisor.
func (s *service) lookup(name string) (string, bool) {
	value, found := s.env[name]
	return value, found
}

// environment reads the service's, in which a name alone stands for the deployer's value.
func (s *service) environment(n *yaml.Node) {
	s.env = map[string]string{}
	for _, l := range labelsIn(n) { // which have the same forms
		text := s.plain(l.value)
		_, value, assigned := strings.Cut(text, "=")
		if l.at != l.value {
			value, assigned = text, l.value.ShortTag() != "!!null"
		}
		if !assigned {
			value, assigned = s.own.Lookup(l.name)
		}
		if assigned {
			s.env[l.name] = value
		}
	}
}

// plain is a scalar's text with variables put in.
func (s *service) plain(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	text, _ := s.document.Scalar(n).Interpolate(s.own.Lookup)
	return string(text.Text)
}

// file is the file of this machine that a config or secret of the stack comes from,
// empty if it comes from elsewhere.
func (s *service) file(kind, name string) string {
	written := s.plain(child(child(child(s.root, kind), name), "file"))
	if written == "" || path.IsAbs(written) {
		return written
	}
	return path.Join(path.Dir(s.reader.file), written)
}

// homes are where the engine puts what has no absolute target.
var homes = map[string]string{"configs": "/", "secrets": "/run/secrets/"}

// mounts finds out which files the service has from configs and secrets.
func (s *service) mounts() {
	s.mounted = map[string]string{}
	for _, kind := range slices.Sorted(maps.Keys(homes)) {
		list := child(s.node, kind)
		if list == nil || list.Kind != yaml.SequenceNode {
			continue
		}
		for _, item := range list.Content {
			source, to := s.plain(item), s.plain(child(item, "target"))
			if item.Kind == yaml.MappingNode {
				source = s.plain(child(item, "source"))
			}
			if to == "" {
				to = source
			}
			if !path.IsAbs(to) {
				to = homes[kind] + to
			}
			s.mounted[path.Clean(to)] = s.file(kind, source)
		}
	}
}

// readFile reads a file that the supervisor will have.
func (s *service) readFile(file string) ([]byte, error) {
	from := s.mounted[path.Clean(file)]
	if from == "" {
		return nil, unseenFile(file, "no config and no secret of the service has it from a file")
	}
	text, err := s.own.ReadFile(from)
	if err != nil {
		return nil, fmt.Errorf("it comes from %s: %v", from, reason(err))
	}
	s.finder.documents[file] = fileOf(from, string(text))
	return text, nil
}
