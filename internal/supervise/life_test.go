package supervise_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/supervise"
)

func TestAPodsWholeLife(t *testing.T) {
	components := []pod.Component{of("web", "far", healthy("db")), of("db", "well")}
	play(t, components, func(s *scene) {
		far := fake.Running(fake.Exit(0, time.Minute))
		far.PullTime = 4 * time.Second
		s.AddRemote("far", far)
		s.AddImage("well", checked(well(time.Second)))
		s.exits(s.run(s.Context()), 0)
		s.happened(`
pulling image: far
container created: pause
container created: db
component started: pause
component started: db
component waits: db (until healthy, for web)
component healthy: db
pulling image: far Downloading 2.1 of 4.2 MB
image pulled: far
container created: web
component started: web
pod running:
component ended: db 0
component ended: web 0
pod stopping: web 0 (web ended)
pod ended: web 0 (web ended)
`)
		over := time.Unix(946684800, 0).Add(64025 * time.Millisecond)
		want := []event.End{
			{Component: "db", Reason: "Completed", Started: over.Add(-63985 * time.Millisecond), Finished: over},
			{Component: "web", Reason: "Completed", Started: over.Add(-time.Minute), Finished: over},
		}
		if diff := cmp.Diff(want, s.last().Ends); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTheFirstComponentToEndGivesThePodItsCode(t *testing.T) {
	for _, code := range []int{0, 1, 7, 255} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			play(t, []pod.Component{of("web", "ends"), of("db", "later")}, func(s *scene) {
				s.AddImage("ends", fake.Running(fake.Exit(code, time.Second)))
				s.AddImage("later", fake.Running(fake.Exit(99, 2*time.Second)))
				s.exits(s.run(s.Context()), code)
				if got := s.last(); got.Component != "web" || got.Why != "web ended" {
					t.Errorf("told %+v", got)
				}
			})
		})
	}
}

func TestAComponentThatEndsAtOnceEndsThePod(t *testing.T) {
	play(t, []pod.Component{of("web", "flash"), app("db", started("web"))}, func(s *scene) {
		s.AddImage("flash", fake.Running(fake.Exit(3, 0)))
		s.exits(s.run(s.Context()), 3)
		s.happened("", event.Running)
	})
}

func TestTheLastRecordHasTheLastLinesOfTheOneThatFailed(t *testing.T) {
	play(t, []pod.Component{of("web", "talks"), app("db")}, func(s *scene) {
		s.AddImage("talks", fake.Running(func(_ context.Context, p fake.Process) int {
			for i := range 25 {
				fmt.Fprintln(p.Stdout, "line", i+1)
			}
			fmt.Fprint(p.Stderr, "the end")
			return 4
		}))
		s.exits(s.run(s.Context()), 4)
		var want []string
		for i := 6; i < 25; i++ {
			want = append(want, fmt.Sprint("line ", i+1))
		}
		if diff := cmp.Diff(append(want, "the end"), s.last().Last); diff != "" {
			t.Error(diff)
		}
		if out := s.stdout.String(); strings.Count(out, "[out] web: line ") != 25 || s.stderr.String() != "[err] web: the end\n" {
			t.Errorf("stdout %q, stderr %q", out, s.stderr.String())
		}
	})
}

// Whoever reads our output may be slow; nothing of it is given up for that.
func TestTheLastRecordComesAfterTheLastLine(t *testing.T) {
	play(t, []pod.Component{of("web", "talks")}, func(s *scene) {
		s.stdout.takes = time.Second
		s.AddImage("talks", fake.Running(func(_ context.Context, p fake.Process) int {
			fmt.Fprintln(p.Stdout, "one\ntwo\nthree")
			return 4
		}))
		s.exits(s.run(s.Context()), 4)
		if diff := cmp.Diff([]string{"one", "two", "three"}, s.last().Last); diff != "" {
			t.Error(diff)
		}
		if want := "[out] web: one\n[out] web: two\n[out] web: three\n"; s.stdout.String() != want {
			t.Errorf("got %q", s.stdout.String())
		}
	})
}

func TestASuccessHasNoLastLines(t *testing.T) {
	play(t, []pod.Component{of("web", "talks")}, func(s *scene) {
		s.AddImage("talks", fake.Running(func(_ context.Context, p fake.Process) int {
			fmt.Fprintln(p.Stdout, "fine")
			return 0
		}))
		s.exits(s.run(s.Context()), 0)
		if got := s.last().Last; got != nil {
			t.Errorf("got %q", got)
		}
	})
}

