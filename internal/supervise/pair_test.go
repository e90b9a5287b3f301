package supervise_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/status"
	"github.com/podlike/podlike/internal/succession"
	"github.com/podlike/podlike/internal/supervise"
)

// A charge is a pause's that the test says everything of, and what it keeps.
type charge struct {
	lease
	kept  []byte
	every [][]byte // all that was ever kept
}

func (c *charge) Store(text []byte) error {
	c.kept = slices.Clone(text)
	c.every = append(c.every, c.kept)
	return nil
}

// paired makes the scene a pair, whose pause runs.
func (s *scene) paired() *charge {
	s.Helper()
	id, _, err := s.Create(s.Context(), engine.Container{Name: "web", Image: "pause", ShareIPC: true, Labels: map[string]string{pod.LabelRole: pod.RolePause}})
	if err := errors.Join(err, s.Start(s.Context(), id)); err != nil {
		s.Fatal(err)
	}
	s.owner = pod.Owner{ID: string(id), Name: "web", Version: "test", Life: "1"}
	return s.chargeOf(nil)
}

// chargeOf is one whose pause keeps that.
func (s *scene) chargeOf(kept []byte) *charge {
	return &charge{lease: lease{asked: make(chan struct{}), lost: make(chan struct{}), stopping: func() {}}, kept: kept}
}

// A term is that of one supervisor of a pair.
type term struct {
	*scene
	charge *charge
	// does what the test does in it. Nil: it lasts a minute.
	does func(*supervise.Supervisor)
	// keeps: what runs is left to the next.
	keeps bool
	admit func() error
}

// live runs one term, and returns the exit code and how the pod was before its end.
func (l term) live() (code int, before status.Pod) {
	l.Helper()
	l.mu.Lock()
	l.events = nil
	l.mu.Unlock()
	ctx, ask := context.WithCancelCause(l.Context())
	defer ask(nil)
	over := make(chan struct{})
	l.with = func(c *supervise.Config) {
		c.Charge, c.Inherited, c.KeepOnStop = l.charge, l.charge.kept, func() bool { return l.keeps }
		if l.admit != nil {
			c.Admit = func(map[string]engine.Image, []string) error { return l.admit() }
		}
	}
	l.ready = func(s *supervise.Supervisor) {
		go func() {
			defer close(over)
			if l.does != nil {
				l.does(s)
			} else {
				time.Sleep(time.Minute)
			}
			before = s.Status()
			ask(errAsked)
		}()
	}
	l.broken = l.keeps
	code = l.run(ctx)
	<-over
	l.Intercept(usual)
	return code, before
}

// there are the IDs of a pair's components that run.
func (s *scene) there() map[string]engine.ID {
	s.Helper()
	all, err := s.List(s.Context(), map[string]string{pod.LabelRole: pod.RoleComponent})
	if err != nil {
		s.Fatal(err)
	}
	ids := map[string]engine.ID{}
	for _, c := range all {
		if c.Running {
			ids[c.Labels[pod.LabelComponent]] = c.ID
		}
	}
	return ids
}

// restarts are those of a component.
func restarts(p status.Pod, name string) int {
	for _, c := range p.Components {
		if c.Name == name {
			return c.Restarts
		}
	}
	return -1
}

// What runs gets its hooks and its grace from whoever is in charge when the pod is stopped.
func TestASuccessorThatIsAskedToStopAtOnceStopsWhatRuns(t *testing.T) {
	for _, after := range []time.Duration{0, 15 * time.Millisecond, 40 * time.Millisecond} {
		t.Run(after.String(), func(t *testing.T) {
			play(t, []pod.Component{app("db"), app("web")}, func(s *scene) {
				c := s.paired()
				term{scene: s, charge: c, keeps: true}.live()
				s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
					if err := clock.Sleep(ctx, 10*time.Millisecond); err != nil {
						return err
					}
					return do()
				})
				code, _ := term{scene: s, charge: s.chargeOf(c.kept), does: func(*supervise.Supervisor) { time.Sleep(after) }}.live()
				s.exits(code, 0)
				s.happened("component ended: db 0\ncomponent ended: web 0\n", event.Died)
				if left := s.there(); len(left) > 0 {
					t.Errorf("left are %v", left)
				}
			})
		})
	}
}

