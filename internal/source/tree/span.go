package tree

import (
	"cmp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/span"
)

// WriteSpan is Write, and knows of each character where what it says was written.
func WriteSpan(v *Value) (span.Span, error) {
	text, err := Write(v)
	if err != nil {
		return span.Span{}, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return span.Span{}, err
	}
	written := span.Whole("", string(text))
	w := tracer{text: written, position: written.Positions(), starts: lineStarts(string(text))}
	if len(document.Content) > 0 {
		w.trace(document.Content[0], v)
	}
	slices.SortStableFunc(w.marks, func(a, b mark) int { return cmp.Compare(a.at, b.at) })
	out := span.Span{Text: written.Text}
	here := v.At.Position
	next := 0
	for i := range len(written.Text) + 1 {
		for ; next < len(w.marks) && w.marks[next].at <= i; next++ {
			here = w.marks[next].from
		}
		out.At = append(out.At, here)
	}
	return out, nil
}

// A mark says where a text is from, from one of its characters on.
type mark struct {
	at   int
	from source.Position
}

// A tracer finds the pieces of a value in the text that it was written as.
type tracer struct {
	text     span.Span
	position func(line, column int) source.Position
	starts   []int
	marks    []mark
}

// lineStarts are the indexes of the characters that lines begin with.
func lineStarts(text string) []int {
	starts, n := []int{0}, 0
	for line := range strings.Lines(text) {
		n += len([]rune(line))
		starts = append(starts, n)
	}
	return starts
}

// index is that of the character at a line and a column.
func (w *tracer) index(line, column int) int { return w.starts[line-1] + column - 1 }

func (w *tracer) mark(line, column int, from source.Position) {
	if from.File != "" && line > 0 && line <= len(w.starts) {
		w.marks = append(w.marks, mark{w.index(line, column), from})
	}
}

// trace goes along the text and the value together.
func (w *tracer) trace(n *yaml.Node, v *Value) {
	if v == nil {
		return
	}
	w.mark(n.Line, n.Column, v.At.Position)
	switch {
	case v.Kind == Mapping && n.Kind == yaml.MappingNode:
		for i, e := range v.Entries {
			if 2*i+1 < len(n.Content) {
				w.mark(n.Content[2*i].Line, n.Content[2*i].Column, e.At.Position)
				w.trace(n.Content[2*i+1], e.Value)
			}
		}
	case v.Kind == List && n.Kind == yaml.SequenceNode:
		for i, item := range v.Items {
			if i < len(n.Content) {
				w.trace(n.Content[i], item)
			}
		}
	case v.Chars != nil && n.Kind == yaml.ScalarNode:
		value := w.text.Scalar(n)
		for i := 0; i < len(value.Text) && i < len(v.Chars); i++ {
			w.mark(value.At[i].Line, value.At[i].Column, v.Chars[i])
		}
	}
}
