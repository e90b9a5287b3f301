package template

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/span"
	"github.com/podlike/podlike/internal/source/tree"
)

// What x-podlike is called, in a service and at the top, and where kinds are.
const (
	extension      = "x-podlike"
	kindsExtension = "x-podlike-kinds"
	argsKey        = "args"
)

// A form is what the value of a key looks like.
type form int

const (
	items   form = iota // a template, or a list of them
	mapping             // a mapping of anything
	names               // the name of a kind, or a list of them
)

// A Section is one key of what a service or a kind says. The documentation, the JSON Schema and the
// reader are made of the same table.
type Section struct {
	Key  string
	Form form
	// Of says who may have it: services, kinds, or both.
	OfService, OfKind bool
	Note              string
}

// sections are all there are.
var sections = []Section{
	{"pod", items, true, true, "yields the supervisor's service, below one key of any name"},
	{"transformer", items, true, true, "yields the main component, below one key: the first one's is its name, app where there is none"},
	{"templates", items, true, true, "yields more components, each below its name"},
	{"init", items, true, true, "yields one component that runs to its end before the others start, below a key of any name"},
	{"copy", items, true, true, "yields what is copied into components: below a component's name /source:/target, a list of those, or a mapping"},
	{argsKey, mapping, true, true, "arguments for the templates: .Args"},
	{"use", names, true, false, "kinds that the service is of, in this order"},
	{"stack", items, false, true, "yields configs, secrets, volumes, networks and services, once for all who use the kind"},
	{"needs", names, false, true, "kinds that come first"},
}

// An item is one template, before it is read.
type item struct {
	at    source.Position
	place string // for the user: services.calc: templates[1]
	dir   string // that its path starts from
	// One of these is what it is.
	file   string
	inline *span.Span
	url    string
	// Of a url.
	insecure bool
	sha256   string
	fallback *item
}

// A named thing is a name and where it was written.
type named struct {
	name string
	at   source.Position
}

// A config is what a service, the top of the stack for it, or a kind says.
type config struct {
	at     tree.Origin
	place  string
	items  map[string][]*item
	args   *tree.Value
	use    []named
	needs  []named
	isKind bool
}

// A grammar reads x-podlike.
type grammar struct {
	*session
}

// config reads what a service or a kind says.
func (g grammar) config(v *tree.Value, place, dir string, isKind bool) *config {
	c := &config{at: v.At, place: place, items: map[string][]*item{}, isKind: isKind}
	switch {
	case v.IsNull():
		return c
	case v.Kind == tree.List && !isKind, v.IsText() && !isKind:
		c.use = g.names(v, place)
		return c
	case v.Kind != tree.Mapping:
		g.wrong(v.At.Position, place, "must be a mapping such as {templates: [templates/mesh.yml]}")
		return c
	}
	var known []string
	for _, s := range sections {
		if s.OfKind && isKind || s.OfService && !isKind {
			known = append(known, s.Key)
		}
	}
	for _, e := range v.Entries {
		i := slices.IndexFunc(sections, func(s Section) bool { return s.Key == e.Key && slices.Contains(known, e.Key) })
		if i < 0 {
			g.wrong(e.At.Position, place, "%s: unknown key%s", e.Key, didYouMean(e.Key, known))
			continue
		}
		switch s := sections[i]; {
		case e.Value.IsNull():
		case s.Form == items:
			c.items[s.Key] = g.items(e.Value, place+": "+s.Key, dir)
		case s.Form == mapping && e.Value.Kind != tree.Mapping:
			g.argsBroken = true
			g.wrong(e.Value.At.Position, place, "%s: must be a mapping such as {port: 8080}", s.Key)
		case s.Form == mapping:
			c.args = e.Value
		case s.Key == "use":
			c.use = g.names(e.Value, place+": use")
		default:
			c.needs = g.names(e.Value, place+": needs")
		}
	}
	return c
}

// names reads the names of kinds.
func (g grammar) names(v *tree.Value, place string) []named {
	list := []*tree.Value{v}
	if v.Kind == tree.List {
		list = v.Items
	}
	var all []named
	for _, one := range list {
		if !one.IsText() {
			g.wrong(one.At.Position, place, "must be the name of a kind, or a list of names")
			continue
		}
		all = append(all, named{one.Text, one.At.Position})
	}
	return all
}

// items reads one template or a list of them.
func (g grammar) items(v *tree.Value, place, dir string) []*item {
	if v.Kind != tree.List {
		return g.one(v, place, dir)
	}
	var all []*item
	for i, one := range v.Items {
		all = append(all, g.one(one, fmt.Sprintf("%s[%d]", place, i), dir)...)
	}
	return all
}

