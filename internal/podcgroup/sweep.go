package podcgroup

import (
	"context"
	"time"

	"github.com/podlike/podlike/internal/cgroup"
	"github.com/podlike/podlike/internal/engine"
)

// dropping is how long is waited for a group to be empty whose owner is gone.
const dropping = 5 * time.Second

// Others are the groups of all pods on a machine, as a sweep wants them.
type Others struct {
	OnHost OnHost
	Setup  cgroup.Setup
	Labels map[string]string // of helpers
	// Known are those that there were. Nil: a helper looks.
	Known []cgroup.Group

	found map[engine.ID]cgroup.Group
}

// Others are the groups that there were when the pod's was made, as far as that is known by now.
func (k *Keeper) Others(labels map[string]string) *Others {
	k.mu.Lock()
	defer k.mu.Unlock()
	return &Others{OnHost: k.OnHost, Setup: k.Choice.Group.Setup, Labels: labels, Known: append([]cgroup.Group{}, k.others...)}
}

// Owners implements sweep.Groups.
func (o *Others) Owners(ctx context.Context) (all []engine.ID, err error) {
	groups := o.Known
	if groups == nil {
		a, err := Send(ctx, o.OnHost, cgroup.Order{Do: cgroup.List, Group: cgroup.Group{Setup: o.Setup}}, o.Labels, func() {})
		if err != nil {
			return nil, err
		}
		groups = a.Pods
	}
	o.found = map[engine.ID]cgroup.Group{}
	for _, g := range groups {
		owner := engine.ID(g.Owner())
		o.found[owner] = g
		all = append(all, owner)
	}
	return all, nil
}

// Drop implements sweep.Groups.
func (o *Others) Drop(ctx context.Context, owner engine.ID) error {
	_, err := Send(ctx, o.OnHost, cgroup.Order{Do: cgroup.Remove, Group: o.found[owner], Wait: dropping}, o.Labels, func() {})
	return err
}

// Name implements sweep.Groups.
func (o *Others) Name(owner engine.ID) string { return o.found[owner].Path }
