package state_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/backoff"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/probe"
	"github.com/podlike/podlike/internal/state"
)

// epoch is when everything in these tests begins.
var epoch = time.Unix(1e9, 0)

// at is a while after that.
func at(after time.Duration) time.Time { return epoch.Add(after) }

// webOf is the one component of a pod, as it is at the beginning.
func webOf(c pod.Component) *state.Component {
	c.Name = "web"
	p := state.New(pod.Pod{Components: []pod.Component{c}}, epoch)
	return p.Component("web")
}

// onFailure is a component that is restarted when it has failed.
func onFailure() pod.Component {
	return pod.Component{Restart: pod.Restart{Policy: pod.RestartOnFailure}}
}

// happen moves a component on by several events.
func happen(c *state.Component, kinds ...lifecycle.Kind) {
	for _, kind := range kinds {
		c.Happened(lifecycle.Event{Kind: kind, Code: 1})
	}
}

// oneRun is what happens to a component from the making of its container to its end.
var oneRun = []lifecycle.Kind{lifecycle.WasCreated, lifecycle.StartAsked, lifecycle.WasStarted, lifecycle.Died}

func TestARestartIsCountedWhenItIsDue(t *testing.T) {
	ours := lifecycle.Event{Kind: lifecycle.StartFailed, Code: engine.FaultCode, Ours: true}
	for name, test := range map[string]struct {
		why  string
		do   func(c *state.Component)
		want int
		is   lifecycle.State
	}{
		"FirstRun": {"it is none", func(c *state.Component) { happen(c, oneRun[:3]...) }, 0, lifecycle.Running},
		"Waiting":  {"it may never come to it", func(c *state.Component) { happen(c, oneRun...) }, 0, lifecycle.Waiting},
		"Due": {"it comes to it now", func(c *state.Component) {
			happen(c, oneRun...)
			happen(c, lifecycle.Due)
		}, 1, lifecycle.Pending},
		"Asked": {"the pod goes down before", func(c *state.Component) {
			happen(c, oneRun...)
			happen(c, lifecycle.StopAsked, lifecycle.Due)
		}, 0, lifecycle.Stopped},
		"OurFault": {"the same restart is tried again", func(c *state.Component) {
			happen(c, oneRun...)
			happen(c, lifecycle.Due)
			for range 3 {
				c.OurFault = true
				c.Happened(ours)
				happen(c, lifecycle.Due)
			}
		}, 1, lifecycle.Pending},
		"AfterOurFault": {"the next end is its own again", func(c *state.Component) {
			happen(c, oneRun...)
			happen(c, lifecycle.Due)
			c.OurFault = true
			c.Happened(ours)
			happen(c, lifecycle.Due)
			happen(c, oneRun...)
			happen(c, lifecycle.Due)
		}, 2, lifecycle.Pending},
		"All": {"it ran before all restart", func(c *state.Component) {
			happen(c, oneRun...)
			c.NoteEnd(state.Ending{Code: 1})
			happen(c, lifecycle.ClearAsked, lifecycle.Reset)
		}, 1, lifecycle.Pending},
		"AllButNotYet": {"it had not run when all restarted", func(c *state.Component) {
			happen(c, lifecycle.WasCreated, lifecycle.ClearAsked, lifecycle.Reset)
		}, 0, lifecycle.Pending},
	} {
		t.Run(name, func(t *testing.T) {
			c := webOf(onFailure())
			test.do(c)
			if c.Life.Restarts != test.want || c.State != test.is {
				t.Errorf("%d restarts and %s, want %d and %s: %s", c.Life.Restarts, c.State, test.want, test.is, test.why)
			}
		})
	}
}