func TestWhatCannotBeStartedEndsThePodAsDockerRunDoes(t *testing.T) {
	for name, test := range map[string]struct {
		why   string
		image string
		entry []string
		code  int
	}{
		"NoImage":       {"there is none to pull", "missing", nil, 125},
		"NoCommand":     {"the image has no such file", "app", []string{"/nope"}, 127},
		"CannotExecute": {"a directory is no program", "dir", []string{"/bin"}, 126},
	} {
		t.Run(name, func(t *testing.T) {
			bad := of("web", test.image)
			bad.Entrypoint = test.entry
			play(t, []pod.Component{bad, app("db")}, func(s *scene) {
				s.AddImage("dir", fake.Image{Programs: map[string]fake.Program{"/bin/app": fake.UntilAsked}})
				code, took := s.runFor(time.Hour)
				s.exits(code, test.code)
				if took > -time.Hour+time.Second {
					t.Errorf("it took %v too long: %s", took+time.Hour, test.why)
				}
				got := s.last()
				if got.Component != "web" || got.Ends[1].Code != test.code || got.Ends[1].Why == "" {
					t.Errorf("told %+v: %s", got, test.why)
				}
			})
		})
	}
}

func TestAskedToStopAtAnyMomentItStops(t *testing.T) {
	slow := func(op, name string, d time.Duration) fake.Interceptor {
		var once atomic.Bool
		return func(ctx context.Context, c fake.Call, do func() error) error {
			if c.Op == op && strings.HasSuffix(c.Name, name) && once.CompareAndSwap(false, true) {
				if err := clock.Sleep(ctx, d); err != nil {
					return err
				}
			}
			return usual(ctx, c, do)
		}
	}
	for name, test := range map[string]struct {
		why  string
		web  pod.Component
		slow fake.Interceptor
		code int
	}{
		"Pull":            {"a pull can be given up", of("web", "far"), usual, 0},
		"Look":            {"nothing was made yet", app("web"), slow("list", "containers", time.Minute), 0},
		"CreateOfPause":   {"what comes of a create has to be known", app("web"), slow("create", "pause", 4*time.Second), 0},
		"CreateOfWeb":     {"others need not wait for it", app("web"), slow("create", "web", 4*time.Second), 0},
		"StartOfWeb":      {"others need not wait for it", app("web"), slow("start", "web", 4*time.Second), 0},
		"AttachToWeb":     {"an engine may be slow in everything", app("web"), slow("attach", "web", 4*time.Second), 0},
		"WaitForHealth":   {"health need not come", app("web", healthy("db")), usual, 0},
		"Running":         {"the usual moment", app("web"), usual, 0},
		"StuckCreate":     {"nobody waits for an engine for ever; but it is no clean stop", app("web"), slow("create", "web", time.Hour), 1},
		"StuckStart":      {"nobody waits for an engine for ever; but it is no clean stop", app("web"), slow("start", "web", time.Hour), 1},
		"StuckWait":       {"nobody waits for an engine for ever; what was made is removed", app("web"), slow("wait", "web", time.Hour), 0},
		"StuckInspection": {"nobody waits for an engine for ever", app("web"), slow("inspect image", "app", time.Hour), 0},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, []pod.Component{test.web, of("db", "checked")}, func(s *scene) {
				far := fake.Running(fake.UntilAsked)
				far.PullTime = time.Hour
				s.AddRemote("far", far)
				s.Intercept(test.slow)
				code, took := s.runFor(2 * time.Second)
				limit := s.pod.Grace
				if test.code != 0 || name == "StuckWait" {
					limit += 31 * time.Second
				}
				if took > limit {
					t.Errorf("it took %v: %s", took, test.why)
				}
				s.exits(code, test.code)
				s.happened("pod stopping: 0 (asked to stop by SIGTERM)\n", event.Stopping)
				if got := s.last(); got.Why != "asked to stop by SIGTERM" || got.Component != "" {
					t.Errorf("told %+v", got)
				}
			})
		})
	}
}

// late is an engine that is still at a call when whoever has called has gone.
func late(call fake.Call, d time.Duration, fault error) fake.Interceptor {
	return func(ctx context.Context, c fake.Call, do func() error) error {
		if c != call {
			return usual(ctx, c, do)
		}
		time.Sleep(d)
		return errors.Join(do(), fault)
	}
}

// Those that run are asked at once, whatever the engine is at for the others.
func TestASlowCreateKeepsNobodyFromStopping(t *testing.T) {
	play(t, []pod.Component{app("web"), of("db", "logs")}, func(s *scene) {
		var l signalLog
		s.AddImage("logs", l.image("db", 0))
		s.Intercept(late(fake.Call{Op: "create", Name: s.name("web")}, 5*time.Second, nil))
		l.began = time.Now()
		code, _ := s.runFor(time.Second)
		s.exits(code, 0)
		l.got(t, "1s db SIGTERM")
	})
}

