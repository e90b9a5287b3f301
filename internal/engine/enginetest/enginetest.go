// Package enginetest is the engine port's contract as a test: what package
// supervise relies on, and the fake and the real engine must both do. It knows no
// engine but through the port.
package enginetest

import (
	"testing"

	"github.com/podlike/podlike/internal/engine"
)

// A Subject is an engine under test. It has the image dockertest.Testkit, and no
// image of the name Missing.
type Subject struct {
	engine.Engine
	// Labels are put on everything that is made.
	Labels map[string]string
}

// Missing is an image that no engine has.
const Missing = "podlike/missing:none"

// Run tests an engine. Open is called for each subtest, and the engine has to
// remove what carries its labels afterwards.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	run(t, open, portLaws)
	run(t, open, containerLaws)
	run(t, open, outputLaws)
	run(t, open, fileLaws)
	run(t, open, commandLaws)
	run(t, open, volumeLaws)
	run(t, open, eventLaws)
	run(t, open, machineLaws)
}

// run has each law of a part of the port be a subtest. Images have none of their own: a
// test makes no image, and pulls none.
func run[P ~struct{ *suite }](t *testing.T, open func(t *testing.T) Subject, laws map[string]func(P)) {
	for name, law := range laws {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			law(P{&suite{T: t, Subject: open(t)}})
		})
	}
}
