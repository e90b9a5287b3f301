package supervise_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/pod"
)

// The calls that a restart makes. Each may fail for no reason that lasts, never reach the
// engine, or be done with its answer lost.
var restartCalls = []string{"List", "Volumes", "Create", "Put", "Wait", "Attach", "Start", "Remove", "Inspect", "Past"}

// copied is a component with a file that is put into each of its containers.
func copied(t *testing.T, c pod.Component) pod.Component {
	c.Copies = []pod.Copy{{Source: secret(t, "settings"), Target: "/etc/settings"}}
	return c
}

func TestACallOfARestartThatFailsCostsTheComponentNothing(t *testing.T) {
	for kind, fault := range map[string]func(s *scene, method string){
		"Fails": func(s *scene, method string) { s.FailNext(method, engine.ErrInternal) },
		"FailsTwice": func(s *scene, method string) {
			s.FailNext(method, engine.ErrInternal)
			s.FailNext(method, engine.ErrInternal)
		},
		"Unsent": func(s *scene, method string) {
			s.FailNext(method, fmt.Errorf("%w: %w", engine.ErrUnreachable, engine.ErrNotSent))
		},
		"Lost":      func(s *scene, method string) { s.LoseAnswer(method) },
		"LostTwice": func(s *scene, method string) { s.LoseAnswer(method); s.LoseAnswer(method) },
	} {
		for _, method := range restartCalls {
			t.Run(kind+"/"+method, func(t *testing.T) {
				web := copied(t, restarted("web", "ends", pod.RestartOnFailure))
				web.Restart.Max = 2
				play(t, []pod.Component{web, app("db")}, func(s *scene) {
					s.AddImage("ends", fake.Running(runs(time.Second, 3, 4))) // which uses its retries up
					time.AfterFunc(time.Second+rising-time.Millisecond, func() { fault(s, method) })
					code, _ := s.runFor(2 * time.Minute)
					s.exits(code, 0)
					s.ranThreeTimes()
				})
			})
		}
	}
}

// ranThreeTimes checks that web has been restarted twice, and ended when it was asked to.
func (s *scene) ranThreeTimes() {
	s.Helper()
	started := strings.Count(s.history(event.Started), "web")
	if end := s.last().Ends[1]; started != 3 || end.Restarts != 2 || end.Code != 0 {
		s.Errorf("web was started %d times, restarted %d times, and ended with %d; history:\n%s", started, end.Restarts, end.Code, s.history())
	}
	if strings.Contains(s.history(), "in use") {
		s.Errorf("a name was in the way:\n%s", s.history())
	}
}

// A failure that is the engine's own and lasts is waited out with the back-off, and is no
// restart.
func TestAnEngineThatCannotMakeARestartForAWhileUsesUpNoRetries(t *testing.T) {
	for method, often := range map[string]int{"Create": 30, "Put": 5, "Wait": 30, "Attach": 30, "Start": 30} { // a Put is not tried again at once
		t.Run(method, func(t *testing.T) {
			web := copied(t, restarted("web", "ends", pod.RestartOnFailure))
			web.Restart.Max = 2
			play(t, []pod.Component{web, app("db")}, func(s *scene) {
				s.AddImage("ends", fake.Running(runs(time.Second, 3, 4)))
				time.AfterFunc(time.Second+rising-time.Millisecond, func() {
					for range often {
						s.FailNext(method, fmt.Errorf("%w: no space left on device", engine.ErrInternal))
					}
				})
				code, _ := s.runFor(time.Hour)
				s.exits(code, 0)
				s.ranThreeTimes()
				if !strings.Contains(s.history(event.Restarting, event.Retrying), "no space left") {
					t.Errorf("why it waited was not told:\n%s", s.history())
				}
			})
		})
	}
}

// What a lost answer has made is removed, and not left beside what is made then.
func TestACreateWhoseAnswerWasLostLeavesNoSecondContainer(t *testing.T) {
	play(t, []pod.Component{restarted("web", "ends", pod.RestartOnFailure)}, func(s *scene) {
		s.AddImage("ends", fake.Running(runs(time.Second, 3)))
		time.AfterFunc(time.Second+rising-time.Millisecond, func() { s.LoseAnswer("Create") })
		time.AfterFunc(30*time.Second, func() {
			all, err := s.List(s.Context(), map[string]string{pod.LabelOwner: s.owner.ID, pod.LabelComponent: "web"})
			if err != nil || len(all) != 1 || !all[0].Running || all[0].Name != s.name("web") {
				t.Errorf("there is %+v, %v", all, err)
			}
		})
		code, _ := s.runFor(time.Minute)
		s.exits(code, 0)
	})
}

// A run that is over before its start is known to have begun has been one.
func TestARunWhoseStartWasNotAnsweredCounts(t *testing.T) {
	web := restarted("web", "ends", pod.RestartOnFailure)
	web.Restart.Max = 2
	play(t, []pod.Component{web, app("db")}, func(s *scene) {
		s.AddImage("ends", fake.Running(runs(0, 3, 4)))
		s.losesStart(2)
		code, _ := s.runFor(2 * time.Minute)
		s.exits(code, 0)
		s.ranThreeTimes()
		s.happened("component ended: web 3\ncomponent ended: web 4\ncomponent ended: db 0\ncomponent ended: web 0\n", event.Died)
	})
}

