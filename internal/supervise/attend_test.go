package supervise_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/supervise"
)

// kinds of events that tell of a component's attendance, and of what comes of it.
var ofCare = append([]event.Kind{event.ProbeFailed, event.HookFailed, event.Broken}, ofRuns...)

// rising is how long it takes in a scene until the first component runs.
const rising = 40 * time.Millisecond

// A patient is an image whose programs write into a log when they begin, and which
// signal the main one gets.
func (l *signalLog) patient(name string, main fake.Program, commands map[string]fake.Program) fake.Image {
	image := fake.Running(func(ctx context.Context, p fake.Process) int {
		l.add(name, "starts")
		heard := make(chan string, 1)
		signals := p.Signals
		p.Signals = heard
		ctx, end := context.WithCancel(ctx)
		var hearing sync.WaitGroup
		hearing.Go(func() { l.hear(ctx, name, signals, heard) })
		defer hearing.Wait()
		defer end()
		return main(ctx, p)
	})
	for command, program := range commands {
		image.Programs["/"+command] = func(ctx context.Context, p fake.Process) int {
			l.add(name, command)
			code := program(ctx, p)
			if ctx.Err() != nil {
				l.add(name, command+" killed")
			}
			return code
		}
	}
	return image
}

// hear passes signals on and notes them.
func (l *signalLog) hear(ctx context.Context, name string, from <-chan string, to chan<- string) {
	for {
		select {
		case signal := <-from:
			l.add(name, signal)
			select {
			case to <- signal:
			default: // it ignores them
			}
		case <-ctx.Done():
			return
		}
	}
}

// lasting is a program that takes a time to end with a code when it is asked to.
func lasting(linger time.Duration, code int) fake.Program {
	return func(ctx context.Context, p fake.Process) int {
		fake.UntilAsked(ctx, p)
		return fake.Exit(code, linger)(ctx, p)
	}
}

// spell is a command that goes as written, a letter for each time it is run: y for a
// success, n for a failure, - never ends. The last goes on for ever.
func spell(script string) fake.Program {
	var time atomic.Int64
	return func(ctx context.Context, p fake.Process) int {
		switch letter := script[min(int(time.Add(1)), len(script))-1]; letter {
		case 'y':
			return 0
		case '-':
			<-ctx.Done()
		}
		return 1
	}
}

// command is a probe that runs one.
func command(name string) *pod.Probe { return &pod.Probe{Exec: []string{"/" + name}} }

// hook is one that runs a command.
func hook(name string) []pod.Hook {
	return []pod.Hook{{Exec: &pod.Exec{Command: []string{"/" + name}}}}
}

func TestLivenessThatFailsRestartsThatComponentOnlyByItsPolicy(t *testing.T) {
	const begins = `
component started: pause
component started: db
component started: web
probe failed: web (liveness: exit code 1)
probe failed: web (liveness: exit code 1)
component broken: web (its liveness probe has failed)
probe failed: web (liveness: exit code 1)
`
	for name, test := range map[string]struct {
		why    string
		policy pod.Policy
		code   int // that it ends with when it is asked to
		exit   int // the pod's
		then   string
	}{
		"Always": {"it runs again, and everyone else goes on", pod.RestartAlways, 0, 0, `
component ended: web 0
component restarts: web (web was ended: its liveness probe has failed)
component started: web
pod stopping: 0 (asked to stop by SIGTERM)
component ended: db 0
component ended: web 0
pod ended: 0 (asked to stop by SIGTERM)
`},
		"OnFailure": {"it was killed, but has failed", pod.RestartOnFailure, 5, 0, `
component ended: web 5
component restarts: web (web was ended: its liveness probe has failed)
component started: web
pod stopping: 0 (asked to stop by SIGTERM)
component ended: db 0
component ended: web 5
pod ended: 0 (asked to stop by SIGTERM)
`},
		"OnFailureButWell": {"who ends well when killed has failed all the same, as with the kubelet", pod.RestartOnFailure, 0, 0, `
component ended: web 0
component restarts: web (web was ended: its liveness probe has failed)
component started: web
pod stopping: 0 (asked to stop by SIGTERM)
component ended: db 0
component ended: web 0
pod ended: 0 (asked to stop by SIGTERM)
`},
		"No": {"the pod ends as it did", pod.RestartNo, 5, 5, `
component ended: web 5
pod stopping: web 5 (web was ended: its liveness probe has failed)
component ended: db 0
pod ended: web 5 (web was ended: its liveness probe has failed)
`},
		"NoButWell": {"a pod that has lost what was broken has not succeeded", pod.RestartNo, 0, 1, `
component ended: web 0
pod stopping: web 1 (web was ended: its liveness probe has failed)
component ended: db 0
pod ended: web 1 (web was ended: its liveness probe has failed)
`},
	} {
		t.Run(name, func(t *testing.T) {
			web := restarted("web", "web", test.policy)
			web.Probes.Liveness = command("alive")
			play(t, []pod.Component{web, of("db", "slow")}, func(s *scene) {
				l := signalLog{began: time.Now().Add(rising)}
				s.AddImage("slow", fake.Running(slowly))
				s.AddImage("web", l.patient("web", lasting(time.Second, test.code), map[string]fake.Program{"alive": spell("yynnny")}))
				code, _ := s.runFor(time.Minute)
				s.exits(code, test.exit)
				s.happened(begins+strings.TrimLeft(test.then, "\n"), ofCare...)
			})
		})
	}
}

