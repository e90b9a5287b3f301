package compose

import (
	"cmp"
	"maps"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// An inclusion is what one item of include says.
type inclusion struct {
	Path      oneOrMore `yaml:"path"`
	EnvFile   oneOrMore `yaml:"env_file"`
	Directory string    `yaml:"project_directory"`
}

// oneOrMore is a string or a list of strings.
type oneOrMore []string

// UnmarshalYAML reads either.
func (t *oneOrMore) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*t = []string{n.Value}
		return nil
	}
	return n.Decode((*[]string)(t))
}

// include adds what a file includes to what it has itself, which wins (Compose: include).
func (a *assembler) include(file string, list *yaml.Node, s scope, to *source, loading []string) {
	place := join(file, at(list.Line)+"include")
	if list.Kind != yaml.SequenceNode {
		a.wrong(place, "must be a list of paths, or of mappings such as {path: other.yml}")
		return
	}
	for _, item := range list.Content {
		place := join(file, at(item.Line)+"include")
		one := inclusion{Path: oneOrMore{item.Value}}
		if item.Kind != yaml.ScalarNode && item.Decode(&one) != nil || len(one.Path) == 0 || slices.Contains(one.Path, "") {
			a.wrong(place, "must be a list of paths, or of mappings such as {path: other.yml}")
			continue
		}
		within := a.scopeOf(place, one, s)
		for _, other := range slices.Backward(one.Path) { // later ones win
			if strings.Contains(other, "://") {
				a.wrong(place, "%s is no file in the supervisor; nothing else can be included", Quote(other))
				continue
			}
			if from := a.load(place, s.path(other), within, loading); from != nil {
				a.add(from, to)
			} else {
				a.partial = true
			}
		}
	}
}

// scopeOf is the scope of what is included: the includer's variables win over those of
// its files, by default the .env of its directory.
func (a *assembler) scopeOf(place string, one inclusion, s scope) scope {
	within := scope{dir: path.Dir(s.path(one.Path[0])), lookup: s.lookup, by: s.by + place}
	if one.Directory != "" {
		within.dir = s.path(one.Directory)
	}
	if one.EnvFile == nil {
		within.lookup = a.dotEnv(path.Join(within.dir, ".env"), s.lookup)
		return within
	}
	env := map[string]string{}
	for _, file := range one.EnvFile {
		if file == "/dev/null" { // how Compose says that there is to be none
			continue
		}
		text, err := a.own.ReadFile(s.path(file))
		if err == nil {
			err = variables(text, env, s.lookup)
		}
		if err != nil {
			a.wrong(place, "cannot read %s in the supervisor: %s", Quote(s.path(file)), reason(err))
		}
	}
	within.lookup = orIn(s.lookup, env)
	return within
}

// add adds the services and volumes of another file to those that are there.
func (a *assembler) add(from, to *source) {
	for _, name := range slices.Sorted(maps.Keys(from.services)) {
		if own := to.services[name]; own != nil {
			to.services[name] = a.merge(from.services[name], own)
		} else {
			to.services[name] = from.services[name]
		}
	}
	for key, v := range from.volumes {
		if _, own := to.volumes[key]; !own {
			to.volumes[key] = v
		}
	}
	for kind, files := range from.files {
		for key, file := range files {
			if _, own := to.files[kind][key]; !own {
				to.files[kind][key] = file
			}
		}
	}
	to.project = cmp.Or(to.project, from.project)
}
