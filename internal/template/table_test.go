package template_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/template"
	"github.com/podlike/podlike/internal/template/merge"
	"github.com/podlike/podlike/internal/template/render"
)

// The rows are the keys that the reader of components knows; a test of its own sees that these are
// the Compose schema's.
func TestEveryKeyOfAServiceHasARow(t *testing.T) {
	var rows, want []string
	for _, r := range template.Rows {
		rows = append(rows, r.Key)
	}
	for key := range compose.Keys {
		if !strings.Contains(key, ".") {
			want = append(want, key)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, rows); diff != "" {
		t.Errorf("the rows are not the keys in their order:\n%s", diff)
	}
}

// written are values of keys that are no plain text.
var written = map[string]string{
	"configs": "[c]", "secrets": "[s]", "volumes": `["v:/v"]`, "ports": `["80:80"]`, "networks": "[n]", "environment": "{A: b}", "labels": "{a: b}",
	"deploy": "{replicas: 2, resources: {limits: {memory: 64m}}}", "depends_on": "[db]", "healthcheck": "{test: [CMD, a]}", "stop_grace_period": "20s", "env_file": "a.env",
}

// Each key lands where its row says.
func TestEveryKeyLandsWhereItsRowSays(t *testing.T) {
	for _, r := range template.Rows {
		value := written[r.Key]
		if value == "" {
			value = `"5"`
		}
		text := fmt.Sprintf("services:\n  web: {%s: %s, x-podlike: {transformer: {inline: {app: {image: other}}}}}\n  db: {image: db}\n", r.Key, value)
		got, found := renderOf(map[string]string{"s.yml": text, "a.env": "B=c"})
		var out struct {
			Services map[string]map[string]any
		}
		if err := yaml.Unmarshal([]byte(got), &out); err != nil {
			t.Fatal(err)
		}
		task := out.Services["web"]
		var main map[string]any
		labels, _ := task["labels"].(map[string]any)
		if app, is := labels["pod.component.app"].(string); is {
			if err := yaml.Unmarshal([]byte(app), &main); err != nil {
				t.Fatal(err)
			}
		}
		_, inTask := task[r.Key]
		_, inMain := main[r.Key]
		if r.Key == "image" || r.Key == "command" { // which the supervisor has its own of
			inTask = false
		}
		key := "environment"
		switch r.Key {
		case "env_file":
			_, inMain = main[key]
			inTask = true
		case "environment", "depends_on", "labels":
			inTask = true
		}
		says := strings.Join(found, "\n")
		problem, warned := strings.Contains(says, ": services.web: "+r.Key+": fits nowhere"), strings.Contains(says, ": warning: services.web: "+r.Key+": ")
		want := map[template.Goes]string{
			template.ToTask: "task", template.ToMain: "main", template.ToBoth: "task main", template.Divided: "task main", template.Idle: "warned", template.Refused: "problem",
		}[r.Goes]
		switch r.Key {
		case "stop_grace_period":
			want = "task"
			if labels["pod.stop_grace_period"] != "17s" {
				t.Errorf("the pod has %v to stop", labels["pod.stop_grace_period"])
			}
		case "depends_on":
			want = "task warned" // it is of another service
		case "extends":
			want, problem = "", false // which is another problem
		}
		at := ""
		for _, is := range []struct {
			so   bool
			what string
		}{{inTask, "task"}, {inMain, "main"}, {warned, "warned"}, {problem, "problem"}} {
			if is.so {
				at += " " + is.what
			}
		}
		if strings.TrimSpace(at) != want || r.Goes == template.Unknown {
			t.Errorf("%s lands at %s, want %s: %q\n%s", r.Key, at, want, found, got)
		}
	}
}

func TestTheSchemaIsThatOfTheProgram(t *testing.T) {
	golden(t, "../../docs/x-podlike.schema.json", string(template.Schema()))
}

// schema is the JSON Schema, for a validator.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(template.Schema())))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("s.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("s.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// What the program takes fits the schema, and what the program refuses for its form does not.
func TestTheSchemaAndTheProgramTakeTheSame(t *testing.T) {
	s := schema(t)
	fits := func(text string) bool {
		var document any
		if err := yaml.Unmarshal([]byte(text), &document); err != nil {
			t.Fatal(err)
		}
		return s.Validate(document) == nil
	}
	for _, file := range []string{"testdata/compat.txt", "testdata/changed.txt", "testdata/kinds.txt"} {
		for _, scene := range scenes(t, file) {
			if !fits(strings.NewReplacer("!override", "", "!reset", "").Replace(scene.files["s.yml"])) {
				t.Errorf("%s does not fit the schema", scene.name)
			}
		}
	}
	examples, err := filepath.Glob("../../deploy/*/*/*.yml")
	if err != nil || len(examples) < 3 {
		t.Fatalf("there are %d examples: %v", len(examples), err)
	}
	kinds, _ := filepath.Glob("../../deploy/kinds/*.yml")
	for _, file := range append(examples, kinds...) {
		if !fits(readFile(t, file)) {
			t.Errorf("%s does not fit the schema", file)
		}
	}
	for why, text := range map[string]string{
		"an unknown key":              "services: {web: {image: w, x-podlike: {template: a.yml}}}",
		"a template that is a number": "services: {web: {image: w, x-podlike: {templates: [5, {file: {path: a.yml, url: b}}]}}}",
		"no path":                     "services: {web: {image: w, x-podlike: {pod: {file: {fallback: a.yml}}}}}",
		"no checksum":                 "services: {web: {image: w, x-podlike: {pod: {http: {url: 'https://a', sha256: abc}}}}}",
		"arguments that are a list":   "services: {web: {image: w, x-podlike: {args: [a]}}}",
		"a kind with another's keys":  "x-podlike-kinds: {k: {use: [l]}}",
		"a kind that is text":         "x-podlike-kinds: {k: text}",
		"a template of two forms":     "services: {web: {image: w, x-podlike: {copy: {inline: a, file: b}}}}",
		"top-level arguments":         "x-podlike: {args: 5}\nservices: {}",
	} {
		if fits(text) {
			t.Errorf("%s fits the schema", why)
		}
		if got, found := renderOf(map[string]string{"s.yml": text}); len(found) == 0 || got != "" {
			t.Errorf("%s is taken by the program", why)
		}
	}
}

// tables are those of the reference page, by the comment that is before each.
func tables() map[string]string {
	row := func(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |\n" }
	all := map[string]string{}
	all["sections"] = row("key", "form", "of", "what it does") + row("---", "---", "---", "---")
	for _, s := range template.Sections() {
		all["sections"] += row("`"+s.Key+"`", s.FormWords(), s.Of(), s.Note)
	}
	all["merge"] = row("key", "how", "note") + row("---", "---", "---")
	for _, r := range merge.Rules {
		all["merge"] += row("`"+r.Key+"`", merge.Words[r.How], r.Note)
	}
	all["merge"] += row("all others", merge.Words[merge.ByKind], "")
	all["goes"] = row("key", "who gets it", "note") + row("---", "---", "---")
	for _, r := range template.Rows {
		all["goes"] += row("`"+r.Key+"`", template.GoesWords[r.Goes], r.Note)
	}
	all["functions"] = row("about", "functions") + row("---", "---")
	for _, f := range render.Forms() {
		all["functions"] += row(f.Title, f.Forms)
	}
	return all
}

// The page's tables are those that the program works with: go test ./internal/template -update.
func TestThePageShowsTheTables(t *testing.T) {
	const file = "../../docs/templates.md"
	text := readFile(t, file)
	for name, table := range tables() {
		begins, ends := "<!-- "+name+": go test ./internal/template -update -->\n\n", "\n<!-- end of "+name+" -->\n"
		before, rest, found := strings.Cut(text, begins)
		_, after, closed := strings.Cut(rest, ends)
		if !found || !closed {
			t.Fatalf("%s has no place for the table %s", file, name)
		}
		text = before + begins + table + ends + after
	}
	golden(t, file, text)
}
