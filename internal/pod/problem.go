package pod

import (
	"fmt"
	"strings"
	"unicode"
)

// A Problem is one thing wrong with what the user wrote.
type Problem struct {
	// Place says where, as the user would look for it: "pod.component.web: ports".
	Place string
	// What says what is wrong there and what to do about it.
	What string
}

func (p Problem) String() string { return p.Place + ": " + p.What }

// Problemf puts a problem into words: one line of them, whatever the user wrote.
func Problemf(place, format string, args ...any) Problem {
	return Problem{Place: oneLine(place), What: oneLine(fmt.Sprintf(format, args...))}
}

// oneLine returns text with spaces in place of line breaks and the like, and all that
// would not be seen as Visible has it.
func oneLine(text string) string {
	return Visible(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text))
}

// Visible returns text in which characters that nobody sees, such as a space without width or
// one that does not break, are written as \u200b.
func Visible(text string) string {
	if !strings.ContainsFunc(text, IsInvisible) {
		return text
	}
	var shown strings.Builder
	for _, r := range text {
		switch {
		case !IsInvisible(r):
			shown.WriteRune(r)
		case r > 0xFFFF:
			fmt.Fprintf(&shown, `\U%08x`, r)
		default:
			fmt.Fprintf(&shown, `\u%04x`, r)
		}
	}
	return shown.String()
}

// IsInvisible tells whether nobody sees the character, or takes it for a space that it is not.
func IsInvisible(r rune) bool { return !unicode.IsPrint(r) }

// Problems are all that is wrong, in the order they were found. As an error they
// print one a line. A program that gets them exits with ProblemsCode.
type Problems []Problem

// ProblemsCode is the exit code for what the user wrote, as for a command line.
const ProblemsCode = 2

func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Err returns ps as an error, or nil when there are none.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}
