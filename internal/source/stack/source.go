package stack

import (
	"maps"
	"slices"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/labels"
	"github.com/podlike/podlike/internal/source/span"
)

// A File is a stack or Compose file, and what Read finds in it.
type File struct {
	// Name is its path, and how positions in it begin.
	Name string
	// Own is what of this machine the file may refer to.
	Own compose.Own
}

var _ source.Source = File{}

// Read implements source.Source.
func (f File) Read() ([]source.Pod, []Finding) { return Read(f.Name, f.Own) }

// Labels are those of a container that somebody else looks at. Findings have the label in
// place of a file, and files that it names are not looked into.
type Labels map[string]string

var _ source.Source = Labels{}

// Read implements source.Source.
func (l Labels) Read() ([]source.Pod, []Finding) {
	f := finder{documents: map[string]document{}, other: Position{File: "labels", Line: 1, Column: 1}}
	for key, value := range l {
		f.documents[key] = read(span.Whole(key, value))
	}
	own := compose.Own{
		Lookup:   func(string) (string, bool) { return "", false },
		ReadFile: func(file string) ([]byte, error) { return nil, unseenFile(file, "it is in the container") },
	}
	read, err := labels.Read(l, own)
	for _, key := range slices.Sorted(maps.Keys(l)) {
		if labels.IsForeign(key) {
			read.Warnings = append(read.Warnings, pod.Problemf(key, labels.Foreign))
		}
	}
	return []source.Pod{{Pod: read.Pod, Locator: locator{read: read, finder: f}}}, Order("", f.all(read.Warnings, err))
}

// A locator knows where a pod is in a file.
type locator struct {
	read    labels.Reading
	finder  finder
	service map[string]Finding // what findings about the service are like, by their places
}

// Locate implements source.Locator.
func (l locator) Locate(problems pod.Problems, warnings bool) (all []Finding) {
	for _, p := range l.read.Locate(problems) {
		if of, is := l.service[p.Place]; is {
			all = append(all, Finding{Position: of.Position, Problem: pod.Problem{Place: of.Place, What: p.What}, Warning: warnings})
			continue
		}
		all = append(all, l.finder.find(p, warnings))
	}
	return all
}
