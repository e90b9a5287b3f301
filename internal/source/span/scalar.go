package span

import (
	"strconv"
	"unicode"

	"gopkg.in/yaml.v3"
)

// Scalar is the span that is the value of a scalar in this one.
//
// However YAML folds lines and strips white space, all other characters stay, and in
// their order. So each is looked for in turn, and white space of the value stands
// where the character after it does.
func (p Span) Scalar(n *yaml.Node) Span {
	s := scanner{Span: p, next: p.offset(n.Line, n.Column)}
	s.open(n.Style)
	value := Span{Text: []rune(n.Value)}
	here := p.At[s.next]
	for i, r := range value.Text {
		if isSpace(r) {
			continue
		}
		here = s.find(r, here)
		value.standUpTo(i+1, here)
	}
	value.standUpTo(len(value.Text)+1, here)
	return value
}

// standUpTo has all of the first n characters stand here that do not stand anywhere yet.
func (p *Span) standUpTo(n int, here Position) {
	for len(p.At) < n {
		p.At = append(p.At, here)
	}
}

// isSpace tells whether YAML may leave the character out, or put it in.
func isSpace(r rune) bool {
	switch r {
	case ' ', '\t', '\r', '\n', '\u0085', '\u2028', '\u2029':
		return true
	}
	return false
}

// A scanner reads the characters of a scalar as they are written.
type scanner struct {
	Span
	next int
	// double: within double quotes, where a backslash has a meaning; single: within
	// single ones, of which two stand for one.
	double, single bool
	lost           bool
}

// open moves to where the scalar's text begins: past its tag, its anchor, and its
// opening quote or the line that says what block it is.
func (s *scanner) open(style yaml.Style) {
	for s.next < len(s.Text) {
		switch r := s.Text[s.next]; {
		case r == '&' || r == '!':
			s.skip(func(r rune) bool { return !isSpace(r) })
		case r == '#':
			s.skipLine()
		case isSpace(r):
			s.next++
		default:
			s.enter(style)
			return
		}
	}
}

// enter moves past what opens a scalar of the style.
func (s *scanner) enter(style yaml.Style) {
	switch {
	case style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0:
		s.skipLine()
	case style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		s.double = style&yaml.DoubleQuotedStyle != 0
		s.single = !s.double
		s.next++
	}
}

// skip moves past all characters that are like that.
func (s *scanner) skip(like func(rune) bool) {
	for s.next < len(s.Text) && like(s.Text[s.next]) {
		s.next++
	}
}

// skipLine moves to the end of the line.
func (s *scanner) skipLine() {
	for s.next < len(s.Text) && !s.breaks(s.next) {
		s.next++
	}
}

// find is where the next character that is no white space is written, which is to be r.
// Where it is another, this is no longer understood, and all that follows stands where
// the last one did.
func (s *scanner) find(r rune, last Position) Position {
	for !s.lost {
		at := s.next
		got, found := s.character()
		switch {
		case found && got == r:
			return s.At[at]
		case !found || !isSpace(got):
			s.lost = true
		}
	}
	return last
}

// character reads one character of the value, if there is one.
func (s *scanner) character() (r rune, found bool) {
	if s.next >= len(s.Text) {
		return 0, false
	}
	r = s.Text[s.next]
	s.next++
	switch {
	case s.double && r == '\\':
		return s.escaped()
	case s.single && r == '\'':
		s.next++
	}
	return r, true
}

// escapes are the characters that are written with a backslash and a letter.
var escapes = map[rune]rune{
	'0': 0, 'a': '\a', 'b': '\b', 't': '\t', 'n': '\n', 'v': '\v', 'f': '\f', 'r': '\r', 'e': 0x1b,
	'N': '\u0085', '_': '\u00a0', 'L': '\u2028', 'P': '\u2029',
}

// digits are how many follow a backslash and a letter.
var digits = map[rune]int{'x': 2, 'u': 4, 'U': 8}

// escaped reads what follows a backslash. A line break there stands for nothing, and
// so may as well be white space.
func (s *scanner) escaped() (r rune, found bool) {
	if s.next >= len(s.Text) {
		return 0, false
	}
	r = s.Text[s.next]
	s.next++
	if n := digits[r]; n > 0 && s.next+n <= len(s.Text) {
		code, err := strconv.ParseUint(string(s.Text[s.next:s.next+n]), 16, 32)
		s.next += n
		return rune(code), err == nil && code <= unicode.MaxRune
	}
	if meant, known := escapes[r]; known {
		r = meant
	}
	return r, true
}
