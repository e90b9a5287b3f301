package compose

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/podlike/podlike/internal/pod"
)

// Locate returns the problems with the places in the files of what they say of a
// component. What several components have from one place, by an anchor or because they
// extend one service, is said once.
func (f File) Locate(problems pod.Problems) pod.Problems {
	var located pod.Problems
	said := map[origin]int{} // by what and where: which of located
	uses := map[int][]string{}
	for _, p := range problems {
		service, place := f.origin(p)
		from := origin{place: place, what: p.What}
		if service == "" {
			from.place.line, from.place.file = 0, p.Place
		} else {
			p.Place = place.String(service)
		}
		if place.line <= 1 { // several may be on one line
			from.service = service
		}
		i, known := said[from]
		if !known {
			i = len(located)
			said[from] = i
			located = append(located, p)
		}
		if !slices.Contains(uses[i], service) {
			uses[i] = append(uses[i], service)
		}
	}
	for i, services := range uses {
		located[i].What += AlsoIn(services[1:])
	}
	return located
}

// AlsoIn tells which other services have what is said of one, nothing if there are none.
func AlsoIn(services []string) string {
	const enough = 3
	switch n := len(services); {
	case n == 0:
		return ""
	case n == 1:
		return "; " + services[0] + " has it from here, too"
	case n <= enough+1:
		return "; " + strings.Join(services[:n-1], ", ") + " and " + services[n-1] + " have it from here, too"
	default:
		return fmt.Sprintf("; %s and %d more services have it from here, too", strings.Join(services[:enough], ", "), n-enough)
	}
}

// An origin is what is said and where; the service counts where the line does not tell.
type origin struct {
	place
	what, service string
}

// A place is where a file says something of a service.
type place struct {
	file         string
	line, column int
	path         string // within the service
}

// String is the place as problems have it.
func (p place) String(service string) string {
	return join(servicePlace(p.file, service), at(p.line)+p.path)
}

// origin finds the service that a problem is about, and where its file says what the
// problem is about. There is none for a problem with something else.
func (f File) origin(p pod.Problem) (service string, from place) {
	rest, ofComponent := strings.CutPrefix(p.Place, pod.ComponentPrefix)
	if !ofComponent {
		return "", place{}
	}
	name, path, _ := strings.Cut(rest, ": ")
	if s := f.services[name]; s != nil {
		return s.origin(path, p.What)
	}
	name, before, _ := strings.Cut(name, beforeSuffix)
	if s := f.services[name]; s != nil {
		return s.origin("pre_start: pre-start-"+before+": "+path, p.What)
	}
	return "", place{}
}

// lineWithin is a line that some places name. What stands there tells it as well.
var lineWithin = regexp.MustCompile(`(^|: )line \d+: `)

// origin is where what is at path within the service was written, and of which service.
func (s *service) origin(path, said string) (name string, from place) {
	path = lineWithin.ReplaceAllString(path, "$1")
	key, _, _ := strings.Cut(path, ".")
	key, _, _ = strings.Cut(key, ": ")
	e := s.entry(key)
	if e == nil {
		return s.name, place{file: s.file, line: s.line, path: path}
	}
	from = place{file: e.file, line: e.line, path: path}
	within := strings.FieldsFunc(strings.TrimPrefix(path, key), func(r rune) bool { return r == '.' || r == ':' || r == ' ' })
	if found := Find(nil, e.value, within, said); found != nil && found.Line > 0 {
		from.line, from.column = found.Line, found.Column
	} else {
		from.column = e.column
	}
	return e.service, from
}