func TestWhoIsJustBeingStartedIsAskedAsAllOthers(t *testing.T) {
	play(t, []pod.Component{of("web", "logs")}, func(s *scene) {
		var l signalLog
		s.AddImage("logs", l.image("web", 0))
		s.Intercept(late(fake.Call{Op: "start", Name: s.name("web")}, 5*time.Second, nil))
		l.began = time.Now().Add(25 * time.Millisecond) // pause runs
		code, _ := s.runFor(time.Second)
		s.exits(code, 0)
		l.got(t, "5s web SIGTERM")
	})
}

func TestWhatFailsWhileThePodEndsIsNoNews(t *testing.T) {
	play(t, []pod.Component{app("web")}, func(s *scene) {
		s.Intercept(late(fake.Call{Op: "create", Name: s.name("web")}, 5*time.Second, errors.New("connection reset")))
		code, _ := s.runFor(time.Second)
		s.exits(code, 0)
		want := []event.End{{Component: "web", Code: -1}}
		if diff := cmp.Diff(want, s.last().Ends); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAFailureEndsThePodWhateverElseIsUnderWay(t *testing.T) {
	bad := app("web")
	bad.Entrypoint = []string{"/nope"}
	play(t, []pod.Component{bad, app("db")}, func(s *scene) {
		s.Intercept(late(fake.Call{Op: "create", Name: s.name("db")}, 8*time.Second, nil))
		began := time.Now()
		s.exits(s.run(s.Context()), 127)
		for _, e := range s.events {
			if e.Kind == event.Stopping && e.At.Sub(began) > time.Second {
				t.Errorf("it went on for %v", e.At.Sub(began))
			}
		}
	})
}

func TestAnEngineThatRemovesNothingIsGivenUp(t *testing.T) {
	play(t, []pod.Component{of("web", "stubborn")}, func(s *scene) {
		s.broken = true
		s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
			if c.Op == "remove" || c.Op == "signal" {
				return errors.New("engine on fire")
			}
			return usual(ctx, c, do)
		})
		code, took := s.runFor(time.Minute)
		s.exits(code, 1)
		if took > s.pod.Grace+31*time.Second {
			t.Errorf("it took %v", took)
		}
		if want := []event.End{{Component: "web", Code: -1}}; !cmp.Equal(s.last().Ends, want) {
			t.Errorf("told %v of what still runs", s.last().Ends)
		}
		began := s.last().At.Add(-took)
		told := slices.DeleteFunc(slices.Clone(s.events), func(e event.Event) bool { return e.Kind != event.CleanupFailed })
		if len(told) != 3 || told[0].Component != "web" || told[1].At.Sub(began) > time.Second {
			t.Errorf("of what goes wrong is to be told at once, not again and again, and in the end:\n%s", s.history(event.CleanupFailed))
		}
	})
}

func TestComponentsStartInTheOrderOfWhatTheyDependOn(t *testing.T) {
	components := []pod.Component{app("a", healthy("c")), app("b", started("a")), of("c", "well"), app("d")}
	play(t, components, func(s *scene) {
		s.AddImage("well", checked(well(3*time.Second)))
		code, _ := s.runFor(10 * time.Second)
		s.exits(code, 0)
		s.happened(`
component started: pause
component started: c
component started: d
component healthy: c
component started: a
component started: b
pod running:
`, event.Started, event.Healthy, event.Running)
	})
}

func TestADependencyThatCannotBecomeHealthyEndsThePod(t *testing.T) {
	ill := func(ctx context.Context, p fake.Process) int {
		p.FailCheck(3, "db is locked\n")
		return fake.UntilAsked(ctx, p)
	}
	for name, test := range map[string]struct {
		why   string
		image fake.Image
		says  string
	}{
		"Unhealthy": {"its check says so", checked(ill), "cannot go on with db: it is unhealthy, and another component waits for its health: exit code 3: db is locked"},
		"Unchecked": {"it will never say", fake.Running(fake.UntilAsked), "cannot go on with db: it has no health check"},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, []pod.Component{app("web", healthy("db")), of("db", "db")}, func(s *scene) {
				s.AddImage("db", test.image)
				code, _ := s.runFor(time.Hour)
				s.exits(code, 1)
				if got := s.last(); got.Component != "db" || !strings.HasPrefix(got.Why, test.says) {
					t.Errorf("told %+v: %s", got, test.why)
				}
				s.happened("component started: pause\ncomponent started: db\n", event.Started)
			})
		})
	}
}

