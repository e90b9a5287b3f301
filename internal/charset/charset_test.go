package charset_test

import (
	"testing"

	"github.com/podlike/podlike/internal/charset"
)

func TestCheckTellsWhereATextIsNoUTF8(t *testing.T) {
	for text, want := range map[string]string{
		"":                    "",
		"a: ä\n":              "",
		charset.Mark + "a":    "",
		"a\x00":               "",
		"\uFFFD":              "",
		"a: \xe4":             "line 1, column 4: a byte that is no part of UTF-8; save the file as UTF-8",
		"ä\nöa\xff":           "line 2, column 3: a byte that is no part of UTF-8; save the file as UTF-8",
		charset.Mark + "\xe4": "line 1, column 1: a byte that is no part of UTF-8; save the file as UTF-8",
		"\xed\xa0\x80":        "line 1, column 1: a byte that is no part of UTF-8; save the file as UTF-8",
		"\xff\xfea\x00":       "is UTF-16 and not UTF-8; save it as UTF-8",
		"\xfe\xff\x00a":       "is UTF-16 and not UTF-8; save it as UTF-8",
	} {
		got := ""
		if err := charset.Check([]byte(text)); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
