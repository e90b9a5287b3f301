package compose

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/charset"
)

// A flaw is what makes a text no YAML, and where. The parser knows what it did not expect; a
// flaw says which character is to blame and what to write in its place.
type flaw struct {
	line, column int // from 1; a column of 0 is the beginning of the line, a line of 0 not known
	what         string
}

// String is the flaw with its place in the text.
func (f flaw) String() string {
	switch {
	case f.column > 0 && f.line > 1:
		return fmt.Sprintf("line %d, column %d: %s", f.line, f.column, f.what)
	case f.column > 0:
		return fmt.Sprintf("column %d: %s", f.column, f.what)
	}
	return at(f.line) + f.what
}

// flawOf finds out what is wrong with a text that the parser refuses.
func flawOf(text string, err error) flaw {
	if not, is := errors.AsType[*charset.Error](charset.Check([]byte(text))); is {
		return flaw{not.Line, not.Column, not.What}
	}
	said := yamlError(err)
	if m := saidLine.FindString(said); m != "" {
		said = strings.TrimPrefix(said, m)
	}
	lines := linesOf(strings.TrimPrefix(text, charset.Mark))
	if f, found := controlIn(lines); found && strings.Contains(said, "control characters") {
		return f
	}
	n := brokenLine(lines)
	line := strings.TrimRight(lines[n-1], "\r\n\u0085\u2028\u2029")
	for _, look := range flaws {
		if byteAt, what := look(line, said); what != "" {
			return flaw{n, utf8.RuneCountInString(line[:byteAt]) + 1, what}
		}
	}
	if n > 1 && said == "mapping values are not allowed in this context" && indentOf(line) > indentOf(lines[n-2]) {
		return flaw{n, indentOf(line) + 1, "the line is indented as a part of the value above it; indent it less, or leave that value out"}
	}
	return flaw{line: n, what: reworded(said)}
}

// indentOf is how many spaces a line begins with.
func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// saidLine is the parser's own idea of the line, which is where the mapping or list began.
var saidLine = regexp.MustCompile(`^line \d+: `)

// reworded is what the parser said, with what to look for where that helps.
func reworded(said string) string {
	switch said {
	case "did not find expected key", "did not find expected '-' indicator":
		return said + "; indent the line as those that it belongs to"
	case "found unexpected end of stream":
		return "a quote that is opened here is never closed; close it"
	}
	return said
}

// linesOf are the lines of a text, with their ends, as YAML 1.1 has them.
func linesOf(text string) []string {
	var lines []string
	begin := 0
	for i, r := range text {
		end := i + utf8.RuneLen(r)
		if r == '\n' || r == '\u0085' || r == '\u2028' || r == '\u2029' || r == '\r' && !strings.HasPrefix(text[end:], "\n") {
			lines = append(lines, text[begin:end])
			begin = end
		}
	}
	return append(lines, text[begin:])
}

// brokenLine is the first line, from 1, from which on there is no YAML whatever follows.
func brokenLine(lines []string) int {
	for n := len(lines) - 1; n > 0; n-- {
		if yaml.Unmarshal([]byte(strings.Join(lines[:n], "")), new(yaml.Node)) == nil {
			return n + 1
		}
	}
	return 1
}

// controlIn finds the first character that YAML does not allow anywhere.
func controlIn(lines []string) (flaw, bool) {
	for n, line := range lines {
		column := 1
		for _, r := range line {
			if unicode.IsControl(r) && !strings.ContainsRune("\t\r\n\u0085", r) {
				return flaw{n + 1, column, fmt.Sprintf("%U is a control character; delete it", r)}, true
			}
			column++
		}
	}
	return flaw{}, false
}

// flaws look for what may be wrong with a line that the parser refuses with these words. Each
// tells at which byte it is; what it says is empty if it is something else.
var flaws = []func(line, said string) (byteAt int, what string){
	tabbed, directive, specialFirst, escaped, behindQuote, behindBlock, colonWithin, unclosed,
}

// indented is a tab among what indents a line or an item.
var indented = regexp.MustCompile(`^( *(?:- +)*)\t`)

func tabbed(line, _ string) (int, string) {
	if m := indented.FindStringSubmatch(line); m != nil {
		return len(m[1]), "a tab indents the line, where YAML has spaces only; write spaces"
	}
	return 0, ""
}

func directive(line, _ string) (int, string) {
	switch {
	case strings.HasPrefix(line, "%YAML"), strings.HasPrefix(line, "%TAG"):
		return 0, "a line that begins with % is for YAML itself, and nothing here needs one; leave it out"
	case strings.HasPrefix(line, "%"):
		return 0, "a line cannot begin with %; write its text in quotes"
	}
	return 0, ""
}

// special is a character with which no plain value may begin, and the rest of the line.
var special = regexp.MustCompile("(?:^\\s*|:\\s+|-\\s+|[\\[{,]\\s*)([@%`*&,\\]}].*)$")

func specialFirst(line, said string) (int, string) {
	refused := func(words string) bool { return strings.Contains(said, words) }
	if !slices.ContainsFunc([]string{"cannot start any token", "alphabetic or numeric", "node content", "unknown anchor"}, refused) {
		return 0, ""
	}
	for _, m := range special.FindAllStringSubmatchIndex(line, -1) {
		value := plainEnd(line[m[2]:], line[:m[2]])
		first := value[:1]
		switch {
		case first == "*" && strings.Contains(said, "unknown anchor"):
			return m[2], fmt.Sprintf("%s stands for an anchor &%s, and none comes before it; add the anchor, or write '%s' in quotes", value, value[1:], value)
		case first == "*" || first == "&":
			return m[2], fmt.Sprintf("a value that begins with %s is a name to YAML; write it in quotes: '%s'", first, value)
		}
		return m[2], fmt.Sprintf("a value cannot begin with %s; write it in quotes: '%s'", first, value)
	}
	return 0, ""
}

