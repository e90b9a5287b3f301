// Package span holds text of which is known where in a file each character stands, however
// often YAML, variables and templates have changed its form. It knows nothing of what the text means.
package span

import (
	"strings"

	"github.com/podlike/podlike/internal/source"
)

// A Position is where something stands.
type Position = source.Position

// A Span is text of which is known where in a file each character stands.
type Span struct {
	Text []rune
	// At are the positions of the characters, and of the end.
	At []Position
}

// Whole is the span that is all of a file.
func Whole(file, text string) Span {
	p := Span{Text: []rune(strings.TrimPrefix(text, "\uFEFF"))} // which is in no column
	here := Position{File: file, Line: 1, Column: 1}
	for i := range p.Text {
		p.At = append(p.At, here)
		here.Column++
		if p.breaks(i) {
			here.Line, here.Column = here.Line+1, 1
		}
	}
	p.At = append(p.At, here)
	return p
}

// breaks tells whether a line ends with the character, as YAML 1.1 has it.
func (p Span) breaks(i int) bool {
	switch p.Text[i] {
	case '\r':
		return i+1 == len(p.Text) || p.Text[i+1] != '\n'
	case '\n', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// offset is the index of what is at a line and a column of the span's own, or of
// the nearest that there is.
func (p Span) offset(line, column int) int {
	i := p.lineStart(line)
	for ; column > 1 && i < len(p.Text) && !p.breaks(i); column-- {
		i++
	}
	return i
}

// lineStart is the index of the first character of a line.
func (p Span) lineStart(line int) int {
	i := 0
	for ; line > 1 && i < len(p.Text); i++ {
		if p.breaks(i) {
			line--
		}
	}
	return i
}

// Position is where a line and a column of the span stand in the file.
func (p Span) Position(line, column int) Position { return p.At[p.offset(line, column)] }

// Begin is where the first character of a line stands that is not white space.
func (p Span) Begin(line int) Position {
	i := p.lineStart(line)
	for i < len(p.Text) && !p.breaks(i) && isSpace(p.Text[i]) {
		i++
	}
	return p.At[i]
}

// Cut is the span without its first n characters.
func (p Span) Cut(n int) Span { return Span{p.Text[n:], p.At[n:]} }

// Positions is Position for who has many to ask for.
func (p Span) Positions() func(line, column int) Position {
	starts := []int{0}
	for i := range p.Text {
		if p.breaks(i) {
			starts = append(starts, i+1)
		}
	}
	return func(line, column int) Position {
		i := starts[max(min(line, len(starts)), 1)-1]
		for ; column > 1 && i < len(p.Text) && !p.breaks(i); column-- {
			i++
		}
		return p.At[i]
	}
}

// Lines are the lines of the span from one to another, both included, without their ends.
func (p Span) Lines(from, to int) []string {
	var all []string
	for line := max(from, 1); line <= to; line++ {
		i := p.lineStart(line)
		if i >= len(p.Text) {
			break
		}
		end := i
		for end < len(p.Text) && !p.breaks(end) {
			end++
		}
		all = append(all, strings.TrimRight(string(p.Text[i:end]), "\r"))
	}
	return all
}