// The numbers are the kubelet's.
func TestALivenessProbesTimeoutKillsItsCommandAndIsAFailure(t *testing.T) {
	web := restarted("web", "web", pod.RestartAlways)
	web.Probes.Liveness = command("alive")
	play(t, []pod.Component{web}, func(s *scene) {
		l := signalLog{began: time.Now().Add(rising)}
		s.AddImage("web", l.patient("web", lasting(0, 0), map[string]fake.Program{"alive": spell("---y")}))
		code, _ := s.runFor(25 * time.Second)
		s.exits(code, 0)
		l.got(t,
			"0s web alive", "0s web starts", "1s web alive killed",
			"10s web alive", "11s web alive killed",
			"20s web alive", "21s web SIGTERM", "21s web alive killed",
			"21.03s web alive", "21.03s web starts",
			"24.96s web SIGTERM",
		)
		if want := "timed out after 1s"; !strings.Contains(s.history(event.ProbeFailed), want) {
			t.Errorf("nothing %s:\n%s", want, s.history(event.ProbeFailed))
		}
	})
}

func TestPreStopComesBeforeAKillAndNotWhereAComponentEndsByItself(t *testing.T) {
	for name, test := range map[string]struct {
		why   string
		main  fake.Program
		alive string
		want  []string
	}{
		"Killed": {"as with the kubelet", lasting(0, 0), "n", []string{
			"0s web SIGTERM", "0s web alive", "0s web bye", "0s web starts",
		}},
		"Ends": {"there is nobody to prepare", fake.Exit(1, 3*time.Second), "y", []string{
			"0s web alive", "0s web starts",
		}},
		"EndsWhileProbed": {"what is not there any more fails its probe, but is not killed for that", fake.Exit(1, time.Second/2), "-", []string{
			"0s web alive", "0s web starts", "505ms web alive killed",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			web := of("web", "web")
			web.Probes.Liveness, web.PreStop = command("alive"), hook("bye")
			web.Probes.Liveness.Failure = 1
			web.TerminationMessage = "/dev/termination-log"
			play(t, []pod.Component{web}, func(s *scene) {
				l := signalLog{began: time.Now().Add(rising + 10*time.Millisecond)} // what it mounts from has to be there before it is
				s.AddImage("web", l.patient("web", test.main, map[string]fake.Program{"alive": spell(test.alive), "bye": spell("y")}))
				s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
					if c.Op == "read" { // its last words, before its end is known to all
						time.Sleep(time.Second)
					}
					return usual(ctx, c, do)
				})
				s.run(s.Context())
				l.got(t, test.want...)
				if broken := s.history(event.Broken); (broken != "") != (name == "Killed") {
					t.Errorf("told %q: %s", broken, test.why)
				}
				s.happened("", event.HookFailed)
			})
		})
	}
}

