package supervise_test

import (
	"context"
	"flag"
	"fmt"
	"os"
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
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/status"
	"github.com/podlike/podlike/internal/supervise"
)

var update = flag.Bool("update", false, "write the golden file anew")

// looks runs the pod and shows how it is after each of the times, and when it is over.
// It is asked to stop after a time, if that is not zero.
func (s *scene) looks(stop time.Duration, at ...time.Duration) string {
	s.Helper()
	var text strings.Builder
	var looking sync.WaitGroup
	var of *supervise.Supervisor
	s.ready = func(r *supervise.Supervisor) {
		of = r
		began := time.Now()
		looking.Go(func() {
			for _, d := range at {
				time.Sleep(d - time.Since(began))
				synctest.Wait()
				text.WriteString(shown(r.Status(), d.String()))
			}
		})
	}
	if stop > 0 {
		s.runFor(stop)
	} else {
		s.run(s.Context())
	}
	looking.Wait()
	text.WriteString(shown(of.Status(), "over"))
	return text.String()
}

// shown is a pod for people who compare: each condition with when it came to be so,
// each component with its flags, its state and its last one.
func shown(p status.Pod, when string) string {
	var text strings.Builder
	since := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.Sub(p.Started).String()
	}
	fmt.Fprintf(&text, "%s: %s %s", when, p.Phase, p.Health)
	if !p.Stopping.IsZero() {
		fmt.Fprintf(&text, ", stopping since %s: %s", since(p.Stopping), p.Message)
	}
	text.WriteString("\n ")
	for _, c := range p.Conditions {
		fmt.Fprintf(&text, " %s %v %s", short[c.Type], c.Status, since(c.Since))
		if c.Reason+c.Message != "" {
			fmt.Fprintf(&text, " (%s)", strings.TrimSuffix(c.Reason+": "+c.Message, ": "))
		}
	}
	text.WriteString("\n")
	for _, c := range p.Components {
		fmt.Fprintf(&text, "  %s:", c.Name)
		if c.Role != status.Main {
			text.WriteString(" " + string(c.Role))
		}
		switch {
		case c.Ready:
			text.WriteString(" ready")
		case c.Started:
			text.WriteString(" begun")
		}
		if c.Restarts > 0 {
			fmt.Fprintf(&text, " x%d", c.Restarts)
		}
		text.WriteString(" " + state(c.State, since))
		if last := state(c.Last, since); last != "nothing" {
			text.WriteString("; last " + last)
		}
		text.WriteString("\n")
	}
	return text.String()
}

// short are the names of conditions.
var short = map[status.ConditionType]string{
	status.PodReadyToStartContainers: "held", status.Initialized: "init", status.ContainersReady: "containers", status.Ready: "ready", status.EngineReachable: "engine",
}

// state is a component's state on a line.
func state(s status.State, since func(time.Time) string) string {
	var text string
	switch {
	case s.Waiting != nil:
		text = s.Waiting.Reason + ": " + s.Waiting.Message
	case s.Running != nil && s.Running.Stopping:
		text = "stopping, runs since " + since(s.Running.Since) + ": " + s.Running.Message
	case s.Running != nil:
		text = "runs since " + since(s.Running.Since) + ": " + s.Running.Message
	case s.Terminated != nil:
		t := s.Terminated
		text = fmt.Sprintf("%s %d signal %d %s-%s: %s", t.Reason, t.Code, t.Signal, since(t.Started), since(t.Finished), t.Message)
	default:
		return "nothing"
	}
	return strings.TrimSuffix(text, ": ")
}

// A life is a pod's that is looked at, after each of some times.
type life struct {
	name, why  string
	components []pod.Component
	prepare    func(s *scene)
	stop       time.Duration
	at         []time.Duration
}

// only has a scene have an image that runs a program.
func only(image string, p fake.Program) func(*scene) {
	return func(s *scene) { s.AddImage(image, fake.Running(p)) }
}

