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

// OOM says how sure it is that the kernel has ended a run for lack of memory.
type OOM string

// The kinds of certainty. Empty: nobody says so.
const (
	// OOMKilled: the engine says so.
	OOMKilled OOM = "killed"
	// OOMGuess: the kernel has killed something on the machine within the second before
	// the end, and the engine does not say what.
	OOMGuess OOM = "guess"
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