// A stop may have been asked for while the supervisor was still looking who it is.
func TestASuccessorThatWasAskedToStopBeforeItsRunStopsWhatRuns(t *testing.T) {
	play(t, []pod.Component{app("db"), app("web")}, func(s *scene) {
		c := s.paired()
		term{scene: s, charge: c, keeps: true}.live()
		s.broken = false
		ctx, ask := context.WithCancelCause(s.Context())
		ask(errAsked)
		s.with = func(config *supervise.Config) { config.Charge, config.Inherited = s.chargeOf(c.kept), c.kept }
		s.ready = nil
		s.exits(s.run(ctx), 0)
		if told := s.history(event.Died); strings.Count(told, "db 0") != 1 || strings.Count(told, "web 0") != 1 {
			t.Errorf("told is\n%s", s.history())
		}
		if left := s.there(); len(left) > 0 {
			t.Errorf("left are %v", left)
		}
	})
}

// What has ended the pod while nobody was in charge ends all of it, and not only its supervisor.
func TestAnEndThatNobodySawEndsThePod(t *testing.T) {
	for range 10 { // in one order or the other
		play(t, []pod.Component{app("db"), of("web", "fails"), app("log")}, func(s *scene) {
			s.AddImage("fails", fake.Running(runs(2*time.Minute, 3)))
			c := s.paired()
			term{scene: s, charge: c, keeps: true}.live()
			time.Sleep(2 * time.Minute)
			s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
				return errors.Join(clock.Sleep(ctx, 10*time.Millisecond), do())
			})
			code, _ := term{scene: s, charge: s.chargeOf(c.kept)}.live()
			if left := s.there(); code != 3 || len(left) > 0 || s.last().Kind != event.Ended || s.last().Component != "web" {
				t.Errorf("exit code %d, left are %v:\n%s", code, left, s.history())
			}
		})
	}
}

func TestASuccessorGoesOnWithWhatRuns(t *testing.T) {
	play(t, []pod.Component{of("db", "checked"), app("web", healthy("db"))}, func(s *scene) {
		s.AddImage("checked", checked(well(time.Second)))
		c := s.paired()
		if code, _ := (term{scene: s, charge: c, keeps: true}).live(); code != 0 {
			s.Fatalf("left with %d:\n%s", code, s.history())
		}
		first := s.there()
		began := time.Now()
		var healthyAfter time.Duration
		code, before := term{scene: s, charge: c, does: func(p *supervise.Supervisor) {
			for p.Health() != "healthy" && time.Since(began) < time.Minute {
				time.Sleep(time.Millisecond)
			}
			healthyAfter = time.Since(began)
			for name, id := range s.there() {
				if first[name] != id {
					s.Errorf("%s is another container", name)
				}
			}
		}}.live()
		if code != 0 || len(first) != 2 || before.Health != "healthy" {
			s.Errorf("exit code %d, %d components, %s:\n%s", code, len(first), before.Health, s.history())
		}
		if healthyAfter > 100*time.Millisecond {
			s.Errorf("healthy after %s", healthyAfter)
		}
		if left := s.there(); len(left) > 0 {
			s.Errorf("a clean stop has left %v", left)
		}
		if pause, err := s.Inspect(s.Context(), "web"); err != nil || !pause.Running {
			s.Errorf("a clean stop has ended pause: %v", err)
		}
		s.happened("component goes on: db\ncomponent goes on: web\n", event.Adopted, event.Created)
	})
}

// Who was asked to end has until the end of its grace, and is seen to by whoever is in charge then.
func TestASuccessorEndsWhatWasAskedToEnd(t *testing.T) {
	broken := app("web")
	broken.Image, broken.Restart = "stubborn", pod.Restart{Policy: pod.RestartAlways}
	broken.Probes.Liveness = &pod.Probe{Exec: []string{"/no"}, Period: 10 * time.Second, Timeout: time.Second, Failure: 1, Success: 1}
	play(t, []pod.Component{broken, app("db")}, func(s *scene) {
		c := s.paired()
		term{scene: s, charge: c, keeps: true, does: func(*supervise.Supervisor) { time.Sleep(11 * time.Second) }}.live()
		asked, first := c.kept, s.there()["web"]
		if !strings.Contains(string(asked), `"state":"ending"`) {
			t.Fatalf("it is to be ending: %s", asked)
		}
		_, after := term{scene: s, charge: s.chargeOf(asked), does: func(*supervise.Supervisor) { time.Sleep(pod.DefaultStopGrace + 2*time.Second) }}.live()
		if now := s.there()["web"]; now == first || restarts(after, "web") != 1 {
			t.Errorf("it is %s as before, and was restarted %d times:\n%s", now, restarts(after, "web"), s.history())
		}
	})
}

