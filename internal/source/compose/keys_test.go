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

// schemaKeys are the keys that a service can have by the schema that ships with compose-go.
func schemaKeys(t *testing.T) []string {
	t.Helper()
	type definition struct {
		Ref        string         `json:"$ref"`
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
	if len(keys) < 80 {
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

func TestEveryRejectedKeySaysWhatToDo(t *testing.T) {
	for key, k := range compose.Keys {
		if (k.Use == compose.Rejected) != (k.Remedy != "") {
			t.Errorf("%s: the remedy is %q", key, k.Remedy)
		}
	}
}
