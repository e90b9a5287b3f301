package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// hand is a pause that was started by hand.
var hand = pod.Owner{ID: "hand", Name: "web", Version: "1", Life: "today"}

// ofPair is a container of the pair's that runs, made of a component.
func ofPair(c pod.Component, change func(*engine.Seen)) engine.Seen {
	made := plan.ComponentContainer(pod.Pod{}, hand, c, 1, "", engine.Image{}, 0)
	seen := engine.Seen{ID: engine.ID("id of " + c.Name), Name: made.Name, Labels: made.Labels, Running: true}
	if change != nil {
		change(&seen)
	}
	return seen
}

// dead has run, and unstarted never did.
func dead(s *engine.Seen)      { s.Running = false }
func unstarted(s *engine.Seen) { s.Running, s.Created = false, true }

// earlier is of another life of pause's.
func earlier(s *engine.Seen) { s.Labels[pod.LabelLife] = "yesterday" }

// role changes what a container is for.
func role(to string) func(*engine.Seen) {
	return func(s *engine.Seen) { s.Labels[pod.LabelRole] = to }
}

func TestInAPairWhatRunsAsThePodSaysIsLeftAlone(t *testing.T) {
	db, web, log := pod.Component{Name: "db", Image: "app"}, on("web", "app", "db"), pod.Component{Name: "log", Image: "app"}
	init := pod.Component{Name: "init-1", Image: "app"}
	follower := pod.Component{Name: "follower", Image: "app", DependsOn: []pod.Dependency{{Name: "db", Condition: pod.Started, Restart: true}}}
	old := func(c pod.Component) engine.Seen { c.Image = "old"; return ofPair(c, nil) }
	for name, test := range map[string]struct {
		why     string
		pod     pod.Pod
		there   []engine.Seen
		settled []string
		only    string
		want    string
	}{
		"Nothing": {"all runs", pod.Pod{Components: []pod.Component{db, web}}, []engine.Seen{ofPair(db, nil), ofPair(web, nil)}, nil, "", ``},
		"First": {"pause is there already", pod.Pod{Components: []pod.Component{db, web}}, nil, nil, "", `
create db
create web after await db healthy
start db after create db
start web after create web, await db healthy
await db healthy (for web) after start db
`},
		"Changed": {"the old one goes when the new one is there", pod.Pod{Components: []pod.Component{db, log}}, []engine.Seen{old(db), ofPair(log, nil)}, nil, "", `
create db (its definition has changed)
replace db after create db
start db after create db, replace db
`},
		"Gone": {"what is no component any more goes", pod.Pod{Components: []pod.Component{db}}, []engine.Seen{ofPair(db, nil), ofPair(log, nil)}, nil, "", `
stop web.podlike.log (it is no component of the pod any more)
remove web.podlike.log (it is no component of the pod any more) after stop web.podlike.log
`},
		"New": {"what is new waits for what runs", pod.Pod{Components: []pod.Component{db, web}}, []engine.Seen{ofPair(db, nil)}, nil, "", `
create web after await db healthy
start web after create web, await db healthy
await db healthy (for web)
`},
		"Follower": {"who wants to restarts with what it depends on", pod.Pod{Components: []pod.Component{db, follower, log}},
			[]engine.Seen{old(db), ofPair(follower, nil), ofPair(log, nil)}, nil, "", `
create db (its definition has changed)
replace db after create db
create follower (it restarts with db)
replace follower after create follower
start db after create db, replace db
start follower after create follower, replace follower, start db
`},
		"Initial": {"what has succeeded in this life is not run again", pod.Pod{Init: []pod.Component{init}, Components: []pod.Component{log}}, nil, []string{"init-1"}, "", `
create log after await init-1 completed
start log after create log, await init-1 completed
await init-1 completed (for what comes after it)
`},
		"Waiting": {"it is restarted when it is time", pod.Pod{Components: []pod.Component{db}}, nil, []string{"db"}, "", ``},
		"Restart": {"only that one", pod.Pod{Components: []pod.Component{db, log}}, []engine.Seen{old(db), ofPair(log, dead)}, nil, "log", `
remove web.podlike.log (its run is over)
create log after remove web.podlike.log
start log after create log
`},
		"Unstarted": {"a supervisor has died between creating and starting it", pod.Pod{Components: []pod.Component{db}}, []engine.Seen{ofPair(db, unstarted)}, nil, "", `
remove web.podlike.db (it was never started)
create db after remove web.podlike.db
start db after create db
`},
		"Yesterday": {"its namespaces are gone", pod.Pod{Components: []pod.Component{db}}, []engine.Seen{ofPair(db, earlier)}, nil, "", `
stop web.podlike.db (left from an earlier life)
remove web.podlike.db (left from an earlier life) after stop web.podlike.db
create db after stop web.podlike.db, remove web.podlike.db
start db after create db
`},
		"Debug": {"somebody looks at the pod, whoever supervises it", pod.Pod{Components: []pod.Component{db}}, []engine.Seen{ofPair(db, nil), ofPair(log, role(pod.RoleDebug))}, nil, "", ``},
		"Holder": {"it holds what nobody has any more", pod.Pod{Components: []pod.Component{db}}, []engine.Seen{ofPair(db, nil), ofPair(log, role(pod.RolePause))}, nil, "", `
remove web.podlike.log (what it has to hold has changed)
`},
	} {
		t.Run(name, func(t *testing.T) {
			w := plan.World{Containers: test.there, Images: there("hold", "app"), Settled: map[string]bool{}}
			for _, name := range test.settled {
				w.Settled[name] = true
			}
			test.pod.PauseImage = "hold"
			got := "\n" + plan.Reconcile(test.pod, hand, w, plan.Goal{Kind: plan.Up, Only: test.only}).String()
			if want := "\n" + trimFirst(test.want); got != want {
				t.Errorf("%s (-want +got):\n%s", test.why, cmp.Diff(want, got))
			}
		})
	}
}