// one reads a template, and returns none if there is none.
func (g grammar) one(v *tree.Value, place, dir string) []*item {
	if it := g.item(v, place, dir); it != nil {
		return []*item{it}
	}
	return nil
}

// isURL tells an address from a path.
var isURL = regexp.MustCompile(`(?i)^https?://`)

// itemForms are what a template can be.
const itemForms = "must be a path, a URL, or a mapping with one of file, inline and http"

// item reads one template.
func (g grammar) item(v *tree.Value, place, dir string) *item {
	it := &item{at: v.At.Position, place: place, dir: dir}
	switch {
	case v.IsText() && v.Text != "" && isURL.MatchString(v.Text):
		it.url = v.Text
		return it
	case v.IsText() && v.Text != "":
		it.file = v.Text
		return it
	case v.Kind != tree.Mapping || len(v.Entries) != 1:
		g.wrong(v.At.Position, place, itemForms)
		return nil
	}
	e := v.Entries[0]
	it.at = e.Value.At.Position
	switch e.Key {
	case "inline":
		return g.inline(it, e.Value)
	case "file":
		if e.Value.IsText() {
			it.file = e.Value.Text
			return it
		}
		return g.long(it, e.Value, []string{"path", "fallback"})
	case "http":
		if e.Value.IsText() {
			it.url = e.Value.Text
			return g.address(it)
		}
		return g.long(it, e.Value, []string{"url", "insecure", "sha256", "fallback"})
	}
	g.wrong(e.At.Position, place, "%s: unknown key%s", e.Key, didYouMean(e.Key, []string{"file", "inline", "http"}))
	return nil
}

// inline reads a template that stands in the stack itself, as text or as a mapping.
func (g grammar) inline(it *item, v *tree.Value) *item {
	var text span.Span
	switch {
	case v.Kind == tree.Mapping:
		var err error
		if text, err = tree.WriteSpan(v); err != nil {
			g.wrong(v.At.Position, it.place, "%v", err)
			return nil
		}
	case v.IsText():
		from, known := g.texts[v.At.File]
		if !known {
			from = span.Whole(v.At.File, "")
		}
		text = from.Scalar(&yaml.Node{Kind: yaml.ScalarNode, Line: v.At.Line, Column: v.At.Column, Style: v.Style, Value: v.Text})
	default:
		g.wrong(v.At.Position, it.place, "inline: must be the text of a template, or a mapping")
		return nil
	}
	it.inline = &text
	return it
}

// long reads the mapping of file or http.
func (g grammar) long(it *item, v *tree.Value, known []string) *item {
	if v.Kind != tree.Mapping {
		example := "{path: templates/mesh.yml}"
		if known[0] == "url" {
			example = "{url: https://example.com/mesh.yml}"
		}
		g.wrong(v.At.Position, it.place, "must be a mapping such as %s", example)
		return nil
	}
	good := true
	for _, e := range v.Entries {
		isText := e.Value.IsText() && e.Value.Text != ""
		switch {
		case !slices.Contains(known, e.Key):
			g.wrong(e.At.Position, it.place, "%s: unknown key%s", e.Key, didYouMean(e.Key, known))
			good = false
		case e.Key == "fallback":
			it.fallback = g.item(e.Value, it.place+": fallback", it.dir)
			good = good && it.fallback != nil
		case e.Key == "insecure":
			it.insecure = e.Value.IsText() && e.Value.Text == "true"
			if !e.Value.IsText() || e.Value.Tag != "!!bool" {
				g.wrong(e.Value.At.Position, it.place, "insecure: must be true or false")
				good = false
			}
		case !isText:
			g.wrong(e.Value.At.Position, it.place, "%s: must be text", e.Key)
			good = false
		case e.Key == "path":
			it.file = e.Value.Text
		case e.Key == "sha256":
			it.sha256 = strings.ToLower(e.Value.Text)
			good = g.checksum(it, e.Value) && good
		default:
			it.url = e.Value.Text
		}
	}
	if v.Get(known[0]) == nil {
		g.wrong(v.At.Position, it.place, "%s is missing; add it", known[0])
		return nil
	}
	if !good {
		return nil
	}
	if it.url != "" {
		return g.address(it)
	}
	return it
}

// sum is a SHA-256 in hexadecimal digits.
var sum = regexp.MustCompile(`^[0-9a-f]{64}$`)

// checksum tells whether a checksum is one.
func (g grammar) checksum(it *item, v *tree.Value) bool {
	if !sum.MatchString(it.sha256) {
		g.wrong(v.At.Position, it.place, "sha256: must be 64 hexadecimal digits, as sha256sum prints them")
		return false
	}
	return true
}

// address is the item, if its URL is one.
func (g grammar) address(it *item) *item {
	if !isURL.MatchString(it.url) {
		g.wrong(it.at, it.place, "%s is no URL; write https://HOST/PATH", it.url)
		return nil
	}
	return it
}

