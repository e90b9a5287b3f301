package podcgroup_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/podlike/podlike/internal/cgroup"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/podcgroup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const mib = 1 << 20

// A machine has groups that only helpers reach.
type machine struct {
	*fake.Engine
	refuse error         // what the engine says of a helper
	fail   error         // what a helper says
	takes  time.Duration // that is how long it takes

	mu     sync.Mutex
	orders []cgroup.Order
	told   []string
	state  cgroup.State
	pods   []cgroup.Group
	begun  func() // before the group is opened; nil: nothing is done then
}

var v2 = engine.Info{CgroupVersion: 2, CgroupDriver: engine.CgroupFS}

// onHost is podcgroup.OnHost.
func (m *machine) onHost(ctx context.Context, paths, command []string, labels map[string]string, begun func()) ([]byte, error) {
	if m.refuse != nil {
		return nil, m.refuse
	}
	begun()
	time.Sleep(m.takes)
	if m.fail != nil {
		return nil, m.fail
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var o cgroup.Order
	if err := json.Unmarshal([]byte(command[1]), &o); err != nil || command[0] != podcgroup.Command || labels[pod.LabelRole] != pod.RoleKeeper {
		return nil, errors.New("it is not understood")
	}
	m.orders = append(m.orders, o)
	return json.Marshal(cgroup.Answer{State: m.state, Pods: m.pods})
}

// emit is an event.Sink.
func (m *machine) emit(e event.Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.told = append(m.told, string(e.Kind)+": "+e.Why)
}

// open opens a pod's group on cgroup v2 in a bubble.
func (m *machine) open(t *testing.T, limits engine.Limits) *podcgroup.Keeper {
	t.Helper()
	return m.openOn(t, v2, limits)
}

// openOn is open on a machine that is set up like that.
func (m *machine) openOn(t *testing.T, info engine.Info, limits engine.Limits) *podcgroup.Keeper {
	t.Helper()
	m.Engine = fake.New()
	t.Cleanup(m.Engine.Close)
	m.AddImage("app", fake.Running(fake.UntilAsked))
	if m.begun != nil {
		m.begun()
	}
	choice := podcgroup.Choose(podcgroup.Facts{Info: info, Owner: engine.Seen{ID: me}})
	k := podcgroup.Open(t.Context(), podcgroup.Config{
		Engine: m, OnHost: m.onHost, Emit: m.emit, Choice: choice, Owner: pod.Owner{ID: string(me)}, Limits: limits, Reserve: podcgroup.DefaultReserve,
		Pod: pod.Pod{Components: []pod.Component{{Name: "big", Resources: pod.Resources{Memory: 512 * mib}}, {Name: "free"}}},
	})
	t.Cleanup(k.Close)
	return k
}

// limitsOf makes a container of a component's, has it bound, and returns its limits.
func (m *machine) limitsOf(t *testing.T, k *podcgroup.Keeper, component string, memory int64) engine.Limits {
	t.Helper()
	id, _, err := m.Create(t.Context(), engine.Container{Name: component, Image: "app", Resources: engine.Resources{Memory: memory}})
	if err == nil {
		err = k.Bind(t.Context(), component, id)
	}
	if err != nil {
		t.Fatal(err)
	}
	seen, err := m.Inspect(t.Context(), string(id))
	if err != nil {
		t.Fatal(err)
	}
	return seen.Limits
}

func TestAHelperMakesTheGroupWhileThePodIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{takes: time.Minute / 4}
		began := time.Now()
		k := m.open(t, engine.Limits{Memory: 500 * mib, MemorySwap: 700 * mib, CPUs: 5e8, Pids: 100})
		if took := time.Since(began); took > 0 {
			t.Errorf("the pod has waited for %s", took)
		}
		if k.Parent() != "/podlike/"+string(me) || !k.Bound() || k.Shared() || k.Memory() != 468*mib {
			t.Errorf("below %q, bound %t, shared %t, memory %d", k.Parent(), k.Bound(), k.Shared(), k.Memory())
		}
		if l := m.limitsOf(t, k, "big", 512*mib); l.Memory != 512*mib { // the group binds it
			t.Errorf("it is limited to %d", l.Memory)
		}
		if took := time.Since(began); took != m.takes {
			t.Errorf("it was to start after %s", took)
		}
		swap := int64(200 * mib)
		want := []cgroup.Order{{Do: cgroup.Make, Group: k.Choice.Group, Limits: cgroup.Limits{Memory: 468 * mib, Swap: &swap, CPUs: 5e8, Pids: 100}}}
		if diff := cmp.Diff(want, m.orders); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff([]string{"pod has its cgroup: way helper, /podlike/" + string(me) + ", memory 468m, swap 200m, cpus 0.5, pids 100"}, m.told); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWithoutAGroupEachComponentIsLimitedAndItsUserIsTold(t *testing.T) {
	const told = "512m is more than the supervisor itself may use, and lowered to 96m"
	for name, test := range map[string]struct {
		why     string
		machine *machine
		bound   bool // as far as is known at first
		lowered bool // by the keeper, and not before
	}{
		"Refused": {"a proxy lets nobody make such a container", &machine{refuse: errors.New("forbidden")}, false, false},
		"Failed":  {"the machine does not let the helper", &machine{fail: errors.New("read-only file system"), takes: time.Second}, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := test.machine
				k := m.open(t, engine.Limits{Memory: 96 * mib})
				if k.Bound() != test.bound {
					t.Errorf("%s: bound %t", test.why, k.Bound())
				}
				want := int64(512 * mib)
				if test.lowered {
					want = 96 * mib
				}
				for range 2 { // also when it is started again
					l := m.limitsOf(t, k, "big", 512*mib)
					if l.Memory != want {
						t.Errorf("%s: it is limited to %d", test.why, l.Memory)
					}
					seen, _ := m.Inspect(t.Context(), "big")
					if err := m.Remove(t.Context(), seen.ID); err != nil {
						t.Fatal(err)
					}
				}
				if k.Bound() || k.Memory() != 0 || k.Parent() != "" {
					t.Errorf("%s: it has a group after all", test.why)
				}
				all := strings.Join(m.told, "\n")
				if !strings.Contains(all, "pod has no cgroup: ") || !strings.Contains(all, "memory 96m is the limit of each component, and not of all together") {
					t.Errorf("%s: told %s", test.why, all)
				}
				if n := strings.Count(all, told); (n == 1) != test.lowered {
					t.Errorf("%s: told %d times that it was lowered:\n%s", test.why, n, all)
				}
			})
		})
	}
}

