package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/cgroup"
	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/identity"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/podcgroup"
	"github.com/podlike/podlike/internal/status"
	"github.com/podlike/podlike/internal/sweep"
)

// An opener opens the control group of a pod's owner, whose container is known, as it was chosen. The
// image is the supervisor's.
type opener func(c podcgroup.Choice, owner pod.Owner, of engine.Seen, image engine.ID, reserve int64) *podcgroup.Keeper

// groupOpener opens groups on an engine, and says what helpers are like there.
func groupOpener(ctx context.Context, d *docker.Engine, e engine.Engine, emit event.Sink) opener {
	return func(c podcgroup.Choice, owner pod.Owner, of engine.Seen, image engine.ID, reserve int64) *podcgroup.Keeper {
		d.UseHelper(helperOf(owner, image)) // of which one may make the group
		k := podcgroup.Open(ctx, podcgroup.Config{
			Engine: e, OnHost: d.OnHost, Emit: emit, Choice: c, Owner: owner, Limits: of.Limits, Reserve: reserve,
		})
		owner.Cgroup = k.Parent()
		d.UseHelper(helperOf(owner, image))
		return k
	}
}

// helperOf is what helpers of a pod's owner are like.
func helperOf(owner pod.Owner, image engine.ID) engine.Container {
	return engine.Container{Name: pod.HelperPrefix, Image: string(image), Labels: owner.Labels(pod.RoleHelper), CgroupParent: owner.Cgroup}
}

// groupOf chooses a pod's control group, of which the owner learns, and returns what opens it. Nil: it is only
// looked at.
func groupOf(ctx context.Context, e engine.Engine, o options, self, of engine.Seen, owner *pod.Owner, open opener) (func() *podcgroup.Keeper, error) {
	info, err := e.Info(ctx)
	if err != nil {
		return nil, err
	}
	paths, err := cgroup.Paths()
	if err != nil {
		return nil, err
	}
	c := podcgroup.Choose(podcgroup.Facts{Info: info, Self: self, Owner: of, Paths: paths, Unwanted: o.group == groupOff})
	if c.Way != podcgroup.Off {
		owner.Cgroup = c.Group.Parent()
	}
	if open == nil {
		return nil, nil
	}
	reserve := int64(o.reserve)
	if owner.Paired() { // whose pause is no supervisor
		reserve = 0
	}
	return func() *podcgroup.Keeper { return open(c, *owner, of, self.ImageID, reserve) }, nil
}

// removal is how long the end of a pod may be held up by the removal of its control group. A helper
// goes on with that.
const removal = 10 * time.Second

// tend has the limits of a pod's group follow those of its owner, and the group be removed when the pod
// has gone down, for which it may wait from when the pod is asked to stop. The returned function is
// called when the pod is over.
func tend(ctx context.Context, e engine.Engine, r runnable, emit event.Sink) func() {
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	removing, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	over := make(chan struct{})
	var tasks sync.WaitGroup
	if !r.owner.Paired() { // whose pause's limits nobody sees from here
		tasks.Go(func() { r.group.Follow(following, cgroup.Follow) })
	}
	tasks.Go(func() {
		if clock.Sleep(following, sweepDelay) != nil {
			return
		}
		s := sweep.Sweeper{Engine: e, Owner: r.owner, Emit: emit.Stamped()}
		if _, err := s.DropGroups(following, r.group.Others(r.owner.Labels(pod.RoleKeeper))); err != nil && following.Err() == nil {
			s.Emit(event.Event{Kind: event.CleanupFailed, Why: err.Error()})
		}
	})
	tasks.Go(func() {
		if r.owner.Paired() {
			<-over
		} else {
			live.Wait(ctx, over)
		}
		if leaves(removing, e, r) {
			return
		}
		if err := r.group.Remove(removing, r.pod.Grace+r.pod.StopGrace+removal); err != nil && removing.Err() == nil {
			emit.Stamped()(event.Event{Kind: event.CleanupFailed, Why: err.Error()})
		}
	})
	return func() {
		close(over)
		stop()
		late := time.AfterFunc(removal, giveUp)
		defer late.Stop()
		tasks.Wait()
		giveUp()
	}
}

// sweepDelay is how long after a pod's beginning the groups of dead ones are looked for: there is more
// important work to do then.
const sweepDelay = 10 * time.Second

// nodeGroups are the groups of all pods on a node, for a process in a container there. Nil: this is in
// none, or there are no groups.
func nodeGroups(ctx context.Context, d *docker.Engine) (*podcgroup.Others, error) {
	self, err := container(ctx, d)
	if errors.Is(err, identity.ErrUnknown) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	info, err := d.Info(ctx)
	if err != nil {
		return nil, err
	}
	setup := cgroup.Setup{Version: info.CgroupVersion, Driver: info.CgroupDriver}
	nested := setup.Version == 1 && setup.Driver == cgroup.FS // what is left there may be another engine's on this machine
	if info.Rootless || nested || setup.Driver != cgroup.FS && setup.Driver != cgroup.Systemd {
		return nil, nil
	}
	owner := ownerOf(self)
	d.UseHelper(helperOf(owner, self.ImageID))
	return &podcgroup.Others{OnHost: d.OnHost, Setup: setup, Labels: owner.Labels(pod.RoleKeeper)}, nil
}

// leaves reports whether components of a pair are left running, for another supervisor.
func leaves(ctx context.Context, e engine.Engine, r runnable) bool {
	if !r.owner.Paired() {
		return false
	}
	left, err := e.List(ctx, map[string]string{pod.LabelOwner: r.owner.ID, pod.LabelRole: pod.RoleComponent})
	return err != nil || len(left) > 0
}

// shownGroup is a pod's group as its status shows it.
func shownGroup(k *podcgroup.Keeper) *status.Cgroup {
	if k == nil {
		return nil
	}
	way, why := k.Way()
	l := k.Bounds()
	limits := status.Limits{Memory: l.Memory, Swap: l.Swap, CPUs: float64(l.CPUs) / 1e9, Pids: l.Pids, CPUSet: l.CPUSet}
	shown := &status.Cgroup{Way: string(way), Why: why, Limits: limits}
	if way != podcgroup.Off {
		shown.Path = k.Choice.Group.Path
	}
	return shown
}

// keepGroup does as a helper what is to be done with a control group, and prints the answer.
func keepGroup(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) != 1 {
		return usage("cgroup: there has to be one order")
	}
	var o cgroup.Order
	if err := json.Unmarshal([]byte(args[0]), &o); err != nil {
		return usage(fmt.Sprintf("cgroup: %v", err))
	}
	a, err := podcgroup.HelperHost(docker.HelperPath).Obey(ctx, o)
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(a)
}
