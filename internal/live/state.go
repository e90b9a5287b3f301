// Package live holds what is known of a pod while it is supervised, and its containers,
// under the one lock there is. It asks no engine, decides nothing and starts no goroutine.
// Nobody waits for anything while holding the lock.
package live

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/state"
	"github.com/podlike/podlike/internal/status"
)

// State is all that changes while a pod is supervised, under one lock. What follows from
// a change is decided under it too, so that of two things that happen at once one comes
// first, for everybody. New makes it.
type State struct {
	mu         sync.Mutex
	changed    chan struct{} // closed and replaced with every change
	view       View
	conditions []status.Condition
}

// A View is what is under the lock. It is only to be used in the function that it is
// handed to.
type View struct {
	state.Pod
	// Containers are the last ones, by component, and pause.
	Containers map[string]*Container
	// Images are those that were seen, by the references in the pod.
	Images map[string]engine.Image
	// Lease is the one that pause has taken. Nil: it has not, or there is none.
	Lease Lease
	// Memory is where the engine's machine has the pod's memory.
	Memory string
}

// A Lease is what pause lives on: it ends when its supervisor does.
type Lease interface {
	// Asked is closed when pause was asked to stop, by whomever, and Lost when it has
	// ended.
	Asked() <-chan struct{}
	Lost() <-chan struct{}
	// Stopping tells pause that the components get their stop signals from us.
	Stopping() error
	Close()
}

// New is what is known of a pod of which nothing is there yet.
func New(p pod.Pod) *State {
	s := &State{changed: make(chan struct{}), view: View{
		Pod: state.New(p, time.Now()), Containers: map[string]*Container{}, Images: map[string]engine.Image{},
	}}
	s.conditions = status.Conditions(s.view.Pod, nil, s.view.Began)
	return s
}

// Do has a function look at what is known, and perhaps change it: then it returns true,
// and all who wait are told.
func (s *State) Do(do func(*View) (changed bool)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !do(&s.view) {
		return
	}
	s.view.Settle()
	s.conditions = status.Conditions(s.view.Pod, s.conditions, time.Now())
	close(s.changed)
	s.changed = make(chan struct{})
}

// Look is Do for what nobody waits for.
func (s *State) Look(do func(*View)) {
	s.Do(func(v *View) bool { do(v); return false })
}

// Change is Do for what is a change in any case.
func (s *State) Change(do func(*View)) {
	s.Do(func(v *View) bool { do(v); return true })
}

// Update changes what is known of one component. Others than the pod's are not known.
func (s *State) Update(name string, do func(*state.Component)) {
	s.Change(func(v *View) {
		if c := v.Component(name); c != nil {
			do(c)
		}
	})
}

// OfRun changes what is known of one component, unless it is about another run by now.
func (s *State) OfRun(name string, id engine.ID, do func(*state.Component)) {
	s.Update(name, func(c *state.Component) {
		if c.Container == id {
			do(c)
		}
	})
}

// Each changes what is known of all components.
func (s *State) Each(do func(*state.Component)) {
	s.Change(func(v *View) {
		for i := range v.Components {
			do(&v.Components[i])
		}
	})
}

// Snapshot is what is known now.
func (s *State) Snapshot() (state.Pod, []status.Condition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view.Clone(), slices.Clone(s.conditions)
}

// Changed is closed with the next change. Who looks after asking for it misses none.
func (s *State) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Component is what is known of a component now, and whether it is the pod's.
func (s *State) Component(name string) (now state.Component, known bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.view.Component(name)
	if c != nil {
		now = *c
	}
	return now, c != nil
}

// Until waits until a component satisfies a condition. It does not wait for others than
// the pod's.
func (s *State) Until(ctx context.Context, name string, satisfied func(state.Component) (bool, error)) error {
	for {
		changed := s.Changed()
		now, known := s.Component(name)
		if !known {
			return nil
		}
		if ok, err := satisfied(now); ok || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Container is a component's, or pause. Nil: there was none yet.
func (s *State) Container(name string) *Container {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view.Containers[name]
}

// Containers are all of them by component.
func (s *State) Containers() map[string]*Container {
	s.mu.Lock()
	defer s.mu.Unlock()
	return copied(s.view.Containers)
}

// Lease is the one that pause has taken. Nil: it has not, or there is none.
func (s *State) Lease() Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view.Lease
}

// NotePull notes how far fetching an image is. Nothing said: it is over.
func (s *State) NotePull(ref, said string) {
	s.Change(func(v *View) { v.Pulling[ref] = said })
}

// NoteImage notes an image that is there.
func (s *State) NoteImage(ref string, i engine.Image) {
	s.Look(func(v *View) { v.Images[ref] = i })
}

// Image is what is known of one. The zero value: nothing.
func (s *State) Image(ref string) engine.Image {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view.Images[ref]
}

// Images are all that are known.
func (s *State) Images() map[string]engine.Image {
	s.mu.Lock()
	defer s.mu.Unlock()
	return copied(s.view.Images)
}

// BeginCreating notes that somebody may create containers from now on, and EndCreating
// that it is over.
func (s *State) BeginCreating() { s.Look(func(v *View) { v.BeginCreating() }) }

// EndCreating is told once for each BeginCreating.
func (s *State) EndCreating() { s.Change(func(v *View) { v.Creating-- }) }

// Creating is how many may create containers now, and how many have begun so far.
func (s *State) Creating() (busy, begun int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.view.Creating, s.view.CreationsBegun
}

// NobodyCreates waits until nobody may create containers.
func (s *State) NobodyCreates(ctx context.Context) error {
	for {
		changed := s.Changed()
		if busy, _ := s.Creating(); busy == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// copied is maps.Clone, which the race detector does not look into.
func copied[V any](m map[string]V) map[string]V { return maps.Collect(maps.All(m)) }
