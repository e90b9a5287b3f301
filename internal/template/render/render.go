// Package render executes one template over plain values, and knows of each character that it
// writes which line of the template that comes from.
//
// The language is that of text/template, whose parser it uses. It has an executor of its own
// for two reasons: a value that is not there is an error with its place and never <no value>, and
// text/template looks methods up by name, which makes the linker keep every method of the
// program: three megabytes more of them than anybody calls. A template has no way out: no file, no network, no clock, no dice.
package render

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template/parse"
	"unicode/utf8"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/span"
)

// What one template may do at most, so that a mistake in one ends.
const (
	mostSteps   = 200_000
	mostDepth   = 100
	mostOutput  = 1 << 20 // characters
	mostFaults  = 20
	mostListing = 10_000 // items that a function makes
	mostValues  = 50_000 // that a function returns, with all that is in them
	// valuesInStep are as much work as a step.
	valuesInStep = 64
)

// A Record is a mapping that knows names which are not its keys.
type Record interface {
	// Field is what the name stands for.
	Field(name string) (value any, found bool)
	// Names are what it has, for who has asked for something else.
	Names() []string
	// Plain is the mapping that it is.
	Plain() map[string]any
}

// Execute executes a template over data: nil, bool, int, float64, string, []any, map[string]any and
// Records. With findings, of which each is a problem, the output is not to be used.
func Execute(text span.Span, data any) (span.Span, []source.Finding) {
	source := string(text.Text)
	trees, err := parse.Parse(parsed, source, "", "", names())
	if err != nil {
		return span.Span{}, unparsed(text, err)
	}
	s := &state{text: text, trees: trees, index: runeIndex(source), data: data, vars: []variable{{"$", data}}}
	if main := trees[parsed]; main != nil && main.Root != nil {
		if _, err := s.walk(data, main.Root); err != nil {
			s.fault(err)
		}
	}
	s.out.At = append(s.out.At, text.At[len(text.At)-1])
	return s.out, s.findings
}

// parsed is what a template is called in the parser's messages.
const parsed = "it"

// said is the line that the parser blames, and what it says.
var said = regexp.MustCompile(`(?s)^template: it:(\d+)(?::\d+)?: (.*)$`)

// quoted is a piece of the template in what the parser says.
var quoted = regexp.MustCompile(`"((?:[^"\\]|\\.)+)"`)

// unparsed is what the parser has against a template.
func unparsed(text span.Span, err error) []source.Finding {
	line, what := 1, err.Error()
	if m := said.FindStringSubmatch(what); m != nil {
		line, _ = strconv.Atoi(m[1])
		what = m[2]
	}
	at := text.Begin(line)
	lines := text.Lines(line, line)
	column := -1
	if m := quoted.FindStringSubmatch(what); m != nil && lines != nil {
		column = strings.Index(lines[0], m[1])
	}
	if column < 0 && lines != nil {
		column = strings.Index(lines[0], "{{")
	}
	if column >= 0 {
		at = text.Position(line, utf8.RuneCountInString(lines[0][:column])+1)
	}
	if strings.HasSuffix(what, "not defined") {
		what += "; docs/templates.md lists the functions"
	}
	return []source.Finding{{Position: at, Problem: pod.Problemf("", "%s", what)}}
}

// runeIndex says for each byte of a text in which of its characters it is.
func runeIndex(text string) []int32 {
	index := make([]int32, 0, len(text)+1)
	var n int32
	for _, r := range text {
		for range utf8.RuneLen(r) {
			index = append(index, n)
		}
		n++
	}
	return append(index, n)
}

// A state is one template that is executed.
type state struct {
	text     span.Span
	trees    map[string]*parse.Tree
	index    []int32
	data     any
	vars     []variable
	out      span.Span
	steps    int
	depth    int
	findings []source.Finding
}

type variable struct {
	name  string
	value any
}

// A fault is what is wrong at a place of a template.
type fault struct {
	at   parse.Pos
	what string
}

func (f fault) Error() string { return f.what }

// A missing value is one that is not there. It may be asked whether it is.
type missing struct {
	at   parse.Pos
	what func() string
}

