package main

import (
	"sync/atomic"

	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/output"
	"github.com/podlike/podlike/internal/status"
	"github.com/podlike/podlike/internal/supervise"
)

const (
	// keepEvents is how many events are remembered.
	keepEvents = 1000
	// keepOutput is how many bytes of output are kept of a run.
	keepOutput = 256 << 10
)

// answers are what those who ask are told, also while there is no pod yet.
type answers struct {
	ring *event.Ring
	book *output.Book
	s    atomic.Pointer[supervise.Supervisor]
}

var _ status.Source = (*answers)(nil)

func newAnswers() *answers {
	return &answers{ring: event.NewRing(keepEvents), book: output.NewBook(keepOutput)}
}

// of has the answers be about a pod from now on.
func (a *answers) of(s *supervise.Supervisor) { a.s.Store(s) }

// alsoTold makes a sink of which the answers are told all.
func (a *answers) alsoTold(tell event.Sink) event.Sink {
	return func(e event.Event) {
		a.ring.Tell(e)
		tell(e)
	}
}

// Health implements status.Source.
func (a *answers) Health() string {
	if s := a.s.Load(); s != nil {
		return string(s.Health())
	}
	return string(lifecycle.Unsure)
}

// Status implements status.Source.
func (a *answers) Status() status.Pod {
	s := a.s.Load()
	if s == nil {
		return status.Pod{Phase: status.Pending, Health: a.Health()}
	}
	p := status.Pod{Name: s.Owner.Name, ID: s.Owner.ID, Phase: status.Pending, Health: a.Health()}
	for _, c := range s.Pod.Components {
		p.Components = append(p.Components, status.Component{Name: c.Name, Role: status.Main, Image: c.Image})
	}
	return asTold(p, a.ring)
}

// Events implements status.Source.
func (a *answers) Events() *event.Ring { return a.ring }

// Logs implements status.Source.
func (a *answers) Logs() *output.Book { return a.book }

// asTold is a pod as events tell of it, as long as they are remembered.
func asTold(p status.Pod, ring *event.Ring) status.Pod {
	events, _ := ring.Follow().Read()
	for _, e := range events {
		switch e.Kind {
		case event.Running:
			p.Phase, p.Started = status.Running, e.At.Add(-e.Took)
		case event.Stopping:
			p.Stopping, p.Message = e.At, e.Why
		}
		for i, c := range p.Components {
			if c.Name == e.Component {
				p.Components[i] = hasHappened(c, e)
			}
		}
	}
	return p
}

// hasHappened is a component to which something has happened.
func hasHappened(c status.Component, e event.Event) status.Component {
	switch e.Kind {
	case event.Created:
		c.Container, c.State = e.Container, status.State{Waiting: &status.StateWaiting{Reason: status.ContainerCreating}}
	case event.Started:
		c.Started, c.Ready, c.State = true, true, status.State{Running: &status.StateRunning{Since: e.At}}
	case event.Healthy, event.Unhealthy:
		c.Ready = e.Kind == event.Healthy
	case event.Died:
		end := &status.StateTerminated{Code: e.Code, Reason: status.Error, Finished: e.At}
		if e.Code == 0 {
			end.Reason = status.Completed
		}
		c.Ready, c.Started, c.State = false, false, status.State{Terminated: end}
	}
	return c
}
