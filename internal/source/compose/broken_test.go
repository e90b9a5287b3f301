package compose_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/source/compose"
)

// brokenTexts are no YAML, or not what their user means.
var brokenTexts = []string{
	"image: a\n\tcommand: b", "a:\n  b: 1\n\tc: 2", "a:\n- \tb: c", "a:\n \tb: c",
	"a: @b", "a: `b c` # d", "a: %b", "- %b", "a: [x, @b, c]", "a: {b: @c}", "%b", "a: ,b",
	"a: *.example.com", "a: *", "a: [*.x, y]", "a: *b", "b: 1\na: [x, *b]", "a: & b",
	"%YAML 1.2\nimage: a", "%YAML 1.2\n---\nimage: a", "%TAG !x\n",
	`a: "C:\Users\x"`, `a: ["C:\data:/data"]`, `b: "a\n"` + "\n" + `a: "\d+"`, `a: "\x4"`,
	"image: a\ncommand: echo (x: y)", "a: (b: c)", "a: \"x\" (y)", "- 'x' y", "a: \"b\"c", "a: 'it''s' over",
	"command: sh -c \"a: b\" (c: d)",
	"image: a command: b", "image: a\nuser: b healthcheck:",
	"a: b\n  c: d", "a: > b", "a: | b",
	"a: b\x07", "a: \xe4", "a: b\nc: \xe4", "\xff\xfea\x00:\x00", "a: b\nc: d\x00",
	"a: [b\nc: d", "a: 'b\nc: d", "x: 1\na: \"b\nc: d", "a: {b: c\nd: e", "a: ${X:-b: c}", "a: [b, c]]",
	"a:\n  - b\n c: d", "- a\nb: c", "a: {{.Task.ID}}", "é: [ä, @ö]",
	"a: b\n---\nc: d",
}

func TestBrokenYAMLIsToldWithTheCharacterItsPlaceAndWhatToWrite(t *testing.T) {
	var got strings.Builder
	for _, text := range brokenTexts {
		_, problems := compose.Parse("here", text)
		if len(problems) == 0 {
			t.Errorf("%q is read", text)
		}
		fmt.Fprintf(&got, "%q\n%s\n\n", text, problems.Error())
	}
	compare(t, "testdata/broken.golden", got.String())
}