// starves is a program that the kernel kills for lack of memory, a while after its start.
func starves(after time.Duration) fake.Program {
	return func(ctx context.Context, p fake.Process) int {
		_ = clock.Sleep(ctx, after)
		p.Starve()
		return 137
	}
}

// limited is a component that may use only so much memory.
func limited(c pod.Component) pod.Component {
	c.Resources.Memory = 1 << 20
	return c
}

// probed is an image whose command /check fails up to a time after the first start of
// one of its containers, and from another on.
func probed(passes, fails time.Duration) func(*scene) {
	return func(s *scene) {
		var first atomic.Int64
		app := fake.Running(func(ctx context.Context, p fake.Process) int {
			first.CompareAndSwap(0, time.Now().UnixNano())
			return fake.UntilAsked(ctx, p)
		})
		app.Programs["/check"] = func(context.Context, fake.Process) int {
			if age := time.Since(time.Unix(0, first.Load())); age >= passes && age < fails {
				return 0
			}
			return 1
		}
		s.AddImage("probed", app)
	}
}

// check is a probe by that command, every second.
func check(failure int) *pod.Probe {
	return &pod.Probe{Exec: []string{"/check"}, Period: time.Second, Timeout: time.Second, Success: 1, Failure: failure}
}

const s = time.Second