// plainEnd is the value that a line goes on with, without a comment, and without what comes
// after it in a list or a mapping on one line.
func plainEnd(rest, before string) string {
	rest, _, _ = strings.Cut(rest, " #")
	if strings.ContainsAny(before, "[{") {
		if end := strings.IndexAny(rest[1:], ",]}"); end >= 0 {
			rest = rest[:end+1]
		}
	}
	return strings.TrimSpace(rest)
}

// doubles are texts in double quotes, whose end may be missing.
var doubles = regexp.MustCompile(`"(?:[^"\\]|\\.)*"?`)

// escape is a backslash and what it is about.
var escape = regexp.MustCompile(`\\.`)

// badEscape is a backslash with what is none of YAML's escapes.
var badEscape = regexp.MustCompile(`\\(?:[^0abt\tnvfre "/\\N_LPxuU]` +
	`|x(?:.{0,1}$|.?[^0-9A-Fa-f])|u(?:.{0,3}$|.{0,3}[^0-9A-Fa-f])|U(?:.{0,7}$|.{0,7}[^0-9A-Fa-f]))`)

func escaped(line, said string) (int, string) {
	if !strings.Contains(said, "escape character") && !strings.Contains(said, "hexdecimal") {
		return 0, ""
	}
	for _, m := range doubles.FindAllStringIndex(line, -1) {
		text := line[m[0]:m[1]]
		for _, e := range escape.FindAllStringIndex(text, -1) {
			if bad := badEscape.FindStringIndex(text[e[0]:]); bad != nil && bad[0] == 0 {
				return m[0] + e[0], fmt.Sprintf(`%s is no escape in double quotes; write the text in single quotes: '%s'`, text[e[0]:e[1]], strings.Trim(text, `"`))
			}
		}
	}
	return 0, ""
}

// quoted is a value in quotes, and what follows them.
var quoted = regexp.MustCompile(`^(\s*(?:- +)*(?:[^\s"'#][^"'#]*:\s+)?)("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')(\s*)([^\s#:,\]}].*)$`)

func behindQuote(line, said string) (int, string) {
	m := quoted.FindStringSubmatchIndex(line)
	if m == nil || !strings.Contains(said, "did not find expected") && !strings.Contains(said, "mapping values") {
		return 0, ""
	}
	value := plainEnd(line[m[4]:], line[:m[4]])
	return m[8], fmt.Sprintf("the quotes end before the value does; write all of it in quotes: '%s'", strings.ReplaceAll(value, "'", "''"))
}

// block is what opens a block of lines, and text behind it.
var block = regexp.MustCompile(`^(.*?:\s+[|>][+-]?\d?[+-]?\s+)[^\s#]`)

func behindBlock(line, said string) (int, string) {
	if m := block.FindStringSubmatch(line); m != nil && strings.Contains(said, "comment or line break") {
		return len(m[1]), "text stands behind | or >; write it on the lines below, indented"
	}
	return 0, ""
}

// colons is a key, and a value with a colon in it that is followed by a space.
var colons = regexp.MustCompile(`^(\s*(?:- +)*)([^\s"'#:\[{][^"'#:]*):\s+([^\s"'\[{|>].*?)(:(?:\s.*)?)$`)

func colonWithin(line, said string) (int, string) {
	m := colons.FindStringSubmatchIndex(line)
	if m == nil || !strings.Contains(said, "mapping values are not allowed") {
		return 0, ""
	}
	value := plainEnd(line[m[6]:], "")
	what := fmt.Sprintf("a colon with a space behind it cannot be within a value; write the value in quotes: '%s'", strings.ReplaceAll(value, "'", "''"))
	words := strings.Fields(line[m[6]:m[7]])
	if known := words[len(words)-1]; len(words) > 1 && Keys[known].Use != Unknown {
		what = fmt.Sprintf("%s: begins in the middle of a line, as it does below a label that ends in >; write | there, or begin a line with it", known)
	}
	return m[8], what
}

// closing are what closes a list or a mapping on a line, by what opens it.
var closing = map[rune]rune{'[': ']', '{': '}'}

func unclosed(line, said string) (int, string) {
	var opened []int
	quote := rune(0)
	quoteAt := 0
	for i, r := range line {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case (r == '"' || r == '\'') && (i == 0 || strings.ContainsAny(line[i-1:i], " [{,(")):
			quote, quoteAt = r, i
		case r == '[' || r == '{':
			opened = append(opened, i)
		case (r == ']' || r == '}') && len(opened) > 0:
			opened = opened[:len(opened)-1]
		}
	}
	switch {
	case quote != 0 && (strings.Contains(said, "end of stream") || strings.Contains(said, "document indicator")):
		return quoteAt, fmt.Sprintf("the quote %c is never closed; close it", quote)
	case len(opened) > 0 && (strings.Contains(said, "',' or ']'") || strings.Contains(said, "',' or '}'") || strings.Contains(said, "node content")):
		open := opened[len(opened)-1]
		return open, fmt.Sprintf("what %c opens is never closed; write a comma between its items and %c behind the last", line[open], closing[rune(line[open])])
	}
	return 0, ""
}

// Flaw finds out what is wrong with a text that the parser refuses with err: at which line and
// column, both from 1 and a column of 0 for the beginning of the line, and what.
func Flaw(text string, err error) (line, column int, what string) {
	f := flawOf(text, err)
	return max(f.line, 1), f.column, f.what
}