// A paused component cannot be asked, and an engine under load may not kill in time.
func TestAProbeThatCannotBeMadeOrKilledIsTold(t *testing.T) {
	for name, test := range map[string]struct {
		why  string
		exec func(ctx context.Context) error
		want string
	}{
		"CannotBeMade": {"it says nothing of the component", func(context.Context) error { return errors.New("it is paused") }, `
cannot probe: web (liveness: cannot exec shop.1.podlike.web: it is paused)
`},
		"CannotBeKilled": {"its command goes on in there", func(ctx context.Context) error {
			<-ctx.Done()
			return errors.Join(context.Cause(ctx), engine.ErrLeft)
		}, `
cannot clean up: web (cannot exec shop.1.podlike.web: context deadline exceeded
some of it may still run)
probe failed: web (liveness: timed out after 1s)
`},
	} {
		t.Run(name, func(t *testing.T) {
			web := app("web")
			web.Probes.Liveness = command("alive")
			play(t, []pod.Component{web}, func(s *scene) {
				s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
					if c.Op == "exec" {
						return test.exec(ctx)
					}
					return usual(ctx, c, do)
				})
				code, _ := s.runFor(2 * time.Second)
				s.exits(code, 0)
				if got := "\n" + s.history(event.ProbeUnknown, event.ProbeFailed, event.CleanupFailed); got != test.want {
					t.Errorf("%s: told %s, want %s", test.why, got, test.want)
				}
			})
		})
	}
}

func TestAStartupProbeGatesTheOthersAndKillsWhenItFails(t *testing.T) {
	for name, test := range map[string]struct {
		why    string
		script string
		want   []string
		broken string
	}{
		"Passes": {"the others begin when it has", "nny", []string{
			"0s web began", "0s web starts", "10s web began", "20s web alive", "20s web began", "20s web ready",
			"30s web alive", "30s web ready", "34.96s web SIGTERM",
		}, ""},
		"Fails": {"three failures are enough", "nnny", []string{
			"0s web began", "0s web starts", "10s web began", "20s web SIGTERM", "20s web began",
			"20.03s web alive", "20.03s web began", "20.03s web ready", "20.03s web starts",
			"30.03s web alive", "30.03s web ready", "34.96s web SIGTERM",
		}, "component broken: web (its startup probe has failed)\n"},
	} {
		t.Run(name, func(t *testing.T) {
			web := restarted("web", "web", pod.RestartAlways)
			web.Probes = pod.Probes{Startup: command("began"), Liveness: command("alive"), Readiness: command("ready")}
			play(t, []pod.Component{web}, func(s *scene) {
				l := signalLog{began: time.Now().Add(rising)}
				s.AddImage("web", l.patient("web", lasting(0, 0), map[string]fake.Program{
					"began": spell(test.script), "alive": spell("y"), "ready": spell("y"),
				}))
				code, _ := s.runFor(35 * time.Second)
				s.exits(code, 0)
				l.got(t, test.want...)
				s.happened(test.broken, event.Broken)
			})
		})
	}
}

// That it was started is not enough for those who depend on it.
func TestDependantsWaitForHooksAndTheStartupProbe(t *testing.T) {
	for name, test := range map[string]struct {
		why  string
		care func(*pod.Component)
	}{
		"PostStart": {"it blocks dependants", func(c *pod.Component) { c.PostStart = []pod.Hook{{Sleep: 20 * time.Second}} }},
		"Startup":   {"what has not passed has not started", func(c *pod.Component) { c.Probes.Startup = command("began") }},
		"Both": {"the probe begins when the hook is done", func(c *pod.Component) {
			c.PostStart, c.Probes.Startup = []pod.Hook{{Sleep: 10 * time.Second}}, command("soon")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			db := of("db", "db")
			test.care(&db)
			play(t, []pod.Component{of("web", "web", started("db")), db}, func(s *scene) {
				l := signalLog{began: time.Now().Add(rising)}
				s.AddImage("db", l.patient("db", lasting(0, 0), map[string]fake.Program{"began": spell("nny"), "soon": spell("ny")}))
				s.AddImage("web", l.patient("web", fake.Exit(7, 0), nil))
				s.exits(s.run(s.Context()), 7)
				l.mu.Lock()
				defer l.mu.Unlock()
				for _, line := range l.lines {
					if line.what == "web starts" && line.at != 20*time.Second+25*time.Millisecond {
						t.Errorf("it started after %v: %s", line.at, test.why)
					}
				}
			})
		})
	}
}

