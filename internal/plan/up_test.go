package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// me is a supervisor that was started by hand, task one of Swarm's.
var (
	me   = pod.Owner{ID: "me", Name: "shop", Version: "1"}
	task = pod.Owner{ID: "me", Name: "shop.1.x", Service: "shop", Task: "x", Version: "1"}
)

// on is a component that depends on others, until they are healthy.
func on(name, image string, others ...string) pod.Component {
	c := pod.Component{Name: name, Image: image}
	for _, other := range others {
		c.DependsOn = append(c.DependsOn, pod.Dependency{Name: other, Condition: pod.Healthy})
	}
	return c
}

// there are images that need not be pulled.
func there(refs ...string) map[string]engine.Image {
	images := map[string]engine.Image{}
	for _, ref := range refs {
		images[ref] = engine.Image{}
	}
	return images
}

func TestUpSaysWhatToDoInWhichOrderAndWhy(t *testing.T) {
	web := on("web", "app")
	afterStart := pod.Component{Name: "log", Image: "log", DependsOn: []pod.Dependency{{Name: "web", Condition: pod.Started}}}
	for name, test := range map[string]struct {
		why    string
		pod    pod.Pod
		images map[string]engine.Image
		want   string
	}{
		"One": {"a component is created while pause starts", pod.Pod{PauseImage: "hold", Components: []pod.Component{web}}, there("hold", "app"), `
create pause (holds the namespaces)
start pause after create pause
create web after create pause
start web after create web, start pause
`},
		"Started": {"all are created at once, whoever waits for whom", pod.Pod{PauseImage: "hold", Components: []pod.Component{afterStart, web}}, there("hold", "app", "log"), `
create pause (holds the namespaces)
start pause after create pause
create log after create pause
create web after create pause
start log after create log, start pause, start web
start web after create web, start pause
`},
		"Healthy": {"who waits for the same health waits together", pod.Pod{PauseImage: "hold", Components: []pod.Component{
			on("db", "app"), on("one", "app", "db"), on("two", "app", "db", "one")}}, there("hold", "app"), `
create pause (holds the namespaces)
start pause after create pause
create db after create pause
create one after create pause
create two after create pause
start db after create db, start pause
start one after create one, start pause, await db healthy
start two after create two, start pause, await db healthy, await one healthy
await db healthy (for one and two) after start db
await one healthy (for two) after start one
`},
		"Missing": {"each image is pulled once, and only its users wait for it", pod.Pod{PauseImage: "hold", Components: []pod.Component{web, on("too", "app"), on("z", "here")}}, there("here"), `
pull hold (not there)
pull app (not there)
create pause (holds the namespaces) after pull hold
start pause after create pause
create web after create pause, pull app
create too after create pause, pull app
create z after create pause
start web after create web, start pause
start too after create too, start pause
start z after create z, start pause
`},
		"Init": {"what comes first is waited for; a sidecar has only to begin", pod.Pod{PauseImage: "hold",
			Init:       []pod.Component{{Name: "init-1", Image: "far"}, {Name: "proxy", Image: "app", Sidecar: true}},
			Components: []pod.Component{web}}, there("hold", "app"), `
pull far (not there)
create pause (holds the namespaces)
start pause after create pause
create init-1 after create pause, pull far
create proxy after create pause
create web after create pause
start init-1 after create init-1, start pause
start proxy after create proxy, start pause, await init-1 completed
start web after create web, start pause, await proxy started
await init-1 completed (for what comes after it) after start init-1
await proxy started (for what comes after it) after start proxy
`},
		"Conditions": {"who has nothing to do after its start has begun with it", pod.Pod{PauseImage: "hold", Components: []pod.Component{
			{Name: "job", Image: "app"}, {Name: "db", Image: "app", PostStart: []pod.Hook{{Sleep: 1}}},
			{Name: "web", Image: "app", DependsOn: []pod.Dependency{
				{Name: "db", Condition: pod.Started}, {Name: "job", Condition: pod.Completed}, {Name: "job", Condition: pod.Started}, {Name: "db", Condition: pod.Healthy, Optional: true}}},
		}}, there("hold", "app"), `
create pause (holds the namespaces)
start pause after create pause
create job after create pause
create db after create pause
create web after create pause
start job after create job, start pause
start db after create db, start pause
start web after create web, start pause, await db started, await job completed, start job, await db healthy if it can be
await db started (for web) after start db
await db healthy if it can be (for web) after start db
await job completed (for web) after start job
`},
		"Memory": {"who mounts what is kept in memory waits for pause to have it, and nobody else", pod.Pod{PauseImage: "hold", Components: []pod.Component{
			{Name: "db", Image: "app", Copies: []pod.Copy{{Source: "/s", Target: "/s", Memory: true}}}, web, {Name: "z", Image: "app", TerminationMessage: "/dev/termination-log"}}}, there("hold"), `
pull app (not there)
create pause (holds the namespaces)
start pause after create pause
fill pause (in memory, for db and z) after start pause
create db after create pause, fill pause, pull app
create web after create pause, pull app
create z after create pause, fill pause, pull app
start db after create db, start pause
start web after create web, start pause
start z after create z, start pause
`},
		"Always": {"pause's image is ours, so it is as old as the supervisor itself", pod.Pod{PauseImage: "hold", Pull: pod.Always, Components: []pod.Component{web}}, there("hold", "app"), `
pull app (always)
create pause (holds the namespaces)
start pause after create pause
create web after create pause, pull app
start web after create web, start pause
`},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want[1:], plan.Up(test.pod, me, plan.World{Images: test.images}).String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.why, diff)
			}
		})
	}
}

