package compose_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/schema"

	"github.com/podlike/podlike/internal/source/compose"
)

// legacy are keys that older Compose files have and the schema has no more.
var legacy = []string{"volume_driver"}

// schemaKeys are the keys that a service can have, and its deploy, by the schema that
// ships with compose-go.
func schemaKeys(t *testing.T) []string {
	t.Helper()
	type definition struct {
		Properties map[string]any `json:"properties"`
		AllOf      []struct {
			Ref string `json:"$ref"`
		} `json:"allOf"`
	}
	var whole struct {
		Defs map[string]definition `json:"$defs"`
	}
	if err := json.Unmarshal([]byte(schema.Schema), &whole); err != nil {
		t.Fatal(err)
	}
	service := whole.Defs["service"]
	keys := slices.Collect(maps.Keys(service.Properties))
	for _, part := range service.AllOf {
		keys = slices.AppendSeq(keys, maps.Keys(whole.Defs[strings.TrimPrefix(part.Ref, "#/$defs/")].Properties))
	}
	for key := range whole.Defs["deployment"].Properties {
		keys = append(keys, "deploy."+key)
	}
	if len(keys) < 90 {
		t.Fatalf("the schema is not built as it was: found only %d keys", len(keys))
	}
	return keys
}

func TestEveryKeyOfTheSchemaHasAUse(t *testing.T) {
	for _, key := range schemaKeys(t) {
		if compose.Keys[key].Use == compose.Unknown {
			t.Errorf("%s is in none of the states", key)
		}
	}
}

func TestEveryKeyIsOneOfTheSchema(t *testing.T) {
	known := append(schemaKeys(t), legacy...)
	for key := range compose.Keys {
		if !slices.Contains(known, key) {
			t.Errorf("%s is no key of a service", key)
		}
	}
}

func TestEveryKeyThatDoesNothingSaysWhatToDo(t *testing.T) {
	for key, k := range compose.Keys {
		if (k.Use == compose.Rejected || k.Use == compose.Ignored) && k.Note == "" {
			t.Errorf("%s has no note", key)
		}
	}
}

func TestEverySupportedKeyHasAForm(t *testing.T) {
	for key, k := range compose.Keys {
		if k.Use == compose.Supported && compose.Form(key) == "" {
			t.Errorf("%s has no form", key)
		}
	}
}

// states are the uses as the page has them, and what follows from each.
var states = []struct {
	use         compose.Use
	title, text string
}{
	{compose.Supported, "Supported", "These reach the component's container as they reach a service's."},
	{compose.Ignored, "Ignored", "These are allowed and do nothing. In a Compose file they are told of with a warning."},
	{compose.Rejected, "Not in a pod", "These are errors in a label, and say what to do instead. In a Compose file they are ignored with a warning,\nbut for `extends` and `profiles`, which work there, and for what [names](composefile.md#names) a service."},
}

// page is the reference page of all keys.
func page() string {
	var page strings.Builder
	page.WriteString("# What a component can say\n\n" +
		"A component is one service as the [Compose file reference](https://docs.docker.com/reference/compose-file/services/) has it, " +
		"in a label `pod.component.<name>`,\n" +
		"or one of the services of the Compose file that the label `pod.compose.file` names.\n" +
		"This page is made by `go generate ./internal/source/compose` of the table that the program works with.\n")
	page.WriteString("What it can say of its life in `x-pod`, and what can be said of the whole pod, is on [a page of its own](life.md).\n")
	for _, s := range states {
		page.WriteString("\n## " + s.title + "\n\n" + s.text + "\n\n")
		section(&page, s.use)
	}
	return page.String()
}

// section is the table of the keys with one use.
func section(page *strings.Builder, use compose.Use) {
	row := func(cells ...string) { page.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	wide := use == compose.Supported
	if wide {
		row("key", "form", "note")
		row("---", "---", "---")
	} else {
		row("key", "note")
		row("---", "---")
	}
	for _, key := range slices.Sorted(maps.Keys(compose.Keys)) {
		switch k := compose.Keys[key]; {
		case k.Use != use:
		case wide:
			row("`"+key+"`", compose.Form(key), k.Note)
		default:
			row("`"+key+"`", k.Note)
		}
	}
}

func TestThePageShowsTheKeys(t *testing.T) {
	compare(t, "../../../docs/components.md", page())
}