// Failures of ours use no retries up.
func TestAFailureOfOursIsNotOneOfTheTriesThatItsUserGrants(t *testing.T) {
	web := onFailure()
	web.Restart.Max = 1
	c := webOf(web)
	happen(c, oneRun...)
	happen(c, lifecycle.Due)
	for n := range 5 {
		c.OurFault = true
		if action := c.Happened(lifecycle.Event{Kind: lifecycle.StartFailed, Code: engine.FaultCode, Ours: true}); action != lifecycle.Restart {
			t.Fatalf("failure %d is followed by %q", n, action)
		}
		happen(c, lifecycle.Due)
	}
	happen(c, oneRun[:3]...)
	if action := c.Happened(lifecycle.Event{Kind: lifecycle.Died, Code: 1}); action != lifecycle.Fail {
		t.Errorf("its own failure, when its tries are used up, is followed by %q", action)
	}
}

func TestACompletedComponentStaysSoWhenThePodGoesDown(t *testing.T) {
	for name, test := range map[string]struct {
		why  string
		code int
		then []lifecycle.Kind
		want bool
	}{
		"Done":    {"it has done what it had to", 0, nil, true},
		"Down":    {"and has when the pod goes down", 0, []lifecycle.Kind{lifecycle.StopAsked}, true},
		"Failed":  {"it waits for its restart", 1, nil, false},
		"Stopped": {"it was stopped before it was done", 1, []lifecycle.Kind{lifecycle.StopAsked}, false},
		"Again":   {"all restart, so it begins anew", 0, []lifecycle.Kind{lifecycle.ClearAsked, lifecycle.Reset}, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := webOf(onFailure())
			happen(c, oneRun[:3]...)
			c.Happened(lifecycle.Event{Kind: lifecycle.Died, Code: test.code})
			happen(c, test.then...)
			if c.Completed != test.want {
				t.Errorf("completed: %t, want %t: %s", c.Completed, test.want, test.why)
			}
		})
	}
}

func TestTheBackOffIsForgottenAfterACalm(t *testing.T) {
	policy := backoff.Restarts{First: 10 * time.Second, Cap: 25 * time.Second}
	c := webOf(onFailure())
	var delays []time.Duration
	fails := func(lasted time.Duration) {
		c.NoteEnd(state.Ending{Code: 1, Started: epoch, Finished: at(lasted)})
		delays = append(delays, c.BackOff(policy, at(lasted)))
		if due := at(lasted + c.Delay); !c.Due.Equal(due) || c.Delay != delays[len(delays)-1] {
			t.Errorf("due %v after %v, want %v", c.Due.Sub(epoch), c.Delay, due.Sub(epoch))
		}
	}
	for _, lasted := range []time.Duration{time.Second, time.Second, 0, 0, backoff.Calm - 1, backoff.Calm, time.Second} {
		fails(lasted)
	}
	c.NoteEnd(state.Ending{Code: 125, Finished: at(time.Hour)}) // it has not run at all, so it was no calm
	delays = append(delays, c.BackOff(policy, at(time.Hour)))
	const s = time.Second
	if diff := cmp.Diff([]time.Duration{0, 10 * s, 20 * s, 25 * s, 25 * s, 0, 10 * s, 20 * s}, delays); diff != "" {
		t.Error(diff)
	}
}

func TestTheEndBeforeTheLastIsKept(t *testing.T) {
	c := webOf(onFailure())
	if c.Ended != state.NotEnded || c.Before != state.NotEnded {
		t.Errorf("it begins with %+v and %+v", c.Ended, c.Before)
	}
	c.NoteEnd(state.Ending{Code: 1})
	if c.Before != state.NotEnded {
		t.Errorf("before its first end there was %+v", c.Before)
	}
	c.NoteEnd(state.Ending{Code: 2})
	if c.Ended.Code != 2 || c.Before.Code != 1 {
		t.Errorf("%+v came before %+v", c.Before, c.Ended)
	}
}