// losesStart has the answers to the next starts of web be lost.
func (s *scene) losesStart(times int) {
	s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
		if c == (fake.Call{Op: "start", Name: s.name("web")}) && times > 0 {
			times--
			return errors.Join(usual(ctx, c, do), engine.ErrUnreachable)
		}
		return usual(ctx, c, do)
	})
}

// On the way up a call that was cut is no reason to end the pod either.
func TestACopyThatIsCutOnTheWayUpIsMadeAgain(t *testing.T) {
	for name, fault := range map[string]func(*scene){
		"Cut":  func(s *scene) { s.FailNext("Put", engine.ErrUnreachable) },
		"Lost": func(s *scene) { s.LoseAnswer("Put") },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, []pod.Component{copied(t, of("web", "shows"))}, func(s *scene) {
				s.AddImage("shows", fake.Running(show("/etc/settings")))
				fault(s)
				code, _ := s.runFor(time.Minute)
				s.exits(code, 0)
				if got := s.stdout.String(); !strings.Contains(got, "settings") {
					t.Errorf("it has %q", got)
				}
				if n := len(s.told(event.Retrying)); n != 1 {
					t.Errorf("told %d times:\n%s", n, s.history())
				}
			})
		})
	}
}

// A proxy may have an engine remove too early what is created and not started, and so may
// somebody who tidies up. That is no fault of the component's.
func TestWhatIsRemovedBeforeItsStartIsMadeAgain(t *testing.T) {
	for _, name := range []string{"web", "pause"} {
		for _, op := range []string{"wait", "attach", "start"} {
			t.Run(name+"/"+op, func(t *testing.T) {
				play(t, []pod.Component{app("web"), app("db")}, func(s *scene) {
					of, times := map[string]string{"web": s.name("web"), "pause": s.owner.PauseName()}[name], 2
					s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
						if c.Op == op && c.Name == of && times > 0 {
							times--
							if seen, err := s.Inspect(ctx, of); errors.Join(err, s.Remove(ctx, seen.ID)) != nil {
								t.Errorf("cannot remove it: %v", err)
							}
						}
						return usual(ctx, c, do)
					})
					var held atomic.Int64
					time.AfterFunc(time.Minute/2, func() { held.Store(int64(running("watchExit"))) })
					code, _ := s.runFor(time.Minute)
					s.exits(code, 0)
					if n := held.Load(); n != 3 {
						t.Errorf("%d containers are held, want pause, web and db alone", n)
					}
					if started := s.history(event.Started); strings.Count(started, "web") != 1 || strings.Count(started, "db") != 1 || times > 0 {
						t.Errorf("started are\n%s", s.history())
					}
				})
			})
		}
	}
}

// Of a container whose namespaces are to be joined engines say with another code that it is not there.
func TestWhatIsToJoinAPauseThatWasRemovedBeforeItsStartJoinsTheNext(t *testing.T) {
	play(t, []pod.Component{app("web")}, func(s *scene) {
		removed, tries := make(chan struct{}), 0
		var first engine.ID
		s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
			switch {
			case c == (fake.Call{Op: "start", Name: s.owner.PauseName()}) && !live.Closed(removed):
				seen, err := s.Inspect(ctx, c.Name)
				if errors.Join(err, s.Remove(ctx, seen.ID)) != nil {
					t.Errorf("cannot remove it: %v", err)
				}
				first = seen.ID
				close(removed)
			case c == (fake.Call{Op: "create", Name: s.name("web")}):
				live.Wait(ctx, removed)
				if tries++; tries == 1 {
					return errors.New("No such container: " + string(first))
				}
			}
			return usual(ctx, c, do)
		})
		code, _ := s.runFor(time.Minute)
		s.exits(code, 0)
		s.happened("component started: pause\ncomponent started: web\n", event.Started)
	})
}

// It may be removed since nothing is left that it could be made in.
func TestWhatIsRemovedBeforeItsStartAndCannotBeMadeAgainEndsThePod(t *testing.T) {
	play(t, []pod.Component{app("web")}, func(s *scene) {
		removed := false
		s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
			switch {
			case c == (fake.Call{Op: "start", Name: s.name("web")}) && !removed:
				removed = true
				if seen, err := s.Inspect(ctx, c.Name); errors.Join(err, s.Remove(ctx, seen.ID)) != nil {
					t.Errorf("cannot remove it: %v", err)
				}
			case c == (fake.Call{Op: "create", Name: s.name("web")}) && removed:
				return errors.New("no such network namespace")
			}
			return usual(ctx, c, do)
		})
		s.exits(s.run(s.Context()), engine.FaultCode)
		if got := s.last(); got.Component != "web" || !strings.Contains(got.Why, "no such network namespace") {
			t.Errorf("told %q of %q", got.Why, got.Component)
		}
	})
}

// running is how many goroutines run a method.
func running(method string) int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "."+method+"(")
}
