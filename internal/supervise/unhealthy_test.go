package supervise_test

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/supervise"
)

// Whoever asks, follows the events or reads the last record learns it.
func TestWhyAComponentIsUnhealthyIsToldEverywhere(t *testing.T) {
	const noShell = "its test is a line for a shell, and its image has none: write `test: [CMD, program, argument]`"
	for name, test := range map[string]struct {
		why  string
		test []string // of a check of the component's own; nil: its image has one
		code int
		said string
		want string
	}{
		"Silent":   {"the code is all there is", nil, 1, "", "exit code 1"},
		"Says":     {"it says why", nil, 3, "db is locked\n", "exit code 3: db is locked"},
		"Lines":    {"it says more", []string{"CMD", "/main"}, 3, "db is locked\nby 17\n", "exit code 3: db is locked\nby 17"},
		"TimedOut": {"the engine says why", nil, -1, "Health check exceeded timeout (1s)", "Health check exceeded timeout (1s)"},
		"NoShell":  {"it cannot be run", []string{"CMD-SHELL", "curl localhost"}, 1, "", noShell},
	} {
		t.Run(name, func(t *testing.T) {
			web := of("web", "checked")
			if test.test != nil {
				web.Health = &pod.Health{Test: test.test}
			}
			play(t, []pod.Component{web}, func(s *scene) {
				var shown atomic.Value
				s.ready = func(r *supervise.Supervisor) {
					time.AfterFunc(2*time.Second, func() { s.FailCheck(s.name("web"), test.code, test.said) })
					time.AfterFunc(3*time.Second, func() { shown.Store(r.Status().Components[0].State.Running.Message) })
				}
				s.runFor(4 * time.Second)
				s.happened("component unhealthy: web ("+test.want+")\n", event.Unhealthy)
				if want := "its health check says unhealthy: " + test.want; shown.Load() != want {
					t.Errorf("the status shows %q, want %q: %s", shown.Load(), want, test.why)
				}
				if got := s.last().Ends[0].Unhealthy; got != test.want {
					t.Errorf("the last record says %q, want %q: %s", got, test.want, test.why)
				}
			})
		})
	}
}

// The explanation is asked for beside everything else: neither the pod's health nor what
// else shows of its components waits for it.
func TestNothingWaitsForAnEngineThatDoesNotSayWhy(t *testing.T) {
	for name, fault := range map[string]func(s *scene) (mend func()){
		"Silent": func(s *scene) func() { return s.Stall("Inspect") },
		"Fails":  func(s *scene) func() { s.FailNext("Inspect", context.DeadlineExceeded); return func() {} },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, []pod.Component{of("web", "checked"), of("db", "checked")}, func(s *scene) {
				var looking sync.WaitGroup
				s.ready = func(r *supervise.Supervisor) {
					looking.Go(func() {
						time.Sleep(time.Second)
						defer fault(s)()
						s.SetHealth(s.name("db"), engine.Healthy)
						s.FailCheck(s.name("web"), 3, "db is locked")
						synctest.Wait()
						if got := r.Health(); got != lifecycle.Unhealthy {
							t.Errorf("the pod is %s", got)
						}
						s.FailCheck(s.name("db"), 1, "")
						time.Sleep(6 * time.Second)
						if got := s.history(event.Unhealthy); strings.Count(got, "\n") != 2 {
							t.Errorf("at last is told\n%s", got)
						}
						s.SetHealth(s.name("web"), engine.Healthy)
					})
				}
				code, _ := s.runFor(10 * time.Second)
				looking.Wait()
				s.exits(code, 0)
				if got := s.history(event.Unhealthy, event.Healthy); !strings.HasSuffix(got, "component healthy: web\n") {
					t.Errorf("told is\n%s", got)
				}
			})
		})
	}
}

// What is unhealthy is examined when it becomes so, and not again and again.
func TestAComponentIsExaminedOnceForEachTimeThatItBecomesUnhealthy(t *testing.T) {
	play(t, []pod.Component{of("web", "checked")}, func(s *scene) {
		var asked atomic.Int64
		s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
			if c.Op == "inspect" && c.Name == s.name("web") {
				asked.Add(1)
			}
			return usual(ctx, c, do)
		})
		s.ready = func(r *supervise.Supervisor) {
			for at, do := range map[time.Duration]func(){
				2: func() { asked.Store(0); s.FailCheck(s.name("web"), 1, "one") },
				3: func() { s.FailCheck(s.name("web"), 1, "two"); r.Status() },
				4: func() { s.SetHealth(s.name("web"), engine.Healthy) },
				5: func() { s.FailCheck(s.name("web"), 1, "three") },
				6: func() {
					if n := asked.Load(); n != 2 {
						t.Errorf("the engine was asked %d times, want 2", n)
					}
				},
			} {
				time.AfterFunc(at*time.Second, do)
			}
		}
		s.runFor(8 * time.Second)
		s.happened(`
component unhealthy: web (exit code 1: one)
component healthy: web
component unhealthy: web (exit code 1: three)
`, event.Healthy, event.Unhealthy)
	})
}

// A deployment stops what is well, and the last record does not make it look ill.
func TestWhoDoesNotPassItsCheckWhileItStopsIsNotUnhealthyInTheLastRecord(t *testing.T) {
	play(t, []pod.Component{of("web", "lingers")}, func(s *scene) {
		s.AddImage("lingers", checked(func(ctx context.Context, p fake.Process) int {
			p.SetHealth(engine.Healthy)
			fake.UntilAsked(ctx, p)
			p.FailCheck(1, "connection refused")
			return fake.Exit(0, time.Second)(ctx, p)
		}))
		s.runFor(3 * time.Second)
		s.happened("component healthy: web\ncomponent unhealthy: web\n", event.Healthy, event.Unhealthy)
		if got := s.last().Ends[0]; got.Code != 0 || got.Unhealthy != "" {
			t.Errorf("it ended as %+v", got)
		}
	})
}

// Whom others wait for ends the pod, with why or without it, as it comes.
func TestADependencysExplanationIsNotWaitedForForever(t *testing.T) {
	play(t, []pod.Component{app("web", healthy("db")), of("db", "checked")}, func(s *scene) {
		time.AfterFunc(time.Second, func() {
			time.AfterFunc(time.Minute, s.Stall("Inspect"))
			s.FailCheck(s.name("db"), 3, "db is locked")
		})
		s.exits(s.run(s.Context()), 1)
		const want = "cannot go on with db: it is unhealthy, and another component waits for its health"
		if got := s.last(); got.Why != want || got.Took > 10*time.Second {
			t.Errorf("after %s it says %q", got.Took, got.Why)
		}
		s.happened("component unhealthy: db\n", event.Unhealthy)
	})
}
