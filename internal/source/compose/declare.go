package compose

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
)

// A volumeDefinition is a volume that a file declares.
type volumeDefinition struct {
	name     string // its own, empty if it has none
	place    string
	external bool
	driver   string
	options  map[string]string
	labels   map[string]string
}

// definitionForm is what a declared volume, secret or config looks like.
const definitionForm = "a mapping such as {name: NAME}"

// volumes reads the volumes that a file declares.
func (a *assembler) volumes(file string, all *yaml.Node, to map[string]volumeDefinition) {
	if all.Kind != yaml.MappingNode {
		return
	}
	for pair := range slices.Chunk(all.Content, 2) {
		key := pair[0].Value
		v := volumeDefinition{place: join(file, at(pair[0].Line)+"volumes."+key)}
		d := a.declared(v.place, pair[1], map[string]field{
			"name": nil, "external": nil, "driver": nil,
			"driver_opts": func(place string, n *yaml.Node) { v.options = a.textMap(place, n) },
			"labels":      func(place string, n *yaml.Node) { v.labels = a.textMap(place, n) },
		})
		v.name, v.external, v.driver = d.name, d.external, d.text["driver"]
		if v.driver == "local" { // which is what the engine takes anyway
			v.driver = ""
		}
		switch {
		case v.name != "" && !engineName.MatchString(v.name):
			a.wrong(v.place, "%s is no name of a volume", Quote(v.name))
			continue
		case v.external && (v.driver != "" || v.options != nil || v.labels != nil):
			a.wrong(v.place, "is external, so that it is there already; leave out driver, driver_opts and labels")
		}
		to[key] = v
	}
}

// A declaration is what volumes, secrets and configs have in common.
type declaration struct {
	name     string
	external bool
	text     map[string]string // of the other keys that are text
}

// declared reads one, of which only these keys are known. Those with nothing to read them
// are text.
func (a *assembler) declared(place string, n *yaml.Node, fields map[string]field) declaration {
	d := declaration{text: map[string]string{}}
	if n.ShortTag() == "!!null" {
		return d
	}
	if n.Kind != yaml.MappingNode {
		a.wrong(place, "must be %s", definitionForm)
		return d
	}
	var known []string
	for key := range fields {
		known = append(known, key)
	}
	for pair := range slices.Chunk(n.Content, 2) {
		key, value := pair[0].Value, pair[1]
		read, is := fields[key]
		switch {
		case isExtension(key):
		case !is:
			a.wrong(place, "%s: unknown key%s", key, didYouMean(key, known, ""))
		case read != nil:
			read(place+": "+key, value)
		case key == "external":
			a.external(place, value, &d)
		case value.Kind != yaml.ScalarNode:
			a.wrong(place, "%s must be a string, not %s", key, Quote(decoded(value)))
		case key == "name":
			d.name = value.Value
		default:
			d.text[key] = value.Value
		}
	}
	return d
}

// external reads whether something is there already: a flag, or {name: NAME} as older files
// have it.
func (a *assembler) external(place string, n *yaml.Node, d *declaration) {
	if n.Kind == yaml.MappingNode {
		d.external = true
		if name := child(n, "name"); name != nil && d.name == "" {
			d.name = name.Value
		}
		return
	}
	is, ok := castFlag(n.Value)
	if n.Kind != yaml.ScalarNode || !ok {
		a.wrong(place, "external must be %s, not %s", flag, Quote(decoded(n)))
	}
	d.external = is
}

