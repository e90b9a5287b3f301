package tree_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/source/span"
	"github.com/podlike/podlike/internal/source/tree"
)

// parse is what a text holds.
func parse(t *testing.T, text string) *tree.Value {
	t.Helper()
	v, findings := tree.Parse(span.Whole("f", text), "")
	if len(findings) > 0 {
		t.Fatalf("%s: %v", text, findings)
	}
	return v
}

func TestWhatIsReadIsWrittenAgain(t *testing.T) {
	for text, want := range map[string]string{
		"a: {b: [c, 'd']}\n":                                  "a: {b: [c, 'd']}\n",
		"x: &x {a: 1}\ny: {<<: *x, b: 2}\nz: *x\n":            "x: {a: 1}\n\"y\": {b: 2, a: 1}\nz: {a: 1}\n",
		"a: >\n  folded\n  text\n":                            "a: |\n  folded text\n",
		"a: |\n  lines\n    more\n":                           "a: |\n  lines\n    more\n",
		"o: 0440\nf: 1.10\nd: 2001-02-03\nt: yes\ns: \"5\"\n": "o: 0440\nf: 1.10\nd: \"2001-02-03\"\nt: yes\ns: \"5\"\n",
		"a: !override [b]\nc: !reset null\n":                  "a: [b]\nc: null\n",
		"# comment\n- a\n-\n":                                 "- a\n-\n",
	} {
		v := parse(t, text)
		got, err := tree.Write(v)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, string(got)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		again, err := tree.Write(parse(t, string(got)))
		if err != nil || string(again) != string(got) {
			t.Errorf("%s: the second time it is %s, %v", got, again, err)
		}
	}
}

func TestMarksAreCompose(t *testing.T) {
	v := parse(t, "a: !override {b: c}\nd: !reset null\ne: !reset\nf: g\n")
	var got []string
	for _, e := range v.Entries {
		got = append(got, string(e.Value.Mark))
	}
	if diff := cmp.Diff([]string{"!override", "!reset", "!reset", ""}, got); diff != "" {
		t.Error(diff)
	}
}

func TestTextStaysText(t *testing.T) {
	m := tree.NewMapping(tree.Origin{})
	for _, text := range []string{"5", "yes", "on", "1:30", "", "a: b", "null", "0x1", "plain", "1e3", "a\nb\n", " a", "$x", "{{ .a }}"} {
		m.Set("k"+text, tree.Origin{}, tree.NewText(text, tree.Origin{}))
	}
	out, err := tree.Write(m)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range parse(t, string(out)).Entries {
		if e.Value.Tag != "!!str" || "k"+e.Value.Text != e.Key {
			t.Errorf("%q has become %q, %s", e.Key, e.Value.Text, e.Value.Tag)
		}
	}
	for _, quoted := range []string{`"yes"`, `"1:30"`, `"on"`} { // which readers of YAML 1.1 take for something else
		if !strings.Contains(string(out), quoted) {
			t.Errorf("%s is not in quotes in\n%s", quoted, out)
		}
	}
}

func TestANumberThatWouldChangeIsText(t *testing.T) {
	got := parse(t, "[8080, 0440, 1.10, 1.5, true, null, 12345678901234567890, text, 1_000]").Plain()
	want := []any{8080, "0440", "1.10", 1.5, true, nil, "12345678901234567890", "text", "1_000"}
	if diff := cmp.Diff(any(want), got); diff != "" {
		t.Error(diff)
	}
	v, err := tree.Of(map[string]any{"b": want, "a": "5"}, tree.Origin{})
	if err != nil || cmp.Diff(map[string]any{"b": want, "a": "5"}, v.Plain()) != "" {
		t.Errorf("got %v, %v", v.Plain(), err)
	}
}

// What a value was written as still knows where it was read, also through text within text.
func TestWhatIsWrittenKnowsWhereItWasRead(t *testing.T) {
	inner := parse(t, "image: a\n\nenvironment:\n      - X=1\n")
	text, err := tree.WriteSpan(inner)
	if err != nil {
		t.Fatal(err)
	}
	outer := parse(t, "\n\nservices:\n  web:\n    image: b\n")
	label := tree.Block(string(text.Text), inner.At)
	label.Chars = text.At
	outer.Get("services", "web").Set("labels", outer.At, label)
	out, err := tree.WriteSpan(outer)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(out.Text), "\n")
	got := map[string]string{}
	for i, line := range lines {
		column := len(line) - len(strings.TrimLeft(line, " ")) + 1
		got[strings.TrimSpace(line)] = fmt.Sprint(out.Position(i+1, column))
	}
	for line, want := range map[string]string{"image: a": "f:1:1", "image: b": "f:5:5", "environment:": "f:3:1", "- X=1": "f:4:7"} {
		if got[line] != want {
			t.Errorf("%s is from %s, want %s, in\n%s", line, got[line], want, string(out.Text))
		}
	}
	if len(out.At) != len(out.Text)+1 {
		t.Errorf("%d characters have %d places", len(out.Text), len(out.At))
	}
}

func TestWhatIsWrongHasItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"a: b\n  c: d":             "f:2:3: cannot be read: the line is indented as a part of the value above it; indent it less, or leave that value out",
		"a: 1\nb:\n  c: 1\n  c: 2": "f:4:3: c: duplicate key; line 3 has it already",
		"{{a: b}: c}":              "f:1:2: a key must be plain text, and { begins a mapping; write a value that begins with {{ in quotes",
		"[a]: b":                   "f:1:1: a key must be plain text",
		"a: {<<: b}":               "f:1:9: <<: only mappings can be merged",
		"a: !x b":                  "f:1:4: there is no tag !x; known are !override and !reset",
		"a: &a [*a]":               "f:1:1: its aliases make it too large",
		"a\n---\nb":                "f:3:1: only one YAML document may be here, for docker stack deploy reads no other",
	} {
		_, findings := tree.Parse(span.Whole("f", text), "")
		if len(findings) != 1 || findings[0].String() != want {
			t.Errorf("%s: found %q, want %s", text, findings, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"a: &a [*a]", "? [a]\n: b", "a: |\n  b\n\n c", "- - - a", "a: !reset\n<<: {b: c}", "\"a\\x00\": b", "a: \"\\e\"", "--- >+\n a\n\n",
		"0: |\n\n 0",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, findings := tree.Parse(span.Whole("f", text), "")
		for _, found := range findings {
			if found.Line < 1 || found.Column < 1 {
				t.Errorf("%s has no place", found)
			}
		}
		if v == nil || len(findings) > 0 {
			return
		}
		out, err := tree.WriteSpan(v)
		if err != nil {
			return
		}
		again, findings := tree.Parse(span.Whole("f", string(out.Text)), "")
		if len(findings) > 0 || !tree.Equal(v, again) {
			t.Errorf("%q has become %q: %v", text, string(out.Text), findings)
		}
	})
}
