package labels_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/labels"
)

// Components of labels find each other by name where that is said, those of a file unless it
// is said that they do not.
func TestTheLabelSaysWhetherComponentsFindEachOtherByName(t *testing.T) {
	const a, b = "pod.component.a", "pod.component.b"
	own := compose.Own{Lookup: none.Lookup, ReadFile: func(path string) ([]byte, error) {
		if path != "/pod.yml" {
			return nil, fs.ErrNotExist
		}
		return []byte("services: {a: {image: i, container_name: c}, b: {image: i}}"), nil
	}}
	for name, test := range map[string]struct {
		labels map[string]string
		want   []string
		said   string // a part of the one error or warning
	}{
		"labels":            {map[string]string{a: "{image: i}", b: "{image: i}"}, nil, ""},
		"said":              {map[string]string{b: "{image: i}", a: "{image: i}", "pod.hosts": "true"}, []string{"a", "b"}, ""},
		"with blanks":       {map[string]string{a: "{image: i}", "pod.hosts": " true\n"}, []string{"a"}, ""},
		"not to be":         {map[string]string{a: "{image: i}", "pod.hosts": "false"}, nil, ""},
		"a file":            {map[string]string{"pod.compose.file": "/pod.yml"}, []string{"a", "b", "c"}, "container_name: components find it"},
		"a file, said":      {map[string]string{"pod.compose.file": "/pod.yml", "pod.hosts": "true"}, []string{"a", "b", "c"}, "container_name: components find it"},
		"a file, not to be": {map[string]string{"pod.compose.file": "/pod.yml", "pod.hosts": "false"}, nil, "container_name: makes no sense in a pod"},
		"neither":           {map[string]string{a: "{image: i}", "pod.hosts": "yes"}, nil, `pod.hosts: must be true or false, not "yes"`},
		"empty":             {map[string]string{a: "{image: i}", "pod.hosts": ""}, nil, `pod.hosts: must be true or false, not ""`},
		"misspelt":          {map[string]string{a: "{image: i}", "pod.host": "true"}, nil, "pod.host: unknown label; did you mean pod.hosts?"},
		"no host name":      {map[string]string{a: "{image: i}", "pod.component.1": "{image: i}", "pod.hosts": "true"}, []string{"a"}, `pod.component.1: "1" is a number`},
		"init and sidecars": {map[string]string{a: "{image: i}", b: "{image: i, x-pod: {sidecar: true}}", "pod.init.components": "[{image: i}]", "pod.hosts": "true"}, []string{"a", "b"}, ""},
	} {
		read, err := labels.Read(test.labels, own)
		if diff := cmp.Diff(test.want, read.Hosts); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
		said := read.Warnings.Error()
		if err != nil {
			said += err.Error()
		}
		if !strings.Contains(said, test.said) || (test.said == "") != (said == "") || (err != nil) != (test.want == nil && strings.Contains(test.said, "pod.hos")) {
			t.Errorf("%s: %v, %q, want %q", name, err, said, test.said)
		}
	}
}
