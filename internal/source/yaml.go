// Package source is about the texts that pods are described in: what a Source is, what it
// finds and where, and YAML. It reads no such text itself, which its folders do, each one
// form of it.
package source

import (
	"bytes"
	"fmt"
	"regexp"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// YAML writes JSON as YAML that people can read: in lines, in the same order, with
// quotes where text would be taken for something else.
func YAML(json []byte) ([]byte, error) {
	var document yaml.Node
	json = raw.ReplaceAllFunc(json, escape)
	if err := yaml.Unmarshal(json, &document); err != nil {
		return nil, fmt.Errorf("cannot write YAML: %w", err)
	}
	unfold(&document)
	var text bytes.Buffer
	e := yaml.NewEncoder(&text)
	e.SetIndent(2)
	if err := e.Encode(&document); err != nil {
		return nil, fmt.Errorf("cannot write YAML: %w", err)
	}
	return text.Bytes(), e.Close()
}

// raw is what JSON may have in it as it is, and YAML may not. But for that, all JSON
// is YAML.
var raw = regexp.MustCompile(`[\x{7f}-\x{9f}\x{feff}\x{fffe}\x{ffff}]`)

// escape writes one character as JSON and YAML both can.
func escape(char []byte) []byte {
	r, _ := utf8.DecodeRune(char)
	return fmt.Appendf(nil, `\u%04x`, r)
}

var (
	// plain is text that needs no quotes anywhere.
	plain = regexp.MustCompile(`^[A-Za-z]([\w./ -]*[\w./-])?$`)
	// words are text too that readers of older YAML take for something else.
	words = regexp.MustCompile(`(?i)^(y|n|yes|no|on|off|true|false|null)$`)
)

// unfold drops the style that JSON has, except where there is nothing to put in lines
// and where text needs its quotes.
func unfold(n *yaml.Node) {
	text := n.ShortTag() == "!!str"
	switch {
	case text && plain.MatchString(n.Value) && !words.MatchString(n.Value), !text && n.Kind == yaml.ScalarNode, len(n.Content) > 0:
		n.Style = 0
	}
	for _, c := range n.Content {
		unfold(c)
	}
}