// left is a container that was made by an owner.
func left(by pod.Owner, name, role string, running bool) engine.Seen {
	return engine.Seen{ID: engine.ID("id of " + name), Name: name, Labels: by.Labels(role), Running: running}
}

// kept is a volume that was made by an owner.
func kept(by pod.Owner, name, role string) engine.Volume {
	return engine.Volume{Name: name, Labels: by.Labels(role)}
}

func TestUpSweepsWhatADeadSupervisorLeftAndNothingElse(t *testing.T) {
	p := pod.Pod{PauseImage: "hold", Components: []pod.Component{on("web", "app")}}
	const pod1 = `
create pause (holds the namespaces)
start pause after create pause
create web after create pause
start web after create web, start pause
`
	before := pod.Owner{ID: "0123456789abcdef", Name: "shop"}
	earlier := pod.Owner{ID: "0123456789abcdef", Name: "shop.1.w", Service: "shop", Task: "w"}
	for name, test := range map[string]struct {
		why        string
		owner      pod.Owner
		containers []engine.Seen
		volumes    []engine.Volume
		alive      map[engine.ID]bool
		want       string
	}{
		"Pod": {"components stop first, as pause would take them along", me, []engine.Seen{
			left(before, "p", pod.RolePause, true), left(before, "a", pod.RoleComponent, true), left(before, "b", pod.RoleComponent, false)}, nil, nil, `
stop a (its owner 0123456789ab is gone)
remove p (its owner 0123456789ab is gone) after stop a
remove a (its owner 0123456789ab is gone) after stop a
remove b (its owner 0123456789ab is gone)
create pause (holds the namespaces) after stop a, remove p, remove a, remove b
start pause after create pause
create web after create pause
start web after create web, start pause
`},
		"Debug": {"nobody looks at a pod that is gone", me, []engine.Seen{left(before, "d", pod.RoleDebug, true)}, nil, nil, `
remove d (its owner 0123456789ab is gone)
create pause (holds the namespaces) after remove d
start pause after create pause
create web after create pause
start web after create web, start pause
`},
		"Volumes": {"an anonymous volume goes with its containers, a named one is the user's", me,
			[]engine.Seen{left(before, "a", pod.RoleComponent, false)},
			[]engine.Volume{kept(before, "scratch", pod.RoleScratch), kept(before, "data", pod.RoleData)}, nil, `
remove a (its owner 0123456789ab is gone)
remove volume scratch (its owner 0123456789ab is gone) after remove a
create pause (holds the namespaces) after remove a, remove volume scratch
start pause after create pause
create web after create pause
start web after create web, start pause
`},
		"Service": {"a task of the same service has another name", task, []engine.Seen{left(earlier, "a", pod.RoleComponent, false)}, nil, nil, `
remove a (its owner 0123456789ab is gone)
create pause (holds the namespaces) after remove a
start pause after create pause
create web after create pause
start web after create web, start pause
`},
		"EarlierLife": {"a supervisor that was restarted runs, but not what it had made", me,
			[]engine.Seen{left(me, "a", pod.RoleComponent, false)}, []engine.Volume{kept(me, "s", pod.RoleScratch)}, map[engine.ID]bool{"me": true}, `
remove a (left from an earlier life)
remove volume s (left from an earlier life) after remove a
create pause (holds the namespaces) after remove a, remove volume s
start pause after create pause
create web after create pause
start web after create web, start pause
`},
		"Alive": {"another replica on this node is none of our business", task,
			[]engine.Seen{left(earlier, "a", pod.RoleComponent, true)}, []engine.Volume{kept(earlier, "s", pod.RoleScratch)}, map[engine.ID]bool{"0123456789abcdef": true}, pod1},
		"OtherService": {"its own successor knows better, even under the same name", task,
			[]engine.Seen{left(pod.Owner{ID: "x", Name: task.Name, Service: "blog"}, "a", pod.RoleComponent, true)}, nil, nil, pod1},
		"OtherName": {"without a service the name tells who we are", me,
			[]engine.Seen{left(pod.Owner{ID: "x", Name: "blog"}, "a", pod.RoleComponent, true)}, nil, nil, pod1},
		"OfAService": {"one started by hand is no successor of a task", me,
			[]engine.Seen{left(pod.Owner{ID: "x", Name: "shop", Service: "shop"}, "a", pod.RoleComponent, true)}, nil, nil, pod1},
		"ByHand": {"a task is no successor of one started by hand", task,
			[]engine.Seen{left(pod.Owner{ID: "x", Name: task.Name}, "a", pod.RoleComponent, true)}, nil, nil, pod1},
		"Ownerless": {"what does not say whose it is may be anybody's", me,
			[]engine.Seen{{ID: "x", Name: "a", Labels: map[string]string{pod.LabelName: "shop", pod.LabelRole: pod.RoleComponent}}}, nil, nil, pod1},
	} {
		t.Run(name, func(t *testing.T) {
			w := plan.World{Containers: test.containers, Volumes: test.volumes, Alive: test.alive, Images: there("hold", "app")}
			if diff := cmp.Diff(test.want[1:], plan.Up(p, test.owner, w).String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.why, diff)
			}
		})
	}
}

