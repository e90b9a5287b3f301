package template

import (
	"bytes"
	"encoding/json"
)

// object is a JSON object.
type object = map[string]any

// Schema is the JSON Schema (2020-12) of x-podlike and x-podlike-kinds, made of the table that the
// program reads them by.
func Schema() []byte {
	whole := object{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "x-podlike, by which supervisor template makes pods of the services of a stack",
		"description": "Made by supervisor template -schema.",
		"type":        "object",
		"properties": object{
			kindsExtension: ref("kinds"),
			extension: object{"anyOf": []any{object{"type": "null"}, object{
				"type": "object", "properties": object{argsKey: ref(argsKey)}, "additionalProperties": ref("service"),
			}}},
			"services": object{"type": "object", "additionalProperties": object{"type": []any{"object", "null"}, "properties": object{extension: ref("service")}}},
		},
		"$defs": definitions(),
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if e.Encode(whole) != nil { // which cannot be
		return nil
	}
	return out.Bytes()
}

// ref is a definition by its name.
func ref(name string) object { return object{"$ref": "#/$defs/" + name} }

// definitions are those of what x-podlike is made of.
func definitions() object {
	oneOrMore := func(one object) object {
		return object{"anyOf": []any{one, object{"type": "array", "items": one}, object{"type": "null"}}}
	}
	text := object{"type": "string", "minLength": 1}
	name := func(keys object, required ...string) object {
		return object{"type": "object", "properties": keys, "required": required, "additionalProperties": false}
	}
	defs := object{
		"item": object{"anyOf": []any{
			text,
			name(object{"file": object{"anyOf": []any{text, name(object{"path": text, "fallback": ref("item")}, "path")}}}, "file"),
			name(object{"inline": object{"type": []any{"string", "object"}}}, "inline"),
			name(object{"http": object{"anyOf": []any{ref("url"), name(object{
				"url": ref("url"), "insecure": object{"type": "boolean"}, "fallback": ref("item"),
				"sha256": object{"type": "string", "pattern": "^[0-9a-fA-F]{64}$"},
			}, "url")}}}, "http"),
		}},
		"url":   object{"type": "string", "pattern": "^[hH][tT][tT][pP][sS]?://"},
		"items": oneOrMore(ref("item")),
		"names": oneOrMore(text),
		argsKey: object{"type": []any{"object", "null"}},
	}
	service, kind := object{}, object{}
	for _, s := range sections {
		value := object{"$ref": "#/$defs/" + map[form]string{items: "items", mapping: argsKey, names: "names"}[s.Form], "description": s.Note}
		if s.OfService {
			service[s.Key] = value
		}
		if s.OfKind {
			kind[s.Key] = value
		}
	}
	defs["service"] = object{"anyOf": []any{
		object{"type": "object", "properties": service, "additionalProperties": false},
		object{"type": "array", "items": text}, text, object{"type": "null"},
	}}
	defs["kind"] = object{"anyOf": []any{object{"type": "object", "properties": kind, "additionalProperties": false}, object{"type": "null"}}}
	kinds := object{"type": "object", "patternProperties": object{"^x-": object{}}, "additionalProperties": ref("kind")}
	defs["kinds"] = object{"anyOf": []any{kinds, text, object{"type": "null"}, object{"type": "array", "items": object{"anyOf": []any{kinds, text}}}}}
	return defs
}
