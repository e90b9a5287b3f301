package plan_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// ours is a container of our own pod: pause when it has no component's name.
func ours(component string) engine.Seen {
	if component == "" {
		return left(me, me.PauseName(), pod.RolePause, true)
	}
	seen := left(me, me.ContainerName(component), pod.RoleComponent, true)
	seen.Labels[pod.LabelComponent] = component
	return seen
}

// looking is a container of somebody's who looks at our pod.
func looking(which string) engine.Seen { return left(me, me.DebugName(which), pod.RoleDebug, true) }

// killing is a container that kills a command of ours.
func killing(which string) engine.Seen { return left(me, "kill-"+which, pod.RoleHelper, true) }

func TestDownSaysWhatToDoInWhichOrderAndWhy(t *testing.T) {
	flat := pod.Pod{Components: []pod.Component{on("a", "x"), on("b", "x")}}
	chain := pod.Pod{Components: []pod.Component{on("db", "x"), on("one", "x", "db"), on("two", "x", "db", "one")}}
	hook := []pod.Hook{{Sleep: 1}}
	cars := pod.Pod{
		Init:       []pod.Component{{Name: "init-1"}, {Name: "proxy", Sidecar: true, PreStop: hook}, {Name: "log", Sidecar: true}},
		Components: []pod.Component{on("db", "x"), {Name: "web", PreStop: hook}},
	}
	for name, test := range map[string]struct {
		why  string
		pod  pod.Pod
		seen []engine.Seen
		want string
	}{
		"Nothing": {"nothing was made yet", flat, nil, "\n"},
		"Keeper":  {"it removes the pod's group when all is over", flat, []engine.Seen{left(me, "podlike-cgroup-x", pod.RoleKeeper, true)}, "\n"},
		"Flat": {"all stop at once; pause does not wait for removals", flat, []engine.Seen{ours("b"), ours(""), ours("a")}, `
stop a
stop b
remove a after stop a
remove b after stop b
remove pause after stop a, stop b
`},
		"Chain": {"nobody loses what it needs while it stops", chain, []engine.Seen{ours("db"), ours("one"), ours("two"), ours("")}, `
stop db (needed by one and two) after stop one, stop two
stop one (needed by two) after stop two
stop two
remove db after stop db
remove one after stop one
remove two after stop two
remove pause after stop db, stop one, stop two
`},
		"HalfMade": {"who was never made is not waited for", chain, []engine.Seen{ours("db"), ours("two"), ours("")}, `
stop db (needed by two) after stop two
stop two
remove db after stop db
remove two after stop two
remove pause after stop db, stop two
`},
		"Sidecars": {"sidecars go last and in reverse, what comes before a stop is at once", cars, []engine.Seen{ours("db"), ours("web"), ours("proxy"), ours("log"), ours("")}, `
prepare to stop proxy
prepare to stop web
stop db
stop web after prepare to stop web
stop log after stop db, stop web
stop proxy after prepare to stop proxy, stop db, stop log, stop web
remove db after stop db
remove log after stop log
remove proxy after stop proxy
remove web after stop web
remove pause after stop db, stop web, stop log, stop proxy
`},
		"SidecarAway": {"one that is about to be restarted has its turn as well", cars, []engine.Seen{ours("web"), ours("log"), ours("")}, `
prepare to stop web
stop web after prepare to stop web
stop log after stop web
stop proxy after stop log, stop web
remove log after stop log
remove web after stop web
remove pause after stop web, stop log, stop proxy
`},
		"PauseOnly": {"it is removed even when it is all there is", chain, []engine.Seen{ours("")}, `
remove pause
`},
		"Debugged": {"who looks may watch to the end, however many", flat, []engine.Seen{looking("1"), ours("a"), looking("2"), ours("")}, `
stop a
remove a after stop a
remove shop.podlike.debug-1 after stop a
remove shop.podlike.debug-2 after stop a
remove pause after stop a
`},
		"Killing": {"a command before a stop may be killed, however many", flat, []engine.Seen{ours("a"), killing("1"), killing("2"), ours("")}, `
stop a
remove a after stop a
remove kill-1 after stop a
remove kill-2 after stop a
remove pause after stop a
`},
		"PauseGone": {"what pause has left behind is removed", flat, []engine.Seen{ours("a")}, `
stop a
remove a after stop a
`},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want[1:], plan.Reconcile(test.pod, me, plan.World{Containers: test.seen}, plan.Goal{Kind: plan.Down}).String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.why, diff)
			}
		})
	}
}

func TestABudgetThatWasAskedForIsGranted(t *testing.T) {
	asked := plan.BudgetOf(pod.Pod{Grace: 10 * time.Second, StopGrace: 30 * time.Second})
	if want := (plan.Budget{Ask: 30 * time.Second, Kill: 32 * time.Second}); asked != want {
		t.Errorf("got %+v, want %+v", asked, want)
	}
	if usual := plan.BudgetOf(pod.Pod{Grace: 10 * time.Second}); usual != plan.Within(10*time.Second) {
		t.Errorf("got %+v", usual)
	}
}

func TestDownNamesContainersByTheirID(t *testing.T) {
	want := map[string]engine.ID{"a": ours("a").ID, plan.Pause: ours("").ID}
	for _, step := range plan.Reconcile(pod.Pod{}, me, plan.World{Containers: []engine.Seen{ours("a"), ours("")}}, plan.Goal{Kind: plan.Down}) {
		if step.Container != want[step.Name] {
			t.Errorf("%s is about container %q, want %q", step, step.Container, want[step.Name])
		}
	}
}

func TestBudgetLeavesTimeForThoseWhoWaitAndForRemoving(t *testing.T) {
	for name, test := range map[string]struct {
		why   string
		grace time.Duration
		want  plan.Budget
	}{
		"Swarm": {"two seconds for who had to wait, half a second to remove", 10 * time.Second, plan.Budget{Ask: 7500 * time.Millisecond, Kill: 9500 * time.Millisecond}},
		"Long":  {"who has a minute needs no more for the rest", time.Minute, plan.Budget{Ask: 57500 * time.Millisecond, Kill: 59500 * time.Millisecond}},
		"Short": {"little is divided in the same way", time.Second, plan.Budget{Ask: 550 * time.Millisecond, Kill: 750 * time.Millisecond}},
		"None":  {"nothing can be divided", 0, plan.Budget{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := plan.Within(test.grace); got != test.want {
				t.Errorf("%s: got %+v, want %+v", test.why, got, test.want)
			}
		})
	}
}

func TestVolumesThatOutliveTheirContainersGoWhenAllAreGone(t *testing.T) {
	const want = `
stop a
remove a after stop a
remove pause after stop a
remove volume scratch after remove a, remove pause
`
	got := plan.Reconcile(pod.Pod{}, me, plan.World{
		Containers: []engine.Seen{ours("a"), ours("")},
		Volumes:    []engine.Volume{kept(me, "scratch", pod.RoleScratch), kept(me, "data", pod.RoleData)},
	}, plan.Goal{Kind: plan.Down}).String()
	if diff := cmp.Diff(want[1:], got); diff != "" {
		t.Error(diff)
	}
}