// What one run was is not to show in the next.
func TestARunBeginsAnew(t *testing.T) {
	probed := onFailure()
	probed.Probes = pod.Probes{Readiness: &pod.Probe{}, Startup: &pod.Probe{}}
	greeted := onFailure()
	greeted.PostStart = []pod.Hook{{}}
	for name, test := range map[string]struct {
		why                   string
		of                    pod.Component
		started, ready, hooks bool
	}{
		"Plain":  {"there is nothing to wait for", onFailure(), true, true, true},
		"Probed": {"its probes have to pass", probed, false, false, true},
		"Hooked": {"its hooks have to be over", greeted, false, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := webOf(test.of)
			c.NoteCreated("one", 1, true)
			happen(c, lifecycle.StartAsked)
			c.NoteStarted(test.of, at(time.Second))
			c.Broken, c.Missed, c.Started, c.Ready, c.PostStartDone, c.Health = "ill", "no", true, true, true, lifecycle.Healthy
			happen(c, lifecycle.Died, lifecycle.Due)
			c.NoteCreated("two", 2, false)
			if c.Container != "two" || c.Run != 2 || c.Checked || c.Health != "" || c.State != lifecycle.Created {
				t.Errorf("created as %+v", c)
			}
			happen(c, lifecycle.StartAsked)
			c.NoteStarted(test.of, at(time.Minute))
			if c.State != lifecycle.Running || !c.WasStarted || !c.Since.Equal(at(time.Minute)) || c.Broken+c.Missed != "" {
				t.Errorf("started as %+v", c)
			}
			if c.Started != test.started || c.Ready != test.ready || c.PostStartDone != test.hooks {
				t.Errorf("%s: started %t, ready %t, hooks over %t", test.why, c.Started, c.Ready, c.PostStartDone)
			}
		})
	}
}

// One that is asked to end need not pass its check any more, and what is known of a run's
// health is of that run.
func TestWhyACheckSaysNoIsKnownAsLongAsItDoes(t *testing.T) {
	const locked = "exit code 3: db is locked"
	ill := func(c *state.Component) { c.NoteHealth(lifecycle.Unhealthy) }
	known := func(c *state.Component) { c.NoteWhyUnhealthy(locked) }
	for name, test := range map[string]struct {
		why      string
		is       lifecycle.State
		happens  []func(*state.Component)
		says     string
		examined bool
	}{
		"Asked":    {"the engine has yet to say why", lifecycle.Running, []func(*state.Component){ill}, "", true},
		"Starting": {"its start has not returned", lifecycle.Starting, []func(*state.Component){ill}, "", true},
		"Known":    {"it has said why", lifecycle.Running, []func(*state.Component){ill, known}, locked, false},
		"Late":     {"it is well by now", lifecycle.Running, []func(*state.Component){ill, func(c *state.Component) { c.NoteHealth(lifecycle.Healthy) }, known}, "", false},
		"Well":     {"it is well again", lifecycle.Running, []func(*state.Component){ill, known, func(c *state.Component) { c.NoteHealth(lifecycle.Healthy) }}, "", false},
		"Stopping": {"it is asked to end", lifecycle.Stopping, []func(*state.Component){ill, known}, "", false},
		"Ending":   {"it is broken anyway", lifecycle.Ending, []func(*state.Component){ill, known}, "", false},
		"NextRun":  {"that is of the run before", lifecycle.Running, []func(*state.Component){ill, known, func(c *state.Component) { c.NoteCreated("two", 2, true) }}, "", false},
		"NextAsks": {"so is who asks", lifecycle.Running, []func(*state.Component){ill, func(c *state.Component) { c.NoteCreated("two", 2, true) }}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			c := webOf(onFailure())
			c.State = test.is
			for _, do := range test.happens {
				do(c)
			}
			if c.WhyUnhealthy != test.says || c.Examined != test.examined {
				t.Errorf("it is unhealthy because of %q and is examined: %t; want %q, %t: %s", c.WhyUnhealthy, c.Examined, test.says, test.examined, test.why)
			}
		})
	}
}

