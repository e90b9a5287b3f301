package supervise_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/supervise"
)

// runs is a program that ends with each of the codes in turn, a while after its start,
// and after that when it is asked to.
func runs(lasting time.Duration, codes ...int) fake.Program {
	var run atomic.Int64
	return func(ctx context.Context, p fake.Process) int {
		n := int(run.Add(1))
		if n > len(codes) {
			return slowly(ctx, p)
		}
		return fake.Exit(codes[n-1], lasting)(ctx, p)
	}
}

// slowly is a program that takes a second to end when it is asked to, so that the order
// of ends shows.
func slowly(ctx context.Context, p fake.Process) int {
	fake.UntilAsked(ctx, p)
	return fake.Exit(0, time.Second)(ctx, p)
}

// restarted is a component that runs an image of its own under a policy.
func restarted(name, image string, policy pod.Policy) pod.Component {
	c := of(name, image)
	c.Restart.Policy = policy
	return c
}

// kinds of events that tell of a component's runs.
var ofRuns = []event.Kind{event.Started, event.Died, event.Restarting, event.RestartingAll, event.Stopping, event.Ended}

// A late list is an engine that lists containers as they were when it was asked last, as
// engines do that were asked for one's health or to stop it.
type lateList struct {
	engine.Engine
	mu   sync.Mutex
	last []engine.Seen
}

func (l *lateList) List(ctx context.Context, labels map[string]string) ([]engine.Seen, error) {
	now, err := l.Engine.List(ctx, labels)
	l.mu.Lock()
	defer l.mu.Unlock()
	then := l.last
	l.last = now
	return then, err
}

func TestWhatHasEndedIsRestartedThoughTheEngineListsItAsRunning(t *testing.T) {
	play(t, []pod.Component{restarted("web", "fails", pod.RestartAlways)}, func(s *scene) {
		s.AddImage("fails", fake.Running(runs(time.Minute, 1)))
		late := &lateList{}
		s.with = func(c *supervise.Config) { late.Engine, c.Engine = c.Engine, late }
		time.AfterFunc(30*time.Second, func() { // somebody looks while it runs
			if _, err := late.List(s.Context(), map[string]string{pod.LabelOwner: s.owner.ID}); err != nil {
				t.Error(err)
			}
		})
		s.runFor(2 * time.Minute)
		if n := len(s.told(event.Started)); n != 3 { // pause too
			t.Errorf("%d starts, want 3; history:\n%s", n, s.history())
		}
	})
}

func TestRestartsBackOffAndForgetAfterACalm(t *testing.T) {
	play(t, []pod.Component{restarted("web", "fails", pod.RestartAlways)}, func(s *scene) {
		var run atomic.Int64
		s.AddImage("fails", fake.Running(func(ctx context.Context, p fake.Process) int {
			if run.Add(1) == 9 {
				return fake.Exit(1, 10*time.Minute)(ctx, p)
			}
			return fake.Exit(1, 0)(ctx, p)
		}))
		s.runFor(time.Hour)
		var delays []time.Duration
		for _, e := range s.events {
			if e.Kind == event.Restarting {
				delays = append(delays, e.In/time.Second)
			}
		}
		want := []time.Duration{0, 10, 20, 40, 80, 160, 300, 300, 0, 10, 20, 40, 80, 160}
		if diff := cmp.Diff(want, delays[:len(want)]); diff != "" {
			t.Errorf("delays in seconds:\n%s", diff)
		}
		s.waited(event.Restarting, event.Started)
	})
}

// waited checks that between two kinds of events as much time passes as the first one
// says, and no second more.
func (s *scene) waited(first, then event.Kind) {
	s.Helper()
	var asked event.Event
	for _, e := range s.events {
		switch {
		case e.Kind == first:
			asked = e
		case e.Kind == then && !asked.At.IsZero():
			if took := e.At.Sub(asked.At); took < asked.In || took > asked.In+time.Second {
				s.Errorf("%s came after %v instead of %v", line(e), took, asked.In)
			}
		}
	}
}