// fault is what is wrong where such a value is used.
func (m missing) fault() error { return fault{m.at, m.what()} }

// faultAt is an error at a node.
func faultAt(n parse.Node, format string, args ...any) error {
	return fault{n.Position(), fmt.Sprintf(format, args...)}
}

// place is where a byte of the template stands.
func (s *state) place(pos parse.Pos) source.Position {
	return s.text.At[s.index[max(0, min(int(pos), len(s.index)-1))]]
}

// fault keeps an error, once.
func (s *state) fault(err error) {
	f, is := err.(fault)
	if !is {
		f = fault{0, err.Error()}
	}
	found := source.Finding{Position: s.place(f.at), Problem: pod.Problemf("", "%s", f.what)}
	if !slices.Contains(s.findings, found) {
		s.findings = append(s.findings, found)
	}
	if len(s.findings) == mostFaults { // which are enough for one time
		s.steps = mostSteps + 1
	}
}

// A flow says how to go on behind a node.
type flow int

const (
	next flow = iota
	breaks
	continues
)

// walk executes a node.
func (s *state) walk(dot any, n parse.Node) (flow, error) {
	if s.steps++; s.steps > mostSteps {
		return breaks, faultAt(n, "the template does too much: more than %d steps", mostSteps)
	}
	switch n := n.(type) {
	case *parse.ActionNode:
		return next, s.action(dot, n)
	case *parse.TextNode:
		return next, s.write(n)
	case *parse.ListNode:
		return s.list(dot, n)
	case *parse.IfNode:
		return s.branch(dot, &n.BranchNode, false)
	case *parse.WithNode:
		return s.branch(dot, &n.BranchNode, true)
	case *parse.RangeNode:
		return next, s.loop(dot, n)
	case *parse.TemplateNode:
		return next, s.call(dot, n)
	case *parse.BreakNode:
		return breaks, nil
	case *parse.ContinueNode:
		return continues, nil
	}
	return next, nil
}

// list executes nodes one after the other. What is wrong with one does not keep the others from
// being looked at.
func (s *state) list(dot any, n *parse.ListNode) (flow, error) {
	if n == nil {
		return next, nil
	}
	for _, one := range n.Nodes {
		f, err := s.walk(dot, one)
		if err != nil && (s.steps > mostSteps || len(s.out.Text) > mostOutput) {
			return f, err
		}
		if err != nil {
			s.fault(err)
		}
		if f != next {
			return f, nil
		}
	}
	return next, nil
}

// write writes text as it is.
func (s *state) write(n *parse.TextNode) error {
	first := s.index[min(int(n.Pos), len(s.index)-1)]
	length := utf8.RuneCount(n.Text)
	s.out.Text = append(s.out.Text, []rune(string(n.Text))...)
	s.out.At = append(s.out.At, s.text.At[first:int(first)+length]...)
	return s.enough(n)
}

// enough ends a template that writes and writes.
func (s *state) enough(n parse.Node) error {
	if len(s.out.Text) > mostOutput {
		return faultAt(n, "the template writes too much: more than %d characters", mostOutput)
	}
	return nil
}

// action writes the value of a pipeline, if it is not for a variable.
func (s *state) action(dot any, n *parse.ActionNode) error {
	value, err := s.pipe(dot, n.Pipe)
	if err != nil || len(n.Pipe.Decl) > 0 {
		return err
	}
	text, err := printed(n.Pipe, value)
	if err != nil {
		return err
	}
	at := s.place(n.Pipe.Position())
	for _, r := range text {
		s.out.Text, s.out.At = append(s.out.Text, r), append(s.out.At, at)
	}
	return s.enough(n)
}

// printed is a value as a template writes it.
func printed(n parse.Node, value any) (string, error) {
	switch value := value.(type) {
	case missing:
		return "", value.fault()
	case nil:
		return "", faultAt(n, "%s has no value; write another one as in {{ default 80 %s }}", n, n)
	case map[string]any, Record:
		return "", faultAt(n, "%s is a mapping; write it with toYaml, or name one of its keys", n)
	case []any:
		return "", faultAt(n, "%s is a list; write it with toYaml, join or range", n)
	}
	return fmt.Sprint(value), nil
}