func TestSweptContainersAreNamedByTheirID(t *testing.T) {
	w := plan.World{Containers: []engine.Seen{left(me, "a", pod.RoleComponent, true)}}
	for _, step := range plan.Up(pod.Pod{}, me, w) {
		if (step.Op == plan.Stop || step.Op == plan.Remove) && step.Container != "id of a" {
			t.Errorf("%s is about container %q", step, step.Container)
		}
	}
}

func TestKinIsWhatASweepAsksFor(t *testing.T) {
	for name, test := range map[string]struct {
		why   string
		owner pod.Owner
		want  map[string]string
	}{
		"ByHand": {"the name is all that stays", me, map[string]string{pod.LabelName: "shop"}},
		"Task":   {"tasks come and go, the service stays", task, map[string]string{pod.LabelService: "shop"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, plan.Kin(test.owner)); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

// Whether a volume's owner lives has to be asked for as well: a replica that starts
// beside us may have been seen making volumes, but not yet containers.
func TestOwnersAreThoseOfContainersAndVolumes(t *testing.T) {
	w := plan.World{
		Containers: []engine.Seen{left(me, "a", pod.RoleComponent, true), left(me, "p", pod.RolePause, true), {Name: "foreign"}},
		Volumes:    []engine.Volume{kept(pod.Owner{ID: "another"}, "s", pod.RoleScratch)},
	}
	if diff := cmp.Diff([]engine.ID{"another", "me"}, plan.Owners(w)); diff != "" {
		t.Error(diff)
	}
}

func TestAgainBringsUpAllButPause(t *testing.T) {
	p := pod.Pod{PauseImage: "hold", Init: []pod.Component{{Name: "init-1", Image: "far"}}, Components: []pod.Component{on("db", "app"), on("web", "app", "db")}}
	const want = `
create init-1
create db
create web
start init-1 after create init-1
start db after create db, await init-1 completed
start web after create web, await init-1 completed, await db healthy
await db healthy (for web) after start db
await init-1 completed (for what comes after it) after start init-1
`
	if diff := cmp.Diff(want[1:], plan.Again(p).String()); diff != "" {
		t.Error(diff)
	}
}