func TestARestartIsOfThatComponentOnly(t *testing.T) {
	play(t, []pod.Component{restarted("web", "flaky", pod.RestartOnFailure), of("db", "slow")}, func(s *scene) {
		s.AddImage("slow", fake.Running(slowly))
		s.AddImage("flaky", fake.Running(runs(time.Second, 7, 8)))
		code, _ := s.runFor(time.Minute)
		s.exits(code, 0)
		s.happened(`
component started: pause
component started: db
component started: web
component ended: web 7
component restarts: web (web ended)
component started: web
component ended: web 8
component restarts: web (web ended)
component started: web
pod stopping: 0 (asked to stop by SIGTERM)
component ended: db 0
component ended: web 0
pod ended: 0 (asked to stop by SIGTERM)
`, ofRuns...)
	})
}

func TestFailuresAreTriedAgainSoOftenOnly(t *testing.T) {
	web := restarted("web", "fails", pod.RestartOnFailure)
	web.Restart.Max = 2
	play(t, []pod.Component{web, app("db")}, func(s *scene) {
		s.AddImage("fails", fake.Running(runs(time.Second, 1, 2, 3, 4)))
		s.exits(s.run(s.Context()), 3)
	})
}

func TestABatchIsOverWhenAllHaveCompleted(t *testing.T) {
	play(t, []pod.Component{restarted("one", "soon", pod.RestartOnFailure), restarted("two", "late", pod.RestartOnFailure)}, func(s *scene) {
		s.AddImage("slow", fake.Running(slowly))
		s.initial(sidecar("log", "slow"))
		s.AddImage("soon", fake.Running(runs(time.Second, 0)))
		s.AddImage("late", fake.Running(runs(time.Second, 5, 0)))
		s.exits(s.run(s.Context()), 0)
		s.happened(`
component started: pause
component started: log
component started: one
component started: two
component ended: one 0
component ended: two 5
component restarts: two (two ended)
component started: two
component ended: two 0
pod stopping: 0 (all components have completed)
component ended: log 0
pod ended: 0 (all components have completed)
`, ofRuns...)
	})
}

// initial are init components and sidecars, in their order.
func (s *scene) initial(components ...pod.Component) {
	p := s.pod
	p.Init = components
	s.pod = pod.Complete(p)
}

func sidecar(name, image string) pod.Component {
	c := restarted(name, image, pod.RestartAlways)
	c.Sidecar = true
	return c
}

func TestWhatIsInitialRunsInItsOrderAndSidecarsStopLast(t *testing.T) {
	play(t, []pod.Component{of("web", "slow"), of("db", "slow")}, func(s *scene) {
		s.AddImage("slow", fake.Running(slowly))
		s.AddImage("soon", fake.Running(fake.Exit(0, time.Second)))
		s.initial(of("init-1", "soon"), sidecar("proxy", "slow"), of("init-2", "soon"), sidecar("log", "slow"))
		code, _ := s.runFor(time.Minute)
		s.exits(code, 0)
		s.happened(`
component started: pause
component started: init-1
component ended: init-1 0
component started: proxy
component started: init-2
component ended: init-2 0
component started: log
component started: db
component started: web
pod stopping: 0 (asked to stop by SIGTERM)
component ended: db 0
component ended: web 0
component ended: log 0
component ended: proxy 0
pod ended: 0 (asked to stop by SIGTERM)
`, ofRuns...)
	})
}

func TestAFailingInitComponentDoesWhatItsPolicySays(t *testing.T) {
	for name, test := range map[string]struct {
		why    string
		policy pod.Policy
		code   int
	}{
		"No":        {"the pod ends with its code", pod.RestartNo, 3},
		"OnFailure": {"it is tried again until it succeeds", pod.RestartOnFailure, 9},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, []pod.Component{of("web", "ends")}, func(s *scene) {
				s.AddImage("fails", fake.Running(runs(time.Second, 3, 4, 0)))
				s.AddImage("ends", fake.Running(runs(time.Second, 9)))
				s.initial(restarted("init-1", "fails", test.policy))
				s.exits(s.run(s.Context()), test.code)
			})
		})
	}
}

