package main

import (
	"errors"
	"sync/atomic"

	"github.com/podlike/podlike/internal/engine/retry"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/podcgroup"
	"github.com/podlike/podlike/internal/status"
	"github.com/podlike/podlike/internal/supervise"
)

const (
	// keepEvents is how many events are remembered.
	keepEvents = 1000
	// keepOutput is how many bytes of the components' output are kept, of all together.
	keepOutput = 1 << 20
)

// answers are what those who ask are told, also while there is no pod yet.
type answers struct {
	ring   *event.Ring
	buffer *logbuffer.Buffer
	s      atomic.Pointer[supervise.Supervisor]
	group  *podcgroup.Keeper // of the pod, once there is one
	// paired: the pod is that of a pause which was started by hand. keep: a clean stop leaves it.
	paired, keep atomic.Bool
}

var _ status.Source = (*answers)(nil)

func newAnswers() *answers {
	return &answers{ring: event.NewRing(keepEvents), buffer: logbuffer.NewBuffer(keepOutput)}
}

// of has the answers be about a pod with a control group from now on.
func (a *answers) of(s *supervise.Supervisor, g *podcgroup.Keeper) {
	a.group = g
	a.s.Store(s)
}

// outage tells the pod that the engine does not answer, or answers again. Before there is
// one nothing is to be told of that.
func (a *answers) outage(o retry.Outage) {
	if s := a.s.Load(); s != nil {
		s.NoteOutage(o.Since, o.Why, o.Over)
	}
}

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
	p := s.Status()
	p.Cgroup = shownGroup(a.group)
	return p
}

// Handover implements status.Source.
func (a *answers) Handover() error {
	if !a.paired.Load() {
		return errors.New("only what belongs to a pause that was started by hand can outlive its supervisor")
	}
	a.keep.Store(true)
	return nil
}

// Events implements status.Source.
func (a *answers) Events() *event.Ring { return a.ring }

// Logs implements status.Source.
func (a *answers) Logs() *logbuffer.Buffer { return a.buffer }
