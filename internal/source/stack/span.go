package stack

import (
	"strings"

	"github.com/podlike/podlike/internal/source"
)

// A Position is where something stands.
type Position = source.Position

// A span is text of which is known where in a file each character stands.
type span struct {
	text []rune
	// at are the positions of the characters, and of the end.
	at []Position
}

// whole is the span that is all of a file.
func whole(file, text string) span {
	p := span{text: []rune(strings.TrimPrefix(text, "\uFEFF"))} // which is in no column
	here := Position{File: file, Line: 1, Column: 1}
	for i := range p.text {
		p.at = append(p.at, here)
		here.Column++
		if p.breaks(i) {
			here.Line, here.Column = here.Line+1, 1
		}
	}
	p.at = append(p.at, here)
	return p
}

// breaks tells whether a line ends with the character, as YAML 1.1 has it.
func (p span) breaks(i int) bool {
	switch p.text[i] {
	case '\r':
		return i+1 == len(p.text) || p.text[i+1] != '\n'
	case '\n', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// offset is the index of what is at a line and a column of the span's own, or of
// the nearest that there is.
func (p span) offset(line, column int) int {
	i := p.lineStart(line)
	for ; column > 1 && i < len(p.text) && !p.breaks(i); column-- {
		i++
	}
	return i
}

// lineStart is the index of the first character of a line.
func (p span) lineStart(line int) int {
	i := 0
	for ; line > 1 && i < len(p.text); i++ {
		if p.breaks(i) {
			line--
		}
	}
	return i
}

// position is where a line and a column of the span stand in the file.
func (p span) position(line, column int) Position { return p.at[p.offset(line, column)] }

// begin is where the first character of a line stands that is not white space.
func (p span) begin(line int) Position {
	i := p.lineStart(line)
	for i < len(p.text) && !p.breaks(i) && isSpace(p.text[i]) {
		i++
	}
	return p.at[i]
}

// cut is the span without its first n characters.
func (p span) cut(n int) span { return span{p.text[n:], p.at[n:]} }
