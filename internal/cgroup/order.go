package cgroup

import (
	"context"
	"fmt"
	"time"
)

// A Deed is what is to be done with a group.
type Deed string

// The deeds.
const (
	Make   Deed = "make"   // it gets the limits, and what groups of pods are left is told
	Limit  Deed = "limit"  // it gets other limits
	Look   Deed = "look"   // its state is told
	Remove Deed = "remove" // it is removed when nothing runs in it
	List   Deed = "list"   // what groups of pods are left is told
)

// An Order is what somebody is to do who can reach the machine's groups, in this process or
// another one.
type Order struct {
	Do     Deed   `json:"do"`
	Group  Group  `json:"group"`
	Limits Limits `json:"limits"`
	// Wait is how long to wait until nothing runs in a group that is to be removed.
	Wait time.Duration `json:"wait,omitempty"`
}

// An Answer is what came of an order.
type Answer struct {
	State State `json:"state"`
	// Pods are the groups of pods in which nothing runs.
	Pods []Group `json:"pods,omitempty"`
}

// Obey does what an order says.
func (h Host) Obey(ctx context.Context, o Order) (a Answer, err error) {
	switch o.Do {
	case Make:
		err = h.Make(ctx, o.Group, o.Limits)
		a.Pods = h.Pods(o.Group.Setup)
	case Limit:
		err = h.Limit(ctx, o.Group, o.Limits)
	case Look:
		a.State, err = h.Look(o.Group)
	case Remove:
		ctx, cancel := context.WithTimeout(ctx, o.Wait)
		defer cancel()
		err = h.Remove(ctx, o.Group)
	case List:
		a.Pods = h.Pods(o.Group.Setup)
	default:
		err = fmt.Errorf("cannot %s a control group: there is no such deed", o.Do)
	}
	return a, err
}
