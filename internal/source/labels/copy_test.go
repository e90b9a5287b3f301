package labels_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/labels"
)

// readCopies reads one copy label for a component that there is.
func readCopies(text string) ([]pod.Copy, error) {
	p, _, err := labels.Read(map[string]string{"pod.component.a": "{image: b}", "pod.copy.a": text}, none)
	if err != nil {
		return nil, err
	}
	return p.Components[0].Copies, nil
}

func TestCopiesCanBeWrittenInThreeForms(t *testing.T) {
	for name, test := range map[string]struct {
		why, text string
		want      []pod.Copy
	}{
		"Line":        {"one file", "/a:/b", []pod.Copy{{Source: "/a", Target: "/b"}}},
		"Folded":      {"a line break at its end is not part of it", "/a:/b\n", []pod.Copy{{Source: "/a", Target: "/b"}}},
		"Spaces":      {"as with any YAML text", "  /a:/b  ", []pod.Copy{{Source: "/a", Target: "/b"}}},
		"Quoted":      {"quotes are not part of it, spaces within are trimmed", "' /a : /b '", []pod.Copy{{Source: "/a", Target: "/b"}}},
		"Directory":   {"paths are as they were written", "/a/:/b/../c/", []pod.Copy{{Source: "/a/", Target: "/b/../c/"}}},
		"List":        {"several files", "- /a:/b\n- /c:/d\n", []pod.Copy{{Source: "/a", Target: "/b"}, {Source: "/c", Target: "/d"}}},
		"OneToMany":   {"the same source may go to several targets", "[/a:/b, /a:/c]", []pod.Copy{{Source: "/a", Target: "/b"}, {Source: "/a", Target: "/c"}}},
		"Mapping":     {"in the order they were written", "/c: /d\n/a:   /b\n", []pod.Copy{{Source: "/c", Target: "/d"}, {Source: "/a", Target: "/b"}}},
		"FlowMapping": {"JSON too", `{"/a": "/b"}`, []pod.Copy{{Source: "/a", Target: "/b"}}},
		"Alias":       {"anchors work within a label", "[&a /a:/b, *a]", []pod.Copy{{Source: "/a", Target: "/b"}, {Source: "/a", Target: "/b"}}},
		"Merge":       {"so do merge keys", "<<: {/a: /b}\n/c: /d", []pod.Copy{{Source: "/c", Target: "/d"}, {Source: "/a", Target: "/b"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readCopies(test.text)
			if err != nil {
				t.Fatalf("%s: %v", test.why, err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

func TestCopiesThatAreWrongAreQuoted(t *testing.T) {
	const (
		a     = "pod.copy.a: "
		forms = "; write /source:/target, a list of those, or a mapping of /source: /target"
		line  = " is not of the form /source:/target" + forms
		sides = " must have a path on either side" + forms
	)
	for name, test := range map[string]struct{ why, text, want string }{
		"NoTarget":       {"where to is missing", "/src", a + `"/src"` + line},
		"EmptyTarget":    {"YAML takes it for a mapping", "/src:", a + `"/src": nothing` + sides},
		"EmptyTarget2":   {"a string", "'/src:'", a + `"/src:"` + sides},
		"EmptySource":    {"where from is missing", ":/x", a + `":/x"` + sides},
		"EmptyKey":       {"where from is missing in a mapping", "'': /x", a + `"": "/x"` + sides},
		"TwoColons":      {"which one parts them?", "/a:/b:ro", a + `"/a:/b:ro"` + line},
		"TwoLines":       {"a list needs dashes", "/a:/b\n/c:/d", a + `"/a:/b /c:/d"` + line},
		"Number":         {"no path", "5", a + "5" + line},
		"Flag":           {"no path", "true", a + "true" + line},
		"Null":           {"no path", "~", a + "nothing" + line},
		"NumberInList":   {"no path", "[/a:/b, 5]", a + "5" + line},
		"NumberInMap":    {"no path", "/a: 5", a + `"/a": 5` + sides},
		"NestedList":     {"a list is flat", "[[/a:/b]]", a + `["/a:/b"]` + line},
		"MappingInList":  {"a list is of lines", "- /a: /b", a + `{"/a":"/b"}` + line},
		"NestedMapping":  {"a mapping is flat", "/a: {/b: /c}", a + `"/a": {"/b":"/c"}` + sides},
		"ListInMapping":  {"one source, one target: several go into a list", "/a: [/b]", a + `"/a": ["/b"]` + sides},
		"RelativeSource": {"relative to what?", "a:/b", a + `"a:/b": the path "a" in the supervisor must begin with /`},
		"RelativeTarget": {"relative to what?", "/a:b", a + `"/a:b": the path "b" in the component must begin with /`},
		"Twice":          {"YAML knows a key once; several targets go into a list", "/a: /b\n/a: /c", a + "line 2: /a: duplicate key; line 1 has it already"},
		"Empty":          {"then leave the label out", "", a + "cannot be read: there is nothing in it"},
		"EmptyList":      {"then leave the label out", "[]", a + "[] copies nothing" + forms},
		"Broken":         {"no YAML", "[/a:/b", a + "cannot be read: line 1: did not find expected ',' or ']'"},
		"All": {
			"each is told", "[x, /a:/b, 5]",
			a + `"x"` + line + "\n" + a + "5" + line,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readCopies(test.text)
			if err == nil {
				t.Fatalf("%s: no problem was found", test.why)
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}
