package main

import (
	"context"
	"errors"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/status"
	podusage "github.com/podlike/podlike/internal/usage"
)

// statusUsageTime is how long status waits for the engine. Where it does not answer by then there is
// the rest of the status.
const statusUsageTime = 2 * time.Second

// uses is what a pod uses now. It is this process that asks the engine, and not the supervisor, which
// measures nothing while nobody looks. Nil: nothing can use anything. Its error says why that is not known.
func uses(ctx context.Context, p status.Pod) (*podusage.Sample, error) {
	if p.ID == "" || over(p) {
		return nil, nil
	}
	for _, c := range p.Conditions {
		if c.Type == status.EngineReachable && !c.Status {
			return nil, errors.New(because(c.Reason, c.Message))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, statusUsageTime)
	defer cancel()
	e, err := docker.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	return measured(ctx, e, p)
}

// measured is what a pod uses by an engine that may not tell.
func measured(ctx context.Context, e podusage.Engine, p status.Pod) (*podusage.Sample, error) {
	s := podusage.Meter{Engine: e, Whole: wholeOf(ctx, e, p)}.Measure(ctx, measurable(p))
	if s.Pod.Usage == nil && s.Pod.Error != "" {
		return nil, errors.New(s.Pod.Error)
	}
	return &s, nil
}

// measurable is what can be measured of a pod: its components that run, and what is no component.
func measurable(p status.Pod) podusage.Pod {
	m := podusage.Pod{ID: engine.ID(p.ID), Name: p.Name}
	for _, c := range p.Components {
		if c.State.Running != nil && c.Container != "" {
			m.Parts = append(m.Parts, podusage.Part{Name: c.Name, Role: string(c.Role), ID: engine.ID(c.Container)})
		}
	}
	return m
}

// over reports whether nothing of a pod runs any more.
func over(p status.Pod) bool { return p.Phase == status.Succeeded || p.Phase == status.Failed }

// An overview is what is told of a pod: what its supervisor says of it, and what it uses.
type overview struct {
	status.Pod
	uses *podusage.Sample // nil: that is not known
}

// A printedPod is an overview as it is printed for programs. What it has beside a status is only there
// where it is known.
type printedPod struct {
	status.Pod
	Usage    *podusage.Amounts  `json:"usage,omitempty"`
	Limits   *podusage.Limits   `json:"limits,omitempty"`
	Pressure *podusage.Pressure `json:"pressure,omitempty"`
	// Components take the place of the status' own.
	Components []printedComponent `json:"components,omitempty"`
	// Others are the pod's containers that are no components.
	Others []podusage.Row `json:"otherContainers,omitempty"`
}

// A printedComponent is one as it is printed for programs.
type printedComponent struct {
	status.Component
	Usage  *podusage.Amounts `json:"usage,omitempty"`
	Limits *podusage.Limits  `json:"limits,omitempty"`
}

// printed is an overview for programs.
func (r overview) printed() printedPod {
	all := printedPod{Pod: r.Pod}
	of := map[string]podusage.Row{}
	if r.uses != nil {
		all.Usage, all.Limits, all.Pressure = r.uses.Pod.Usage, r.uses.Pod.Limits, r.uses.Pod.Pressure
		for _, row := range r.uses.Containers {
			switch row.Role {
			case podusage.RolePause, podusage.RoleDebug:
				all.Others = append(all.Others, row)
			default:
				of[row.Name] = row
			}
		}
	}
	for _, c := range r.Components {
		all.Components = append(all.Components, printedComponent{c, of[c.Name].Usage, of[c.Name].Limits})
	}
	return all
}
