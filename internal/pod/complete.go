package pod

import (
	"cmp"
	"slices"
	"time"
)

// DefaultStopGrace is how long a component may take to stop when its user says
// nothing, as Docker's. Readers fill it in, for a grace of zero can be meant.
const DefaultStopGrace = 10 * time.Second

// DefaultGrace is the budget for stopping a whole pod, as Swarm's stop_grace_period.
const DefaultGrace = 10 * time.Second

// Complete returns p with every default filled in and everything in order, so that
// two readings of one pod are equal. What is set stays, but for optional dependencies
// on what is not there; p itself stays as it is.
//
// It cannot know what a false, or a zero of a component, was meant to be: SharePID
// and ShareIPC, and StopGrace, are for the caller to set. A Grace of zero is filled
// in: to have none, set it afterwards.
func Complete(p Pod) Pod {
	p.Grace = cmp.Or(p.Grace, DefaultGrace)
	p.Pull = cmp.Or(p.Pull, Missing)
	p.Backoff.First = cmp.Or(p.Backoff.First, DefaultBackoffFirst)
	p.Backoff.Cap = cmp.Or(p.Backoff.Cap, DefaultBackoffCap)
	p.Unready = cmp.Or(p.Unready, IgnoreUnready)
	p = p.with(func(c *Component) { c.DependsOn = p.completeDependencies(c.DependsOn) })
	p = p.with(completeComponent)
	slices.SortStableFunc(p.Components, func(a, b Component) int { return cmp.Compare(a.Name, b.Name) })
	return p
}

// completeComponent fills in what a component leaves out.
func completeComponent(c *Component) {
	c.Restart.Policy = cmp.Or(c.Restart.Policy, RestartNo)
	c.Probes = Probes{
		Startup:   completeProbe(c.Probes.Startup),
		Liveness:  completeProbe(c.Probes.Liveness),
		Readiness: completeProbe(c.Probes.Readiness),
	}
}

// completeProbe returns a probe with the kubelet's defaults.
func completeProbe(p *Probe) *Probe {
	if p == nil {
		return nil
	}
	full := *p
	full.Period = cmp.Or(p.Period, 10*time.Second)
	full.Timeout = cmp.Or(p.Timeout, time.Second)
	full.Success = cmp.Or(p.Success, 1)
	full.Failure = cmp.Or(p.Failure, 3)
	return &full
}

// completeDependencies returns ds with their conditions, in the order of their names,
// and without those that need not be met and cannot be.
func (p Pod) completeDependencies(ds []Dependency) []Dependency {
	ds = slices.DeleteFunc(slices.Clone(ds), func(d Dependency) bool {
		_, known := p.Component(d.Name)
		return d.Optional && !known
	})
	for i := range ds {
		ds[i].Condition = cmp.Or(ds[i].Condition, Started)
	}
	slices.SortStableFunc(ds, func(a, b Dependency) int { return cmp.Compare(a.Name, b.Name) })
	return ds
}
