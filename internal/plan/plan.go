// Package plan says what is to be done to bring a pod up or down, in what order
// and why. It looks at a pod and at what the engine was seen to have; it does
// nothing itself. A plan prints itself, and the print is the test.
package plan

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// Op is what a step does.
type Op string

// The operations. Replace puts what was created in the place of what runs, Fill puts files into the pod's memory, Await waits until a component
// is what others wait for, PreStop does what it wants done before it is asked to stop.
const (
	Pull         Op = "pull"
	Create       Op = "create"
	Replace      Op = "replace"
	Start        Op = "start"
	Fill         Op = "fill"
	Await        Op = "await"
	PreStop      Op = "prepare to stop"
	Stop         Op = "stop"
	Remove       Op = "remove"
	RemoveVolume Op = "remove volume"
)

// RunOver is why the container of a component's last run is removed, if it is there at all.
const RunOver = "its run is over"

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
	// BestEffort: those that come after it do so whether or not it could be done.
	BestEffort bool
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

// Changes prints what of the plan changes something that lasts, a line each, or that there is
// nothing to do.
func (p Plan) Changes() string {
	var text strings.Builder
	for _, step := range p {
		switch {
		case step.Op == Create && step.Container != "":
			fmt.Fprintf(&text, "replace %s: %s\n", step.Name, step.Why)
		case step.Op == Create:
			fmt.Fprintf(&text, "create %s: %s\n", step.Name, cmp.Or(step.Why, "it is not there"))
		case (step.Op == Remove || step.Op == RemoveVolume) && step.Why != RunOver:
			fmt.Fprintf(&text, "remove %s: %s\n", step.Name, step.Why)
		}
	}
	return cmp.Or(text.String(), "nothing to do\n")
}
