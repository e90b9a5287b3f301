package compose

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/podlike/podlike/internal/pod"
)

// A File is what was read of a Compose file, and of those that it includes or extends.
//
// What is said of a component in Problems and Warnings has the place that it would
// have in a label; Locate has the one in the files.
type File struct {
	// Groups are the components of its services, in the order of their names. One whose
	// profiles are not active is none (Compose: profiles).
	Groups []Group
	// Hosts are the names by which its components find each other, in their order.
	Hosts []string
	// Problems keep the pod from being run.
	Problems pod.Problems
	// Warnings tell what is ignored, and what was probably not meant.
	Warnings pod.Problems
	// Partial: a file that it includes could not be read, so that there may be more services.
	Partial bool
	// Unread are the places, as in a label, of what other files may say that could not be
	// read. That nothing is there is no news.
	Unread []string

	services map[string]*service
}

// ReadFile reads the Compose file at path. It is lenient: a key that makes no sense
// in a pod is ignored with a warning. What is wrong with any other is a problem, as
// it is in a label.
//
// Variables are those of the supervisor and of the .env beside the file. Host paths
// are the engine's, so that they have to be absolute; all others are relative to the
// file that says them.
func ReadFile(file string, own Own) File {
	a := assembler{own: own, extendable: map[extension]*source{}, told: map[string]bool{}, unset: map[string][]string{}}
	main := scope{dir: path.Dir(file), lookup: a.dotEnv(path.Join(path.Dir(file), ".env"), own.Lookup)}
	from := a.load(pod.ComposeFile, file, main, nil)
	project := ""
	if from != nil {
		project = a.projectOf(file, from, main)
	}
	f := File{Problems: a.problems, Warnings: a.warnings, Partial: a.partial, services: map[string]*service{}}
	if from == nil {
		return f
	}
	active := activeProfiles(main.lookup)
	for _, name := range slices.Sorted(maps.Keys(from.services)) {
		f.services[name] = from.services[name]
		f.component(from.services[name], own, active)
	}
	f.images(a.unset)
	if !own.Nameless {
		f.name()
	}
	f.declareFiles(from.files)
	f.declareVolumes(from.volumes, project)
	f.dependencies()
	if len(f.Groups) == 0 && len(f.Problems) == 0 {
		f.Problems = pod.Problems{pod.Problemf(file, "services: there is none that is to run; add one, or name its profile in COMPOSE_PROFILES")}
	}
	return f
}

// component adds the components that the service becomes, if it is to run.
func (f *File) component(s *service, own Own, active []string) {
	r := newReader(s.definition(), Own{Lookup: s.lookup, ReadFile: own.ReadFile, Nameless: own.Nameless}, true)
	if r.runs(s.entry("profiles"), active) {
		f.Groups = append(f.Groups, r.read())
	}
	if s.partial {
		f.Unread = append(f.Unread, join(r.Place, "image"))
	}
	f.Problems = append(f.Problems, r.problems...)
	f.Warnings = append(f.Warnings, r.warnings...)
}

// images tells of those that are none because a variable is not set, in place of two
// messages: that the variable is not set, and what is wrong with what is left.
func (f *File) images(unset map[string][]string) {
	for _, g := range f.Groups {
		c := g.Own()
		s := f.services[c.Name]
		e := s.entry("image")
		if e == nil {
			continue
		}
		at := join(e.file, strings.TrimSuffix(at(e.value.Line), ": "))
		isImage := func(p pod.Problem) bool { return p.Place == pod.ComponentPrefix+c.Name+": image" }
		if names := unset[at]; names == nil || c.Image != "" && !slices.ContainsFunc(f.Problems, isImage) {
			continue
		}
		f.Problems = append(slices.DeleteFunc(f.Problems, isImage), UnsetImage(pod.ComponentPrefix+c.Name, unset[at], c.Image))
		f.Warnings = slices.DeleteFunc(f.Warnings, func(w pod.Problem) bool {
			return w.Place == at && slices.ContainsFunc(unset[at], func(name string) bool { return strings.HasPrefix(w.What, "the variable "+name+" is not set ") })
		})
	}
}

// UnsetImage says that variables which are not set have left an image no name, in a component
// that is at place.
func UnsetImage(place string, variables []string, left string) pod.Problem {
	are := "the variable " + strings.Join(variables, " and ") + " is not set"
	if len(variables) > 1 {
		are = "the variables " + strings.Join(variables, " and ") + " are not set"
	}
	what := "which leaves nothing of the image"
	if left != "" {
		what = "which leaves " + Quote(left) + " of the image"
	}
	return pod.Problemf(join(place, "image"), "%s, %s; set it, or write another value as in ${%s:-1.0}", are, what, variables[0])
}

// dependencies looks at those on services that do not run, or that may be in what could
// not be read.
func (f *File) dependencies() {
	components := slices.Concat(f.Groups...)
	for _, c := range components {
		for _, on := range c.DependsOn {
			place := pod.ComponentPrefix + c.Name + ": depends_on." + on.Name
			switch idle := f.services[on.Name]; {
			case on.Optional, slices.ContainsFunc(components, func(c pod.Component) bool { return c.Name == on.Name }):
			case idle != nil:
				f.Problems = append(f.Problems, pod.Problemf(place,
					"is not to run, for none of its profiles is active; name one of them in COMPOSE_PROFILES, or write required: false"))
			case f.Partial:
				f.Unread = append(f.Unread, place)
			}
		}
	}
}

// activeProfiles are the profiles whose services run.
func activeProfiles(lookup func(string) (string, bool)) []string {
	all, _ := lookup("COMPOSE_PROFILES")
	var active []string
	for profile := range strings.SplitSeq(all, ",") {
		active = append(active, strings.TrimSpace(profile))
	}
	return active
}

// runs tells whether a service with these profiles is to run.
func (r *reader) runs(profiles *entry, active []string) bool {
	if profiles == nil {
		return true
	}
	var all []string
	if err := profiles.value.Decode(&all); err != nil {
		r.wrong("profiles", "must be %s", listing)
		return false
	}
	return len(all) == 0 || slices.Contains(active, "*") || slices.ContainsFunc(all, func(p string) bool { return slices.Contains(active, p) })
}

// A service is one of a file, before it is read.
type service struct {
	scope
	file    string // it is in
	name    string
	line    int
	entries []entry
	// partial: it extends what is not there.
	partial bool
}

// An entry is one key of a service, and where it was written.
type entry struct {
	key   string
	value *yaml.Node
	// file and service it was written in: those of the base where a service extends one.
	file, service string
	line, column  int
	// reset takes the key away from what is extended, replace keeps its value out.
	reset, replace bool
}

// entry is the one with the key, nil if there is none.
func (s *service) entry(key string) *entry {
	i := slices.IndexFunc(s.entries, func(e entry) bool { return e.key == key })
	if i < 0 {
		return nil
	}
	return &s.entries[i]
}

func servicePlace(file, name string) string { return fmt.Sprintf("%s: services.%s", file, name) }

// definition is the service as a label would have it.
func (s *service) definition() Service {
	node := &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map"}
	for _, e := range s.entries {
		if e.key != "profiles" && !e.reset {
			node.Content = append(node.Content, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: e.key}, e.value)
		}
	}
	return Service{Name: s.name, Place: pod.ComponentPrefix + s.name, Node: node}
}
