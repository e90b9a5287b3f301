package render_test

import (
	"bytes"
	"strings"
	"testing"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/source/span"
	"github.com/podlike/podlike/internal/template/render"
)

// data is what the templates of tests see.
func data() map[string]any {
	return map[string]any{
		"Args": map[string]any{
			"name": "web", "port": 8080, "half": 0.5, "yes": true, "no": false, "zero": 0, "none": "", "nil": nil, "list": []any{"b", "a", "b"},
			"map": map[string]any{"b": 2, "a": 1}, "deep": map[string]any{"er": map[string]any{"est": "x"}}, "numbers": []any{3, 1, 2},
		},
		"Name": "é☺",
	}
}

// execute is what a template makes of the data, and what is found.
func execute(text string) (string, []string) {
	out, findings := render.Execute(span.Whole("t", text), data())
	var all []string
	for _, f := range findings {
		all = append(all, f.String())
	}
	return string(out.Text), all
}

// The language is text/template's, and the functions that Helm has are those of sprig, but for what
// is old Podlike's.
func TestTemplatesAreWhatGoAndHelmMakeOfThem(t *testing.T) {
	for _, text := range []string{
		"a {{ .Name }} {{- /* b */ -}} c {{ `d` }} {{ 1.5 }} {{ true }} {{ 0x10 }} {{ 'x' }}",
		"{{ if .Args.yes }}a{{ else if .Args.no }}b{{ else }}c{{ end }}{{ if and .Args.yes .Args.no }}d{{ else }}e{{ end }}",
		"{{ with .Args.deep }}{{ .er.est }}{{ with $.Args.none }}{{ else }}none{{ end }}{{ end }}",
		"{{ range $i, $e := .Args.list }}{{ if eq $i 2 }}{{ break }}{{ end }}{{ if eq $e `a` }}{{ continue }}{{ end }}{{ $i }}{{ $e }}{{ end }}",
		"{{ range $k, $v := .Args.map }}{{ $k }}={{ $v }} {{ end }}{{ range 3 }}{{ . }}{{ end }}{{ range .Args.none | splitList `,` | compact }}{{ else }}none{{ end }}",
		"{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $y := 3 }}{{ $y }}{{ end }}{{ $x }}",
		"{{ define `t` }}[{{ . }}]{{ end }}{{ template `t` .Name }}{{ block `b` 1 }}({{ . }}){{ end }}",
		"{{ (index .Args.list 1) }}{{ (.Args.deep).er.est }}{{ .Args.deep.er.est | printf `%s-%s` `y` | len }}",
		"{{ eq 1 2 1 }}{{ ne `a` `b` }}{{ lt 1 2 }}{{ le 2 2 }}{{ gt `b` `a` }}{{ ge 1 2 }}{{ not 0 }}{{ or 0 `` `x` }}{{ and 1 2 }}",
		"{{ len .Args.list }}{{ len `abc` }}{{ slice .Args.list 1 2 | join `` }}{{ print 1 2 `a` }}{{ println 1 }}{{ html `<a>` }}{{ urlquery `a b` }}",
		"{{ printf `%05d %q %v %%` 42 `x` true }}",
		"{{ .Args.none | default `d` }}{{ default 1 .Args.port }}{{ coalesce `` 0 `x` }}{{ ternary `a` `b` true }}{{ empty `` }}{{ empty 0 }}",
		"{{ trim ` a ` }}{{ trimAll `$` `$a$` }}{{ trimPrefix `a` `abc` }}{{ trimSuffix `c` `abc` }}{{ upper `a` }}{{ lower `A` }}{{ title `ab cd` }}{{ untitle `Ab Cd` }}",
		"{{ repeat 3 `a` }}{{ trunc 2 `abc` }}{{ trunc -2 `abc` }}{{ nospace `a b` }}{{ contains `a` `cat` }}{{ hasPrefix `a` `ab` }}{{ hasSuffix `b` `ab` }}",
		"{{ quote `a\"b` 1 }}{{ squote `a` }}{{ cat `a` 1 `b` }}{{ indent 2 `a\nb` }}{{ nindent 2 `a\nb` }}",
		"{{ snakecase `FirstName` }}{{ kebabcase `FirstName` }}{{ splitList `,` `a,b` | join `-` }}{{ toString 5 }}",
		"{{ base `/a/b.c` }}{{ dir `/a/b` }}{{ ext `a.b` }}{{ clean `/a/../b` }}{{ isAbs `/a` }}",
		"{{ regexMatch `^a` `abc` }}{{ regexFind `b.` `abc` }}{{ regexReplaceAll `b(.)` `abc` `${1}x` }}{{ regexReplaceAllLiteral `b` `abc` `$1` }}{{ regexQuoteMeta `a.b` }}",
		"{{ b64enc `a` }}{{ b64dec `YQ==` }}{{ sha1sum `a` }}{{ sha256sum `a` }}{{ sha512sum `a` }}{{ adler32sum `a` }}",
		"{{ list 1 2 | first }}{{ list 1 2 | last }}{{ list 1 2 3 | rest | join `,` }}{{ list 1 2 3 | initial | join `,` }}{{ list 1 2 | reverse | join `,` }}",
		"{{ list 1 0 2 | compact | join `,` }}{{ .Args.list | uniq | join `,` }}{{ has `a` .Args.list }}{{ sortAlpha .Args.list | join `,` }}",
		"{{ append .Args.list 1 | join `,` }}{{ prepend .Args.list 1 | join `,` }}{{ without .Args.list `b` | join `,` }}{{ concat .Args.list (list 1) | join `,` }}",
		"{{ until 3 | join `,` }}{{ untilStep 1 7 2 | join `,` }}{{ untilStep 3 0 -1 | join `,` }}",
		"{{ $d := dict `a` 1 `b` 2 }}{{ get $d `a` }}{{ get $d `x` }}{{ hasKey $d `b` }}{{ $_ := set $d `c` 3 }}{{ get $d `c` }}{{ $_ := unset $d `a` }}{{ hasKey $d `a` }}",
		"{{ keys .Args.map | sortAlpha | join `,` }}{{ pick .Args.map `a` | toJson }}{{ omit .Args.map `a` | toJson }}{{ dig `er` `est` `d` .Args.deep }}{{ dig `er` `none` `d` .Args.deep }}",
		"{{ merge (dict `a` 1) (dict `a` 2 `b` 2) | toJson }}{{ mergeOverwrite (dict `a` 1) (dict `a` 2 `b` 2) | toJson }}",
		"{{ add 1 2 3 }}{{ add1 1 }}{{ sub 5 2 }}{{ mul 2 3 }}{{ div 7 2 }}{{ mod 7 2 }}{{ max 1 3 2 }}{{ min 3 1 }}{{ floor 1.5 }}{{ ceil 1.5 }}{{ int `5` }}{{ atoi `7` }}",
		"{{ toJson .Args.map }}{{ toPrettyJson .Args.list }}{{ (fromJson `{\"a\": [1, \"b\"]}`).a | last }}{{ kindOf .Args.list }}{{ kindIs `map` .Args.map }}{{ kindOf `a` }}",
		"{{ any 0 1 }}{{ all 1 0 }}",
	} {
		funcs := sprig.TxtFuncMap()
		var want bytes.Buffer
		if err := template.Must(template.New("main").Funcs(funcs).Parse(text)).Execute(&want, data()); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		got, found := execute(text)
		if diff := cmp.Diff(want.String(), got); diff != "" || found != nil {
			t.Errorf("%s: %q\n%s", text, found, diff)
		}
	}
}

