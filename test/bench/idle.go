package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"

	"github.com/podlike/podlike/internal/pod"
)

const (
	idlePods       = 10
	idleComponents = 3
	// settled is after how long a supervisor has given back what its start needed.
	settled = 15 * time.Second
	// laterChecks is how many checks a minute has on an engine that knows start intervals.
	laterChecks = 4
)

// Idle is what a pod costs in which nothing happens. Use is seconds of CPU a minute, for
// all idlePods together, less what the machine used without them.
type Idle struct {
	Supervisor Memory        `json:"supervisor"` // of the last pod
	Pause      Memory        `json:"pause"`
	Interval   time.Duration `json:"check_interval_ns"`
	Checked    Use           `json:"checked"`
	Unchecked  Use           `json:"unchecked"`
}

// Use is seconds of CPU: of the engine with all it runs, and of the machine with all that
// others did on it meanwhile.
type Use struct {
	Engine  float64 `json:"engine_s"`
	Machine float64 `json:"machine_s"`
}

// check is how many seconds of CPU one health check costs.
func (i Idle) check() float64 {
	return max(i.Checked.Engine-i.Unchecked.Engine, 0) / (idlePods * float64(time.Minute) / float64(i.Interval))
}

// newEngine is what a pod takes a minute where checks are rare after the start.
func (i Idle) newEngine() float64 { return i.Unchecked.Engine/idlePods + laterChecks*i.check() }

// lookAtIdle looks at pods without the image's health check and with it.
func lookAtIdle(ctx context.Context, api *client.Client, o options, report *Report, to io.Writer) (err error) {
	var idle Idle
	made, err := api.ImageInspect(ctx, "podlike/supervisor:"+o.version)
	if err != nil {
		return err
	}
	if made.Config.Healthcheck == nil {
		return fmt.Errorf("the image podlike/supervisor:%s has no health check", o.version)
	}
	idle.Interval = made.Config.Healthcheck.Interval
	if idle.Unchecked, err = idle.look(ctx, api, o, true); err != nil {
		return err
	}
	if idle.Checked, err = idle.look(ctx, api, o, false); err != nil {
		return err
	}
	report.Idle = &idle
	fmt.Fprint(to, idle)
	return nil
}

// look has pods for a while and says what they used a minute. It takes note of their memory.
func (i *Idle) look(ctx context.Context, api *client.Client, o options, unchecked bool) (use Use, err error) {
	without, err := used(o.idle)
	if err != nil {
		return use, err
	}
	var last scene
	for range idlePods {
		last = newScene(api, o, idleComponents)
		defer last.clean(context.WithoutCancel(ctx))
		p := &ours{scene: last, unchecked: unchecked}
		if _, err := last.clock(ctx, p.up, last.allRun()); err != nil {
			return use, err
		}
	}
	time.Sleep(settled)
	with, err := used(o.idle)
	if err != nil {
		return use, err
	}
	if i.Supervisor, i.Pause, err = last.memory(ctx); err != nil {
		return use, err
	}
	minutes := o.idle.Minutes()
	return Use{(with.Engine - without.Engine) / minutes, (with.Machine - without.Machine) / minutes}, nil
}

// used is what is used in that time.
func used(d time.Duration) (use Use, err error) {
	var engine, whole [2]float64
	for i := range 2 {
		if i > 0 {
			time.Sleep(d)
		}
		if engine[i], err = engineUse(); err != nil {
			return use, err
		}
		if whole[i], err = machine(); err != nil {
			return use, err
		}
	}
	return Use{engine[1] - engine[0], whole[1] - whole[0]}, nil
}

// memory is what the supervisor and pause of this scene's pod have.
func (s scene) memory(ctx context.Context) (supervisor, pause Memory, err error) {
	if supervisor, err = s.memoryOf(ctx, s.run); err != nil {
		return supervisor, pause, err
	}
	found, err := s.ContainerList(ctx, container.ListOptions{Filters: filters.NewArgs(
		filters.Arg("label", pod.LabelName+"="+s.run), filters.Arg("label", pod.LabelRole+"="+pod.RolePause))})
	if err != nil {
		return supervisor, pause, err
	}
	if len(found) != 1 {
		return supervisor, pause, fmt.Errorf("%s has %d containers that hold its namespaces", s.run, len(found))
	}
	pause, err = s.memoryOf(ctx, found[0].ID)
	return supervisor, pause, err
}

// memoryOf is what the first process of a container has.
func (s scene) memoryOf(ctx context.Context, container string) (m Memory, err error) {
	c, err := s.ContainerInspect(ctx, container)
	if err != nil {
		return m, err
	}
	return memoryOf(c.State.Pid)
}

// String is all of it, beside what it was before.
func (i Idle) String() string {
	return fmt.Sprintf(`
%d idle pods of %d components
memory, in kB        resident   private
supervisor         %10d%10d   goal: resident below %d
pause              %10d%10d
seconds of CPU a minute, all pods    engine, pods and checks   whole machine     before
without health checks                %23.2f   %13.2f   %8.1f
checked every %-8v               %23.2f   %13.2f   %8.1f
one check: %.1f ms; a pod on an engine with start intervals: %.3f s a minute (goal: %.2f)
`, idlePods, idleComponents, i.Supervisor.Resident, i.Supervisor.Private, goalIdleKB, i.Pause.Resident, i.Pause.Private,
		i.Unchecked.Engine, i.Unchecked.Machine, beforeUnchecked, i.Interval, i.Checked.Engine, i.Checked.Machine, beforeChecked,
		1000*i.check(), i.newEngine(), goalNewEngine)
}