// What was there to be done may be done while nobody is in charge.
func TestAPodWhoseComponentsHaveAllCompletedIsOver(t *testing.T) {
	job := of("web", "job")
	job.Restart = pod.Restart{Policy: pod.RestartOnFailure}
	play(t, []pod.Component{job}, func(s *scene) {
		s.AddImage("job", fake.Running(runs(2*time.Minute, 0)))
		c := s.paired()
		term{scene: s, charge: c, keeps: true}.live()
		time.Sleep(2 * time.Minute)
		began := time.Now()
		s.broken = false
		code := s.runWith(s.chargeOf(c.kept))
		if took := time.Since(began); code != 0 || took > time.Minute || s.last().Why != "all components have completed" {
			t.Errorf("exit code %d after %v:\n%s", code, took, s.history())
		}
		known := succession.Read(c.kept) // by one that was killed when it knew
		done := known.Components["web"]
		done.State, done.Completed, done.Ended = lifecycle.Done, true, &succession.Ending{}
		known.Components["web"] = done
		if code = s.runWith(s.chargeOf(known.Text())); code != 0 || len(s.told(event.Created)) > 0 {
			t.Errorf("exit code %d of the next:\n%s", code, s.history())
		}
	})
}

// An engine that does not come back ends the supervisor, and not what runs.
func TestWhatRunsIsLeftToItselfWhereTheEngineIsLost(t *testing.T) {
	play(t, []pod.Component{app("web")}, func(s *scene) {
		s.timeout = 10 * time.Second
		c := s.paired()
		term{scene: s, charge: c, keeps: true}.live()
		first := s.there()
		time.AfterFunc(30*time.Second, s.Away)
		if code := s.runWith(s.chargeOf(c.kept)); code != 1 || len(s.told(event.Left)) != 1 {
			t.Errorf("exit code %d:\n%s", code, s.history())
		}
		if now := s.there(); now["web"] != first["web"] {
			t.Errorf("it was %s and is %s", first["web"], now["web"])
		}
	})
}

// runWith has a supervisor with that charge run until it ends by itself.
func (s *scene) runWith(c *charge) int {
	s.Helper()
	s.mu.Lock()
	s.events = nil
	s.mu.Unlock()
	s.ready = nil
	s.with = func(config *supervise.Config) {
		config.Charge, config.Inherited = c, c.kept
		emit := config.Emit
		config.Emit = func(e event.Event) {
			if emit(e); e.Kind == event.Left {
				s.Back() // for who looks at what is left
			}
		}
	}
	return s.run(s.Context())
}

func TestWhatWaitsForItsRestartWaitsForTheRestOfItsTime(t *testing.T) {
	crashing := of("web", "crash")
	crashing.Restart = pod.Restart{Policy: pod.RestartAlways}
	play(t, []pod.Component{crashing, app("db")}, func(s *scene) {
		s.AddImage("crash", fake.Running(func(context.Context, fake.Process) int { return 3 }))
		c := s.paired()
		// It ends at once after 0, 10, 20 and 40 s; a second later 39 of 80 s have yet to come.
		_, before := term{scene: s, charge: c, keeps: true, does: func(*supervise.Supervisor) { time.Sleep(71 * time.Second) }}.live()
		if restarts(before, "web") != 4 {
			s.Fatalf("%d restarts before:\n%s", restarts(before, "web"), s.history())
		}
		left := time.Now()
		time.Sleep(10 * time.Second)
		var at time.Duration
		_, after := term{scene: s, charge: c, does: func(p *supervise.Supervisor) {
			time.Sleep(time.Second)
			if n := restarts(p.Status(), "web"); n != 4 {
				s.Errorf("%d restarts at first, want 4", n)
			}
			for restarts(p.Status(), "web") == 4 && time.Since(left) < 10*time.Minute {
				time.Sleep(100 * time.Millisecond)
			}
			at = time.Since(left)
		}}.live()
		if restarts(after, "web") != 5 || at < 77*time.Second || at > 81*time.Second {
			s.Errorf("%d restarts, the last after %s, want 5 and some 79s:\n%s", restarts(after, "web"), at, s.history())
		}
	})
}

