package labels

import (
	"errors"

	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source"
	"github.com/podlike/podlike/internal/source/compose"
)

// A Source is the labels of the supervisor's own container, and what Read finds in them.
// Its findings have the label for their place, and no position.
type Source struct {
	Labels map[string]string
	// Own is what of the supervisor's the labels may refer to.
	Own compose.Own
}

var _ source.Source = Source{}

// Read implements source.Source.
func (s Source) Read() ([]source.Pod, []source.Finding) {
	read, err := Read(s.Labels, s.Own)
	problems, _ := errors.AsType[pod.Problems](err)
	found := append(findings(problems, false), findings(read.Warnings, true)...)
	return []source.Pod{{Pod: read.Pod, Locator: locator{read}}}, found
}

// A locator knows in which label, or in which line of a Compose file, a pod was written.
type locator struct{ read Reading }

// Locate implements source.Locator.
func (l locator) Locate(problems pod.Problems, warnings bool) []source.Finding {
	return findings(l.read.Locate(problems), warnings)
}

// findings are problems that know their places.
func findings(problems pod.Problems, warnings bool) (all []source.Finding) {
	for _, p := range problems {
		all = append(all, source.Finding{Problem: p, Warning: warnings})
	}
	return all
}
