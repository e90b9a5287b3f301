// Package verdict says what has ended a pod, and what its exit code is. It decides nothing and
// waits for nothing.
package verdict

import (
	"context"
	"errors"
	"strings"

	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/pod"
)

// ErrEngineLost ends a pod whose engine does not come back.
var ErrEngineLost = errors.New("the engine has not answered for too long (-engine-timeout); " +
	"where its socket file was mounted and has been made anew, mount the socket's directory instead")

// An Ended error says that the pod is over because of one of its own, or of all.
type Ended struct {
	Component string // empty: all have done what they had to
	Code      int
	Err       error  // what kept it from running or from being watched; nil if it ended
	OOM       bool   // it lacked memory
	Broken    string // why it was asked to end. Empty: it was not
}

func (e *Ended) Error() string {
	switch {
	case e.Err != nil:
		return e.Err.Error()
	case e.Component == "":
		return "all components have completed"
	case e.OOM:
		return e.Component + " was killed for lack of memory"
	case e.Broken != "":
		return e.Component + " was ended: " + e.Broken
	}
	return e.Component + " ended"
}

func (e *Ended) Unwrap() error { return e.Err }

// ErrPauseAsked ends a pod whose pause was asked to stop.
var ErrPauseAsked = errors.New("pause was asked to stop, by the engine's shutdown, docker stop or a component's kill 1; " +
	"to stop the pod, stop its supervisor's container")

// ErrPauseEnded ends a pair whose pause has ended.
var ErrPauseEnded = errors.New("pause has ended, and everything in its namespace with it")

// A Verdict says what ended the pod and what its exit code is.
type Verdict struct {
	Component string
	Code      int
	Why       string
	Cause     error
}

// Event is what that is for the pod when nothing of it is left.
func (v Verdict) Event() lifecycle.PodEvent {
	if v.Code == 0 {
		return lifecycle.Gone
	}
	return lifecycle.GoneBad
}

// Of says what the cause of a pod's end means. Asked is the context whose
// end asks for a clean stop.
func Of(cause error, asked context.Context) Verdict {
	var e *Ended
	switch {
	case errors.As(cause, &e):
		return Verdict{Component: e.Component, Code: e.Code, Why: e.Error(), Cause: cause}
	case asked.Err() != nil:
		return Verdict{Why: context.Cause(asked).Error(), Cause: cause}
	}
	if errors.As(cause, new(pod.Problems)) {
		return Verdict{Code: pod.ProblemsCode, Why: strings.ReplaceAll(cause.Error(), "\n", "; "), Cause: cause}
	}
	return Verdict{Code: 1, Why: cause.Error(), Cause: cause}
}
