package template

import (
	"fmt"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/tree"
	"github.com/podlike/podlike/internal/template/merge"
)

// Defaults of what is rendered.
const (
	defaultImage   = "podlike/supervisor"
	defaultCommand = "-logs"
	defaultName    = "app"
	socket         = "/var/run/docker.sock"
)

// A podOf is the pod that a service becomes.
type podOf struct {
	*session
	name    string
	at      tree.Origin
	service *tree.Value // as the user has written it, without what is ours
	configs []*voice    // what has templates for it, the strongest first
	view    record      // of the service

	// What templates say, merged.
	task       *tree.Value
	main       *tree.Value
	mainName   string
	components []tree.Entry
	init       []*tree.Value
	copies     []tree.Entry
	ownPod     bool // the stack itself has a pod template for it

	// labels and parts are what the output has, for who asks where from.
	parts []part
}

// A voice is one of the configs that speak for a service, and the arguments that its templates see.
type voice struct {
	*config
	args *tree.Value
}

// A part is a piece of the output: the task, or a component.
type part struct {
	name  string
	value *tree.Value
}

// podFor is the pod of a service, nil if it has none.
func (s *session) podFor(g grammar, e tree.Entry, own *config) *podOf {
	top := s.top[e.Key]
	if own == nil && top == nil {
		return nil
	}
	if own == nil {
		own = &config{place: top.place, items: map[string][]*item{}}
	}
	if top == nil {
		top = &config{place: own.place, items: map[string][]*item{}}
	}
	p := &podOf{session: s, name: e.Key, at: e.At, service: e.Value, ownPod: len(own.items["pod"])+len(top.items["pod"]) > 0}
	var args *tree.Value
	for _, one := range []*tree.Value{s.set[e.Key], s.set[""], own.args, top.args, s.global} { // the strongest first
		args = merge.Mappings(args, one)
	}
	p.configs = []*voice{{own, args}, {top, args}}
	order := g.ordered(slices.Concat(own.use, top.use), join(own.place, "use"))
	for _, name := range order {
		of := args
		for _, needer := range g.needers(name, order) {
			of = merge.Mappings(of, s.kindsByName[needer].args)
		}
		kind := s.kindsByName[name]
		p.configs = append(p.configs, &voice{kind, merge.Mappings(of, kind.args)})
		if !slices.Contains(s.used, name) {
			s.used = append(s.used, name)
		}
	}
	return p
}

// data is what the templates of a config see.
func (p *podOf) data(c *voice) map[string]any {
	args, _ := c.args.Plain().(map[string]any)
	if args == nil {
		args = map[string]any{}
	}
	return map[string]any{"Service": p.view, "Args": args, "Stack": stackRecord(p.original), "Name": p.name}
}

// each renders the templates of a section, in their order.
func (p *podOf) each(section string, do func(r rendered)) {
	for _, c := range p.configs {
		for _, it := range c.items[section] {
			if r, ok := p.renderItem(it, p.data(c)); ok {
				do(r)
			}
		}
	}
}

// render renders all templates of the service.
func (p *podOf) render() {
	p.view = serviceRecord(p.name, p.service)
	p.each("pod", func(r rendered) {
		for _, e := range p.roots(r, true, "a pod template yields one service, below one key of any name") {
			p.task = merge.Services(p.task, p.definition(r, e), false)
		}
	})
	p.each("transformer", func(r rendered) {
		for _, e := range p.roots(r, true, "a transformer yields the main component, below one key") {
			if p.mainName == "" {
				p.mainName = e.Key
			}
			p.main = merge.Services(p.main, p.definition(r, e), false)
		}
	})
	if p.mainName == "" {
		p.mainName = defaultName
	}
	p.each("templates", func(r rendered) {
		for _, e := range p.roots(r, false, "templates yield components, each below its name") {
			p.component(e.Key, e, p.definition(r, e))
		}
	})
	p.each("init", func(r rendered) {
		for _, e := range p.roots(r, true, "an init template yields one component, below a key of any name") {
			if v := p.definition(r, e); v != nil {
				p.init = append(p.init, v)
			}
		}
	})
	p.each("copy", func(r rendered) {
		for _, e := range p.roots(r, false, "a copy template yields what is copied, below the names of components") {
			p.copy(r, e)
		}
	})
}