// didYouMean is what follows a complaint about an unknown word.
func didYouMean(word string, known []string) string {
	if nearest := compose.Nearest(word, known); nearest != "" {
		return "; did you mean " + nearest + "?"
	}
	if len(known) == 0 {
		return "; there is none"
	}
	return "; known are " + strings.Join(slices.Sorted(slices.Values(known)), ", ")
}

// kinds reads those of the stack, and of the files that it names.
func (g grammar) kinds(v *tree.Value) {
	if v.IsNull() {
		return
	}
	list := []*tree.Value{v}
	if v.Kind == tree.List {
		list = v.Items
	}
	for _, one := range list {
		if !one.IsText() {
			g.kindsOf(one, g.dirOf(one.At))
			continue
		}
		file := one.Text
		if !path.IsAbs(file) {
			file = path.Join(g.dirOf(one.At), file)
		}
		g.kindsFile(file, one)
	}
}

// kindsFile reads the kinds of a file: its x-podlike-kinds, or all of it.
func (g grammar) kindsFile(file string, says *tree.Value) {
	text, err := g.read(file)
	if err != nil {
		g.wrong(says.At.Position, kindsExtension, "cannot read %s: %v", file, reason(err))
		return
	}
	s := span.Whole(file, string(text))
	g.texts[file] = s
	root, findings := tree.Parse(s, "")
	g.findings = append(g.findings, findings...)
	if root == nil {
		return
	}
	if inner := root.Get(kindsExtension); inner != nil {
		root = inner
	}
	g.kindsOf(root, path.Dir(file))
}

// kindsOf reads a mapping of kinds.
func (g grammar) kindsOf(v *tree.Value, dir string) {
	if v.Kind != tree.Mapping {
		g.wrong(v.At.Position, kindsExtension, "must be a mapping of kinds, or a list of files that have them")
		return
	}
	for _, e := range v.Entries {
		place := kindsExtension + "." + e.Key
		if strings.HasPrefix(e.Key, "x-") { // for anchors
			continue
		}
		if other := g.kindsByName[e.Key]; other != nil {
			g.wrong(e.At.Position, place, "there is another one at %s; give one of them another name", other.at.Position)
			continue
		}
		c := g.config(e.Value, place, dir, true)
		c.at.Position = e.At.Position
		g.kindsByName[e.Key] = c
	}
}

// ordered are the kinds that a service uses, those that others need first, and each once.
func (g grammar) ordered(use []named, place string) []string {
	var order, trail []string
	var visit func(n named, place string)
	visit = func(n named, place string) {
		kind := g.kindsByName[n.name]
		switch {
		case slices.Contains(order, n.name):
			return
		case slices.Contains(trail, n.name):
			g.cycle(trail[slices.Index(trail, n.name):], n, place)
			return
		case kind == nil:
			g.once(n.at, place, "there is no kind "+n.name+didYouMean(n.name, keysOf(g.kindsByName)))
			return
		}
		trail = append(trail, n.name)
		for _, needed := range kind.needs {
			visit(needed, kind.place+": needs")
		}
		trail = trail[:len(trail)-1]
		order = append(order, n.name)
	}
	for _, n := range use {
		visit(n, place)
	}
	return order
}

// cycle reports kinds that need each other, once for all of them.
func (g grammar) cycle(kinds []string, n named, place string) {
	same := source.Finding{Problem: pod.Problem{What: strings.Join(slices.Sorted(slices.Values(kinds)), " ")}}
	if !g.told[same] && n.at.File != "" {
		g.told[same] = true
		g.once(n.at, place, strings.Join(append(slices.Clone(kinds), n.name), " -> ")+": a kind cannot need itself; leave one of them out")
	}
}

// needers are the kinds among some that need one, however many others are between.
func (g grammar) needers(of string, among []string) []string {
	var all []string
	for _, name := range among {
		if name != of && slices.Contains(g.ordered([]named{{name: name}}, ""), of) {
			all = append(all, name)
		}
	}
	return all
}

// problem is one of a text.
func problem(at source.Position, place, what string) source.Finding {
	return source.Finding{Position: at, Problem: pod.Problemf(place, "%s", what)}
}

// Sections are the keys of what services and kinds say, for the documentation.
func Sections() []Section { return slices.Clone(sections) }

// FormWords say what the value looks like.
func (s Section) FormWords() string {
	return map[form]string{items: "a template, or a list of them", mapping: "a mapping", names: "the name of a kind, or a list of names"}[s.Form]
}

// Of says who may have the key.
func (s Section) Of() string {
	switch {
	case s.OfService && s.OfKind:
		return "services, kinds"
	case s.OfService:
		return "services"
	}
	return "kinds"
}
