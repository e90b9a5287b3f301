package main

import (
	"context"
	"time"

	"github.com/podlike/podlike/internal/cgroup"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/podcgroup"
	"github.com/podlike/podlike/internal/status"
	podusage "github.com/podlike/podlike/internal/usage"
)

// A whole is a pod's control group, where it can be read from here.
type whole struct {
	look   func() (cgroup.State, error)
	limits engine.Limits
}

// wholeOf is that of a pod. Nil: it cannot be read from here.
func wholeOf(ctx context.Context, e podusage.Engine, p status.Pod) podusage.Whole {
	if p.Cgroup == nil {
		return nil
	}
	l := p.Cgroup.Limits
	w := whole{limits: engine.Limits{Memory: l.Memory, CPUs: int64(l.CPUs * 1e9), Pids: l.Pids, CPUSet: l.CPUSet}}
	self, err := e.Inspect(ctx, p.ID)
	if err != nil || ownerOf(self).Paired() { // whose pause's group is not seen from here
		return nil
	}
	if podcgroup.Way(p.Cgroup.Way) == podcgroup.Nested {
		w.look = cgroup.Own
		return w
	}
	host := podcgroup.Reach(self.Mounts)
	if host.Root == "" || p.Cgroup.Path == "" {
		return nil
	}
	w.look = func() (cgroup.State, error) {
		return host.Look(cgroup.Group{Setup: cgroup.Setup{Version: 2}, Path: p.Cgroup.Path})
	}
	return w
}

// Measure implements podusage.Whole.
func (w whole) Measure(context.Context) (podusage.Total, error) {
	s, err := w.look()
	if err != nil {
		return podusage.Total{}, err
	}
	t := podusage.Total{Limits: w.limits, Usage: engine.Usage{
		Memory: int64(s.Memory), CPU: time.Duration(s.CPU) * time.Microsecond, Pids: int64(s.Pids), Read: int64(s.Read), Written: int64(s.Written),
	}}
	if s.Pressure != nil {
		p := podusage.Pressure(*s.Pressure)
		t.Pressure = &p
	}
	return t, nil
}