// definition is the service or component below a root key. What it leaves empty is not there,
// whatever others say.
func (p *podOf) definition(r rendered, e tree.Entry) *tree.Value {
	if e.Value.IsNull() {
		return tree.NewMapping(e.At)
	}
	if e.Value.Kind != tree.Mapping {
		p.once(e.Value.At.Position, r.it.place, fmt.Sprintf("%s: must be a mapping such as {image: NAME}%s", e.Key, r.shown(e.Value.At.Position)))
		return nil
	}
	for i, one := range e.Value.Entries {
		if one.Value.IsNull() && one.Value.Mark == "" {
			e.Value.Entries[i].Value.Mark = tree.Reset
		}
	}
	return e.Value
}

// component lays a definition over those of the component that there are. The main component may
// have more from there.
func (p *podOf) component(name string, e tree.Entry, v *tree.Value) {
	if v == nil {
		return
	}
	if name == p.mainName {
		p.main = merge.Services(p.main, v, false)
		return
	}
	for i, c := range p.components {
		if c.Key == name {
			p.components[i].Value = merge.Services(c.Value, v, false)
			return
		}
	}
	p.components = append(p.components, tree.Entry{Key: name, At: e.At, Value: v})
}

// copy adds what is copied into a component.
func (p *podOf) copy(r rendered, e tree.Entry) {
	var all []*tree.Value
	switch v := e.Value; {
	case v.IsText():
		all = append(all, v)
	case v.Kind == tree.List:
		all = v.Items
	case v.Kind == tree.Mapping:
		for _, c := range v.Entries {
			if !c.Value.IsText() {
				p.once(c.At.Position, r.it.place, e.Key+": "+copyForms)
				return
			}
			all = append(all, tree.NewText(c.Key+":"+c.Value.Text, c.At))
		}
	}
	if len(all) == 0 || slices.ContainsFunc(all, func(v *tree.Value) bool { return !v.IsText() }) {
		p.once(e.Value.At.Position, r.it.place, e.Key+": "+copyForms)
		return
	}
	for i, c := range p.copies {
		if c.Key == e.Key {
			for _, one := range all {
				if !slices.ContainsFunc(c.Value.Items, func(other *tree.Value) bool { return tree.Equal(one, other) }) {
					p.copies[i].Value.Items = append(p.copies[i].Value.Items, one)
				}
			}
			return
		}
	}
	p.copies = append(p.copies, tree.Entry{Key: e.Key, At: e.At, Value: &tree.Value{Kind: tree.List, At: e.Value.At, Items: slices.Clone(all)}})
}

// copyForms is what a copy looks like.
const copyForms = "must be /source:/target, a list of those, or a mapping of /source: /target"

// names are those of the pod's components.
func (p *podOf) names() []string {
	all := []string{p.mainName}
	for _, c := range p.components {
		all = append(all, c.Key)
	}
	return all
}

// place is where the service is, for the user.
func (p *podOf) place() string { return "services." + p.name }

// compose is the service that runs the pod.
func (p *podOf) compose() *tree.Value {
	task, main := p.divide()
	if image := p.main.Entry("image"); image != nil && !image.Value.IsNull() && image.Value.Mark != tree.Reset {
		if lost := main.Delete("image"); lost != nil {
			image.Value.Lost = append(image.Value.Lost, lost.Value)
		}
	}
	main = merge.Finish(merge.Services(main, p.main, false))
	task = merge.Finish(merge.Services(task, p.task, false))
	p.defaults(task)
	for i := range p.components {
		p.components[i].Value = merge.Finish(p.components[i].Value)
	}
	p.dependencies(main)
	labels := tree.NewMapping(p.at)
	if given := task.Delete("labels"); given != nil && !given.Value.IsNull() {
		labels = merge.Named("labels", given.Value)
	}
	p.images(main)
	p.mounts(task, main)
	p.checkup(task, main)
	p.label(labels, "pod.component."+p.mainName, p.at, p.written(p.mainName, main))
	for _, c := range p.components {
		p.label(labels, "pod.component."+c.Key, c.At, p.written(c.Key, c.Value))
	}
	if len(p.init) > 0 {
		p.label(labels, "pod.init.components", p.init[0].At, p.inits())
	}
	for _, c := range p.copies {
		p.label(labels, "pod.copy."+c.Key, c.At, copyText(c.Value))
	}
	p.grace(task, labels)
	labels.Style, task.Style = 0, 0
	task.Set("labels", p.at, labels)
	arrange(task, taskOrder)
	p.parts = append([]part{{"", task}}, p.parts...)
	return task
}

