// Package labels reads a pod from the labels of the supervisor's container.
//
// It knows which labels there are and how copies are written; what a component's
// definition means, and a Compose file, is package compose's to say. It asks nobody for anything: the
// labels, and what is the supervisor's own, are handed to it.
package labels

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
)

// A Reading is what was read of labels.
type Reading struct {
	pod.Pod
	// Warnings tell what is ignored, and what was probably not meant, for its user to be told. They do
	// not depend on the pod being valid.
	Warnings pod.Problems

	init []compose.Group
	file compose.File
}

// Read returns the pod that the labels describe, complete and valid, or pod.Problems
// with all that is wrong and as much of the pod as could be read, in which a caller
// may look for more. Labels that are none of ours are left alone. Own is what of the
// supervisor's a component, or a Compose file, may refer to.
//
// What labels cannot say has its default, or is false: what is shared and the image
// of pause are for the caller to set.
func Read(labels map[string]string, own compose.Own) (Reading, error) {
	r := reader{own: own}
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		r.label(key, labels[key])
	}
	if _, inFile := labels[pod.ComposeFile]; !inFile && labels[pod.Project] != "" {
		r.wrong(pod.Project, "is about the volumes of a Compose file, and there is none; leave it out, or name the file in %s", pod.ComposeFile)
	}
	if file, given := labels[pod.ComposeFile]; given {
		r.composeFile(strings.TrimSpace(file), labels)
	} else if r.known != nil && *r.known {
		r.nameComponents()
	}
	r.arrange()
	if len(r.pod.Components) == 0 && len(r.problems) == 0 {
		r.noComponent()
	}
	r.attachCopies()
	read := Reading{Pod: pod.Complete(r.pod), Warnings: append(r.warnings, r.file.Locate(r.file.Warnings)...), init: r.init, file: r.file}
	read.Warnings = append(read.Warnings, read.Locate(pod.Collisions(read.Pod, nil))...)
	if invalid, _ := pod.Validate(read.Pod).(pod.Problems); invalid != nil {
		r.problems = append(r.problems, r.news(read.ofInit(once(invalid)))...)
	}
	return read, r.file.Locate(r.problems).Err()
}

// Locate returns the problems that somebody has with the pod with the places where it was
// written: in the list of init components, or in a Compose file.
func (r Reading) Locate(problems pod.Problems) pod.Problems {
	return r.file.Locate(r.ofInit(once(problems)))
}

// once returns the problems without those of what a service's pre_start has inherited: they
// are told of the service.
func once(problems pod.Problems) pod.Problems {
	inherited := func(p pod.Problem) bool {
		from := pod.Problem{Place: beforeName.ReplaceAllString(p.Place, ""), What: p.What}
		return from != p && slices.Contains(problems, from)
	}
	return slices.DeleteFunc(slices.Clone(problems), inherited)
}

// A reader gathers a pod and what is wrong with its labels.
type reader struct {
	own      compose.Own
	pod      pod.Pod
	init     []compose.Group // of the list of init components
	groups   []compose.Group // of labels or a file
	file     compose.File    // that the components are in, if they are in one
	hasFile  bool
	known    *bool // whether components find each other by name, if that is said
	copies   []copies
	problems pod.Problems
	warnings pod.Problems
}

// label reads one label, if it is ours.
func (r *reader) label(key, value string) {
	component, isComponent := strings.CutPrefix(key, pod.ComponentPrefix)
	target, isCopy := strings.CutPrefix(key, pod.CopyPrefix)
	switch {
	case key == pod.ComposeFile, key == pod.Project: // read when it is known to be alone
	case key == pod.InitComponents:
		r.initComponents(value)
	case key == pod.StopGracePeriod:
		r.stopGrace(strings.TrimSpace(value))
	case key == pod.RestartBackoff:
		r.backoff(value)
	case key == pod.MakeKnown:
		r.makeKnown(strings.TrimSpace(value))
	case key == pod.OOMGroup:
		r.pod.OOMGroup, _ = r.yes(key, strings.TrimSpace(value))
	case key == pod.UnreadyMeans:
		r.unready(strings.TrimSpace(value))
	case isComponent && r.isName(key, component):
		r.component(component, value)
	case isCopy && r.isName(key, target):
		r.copy(target, value)
	case !isComponent && !isCopy:
		r.misspelled(key)
	}
}