// scope runs do, and forgets the variables that it has made.
func (s *state) scope(do func() (flow, error)) (flow, error) {
	mark := len(s.vars)
	f, err := do()
	s.vars = s.vars[:mark]
	return f, err
}

// branch is if, or with, for which the value is the dot.
func (s *state) branch(dot any, n *parse.BranchNode, with bool) (flow, error) {
	return s.scope(func() (flow, error) {
		value, err := s.pipe(dot, n.Pipe)
		switch {
		case err != nil:
			return next, err
		case truth(value) && with:
			return s.list(value, n.List)
		case truth(value):
			return s.list(dot, n.List)
		}
		return s.list(dot, n.ElseList)
	})
}

// loop is range.
func (s *state) loop(dot any, n *parse.RangeNode) error {
	_, err := s.scope(func() (flow, error) {
		value, err := s.pipe(dot, n.Pipe)
		if err != nil {
			return next, err
		}
		if m, is := value.(missing); is && n.ElseList == nil {
			return next, m.fault()
		}
		keys, items, err := entriesOf(n.Pipe, value)
		if err != nil {
			return next, err
		}
		if len(items) == 0 {
			return s.list(dot, n.ElseList)
		}
		for i, item := range items {
			if f, err := s.round(n, keys[i], item); err != nil || f == breaks {
				return next, err
			}
		}
		return next, nil
	})
	return err
}

// round is one of a loop.
func (s *state) round(n *parse.RangeNode, key, item any) (flow, error) {
	return s.scope(func() (flow, error) {
		values := []any{item}
		if len(n.Pipe.Decl) > 1 {
			values = []any{key, item}
		}
		for i, v := range n.Pipe.Decl {
			if n.Pipe.IsAssign {
				s.assign(v.Ident[0], values[i])
			} else {
				s.vars = append(s.vars, variable{v.Ident[0], values[i]})
			}
		}
		return s.list(item, n.List)
	})
}

// entriesOf are what there is to range over, mappings in the order of their keys.
func entriesOf(n parse.Node, value any) (keys, items []any, err error) {
	switch value := value.(type) {
	case nil, missing:
		return nil, nil, nil
	case int:
		if value > mostListing {
			return nil, nil, faultAt(n, "%d rounds are too many, at most %d are made", value, mostListing)
		}
		for i := range value {
			keys, items = append(keys, i), append(items, i)
		}
	case []any:
		for i, item := range value {
			keys, items = append(keys, i), append(items, item)
		}
	case map[string]any:
		for _, key := range sortedKeys(value) {
			keys, items = append(keys, key), append(items, value[key])
		}
	case Record:
		return entriesOf(n, value.Plain())
	default:
		return nil, nil, faultAt(n, "%s is %s; range needs a list or a mapping", n, kindOf(value))
	}
	return keys, items, nil
}

// call executes a template that another one defines.
func (s *state) call(dot any, n *parse.TemplateNode) error {
	tree := s.trees[n.Name]
	if tree == nil {
		return faultAt(n, "there is no template %q; add {{ define %q }}", n.Name, n.Name)
	}
	if s.depth++; s.depth > mostDepth {
		s.steps = mostSteps + 1 // each of those that have called it ends as well
		return faultAt(n, "the template %q calls itself without end", n.Name)
	}
	defer func() { s.depth-- }()
	var data any
	if n.Pipe != nil {
		var err error
		if data, err = s.pipe(dot, n.Pipe); err != nil {
			return err
		}
	}
	vars := s.vars
	s.vars = []variable{{"$", data}}
	defer func() { s.vars = vars }()
	_, err := s.walk(data, tree.Root)
	return err
}

// assign gives a variable another value.
func (s *state) assign(name string, value any) {
	for i := len(s.vars) - 1; i >= 0; i-- {
		if s.vars[i].name == name {
			s.vars[i].value = value
			return
		}
	}
}
