package source_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/source"
)

func TestJSONBecomesYAMLThatPeopleCanRead(t *testing.T) {
	got, err := source.YAML([]byte(`{"name":"a b","b":[{"x":1,"z":[]},{"x":-1}],"a":{},"when":"2001-02-03T04:05:06Z",` +
		`"yes":"yes","no":false,"null":null,"number":"1.0","lines":"a\nb","quote":"\"<\u2028","empty":""}`))
	if err != nil {
		t.Fatal(err)
	}
	want := `
name: a b
b:
  - x: 1
    z: []
  - x: -1
a: {}
when: "2001-02-03T04:05:06Z"
"yes": "yes"
"no": false
"null": null
number: "1.0"
lines: "a\nb"
quote: "\"<\L"
empty: ""
`[1:]
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

// Whatever is in it, what is read from the YAML is what was in the JSON.
func FuzzYAMLSaysWhatTheJSONDid(f *testing.F) {
	for _, text := range []string{
		"a", "yes", "~", "0x10", "1e3", "- a", "a: b", "#", "|", " a ", "a\n",
		"\t", "\x1b[1m", "é\u2028", "2001-02-03", "<<", "=", "", "!x", "&a", "*a", "%", "@", "`", "'", "\"",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		in, err := json.Marshal(map[string]any{"text": text, "list": []string{text}})
		if err != nil {
			t.Fatal(err)
		}
		out, err := source.YAML(in)
		if err != nil {
			t.Fatal(err)
		}
		var want, got map[string]any
		if err := json.Unmarshal(in, &want); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(out, &got); err != nil || !reflect.DeepEqual(want, got) {
			t.Errorf("%q became\n%s%v", text, out, err)
		}
	})
}