// isName tells whether a component can be called that, and reports it if not.
func (r *reader) isName(key, name string) bool {
	switch {
	case name == "":
		r.wrong(key, "has no name; write %s<name>", key)
	case !compose.IsComponentName(name):
		r.wrong(key, "%q is no name for a component; use letters, digits, _ . and -", name)
	default:
		return true
	}
	return false
}

// misspelled reports a label that was meant to be one of ours. Others that begin
// with pod belong to somebody else.
func (r *reader) misspelled(key string) {
	if right := meant(key); right != "" {
		r.wrong(key, "unknown label; did you mean %s?", right)
	}
}

// component reads the label of one component.
func (r *reader) component(name, text string) {
	place := pod.ComponentPrefix + name
	node, problems := compose.Parse(place, text)
	r.problems = append(r.problems, problems...)
	group := compose.Group{{Name: name}}
	if node != nil {
		read, problems, warnings := compose.Read(compose.Service{Name: name, Place: place, Node: node}, r.own)
		group, r.warnings = read, append(r.warnings, warnings...)
		r.problems = append(r.problems, problems...)
	}
	r.groups = append(r.groups, group)
}

// composeFile reads the file that the components are in.
func (r *reader) composeFile(file string, labels map[string]string) {
	r.hasFile = true
	switch {
	case file == "":
		r.wrong(pod.ComposeFile, "is empty; write the path of a Compose file in the supervisor")
	case len(r.groups) > 0:
		r.wrong(pod.ComposeFile, "there are %s labels as well; components are either in a file or in labels", pod.ComponentPrefix+"<name>")
	default:
		own := r.own
		if project, given := labels[pod.Project]; given {
			project = strings.TrimSpace(project)
			own.Project = &project
		}
		own.Nameless = r.known != nil && !*r.known
		r.file = compose.ReadFile(file, own)
		r.groups, r.pod.Hosts = r.file.Groups, r.file.Hosts
		r.problems = append(r.problems, r.file.Problems...)
	}
}

// wrong reports a problem with a label.
func (r *reader) wrong(key, format string, args ...any) {
	r.problems = append(r.problems, pod.Problemf(key, format, args...))
}

// noComponent reports that there is nothing that the pod is for.
func (r *reader) noComponent() {
	how := fmt.Sprintf("add a label such as %sweb with the value {image: NAME}", pod.ComponentPrefix)
	if r.hasFile {
		how = "add a service to the Compose file"
	}
	if len(r.pod.Init) > 0 {
		r.wrong("labels", "there are init components and sidecars only; %s that is neither", how)
		return
	}
	r.wrong("labels", "there is no component; %s", how)
}

// news are the problems in found that do not follow from those known already: that
// a component has no image is no news when its image or all of it cannot be read.
func (r *reader) news(found pod.Problems) pod.Problems {
	known := slices.Clone(r.file.Unread)
	for _, p := range r.problems {
		known = append(known, p.Place)
	}
	follows := func(p pod.Problem) bool {
		return slices.ContainsFunc(known, func(k string) bool {
			return strings.HasPrefix(p.Place+": ", k+": ") || strings.HasPrefix(beforeName.ReplaceAllString(p.Place, "")+": ", k+": ")
		})
	}
	return slices.DeleteFunc(slices.Clone(found), follows)
}

// beforeName is what the names of components of a service's pre_start end with.
var beforeName = regexp.MustCompile(`\.pre-start-\d+`)
