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
	a := assembler{own: own, extendable: map[extension]*source{}, told: map[string]bool{}}
	main := scope{dir: path.Dir(file), lookup: a.dotEnv(path.Join(path.Dir(file), ".env"), own.Lookup)}
	from := a.load(pod.ComposeFile, file, main, nil)
	f := File{Problems: a.problems, Warnings: a.warnings, Partial: a.partial, services: map[string]*service{}}
	if from == nil {
		return f
	}
	active := activeProfiles(main.lookup)
	for _, name := range slices.Sorted(maps.Keys(from.services)) {
		f.services[name] = from.services[name]
		f.component(from.services[name], own, active)
	}
	f.nameVolumes(from.volumes)
	f.dependencies()
	if len(f.Groups) == 0 && len(f.Problems) == 0 {
		f.Problems = pod.Problems{pod.Problemf(file, "services: there is none that is to run; add one, or name its profile in COMPOSE_PROFILES")}
	}
	return f
}

// component adds the components that the service becomes, if it is to run.
func (f *File) component(s *service, own Own, active []string) {
	r := reader{Service: s.definition(), own: Own{Lookup: s.lookup, ReadFile: own.ReadFile}, lenient: true}
	if r.runs(s.entry("profiles"), active) {
		f.Groups = append(f.Groups, r.read())
	}
	if s.partial {
		f.Unread = append(f.Unread, join(r.Place, "image"))
	}
	f.Problems = append(f.Problems, r.problems...)
	f.Warnings = append(f.Warnings, r.warnings...)
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
				f.Problems = append(f.Problems, pod.Problemf(place, "is not to run, for none of its profiles is active; name one of them in COMPOSE_PROFILES, or write required: false"))
			case f.Partial:
				f.Unread = append(f.Unread, place)
			}
		}
	}
}

// nameVolumes gives the volumes that have a name of their own in the file that name.
func (f *File) nameVolumes(names map[string]string) {
	for _, c := range slices.Concat(f.Groups...) {
		for i, v := range c.Volumes {
			if name := names[v.Source]; v.Kind == pod.Named && name != "" {
				c.Volumes[i].Source = name
			}
		}
	}
}

// Locate returns the problems with the places in the files of what they say of a
// component. What several components have from one place is said once.
func (f File) Locate(problems pod.Problems) pod.Problems {
	var located pod.Problems
	said := map[pod.Problem]bool{}
	for _, p := range problems {
		rest, ofComponent := strings.CutPrefix(p.Place, pod.ComponentPrefix)
		name, what, _ := strings.Cut(rest, ": ")
		service, before, _ := strings.Cut(name, beforeSuffix)
		if s := f.services[name]; s != nil && ofComponent {
			p.Place = s.place(what)
		} else if s := f.services[service]; s != nil && ofComponent {
			p.Place = s.place("pre_start: pre-start-" + before + ": " + what)
		}
		if !said[p] {
			said[p] = true
			located = append(located, p)
		}
	}
	return located
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
	place string // of the service
	line  int
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

// place is where what is at path within the service was written.
func (s *service) place(what string) string {
	key, _, _ := strings.Cut(what, ".")
	key, _, _ = strings.Cut(key, ": ")
	if e := s.entry(key); e != nil {
		return join(e.place, at(e.line)+what)
	}
	return join(servicePlace(s.file, s.name), at(s.line)+what)
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
