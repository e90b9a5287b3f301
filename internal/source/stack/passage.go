package stack

import (
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// A Position is where something stands.
type Position struct {
	File string
	// Line and Column count from 1, and columns are characters.
	Line, Column int
}

func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// A passage is text of which is known where in a file each character stands.
type passage struct {
	text []rune
	// at are the positions of the characters, and of the end.
	at []Position
}

// whole is the passage that is all of a file.
func whole(file, text string) passage {
	p := passage{text: []rune(strings.TrimPrefix(text, "\uFEFF"))} // which is in no column
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
func (p passage) breaks(i int) bool {
	switch p.text[i] {
	case '\r':
		return i+1 == len(p.text) || p.text[i+1] != '\n'
	case '\n', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// offset is the index of what is at a line and a column of the passage's own, or of
// the nearest that there is.
func (p passage) offset(line, column int) int {
	i := p.lineStart(line)
	for ; column > 1 && i < len(p.text) && !p.breaks(i); column-- {
		i++
	}
	return i
}

// lineStart is the index of the first character of a line.
func (p passage) lineStart(line int) int {
	i := 0
	for ; line > 1 && i < len(p.text); i++ {
		if p.breaks(i) {
			line--
		}
	}
	return i
}

// position is where a line and a column of the passage stand in the file.
func (p passage) position(line, column int) Position { return p.at[p.offset(line, column)] }

// begin is where the first character of a line stands that is not white space.
func (p passage) begin(line int) Position {
	i := p.lineStart(line)
	for i < len(p.text) && !p.breaks(i) && isSpace(p.text[i]) {
		i++
	}
	return p.at[i]
}

// cut is the passage without its first n characters.
func (p passage) cut(n int) passage { return passage{p.text[n:], p.at[n:]} }

// upTo is the text of the first lines.
func (p passage) upTo(lines int) string { return string(p.text[:p.lineStart(lines+1)]) }

// lines is how many lines the passage has.
func (p passage) lines() int {
	n := 1
	for i := range p.text {
		if p.breaks(i) {
			n++
		}
	}
	return n
}

// broken is the first line from which on there is no YAML, whatever follows, or 0 when
// the passage is YAML. The parser's own answer is where the mapping or list began.
func (p passage) broken() int {
	for n := p.lines(); n > 0; n-- {
		if yaml.Unmarshal([]byte(p.upTo(n)), new(yaml.Node)) == nil {
			return (n + 1) % (p.lines() + 1)
		}
	}
	return 1
}
