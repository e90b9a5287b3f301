package status

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/state"
)

// epoch is when the pods of these tests begin.
var epoch = time.Unix(1e9, 0).UTC()

func since(after time.Duration) time.Time { return epoch.Add(after) }

// aPod has an init component, a sidecar and web, which depends on db.
func aPod() pod.Pod {
	return pod.Complete(pod.Pod{
		Init: []pod.Component{{Name: "init-1", Image: "init"}, {Name: "log", Image: "log", Sidecar: true}},
		Components: []pod.Component{
			{Name: "db", Image: "db", Restart: pod.Restart{Policy: pod.RestartAlways}},
			{Name: "web", Image: "web", DependsOn: []pod.Dependency{{Name: "db", Condition: pod.Started}}},
		},
	})
}

// A knower changes what is known of a pod.
type knower func(p *state.Pod)

// known is what is known of a pod after some changes.
func known(p pod.Pod, changes ...knower) state.Pod {
	k := state.New(p, epoch)
	for _, change := range changes {
		change(&k)
		k.Settle()
	}
	return k
}

// runs has components run, each as ready as it can be.
func runs(names ...string) knower {
	return func(p *state.Pod) {
		p.PauseRuns = true
		for _, name := range names {
			c := p.Component(name)
			c.State, c.WasStarted, c.Started, c.Ready, c.PostStartDone, c.Since = lifecycle.Running, true, true, true, true, since(time.Second)
		}
	}
}

// is has a component be in a state, after an end if that is not NotEnded.
func is(name string, s lifecycle.State, end state.Ending) knower {
	return func(p *state.Pod) {
		c := p.Component(name)
		c.State, c.Completed = s, s == lifecycle.Done
		if end != state.NotEnded {
			c.NoteEnd(end)
		}
	}
}

// ended is an end with a code, a minute after its start.
func ended(code int) state.Ending {
	return state.Ending{Code: code, Started: since(time.Second), Finished: since(time.Minute)}
}

func outage(p *state.Pod) {
	p.Outage = state.Outage{Since: since(time.Minute), Why: "connection refused"}
}