func TestWhatDoesNotBeginInItsTimeEndsThePod(t *testing.T) {
	db := of("db", "db")
	db.Probes.Startup, db.StartTimeout = command("began"), 5*time.Second
	db.Probes.Startup.Failure = 100
	play(t, []pod.Component{app("web", started("db")), db}, func(s *scene) {
		l := signalLog{began: time.Now().Add(rising)}
		s.AddImage("db", l.patient("db", lasting(0, 0), map[string]fake.Program{"began": spell("n")}))
		s.exits(s.run(s.Context()), 1)
		l.got(t, "0s db began", "0s db starts", "5s db SIGTERM")
		if got, want := s.last().Why, "cannot go on with db: it has taken longer than its start timeout of 5s"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
	})
}

func TestAPostStartHookThatFailsKills(t *testing.T) {
	for name, test := range map[string]struct {
		why    string
		policy pod.Policy
		exit   int
		then   string
	}{
		"Always": {"the next run has another try", pod.RestartAlways, 0, `
component ended: web 3
component restarts: web (web was ended: its post_start hook has failed)
component started: web
component started: db
pod running:
pod stopping: 0 (asked to stop by SIGTERM)
component ended: db 0
component ended: web 3
pod ended: 0 (asked to stop by SIGTERM)
`},
		"No": {"the pod ends as the component did", pod.RestartNo, 3, `
component ended: web 3
pod stopping: web 3 (web was ended: its post_start hook has failed)
pod ended: web 3 (web was ended: its post_start hook has failed)
`},
	} {
		t.Run(name, func(t *testing.T) {
			web := restarted("web", "web", test.policy)
			web.PostStart, web.Probes.Liveness = append([]pod.Hook{{Sleep: time.Second}}, hook("greet")...), command("alive")
			play(t, []pod.Component{web, of("db", "slow", started("web"))}, func(s *scene) {
				l := signalLog{began: time.Now().Add(rising)}
				s.AddImage("slow", fake.Running(slowly))
				s.AddImage("web", l.patient("web", lasting(time.Second, 3), map[string]fake.Program{"greet": spell("ny"), "alive": spell("y")}))
				code, _ := s.runFor(5 * time.Second)
				s.exits(code, test.exit)
				s.happened(`
component started: pause
component started: web
component broken: web (its post_start hook has failed)
hook failed: web (post_start: cannot run /greet: exit code 1)
`+strings.TrimLeft(test.then, "\n"), append(ofCare, event.Running)...)
				if test.policy == pod.RestartNo {
					l.got(t, "0s web starts", "1s web SIGTERM", "1s web greet")
				} else {
					l.got(t, "0s web starts", "1s web SIGTERM", "1s web greet", "2.03s web starts", "3.03s web alive", "3.03s web greet", "5.96s web SIGTERM")
				}
			})
		})
	}
}

// A hook is part of a run, and of a pod that comes up.
func TestAPostStartHookEndsWithItsReason(t *testing.T) {
	for name, test := range map[string]struct {
		why  string
		main fake.Program
		stop time.Duration
		code int
		want []string
	}{
		"Died":    {"there is nobody left", fake.Exit(4, 2*time.Second), time.Hour, 4, []string{"0s web greet", "0s web starts", "2s web greet killed"}},
		"Stopped": {"nobody is going to be greeted", lasting(2*time.Second, 0), 2 * time.Second, 0, []string{"0s web greet", "0s web starts", "1.96s web SIGTERM", "1.96s web greet killed"}},
	} {
		t.Run(name, func(t *testing.T) {
			web := of("web", "web")
			web.PostStart = hook("greet")
			play(t, []pod.Component{web}, func(s *scene) {
				l := signalLog{began: time.Now().Add(rising)}
				s.AddImage("web", l.patient("web", test.main, map[string]fake.Program{"greet": spell("-")}))
				code, _ := s.runFor(test.stop)
				s.exits(code, test.code)
				l.got(t, test.want...)
				s.happened("", event.HookFailed, event.Broken)
			})
		})
	}
}

