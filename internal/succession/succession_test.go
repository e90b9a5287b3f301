package succession_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/state"
	"github.com/podlike/podlike/internal/succession"
)

var (
	now   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	owner = pod.Owner{ID: "web", Name: "web", Life: "1"}
)

// of is a pod with an initial component and one more.
func of(image string) pod.Pod {
	return pod.Complete(pod.Pod{Init: []pod.Component{{Name: "init-1", Image: "app"}}, Components: []pod.Component{{Name: "db", Image: image}}})
}

// knowing is what is known of that pod.
func knowing(p pod.Pod, change func(c *state.Component)) state.Pod {
	known := state.New(p, now)
	for i := range known.Components {
		if known.Components[i].Name == "db" {
			change(&known.Components[i])
		}
	}
	return known
}

// running is db's container, of a pod.
func running(p pod.Pod, id engine.ID, run int) engine.Seen {
	c, _ := p.Component("db")
	made := plan.ComponentContainer(p, owner, c, run, "", engine.Image{}, 0)
	return engine.Seen{ID: id, Name: made.Name, Labels: made.Labels, Running: true}
}

func TestWhatBecomesOfAComponent(t *testing.T) {
	p := of("app")
	in := func(s lifecycle.State) func(c *state.Component) {
		return func(c *state.Component) { c.State, c.Container, c.Run, c.Life.Restarts, c.Failures = s, "one", 3, 2, 2 }
	}
	other := func(change func(*engine.Seen)) []engine.Seen {
		s := running(p, "one", 3)
		change(&s)
		return []engine.Seen{s}
	}
	for name, test := range map[string]struct {
		why      string
		known    func(c *state.Component)
		there    []engine.Seen
		want     succession.Fate
		restarts int
	}{
		"Runs":      {"it goes on", in(lifecycle.Running), []engine.Seen{running(p, "one", 3)}, succession.Adopted, 2},
		"Starting":  {"its start has returned by now", in(lifecycle.Starting), []engine.Seen{running(p, "one", 3)}, succession.Adopted, 2},
		"Newer":     {"it was made just before its maker died", in(lifecycle.Waiting), []engine.Seen{running(p, "two", 4)}, succession.Adopted, 2},
		"Ending":    {"who has asked it to end would have seen to it", in(lifecycle.Ending), []engine.Seen{running(p, "one", 3)}, succession.Finish, 2},
		"Recycling": {"it is to begin anew", in(lifecycle.Recycling), []engine.Seen{running(p, "one", 3)}, succession.Finish, 2},
		"Ended":     {"nobody has seen to its end", in(lifecycle.Running), nil, succession.Ended, 2},
		"Waits":     {"its time has yet to come", in(lifecycle.Waiting), nil, succession.Waiting, 2},
		"Done":      {"there is nothing left to do", in(lifecycle.Done), nil, succession.Complete, 2},
		"Created":   {"it was never started", in(lifecycle.Created), nil, succession.Anew, 2},
		"Pending":   {"it was about to be made", in(lifecycle.Pending), nil, succession.Anew, 2},
		"Completed": {"it had done so before the pod went down, which is for good of an initial one only", func(c *state.Component) {
			in(lifecycle.Stopped)(c)
			c.Completed = true
		}, nil, succession.Anew, 2},
		"Stopped":   {"the pod was going down, and is to be up", in(lifecycle.Stopped), nil, succession.Anew, 2},
		"Unknown":   {"nothing was ever written down", nil, nil, succession.Anew, 0},
		"Unwritten": {"it was made just before its maker died", nil, []engine.Seen{running(p, "one", 1)}, succession.Adopted, 0},
		"Dead":      {"it does not run", in(lifecycle.Running), other(func(s *engine.Seen) { s.Running = false }), succession.Ended, 2},
		"Yesterday": {"it is of another life of pause's", in(lifecycle.Pending), other(func(s *engine.Seen) { s.Labels[pod.LabelLife] = "0" }), succession.Anew, 2},
		"Foreign":   {"it is somebody else's", in(lifecycle.Pending), other(func(s *engine.Seen) { s.Labels[pod.LabelOwner] = "x" }), succession.Anew, 2},
		"Redefined": {"it is to be replaced", in(lifecycle.Running), []engine.Seen{running(of("old"), "one", 3)}, succession.Ended, 2},
	} {
		t.Run(name, func(t *testing.T) {
			var left succession.Record
			if test.known != nil {
				left = succession.Read(succession.Of(p, knowing(p, test.known)).Text())
			}
			h := left.Heirs(p, owner, test.there)["db"]
			if h.Fate != test.want || h.Restarts != test.restarts {
				t.Errorf("it is %q with %d restarts, want %q: %s", h.Fate, h.Restarts, test.want, test.why)
			}
			if len(test.there) > 0 && h.Fate == succession.Adopted && h.Container != test.there[0].ID {
				t.Errorf("it goes on with %q", h.Container)
			}
			if run := test.there; len(run) > 0 && h.Fate == succession.Adopted && fmt.Sprint(h.Run) != run[0].Labels[pod.LabelRun] {
				t.Errorf("it is run %d, want %s", h.Run, run[0].Labels[pod.LabelRun])
			}
			c := state.Component{WasStarted: true}
			h.WasStarted = true
			h.Restore(&c, now)
			if finishes := h.Fate == succession.Finish; finishes != (c.State == lifecycle.Ending || c.State == lifecycle.Recycling) {
				t.Errorf("it is %s", c.State)
			}
			if h.Fate == succession.Anew && c.WasStarted {
				t.Error("it was started before anything of it is there")
			}
		})
	}
}