// textMap reads a mapping of names to text, or a list of name=value.
func (a *assembler) textMap(place string, n *yaml.Node) map[string]string {
	all := map[string]string{}
	switch n.Kind {
	case yaml.MappingNode:
		for pair := range slices.Chunk(n.Content, 2) {
			if pair[1].Kind != yaml.ScalarNode {
				a.wrong(place, "%s must be %s, not %s", pair[0].Value, plain, Quote(decoded(pair[1])))
			}
			all[pair[0].Value] = pair[1].Value
		}
	case yaml.SequenceNode:
		for _, item := range n.Content {
			name, value, _ := strings.Cut(item.Value, "=")
			all[name] = value
		}
	default:
		if n.ShortTag() != "!!null" {
			a.wrong(place, "must be %s", pairs)
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// projectName is what docker compose takes as the name of a project.
var projectName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)

// projectOf is what is put before the names of volumes: what the label says, or else what
// docker compose would take, unless that is made up from a directory.
func (a *assembler) projectOf(file string, from *source, s scope) string {
	if a.own.Project != nil {
		if p := *a.own.Project; p != "" && !projectName.MatchString(p) {
			a.wrong(pod.Project, "%s is no name of a project; use small letters, digits, _ and -, and begin with a letter or digit", Quote(p))
		}
		return *a.own.Project
	}
	given, _ := s.lookup("COMPOSE_PROJECT_NAME")
	project := cmp.Or(given, from.project)
	if project != "" && !projectName.MatchString(project) {
		a.wrong(join(file, "name"), "%s is no name of a project; use small letters, digits, _ and -, and begin with a letter or digit", Quote(project))
	}
	return project
}

// declareVolumes gives the components' volumes what the file declares of them.
func (f *File) declareVolumes(all map[string]volumeDefinition, project string) {
	shared := map[string]string{} // where they are declared
	for _, g := range f.Groups {
		for _, c := range g {
			for i, v := range c.Volumes {
				d, known := all[v.Source]
				if v.Kind != pod.Named || !known {
					continue
				}
				if d.name == "" && !d.external && project == "" {
					shared[v.Source] = d.place
				}
				c.Volumes[i] = d.declare(v, project)
			}
		}
	}
	if len(shared) > 0 {
		names := slices.Sorted(maps.Keys(shared))
		const what = "%s: a volume without a name that is none of the service's is shared by all pods on the node that use this one; " +
			"the label %s puts a name before it"
		f.Warnings = append(f.Warnings, pod.Problemf(shared[names[0]], what, strings.Join(names, ", "), pod.Project))
	}
}

// declare is a component's volume with what the file declares of it.
func (d volumeDefinition) declare(v pod.Volume, project string) pod.Volume {
	switch {
	case d.name != "":
		v.Source = d.name
	case project != "" && !d.external:
		v.InProject = project + "_" + v.Source
	}
	v.Driver, v.Options, v.External = d.driver, d.options, d.external
	for key, value := range d.labels {
		if _, said := v.Labels[key]; !said {
			if v.Labels == nil {
				v.Labels = map[string]string{}
			}
			v.Labels[key] = value
		}
	}
	return v
}

// A fileDefinition is a secret or a config that a file declares.
type fileDefinition struct {
	file     string // in the supervisor
	variable string
	content  *string
}

// fileDefinitions reads the secrets or configs that a file declares.
func (a *assembler) fileDefinitions(file, kind string, all *yaml.Node, s scope, to map[string]fileDefinition) {
	if all.Kind != yaml.MappingNode {
		return
	}
	for pair := range slices.Chunk(all.Content, 2) {
		key := pair[0].Value
		place := join(file, at(pair[0].Line)+kind+"."+key)
		fields := map[string]field{"name": nil, "external": nil, "file": nil, "environment": nil, "driver": nil, "template_driver": nil}
		fields["labels"] = func(string, *yaml.Node) {}
		fields["driver_opts"] = fields["labels"]
		if kind == "configs" {
			fields["content"] = nil
		}
		to[key] = a.fileDefinition(place, a.declared(place, pair[1], fields), s)
	}
}

// fileDefinition is what one of them says. Where it says nothing it is the service's own.
func (a *assembler) fileDefinition(place string, d declaration, s scope) (f fileDefinition) {
	var said []string
	for _, key := range []string{"file", "environment", "content"} {
		if _, is := d.text[key]; is {
			said = append(said, key)
		}
	}
	switch {
	case d.external && len(said) > 0:
		a.wrong(place, "is external, so that the service has it; leave out %s", said[0])
	case len(said) > 1:
		a.wrong(place, "comes from %s; leave one of them out", strings.Join(said, " and from "))
	case len(said) == 0:
		return f
	}
	switch said[0] {
	case "file":
		if f.file = s.path(d.text["file"]); d.text["file"] == "" {
			a.wrong(place, "file is empty; write the path of a file in the supervisor")
		}
	case "environment":
		value, found := s.lookup(d.text["environment"])
		if !found {
			a.wrong(place, "the variable %s is not set in the supervisor; set it", d.text["environment"])
		}
		f.variable, f.content = d.text["environment"], &value
	case "content":
		value := d.text["content"]
		f.content = &value
	}
	return f
}

// declareFiles gives the components' secrets and configs what the file declares of them.
func (f *File) declareFiles(all map[string]map[string]fileDefinition) {
	for _, g := range f.Groups {
		for _, c := range g {
			for i, file := range c.Copies {
				kind := file.Place[strings.LastIndex(file.Place, " ")+1:]
				name, own := strings.CutPrefix(file.Source, handedDirs[kind])
				if d, known := all[kind][name]; own && known {
					c.Copies[i] = d.declare(file)
				}
			}
		}
	}
}

// declare is a component's secret or config with what the file declares of it.
func (d fileDefinition) declare(c pod.Copy) pod.Copy {
	switch {
	case d.file != "":
		c.Source, c.InFile = d.file, true
	case d.content != nil:
		c.Source, c.Content, c.From = "", d.content, "content of the Compose file"
		if d.variable != "" {
			c.From = fmt.Sprintf("environment %s", d.variable)
		}
	}
	return c
}
