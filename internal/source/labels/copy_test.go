package labels_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/labels"
)

// A copyLabel is one in a pod of the components a and init-1.
type copyLabel struct{ why, component, text string }

// copyForms are all forms in which copies can be written.
var copyForms = []copyLabel{
	{"one file", "a", "/a:/b"},
	{"a line break at its end is not part of it, as behind > and |", "a", "/a:/b\n"},
	{"nor are spaces, as with any YAML text", "a", "  /a:/b  "},
	{"nor quotes, nor spaces on either side", "a", "' /a : /b '"},
	{"paths are as they were written", "a", "/a/:/b/../c/"},
	{"several files", "a", "- /a:/b\n- /c:/d\n"},
	{"the same source may go to several targets", "a", "[/a:/b, /a:/c]"},
	{"a mapping, in the order it was written", "a", "/c: /d\n/a:   /b\n"},
	{"JSON too", "a", `{"/a": "/b"}`},
	{"JSON's list", "a", `["/a:/b"]`},
	{"anchors work within a label", "a", "[&a /a:/b, *a]"},
	{"so do merge keys", "a", "<<: {/a: /b}\n/c: /d"},
	{"init components have a name as well", "init-1", "/a:/b"},
	{"and all forms", "init-1", "{/a: /b, /c: /d}"},
}

// wrongCopies are what is no copy.
var wrongCopies = []copyLabel{
	{"where to is missing", "a", "/src"},
	{"YAML takes it for a mapping", "a", "/src:"},
	{"a string", "a", "'/src:'"},
	{"where from is missing", "a", ":/x"},
	{"where from is missing in a mapping", "a", "'': /x"},
	{"where to is empty in a mapping", "a", "/x: ''"},
	{"both are missing", "a", "':'"},
	{"a blank is no path", "a", "' :/x'"},
	{"which one parts them?", "a", "/a:/b:ro"},
	{"the same in a list", "a", "[/a:/b:ro]"},
	{"a list needs dashes", "a", "/a:/b\n/c:/d"},
	{"a number is no path", "a", "5"},
	{"nor is a flag", "a", "true"},
	{"nor is nothing", "a", "~"},
	{"a number in a list", "a", "[/a:/b, 5]"},
	{"a number to copy to", "a", "/a: 5"},
	{"a number to copy", "a", "5: /a"},
	{"a list is flat", "a", "[[/a:/b]]"},
	{"a list is of lines", "a", "- /a: /b"},
	{"a mapping is flat", "a", "/a: {/b: /c}"},
	{"one source, one target: several go into a list", "a", "/a: [/b]"},
	{"relative to what?", "a", "a:/b"},
	{"relative to what?", "a", "/a:b"},
	{"YAML knows a key once; several targets go into a list", "a", "/a: /b\n/a: /c"},
	{"then leave the label out", "a", ""},
	{"then leave the label out", "a", "[]"},
	{"then leave the label out", "a", "{}"},
	{"no YAML", "a", "[/a:/b"},
	{"each is told", "a", "[x, /a:/b, 5]"},
	{"nobody is called that", "b", "/a:/b"},
	{"there are not as many", "init-2", "/a:/b"},
	{"what is wrong with it is told as well", "b", "/src"},
}

func TestCopiesAreReadInAllForms(t *testing.T) {
	var got strings.Builder
	for _, c := range copyForms {
		p, err := c.read()
		if err != nil {
			t.Errorf("%s: %v", c.why, err)
		}
		c.tell(&got)
		for _, one := range p.All() {
			for _, file := range one.Copies {
				fmt.Fprintf(&got, "%s: %q -> %q\n", one.Name, file.Source, file.Target)
			}
		}
	}
	compare(t, "testdata/copies.golden", got.String())
}

func TestCopiesThatAreWrongAreQuoted(t *testing.T) {
	var got strings.Builder
	for _, c := range wrongCopies {
		_, err := c.read()
		if err == nil {
			t.Errorf("%s: %q is no problem", c.why, c.text)
		}
		c.tell(&got)
		fmt.Fprintln(&got, err)
	}
	compare(t, "testdata/wrongcopies.golden", got.String())
}

// read reads the label in its pod.
func (c copyLabel) read() (pod.Pod, error) {
	read, err := labels.Read(map[string]string{
		"pod.component.a": "{image: b}", "pod.init.components": "[{image: b}]", "pod.copy." + c.component: c.text,
	}, none)
	return read.Pod, err
}

// tell writes what is read, and why.
func (c copyLabel) tell(to *strings.Builder) {
	fmt.Fprintf(to, "\n# %s\npod.copy.%s: %q\n", c.why, c.component, c.text)
}