func TestWhatIsNotThereIsNeverWrittenAsNoValue(t *testing.T) {
	for text, want := range map[string]string{
		"a\nb: {{ .Args.prt }}":                                "t:2:7: .Args.prt is not set; did you mean port?; known: deep, half, list, map, name, nil, no, none, numbers, port, yes, zero",
		"{{ .Nme }}":                                           "t:1:4: .Nme is not set; did you mean Name?; known: Args, Name",
		"{{ .Args.nil }}":                                      "t:1:4: .Args.nil has no value",
		"é {{ upper .Args.deep.x }}":                           "t:1:12: .Args.deep.x is not set; known: er",
		"{{ .Args.deep.x.y.z }}":                               "t:1:4: .Args.deep.x is not set; known: er",
		"{{ range .Args.deep.x }}{{ end }}":                    "t:1:10: .Args.deep.x is not set; known: er",
		"{{ $x := .Args.deep.x }}{{ if $x }}{{ end }}{{ $x }}": "t:1:10: .Args.deep.x is not set; known: er",
		"{{ index .Args.deep `x` }}":                           `t:1:4: index: "x" is not set; known: er`,
		"{{ index .Args.list 3 }}":                             "t:1:4: index: there is no item 3; the list has 3, from 0 on",
		"{{ .Args.map }}":                                      "t:1:4: .Args.map is a mapping; write it with toYaml, or name one of its keys",
		"{{ .Args.list }}":                                     "t:1:4: .Args.list is a list; write it with toYaml, join or range",
		"{{ .Name.x }}":                                        "t:1:4: .Name is text, and has no x",
		"{{ printf `%d` .Name }}":                              "t:1:4: printf: \"%d\" does not fit its values: %!d(string=é☺)",
		"{{ eq .Args.port `8080` }}":                           "t:1:4: eq: a number cannot be compared with text; make one of both with toString or int",
		"{{ nil }}":                                            "t:1:4: nil is no command",
		"{{ .Name 1 }}":                                        "t:1:4: .Name is no function and takes no argument",
		"{{ env `HOME` }}":                                     `t:1:4: function "env" not defined; docs/templates.md lists the functions`,
		"{{ div 1 0 }}":                                        "t:1:4: div: that would divide by 0",
		"{{ until 99999999 }}":                                 "t:1:4: until: that makes more than a template may hold",
		"{{ repeat 99999999 `a` }}":                            "t:1:4: repeat: that makes more than a template may hold",
		"{{ define `t` }}{{ template `t` }}{{ end }}{{ template `t` }}": "",
		"{{ range 9999 }}{{ range 9999 }}a{{ end }}{{ end }}":           "",
		"{{ range 2000 }}{{ repeat 1000 `a` }}{{ end }}":                "",
	} {
		_, found := execute(text)
		if len(found) != 1 || want != "" && found[0] != want {
			t.Errorf("%s: found %q, want %q", text, found, want)
		}
	}
}