func livesLookedAt() []life {
	ready := of("web", "probed")
	ready.Probes.Readiness = check(1)
	alive := restarted("web", "probed", pod.RestartAlways)
	alive.Probes.Liveness = check(3)
	begins := sidecar("proxy", "probed")
	begins.Probes.Startup = check(100)
	unready := restarted("web", "probed", pod.RestartOnFailure)
	unready.Probes.Readiness = check(1)
	unready.Probes.Readiness.InitialDelay = 700 * time.Millisecond
	prepares := alive
	prepares.PreStop = []pod.Hook{{Sleep: time.Second}}
	greets := ready
	greets.PostStart, greets.Probes.Startup = []pod.Hook{{Sleep: time.Second}}, check(100)
	all := of("web", "asks")
	all.Restart.Rules = []pod.Rule{{Action: pod.RuleRestartAll, Codes: []int{42}}}
	again := started("db")
	again.Restart = true
	without := pod.Dependency{Name: "db", Condition: pod.Completed, Optional: true}
	aside := of("db", "fails")
	aside.NonEssential = true
	missing := app("web")
	missing.Entrypoint = []string{"/nope"}
	return []life{
		{"Pull", "an image that is not there is fetched", []pod.Component{of("web", "far"), app("db")}, func(s *scene) {
			far := fake.Running(fake.UntilAsked)
			far.PullTime = 12 * time.Second
			s.AddRemote("far", far)
		}, 20 * s, []time.Duration{0, s, 4 * s, 15 * s}},
		{"Outage", "a registry that cannot answer is asked again", []pod.Component{of("web", "far")}, func(s *scene) {
			s.AddRemote("far", fake.Running(fake.UntilAsked))
			var tries atomic.Int64
			s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
				if c.Op == "pull" && tries.Add(1) < 3 {
					return fmt.Errorf("registry: %w", engine.ErrUnavailable)
				}
				return usual(ctx, c, do)
			})
		}, 5 * s, []time.Duration{s / 2, 2 * s, 4 * s}},
		{"Dependency", "one waits for the health of another", []pod.Component{app("web", healthy("db"), started("log")), of("db", "well"), app("log")},
			func(s *scene) { s.AddImage("well", checked(well(3*time.Second))) }, 10 * s, []time.Duration{s, 4 * s}},
		{"Optional", "who can do without waits for what can still be", []pod.Component{app("web", without), aside}, only("fails", fake.Exit(3, s)),
			5 * s, []time.Duration{s / 2, 2 * s}},
		{"Init", "init components and sidecars come first", []pod.Component{app("web")}, func(s *scene) {
			s.AddImage("soon", fake.Running(fake.Exit(0, 2*time.Second)))
			probed(3*time.Second, time.Hour)(s)
			s.initial(of("init-1", "soon"), begins, of("init-2", "soon"))
		}, 10 * s, []time.Duration{s, 4 * s, 6 * s, 9 * s}},
		{"Ready", "one is ready from 3 s to 6 s", []pod.Component{ready, app("db")}, probed(3*s, 6*s), 10 * s, []time.Duration{2 * s, 5 * s, 8 * s}},
		{"Greeting", "hooks, the startup probe and the readiness probe come in turn", []pod.Component{greets}, probed(2*s, 5*s),
			8 * s, []time.Duration{s / 2, s + s/2, 4 * s, 7 * s}},
		{"Check", "its own check decides", []pod.Component{of("web", "well")},
			func(s *scene) { s.AddImage("well", checked(well(3*time.Second))) }, 6 * s, []time.Duration{s, 4 * s}},
		{"Crash", "it fails, and its policy restarts it", []pod.Component{restarted("web", "fails", pod.RestartOnFailure), app("db")},
			only("fails", runs(time.Second, 3, 4)), 30 * s, []time.Duration{s / 2, 3 * s / 2, 5 * s, 20 * s}},
		{"Unready", "it is not ready again because the run before was", []pod.Component{unready}, func(s *scene) {
			app := fake.Running(runs(2*time.Second, 5))
			app.Programs["/check"] = fake.Exit(0, 0)
			s.AddImage("probed", app)
		}, 10 * s, []time.Duration{s, 2*s + s/2, 4 * s}},
		{"Starved", "the kernel kills what wants too much", []pod.Component{limited(restarted("web", "eats", pod.RestartOnFailure))},
			only("eats", starves(s)), 20 * s, []time.Duration{3 * s}},
		{"Broken", "its liveness probe fails three times from 5 s on", []pod.Component{alive, app("db")}, probed(0, 5*s), 9 * s, []time.Duration{4 * s, 8*s + s/2}},
		{"Prepares", "what is broken takes its time to end", []pod.Component{prepares}, probed(0, 5*s), 9 * s, []time.Duration{7*s + s/2}},
		{"Again", "who depends on a restart begins anew, in no back-off", []pod.Component{of("web", "slow", again), restarted("db", "flaky", pod.RestartOnFailure)}, func(s *scene) {
			s.AddImage("slow", fake.Running(slowly))
			s.AddImage("flaky", fake.Running(runs(time.Second, 1)))
		}, 10 * s, []time.Duration{3 * s / 2, 5 * s}},
		{"Stop", "one after the other goes when the pod does", []pod.Component{of("web", "slow", started("db")), of("db", "slow")}, func(s *scene) {
			s.AddImage("slow", fake.Running(slowly))
			s.initial(sidecar("proxy", "slow"))
		}, 2 * s, []time.Duration{2*s + s/2, 3*s + s/2, 4*s + s/2}},
		{"Succeeded", "all have completed", []pod.Component{restarted("web", "works", pod.RestartOnFailure), restarted("job", "long", pod.RestartOnFailure)}, func(s *scene) {
			s.AddImage("slow", fake.Running(slowly))
			s.AddImage("works", fake.Running(fake.Exit(0, time.Second)))
			s.AddImage("long", fake.Running(fake.Exit(0, 3*time.Second)))
			s.initial(sidecar("proxy", "slow"))
		}, 0, []time.Duration{2 * s, 3*s + s/2}},
		{"Failed", "one has ended the pod", []pod.Component{of("web", "fails"), app("db")}, only("fails", fake.Exit(7, s)), 0, []time.Duration{s / 2}},
		{"NeverStarted", "one could not be started, and another not any more", []pod.Component{missing, app("db", started("web"))}, func(*scene) {}, 0, nil},
		{"All", "one has all restart", []pod.Component{all, of("db", "slow")}, func(s *scene) {
			s.AddImage("slow", fake.Running(slowly))
			s.AddImage("soon", fake.Running(fake.Exit(0, time.Second)))
			s.AddImage("asks", fake.Running(runs(time.Second, 42)))
			s.initial(of("init-1", "soon"))
		}, 10 * s, []time.Duration{2*s + s/2, 3*s + s/2, 6 * s}},
		{"AllInit", "one has all restart before others have run at all", []pod.Component{app("web")}, func(s *scene) {
			s.AddImage("asks", fake.Running(runs(time.Second, 42, 0)))
			first := of("init-1", "asks")
			first.Restart.Rules = all.Restart.Rules
			s.initial(first)
		}, 10 * s, []time.Duration{6 * s}},
		{"AllAgain", "one has all restart twice", []pod.Component{all, of("db", "slow")}, func(s *scene) {
			s.AddImage("slow", fake.Running(slowly))
			s.AddImage("asks", fake.Running(runs(time.Second, 42, 42)))
		}, 20 * s, []time.Duration{3*s + s/2, 6 * s, 18 * s}},
	}
}

