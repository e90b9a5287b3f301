package supervise_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// A signalLog is who got which signal when.
type signalLog struct {
	mu    sync.Mutex
	began time.Time
	lines []logLine
}

// A logLine is what happened to a component, and how long after the beginning.
type logLine struct {
	at   time.Duration
	what string
}

func (l logLine) String() string { return fmt.Sprint(l.at, " ", l.what) }

func (l *signalLog) add(name, what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, logLine{time.Since(l.began), name + " " + what})
}

// image is one of a program that writes its signal and its end into the log. From
// one to the other it takes a time.
func (l *signalLog) image(name string, linger time.Duration) fake.Image {
	return fake.Running(func(ctx context.Context, p fake.Process) int {
		select {
		case signal := <-p.Signals:
			l.add(name, signal)
		case <-ctx.Done():
			l.add(name, "killed")
			return 0
		}
		if linger == 0 {
			return 0
		}
		if clock.Sleep(ctx, linger) != nil {
			l.add(name, "killed")
			return 0
		}
		l.add(name, "ended")
		return 0
	})
}

// got compares the log; what was at the same time is in the order of its letters.
func (l *signalLog) got(t *testing.T, want ...string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	slices.SortFunc(l.lines, func(a, b logLine) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.what, b.what))
	})
	if got := fmt.Sprint(l.lines); got != fmt.Sprint(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// stopping plays a pod of components that each take a time to end, asks it to stop
// and returns the log from then on.
func stopping(t *testing.T, grace time.Duration, linger map[string]time.Duration, components ...pod.Component) *signalLog {
	t.Helper()
	l := &signalLog{}
	for i := range components {
		components[i].Image = components[i].Name
	}
	play(t, components, func(s *scene) {
		s.pod.Grace = grace
		for _, c := range components {
			s.AddImage(c.Name, l.image(c.Name, linger[c.Name]))
		}
		l.began = time.Now().Add(time.Minute)
		code, took := s.runFor(time.Minute)
		s.exits(code, 0)
		if took > grace {
			t.Errorf("it took %v of %v", took, grace)
		}
		for _, end := range s.last().Ends {
			if end.Code < 0 {
				t.Errorf("the end of %s was not learned", end.Component)
			}
		}
	})
	return l
}

func TestDependantsStopFirst(t *testing.T) {
	second := time.Second
	l := stopping(t, 20*second, map[string]time.Duration{"web": second, "cache": 2 * second},
		app("web", started("cache"), started("db")), app("cache", started("db")), app("db"), app("log"))
	l.got(t, "0s log SIGTERM", "0s web SIGTERM", "1s cache SIGTERM", "1s web ended", "3s cache ended", "3s db SIGTERM")
}

func TestWhoIgnoresItsSignalIsKilledWhenItsGraceIsOver(t *testing.T) {
	web := app("web")
	web.StopGrace = 3 * time.Second
	l := stopping(t, 20*time.Second, map[string]time.Duration{"web": time.Hour}, web, app("db"))
	l.got(t, "0s db SIGTERM", "0s web SIGTERM", "3s web killed")
}

func TestThePodsBudgetEndsEveryGrace(t *testing.T) {
	web := app("web")
	web.StopGrace = time.Hour
	budget := plan.Within(6 * time.Second)
	l := stopping(t, 6*time.Second, map[string]time.Duration{"web": time.Hour}, web)
	l.got(t, "0s web SIGTERM", fmt.Sprint(budget.Kill, " web killed"))
}

func TestWhoWaitsForItsDependantsIsAskedInTime(t *testing.T) {
	web := app("web", started("db"))
	web.StopGrace = time.Hour
	budget := plan.Within(10 * time.Second)
	l := stopping(t, 10*time.Second, map[string]time.Duration{"web": time.Hour, "db": time.Second}, web, app("db"))
	l.got(t, "0s web SIGTERM", fmt.Sprint(budget.Ask, " db SIGTERM"), fmt.Sprint(budget.Ask+time.Second, " db ended"),
		fmt.Sprint(budget.Kill, " web killed"))
}

func TestAStopSignalIsTheComponentsOwn(t *testing.T) {
	web := app("web")
	web.StopSignal = "SIGQUIT"
	stopping(t, 10*time.Second, nil, web).got(t, "0s web SIGQUIT")
}

// leftovers of a pod are what its owner has made.
func (s *scene) leftovers(owner pod.Owner) {
	s.Helper()
	labels := owner.Labels(pod.RoleComponent)
	labels[pod.LabelComponent] = "web"
	scratch := engine.Mount{Type: engine.VolumeMount, Source: "scratch-" + owner.Name, Target: "/s", Labels: owner.Labels(pod.RoleScratch)}
	data := engine.Mount{Type: engine.VolumeMount, Source: "data-" + owner.Name, Target: "/d", Labels: owner.Labels(pod.RoleData)}
	pause, _, err := s.Create(s.Context(), engine.Container{Name: owner.PauseName(), Image: "stubborn", Labels: owner.Labels(pod.RolePause)})
	if err := errors.Join(err, s.Start(s.Context(), pause)); err != nil {
		s.Fatal(err)
	}
	web, _, err := s.Create(s.Context(), engine.Container{
		Name: owner.ContainerName("web"), Image: "logs", Labels: labels, PID: pause, Mounts: []engine.Mount{scratch, data},
	})
	if err := errors.Join(err, s.Start(s.Context(), web)); err != nil {
		s.Fatal(err)
	}
}

// dies kills the supervisor of a pod.
func (s *scene) dies(owner pod.Owner) {
	s.Helper()
	if err := s.Remove(s.Context(), engine.ID(owner.ID)); err != nil {
		s.Fatal(err)
	}
}

func TestASweepRemovesWhatADeadSupervisorLeft(t *testing.T) {
	for name, test := range map[string]struct {
		why           string
		name, service string // of the one before
		dead          bool
		swept         bool
	}{
		"SameService":  {"the task before us has died", "shop.1.before", "service", true, true},
		"Alive":        {"another replica on this node", "shop.2", "service", false, false},
		"OtherService": {"who is dead sweeps nothing", "other.1", "other", true, true},
		"NoService":    {"someone's docker run of another name", "single", "", true, true},
		"OtherAlive":   {"somebody else's, who lives", "other.1", "other", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, []pod.Component{app("web")}, func(s *scene) {
				var l signalLog
				s.AddImage("logs", l.image("before", 0))
				before := s.supervisor(test.name, test.service)
				s.leftovers(before)
				if test.dead {
					s.dies(before)
				}
				code, _ := s.runFor(5 * time.Minute) // pause runs, so it is left to end its pod by itself at first
				s.exits(code, 0)
				left, err := s.List(s.Context(), map[string]string{pod.LabelOwner: before.ID})
				if err != nil || (len(left) == 0) != test.swept {
					t.Errorf("left %v, %v: %s", left, err, test.why)
				}
				if _, err := s.Volume(s.Context(), "scratch-"+before.Name); (err != nil) != test.swept {
					t.Errorf("scratch volume: %v: %s", err, test.why)
				}
				if _, err := s.Volume(s.Context(), "data-"+before.Name); err != nil {
					t.Errorf("data is the user's: %v", err)
				}
				if asked := len(l.lines) == 1 && l.lines[0].what == "before SIGTERM"; asked != test.swept {
					t.Errorf("leftover web was told %q: %s", l.lines, test.why)
				}
			})
		})
	}
}