func TestASidecarIsRestartedUntilItIsItsTurnToStop(t *testing.T) {
	play(t, []pod.Component{of("web", "slow")}, func(s *scene) {
		s.AddImage("slow", fake.Running(slowly))
		s.AddImage("ends", fake.Running(runs(time.Minute+time.Second/2, 1)))
		s.initial(sidecar("proxy", "ends"))
		code, _ := s.runFor(time.Minute)
		s.exits(code, 0)
		s.happened(`
component started: pause
component started: proxy
component started: web
pod stopping: 0 (asked to stop by SIGTERM)
component ended: proxy 1
component restarts: proxy (proxy ended)
component started: proxy
component ended: web 0
component ended: proxy 0
pod ended: 0 (asked to stop by SIGTERM)
`, ofRuns...)
	})
}

func TestWhoWaitsToRestartIsNotStartedAnyMoreWhenThePodEnds(t *testing.T) {
	for _, asked := range []time.Duration{3 * time.Second, 12 * time.Second} {
		t.Run(asked.String(), func(t *testing.T) {
			play(t, []pod.Component{restarted("web", "fails", pod.RestartAlways), app("db")}, func(s *scene) {
				s.AddImage("fails", fake.Running(runs(time.Second, 1, 1, 1, 1, 1, 1)))
				code, took := s.runFor(asked)
				s.exits(code, 0)
				if took > time.Second {
					t.Errorf("it took %v to stop", took)
				}
				after := s.history(ofRuns...)
				if _, after, _ = strings.Cut(after, "pod stopping"); strings.Contains(after, "started") {
					t.Errorf("restarted after the stop: %s", after)
				}
			})
		})
	}
}

func TestOneThatCannotBeStartedIsTriedAgainByItsPolicy(t *testing.T) {
	bad := restarted("web", "app", pod.RestartOnFailure)
	bad.Entrypoint, bad.Restart.Max = []string{"/nope"}, 2
	play(t, []pod.Component{bad, app("db", started("web"))}, func(s *scene) {
		s.exits(s.run(s.Context()), 127)
		if n := strings.Count(s.history(), "component restarts: web"); n != 2 {
			t.Errorf("tried again %d times:\n%s", n, s.history())
		}
		if strings.Contains(s.history(), "component started: db") {
			t.Errorf("db was started before web ran:\n%s", s.history())
		}
	})
}

func TestWhoDependsOnARestartBeginsAnewToo(t *testing.T) {
	on := started("db")
	on.Restart = true
	play(t, []pod.Component{of("web", "slow", on), of("log", "slow", started("db")), restarted("db", "flaky", pod.RestartOnFailure)}, func(s *scene) {
		s.AddImage("slow", fake.Running(slowly))
		s.AddImage("flaky", fake.Running(runs(time.Second, 1)))
		code, _ := s.runFor(time.Minute)
		s.exits(code, 0)
		s.happened(`
component started: pause
component started: db
component started: log
component started: web
component ended: db 1
component restarts: db (db ended)
component started: db
component ended: web 0
component restarts: web (web ended)
component started: web
pod stopping: 0 (asked to stop by SIGTERM)
component ended: log 0
component ended: web 0
component ended: db 0
pod ended: 0 (asked to stop by SIGTERM)
`, ofRuns...)
	})
}

func TestAllRestartFromTheirInitComponentsOn(t *testing.T) {
	web := of("web", "asks")
	web.Restart.Rules = []pod.Rule{{Action: pod.RuleRestartAll, Codes: []int{42}}}
	play(t, []pod.Component{web, of("db", "slow")}, func(s *scene) {
		s.AddImage("slow", fake.Running(slowly))
		s.AddImage("asks", fake.Running(runs(time.Second, 42, 7)))
		s.AddImage("soon", fake.Running(fake.Exit(0, time.Second)))
		s.initial(of("init-1", "soon"))
		s.exits(s.run(s.Context()), 7)
		s.happened(`
component started: pause
component started: init-1
component ended: init-1 0
component started: db
component started: web
all components restart: web (web ended)
component ended: web 42
component ended: db 0
component started: init-1
component ended: init-1 0
component started: db
component started: web
component ended: web 7
pod stopping: web 7 (web ended)
component ended: db 0
pod ended: web 7 (web ended)
`, ofRuns...)
	})
}

