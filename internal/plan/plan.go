// Package plan says what is to be done to bring a pod up or down, in what order
// and why. It looks at a pod and at what the engine was seen to have; it does
// nothing itself. A plan prints itself, and the print is the test.
package plan

import (
	"fmt"
	"strings"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// Op is what a step does.
type Op string

// The operations. Fill puts files into the pod's memory, Await waits until a component
// is what others wait for, PreStop does what it wants done before it is asked to stop.
const (
	Pull         Op = "pull"
	Create       Op = "create"
	Start        Op = "start"
	Fill         Op = "fill"
	Await        Op = "await"
	PreStop      Op = "prepare to stop"
	Stop         Op = "stop"
	Remove       Op = "remove"
	RemoveVolume Op = "remove volume"
)

// A Step is one thing to do.
type Step struct {
	Op Op
	// Name is that of an image, a component, a volume, "pause", or of a container
	// that another supervisor left behind.
	Name string
	// Platform is that of an image to pull. Empty: the engine's own.
	Platform string
	// Until is the condition of an Await; if Optional, it is enough that it can no
	// longer be met.
	Until    pod.Condition
	Optional bool
	// Container is set where there is one already.
	Container engine.ID
	Why       string
	// After are the keys of the steps that have to be done before.
	After []string
}

// words are the conditions as they are printed.
var words = map[pod.Condition]string{pod.Started: "started", pod.Healthy: "healthy", pod.Completed: "completed"}

// Key names the step within its plan.
func (s Step) Key() string {
	key := string(s.Op) + " " + s.Name
	if s.Platform != "" {
		key += " for " + s.Platform
	}
	if s.Until != "" {
		key += " " + words[s.Until]
	}
	if s.Optional {
		key += " if it can be"
	}
	return key
}

func (s Step) String() string {
	line := s.Key()
	if s.Why != "" {
		line += " (" + s.Why + ")"
	}
	if len(s.After) > 0 {
		line += " after " + strings.Join(s.After, ", ")
	}
	return line
}

// A Plan is what to do. Steps that do not come after one another may be done at
// the same time; each comes after those it names.
type Plan []Step

// String prints a step a line.
func (p Plan) String() string {
	var text strings.Builder
	for _, step := range p {
		fmt.Fprintln(&text, step)
	}
	return text.String()
}

// keys are the keys of all steps.
func (p Plan) keys() []string {
	keys := make([]string, len(p))
	for i, step := range p {
		keys[i] = step.Key()
	}
	return keys
}
