package state

import (
	"fmt"
	"time"

	"github.com/podlike/podlike/internal/logbuffer"
)

// An Ending is the end of a run, or of what was to be one.
type Ending struct {
	Code int // -1: there was none, or it could not be learned
	// OOM says what the kernel's lack of memory had to do with it.
	OOM               OOM
	Started, Finished time.Time // zero where that has not happened
	Why               string    // what kept it from running, or its end from being learned
	Message           string    // what the component itself has said of it
	Broken            string    // why it was asked to end
	WhyUnhealthy      string    // why its health check said no
	Said              *logbuffer.Run
}

// OOM says what lack of memory had to do with the end of a run. Zero: nothing, as far as is known.
type OOM struct {
	Sure Certainty `json:"sure,omitempty"`
	// Limit is whose limit it was that could not be kept, and Bytes how much that is. Empty: it is
	// not known, or was nobody's but the machine's.
	Limit Limit `json:"limit,omitempty"`
	Bytes int64 `json:"bytes,omitempty"`
	// Most is the component that had used most of the pod's memory, and MostBytes how much. Empty: it
	// is not known, or was not the pod's limit.
	Most      string `json:"most,omitempty"`
	MostBytes int64  `json:"mostBytes,omitempty"`
}

// Certainty says how sure it is that the kernel has ended a run for lack of memory.
type Certainty string

// The kinds of certainty. Empty: nobody says so.
const (
	// OOMKilled: the engine says so, or the pod's control group.
	OOMKilled Certainty = "killed"
	// OOMGuess: the kernel has killed something on the machine within the second before
	// the end, and the engine does not say what.
	OOMGuess Certainty = "guess"
)

// Limit says whose limit of memory is meant.
type Limit string

// The limits.
const (
	PodLimit       Limit = "pod"       // that of all components together
	ComponentLimit Limit = "component" // its own
)

// NotEnded is the ending of what has not ended.
var NotEnded = Ending{Code: -1}

// Failed reports whether the run has not come to a good end.
func (e Ending) Failed() bool { return e.Code != 0 || e.Broken != "" }

// Signal is the number of the one that ended the run. Zero: none did.
func (e Ending) Signal() int {
	if e.Code > 128 && e.Code <= 128+64 {
		return e.Code - 128
	}
	return 0
}

// String says how a component has ended.
func (e Ending) String() string {
	switch {
	case e.Why != "":
		return e.Why
	case e.Broken != "":
		return e.Broken
	}
	return fmt.Sprintf("it ended with %d", e.Code)
}
