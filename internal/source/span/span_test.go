package span

import (
	"fmt"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// scalarOf is the first value of the mapping that a file holds.
func scalarOf(t *testing.T, file string) Span {
	t.Helper()
	var n yaml.Node
	if err := yaml.Unmarshal([]byte(file), &n); err != nil {
		t.Fatalf("%v in\n%s", err, file)
	}
	return Whole("f", file).Scalar(n.Content[0].Content[1])
}

// In each file the value holds letters that are nowhere else; each has to stand where it
// stands in the file.
func TestEveryCharacterOfAScalarStandsWhereItIsWritten(t *testing.T) {
	for name, test := range map[string]struct{ why, file string }{
		"Literal":     {"line by line", "k: |\n  ABC\n\n    DE\n  F\n"},
		"Comment":     {"what the block is said to be is not in it", "k: |-  # ABC abc\n    ABC\n    DEF\n"},
		"Indented":    {"spaces at the beginning are the value's", "k: |3\n     ABC\n   DEF\n"},
		"Keep":        {"so are lines at the end", "k: |+\n  ABC\n\n\nx: DEF\n"},
		"Folded":      {"lines are one", "k: >\n  ABC\n  DE\n\n  F\n"},
		"Plain":       {"the simplest", "k: ABC DEF\n"},
		"PlainLines":  {"lines are one", "k: ABC\n  DE\n\n  F\n"},
		"NextLine":    {"it need not begin beside its key", "k:\n  ABC DEF\n"},
		"Single":      {"two quotes are one", "k: 'A''B''''C\n  D '' EF'\n"},
		"Double":      {"escapes", `k: "A\"B\\\x41C\t\u263aD \` + "\n" + `  E\n\  F"` + "\n"},
		"Tagged":      {"tags and anchors come before", "k: !!str &ABC\n  # ABC\n  'ABC D'\n"},
		"TaggedBlock": {"in either order", "k: &ABC !!str |\n  ABC\n"},
		"Windows":     {"two characters end a line", "k: |\r\n  ABC\r\n  DEF\r\n"},
		"Wide":        {"columns are characters", "é: |\n  é☺ABC\n  𝄞 DEF\n"},
		"Mark":        {"a mark of the byte order is in no column", "\uFEFFk: ABC\n"},
		"Flow":        {"within brackets", "{k: 'ABC', x: y}\n"},
	} {
		t.Run(name, func(t *testing.T) {
			p := scalarOf(t, test.file)
			lines := strings.Split(strings.TrimPrefix(strings.ReplaceAll(test.file, "\r\n", "\n"), "\uFEFF"), "\n")
			checked := 0
			for i, r := range p.Text {
				if r < 'A' || r > 'F' || string(p.Text[max(0, i-1):i+1]) == `\A` { // \x41
					continue
				}
				checked++
				at := p.At[i]
				if got := []rune(lines[at.Line-1])[at.Column-1]; got != r {
					t.Errorf("%s: %c is said to stand at %s, where %c does", test.why, r, at, got)
				}
			}
			if checked < 3 || len(p.At) != len(p.Text)+1 {
				t.Errorf("%d of %q are checked, %d have positions", checked, string(p.Text), len(p.At))
			}
		})
	}
}

// FuzzBlock puts any YAML into a file as a block, and looks for every node of it there.
func FuzzBlock(f *testing.F) {
	for _, seed := range []string{
		"image: a\nports: [80]", "- a\n-   b: |\n      c\n\n  d: 'e\n    f'", "\n\n  a: {b: c}\n  é: ☺",
		"# x\na: \"\\u0041\"\n", "a:\tb\r\nc: d", "? a\n: b",
	} {
		f.Add(seed, uint8(2))
	}
	f.Fuzz(func(t *testing.T, text string, indent uint8) {
		var inner yaml.Node
		if yaml.Unmarshal([]byte(text), &inner) != nil || !plainLines(text) {
			t.Skip()
		}
		width := int(indent)%9 + 1
		pad := strings.Repeat(" ", width)
		file := fmt.Sprintf("# a stack\nk: |%d\n%s%s\n", width, pad, strings.ReplaceAll(text, "\n", "\n"+pad))
		var outer yaml.Node
		if yaml.Unmarshal([]byte(file), &outer) != nil || strings.TrimRight(outer.Content[0].Content[1].Value, "\n") != strings.TrimRight(text, "\n") {
			t.Skip() // no block can hold that text
		}
		p := Whole("f", file).Scalar(outer.Content[0].Content[1])
		for _, n := range nodes(&inner) {
			want := Position{File: "f", Line: n.Line + 2, Column: n.Column + width}
			if got := p.Position(n.Line, n.Column); got != want {
				t.Errorf("%q at %d:%d is said to stand at %s, not %s, in\n%s", n.Value, n.Line, n.Column, got, want, file)
			}
		}
	})
}

// plainLines tells whether text has lines as people write them, so that a test can
// count them in its own way.
func plainLines(text string) bool {
	return strings.TrimSpace(text) != "" && !strings.ContainsAny(text, "\r\u0085\u2028\u2029\uFEFF")
}

// nodes are those below n that begin with a character: an empty one has no place.
func nodes(n *yaml.Node) (all []*yaml.Node) {
	if n.Kind != yaml.DocumentNode && n.Line > 0 && (n.Kind != yaml.ScalarNode || n.Value != "" || n.Style != 0) {
		all = append(all, n)
	}
	for _, below := range n.Content {
		all = append(all, nodes(below)...)
	}
	return all
}

func TestVariablesMoveNothingThatFollows(t *testing.T) {
	lookup := func(name string) (string, bool) {
		return map[string]string{"LONG": "a long\nvalue", "EMPTY": ""}[name], name != "NONE"
	}
	for name, test := range map[string]struct{ why, text, want, said string }{
		"Dollars":       {"two are one", "$$A $$$$ X", "$A $$ X", ""},
		"Braces":        {"a variable", "a ${LONG} X", "a a long\nvalue X", ""},
		"Bare":          {"a variable", "$LONG/X", "a long\nvalue/X", ""},
		"Default":       {"only if it is not there", "${NONE-a b} ${LONG-c} ${EMPTY-d}X", "a b a long\nvalue X", ""},
		"SoftDefault":   {"or empty", "${NONE:-a} ${EMPTY:-b} X", "a b X", ""},
		"None":          {"it is nothing", "${NONE} X", " X", "f:1:1 true the variable NONE is not set here and stands for nothing; set it as for docker stack deploy"},
		"EmptyIsSet":    {"it was meant", "${EMPTY}X", "X", ""},
		"Required":      {"and there", "${LONG:?no} ${EMPTY?no} X", "a long\nvalue  X", ""},
		"NotThere":      {"with a reason", "é ${EMPTY:?say so} X", "é  X", "f:1:3 false the variable EMPTY has to be set: say so"},
		"NotThereAtAll": {"without one", "${NONE?}X", "X", "f:1:1 false the variable NONE has to be set"},
		"Alone":         {"docker stack deploy refuses it", "5$ X", "5$ X", "f:1:2 false a $ that begins no variable such as ${NAME} has to be written $$"},
		"Shell":         {"that too", "${NONE/a} X", "${NONE/a} X", "f:1:1 false a $ that begins no variable such as ${NAME} has to be written $$"},
	} {
		t.Run(name, func(t *testing.T) {
			p, remarks := Whole("f", test.text).Interpolate(lookup)
			var said []string
			for _, r := range remarks {
				said = append(said, fmt.Sprintln(r.At, r.Warning, r.What))
			}
			if got := strings.TrimSpace(strings.Join(said, "")); string(p.Text) != test.want || got != test.said {
				t.Errorf("%s: got %q and %q, want %q and %q", test.why, string(p.Text), got, test.want, test.said)
			}
			x, column := strings.Index(string(p.Text), "X"), len([]rune(test.text))
			if got := p.At[len([]rune(string(p.Text)[:x]))]; got != (Position{File: "f", Line: 1, Column: column}) || len(p.At) != len(p.Text)+1 {
				t.Errorf("%s: X is said to stand at %s, not in column %d", test.why, got, column)
			}
		})
	}
}