func TestAnEndKeepsWhatTheRunAiled(t *testing.T) {
	c := webOf(onFailure())
	c.WhyUnhealthy = "exit code 3"
	c.NoteEnd(state.Ending{Code: 1, Started: at(0), Finished: at(time.Minute)})
	if c.Ended.WhyUnhealthy != "exit code 3" {
		t.Errorf("it ended as %+v", c.Ended)
	}
	c.NoteEnd(state.Ending{Code: 125, Finished: at(time.Hour)})
	if c.Ended.WhyUnhealthy != "" || c.Before.WhyUnhealthy != "exit code 3" {
		t.Errorf("what could not be started ended as %+v, after %+v", c.Ended, c.Before)
	}
}

func TestAProbeMovesWhatItIsAbout(t *testing.T) {
	yes, no := probe.Result{Outcome: probe.Success}, probe.Result{Outcome: probe.Failure, Message: "no"}
	for name, test := range map[string]struct {
		why            string
		tried          probe.Tried
		started, ready bool // both are false before
		missed         string
	}{
		"Startup":   {"it has begun", probe.Tried{Kind: probe.Startup, Result: yes, Turned: true}, true, false, ""},
		"Readiness": {"it is ready", probe.Tried{Kind: probe.Readiness, Result: yes, Turned: true}, false, true, ""},
		"NotYet":    {"one success is not enough", probe.Tried{Kind: probe.Readiness, Result: yes}, false, false, ""},
		"Fails":     {"what it said is kept", probe.Tried{Kind: probe.Readiness, Result: no}, false, false, "no"},
		"Liveness":  {"it says nothing of readiness", probe.Tried{Kind: probe.Liveness, Result: no, Turned: true}, false, false, "before"},
	} {
		t.Run(name, func(t *testing.T) {
			c := webOf(onFailure())
			c.Started, c.Ready, c.Missed = false, false, "before"
			c.NoteTried(test.tried)
			if c.Started != test.started || c.Ready != test.ready || c.Missed != test.missed {
				t.Errorf("%s: started %t, ready %t, missed %q", test.why, c.Started, c.Ready, c.Missed)
			}
			c.Started, c.Ready = true, true
			c.NoteTried(probe.Tried{Kind: test.tried.Kind, Result: no, Turned: true})
			if c.Started != (test.tried.Kind != probe.Startup) || c.Ready != (test.tried.Kind != probe.Readiness) {
				t.Errorf("when that turns to failure: started %t, ready %t", c.Started, c.Ready)
			}
		})
	}
}

func TestWhetherAComponentRunsIsSeenInEveryState(t *testing.T) {
	ran := state.Ending{Code: 0, Started: at(0), Finished: at(time.Minute)}
	for name, test := range map[string]struct {
		why   string
		is    lifecycle.State
		was   bool
		since time.Duration
		ended state.Ending
		want  bool
	}{
		"Pending":        {"there is no container", lifecycle.Pending, false, 0, state.NotEnded, false},
		"Starting":       {"the engine has not answered", lifecycle.Starting, false, 0, state.NotEnded, false},
		"Running":        {"it does", lifecycle.Running, true, 0, state.NotEnded, true},
		"Ending":         {"until it has ended", lifecycle.Ending, true, 0, state.NotEnded, true},
		"Recycling":      {"until it has ended", lifecycle.Recycling, true, 0, state.NotEnded, true},
		"Stopping":       {"until it has ended", lifecycle.Stopping, true, time.Hour, ran, true},
		"StoppingStart":  {"its start has not returned", lifecycle.Stopping, false, 0, state.NotEnded, false},
		"StoppingAgain":  {"only a run before has ended", lifecycle.Stopping, true, 0, ran, false},
		"Cleared":        {"until it is taken down", lifecycle.Cleared, true, time.Hour, ran, true},
		"ClearedAndOver": {"it is taken down", lifecycle.Cleared, true, 0, ran, false},
		"Waiting":        {"its run is over", lifecycle.Waiting, true, 0, ran, false},
		"Exited":         {"its run is over", lifecycle.Exited, true, 0, ran, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := webOf(onFailure())
			c.State, c.WasStarted, c.Since, c.Ended = test.is, test.was, at(test.since), test.ended
			if got := c.Runs(); got != test.want {
				t.Errorf("runs: %t, want %t: %s", got, test.want, test.why)
			}
		})
	}
}

