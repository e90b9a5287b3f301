package template

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/podlike/podlike/internal/charset"
	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/span"
	"github.com/podlike/podlike/internal/source/tree"
	"github.com/podlike/podlike/internal/template/render"
)

// mostTemplate is how large a template may be.
const mostTemplate = 1 << 20

// A fetched thing is what a URL has given, or why it has not.
type fetched struct {
	text []byte
	err  error
}

// A loaded template is its text, and the directory that paths in it start from.
type loaded struct {
	text span.Span
	dir  string
	name string
}

// load reads a template, or what it falls back to where it is missing. It is reported where there
// is none.
func (s *session) load(it *item) (loaded, bool) {
	var text []byte
	var err error
	name, dir := it.file, it.dir
	switch {
	case it.inline != nil:
		return loaded{*it.inline, it.dir, "inline"}, true
	case it.url != "":
		if text, err = s.fetch(it); err != nil && !errors.Is(err, errMissing) {
			s.once(it.at, it.place, err.Error())
			return loaded{}, false
		}
		name, dir = it.url, it.dir
	default:
		if !path.IsAbs(name) {
			name = path.Join(it.dir, name)
		}
		text, err = s.read(name)
		dir = path.Dir(name)
	}
	missing := errors.Is(err, fs.ErrNotExist) || errors.Is(err, errMissing)
	switch {
	case missing && it.fallback != nil:
		return s.load(it.fallback)
	case err != nil:
		s.once(it.at, it.place, fmt.Sprintf("cannot read %s: %v", name, reason(err)))
		return loaded{}, false
	case len(text) > mostTemplate:
		s.once(it.at, it.place, fmt.Sprintf("%s is larger than 1 MiB, which no template is", name))
		return loaded{}, false
	}
	if err := charset.Check(text); err != nil {
		s.once(it.at, it.place, fmt.Sprintf("cannot read %s: %v", name, err))
		return loaded{}, false
	}
	return loaded{span.Whole(name, string(text)), dir, name}, true
}

// errMissing is what there is at a URL that has nothing.
var errMissing = errors.New("is missing")

// Missing is an error that says that there is nothing at a URL, so that a template falls back.
func Missing(why string) error { return fmt.Errorf("%s: %w", why, errMissing) }

// fetch gets what a URL names, once, and checks it.
func (s *session) fetch(it *item) ([]byte, error) {
	switch {
	case it.sha256 == "" && !s.Unpinned:
		return nil, fmt.Errorf("%s has no checksum, so that it may be another tomorrow; add sha256:, or allow it by -http", it.url)
	case s.Fetch == nil:
		return nil, fmt.Errorf("%s cannot be fetched here; nothing is", it.url)
	}
	key := fmt.Sprint(it.insecure, it.url)
	got, known := s.fetched[key]
	if !known {
		got.text, got.err = s.Fetch(it.url, it.insecure)
		s.fetched[key] = got
	}
	if got.err != nil {
		return nil, got.err
	}
	if found := sha256.Sum256(got.text); it.sha256 != "" && hex.EncodeToString(found[:]) != it.sha256 {
		return nil, fmt.Errorf("%s is not what it was: its sha256 is %s", it.url, hex.EncodeToString(found[:]))
	}
	return got.text, nil
}

// A rendered template is the YAML that it has made.
type rendered struct {
	root *tree.Value
	it   *item
	loaded
	text span.Span
}

// renderItem renders one template.
func (s *session) renderItem(it *item, data any) (rendered, bool) {
	from, ok := s.load(it)
	if !ok {
		return rendered{}, false
	}
	r := rendered{it: it, loaded: from}
	var findings []source.Finding
	if r.text, findings = render.Execute(from.text, data); len(findings) > 0 {
		for _, f := range findings {
			s.once(f.Position, it.place, f.What)
		}
		return r, false
	}
	root, findings := tree.Parse(r.text, it.place)
	for _, f := range findings {
		f.What += r.shown(f.Position)
		s.once(f.Position, join(it.place, f.Place), f.What)
	}
	if len(findings) > 0 {
		return r, false
	}
	r.root = root
	return r, true
}

// shown are the lines around a place that the template has rendered.
func (r rendered) shown(at source.Position) string {
	for i, from := range r.text.At {
		if from != at {
			continue
		}
		line := 1 + strings.Count(string(r.text.Text[:min(i, len(r.text.Text))]), "\n")
		var all []string
		for _, text := range r.text.Lines(line-1, line) {
			all = append(all, fmt.Sprintf("%q", text))
		}
		return fmt.Sprintf("; rendered up to line %d: %s", line, strings.Join(all, ", "))
	}
	return ""
}

// join is a place within another; either may be empty.
func join(outer, inner string) string {
	return strings.TrimPrefix(strings.TrimSuffix(outer+": "+inner, ": "), ": ")
}

// roots are the entries below the root of what a template has made. Where only one may be there, a
// second one is reported.
func (s *session) roots(r rendered, one bool, what string) []tree.Entry {
	switch {
	case r.root == nil && !one, r.root != nil && r.root.Kind == tree.Mapping && len(r.root.Entries) == 0 && !one:
		return nil
	case r.root == nil, r.root.Kind == tree.Mapping && len(r.root.Entries) == 0:
		s.once(r.it.at, r.it.place, fmt.Sprintf("%s has rendered nothing; %s", r.name, what))
		return nil
	case r.root.Kind != tree.Mapping:
		kind := "text"
		if r.root.Kind == tree.List {
			kind = "a list"
		}
		s.once(r.root.At.Position, r.it.place, fmt.Sprintf("has rendered %s; %s%s", kind, what, r.shown(r.root.At.Position)))
		return nil
	case one && len(r.root.Entries) != 1:
		keys := r.root.Keys()
		s.once(r.root.Entries[1].At.Position, r.it.place, fmt.Sprintf("has rendered %d keys at its root: %s; %s", len(keys), strings.Join(keys, ", "), what))
		return nil
	}
	return r.root.Entries
}