// What waits for its restart keeps a pod from being healthy at first, and not later.
func TestAPodThatWasHealthyIsSoForItsSuccessor(t *testing.T) {
	crashing := of("web", "crash")
	crashing.Restart = pod.Restart{Policy: pod.RestartAlways}
	play(t, []pod.Component{crashing, app("db")}, func(s *scene) {
		s.AddImage("crash", fake.Running(func(ctx context.Context, _ fake.Process) int { _ = clock.Sleep(ctx, 15*time.Second); return 3 }))
		c := s.paired()
		_, before := term{scene: s, charge: c, keeps: true, does: func(*supervise.Supervisor) { time.Sleep(35 * time.Second) }}.live()
		_, after := term{scene: s, charge: c, does: func(*supervise.Supervisor) { time.Sleep(time.Second) }}.live()
		if before.Health != "healthy" || after.Health != "healthy" {
			s.Errorf("it was %s and is %s:\n%s", before.Health, after.Health, s.history())
		}
	})
}

// initial is a pod with an initial component that counts its runs.
func initial(s *scene, runs *int) {
	s.AddImage("migrate", fake.Running(func(context.Context, fake.Process) int { *runs++; return 0 }))
	s.pod.Init = []pod.Component{of("init-1", "migrate")}
}

func TestWhatHasSucceededIsNotRunAgainInPausesLife(t *testing.T) {
	for name, keeps := range map[string]bool{"Left": true, "TakenDown": false} {
		t.Run(name, func(t *testing.T) {
			play(t, []pod.Component{app("web")}, func(s *scene) {
				runs := 0
				initial(s, &runs)
				c := s.paired()
				term{scene: s, charge: c, keeps: keeps}.live()
				_, before := term{scene: s, charge: c}.live()
				if told := s.history(); strings.Contains(told, "init-1 0") {
					s.Errorf("its end is told again:\n%s", told)
				}
				if runs != 1 || before.Health != "healthy" {
					s.Errorf("it was run %d times, and the pod is %s:\n%s", runs, before.Health, s.history())
				}
				c.kept = nil // another life of pause's
				term{scene: s, charge: c}.live()
				if runs != 2 {
					s.Errorf("it was run %d times in two lives", runs)
				}
			})
		})
	}
}

func TestOnlyWhatHasChangedIsMadeAnew(t *testing.T) {
	play(t, []pod.Component{app("db"), app("web", started("db")), app("old")}, func(s *scene) {
		c := s.paired()
		s.AddImage("app2", fake.Running(fake.UntilAsked))
		term{scene: s, charge: c, keeps: true}.live()
		first := s.there()
		s.pod.Components = []pod.Component{app("db"), of("web", "app2", started("db")), app("new")}
		s.pod = pod.Complete(s.pod)
		term{scene: s, charge: c, does: func(*supervise.Supervisor) {
			time.Sleep(time.Minute)
			now := s.there()
			if now["db"] != first["db"] || now["web"] == first["web"] || now["web"] == "" || now["new"] == "" || now["old"] != "" {
				s.Errorf("first %v, now %v:\n%s", first, now, s.history())
			}
			if seen, err := s.Inspect(s.Context(), "web.podlike.web"); err != nil || seen.ID != now["web"] {
				s.Errorf("the new one is called otherwise: %v", err)
			}
		}}.live()
	})
}

func TestADefinitionThatCannotBeHadLeavesTheOldOneRunning(t *testing.T) {
	for name, change := range map[string]func(s *scene) pod.Component{
		"NoImage": func(*scene) pod.Component { return of("web", "far") },
		"NotMade": func(s *scene) pod.Component {
			s.AddImage("bad", fake.Running(fake.UntilAsked))
			s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
				if c.Op == "create" && strings.Contains(c.Name, "next") {
					return errors.New("invalid mount")
				}
				return usual(ctx, c, do)
			})
			return of("web", "bad")
		},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, []pod.Component{app("db"), app("web", started("db"))}, func(s *scene) {
				c := s.paired()
				term{scene: s, charge: c, keeps: true}.live()
				first := s.there()
				s.pod.Components[1] = change(s)
				s.pod = pod.Complete(s.pod)
				code, before := term{scene: s, charge: c, does: func(*supervise.Supervisor) {
					time.Sleep(time.Minute)
					if now := s.there(); now["web"] != first["web"] || now["db"] != first["db"] {
						s.Errorf("first %v, now %v:\n%s", first, now, s.history())
					}
				}}.live()
				if told := s.told(event.NotReplaced); len(told) != 1 || code != 0 || before.Health != "healthy" {
					s.Errorf("told %v, exit code %d, %s:\n%s", told, code, before.Health, s.history())
				}
			})
		})
	}
}

