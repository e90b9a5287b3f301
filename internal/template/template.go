// Package template turns a stack with x-podlike in it into one whose services run pods: it reads
// the templates that services and their kinds name, renders them, merges what comes of it
// with what the service says, and writes a stack for docker stack deploy.
//
// It asks no engine, and no network but for templates that a URL names. What it knows of keys are
// tables, of which the documentation and the JSON Schema are made: Rows say who gets a key, and
// those of package merge how it is merged.
package template

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/span"
	"github.com/podlike/podlike/internal/source/stack"
	"github.com/podlike/podlike/internal/source/tree"
	"github.com/podlike/podlike/internal/template/input"
	"github.com/podlike/podlike/internal/template/merge"
)

// Options say what is to be rendered, and with what.
type Options struct {
	// Files are the stack's, of which later ones are stronger; - is standard input.
	Files []string
	input.Machine
	// Set are arguments that are stronger than all files: SERVICE.ARG=VALUE or ARG=VALUE.
	Set []string
	// Variables: they are resolved now, and not by the deploy.
	Variables bool
	// Fetch gets what a URL names. Nil: nothing may be fetched.
	Fetch func(url string, insecure bool) ([]byte, error)
	// Unpinned: what has no checksum may be fetched, too.
	Unpinned bool
	// Version is that of the supervisor's image.
	Version string
	// Out is the directory that the output's relative paths start from. Empty: the process's.
	Out string
}

// A Result is a stack that was rendered.
type Result struct {
	// Text is the stack, of which each character knows where what it says was written.
	Text span.Span
	// IsTemplate: there was something to be rendered.
	IsTemplate bool

	pods []*podOf
}

// Render renders a stack. With findings that are problems there is no Text.
func Render(o Options) (Result, []source.Finding) {
	read, findings := input.Read(o.Files, o.Machine, o.Variables)
	s := &session{
		Options: o, texts: read.Texts, stack: read.Root, findings: findings,
		kindsByName: map[string]*config{}, top: map[string]*config{}, told: map[source.Finding]bool{}, fetched: map[string]fetched{}, set: map[string]*tree.Value{},
	}
	if s.stack == nil || s.failed() {
		return Result{}, stack.Order(o.Files[0], s.findings)
	}
	s.render()
	if s.failed() {
		return Result{}, stack.Order(o.Files[0], s.findings)
	}
	text, err := tree.WriteSpan(s.stack)
	if err != nil {
		s.wrong(s.stack.At.Position, "", "%v", err)
		return Result{}, s.findings
	}
	return Result{Text: text, IsTemplate: s.isTemplate, pods: s.pods}, stack.Order(o.Files[0], s.findings)
}

// A session is the rendering of one stack.
type session struct {
	Options
	texts    map[string]span.Span
	stack    *tree.Value
	original *tree.Value // the stack as it was read, for templates to look at
	findings []source.Finding
	told     map[source.Finding]bool

	global      *tree.Value            // arguments
	set         map[string]*tree.Value // those of the command line, by service; of all under no name
	top         map[string]*config     // what the top says of services
	kindsByName map[string]*config
	used        []string // kinds that any service is of, in order
	pods        []*podOf
	fetched     map[string]fetched
	isTemplate  bool
	argsBroken  bool // there are arguments that could not be read
	partial     bool // there may be more components than are known
}

func (s *session) wrong(at source.Position, place, format string, args ...any) {
	s.findings = append(s.findings, problem(at, place, fmt.Sprintf(format, args...)))
}

// warn tells of what does nothing.
func (s *session) warn(at source.Position, place, format string, args ...any) {
	s.findings = append(s.findings, source.Finding{Position: at, Problem: pod.Problemf(place, "%s", fmt.Sprintf(format, args...)), Warning: true})
}

// once reports a problem that several services may have, once.
func (s *session) once(at source.Position, place, what string) {
	f := problem(at, place, what)
	if !s.told[f] && at.File != "" {
		s.told[f] = true
		s.findings = append(s.findings, f)
	}
}

// failed tells whether there is a problem.
func (s *session) failed() bool { return slices.ContainsFunc(s.findings, source.Finding.IsProblem) }

// read reads a file.
func (s *session) read(file string) ([]byte, error) { return s.ReadFile(file) }

// reason is what kept a file from being read.
func reason(err error) error { return input.Reason(err) }

