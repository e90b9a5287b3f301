// Package charset says whether a text is UTF-8, and where it is not. It changes no text.
package charset

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// An Error says what a text is in place of UTF-8. It quotes nothing of it, for that may be
// a secret.
type Error struct {
	// Line and Column count from 1, and columns are characters. Both are 0 where it is about
	// the whole text.
	Line, Column int
	// What is wrong, and what to do about it.
	What string
}

func (e *Error) Error() string {
	if e.Line == 0 {
		return e.What
	}
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.What)
}

// Mark is the byte order mark that some editors put before UTF-8.
const Mark = "\uFEFF"

// Check returns an Error for what is no UTF-8. A byte order mark is not reported.
func Check(text []byte) error {
	for _, mark := range []string{"\xFF\xFE", "\xFE\xFF"} {
		if bytes.HasPrefix(text, []byte(mark)) {
			return &Error{What: "is UTF-16 and not UTF-8; save it as UTF-8"}
		}
	}
	line, column := 1, 1
	for rest := bytes.TrimPrefix(text, []byte(Mark)); len(rest) > 0; column++ {
		r, size := utf8.DecodeRune(rest)
		if r == utf8.RuneError && size == 1 {
			return &Error{line, column, "a byte that is no part of UTF-8; save the file as UTF-8"}
		}
		if rest = rest[size:]; r == '\n' {
			line, column = line+1, 0
		}
	}
	return nil
}