func TestAConditionThatCannotBeMetEndsThePodAtOnce(t *testing.T) {
	completed := func(name string) pod.Dependency { return pod.Dependency{Name: name, Condition: pod.Completed} }
	optional := func(d pod.Dependency) pod.Dependency { d.Optional = true; return d }
	late := of("db", "unsure")
	late.StartTimeout = 5 * time.Second
	other := func(image string) pod.Component { c := of("db", image); c.NonEssential = true; return c }
	broken := other("app")
	broken.PostStart = append([]pod.Hook{{Sleep: time.Second}}, hook("greet")...)
	for name, test := range map[string]struct {
		why   string
		on    pod.Dependency
		db    pod.Component
		code  int
		after time.Duration
		says  string
	}{
		"Failed":      {"who others wait for has failed for good", completed("db"), of("db", "fails"), 3, time.Second, "db ended"},
		"OfAnother":   {"though nobody else misses it", completed("db"), other("fails"), 3, time.Second, "cannot go on with db: it has not completed successfully, and another component waits for that: it ended with 3"},
		"Broken":      {"who had to be ended has not succeeded, though it ends with 0", completed("db"), broken, 1, time.Second, "cannot go on with db: it has not completed successfully, and another component waits for that: its post_start hook has failed"},
		"Health":      {"who has ended will not be healthy", healthy("db"), other("ill"), 3, time.Second, "cannot go on with db: another component waits for its health: it ended with 3"},
		"TooLate":     {"its user has said how long it may take", healthy("db"), late, 1, 5 * time.Second, "cannot go on with db: it has taken longer than its start timeout of 5s"},
		"Optional":    {"who can do without does", optional(completed("db")), other("fails"), 9, 2 * time.Second, "web ended"},
		"Met":         {"a job that is done ends nothing", completed("db"), of("db", "works"), 9, 2 * time.Second, "web ended"},
		"MetByPolicy": {"whatever its policy", completed("db"), restarted("db", "works", pod.RestartAlways), 9, 2 * time.Second, "web ended"},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, []pod.Component{of("web", "ends", test.on), test.db}, func(s *scene) {
				s.AddImage("fails", fake.Running(fake.Exit(3, time.Second)))
				s.AddImage("ill", checked(fake.Exit(3, time.Second)))
				s.AddImage("works", fake.Running(fake.Exit(0, time.Second)))
				s.AddImage("ends", fake.Running(fake.Exit(9, time.Second)))
				s.AddImage("unsure", checked(fake.UntilAsked))
				began := time.Now()
				s.exits(s.run(s.Context()), test.code)
				if took := time.Since(began); took < test.after || took > test.after+time.Second {
					t.Errorf("over after %v, want %v: %s", took, test.after, test.why)
				}
				if got := s.last().Why; got != test.says {
					t.Errorf("%s: told %q, want %q", test.why, got, test.says)
				}
			})
		})
	}
}

func TestOutputGoesOnAcrossRestarts(t *testing.T) {
	play(t, []pod.Component{restarted("web", "talks", pod.RestartOnFailure)}, func(s *scene) {
		var run atomic.Int64
		s.AddImage("talks", fake.Running(func(_ context.Context, p fake.Process) int {
			fmt.Fprintln(p.Stdout, "run", run.Add(1))
			return int(3 - run.Load())
		}))
		s.exits(s.run(s.Context()), 0)
		if want := "[out] web: run 1\n[out] web: run 2\n[out] web: run 3\n"; s.stdout.String() != want {
			t.Errorf("got %q", s.stdout.String())
		}
	})
}

func TestAnonymousVolumesStayForTheNextRunAndGoWithThePod(t *testing.T) {
	web := restarted("web", "counts", pod.RestartOnFailure)
	web.Volumes = []pod.Volume{{Kind: pod.Anonymous, Target: "/data"}}
	play(t, []pod.Component{web}, func(s *scene) {
		s.AddImage("counts", fake.Running(func(_ context.Context, p fake.Process) int {
			found := p.Files["/data/runs"].Content
			p.Write("/data/runs", found+"x")
			return 3 - len(found)
		}))
		s.exits(s.run(s.Context()), 0)
		if n := strings.Count(s.history(event.Started), "web"); n != 4 {
			t.Errorf("the runs found what those before had left for %d of 4 times", n)
		}
		left, err := s.Volumes(s.Context(), map[string]string{pod.LabelOwner: s.owner.ID})
		if err != nil || len(left) > 0 {
			t.Errorf("left: %v, %v", left, err)
		}
	})
}