func TestOfAnotherDefinitionNothingIsKnown(t *testing.T) {
	before := of("old")
	left := succession.Of(before, knowing(before, func(c *state.Component) { c.State, c.Life.Restarts = lifecycle.Done, 5 }))
	if h := left.Heirs(of("app"), owner, nil)["db"]; h.Fate != succession.Anew || h.Restarts != 0 {
		t.Errorf("it is %q with %d restarts", h.Fate, h.Restarts)
	}
}

// Whoever started it may have died before it could note that, and what it knew was of the run before.
func TestARunThatNobodySawBeginBegins(t *testing.T) {
	p := of("app")
	hooked := of("app")
	hooked.Components[0].PostStart = []pod.Hook{{}}
	hooked.Components[0].Probes.Readiness = &pod.Probe{}
	for name, test := range map[string]struct {
		why    string
		pod    pod.Pod
		known  state.Component
		begins bool
	}{
		"Starting": {"the engine was asked to run it", p, state.Component{Component: lifecycle.Component{State: lifecycle.Starting}, Container: "one", Broken: "before"}, true},
		"Newer":    {"its container was not known yet", p, state.Component{Component: lifecycle.Component{State: lifecycle.Waiting}, Container: "before"}, true},
		"Hooked": {"it has more to do", hooked, state.Component{
			Component: lifecycle.Component{State: lifecycle.Starting, Started: true, Ready: true}, Container: "one", PostStartDone: true,
		}, false},
		"Running": {"it was seen, and is not ready yet", p, state.Component{Component: lifecycle.Component{State: lifecycle.Running}, Container: "one"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			left := knowing(test.pod, func(c *state.Component) {
				test.known.Name, test.known.Life = c.Name, c.Life
				*c = test.known
			})
			known := state.New(test.pod, now)
			heirs := succession.Read(succession.Of(test.pod, left).Text()).Heirs(test.pod, owner, []engine.Seen{running(test.pod, "one", 3)})
			heirs["db"].Restore(known.Component("db"), now)
			c := known.Component("db")
			if c.Started != test.begins || c.Ready != test.begins || c.PostStartDone != test.begins || c.Broken != "" || !c.Since.Equal(now) {
				t.Errorf("%s: it is %+v", test.why, c)
			}
		})
	}
}

func TestAllThatASuccessorShowsIsRestored(t *testing.T) {
	p := of("app")
	oom := state.OOM{Sure: state.OOMGuess, Limit: state.ComponentLimit, Bytes: 64}
	ended := state.Ending{Code: 3, OOM: oom, Started: now, Finished: now.Add(time.Second), Why: "why", Message: "bye", Broken: "b", WhyUnhealthy: "u"}
	left := knowing(p, func(c *state.Component) {
		c.State, c.Container, c.Run, c.Since, c.WasStarted = lifecycle.Running, "one", 3, now, true
		c.Life.Restarts, c.Failures, c.Ended, c.Before = 2, 1, ended, state.NotEnded
		c.PostStartDone, c.Started, c.Ready = true, true, true
	})
	record := succession.Read(succession.Of(p, left).Text())
	known := state.New(p, now)
	record.Heirs(p, owner, []engine.Seen{running(p, "one", 3)})["db"].Restore(known.Component("db"), now.Add(time.Hour))
	if diff := cmp.Diff(left.Component("db"), known.Component("db")); diff != "" {
		t.Error(diff)
	}

	left = knowing(p, func(c *state.Component) {
		c.State, c.Run, c.Due, c.Delay, c.Failures, c.Ended = lifecycle.Waiting, 3, now.Add(40*time.Second), 40*time.Second, 3, ended
	})
	known = state.New(p, now)
	succession.Read(succession.Of(p, left).Text()).Heirs(p, owner, nil)["db"].Restore(known.Component("db"), now)
	if diff := cmp.Diff(left.Component("db"), known.Component("db")); diff != "" {
		t.Error(diff)
	}
}

func TestOfAPodThatWasTakenDownOnlyInitialSuccessIsLeft(t *testing.T) {
	p := of("app")
	known := knowing(p, func(c *state.Component) { c.State, c.Completed = lifecycle.Done, true })
	init := known.Component("init-1")
	init.State, init.Completed = lifecycle.Stopped, true
	if h := succession.Of(p, known).Heirs(p, owner, nil)["init-1"]; h.Fate != succession.Complete {
		t.Errorf("while that goes on the initial one is %q", h.Fate)
	}
	heirs := succession.Read(succession.Of(p, known).Initial(p).Text()).Heirs(p, owner, nil)
	if heirs["init-1"].Fate != succession.Complete || heirs["db"].Fate != succession.Anew {
		t.Errorf("the initial one is %q and the other %q", heirs["init-1"].Fate, heirs["db"].Fate)
	}
	p.Init[0].Sidecar = true // which is to run again
	if h := succession.Of(p, known).Initial(p).Heirs(p, owner, nil)["init-1"]; h.Fate != succession.Anew {
		t.Errorf("the sidecar is %q", h.Fate)
	}
}

func TestWhatCannotBeReadIsNothing(t *testing.T) {
	for _, text := range []string{"", "{", "[]", `{"components": 1}`, "\x00"} {
		if r := succession.Read([]byte(text)); len(r.Components) > 0 {
			t.Errorf("%q is %v", text, r)
		}
	}
}