// Below the supervisor's own group nothing is made, and its limits are the pod's and its own.
func TestWhereThePodIsBelowItsSupervisorNobodyIsAskedForAnything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{refuse: errors.New("nobody is to be asked")}
		k := m.openOn(t, engine.Info{CgroupVersion: 1, CgroupDriver: engine.CgroupFS}, engine.Limits{Memory: 96 * mib})
		if k.Memory() != 96*mib || !k.Bound() || !k.Shared() {
			t.Errorf("memory %d, bound %t, shared %t", k.Memory(), k.Bound(), k.Shared())
		}
		if err := k.Set(t.Context(), engine.Limits{Memory: 64 * mib}); err != nil || k.Memory() != 64*mib {
			t.Errorf("then it has %d: %v", k.Memory(), err)
		}
		if err := k.Remove(t.Context(), time.Minute); err != nil {
			t.Error(err)
		}
		if _, _, known := k.Counts(t.Context()); known {
			t.Error("the kernel counts nothing there")
		}
		other := (&machine{}).openOn(t, engine.Info{CgroupVersion: 1, CgroupDriver: engine.Systemd}, engine.Limits{})
		if !other.Shared() {
			t.Error("with systemd on cgroup v1 the engine does not tell one container from another either")
		}
	})
}

// A supervisor that starts again may still have the helper that was to remove its group.
func TestTheHelperOfAnEarlierLifeGoesBeforeTheGroupIsMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{}
		m.begun = func() {
			labels := pod.Owner{ID: string(me)}.Labels(pod.RoleKeeper)
			if _, _, err := m.Create(t.Context(), engine.Container{Name: "old", Image: "app", Labels: labels}); err != nil {
				t.Fatal(err)
			}
		}
		k := m.open(t, engine.Limits{})
		if err := k.Bind(t.Context(), "free", "none"); err != nil {
			t.Fatal(err)
		}
		if _, err := m.Inspect(t.Context(), "old"); !errors.Is(err, engine.ErrNotFound) || len(m.orders) != 1 {
			t.Errorf("it is there: %v; orders %+v", err, m.orders)
		}
	})
}

func TestWhatTheKernelTellsOfTheSupervisorsLimitsReachesTheGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{}
		k := m.open(t, engine.Limits{Memory: 96 * mib})
		id, _, err := m.Create(t.Context(), engine.Container{Name: "supervisor", Image: "app", Resources: engine.Resources{Memory: 192 * mib}})
		if err != nil {
			t.Fatal(err)
		}
		k.Owner.ID = string(id)
		began := time.Now()
		ctx, cancel := context.WithCancel(t.Context())
		k.Follow(ctx, func(ctx context.Context, tell func()) error {
			for range 3 { // one update writes several files
				tell()
			}
			time.Sleep(time.Second)
			cancel()
			return nil
		})
		if len(m.orders) != 2 || m.orders[1].Do != cgroup.Limit || k.Memory() != 160*mib {
			t.Errorf("ordered %+v", m.orders)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("it has taken %s", took)
		}
	})
}