// trimFirst is a text without the line feed it begins with.
func trimFirst(text string) string {
	if text == "" {
		return ""
	}
	return text[1:]
}

func TestAPairHasAContainerMoreOnlyWhereThereIsSomethingToHold(t *testing.T) {
	always := pod.Component{Name: "db", Image: "app", Restart: pod.Restart{Policy: pod.RestartAlways}}
	secret := pod.Component{Name: "db", Image: "app", TerminationMessage: "/m"}
	held := pod.Component{Name: "db", Image: "app", Restart: always.Restart, Volumes: []pod.Volume{{Kind: pod.Anonymous, Target: "/d"}}}
	for name, test := range map[string]struct {
		why    string
		c      pod.Component
		images map[string]engine.Image
		want   bool
	}{
		"Nothing":   {"pause has the namespaces", pod.Component{Name: "db", Image: "app"}, there("app", "hold"), false},
		"Restarts":  {"there is nothing between its runs", always, there("app", "hold"), false},
		"Anonymous": {"its volume waits for its next run", held, there("app", "hold"), true},
		"OfImage":   {"so does one of its image's", always, map[string]engine.Image{"app": {Volumes: []string{"/d"}}, "hold": {}}, true},
		"Unknown":   {"its image may have one", always, there("hold"), true},
		"Memory":    {"somebody has to keep it", secret, there("app", "hold"), true},
	} {
		t.Run(name, func(t *testing.T) {
			p := pod.Pod{PauseImage: "hold", SharePID: true, ShareIPC: true, Components: []pod.Component{test.c}}
			w := plan.World{Images: test.images}
			made := false
			for _, step := range plan.Reconcile(p, hand, w, plan.Goal{Kind: plan.Up}) {
				made = made || step.Op == plan.Create && step.Name == plan.Pause
			}
			if made != test.want {
				t.Errorf("it is made: %v: %s", made, test.why)
			}
			if !made {
				return
			}
			c := plan.PauseContainer(p, hand, w.Images, 0, nil)
			if c.Network != "hand" || c.PID != "hand" || c.ShareIPC {
				t.Errorf("it is %+v, want it in the namespaces of the pod's pause", c)
			}
			w.Containers = []engine.Seen{{ID: "holder", Labels: c.Labels, Running: true}}
			if got := plan.Holder(p, hand, w); got != "holder" {
				t.Errorf("what holds it already is %q", got)
			}
			w.Bytes++
			if got := plan.Holder(p, hand, w); test.c.TerminationMessage != "" && got != "" {
				t.Errorf("%q is too small", got)
			}
		})
	}
}

func TestComponentsOfAPairJoinItsPause(t *testing.T) {
	p := pod.Pod{SharePID: true, ShareIPC: true}
	c := plan.ComponentContainer(p, hand, pod.Component{Name: "db"}, 3, "another", engine.Image{}, 0)
	if c.Network != "hand" || c.PID != "hand" || c.IPC != "hand" || c.Name != "web.podlike.db" || c.Labels[pod.LabelLife] != "today" {
		t.Errorf("it is %+v", c)
	}
}

func TestWhatAContainerSharesIsPartOfItsHash(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range []pod.Pod{{}, {SharePID: true}, {ShareIPC: true}, {SharePID: true, ShareIPC: true}} {
		seen[plan.Hash(p, pod.Component{Name: "db"})] = true
	}
	if len(seen) != 4 {
		t.Errorf("the hashes are %v", seen)
	}
}
