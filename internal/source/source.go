package source

import (
	"fmt"
	"time"

	"github.com/podlike/podlike/internal/pod"
)

// A Source is a text, or several, in which pods are described: the labels of a container,
// a stack or Compose file, or what else there will be.
type Source interface {
	// Read reads all pods, in the order of the text, each complete and valid, and returns
	// what there is to be told about it. With a Finding that is a problem the pods are as
	// much as could be read, and who has more to say about them may look for it.
	Read() ([]Pod, []Finding)
}

// A Pod is one that was read of a source.
type Pod struct {
	pod.Pod
	// Name is that of the pod in its source, such as services.web. Empty: it is alone there.
	Name string
	// Image is that of the supervisor which is to run the pod, and Command its arguments,
	// where the source says so.
	Image   string
	Command []string
	// StopGrace is how long the engine lets the supervisor take to stop. Zero: the source does
	// not say.
	StopGrace time.Duration
	// Locator knows where the pod was written.
	Locator
}

// Places of problems with what a Pod's supervisor was given.
const (
	CommandPlace   = "command"
	StopGracePlace = "stop_grace_period"
)

// A Locator knows where things were written.
type Locator interface {
	// Locate finds where what problems are about was written: those that somebody has with
	// a pod that was read, by the places that it has in the model. As warnings they do not
	// keep it from being run.
	Locate(problems pod.Problems, warnings bool) []Finding
}

// A Position is where something stands in a text.
type Position struct {
	// File is what the user calls the text. Empty: it has no lines that a user would know,
	// and Line and Column mean nothing.
	File string
	// Line and Column count from 1, and columns are characters.
	Line, Column int
}

func (p Position) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// A Finding is a problem, and where it was written.
type Finding struct {
	Position
	pod.Problem
	// Warning: the pod can be run all the same.
	Warning bool
}

// String is the finding on a line, as compilers write it.
func (f Finding) String() string {
	position, kind, place := f.Position.String()+": ", "", f.Place+": "
	if f.File == "" {
		position = ""
	}
	if f.Warning {
		kind = "warning: "
	}
	if f.Place == "" {
		place = ""
	}
	return position + kind + place + f.What
}

// IsProblem reports whether the finding keeps a pod from being run.
func (f Finding) IsProblem() bool { return !f.Warning }

// Split returns the warnings among findings, and the problems as an error, nil if there are
// none. In both a Place begins with the position, where there is one.
func Split(all []Finding) (warnings pod.Problems, err error) {
	var problems pod.Problems
	for _, f := range all {
		p := f.Problem
		if f.File != "" && p.Place == "" {
			p.Place = f.Position.String()
		} else if f.File != "" {
			p.Place = f.Position.String() + ": " + p.Place
		}
		if f.Warning {
			warnings = append(warnings, p)
		} else {
			problems = append(problems, p)
		}
	}
	return warnings, problems.Err()
}