// What was left when the group was made is known: nobody has to look again.
func TestOnlyWhatIsLeftIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		left := cgroup.Setup{Version: 2, Driver: cgroup.FS}.Of("dead")
		m := &machine{pods: []cgroup.Group{left}}
		k := m.open(t, engine.Limits{})
		synctest.Wait()
		for name, test := range map[string]struct {
			others *podcgroup.Others
			orders int
		}{
			"Known": {k.Others(pod.Owner{}.Labels(pod.RoleKeeper)), 1},
			"Node":  {&podcgroup.Others{OnHost: m.onHost, Setup: left.Setup, Labels: pod.Owner{}.Labels(pod.RoleKeeper)}, 2},
		} {
			m.orders = nil
			owners, err := test.others.Owners(t.Context())
			if err != nil || len(owners) != 1 || owners[0] != "dead" || test.others.Name("dead") != "/podlike/dead" {
				t.Errorf("%s: %q, %v", name, owners, err)
			}
			if err := test.others.Drop(t.Context(), "dead"); err != nil {
				t.Error(err)
			}
			if last := m.orders[len(m.orders)-1]; len(m.orders) != test.orders || last.Do != cgroup.Remove || last.Group != left {
				t.Errorf("%s: ordered %+v", name, m.orders)
			}
		}
	})
}

// An engine that does not come back keeps nobody from ending.
func TestNobodyWaitsForAHelperLongerThanHeWantsTo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{takes: 3 * time.Minute}
		k := m.open(t, engine.Limits{Memory: 96 * mib})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		for name, err := range map[string]error{
			"Bind": k.Bind(ctx, "big", "none"), "Set": k.Set(ctx, engine.Limits{}), "Remove": k.Remove(ctx, time.Second),
		} {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("it has taken %s", took)
		}
	})
}

func TestTheGroupsLimitsFollowThoseOfTheSupervisor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{}
		k := m.open(t, engine.Limits{Memory: 96 * mib})
		for _, step := range []struct {
			why  string
			to   engine.Limits
			want int // orders
		}{
			{"it is as it was", engine.Limits{Memory: 96 * mib}, 1},
			{"there is more", engine.Limits{Memory: 192 * mib}, 2},
			{"and no limit at all", engine.Limits{}, 3},
		} {
			if err := k.Set(t.Context(), step.to); err != nil {
				t.Fatal(err)
			}
			if len(m.orders) != step.want {
				t.Errorf("%s: there were %d orders", step.why, len(m.orders))
			}
		}
		if got := m.orders[1]; got.Do != cgroup.Limit || got.Limits.Memory != 160*mib || m.orders[2].Limits != (cgroup.Limits{}) {
			t.Errorf("ordered %+v", m.orders)
		}
	})
}

func TestAGroupIsLookedAtAndRemovedByHelpers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &machine{state: cgroup.State{Kills: 3, Hits: 2}}
		k := m.open(t, engine.Limits{Memory: 40 * mib})
		kills, hits, known := k.Counts(t.Context())
		if kills != 3 || hits != 2 || !known {
			t.Errorf("counted %d, %d, %t", kills, hits, known)
		}
		m.fail = errors.New("gone")
		if _, _, known := k.Counts(t.Context()); known {
			t.Error("it is known what nobody tells")
		}
		m.fail = nil
		if err := k.Remove(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		if got := m.orders[len(m.orders)-1]; got.Do != cgroup.Remove || got.Wait != time.Minute || m.orders[0].Limits.Memory != 20*mib {
			t.Errorf("ordered %+v", m.orders)
		}
	})
}

// A status is asked for, and components end, while limits change.
func TestAKeeperMayBeAskedByManyAtOnce(t *testing.T) {
	m := &machine{}
	k := m.open(t, engine.Limits{Memory: 96 * mib})
	var all sync.WaitGroup
	for n := range int64(4) {
		for _, do := range []func(){
			func() { _ = k.Set(t.Context(), engine.Limits{Memory: (64 + n) * 2 * mib}) },
			func() { k.Memory() }, func() { k.Bounds() }, func() { k.Way() }, func() { k.Others(nil) },
			func() { _ = k.Bind(t.Context(), "free", "none") },
		} {
			all.Go(func() {
				for range 20 {
					do()
				}
			})
		}
	}
	all.Wait()
	if k.Memory() == 0 {
		t.Error("there is no limit any more")
	}
}