func TestAMistakeInANewDefinitionEndsNothing(t *testing.T) {
	play(t, []pod.Component{app("web")}, func(s *scene) {
		c := s.paired()
		term{scene: s, charge: c, keeps: true}.live()
		first := s.there()
		code, _ := term{scene: s, charge: c, keeps: true, admit: func() error { return pod.Problems{pod.Problemf("web", "no")} }}.live()
		if now := s.there(); code != pod.ProblemsCode || now["web"] != first["web"] {
			s.Errorf("exit code %d, first %v, now %v", code, first, now)
		}
	})
}

func TestWhatHasEndedMeanwhileHasItsExitCode(t *testing.T) {
	play(t, []pod.Component{of("web", "seven"), app("db")}, func(s *scene) {
		s.AddImage("seven", fake.Running(func(ctx context.Context, p fake.Process) int {
			_ = clock.Sleep(ctx, 90*time.Second)
			return 7
		}))
		c := s.paired()
		term{scene: s, charge: c, keeps: true}.live()
		time.Sleep(time.Minute)
		code, _ := term{scene: s, charge: c}.live()
		s.exits(code, 7)
	})
}

func TestAPausesEndIsThatOfItsPair(t *testing.T) {
	for name, test := range map[string]struct {
		why string
		end func(s *scene, c *charge)
	}{
		"Asked": {"docker stop of pause", func(_ *scene, c *charge) { close(c.asked) }},
		"Killed": {"with all that is in its namespace", func(s *scene, c *charge) {
			_ = s.Signal(s.Context(), engine.ID(s.owner.ID), "SIGKILL")
			close(c.lost)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			always := app("web")
			always.Restart = pod.Restart{Policy: pod.RestartAlways}
			play(t, []pod.Component{always, app("db")}, func(s *scene) {
				c := s.paired()
				code, _ := term{scene: s, charge: c, does: func(*supervise.Supervisor) {
					time.Sleep(time.Minute)
					test.end(s, c)
					time.Sleep(time.Minute)
				}}.live()
				if last := s.last(); code == 0 || last.Component != "pause" {
					s.Errorf("exit code %d, the last record names %q: %s", code, last.Component, test.why)
				}
			})
		})
	}
}

// A supervisor may be killed at any moment, so that of two that know something else last each has
// left what a successor goes on with.
func TestWhateverWasWrittenDownLastASuccessorGoesOn(t *testing.T) {
	crashing := of("web", "crash", started("db"))
	crashing.Restart = pod.Restart{Policy: pod.RestartAlways}
	play(t, []pod.Component{app("db"), crashing}, func(s *scene) {
		runs := 0
		initial(s, &runs)
		s.AddImage("crash", fake.Running(func(ctx context.Context, _ fake.Process) int { _ = clock.Sleep(ctx, 5*time.Second); return 3 }))
		c := s.paired()
		term{scene: s, charge: c, keeps: true}.live()
		first := s.there()
		if len(c.every) < 10 {
			s.Fatalf("written down was %d times", len(c.every))
		}
		for i, kept := range c.every {
			next := s.chargeOf(kept)
			code, before := term{scene: s, charge: next, keeps: true}.live()
			ready := slices.ContainsFunc(before.Components, func(c status.Component) bool { return c.Name == "db" && c.Ready })
			if code != 0 || s.there()["db"] != first["db"] || before.Health == "unhealthy" || !ready {
				s.Fatalf("after record %d of %d, %s: exit code %d, %s, db %s (ready: %v), was %s:\n%s",
					i, len(c.every), kept, code, before.Health, s.there()["db"], ready, first["db"], s.history())
			}
		}
		term{scene: s, charge: c}.live()
	})
}