func TestReadinessGatesThePodsFirstHealthyAndCountsLaterOnlyIfAsked(t *testing.T) {
	for name, test := range map[string]struct {
		why     string
		unready pod.Unready
		want    []lifecycle.Health
	}{
		"Ignored": {"Swarm would kill it", pod.IgnoreUnready, []lifecycle.Health{"starting", "starting", "healthy", "healthy", "healthy"}},
		"Counts":  {"its user wants that", pod.UnreadyCounts, []lifecycle.Health{"starting", "starting", "healthy", "unhealthy", "healthy"}},
	} {
		t.Run(name, func(t *testing.T) {
			db := of("db", "db")
			db.Probes.Readiness = command("ready")
			play(t, []pod.Component{of("web", "web", healthy("db")), db}, func(s *scene) {
				l := signalLog{began: time.Now().Add(rising)}
				s.pod.Unready = test.unready
				s.AddImage("db", l.patient("db", lasting(0, 0), map[string]fake.Program{"ready": spell("nnynnny")}))
				s.AddImage("web", l.patient("web", lasting(0, 0), nil))
				var got []lifecycle.Health
				var looking sync.WaitGroup
				s.ready = func(r *supervise.Supervisor) {
					looking.Go(func() {
						for _, at := range []int{5, 10, 10, 30, 10} { // on the way to 65 s
							time.Sleep(time.Duration(at) * time.Second)
							synctest.Wait()
							got = append(got, r.Health())
						}
					})
				}
				code, _ := s.runFor(66 * time.Second)
				looking.Wait()
				s.exits(code, 0)
				if diff := cmp.Diff(test.want, got); diff != "" {
					t.Errorf("%s:\n%s", test.why, diff)
				}
				l.got(t, "0s db ready", "0s db starts", "10s db ready", "20s db ready", "20.025s web starts", "30s db ready", "40s db ready",
					"50s db ready", "1m0s db ready", "1m5.96s db SIGTERM", "1m5.96s web SIGTERM")
				if failed := strings.Count(s.history(event.ProbeFailed), "probe failed: db (readiness: exit code 1)\n"); failed != 5 {
					t.Errorf("told of %d failures, want 5", failed)
				}
			})
		})
	}
}

// A run knows nothing of the one before.
func TestARestartedComponentIsNotReadyUntilItSaysSo(t *testing.T) {
	web := restarted("web", "web", pod.RestartAlways)
	web.Probes.Readiness = command("ready")
	play(t, []pod.Component{web, app("db")}, func(s *scene) {
		l := signalLog{began: time.Now().Add(rising)}
		s.pod.Unready = pod.UnreadyCounts
		s.AddImage("web", l.patient("web", runs(5*time.Second, 1), map[string]fake.Program{"ready": spell("yny")}))
		var got []string
		var looking sync.WaitGroup
		s.ready = func(r *supervise.Supervisor) {
			looking.Go(func() {
				for range 3 {
					time.Sleep(4 * time.Second)
					synctest.Wait()
					for _, c := range r.Status().Components {
						if c.Name == "web" {
							got = append(got, fmt.Sprint(r.Health(), " ", c.Ready, " ", c.Restarts))
						}
					}
					time.Sleep(2 * time.Second)
				}
			})
		}
		code, _ := s.runFor(19 * time.Second)
		looking.Wait()
		s.exits(code, 0)
		if diff := cmp.Diff([]string{"healthy true 0", "unhealthy false 1", "healthy true 1"}, got); diff != "" {
			t.Error(diff)
		}
	})
}

// Whoever asks still wants to know who can answer; but nothing is restarted any more.
func TestWhileThePodGoesDownOnlyReadinessGoesOn(t *testing.T) {
	often := func(name string) *pod.Probe { p := command(name); p.Period, p.Failure = time.Second, 1; return p }
	web, db := restarted("web", "web", pod.RestartAlways), restarted("db", "db", pod.RestartAlways)
	web.Probes = pod.Probes{Liveness: often("alive"), Readiness: often("ready")}
	db.Probes = pod.Probes{Startup: often("began"), Readiness: often("ready")}
	db.Probes.Startup.Failure = 4
	play(t, []pod.Component{web, db}, func(s *scene) {
		l := signalLog{began: time.Now().Add(rising)}
		s.AddImage("web", l.patient("web", lasting(3*time.Second, 0), map[string]fake.Program{"alive": spell("yyn"), "ready": spell("yyn")}))
		s.AddImage("db", l.patient("db", lasting(3*time.Second, 0), map[string]fake.Program{"began": spell("n"), "ready": spell("y")}))
		code, _ := s.runFor(2 * time.Second)
		s.exits(code, 0)
		l.got(t,
			"0s db began", "0s db starts", "0s web alive", "0s web ready", "0s web starts",
			"1s db began", "1s web alive", "1s web ready",
			"1.96s db SIGTERM", "1.96s web SIGTERM",
			"2s web ready", "3s web ready", "4s web ready",
		)
		s.happened("", event.Broken, event.Restarting)
	})
}

