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
	me = pod.Owner{ID: "me", Name: "shop", Version: "1"}
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
		"Started": {"who waits for no more than a start is created before it", pod.Pod{PauseImage: "hold", Components: []pod.Component{afterStart, web}}, there("hold", "app", "log"), `
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
create one after create pause, await db healthy
create two after create pause, await db healthy, await one healthy
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
create proxy after create pause, await init-1 completed
create web after create pause, await proxy started
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
create web after create pause, await db started, await job completed, await db healthy if it can be
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
create db after create pause, pull app, fill pause
create web after create pause, pull app
create z after create pause, pull app, fill pause
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
			if diff := cmp.Diff(test.want[1:], plan.Reconcile(test.pod, me, plan.World{Images: test.images}, plan.Goal{Kind: plan.Up}).String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.why, diff)
			}
		})
	}
}

// left is a container that was made by an owner.
func left(by pod.Owner, name, role string, running bool) engine.Seen {
	return engine.Seen{ID: engine.ID("id of " + name), Name: name, Labels: by.Labels(role), Running: running}
}

// named is left with the name and the label that we give a component's container, or a debug
// container.
func named(by pod.Owner, name, role string, running bool) engine.Seen {
	seen := left(by, by.ContainerName(name), role, running)
	seen.Labels[pod.LabelComponent] = name
	return seen
}

// kept is a volume that was made by an owner.
func kept(by pod.Owner, name, role string) engine.Volume {
	return engine.Volume{Name: name, Labels: by.Labels(role)}
}

func TestWhatAnEarlierLifeHasLeftGoesFirst(t *testing.T) {
	p := pod.Pod{PauseImage: "hold", Components: []pod.Component{on("web", "app")}}
	another, namesake := pod.Owner{ID: "another", Name: "blog"}, pod.Owner{ID: "0123456789abcdef", Name: me.Name}
	for name, test := range map[string]struct {
		why        string
		containers []engine.Seen
		volumes    []engine.Volume
		want       string
	}{
		"Pod": {"components stop first, as pause would take them along", []engine.Seen{
			left(me, "p", pod.RolePause, true), left(me, "a", pod.RoleComponent, true), left(me, "d", pod.RoleDebug, true)},
			[]engine.Volume{kept(me, "scratch", pod.RoleScratch), kept(me, "data", pod.RoleData)}, `
stop a (left from an earlier life)
remove p (left from an earlier life) after stop a
remove a (left from an earlier life) after stop a
remove d (left from an earlier life)
remove volume scratch (left from an earlier life) after stop a, remove p, remove a, remove d
create pause (holds the namespaces) after stop a, remove p, remove a, remove d, remove volume scratch
start pause after create pause
create web after create pause, stop a, remove p, remove a, remove d, remove volume scratch
start web after create web, start pause
`},
		"Helper": {"it may be at work for us, and ends by itself", []engine.Seen{left(me, "podlike-names-x", pod.RoleHelper, true), left(me, "podlike-names-y", pod.RoleHelper, false)}, nil, `
create pause (holds the namespaces)
start pause after create pause
create web after create pause
start web after create web, start pause
`},
		"Namesake": {"a dead one of our name has made what has the names that we need", []engine.Seen{named(namesake, "a", pod.RoleComponent, true)}, nil, `
stop shop.podlike.a (its owner 0123456789ab is gone)
remove shop.podlike.a (its owner 0123456789ab is gone) after stop shop.podlike.a
create pause (holds the namespaces) after stop shop.podlike.a, remove shop.podlike.a
start pause after create pause
create web after create pause, stop shop.podlike.a, remove shop.podlike.a
start web after create web, start pause
`},
		"Image": {"who runs an image of our container has our labels on a container of their own", []engine.Seen{left(namesake, "a", pod.RoleComponent, true)}, nil, `
create pause (holds the namespaces)
start pause after create pause
create web after create pause
start web after create web, start pause
`},
		"Others": {"what others have made is theirs, or for a sweep", []engine.Seen{
			left(another, "a", pod.RoleComponent, true), {ID: "x", Name: "b", Labels: map[string]string{pod.LabelName: "blog"}}},
			[]engine.Volume{kept(another, "s", pod.RoleScratch)}, `
create pause (holds the namespaces)
start pause after create pause
create web after create pause
start web after create web, start pause
`},
	} {
		t.Run(name, func(t *testing.T) {
			w := plan.World{Containers: test.containers, Volumes: test.volumes, Images: there("hold", "app")}
			if diff := cmp.Diff(test.want[1:], plan.Reconcile(p, me, w, plan.Goal{Kind: plan.Up}).String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.why, diff)
			}
		})
	}
}

func TestASweepRemovesWhatBelongsToTheDeadAndNothingElse(t *testing.T) {
	dead := pod.Owner{ID: "0123456789abcdef", Name: "shop"}
	other := pod.Owner{ID: "fedcba9876543210", Name: "blog.1.w", Service: "blog", Task: "w"}
	for name, test := range map[string]struct {
		why        string
		containers []engine.Seen
		volumes    []engine.Volume
		alive      map[engine.ID]bool
		want       string
	}{
		"Pod": {"components stop first, as pause would take them along", []engine.Seen{
			left(dead, dead.PauseName(), pod.RolePause, true), named(dead, "a", pod.RoleComponent, true), named(dead, "b", pod.RoleComponent, false)}, nil, nil, `
stop shop.podlike.a (its owner 0123456789ab is gone)
remove shop.podlike-pause (its owner 0123456789ab is gone) after stop shop.podlike.a
remove shop.podlike.a (its owner 0123456789ab is gone) after stop shop.podlike.a
remove shop.podlike.b (its owner 0123456789ab is gone)
`},
		"Debug": {"nobody looks at a pod that is gone", []engine.Seen{left(dead, dead.DebugName("x"), pod.RoleDebug, true)}, nil, nil, "\nremove shop.podlike.debug-x (its owner 0123456789ab is gone)\n"},
		"Volumes": {"an anonymous volume goes with its containers, a named one is the user's",
			[]engine.Seen{named(dead, "a", pod.RoleComponent, false)},
			[]engine.Volume{kept(dead, "scratch", pod.RoleScratch), kept(dead, "data", pod.RoleData)}, nil, `
remove shop.podlike.a (its owner 0123456789ab is gone)
remove volume scratch (its owner 0123456789ab is gone) after remove shop.podlike.a
`},
		"Moved": {"a service that has moved away leaves volumes alone", nil, []engine.Volume{kept(other, "scratch", pod.RoleScratch)}, nil, `
remove volume scratch (its owner fedcba987654 is gone)
`},
		"OtherService": {"who is dead sweeps nothing", []engine.Seen{named(other, "a", pod.RoleComponent, false)}, nil, nil, "\nremove blog.1.w.podlike.a (its owner fedcba987654 is gone)\n"},
		"Alive": {"another replica on this node is none of our business",
			[]engine.Seen{named(other, "a", pod.RoleComponent, true)}, []engine.Volume{kept(other, "s", pod.RoleScratch)}, map[engine.ID]bool{"fedcba9876543210": true}, "\n"},
		"Helper": {"there is nobody whom it helps", []engine.Seen{left(dead, "podlike-names-x", pod.RoleHelper, true)}, nil, nil, "\nremove podlike-names-x (its owner 0123456789ab is gone)\n"},
		"Image": {"who runs an image of our container has our labels on a container of their own", []engine.Seen{
			left(dead, "p", pod.RolePause, true), left(dead, "podlike.a", pod.RoleComponent, true), left(dead, "h", pod.RoleHelper, false),
			left(dead, "shop.podlike.", pod.RoleComponent, true),
			left(dead, dead.ContainerName("a"), pod.RoleComponent, true), named(dead, "d", pod.RoleDebug, true)}, nil, nil, "\n"},
		"Ownerless": {"what does not say whose it is may be anybody's",
			[]engine.Seen{{ID: "x", Name: "shop.podlike.a", Labels: map[string]string{pod.LabelName: "shop", pod.LabelRole: pod.RoleComponent, pod.LabelComponent: "a"}}}, nil, nil, "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			w := plan.World{Containers: test.containers, Volumes: test.volumes, Alive: test.alive}
			got := plan.Reconcile(pod.Pod{}, me, w, plan.Goal{Kind: plan.Swept})
			if diff := cmp.Diff(test.want[1:], got.String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.why, diff)
			}
			for _, step := range got {
				if !step.BestEffort {
					t.Errorf("%s keeps others from being done", step)
				}
			}
		})
	}
}

func TestSweptContainersAreNamedByTheirID(t *testing.T) {
	w := plan.World{Containers: []engine.Seen{named(me, "a", pod.RoleComponent, true)}}
	for _, goal := range []plan.GoalKind{plan.Up, plan.Swept, plan.Down} {
		for _, step := range plan.Reconcile(pod.Pod{}, me, w, plan.Goal{Kind: goal}) {
			if (step.Op == plan.Stop || step.Op == plan.Remove) && step.Container != "id of shop.podlike.a" {
				t.Errorf("%s is about container %q", step, step.Container)
			}
		}
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

// running is a container of our pod that was made of a component.
func running(c pod.Component, runs bool) engine.Seen {
	seen := left(me, me.ContainerName(c.Name), pod.RoleComponent, runs)
	seen.Labels[pod.LabelComponent], seen.Labels[pod.LabelHash] = c.Name, plan.Hash(pod.Pod{}, c)
	return seen
}

func TestWhereThePodLivesOnlyWhatIsNotAsItShallBeIsMade(t *testing.T) {
	db, web := on("db", "app"), on("web", "app", "db")
	changed := web
	changed.Image = "old"
	p := pod.Pod{PauseImage: "hold", Init: []pod.Component{{Name: "init-1", Image: "far", TerminationMessage: "/m"}}, Components: []pod.Component{db, web}}
	for name, test := range map[string]struct {
		why        string
		containers []engine.Seen
		only       string
		want       string
	}{
		"Nothing": {"all but pause", nil, "", `
fill pause (in memory, for init-1)
create init-1 after fill pause
create db after await init-1 completed
create web after await init-1 completed, await db healthy
start init-1 after create init-1
start db after create db, await init-1 completed
start web after create web, await init-1 completed, await db healthy
await db healthy (for web) after start db
await init-1 completed (for what comes after it) after start init-1
`},
		"One": {"the others are not looked at", []engine.Seen{running(db, true)}, "web", `
create web
start web after create web
`},
		"Restart": {"what is left of its last run goes, whatever it is called and whoever remembers it", []engine.Seen{running(db, true), running(web, false)}, "web", `
remove shop.podlike.web (its run is over)
create web after remove shop.podlike.web
start web after create web
`},
		"Changed": {"who runs as the pod says is left alone", []engine.Seen{running(p.Init[0], true), running(db, true), running(changed, true)}, "", `
create web (its definition has changed) after await init-1 completed, await db healthy
replace web after create web
start web after create web, replace web, await init-1 completed, await db healthy
await db healthy (for web)
await init-1 completed (for what comes after it)
`},
		"Unknown": {"who is no component of the pod goes", []engine.Seen{running(on("gone", "app"), true), running(db, true), running(web, true), running(p.Init[0], true)}, "", `
stop shop.podlike.gone (it is no component of the pod any more)
remove shop.podlike.gone (it is no component of the pod any more) after stop shop.podlike.gone
`},
	} {
		t.Run(name, func(t *testing.T) {
			pause := left(me, "pause", pod.RolePause, true)
			w := plan.World{Containers: append(test.containers, pause), Pause: pause.ID, Images: there("hold", "app", "far")}
			if diff := cmp.Diff(test.want[1:], plan.Reconcile(p, me, w, plan.Goal{Kind: plan.Up, Only: test.only}).String()); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.why, diff)
			}
		})
	}
}

func TestClearTakesDownAllButPause(t *testing.T) {
	pause := left(me, "pause", pod.RolePause, true)
	w := plan.World{Containers: []engine.Seen{running(on("db", "app"), true), pause, left(me, "look", pod.RoleDebug, true)}, Pause: pause.ID}
	const want = "stop db\nremove db after stop db\n"
	if diff := cmp.Diff(want, plan.Reconcile(pod.Pod{}, me, w, plan.Goal{Kind: plan.Clear}).String()); diff != "" {
		t.Error(diff)
	}
}

func TestPauseHoldsTheVolumesOfWhatMayBeRestarted(t *testing.T) {
	data := pod.Volume{Kind: pod.Named, Source: "data", Target: "/d", Driver: "nfs", Options: map[string]string{"o": "p"}}
	always := pod.Component{
		Name: "db", Image: "app", Restart: pod.Restart{Policy: pod.RestartAlways},
		Volumes: []pod.Volume{data, {Kind: pod.Bind, Source: "/h", Target: "/h"}},
	}
	once := pod.Component{Name: "web", Image: "app", Volumes: []pod.Volume{{Kind: pod.Named, Source: "other", Target: "/o"}}}
	p := pod.Pod{PauseImage: "hold", Components: []pod.Component{always, once}}
	var got []string
	for _, m := range plan.PauseContainer(p, me, map[string]engine.Image{"app": {Volumes: []string{"/v"}}}, 0, nil).Mounts {
		if !m.ReadOnly || !m.NoCopy {
			t.Errorf("pause may write to %s, or fills it", m.Source)
		}
		got = append(got, string(m.Type)+" "+m.Source[:4]+" at "+m.Target+" by "+m.Driver+m.Options["o"])
	}
	want := []string{"volume data at /volumes/0 by nfsp", "volume shop at /volumes/1 by "} // whoever comes first makes them
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
