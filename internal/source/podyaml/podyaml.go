// Package podyaml writes a pod out as YAML, for people to look at: in the words of
// the model, durations as 10s, and without what is not set.
//
// What it writes is no source: nothing reads a pod from it.
package podyaml

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
)

// Write returns the pod as a YAML document. Equal pods have equal ones.
func Write(p pod.Pod) ([]byte, error) {
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(nodeOf(reflect.ValueOf(p))); err != nil {
		return nil, fmt.Errorf("cannot write the pod as YAML: %w", err)
	}
	return out.Bytes(), nil
}

// nodeOf is a value of the model as YAML.
func nodeOf(v reflect.Value) *yaml.Node {
	if d, is := v.Interface().(time.Duration); is {
		return text(d.String())
	}
	switch v.Kind() {
	case reflect.Pointer:
		return nodeOf(v.Elem())
	case reflect.Struct:
		return structNode(v)
	case reflect.Map:
		return mapNode(v)
	case reflect.Slice, reflect.Array:
		return listNode(v)
	}
	return scalar(v)
}

// scalar is a plain value, which the encoder puts in quotes where it has to. It makes a
// block of text that has lines, and gets that wrong where it begins with a blank.
func scalar(v reflect.Value) *yaml.Node {
	n := &yaml.Node{}
	if v.Kind() == reflect.String && strings.TrimLeft(v.String(), " \t\n") != v.String() {
		n.SetString(v.String())
		n.Style = yaml.DoubleQuotedStyle
		return n
	}
	if err := n.Encode(v.Interface()); err != nil {
		panic("cannot write a plain value: " + err.Error())
	}
	return n
}

func text(s string) *yaml.Node { return scalar(reflect.ValueOf(s)) }

// structNode has the fields that are set, in the order of the model, without those that
// are no part of a definition and so of its hash.
func structNode(v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		if value.IsZero() || field.Tag.Get("json") == "-" {
			continue
		}
		written := nodeOf(value)
		if as := forms[field.Name]; as != nil {
			written = as(value)
		}
		n.Content = append(n.Content, text(nameOf(field.Name)), written)
	}
	return n
}

// forms are those of fields that people write otherwise than the model has them.
var forms = map[string]func(reflect.Value) *yaml.Node{"Mode": mode, "CPUs": cpus}

// cpus is a number of CPUs as people write it, such as 0.5.
func cpus(v reflect.Value) *yaml.Node { return scalar(reflect.ValueOf(float64(v.Int()) / 1e9)) }

// mode is a file's mode as people write it.
func mode(v reflect.Value) *yaml.Node {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: fmt.Sprintf("%#o", v.Uint())}
}

// mapNode has the entries in the order of their names.
func mapNode(v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	keys := slices.SortedFunc(slices.Values(v.MapKeys()), func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
	for _, key := range keys {
		n.Content = append(n.Content, text(key.String()), nodeOf(v.MapIndex(key)))
	}
	return n
}

// listNode has the items in their order, on one line where they are plain.
func listNode(v reflect.Value) *yaml.Node {
	n := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range v.Len() {
		n.Content = append(n.Content, nodeOf(v.Index(i)))
	}
	if !slices.ContainsFunc(n.Content, func(item *yaml.Node) bool { return item.Kind != yaml.ScalarNode }) {
		n.Style = yaml.FlowStyle
	}
	return n
}

// acronyms are written in small letters at the beginning of a name.
var acronyms = map[string]string{
	"CPUs": "cpus", "IDs": "ids", "TTY": "tty", "UTS": "uts", "HTTP": "http", "TCP": "tcp", "GRPC": "grpc", "UID": "uid", "GID": "gid",
}

// nameOf is a field's name as YAML has it: DependsOn becomes dependsOn.
func nameOf(field string) string {
	if name, known := acronyms[field]; known {
		return name
	}
	runes := []rune(field)
	for i := range runes {
		if i > 0 && i+1 < len(runes) && unicode.IsLower(runes[i+1]) || !unicode.IsUpper(runes[i]) {
			break // the next word begins here
		}
		runes[i] = unicode.ToLower(runes[i])
	}
	return string(runes)
}
