package podcgroup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/cgroup"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
)

// Engine is what keeping a group needs of one.
type Engine interface {
	Inspect(ctx context.Context, ref string) (engine.Seen, error)
	List(ctx context.Context, labels map[string]string) ([]engine.Seen, error)
	Remove(ctx context.Context, id engine.ID) error
	Limit(ctx context.Context, id engine.ID, l engine.Limits) error
}

// OnHost runs this program's command with paths of the engine's machine mounted, in a container
// with more labels than all helpers have, and returns what it prints. Begun is called when the
// engine has agreed to that.
type OnHost func(ctx context.Context, paths, command []string, labels map[string]string, begun func()) ([]byte, error)

// Config is what a Keeper works with. All has to be set.
type Config struct {
	Engine Engine
	OnHost OnHost
	Emit   event.Sink
	Choice Choice
	Owner  pod.Owner
	// Limits are those of the container that the pod belongs to, and Reserve is how many bytes of
	// its memory are not the pod's: zero where that container is no supervisor's.
	Limits  engine.Limits
	Reserve int64
	// Pod is as it is to be run where it has its group.
	Pod pod.Pod
}

// A Keeper has a pod's group. Open makes it.
type Keeper struct {
	Config
	tasks sync.WaitGroup
	end   context.CancelFunc
	made  chan struct{} // closed when it is known whether there is a group

	mu      sync.Mutex
	choice  Choice          // as it has turned out
	failed  error           // why there is none, though the engine had agreed to make it
	limited cgroup.Limits   // as they were set last
	others  []cgroup.Group  // those that were left then of other pods
	lowered map[string]bool // components of which it was told
}

// making is how long it may take to make a group or to look at one. It takes less than a second on
// most machines; an engine that has not answered by then may as well be without one.
const making = 4 * time.Minute

// Open begins to make a pod's group, and returns as soon as it is known that the engine lets it be
// made. Close has to be called.
func Open(ctx context.Context, c Config) *Keeper {
	c.Emit = c.Emit.Stamped()
	k := &Keeper{Config: c, choice: c.Choice, made: make(chan struct{}), lowered: map[string]bool{}}
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	k.end = end
	if k.choice.Way == Nested { // the supervisor is bound along with the pod
		k.Reserve = 0
	}
	k.limited = share(c.Limits, k.Reserve)
	switch k.choice.Way {
	case Mount, DBus:
		err := k.makeHere(ctx)
		if err == nil {
			break
		}
		k.Emit(event.Event{Kind: event.ConfigWarning, Why: fmt.Sprintf("%v; a helper is tried", err)})
		k.choice.Way = Helper
		fallthrough
	case Helper:
		agreed := make(chan struct{})
		k.tasks.Go(func() { k.makeThere(life, sync.OnceFunc(func() { close(agreed) })) })
		select {
		case <-agreed:
		case <-k.made:
			return k
		case <-ctx.Done():
		}
		return k
	}
	close(k.made)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.tellLocked()
	return k
}

// Close ends all that still goes on.
func (k *Keeper) Close() {
	k.end()
	k.tasks.Wait()
}

// Way is how the pod has come by its group, and why it has none if so.
func (k *Keeper) Way() (Way, string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.choice.Way, k.choice.Why
}

// Parent is what the pod's containers are made below. Empty: the engine's own place.
func (k *Keeper) Parent() string {
	if way, _ := k.Way(); way == Off {
		return ""
	}
	return k.Choice.Group.Parent()
}

// Bound reports whether the group binds the pod, so that no component has to be limited by itself.
func (k *Keeper) Bound() bool {
	way, _ := k.Way()
	return way != Off
}

// Shared reports whether the engine calls it a lack of memory of each of the pod's containers
// when the group's limit is hit, as it does on cgroup v1.
func (k *Keeper) Shared() bool {
	way, _ := k.Way()
	return way != Off && k.Choice.Group.Version == 1
}

// Bounds are what all of the pod may use together, as they were set last.
func (k *Keeper) Bounds() cgroup.Limits {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.limited
}