// images reports components that have none, as one whose name is misspelled in a template.
func (p *podOf) images(main *tree.Value) {
	if main.Get("image").IsNull() && !p.partial {
		p.wrong(p.at.Position, p.place(), "there is no image for the main component %s; add image, or let a transformer say one", p.mainName)
	}
	for _, c := range p.components {
		if c.Value.Get("image").IsNull() && !p.partial {
			p.once(c.At.Position, p.place(), "there is no image for the component "+c.Key+"; let a template say one"+meant(c.Key, p.names()))
		}
	}
}

// meant is what follows a complaint about a name that others are near to.
func meant(name string, known []string) string {
	others := slices.DeleteFunc(slices.Clone(known), func(other string) bool { return other == name })
	if nearest := compose.Nearest(name, others); nearest != "" {
		return ", or did you mean " + nearest + "?"
	}
	return ""
}

// label adds a label of ours, which the service must not have itself.
func (p *podOf) label(labels *tree.Value, key string, at tree.Origin, v *tree.Value) {
	if v == nil {
		return
	}
	if there := labels.Entry(key); there != nil {
		p.wrong(there.At.Position, p.place()+": labels", "%s: is made of x-podlike; leave it out, or say the same in a template", key)
		return
	}
	labels.Set(key, at, v)
}

// written is a component as the text of a label.
func (p *podOf) written(name string, v *tree.Value) *tree.Value {
	arrange(v, componentOrder)
	v.Style = 0 // in lines, as people write services
	p.parts = append(p.parts, part{name, v})
	return p.block(v)
}

// block is a value as text of several lines.
func (p *podOf) block(v *tree.Value) *tree.Value {
	text, err := tree.WriteSpan(v)
	if err != nil {
		p.wrong(v.At.Position, p.place(), "%v", err)
		return nil
	}
	b := tree.Block(string(text.Text), v.At)
	b.Chars = text.At
	return b
}

// inits are the init components as the text of a label.
func (p *podOf) inits() *tree.Value {
	list := &tree.Value{Kind: tree.List, At: p.init[0].At}
	for i, v := range p.init {
		v = merge.Finish(v)
		arrange(v, componentOrder)
		v.Style = 0
		p.parts = append(p.parts, part{fmt.Sprintf("init-%d", i+1), v})
		list.Items = append(list.Items, v)
	}
	return p.block(list)
}

// copyText is what is copied as the text of a label: one, or a list.
func copyText(v *tree.Value) *tree.Value {
	if len(v.Items) == 1 {
		return tree.NewText(v.Items[0].Text, v.Items[0].At)
	}
	var text strings.Builder
	var chars []source.Position
	for _, item := range v.Items {
		line := "- " + item.Text + "\n"
		text.WriteString(line)
		for range []rune(line) {
			chars = append(chars, item.At.Position)
		}
	}
	b := tree.Block(text.String(), v.At)
	b.Chars = chars
	return b
}

// What the keys of a pod's service and of its components are ordered by. Others follow by name.
var (
	taskOrder = []string{
		"image", "command", "entrypoint", "environment", "labels", "configs", "secrets", "volumes", "networks", "ports",
		"healthcheck", "stop_grace_period", "deploy",
	}
	componentOrder = []string{
		"image", "entrypoint", "command", "user", "working_dir", "environment", "depends_on", "healthcheck", "configs", "secrets", "volumes", "tmpfs",
	}
)

// arrange puts the keys of a mapping in order.
func arrange(v *tree.Value, order []string) {
	rank := func(key string) int {
		if i := slices.Index(order, key); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(v.Entries, func(a, b tree.Entry) int {
		if d := rank(a.Key) - rank(b.Key); d != 0 {
			return d
		}
		if rank(a.Key) < len(order) {
			return 0
		}
		return strings.Compare(a.Key, b.Key)
	})
}