func TestWhatOthersWaitForIsMetOrNeverWillBe(t *testing.T) {
	bad, good := state.Ending{Code: 3}, state.Ending{}
	broken := state.Ending{Broken: "its liveness probe has failed"}
	const waits = " and another component waits for "
	for name, test := range map[string]struct {
		why       string
		condition pod.Condition
		is        lifecycle.State
		ended     state.Ending
		change    func(c *state.Component)
		met       bool
		never     string
	}{
		"Started":        {"it runs", pod.Started, lifecycle.Running, state.NotEnded, func(c *state.Component) { c.Started = true }, true, ""},
		"NotStarted":     {"its startup probe has yet to pass", pod.Started, lifecycle.Running, state.NotEnded, nil, false, ""},
		"StartedAndOver": {"it had begun", pod.Started, lifecycle.Done, good, func(c *state.Component) { c.Started = true }, true, ""},
		"NeverStarted": {"it never will",
			pod.Started, lifecycle.Never, state.Ending{Code: 127, Why: "no such file"}, nil, false,
			"it has not begun, and another component waits for that: no such file"},
		"Restarted":    {"it will start again", pod.Started, lifecycle.Waiting, bad, nil, false, ""},
		"Completed":    {"it is done", pod.Completed, lifecycle.Done, good, nil, true, ""},
		"NotCompleted": {"it runs", pod.Completed, lifecycle.Running, state.NotEnded, nil, false, ""},
		"Failed": {"it has failed for good",
			pod.Completed, lifecycle.Exited, bad, nil, false, "it has not completed successfully, and another component waits for that: it ended with 3"},
		"FailedButDone": {"the pod goes on without it, but it has failed",
			pod.Completed, lifecycle.Done, bad, nil, false, "it has not completed successfully, and another component waits for that: it ended with 3"},
		"FailedAndAgain": {"its policy has it tried again", pod.Completed, lifecycle.Waiting, bad, nil, false, ""},
		"Broken": {"who was broken has failed, though it ended with 0",
			pod.Completed, lifecycle.Done, broken, nil, false, "it has not completed successfully, and another component waits for that: its liveness probe has failed"},
		"Unlearned": {"an end that nobody knows is none that is good",
			pod.Completed, lifecycle.Exited, state.Ending{Code: -1, Why: "its end was not seen"}, nil, false,
			"it has not completed successfully, and another component waits for that: its end was not seen"},
		"Healthy":       {"its check says so", pod.Healthy, lifecycle.Running, state.NotEnded, isHealthy(lifecycle.Healthy), true, ""},
		"NotYetHealthy": {"its check is not sure", pod.Healthy, lifecycle.Running, state.NotEnded, isHealthy(lifecycle.Unsure), false, ""},
		"Unhealthy": {"its check says no",
			pod.Healthy, lifecycle.Running, state.NotEnded, isHealthy(lifecycle.Unhealthy), false, "it is unhealthy," + waits + "its health"},
		"UnhealthyFor": {"its check says no, and it is known why",
			pod.Healthy, lifecycle.Running, state.NotEnded, ailing("exit code 3", false), false, "it is unhealthy," + waits + "its health: exit code 3"},
		"Examined": {"who gives up says why",
			pod.Healthy, lifecycle.Running, state.NotEnded, ailing("", true), false, ""},
		"ReadinessOnly": {"a probe is as good as a check",
			pod.Healthy, lifecycle.Running, state.NotEnded, func(c *state.Component) { c.Probed, c.Started, c.Ready = true, true, true }, true, ""},
		"ReadinessNotYet": {"it may pass yet",
			pod.Healthy, lifecycle.Running, state.NotEnded, func(c *state.Component) { c.Probed, c.Started, c.Ready = true, true, false }, false, ""},
		"NoCheck": {"nobody will ever say so",
			pod.Healthy, lifecycle.Running, state.NotEnded, nil, false,
			"it has no health check," + waits + "its health: give it a healthcheck, or depend on service_started"},
		"NoCheckYet": {"its image is not known before it runs", pod.Healthy, lifecycle.Pending, state.NotEnded, nil, false, ""},
		"HealthOfWhatEnds": {"it has ended",
			pod.Healthy, lifecycle.Done, good, isHealthy(lifecycle.Healthy), false, "another component waits for its health: it ended with 0"},
		"HealthAgain": {"it is run again", pod.Healthy, lifecycle.Waiting, bad, isHealthy(lifecycle.Unhealthy), false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := webOf(onFailure())
			c.State, c.Ended = test.is, test.ended
			if test.change != nil {
				test.change(c)
			}
			met, never := c.Meets(test.condition)
			got := ""
			if never != nil {
				got = never.Error()
			}
			if met != test.met || got != test.never {
				t.Errorf("%s: met %t, never %q; want %t, %q", test.why, met, got, test.met, test.never)
			}
		})
	}
}