// Memory is what all of the pod may use of it together, in bytes. Zero: there is no limit, or no group.
func (k *Keeper) Memory() int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.choice.Way == Off {
		return 0
	}
	return k.limited.Memory
}

// Starved reports whether the kernel has killed something in a container of the pod's for lack of memory.
// Not known: the engine says so of that container alone, or it is not seen from here.
func (k *Keeper) Starved(id engine.ID) (did, known bool) {
	if way, _ := k.Way(); way != Nested {
		return false, false
	}
	return cgroup.Starved(string(id))
}

// makeHere makes the group by what is mounted here.
func (k *Keeper) makeHere(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, making)
	defer cancel()
	a, err := k.choice.Host.Obey(ctx, cgroup.Order{Do: cgroup.Make, Group: k.choice.Group, Limits: k.limited})
	k.others = a.Pods
	return err
}

// makeThere has a helper make the group. A helper of an earlier life of the same pod's, which may
// wait for the group's end, goes before.
func (k *Keeper) makeThere(ctx context.Context, agreed func()) {
	ctx, cancel := context.WithTimeout(ctx, making)
	defer cancel()
	defer close(k.made)
	begun := false
	err := k.dismiss(ctx)
	var a cgroup.Answer
	if err == nil {
		order := cgroup.Order{Do: cgroup.Make, Group: k.Choice.Group, Limits: k.Bounds()}
		a, err = k.send(ctx, order, func() {
			begun = true
			agreed()
		})
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.others = a.Pods
	if err != nil {
		k.choice.Way, k.choice.Why = Off, err.Error()
	}
	if err != nil && begun { // otherwise nothing of the pod was made yet, and will be without a group
		k.failed = err
	}
	k.tellLocked()
}

// dismiss removes the helpers that an earlier life has left.
func (k *Keeper) dismiss(ctx context.Context) error {
	left, err := k.Engine.List(ctx, map[string]string{pod.LabelOwner: k.Owner.ID, pod.LabelRole: pod.RoleKeeper})
	for _, c := range left {
		err = errors.Join(err, k.Engine.Remove(ctx, c.ID))
	}
	return err
}

// send has a helper obey an order.
func (k *Keeper) send(ctx context.Context, o cgroup.Order, begun func()) (cgroup.Answer, error) {
	return Send(ctx, k.OnHost, o, k.Owner.Labels(pod.RoleKeeper), begun)
}

// Command is what a helper is asked to do by, with the order behind it.
const Command = "cgroup"

// Send has a helper obey an order.
func Send(ctx context.Context, on OnHost, o cgroup.Order, labels map[string]string, begun func()) (a cgroup.Answer, err error) {
	text, err := json.Marshal(o)
	if err != nil {
		return a, err
	}
	paths := []string{hierarchy}
	if o.Group.Driver == cgroup.Systemd {
		paths = append(paths, busSocket)
	}
	said, err := on(ctx, paths, []string{Command, string(text)}, labels, begun)
	if err != nil {
		return a, err
	}
	if err := json.Unmarshal(said, &a); err != nil {
		return a, fmt.Errorf("cannot understand what a helper says of a control group: %w", err)
	}
	return a, nil
}

// HelperHost is how a helper reaches the machine's groups, whose path there is said by inside.
func HelperHost(inside func(string) string) cgroup.Host {
	return cgroup.Host{Root: inside(hierarchy), Bus: inside(busSocket)}
}

// obey has an order obeyed, here or by a helper.
func (k *Keeper) obey(ctx context.Context, o cgroup.Order) (cgroup.Answer, error) {
	way, _ := k.Way()
	o.Group = k.Choice.Group
	here := way == Mount || way == DBus
	if o.Do == cgroup.Look { // which needs the hierarchy, and nothing else
		here = k.Choice.Host.Root != ""
	}
	ctx, cancel := context.WithTimeout(ctx, making+o.Wait)
	defer cancel()
	if here {
		return k.Choice.Host.Obey(ctx, o)
	}
	return k.send(ctx, o, func() {})
}

// settled waits until it is known whether there is a group.
func (k *Keeper) settled(ctx context.Context) error {
	select {
	case <-k.made:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Bind is to be called before a container of the pod's is started. It waits until the group is made.
// Where it could not be made, though the engine had agreed to that, the container is limited by itself.
func (k *Keeper) Bind(ctx context.Context, component string, id engine.ID) error {
	if err := k.settled(ctx); err != nil {
		return err
	}
	k.mu.Lock()
	failed := k.failed
	told := k.lowered[component]
	k.lowered[component] = true
	k.mu.Unlock()
	if failed == nil {
		return nil
	}
	c, _ := k.Pod.Component(component)
	clamped, lowered := pod.Clamp(pod.Pod{Components: []pod.Component{c}}, pod.Limits(k.Limits))
	if !told {
		for _, l := range lowered {
			k.Emit(event.Event{Kind: event.Lowered, Component: component, Why: l.String()})
		}
	}
	r := clamped.Components[0].Resources
	return k.Engine.Limit(ctx, id, engine.Limits{Memory: r.Memory, MemorySwap: r.MemorySwap, CPUs: r.CPUs, Pids: r.Pids})
}

// Counts are how many processes of the pod the kernel has killed so far for lack of memory, and how
// often the pod's own limit was hit. Not known: there is no group, or nobody can look at it.
func (k *Keeper) Counts(ctx context.Context) (kills, hits uint64, known bool) {
	if way, _ := k.Way(); way == Off || way == Nested {
		return 0, 0, false
	}
	a, err := k.obey(ctx, cgroup.Order{Do: cgroup.Look})
	return a.State.Kills, a.State.Hits, err == nil
}

// Remove removes the group when all that was in it has ended, for which it waits that long. On cgroup v1
// the engine does that itself.
func (k *Keeper) Remove(ctx context.Context, within time.Duration) error {
	if err := k.settled(ctx); err != nil {
		return err
	}
	if way, _ := k.Way(); way == Nested || way == Off && k.failed == nil {
		return nil
	}
	_, err := k.obey(ctx, cgroup.Order{Do: cgroup.Remove, Wait: within})
	return err
}

// Set gives the group the limits that the container has by now, if they are others.
func (k *Keeper) Set(ctx context.Context, l engine.Limits) error {
	way, _ := k.Way()
	next := share(l, k.Reserve)
	if way == Off || same(next, k.Bounds()) {
		return nil
	}
	if way != Nested {
		if err := k.settled(ctx); err != nil {
			return err
		}
		if _, err := k.obey(ctx, cgroup.Order{Do: cgroup.Limit, Limits: next}); err != nil {
			return err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.limited = next
	k.tellLocked()
	return nil
}

// same reports whether limits are the same.
func same(a, b cgroup.Limits) bool {
	if (a.Swap == nil) != (b.Swap == nil) || a.Swap != nil && *a.Swap != *b.Swap {
		return false
	}
	a.Swap, b.Swap = nil, nil
	return a == b
}

// tellLocked tells how the pod has come by its group, or what of its limits does not bind it.
func (k *Keeper) tellLocked() {
	limits := words(k.limited)
	if k.choice.Way == Off { // and the supervisor keeps nothing
		limits = words(share(k.Limits, 0))
	}
	switch {
	case k.choice.Way != Off:
		k.Emit(event.Event{Kind: event.Grouped, Why: fmt.Sprintf("way %s, %s, %s", k.choice.Way, k.Choice.Group.Path, limits)})
	case limits == noLimits:
		k.Emit(event.Event{Kind: event.Grouped, Why: fmt.Sprintf("way %s: %s", k.choice.Way, k.choice.Why)})
	default:
		k.Emit(event.Event{Kind: event.Ungrouped, Why: fmt.Sprintf("%s; %s is the limit of each component, and not of all together: "+
			"so many components may use so many times as much", k.choice.Why, limits)})
	}
}