func TestWhatIsNotThereMayBeAskedFor(t *testing.T) {
	for text, want := range map[string]string{
		"{{ default 80 .Args.x }}{{ .Args.x.y | default `d` }}":                               "80d",
		"{{ if .Args.x }}a{{ else }}b{{ end }}{{ with .Args.x }}a{{ end }}":                   "b",
		"{{ empty .Args.x }}{{ notEmpty .Args.x }}{{ not .Args.x }}":                          "truefalsetrue",
		"{{ coalesce .Args.x .Args.y 1 }}{{ or .Args.x `o` }}":                                "1o",
		"{{ ternary `a` `b` (hasKey .Args `x`) }}":                                            "b",
		"{{ range .Args.x }}a{{ else }}none{{ end }}":                                         "none",
		"{{ $x := .Args.x }}{{ if not $x }}no{{ end }}":                                       "no",
		"{{ contains `b` `abc` }}{{ startsWith `a` `abc` }}":                                  "truetrue",
		"{{ replace `a` `b` 1 `aa` }}{{ replace `a` `b` -1 `aa` }}{{ replace `a` `b` `aa` }}": "babbbb",
		"{{ keys .Args.map | join `,` }}{{ values .Args.map | join `,` }}":                    "a,b1,2",
		"{{ toYaml .Args.deep }}|{{ yaml .Args.numbers }}":                                    "er:\n  est: x|- 3\n- 1\n- 2\n",
		"{{ (fromYaml `a: {b: 1}`).a.b }}":                                                    "1",
		"{{ .Args.half }}{{ .Args.port }}{{ .Args.yes }}":                                     "0.58080true",
	} {
		if got, found := execute(text); got != want || found != nil {
			t.Errorf("%s: got %q, %q, want %q", text, got, found, want)
		}
	}
}

// Each character of the output stands where its text, or its action, does.
func TestTheOutputKnowsWhereItIsFrom(t *testing.T) {
	out, _ := render.Execute(span.Whole("t", "é: a\n{{- range .Args.list }}\n- {{ . }}x\n{{- end }}\n"), data())
	if got := string(out.Text); got != "é: a\n- bx\n- ax\n- bx\n" || len(out.At) != len(out.Text)+1 {
		t.Fatalf("got %q with %d positions", got, len(out.At))
	}
	for at, want := range map[string]string{"é": "t:1:1", "b": "t:3:6", "x": "t:3:10"} {
		for i, r := range out.Text {
			if string(r) == at && out.At[i].String() != want {
				t.Errorf("%s is from %s, want %s", at, out.At[i], want)
			}
		}
	}
}

func TestMistakesInAnActionKeepNoOtherFromBeingTold(t *testing.T) {
	_, found := execute("{{ .A }}\n{{ if .Name }}{{ .B }}{{ end }}\n{{ range .Args.list }}{{ .C }}{{ end }}")
	if len(found) != 3 {
		t.Errorf("found %q", found)
	}
}

func FuzzExecute(f *testing.F) {
	for _, seed := range []string{
		"{{ .Args.x }}", "{{ range $i, $e := .Args.list }}{{ $i }}{{ end }}", "{{ define `a` }}{{ template `a` . }}{{ end }}{{ template `a` }}",
		"{{ printf `%*d` 1 2 }}", "{{ index .Args.list -1 }}", "{{ (index .Args.deep `er`).est | quote | nindent 4 }}", "{{ $x := 1 }}{{ $x = .Args }}{{ $x.name }}",
		"{{ fromYaml `a: &a [*a]` }}", "{{ $a := list 1 }}{{ range 40 }}{{ $a = list $a $a }}{{ end }}{{ toJson $a }}", "{{ merge .Args .Args.map | toJson }}", "{{ slice `é` 1 }}", "{{ 1e400 }}", "{{ mod -1 0 }}", "{{ set .Args `a` .Args | toJson }}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		out, findings := render.Execute(span.Whole("t", text), data())
		again, _ := render.Execute(span.Whole("t", text), data())
		if string(out.Text) != string(again.Text) {
			t.Errorf("another time there is another output: %q, %q", string(out.Text), string(again.Text))
		}
		if strings.Contains(string(out.Text), "<no value>") && !strings.Contains(text, "<no value>") {
			t.Errorf("there is no value: %q", string(out.Text))
		}
		if findings == nil && len(out.At) != len(out.Text)+1 {
			t.Errorf("%d characters have %d places", len(out.Text), len(out.At))
		}
		for _, found := range findings {
			if found.Line < 1 || found.Column < 1 || found.What == "" {
				t.Errorf("%s has no place", found)
			}
		}
	})
}
