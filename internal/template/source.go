package template

import (
	"bytes"
	"slices"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/compose"

	"github.com/podlike/podlike/internal/source/stack"
)

// A File is a stack file in which there may be templates, and what is found in the pods that come
// of it. What is wrong with one is told at the line of the template, or of the stack, that says it.
type File struct {
	Name string
	// Own is what of this machine the stack may refer to.
	Own compose.Own
	Options
}

var _ source.Source = File{}

// Read implements source.Source.
func (f File) Read() ([]source.Pod, []source.Finding) {
	text, err := f.Own.ReadFile(f.Name)
	if err != nil || !bytes.Contains(text, []byte(extension)) {
		return stack.File{Name: f.Name, Own: f.Own}.Read()
	}
	o := f.Options
	o.Files, o.ReadFile, o.Lookup = []string{f.Name}, f.Own.ReadFile, f.Own.Lookup
	o.Out = (&session{Options: o}).home()
	result, findings := Render(o)
	if slices.ContainsFunc(findings, source.Finding.IsProblem) {
		return nil, findings
	}
	if !result.IsTemplate {
		return stack.File{Name: f.Name, Own: f.Own}.Read()
	}
	own := f.Own
	own.ReadFile = func(file string) ([]byte, error) {
		if file == f.Name {
			return []byte(string(result.Text.Text)), nil
		}
		return f.Own.ReadFile(file)
	}
	from := origins{f.Name, result.Text.Positions()}
	pods, more := stack.File{Name: f.Name, Own: own}.Read()
	for i := range pods {
		pods[i].Locator = locator{pods[i].Locator, from}
	}
	return pods, append(findings, from.all(more)...)
}

// origins know where what is in the output was written.
type origins struct {
	name     string
	position func(line, column int) source.Position
}

// all are findings in the output, told of where it is from.
func (o origins) all(findings []source.Finding) []source.Finding {
	for i, f := range findings {
		if f.File == o.name {
			findings[i].Position = o.position(f.Line, f.Column)
		}
	}
	return findings
}

// A locator tells of problems with a pod where what they are about was written.
type locator struct {
	source.Locator
	origins
}

// Locate implements source.Locator.
func (l locator) Locate(problems pod.Problems, warnings bool) []source.Finding {
	return l.all(l.Locator.Locate(problems, warnings))
}