// isHealthy has a component that runs have a health check that says something.
func isHealthy(h lifecycle.Health) func(*state.Component) {
	return func(c *state.Component) { c.Checked, c.Started, c.Ready, c.Health = true, true, true, h }
}

// ailing has a component that runs be unhealthy for a reason, which may yet have to be found.
func ailing(why string, examined bool) func(*state.Component) {
	return func(c *state.Component) {
		isHealthy(lifecycle.Unhealthy)(c)
		c.WhyUnhealthy, c.Examined = why, examined
	}
}

func TestAnEndingSaysWhatItWas(t *testing.T) {
	for name, test := range map[string]struct {
		why    string
		end    state.Ending
		failed bool
		signal int
		says   string
	}{
		"Good":     {"it ended well", state.Ending{}, false, 0, "it ended with 0"},
		"Bad":      {"it did not", state.Ending{Code: 3}, true, 0, "it ended with 3"},
		"Killed":   {"codes above 128 are signals", state.Ending{Code: 137}, true, 9, "it ended with 137"},
		"NoSignal": {"there are 64 of them", state.Ending{Code: 255}, true, 0, "it ended with 255"},
		"Last":     {"the last of them", state.Ending{Code: 192}, true, 64, "it ended with 192"},
		"Broken":   {"it had to be ended", state.Ending{Broken: "ill"}, true, 0, "ill"},
		"Unknown":  {"nobody knows", state.Ending{Code: -1, Why: "not seen"}, true, 0, "not seen"},
		"NotEnded": {"it has not", state.NotEnded, true, 0, "it ended with -1"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.end.Failed() != test.failed || test.end.Signal() != test.signal || test.end.String() != test.says {
				t.Errorf("%s: failed %t, signal %d, %q", test.why, test.end.Failed(), test.end.Signal(), test.end)
			}
		})
	}
}

// What is shown is a copy, and changes with nothing.
func TestACloneIsNotChangedAnyMore(t *testing.T) {
	p := state.New(pod.Pod{Components: []pod.Component{{Name: "web"}}}, epoch)
	p.Pulling["image"] = "half"
	c := p.Clone()
	p.Component("web").State = lifecycle.Running
	p.Pulling["image"] = "all"
	if c.Component("web").State != lifecycle.Pending || c.Pulling["image"] != "half" {
		t.Errorf("the copy has become %+v", c)
	}
}

func TestAComponentIsFoundByItsNameAndItsContainer(t *testing.T) {
	p := state.New(pod.Pod{Components: []pod.Component{{Name: "db"}, {Name: "web"}}}, epoch)
	p.Component("web").NoteCreated("id", 1, false)
	if c := p.ByContainer("id"); c == nil || c.Name != "web" {
		t.Errorf("found %+v", c)
	}
	if p.Component("pause") != nil || p.ByContainer("other") != nil {
		t.Error("found what is not there")
	}
}