// dirOf is the directory that relative paths start from which are written there: that of the first
// file of the stack, or of another file that it names.
func (s *session) dirOf(at tree.Origin) string {
	file := at.File
	if slices.Contains(s.Files, file) || file == "" {
		return s.home()
	}
	return path.Dir(file)
}

func keysOf[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// render renders the stack in its place.
func (s *session) render() {
	g := grammar{s}
	services := s.stack.Get("services")
	if services != nil && services.Kind != tree.Mapping {
		s.wrong(services.At.Position, "services", "must be a mapping such as {web: {image: NAME}}")
		return
	}
	if services == nil {
		services = tree.NewMapping(s.stack.At)
	}
	own := s.take(g, services)
	s.setArgs(services)
	s.original = s.stack.Clone()
	for _, e := range services.Entries {
		if p := s.podFor(g, e, own[e.Key]); p != nil {
			s.pods = append(s.pods, p)
		}
	}
	if s.argsBroken { // of which more would follow
		return
	}
	s.partial = s.failed()
	for _, p := range s.pods {
		p.render()
	}
	s.stackItems(g)
	s.partial = s.partial || s.failed()
	for _, p := range s.pods {
		*services.Entry(p.name).Value = *p.compose()
	}
	if s.failed() {
		return
	}
	s.relocate()
	s.finish()
}

// take takes all that is ours out of the stack, and reads it.
func (s *session) take(g grammar, services *tree.Value) map[string]*config {
	if e := s.stack.Delete(kindsExtension); e != nil {
		s.isTemplate = true
		g.kinds(e.Value)
	}
	if e := s.stack.Delete(extension); e != nil {
		s.isTemplate = true
		s.topLevel(g, e.Value, services)
	}
	own := map[string]*config{}
	for i, e := range services.Entries {
		if e.Value.Kind != tree.Mapping {
			s.wrong(e.Value.At.Position, "services."+e.Key, "must be a mapping such as {image: NAME}")
			continue
		}
		if x := services.Entries[i].Value.Delete(extension); x != nil {
			s.isTemplate = true
			own[e.Key] = g.config(x.Value, "services."+e.Key, s.dirOf(x.Value.At), false)
		}
	}
	return own
}

// topLevel reads what the top of the stack says of services, and the arguments of all.
func (s *session) topLevel(g grammar, v *tree.Value, services *tree.Value) {
	if v.IsNull() {
		return
	}
	if v.Kind != tree.Mapping {
		s.wrong(v.At.Position, extension, "must be a mapping such as {calc: {templates: [templates/mesh.yml]}, args: {port: 8080}}")
		return
	}
	for _, e := range v.Entries {
		place := extension + "." + e.Key
		switch {
		case e.Key == argsKey && e.Value.Kind == tree.Mapping:
			s.global = e.Value
		case e.Key == argsKey && e.Value.IsNull():
		case e.Key == argsKey:
			s.argsBroken = true
			s.wrong(e.Value.At.Position, place, "must be a mapping such as {port: 8080}")
		case services.Get(e.Key) == nil:
			s.wrong(e.At.Position, place, "there is no service %s%s", e.Key, didYouMean(e.Key, services.Keys()))
		default:
			s.top[e.Key] = g.config(e.Value, place, s.dirOf(e.Value.At), false)
		}
	}
}

// setArgs puts the arguments of the command line over all others.
func (s *session) setArgs(services *tree.Value) {
	for _, set := range s.Set {
		name, value, assigned := strings.Cut(set, "=")
		keys := strings.Split(name, ".")
		if !assigned || slices.Contains(keys, "") {
			s.wrong(source.Position{}, "-set "+set, "must be ARG=VALUE or SERVICE.ARG=VALUE")
			continue
		}
		v, findings := tree.Parse(span.Whole("-set "+set, value), "-set")
		if v == nil || len(findings) > 0 || v.Kind != tree.Scalar {
			v = tree.NewText(value, tree.Origin{Position: source.Position{File: "-set " + set, Line: 1, Column: 1}})
		}
		service := ""
		if services.Get(keys[0]) != nil && len(keys) > 1 {
			service, keys = keys[0], keys[1:]
		}
		one := v
		for _, key := range slices.Backward(keys) {
			m := tree.NewMapping(v.At)
			m.Set(key, v.At, one)
			one = m
		}
		s.set[service] = merge.Mappings(one, s.set[service])
	}
}