func TestWhatAnEarlierLifeOfTheSameContainerLeftIsSwept(t *testing.T) {
	play(t, []pod.Component{app("web")}, func(s *scene) {
		var l signalLog
		s.AddImage("logs", l.image("before", 0))
		s.leftovers(s.owner)
		code, _ := s.runFor(time.Minute)
		s.exits(code, 0)
		if !strings.Contains(s.history(event.Swept), "left from an earlier life") {
			t.Errorf("history:\n%s", s.history())
		}
	})
}

// What the engine has made without telling is found by its labels.
func TestAContainerWhoseCreateWasNeverAnsweredIsRemoved(t *testing.T) {
	play(t, []pod.Component{app("web"), app("db")}, func(s *scene) {
		s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
			if c == (fake.Call{Op: "create", Name: s.name("web")}) {
				return errors.Join(do(), errors.New("connection reset"))
			}
			return usual(ctx, c, do)
		})
		s.exits(s.run(s.Context()), 125)
	})
}

// A pod's normal life with a fault at one of its calls, whichever it is: it always
// ends, and leaves nothing behind. That a fault did no harm is for it to know.
func TestNoFaultOfTheEngineLeavesAnythingBehind(t *testing.T) {
	// If the pod was going down, or has them again.
	harmless := []string{"signal", "list containers", "list volumes", "list past signs", "remove", "watch", "inspect"}
	fault := errors.New("engine on fire")
	for n := 1; ; n++ {
		var failed fake.Call
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			play(t, []pod.Component{of("web", "ends", healthy("db")), of("db", "well")}, func(s *scene) {
				s.AddImage("ends", fake.Running(fake.Exit(0, time.Second)))
				s.AddImage("well", checked(well(time.Second)))
				var mu sync.Mutex
				calls := 0
				s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
					mu.Lock()
					calls++
					mine := calls == n
					mu.Unlock()
					if mine {
						failed = c
						return fault
					}
					return usual(ctx, c, do)
				})
				code, _ := s.runFor(time.Hour)
				ran := s.history(event.Running) != ""
				if failed != (fake.Call{}) && code == 0 && !(ran && slices.ContainsFunc(harmless, func(op string) bool { return strings.HasPrefix(failed.String(), op) })) {
					t.Errorf("exit code 0 though %q failed; history:\n%s", failed, s.history())
				}
				s.exits(code, code)
			})
		})
		if failed == (fake.Call{}) {
			if n < 20 {
				t.Errorf("only %d calls in a pod's life", n-1)
			}
			return
		}
	}
}

func TestWhoIsInAHurryGetsNoGrace(t *testing.T) {
	play(t, []pod.Component{of("web", "stubborn", started("db")), app("db")}, func(s *scene) {
		hurry := make(chan struct{})
		s.hurry = hurry
		time.AfterFunc(time.Minute+2*time.Second, func() { close(hurry) })
		code, took := s.runFor(time.Minute)
		s.exits(code, 0)
		if took < 2*time.Second || took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}