func TestPausesEndIsNoComponentsFault(t *testing.T) {
	play(t, []pod.Component{app("web"), app("db")}, func(s *scene) {
		time.AfterFunc(time.Second, func() { s.Kill(s.owner.PauseName()) })
		s.exits(s.run(s.Context()), 137)
		if got := s.last(); got.Component != "pause" || !strings.HasPrefix(got.Why, "pause ended") {
			t.Errorf("told %+v", got)
		}
	})
}

// What was to be started in its namespaces just then cannot be, which is how it may show first.
func TestWhatCannotJoinAPauseThatEndedIsNotAtFault(t *testing.T) {
	for name, test := range map[string]struct {
		why  string
		told time.Duration // its end, after that
		kept bool          // it is not known from the lease
		code int
		who  string
	}{
		"Told":       {"its end is told at once", 0, true, 137, "pause"},
		"ToldLater":  {"its end is told a moment later", 150 * time.Millisecond, true, 137, "pause"},
		"TheyDiffer": {"it has not ended", time.Hour, true, 125, "web"},
		"Lost":       {"its lease says that it has, whenever that is told", 3 * time.Second, false, 137, "pause"},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, []pod.Component{app("web")}, func(s *scene) {
				of := &lease{asked: make(chan struct{}), lost: make(chan struct{}), stopping: func() {}}
				s.with = func(c *supervise.Config) { c.Offer = of }
				s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
					if c.Op != "start" || c.Name != s.name("web") {
						return usual(ctx, c, do)
					}
					if !test.kept {
						close(of.lost)
					}
					time.AfterFunc(test.told, func() { s.Kill(s.owner.PauseName()) })
					return errors.New("cannot join network of a non running container")
				})
				s.exits(s.run(s.Context()), test.code)
				if got := s.last(); got.Component != test.who {
					t.Errorf("told %+v: %s", got, test.why)
				}
			})
		})
	}
}

// Without it nothing holds the namespaces, however it has ended.
func TestPauseNeverEndsWithSuccess(t *testing.T) {
	play(t, []pod.Component{app("web")}, func(s *scene) {
		s.pod.SharePID = false
		time.AfterFunc(time.Second, func() {
			seen, err := s.Inspect(s.Context(), s.owner.PauseName())
			if err != nil {
				t.Error(err)
			}
			if err := s.Signal(s.Context(), seen.ID, "SIGTERM"); err != nil {
				t.Error(err)
			}
		})
		s.exits(s.run(s.Context()), 1)
	})
}

func TestAComponentThatIsKilledIsToldFromPausesEnd(t *testing.T) {
	play(t, []pod.Component{app("web"), app("db")}, func(s *scene) {
		time.AfterFunc(time.Second, func() { s.Kill(s.name("web")) })
		s.exits(s.run(s.Context()), 137)
		if got := s.last(); got.Component != "web" {
			t.Errorf("told %+v", got)
		}
	})
}

func TestHealthFollowsTheComponents(t *testing.T) {
	play(t, []pod.Component{of("web", "checked"), app("db")}, func(s *scene) {
		var got []lifecycle.Health
		var looking sync.WaitGroup
		s.ready = func(r *supervise.Supervisor) {
			look := func() {
				synctest.Wait()
				got = append(got, r.Health())
			}
			looking.Go(func() {
				look()
				for _, h := range []engine.Health{engine.Starting, engine.Healthy, engine.Unhealthy, engine.Healthy} {
					time.Sleep(time.Second)
					s.SetHealth(s.name("web"), h)
					look()
				}
				s.Kill(s.name("db"))
				look()
			})
		}
		s.run(s.Context())
		looking.Wait()
		want := []lifecycle.Health{"starting", "starting", "healthy", "unhealthy", "healthy", "unhealthy"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		s.happened(`
component healthy: web
component unhealthy: web (exit code 1)
component healthy: web
`, event.Healthy, event.Unhealthy)
	})
}

func TestEventsThatWereLostAreFollowedAgain(t *testing.T) {
	play(t, []pod.Component{of("web", "checked"), app("db", healthy("web"))}, func(s *scene) {
		time.AfterFunc(time.Second, func() {
			s.CutWatches(fmt.Errorf("proxy timeout"))
			synctest.Wait()
			s.SetHealth(s.name("web"), engine.Healthy) // nobody listens
		})
		code, _ := s.runFor(5 * time.Second)
		s.exits(code, 0)
		s.happened(`
component healthy: web
pod running:
`, event.EngineLost, event.Healthy, event.Running)
	})
}