func TestAPodIsShownAtEveryMomentOfItsLife(t *testing.T) {
	var got strings.Builder
	for _, l := range livesLookedAt() {
		play(t, l.components, func(s *scene) {
			l.prepare(s)
			fmt.Fprintf(&got, "# %s: %s\n%s\n", l.name, l.why, s.looks(l.stop, l.at...))
		})
	}
	const golden = "testdata/status.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", golden, diff)
	}
}

// All of a status is compared once.
func TestAStatusHasAllThereIsToKnow(t *testing.T) {
	play(t, []pod.Component{restarted("web", "fails", pod.RestartOnFailure)}, func(s *scene) {
		s.AddImage("fails", fake.Running(func(ctx context.Context, p fake.Process) int {
			fmt.Fprintln(p.Stdout, "one\ntwo")
			return fake.Exit(130, time.Second)(ctx, p)
		}))
		began := time.Now()
		at := func(ms time.Duration) time.Time { return began.Add(ms * time.Millisecond) }
		var got status.Pod
		var id string
		var looking sync.WaitGroup
		s.ready = func(r *supervise.Supervisor) {
			looking.Go(func() {
				time.Sleep(3 * time.Second / 2)
				got = r.Status()
				web, err := s.Inspect(s.Context(), s.name("web"))
				if err != nil {
					t.Error(err)
				}
				id = string(web.ID)
			})
		}
		s.runFor(2 * time.Second)
		looking.Wait()
		want := status.Pod{
			Name: s.owner.Name, ID: s.owner.ID, Phase: status.Running, Health: "healthy", Started: at(0),
			Conditions: []status.Condition{
				{Type: status.PodReadyToStartContainers, Status: true, Since: at(25)}, {Type: status.Initialized, Status: true, Since: at(0)},
				{Type: status.ContainersReady, Status: true, Since: at(1070)}, {Type: status.Ready, Status: true, Since: at(1070)},
				{Type: status.EngineReachable, Status: true, Since: at(0)},
			},
			Components: []status.Component{{
				Name: "web", Role: status.Main, Image: "fails", Container: id, Ready: true, Started: true, Restarts: 1,
				State: status.State{Running: &status.StateRunning{Since: at(1070)}},
				Last: status.State{Terminated: &status.StateTerminated{
					Code: 130, Signal: 2, Reason: status.Error, Message: "one\ntwo", Started: at(40), Finished: at(1040), Last: []string{"one", "two"},
				}},
			}},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

// says is a program that writes a termination message, unless that is empty, and some
// output, and ends with a code.
func says(message, output string, code int) fake.Program {
	return func(_ context.Context, p fake.Process) int {
		if message != "" {
			p.Write(messagePath, message)
		}
		fmt.Fprint(p.Stdout, output)
		return code
	}
}

const messagePath = "/dev/termination-log"

func TestATerminationMessageIsWhatAComponentSaysOfItsEnd(t *testing.T) {
	numbered := func(from, to int) string {
		var lines []string
		for i := from; i <= to; i++ {
			lines = append(lines, fmt.Sprintf("%03d", i))
		}
		return strings.Join(lines, "\n")
	}
	long := strings.Repeat("x", 1000) + strings.Repeat("y", 4096)
	wide := strings.Repeat(strings.Repeat("x", 99)+"\n", 50)
	for name, test := range map[string]struct {
		why             string
		message, output string
		code, others    int
		want            string
	}{
		"File":         {"the file says it", "disk full", "bye", 3, 0, "disk full"},
		"Success":      {"of a success, too", "all copied", "bye", 0, 0, "all copied"},
		"Output":       {"who fails and says nothing has said something before", "", "a\nb\n", 3, 0, "a\nb"},
		"NoOutput":     {"who succeeds has nothing to explain", "", "a\nb\n", 0, 0, ""},
		"Silence":      {"there may be nothing to say", "", "", 3, 0, ""},
		"LongFile":     {"4096 bytes at most, the last ones", long, "", 3, 0, long[1000:]},
		"LongSuccess":  {"whatever the code", long, "", 0, 0, long[1000:]},
		"FileOfSeven":  {"12 KiB for all together", long, "", 3, 6, long[len(long)-12288/7:]},
		"ManyLines":    {"80 lines at most, the last ones", "", numbered(1, 100), 3, 0, numbered(21, 100)},
		"WideLines":    {"2048 bytes at most, the last ones", "", wide, 3, 0, wide[len(wide)-1-2048 : len(wide)-1]},
		"OutputOfMany": {"12 KiB for all together, whatever it is", "", wide, 3, 11, wide[len(wide)-1-1024 : len(wide)-1]},
		"Letters":      {"a letter is not cut in two", strings.Repeat("ä", 3000) + "x", "", 3, 0, strings.Repeat("ä", 2047) + "x"},
		"Bytes":        {"what is no text is left out", "a\xffb", "", 3, 0, "ab"},
	} {
		t.Run(name, func(t *testing.T) {
			web := of("web", "says")
			web.TerminationMessage = messagePath
			components := []pod.Component{web}
			for i := range test.others {
				components = append(components, app(fmt.Sprint("app-", i)))
			}
			play(t, components, func(s *scene) {
				s.AddImage("says", fake.Running(says(test.message, test.output, test.code)))
				var of *supervise.Supervisor
				s.ready = func(r *supervise.Supervisor) { of = r }
				s.exits(s.run(s.Context()), test.code)
				for place, got := range map[string]string{
					"the last record": s.last().Ends[test.others].Message, "the status": of.Status().Components[test.others].State.Terminated.Message,
				} {
					if diff := cmp.Diff(test.want, got); diff != "" {
						t.Errorf("%s, in %s:\n%s", test.why, place, diff)
					}
				}
			})
		})
	}
}

// A message that was not taken away would be taken for that of each run to come.
func TestATerminationMessageIsOfOneRunOnly(t *testing.T) {
	all := []pod.Rule{{Action: pod.RuleRestartAll, Codes: []int{42}}}
	for name, test := range map[string]struct {
		why   string
		rules []pod.Rule
		kind  event.Kind
	}{
		"Restart": {"a component is restarted", nil, event.Restarting},
		"All":     {"all are", all, event.RestartingAll},
	} {
		t.Run(name, func(t *testing.T) {
			web := restarted("web", "says", pod.RestartOnFailure)
			web.TerminationMessage, web.Restart.Max, web.Restart.Rules = messagePath, 1, test.rules
			play(t, []pod.Component{web}, func(s *scene) {
				var run atomic.Int64
				s.AddImage("says", fake.Running(func(ctx context.Context, p fake.Process) int {
					if run.Add(1) == 1 {
						return says("the first", "", 42)(ctx, p)
					}
					return says("", "the second", 7)(ctx, p)
				}))
				var of *supervise.Supervisor
				s.ready = func(r *supervise.Supervisor) { of = r }
				s.exits(s.run(s.Context()), 7)
				got := of.Status().Components[0]
				if now, last := got.State.Terminated.Message, got.Last.Terminated.Message; now != "the second" || last != "the first" {
					t.Errorf("the last run says %q, the one before %q: %s", now, last, test.why)
				}
				if !strings.Contains(s.history(test.kind), "web") {
					t.Errorf("history:\n%s", s.history())
				}
			})
		})
	}
}

// lateSigns is an engine whose signs are late.
type lateSigns struct {
	engine.Engine
	by time.Duration
}

func (e lateSigns) Watch(ctx context.Context, labels map[string]string, tell func(engine.Sign)) error {
	return e.Engine.Watch(ctx, labels, func(s engine.Sign) {
		time.Sleep(e.by)
		tell(s)
	})
}

func TestALackOfMemoryIsToldFromOtherEnds(t *testing.T) {
	dies := fake.Exit(137, s)
	for name, test := range map[string]struct {
		why     string
		program fake.Program
		limited bool
		late    time.Duration // how late the engine's signs are
		counts  []int64       // what the kernel says before and after; nil: nothing
		stop    time.Duration
		want    string
	}{
		"Sign":      {"the engine says so", starves(s), true, 0, nil, 0, status.OOMKilled},
		"LateSign":  {"the engine says so when it has told the end to those who wait", starves(s), true, s, nil, 0, status.OOMKilled},
		"NoSign":    {"an engine under load says nothing, and the kernel does", dies, true, 0, []int64{5, 6}, 0, status.OOMKilled},
		"Killed":    {"somebody has killed it", dies, true, 0, []int64{5, 5}, 0, status.Error},
		"Unknown":   {"nobody says anything", dies, true, 0, nil, 0, status.Error},
		"Other":     {"what has no limit was not it", dies, false, 0, []int64{5, 6}, 0, status.Error},
		"Asked":     {"we have killed it", fake.Stubborn, true, 0, []int64{5, 6}, s, status.Error},
		"Child":     {"it has failed for want of what it had started", starvesAChild(1), true, 0, nil, 0, status.OOMKilled},
		"WellChild": {"it could do without", starvesAChild(0), true, 0, nil, 0, status.Completed},
	} {
		t.Run(name, func(t *testing.T) {
			web := of("web", "eats")
			if test.limited {
				web = limited(web)
			}
			play(t, []pod.Component{web}, func(s *scene) {
				s.AddImage("eats", fake.Running(test.program))
				s.with = func(c *supervise.Config) {
					c.Engine = lateSigns{s.Engine, test.late}
					if test.counts != nil {
						began := time.Now()
						c.OOMKills = func() (int64, bool) { return test.counts[min(int(time.Since(began)/time.Second), 1)], true }
					}
				}
				s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
					if test.late > 0 && c.Op == "inspect" && c.Name == s.name("web") {
						return engine.ErrNotFound // it is removed as soon as it has ended
					}
					return usual(ctx, c, do)
				})
				if test.stop > 0 {
					s.runFor(test.stop)
				} else {
					s.run(s.Context())
				}
				got := s.last()
				if got.Ends[0].Reason != test.want || strings.Contains(got.Why, "for lack of memory") != (test.want == status.OOMKilled) {
					t.Errorf("it ended with %s (%s), want %s: %s", got.Ends[0].Reason, got.Why, test.want, test.why)
				}
			})
		})
	}
}

// starvesAChild is a program that loses what it has started, and ends with a code.
func starvesAChild(code int) fake.Program {
	return func(ctx context.Context, p fake.Process) int {
		p.Starve()
		return fake.Exit(code, time.Second)(ctx, p)
	}
}