func TestConditionsSayWhoIsInTheWay(t *testing.T) {
	allUp := runs("log", "db", "web")
	for name, test := range map[string]struct {
		why   string
		known []knower
		want  map[ConditionType]string // what is not fulfilled: reason and message
	}{
		"Beginning": {"nothing is there", nil, map[ConditionType]string{
			PodReadyToStartContainers: ": ", Initialized: "ContainersNotInitialized: init-1, log",
			ContainersReady: "ContainersNotReady: log, db, web", Ready: "ContainersNotReady: log, db, web",
		}},
		"Up": {"all is well", []knower{is("init-1", lifecycle.Done, ended(0)), allUp}, map[ConditionType]string{}},
		"Unready": {"one is not ready",
			[]knower{is("init-1", lifecycle.Done, ended(0)), allUp, func(p *state.Pod) { p.Component("db").Ready = false }},
			map[ConditionType]string{ContainersReady: "ContainersNotReady: db", Ready: "ContainersNotReady: db"}},
		"Completed": {"who is done keeps nobody from being ready",
			[]knower{is("init-1", lifecycle.Done, ended(0)), runs("log", "web"), is("db", lifecycle.Done, ended(0))}, map[ConditionType]string{}},
		"Falling": {"it is not ready any more, though all are",
			[]knower{is("init-1", lifecycle.Done, ended(0)), allUp, func(p *state.Pod) { p.Phase = lifecycle.Falling }}, map[ConditionType]string{Ready: ": "}},
		"Succeeded": {"nothing is left", []knower{allUp, func(p *state.Pod) { p.Phase = lifecycle.Succeeded }}, map[ConditionType]string{
			PodReadyToStartContainers: ": ", ContainersReady: "PodCompleted: ", Ready: "PodCompleted: ",
		}},
		"Failed": {"nothing is left", []knower{allUp, func(p *state.Pod) { p.Phase = lifecycle.Failed }}, map[ConditionType]string{
			PodReadyToStartContainers: ": ", ContainersReady: "PodFailed: ", Ready: "PodFailed: ",
		}},
		"Outage": {"what was known last stays",
			[]knower{is("init-1", lifecycle.Done, ended(0)), allUp, outage}, map[ConditionType]string{EngineReachable: "EngineUnreachable: connection refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[ConditionType]string{}
			for _, c := range Conditions(known(aPod(), test.known...), nil, since(time.Hour)) {
				if !c.Status {
					got[c.Type] = c.Reason + ": " + c.Message
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

// times are since when each condition is as it is, after the pod's begin.
func times(all []Condition) map[ConditionType]time.Duration {
	got := map[ConditionType]time.Duration{}
	for _, c := range all {
		got[c.Type] = c.Since.Sub(epoch)
	}
	return got
}

func TestAConditionKeepsItsTimeAsLongAsItIsAsItWas(t *testing.T) {
	const m = time.Minute
	ready := []knower{is("init-1", lifecycle.Done, ended(0)), runs("log", "db", "web")}
	unready := slices.Concat(ready, []knower{func(p *state.Pod) { p.Component("db").Ready = false }})
	other := slices.Concat(unready, []knower{func(p *state.Pod) { p.Component("web").Ready = false }})
	back := func(p *state.Pod) { p.Answering = since(5*m + m/2) }
	var now []Condition
	for minute, step := range []struct {
		why   string
		known []knower
		want  map[ConditionType]time.Duration
	}{
		{"at the beginning",
			nil, map[ConditionType]time.Duration{PodReadyToStartContainers: 0, Initialized: 0, ContainersReady: 0, Ready: 0, EngineReachable: 0}},
		{"it has come up",
			ready, map[ConditionType]time.Duration{PodReadyToStartContainers: m, Initialized: m, ContainersReady: m, Ready: m, EngineReachable: 0}},
		{"nothing has changed",
			ready, map[ConditionType]time.Duration{PodReadyToStartContainers: m, Initialized: m, ContainersReady: m, Ready: m, EngineReachable: 0}},
		{"db is not ready",
			unready, map[ConditionType]time.Duration{PodReadyToStartContainers: m, Initialized: m, ContainersReady: 3 * m, Ready: 3 * m, EngineReachable: 0}},
		{"web neither, which changes the message only",
			other, map[ConditionType]time.Duration{PodReadyToStartContainers: m, Initialized: m, ContainersReady: 3 * m, Ready: 3 * m, EngineReachable: 0}},
		{"the engine is away since before that was known",
			slices.Concat(other, []knower{outage}),
			map[ConditionType]time.Duration{PodReadyToStartContainers: m, Initialized: m, ContainersReady: 3 * m, Ready: 3 * m, EngineReachable: m}},
		{"it is back",
			slices.Concat(other, []knower{back}),
			map[ConditionType]time.Duration{PodReadyToStartContainers: m, Initialized: m, ContainersReady: 3 * m, Ready: 3 * m, EngineReachable: 5*m + m/2}},
	} {
		now = Conditions(known(aPod(), step.known...), now, since(time.Duration(minute)*m))
		if diff := cmp.Diff(step.want, times(now)); diff != "" {
			t.Errorf("%s:\n%s", step.why, diff)
		}
	}
}

func TestWhereAComponentIsIsShownInKubernetesWords(t *testing.T) {
	initDone := is("init-1", lifecycle.Done, ended(0))
	waits := func(s lifecycle.State, delay, left time.Duration) knower {
		return func(p *state.Pod) {
			c := p.Component("db")
			c.State, c.Delay, c.Due = s, delay, since(time.Hour+left)
		}
	}
	lacking := func(do func(c *state.Component)) []knower {
		return []knower{initDone, runs("log", "db"), func(p *state.Pod) { do(p.Component("db")) }}
	}
	running := func(message string, stopping bool) State {
		return State{Running: &StateRunning{Since: since(time.Second), Message: message, Stopping: stopping}}
	}
	for name, test := range map[string]struct {
		why   string
		of    string
		known []knower
		want  State
	}{
		"Init":      {"those before it are not done", "db", nil, waiting(PodInitializing, "")},
		"Pulling":   {"its image comes", "db", []knower{func(p *state.Pod) { p.Pulling["db"] = "half of it" }}, waiting(ImagePull, "half of it")},
		"DependsOn": {"db has not started", "web", []knower{initDone, runs("log")}, waiting(DependsOn, "until db has started")},
		"Creating":  {"it is its turn", "web", []knower{initDone, runs("log", "db")}, waiting(ContainerCreating, "")},
		"BackOff": {"it fails again and again",
			"db", []knower{initDone, runs("log"), waits(lifecycle.Waiting, 20*time.Second, 5*time.Second)}, waiting(CrashLoopBackOff, "back-off 20s, 5s left")},
		"Overdue": {"there is no negative time",
			"db", []knower{initDone, runs("log"), waits(lifecycle.Waiting, 20*time.Second, -5*time.Second)}, waiting(CrashLoopBackOff, "back-off 20s, 0s left")},
		"Again": {"it is restarted at once", "db", []knower{initDone, runs("log"), waits(lifecycle.Waiting, 0, 0)}, waiting(ContainerCreating, "")},
		"All":   {"all restart", "db", []knower{waits(lifecycle.Cleared, 0, 0)}, waiting(PodInitializing, "all components restart")},
		"AllLater": {"all restart later",
			"db", []knower{waits(lifecycle.Cleared, 10*time.Second, 4*time.Second)}, waiting(CrashLoopBackOff, "all components restart: back-off 10s, 4s left")},
		"Running": {"it lacks nothing", "db", []knower{initDone, runs("log", "db")}, running("", false)},
		"Hooks": {"its hooks run",
			"db", lacking(func(c *state.Component) { c.PostStartDone, c.Started = false, false }), running("its post_start hooks are not over", false)},
		"Startup": {"a probe has yet to pass",
			"db", lacking(func(c *state.Component) { c.Started = false }), running("its startup probe has not passed yet", false)},
		"Unready": {"a probe fails",
			"db", lacking(func(c *state.Component) { c.Ready, c.Missed = false, "exit code 1" }), running("its readiness probe fails: exit code 1", false)},
		"Unhealthy": {"its check fails",
			"db", lacking(func(c *state.Component) { c.Checked, c.Health = true, lifecycle.Unhealthy }), running("its health check says unhealthy", false)},
		"UnhealthyFor": {"its check fails, and it is known why",
			"db", lacking(func(c *state.Component) {
				c.Checked, c.Health, c.WhyUnhealthy = true, lifecycle.Unhealthy, "exit code 3: db is locked"
			}),
			running("its health check says unhealthy: exit code 3: db is locked", false)},
		"Unchecked": {"its check has said nothing yet",
			"db", lacking(func(c *state.Component) { c.Checked = true }), running("its health check says starting", false)},
		"Broken": {"it is asked to end",
			"db", lacking(func(c *state.Component) { c.State, c.Broken = lifecycle.Ending, "its liveness probe has failed" }),
			running("its liveness probe has failed", true)},
		"Stopping": {"it goes with the pod", "db", lacking(func(c *state.Component) { c.State = lifecycle.Stopping }), running("", true)},
		"Never":    {"it never will, and nobody says why", "db", []knower{is("db", lifecycle.Stopped, state.NotEnded)}, State{}},
		"Done":     {"it has", "db", []knower{is("db", lifecycle.Done, ended(0))}, ends(0, 0, Completed, "")},
		"Failed":   {"it has failed", "db", []knower{is("db", lifecycle.Exited, ended(3))}, ends(3, 0, Error, "")},
		"Killed":   {"by a signal", "db", []knower{is("db", lifecycle.Exited, ended(137))}, ends(137, 9, Error, "")},
		"Starved": {"the engine says so",
			"db", []knower{is("db", lifecycle.Exited, with(ended(137), func(e *state.Ending) { e.OOM = state.OOM{Sure: state.OOMKilled} }))}, ends(137, 9, OOMKilled, "")},
		"Guessed": {"the kernel's count says so",
			"db", []knower{is("db", lifecycle.Exited, with(ended(137), func(e *state.Ending) { e.OOM = state.OOM{Sure: state.OOMGuess} }))}, ends(137, 9, OOMKilled, guessed)},
		"GuessedToo": {"and it has said something",
			"db", []knower{is("db", lifecycle.Exited, with(ended(137), func(e *state.Ending) { e.OOM, e.Message = state.OOM{Sure: state.OOMGuess}, "ouch" }))},
			ends(137, 9, OOMKilled, guessed+"\nouch")},
		"StarvedWell": {"it could do without what was killed",
			"db", []knower{is("db", lifecycle.Done, with(ended(0), func(e *state.Ending) { e.OOM = state.OOM{Sure: state.OOMKilled} }))}, ends(0, 0, Completed, "")},
		"WasUnhealthy": {"its end may be no wonder",
			"db", []knower{func(p *state.Pod) { p.Component("db").WhyUnhealthy = "exit code 3: db is locked" }, is("db", lifecycle.Exited, ended(3))},
			ailing(ends(3, 0, Error, ""), "exit code 3: db is locked")},
		"Unlearned": {"nobody knows its end",
			"db", []knower{is("db", lifecycle.Exited, with(ended(-1), func(e *state.Ending) { e.Why = "its end was not seen" }))},
			ends(-1, 0, Error, "its end was not seen")},
	} {
		t.Run(name, func(t *testing.T) {
			p := aPod()
			shown := View(p, pod.Owner{}, known(p, test.known...), nil, since(time.Hour))
			for _, c := range shown.Components {
				if c.Name == test.of {
					if diff := cmp.Diff(test.want, c.State); diff != "" {
						t.Errorf("%s:\n%s", test.why, diff)
					}
				}
			}
			if len(shown.Components) != 4 {
				t.Errorf("%d components are shown", len(shown.Components))
			}
		})
	}
}

// ends is how an end is shown that ended makes.
func ends(code, signal int, reason, message string) State {
	return State{Terminated: &StateTerminated{
		Code: code, Signal: signal, Reason: reason, Message: message, Started: since(time.Second), Finished: since(time.Minute),
	}}
}

// ailing is an end of what was unhealthy.
func ailing(s State, why string) State {
	s.Terminated.Unhealthy = why
	return s
}

// with is an ending that is changed.
func with(e state.Ending, do func(*state.Ending)) state.Ending {
	do(&e)
	return e
}

func TestAViewHasWhatIsKnownOfThePod(t *testing.T) {
	p := aPod()
	k := known(p, is("init-1", lifecycle.Done, ended(0)), runs("log", "db", "web"), is("db", lifecycle.Waiting, ended(3)), func(k *state.Pod) {
		k.Phase, k.Falling, k.Why = lifecycle.Falling, since(time.Minute), "asked to stop"
		k.Component("db").Container, k.Component("db").Life.Restarts = "id", 4
	})
	conditions := Conditions(k, nil, since(time.Minute))
	got := View(p, pod.Owner{ID: "owner", Name: "shop.1"}, k, conditions, since(time.Hour))
	if got.Name != "shop.1" || got.ID != "owner" || got.Phase != Running || got.Message != "asked to stop" ||
		!got.Started.Equal(epoch) || !got.Stopping.Equal(since(time.Minute)) || !cmp.Equal(got.Conditions, conditions) {
		t.Errorf("the pod is shown as %+v", got)
	}
	init, db := got.Components[0], got.Components[2]
	if init.Role != Init || !init.Ready || got.Components[1].Role != Sidecar {
		t.Errorf("what is initial is shown as %+v and %+v", init, got.Components[1])
	}
	if db.Container != "id" || db.Restarts != 4 || db.Image != "db" || db.Ready || db.Last.Terminated == nil || db.Last.Terminated.Code != 3 {
		t.Errorf("db is shown as %+v", db)
	}
}

func TestThePhaseFollowsThePod(t *testing.T) {
	for name, test := range map[string]struct {
		why   string
		known []knower
		want  Phase
	}{
		"Beginning": {"nothing has started", nil, Pending},
		"InitOnly":  {"only what is initial has", []knower{runs("log")}, Pending},
		"Main":      {"one has started", []knower{runs("db")}, Running},
		"Again":     {"it was running once, though all restart", []knower{runs("db"), func(p *state.Pod) { p.Component("db").WasStarted = false }}, Running},
		"Falling":   {"it still runs", []knower{runs("db"), func(p *state.Pod) { p.Phase = lifecycle.Falling }}, Running},
		"Succeeded": {"its code is 0", []knower{runs("db"), func(p *state.Pod) { p.Phase = lifecycle.Succeeded }}, Succeeded},
		"Failed":    {"its code is not", []knower{func(p *state.Pod) { p.Phase = lifecycle.Failed }}, Failed},
	} {
		t.Run(name, func(t *testing.T) {
			if got := View(aPod(), pod.Owner{}, known(aPod(), test.known...), nil, epoch).Phase; got != test.want {
				t.Errorf("%s, want %s: %s", got, test.want, test.why)
			}
		})
	}
}
