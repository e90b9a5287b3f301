// Package event tells what has happened to a pod, once, for people and for
// whatever shows it to them. It decides nothing and knows nobody.
package event

import "time"

// Kind says what has happened, in words that can stand in a log as they are.
type Kind string

// What can happen. Each line says which fields of an Event it fills.
const (
	Swept         Kind = "leftover removed"       // Container, Why
	ConfigWarning Kind = "check the settings"     // Component if it is about one, Why
	EngineWarning Kind = "engine warning"         // Component if it is about one, Why
	ProbeWarning  Kind = "probe warning"          // Component, Why
	Lowered       Kind = "limit lowered"          // Why
	Grouped       Kind = "pod has its cgroup"     // Why: how, where, with which limits
	Ungrouped     Kind = "pod has no cgroup"      // Why, and what does not bind it therefore
	Pulling       Kind = "pulling image"          // Image, Why, Progress once it is under way
	PullRetried   Kind = "pulling again"          // Image, Why the last try failed, In
	Pulled        Kind = "image pulled"           // Image, Took
	Created       Kind = "container created"      // Component, Container
	Started       Kind = "component started"      // Component, Container
	Adopted       Kind = "component goes on"      // Component, Container: it was another supervisor's
	NotReplaced   Kind = "cannot replace"         // Component, Why
	Waiting       Kind = "component waits"        // Component, Why
	Healthy       Kind = "component healthy"      // Component
	Unhealthy     Kind = "component unhealthy"    // Component, Why as far as it is known
	Running       Kind = "pod running"            // Took
	Died          Kind = "component ended"        // Component, Code
	Restarting    Kind = "component restarts"     // Component, Why, In
	RestartingAll Kind = "all components restart" // Component, Why, In
	ProbeFailed   Kind = "probe failed"           // Component, Why
	ProbeUnknown  Kind = "cannot probe"           // Component, Why
	HookFailed    Kind = "hook failed"            // Component, Why
	Broken        Kind = "component broken"       // Component, Why: it is ended
	OutputLost    Kind = "output lost"            // Component, Why
	Retrying      Kind = "trying again"           // Component, Why, In
	EngineLost    Kind = "engine unreachable"     // Why
	EngineBack    Kind = "engine reachable again" // Took: how long it was not
	CleanupFailed Kind = "cannot clean up"        // Component or Container if it is about one, Why
	Stopping      Kind = "pod stopping"           // Component and Code if one ended it, Why
	Left          Kind = "pod left running"       // Code, Why, Took
	Ended         Kind = "pod ended"              // Component if one ended it, Code, Why, Ends, Last, Took
)

// An Event is one thing that has happened. In JSON it has the fields that it fills.
type Event struct {
	At   time.Time `json:"time"`
	Kind Kind      `json:"kind"`
	// Component is the name in the pod, or "pause".
	Component string `json:"component,omitempty"`
	// Container is the engine's ID.
	Container string `json:"container,omitempty"`
	Image     string `json:"image,omitempty"`
	Why       string `json:"why,omitempty"`
	Progress  string `json:"progress,omitempty"`
	Code      int    `json:"code,omitempty"`
	// Took is how long it took: a pull, a start of the pod, its whole life.
	Took time.Duration `json:"tookNanoseconds,omitempty"`
	// In is how long it is until the next try.
	In time.Duration `json:"inNanoseconds,omitempty"`
	// Ends are how the components ended, in the order of their names.
	Ends []End `json:"ends,omitempty"`
	// Last are the last lines of output of the component that failed.
	Last []string `json:"lastLines,omitempty"`
}

// An End is how one component ended, the last time it ran.
type End struct {
	Component string `json:"component"`
	// Code is its exit code; 125 to 127 if it could not be started, as docker run has
	// it; -1 if it was never to be, or its end could not be learned.
	Code int `json:"code"`
	// Signal is the number of the one that ended it. Zero: none did.
	Signal int `json:"signal,omitempty"`
	// Reason is one word for it, empty where there was no end.
	Reason string `json:"reason,omitempty"`
	// Limit is whose limit of memory has ended it, "pod" or "component", and LimitBytes how much that
	// is. Empty: none has, or it is not known whose.
	Limit      string `json:"limit,omitempty"`
	LimitBytes int64  `json:"limitBytes,omitempty"`
	// Restarts is how often it was run again.
	Restarts int `json:"restarts,omitempty"`
	// Started and Finished are zero where that did not happen.
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
	// Why says what kept it from running, if anything did.
	Why string `json:"why,omitempty"`
	// Unhealthy is why its health check said no. Empty: it did not, or that is not known.
	Unhealthy string `json:"unhealthy,omitempty"`
	// Message is what it has said of its end itself, or what failed and says nothing its
	// last lines of output.
	Message string `json:"message,omitempty"`
}

// A Sink takes events. It may be called by several goroutines at once.
type Sink func(Event)

// Stamped is a sink that puts the time into what it passes on.
func (s Sink) Stamped() Sink {
	return func(e Event) {
		e.At = time.Now()
		s(e)
	}
}