// Many take a second signal for "now".
func TestNobodyIsAskedTwiceToEnd(t *testing.T) {
	on := started("db")
	on.Restart = true
	for name, test := range map[string]struct {
		why      string
		db       fake.Program
		stop     time.Duration
		restarts int
		want     []string
	}{
		"Dependency": {"it is recycled while it is being killed", runs(2*time.Second, 1), 20 * time.Second, 1, []string{"web SIGTERM", "web SIGTERM"}},
		"Twice":      {"what it depends on begins anew again and again", runs(time.Second, 1, 1, 1), 20 * time.Second, 1, []string{"web SIGTERM", "web SIGTERM"}},
		"Pod":        {"the pod goes down", fake.UntilAsked, 3 * time.Second, 0, []string{"web SIGTERM"}},
		"All":        {"all restart", runs(3*time.Second, 42), 20 * time.Second, 1, []string{"web SIGTERM", "web SIGTERM"}},
	} {
		t.Run(name, func(t *testing.T) {
			web := of("web", "web", on)
			web.Restart.Policy = pod.RestartAlways
			web.Probes.Liveness = command("alive")
			web.Probes.Liveness.Failure, web.Probes.Liveness.InitialDelay = 1, time.Second+500*time.Millisecond
			db := restarted("db", "db", pod.RestartAlways)
			db.Restart.Rules = []pod.Rule{{Action: pod.RuleRestartAll, Codes: []int{42}}}
			play(t, []pod.Component{web, db}, func(s *scene) {
				l := signalLog{began: time.Now().Add(rising)}
				s.pod.Backoff = pod.Backoff{First: 100 * time.Millisecond, Cap: time.Second}
				s.AddImage("db", fake.Running(test.db))
				s.AddImage("web", l.patient("web", lasting(4*time.Second, 0), map[string]fake.Program{"alive": spell("ny")}))
				code, _ := s.runFor(test.stop)
				s.exits(code, 0)
				var signals []string
				l.mu.Lock()
				defer l.mu.Unlock()
				for _, line := range l.lines {
					if strings.Contains(line.what, "SIG") {
						signals = append(signals, line.what)
					}
				}
				if diff := cmp.Diff(test.want, signals); diff != "" {
					t.Errorf("%s:\n%s\n%s", test.why, diff, s.history(ofCare...))
				}
				if got := strings.Count(s.history(event.Started), "component started: web"); got != 1+test.restarts {
					t.Errorf("%d runs, want %d: %s", got, 1+test.restarts, test.why)
				}
			})
		})
	}
}

func TestAKillIsOverWhenTheComponentsGraceIs(t *testing.T) {
	for name, test := range map[string]struct {
		why  string
		bye  string
		want []string
	}{
		"Stubborn":    {"it is asked, and then killed", "y", []string{"0s web SIGTERM", "0s web alive", "0s web bye", "0s web starts", "5.03s web alive", "5.03s web starts"}},
		"Preparation": {"it never ends, so it ends with the component, which has two more seconds", "-", []string{"0s web alive", "0s web bye", "0s web starts", "5s web SIGTERM", "7s web bye killed", "7.03s web alive", "7.03s web starts"}},
	} {
		t.Run(name, func(t *testing.T) {
			web := restarted("web", "web", pod.RestartAlways)
			web.Probes.Liveness, web.PreStop, web.StopGrace = command("alive"), hook("bye"), 5*time.Second
			web.Probes.Liveness.Failure = 1
			play(t, []pod.Component{web}, func(s *scene) {
				l := signalLog{began: time.Now().Add(rising)}
				var run atomic.Int64
				s.AddImage("web", l.patient("web", func(ctx context.Context, p fake.Process) int {
					if run.Add(1) == 1 {
						return fake.Stubborn(ctx, p)
					}
					return fake.Exit(0, time.Second/2)(ctx, p)
				}, map[string]fake.Program{"alive": spell("ny"), "bye": spell(test.bye)}))
				code, _ := s.runFor(8 * time.Second)
				s.exits(code, 0)
				l.got(t, test.want...)
				s.happened("component ended: web 137\ncomponent ended: web 0\n", event.Died)
			})
		})
	}
}
