package enginetest

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
)

// containers is the suite of engine.Containers: how they are made, run, seen and removed.
type containers struct{ *suite }

// containerLaws are its laws, by the names of their subtests.
var containerLaws = map[string]func(containers){
	"ContainersAreFoundByTheirLabels":                containers.labels,
	"CreateWarns":                                    containers.warns,
	"ANameIsTakenOnce":                               containers.names,
	"ANameIsFreeAfterItsContainerWasRemoved":         containers.freedNames,
	"ANameCanBeChanged":                              containers.renamed,
	"HowNamespacesAreSharedIsSeen":                   containers.modes,
	"WhatIsGoneCanBeRemovedAgain":                    containers.removedTwice,
	"WhatDoesNotRunGetsNoSignal":                     containers.signalledTwice,
	"WhatRunsCanBeStartedAgain":                      containers.startedTwice,
	"ASignalReachesTheFirstProcess":                  containers.signal,
	"SIGKILLEndsWhatIgnoresOthers":                   containers.killed,
	"WhatHasNeverRunIsCreated":                       containers.created,
	"AWaitLearnsTheCodeOfWhatEndsAtOnce":             containers.flash,
	"AWaitEndsWhenTheContainerIsRemovedBeforeAStart": containers.removedUnstarted,
	"AMissingCommandIsTold":                          containers.noCommand,
	"ACommandThatCannotBeExecutedIsTold":             containers.cannotExecute,
	"AfterItsEndAContainerIsGone":                    containers.gone,
	"AJoinerNeedsARunningTarget":                     containers.joinNeedsTarget,
	"WhoseNetworkAContainerHasJoinedIsSeen":          containers.joinersAreSeen,
	"JoinersDieWithThePIDNamespace":                  containers.joinersDie,
	"ATerminalHasTheSizeItIsTold":                    containers.resized,
	"WhyACheckFailsIsSeen":                           containers.failedChecks,
	"AContainerShowsWhenItWasStarted":                containers.times,
}

func (s containers) labels() {
	c := s.kit("sleep")
	c.Labels = map[string]string{"podlike.test.case": c.Name}
	for key, value := range s.Labels {
		c.Labels[key] = value
	}
	id := s.create(c)
	for name, test := range map[string]struct {
		why    string
		labels map[string]string
		found  int
	}{
		"Equal":    {"the value is the wanted one", map[string]string{"podlike.test.case": c.Name}, 1},
		"Other":    {"the value is another one", map[string]string{"podlike.test.case": "other"}, 0},
		"Unknown":  {"nothing has such a label", map[string]string{"podlike.test.no.such": ""}, 0},
		"AllOfTwo": {"both have to be there", map[string]string{"podlike.test.case": c.Name, "podlike.test.no.such": ""}, 0},
	} {
		found, err := s.List(s.Context(), test.labels)
		s.must(err)
		if len(found) != test.found {
			s.Errorf("%s: found %d, want %d: %s", name, len(found), test.found, test.why)
		}
	}
	any, err := s.List(s.Context(), map[string]string{"podlike.test.case": ""})
	s.must(err)
	for _, one := range any {
		if one.ID == id {
			s.same(one, c)
			one, err = s.Inspect(s.Context(), c.Name)
			s.must(err)
			s.same(one, c)
			return
		}
	}
	s.Error("an empty value has to stand for any")
}

// same checks that a container was seen as it was asked for.
func (s containers) same(got engine.Seen, c engine.Container) {
	s.Helper()
	if got.Name != c.Name || got.Image != c.Image || got.Labels["podlike.test.case"] != c.Name || got.Running {
		s.Errorf("saw %+v of %+v", got, c)
	}
}

func (s containers) warns() {
	c := s.kit("sleep")
	c.Resources.NoOOMKill = true
	_, warnings, err := s.Create(s.Context(), c)
	s.must(err)
	if len(warnings) != 1 || !strings.Contains(strings.ToUpper(warnings[0]), "OOM") { // a limit is missing, or the kernel cannot do it
		s.Errorf("warned %q", warnings)
	}
	_, warnings, err = s.Create(s.Context(), s.kit("sleep"))
	s.must(err)
	if len(warnings) > 0 {
		s.Errorf("warned %q of nothing", warnings)
	}
}

func (s containers) names() {
	c := s.kit("sleep")
	s.create(c)
	_, _, err := s.Create(s.Context(), c)
	s.is(err, engine.ErrNameInUse, "Create of a name that is taken")
}

// A container that ends by itself is removed by the engine at the same moment.
func (s containers) freedNames() {
	c := s.kit("exit", "0")
	for range 5 {
		id, end := s.begin(c)
		s.ends(end, 0)
		s.must(s.Remove(s.Context(), id))
	}
}

func (s containers) renamed() {
	c, other := s.kit("sleep"), s.kit("sleep")
	id, _ := s.begin(c)
	s.create(other)
	s.is(s.Rename(s.Context(), id, other.Name), engine.ErrNameInUse, "Rename to a name that is taken")
	s.is(s.Rename(s.Context(), "podlike-test-none", c.Name+"-x"), engine.ErrNotFound, "Rename of nothing")
	for range 2 { // the second changes nothing
		s.must(s.Rename(s.Context(), id, c.Name+"-new"))
	}
	seen, err := s.Inspect(s.Context(), c.Name+"-new")
	s.must(err)
	if seen.ID != id || seen.Name != c.Name+"-new" || !seen.Running {
		s.Errorf("it is %+v", seen)
	}
	again := s.create(c) // its name is free
	s.must(s.Remove(s.Context(), again))
}

func (s containers) modes() {
	owner, joiner, alone := s.kit("sleep"), s.kit("sleep"), s.kit("sleep")
	owner.ShareIPC = true
	first, _ := s.begin(owner)
	joiner.Network, joiner.PID, joiner.IPC = first, first, first
	alone.Offline = true
	for name, test := range map[string]struct {
		made engine.Container
		ok   func(engine.Modes) bool
		want string
	}{
		"Owner": {owner, func(m engine.Modes) bool {
			return m.Network != "none" && m.Network != "host" && m.PID == "" && m.IPC == "shareable"
		}, "its own, shareable"},
		"Joiner": {joiner, func(m engine.Modes) bool { return strings.HasPrefix(m.Network, "container:") && m.PID == m.Network }, "those of another"},
		"Alone":  {alone, func(m engine.Modes) bool { return m.Network == "none" && m.IPC != "shareable" }, "no network"},
	} {
		id := first
		if name != "Owner" {
			id = s.create(test.made)
		}
		seen, err := s.Inspect(s.Context(), string(id))
		s.must(err)
		if !test.ok(seen.Modes) || seen.Paused {
			s.Errorf("%s: seen %+v, paused %v, want %s", name, seen.Modes, seen.Paused, test.want)
		}
	}
}

func (s containers) removedTwice() {
	created := s.create(s.kit("sleep"))
	running, _ := s.begin(s.kit("ignore"))
	for _, id := range []engine.ID{created, running} {
		s.must(s.Remove(s.Context(), id))
		_, err := s.Inspect(s.Context(), string(id))
		s.is(err, engine.ErrNotFound, "Inspect after Remove")
		s.must(s.Remove(s.Context(), id))
	}
	s.must(s.RemoveVolume(s.Context(), "podlike-test-none"))
}

func (s containers) startedTwice() {
	id, _ := s.begin(s.kit("sleep"))
	s.must(s.Start(s.Context(), id))
	seen, err := s.Inspect(s.Context(), string(id))
	s.must(err)
	if !seen.Running {
		s.Error("started, but does not run")
	}
}

func (s containers) created() {
	id := s.create(s.kit("sleep"))
	is := func(created bool, when string) {
		s.Helper()
		one, err := s.Inspect(s.Context(), string(id))
		s.must(err)
		all, err := s.List(s.Context(), s.Labels)
		s.must(err)
		at := slices.IndexFunc(all, func(c engine.Seen) bool { return c.ID == id })
		if one.Created != created || at < 0 || all[at].Created != created {
			s.Errorf("%s: inspected %+v, listed %+v", when, one, all)
		}
	}
	is(true, "before its start")
	s.must(s.Start(s.Context(), id))
	is(false, "after its start")
}

func (s containers) flash() {
	for _, code := range []int{0, 1, 7, 255} {
		_, end := s.begin(s.kit("exit", strconv.Itoa(code)))
		s.ends(end, code)
	}
}

func (s containers) removedUnstarted() {
	id := s.create(s.kit("sleep"))
	end, err := s.Wait(s.Context(), id)
	s.must(err)
	s.must(s.Remove(s.Context(), id))
	s.ends(end, 0) // the engine knows no better
}

func (s containers) noCommand() { s.cannotStart("/nope", engine.ErrNoCommand) }

func (s containers) cannotExecute() { s.cannotStart("/", engine.ErrCannotExecute) }

// cannotStart checks how a start fails, and that nothing is left and nobody waits.
func (s containers) cannotStart(entrypoint string, kind error) {
	c := s.kit()
	c.Entrypoint = []string{entrypoint}
	id := s.create(c)
	end, err := s.Wait(s.Context(), id)
	s.must(err)
	stream, err := s.Attach(s.Context(), id, c)
	s.must(err)
	defer stream.Close()
	s.is(s.Start(s.Context(), id), kind, entrypoint)
	s.must(stream.Copy(io.Discard, io.Discard))
	select {
	case <-end:
	case <-time.After(patience):
		s.Error("who waits for it waits for ever")
	}
	s.vanishes(c.Name)
}

func (s containers) gone() {
	c := s.kit("exit", "0")
	c.Mounts = []engine.Mount{{Type: engine.VolumeMount, Target: "/data", Labels: s.Labels}}
	id := s.create(c)
	seen, err := s.Inspect(s.Context(), string(id))
	s.must(err)
	if len(seen.Volumes()) != 1 {
		s.Fatalf("volumes %q, want one", seen.Volumes())
	}
	v, err := s.Volume(s.Context(), seen.Volumes()[0])
	s.must(err)
	for key, value := range s.Labels {
		if v.Labels[key] != value {
			s.Errorf("volume labels %v, want %v", v.Labels, s.Labels)
		}
	}
	s.must(s.Start(s.Context(), id))
	s.vanishes(c.Name)
	dockertest.Eventually(s, patience, func() (bool, string) {
		_, err := s.Volume(s.Context(), v.Name)
		return errors.Is(err, engine.ErrNotFound), "its volume is there"
	})
}

// joined is a container that joins the PID namespace of another.
func (s containers) joined(to engine.ID, command ...string) engine.Container {
	c := s.kit(command...)
	c.PID = to
	return c
}

func (s containers) joinNeedsTarget() {
	c := s.joined(s.create(s.kit("sleep")), "sleep")
	id := s.create(c)
	if err := s.Start(s.Context(), id); err == nil {
		s.Error("started beside a container that does not run")
	}
	s.vanishes(c.Name)

	target := s.create(s.kit("sleep"))
	c = s.kit("sleep")
	c.Network = target
	id = s.create(c)
	s.must(s.Remove(s.Context(), target))
	s.is(s.Start(s.Context(), id), engine.ErrNotFound, "Start beside a container that is gone")
}

func (s containers) joinersAreSeen() {
	first := s.create(s.kit("sleep"))
	c := s.kit("sleep")
	c.Network = first
	joiner := s.create(c)
	listed, err := s.List(s.Context(), s.Labels)
	s.must(err)
	for id, network := range map[engine.ID]engine.ID{first: "", joiner: first} {
		inspected, err := s.Inspect(s.Context(), string(id))
		s.must(err)
		at := slices.IndexFunc(listed, func(c engine.Seen) bool { return c.ID == id })
		if inspected.Network != network || at < 0 || listed[at].Network != network {
			s.Errorf("inspected %+v, listed %+v, want network %q", inspected, listed, network)
		}
	}
}

func (s containers) joinersDie() {
	first, _ := s.begin(s.kit("ignore"))
	_, end := s.begin(s.joined(first, "ignore"))
	s.must(s.Remove(s.Context(), first))
	s.ends(end, 137)
}

func (s containers) resized() {
	s.is(s.Resize(s.Context(), "podlike-test-none", 1, 1), engine.ErrNotFound, "Resize")
	c := s.kit("size")
	c.TTY, c.Stdin = true, true
	id := s.create(c)
	if err := s.Resize(s.Context(), id, 1, 1); err == nil {
		s.Error("a terminal that is not there was resized")
	}
	stream, err := s.Attach(s.Context(), id, c)
	s.must(err)
	defer stream.Close()
	end, err := s.Wait(s.Context(), id)
	s.must(err)
	s.must(s.Start(s.Context(), id))
	s.must(s.Resize(s.Context(), id, 12, 345))
	var out bytes.Buffer
	s.must(stream.Copy(&out, io.Discard))
	if out.String() != "12 345\r\n" {
		s.Errorf("the size is %q", out.String())
	}
	s.ends(end, 0)
}

func (s containers) failedChecks() {
	for name, row := range map[string]struct {
		why     string
		command []string
		test    []string
		health  engine.Health
		want    engine.FailedCheck // but for what the engine says itself
		said    string
	}{
		"Well":  {"no check has failed", []string{"sleep", "health", "/healthy"}, nil, engine.Healthy, engine.FailedCheck{}, ""},
		"Fails": {"the test says why", []string{"sleep"}, nil, engine.Unhealthy, engine.FailedCheck{Code: 1}, "testkit: stat /healthy: no such file or directory\n"},
		"Missing": {"the image has no such program",
			[]string{"sleep"}, []string{"CMD", "/nope"}, engine.Unhealthy, engine.FailedCheck{Code: -1, NoCommand: true}, "/nope"},
		"NoShell": {"the image has no shell",
			[]string{"sleep"}, []string{"CMD-SHELL", "exit 3"}, engine.Unhealthy, engine.FailedCheck{Code: -1, NoCommand: true, Shell: true}, "/bin/sh"},
		"NotExecutable": {"that is no program", []string{"sleep"}, []string{"CMD", "/"}, engine.Unhealthy, engine.FailedCheck{Code: -1}, "/"},
	} {
		c := s.checked(row.command...)
		if row.test != nil {
			c.Health.Test = row.test
		}
		signs := s.follow()
		id, _ := s.begin(c)
		s.told(signs, health(id, row.health))
		seen, err := s.Inspect(s.Context(), string(id))
		s.must(err)
		got := seen.FailedCheck
		if !strings.Contains(got.Said, row.said) || (row.said == "") != (got.Said == "") {
			s.Errorf("%s: it says %q, want %q: %s", name, got.Said, row.said, row.why)
		}
		if got.Said = ""; got != row.want {
			s.Errorf("%s: saw %+v, want %+v: %s", name, got, row.want, row.why)
		}
	}
}

func (s containers) times() {
	before := time.Now()
	id := s.create(s.kit("sleep"))
	seen, err := s.Inspect(s.Context(), string(id))
	s.must(err)
	if !seen.StartedAt.IsZero() || !seen.FinishedAt.IsZero() {
		s.Errorf("started at %v and over at %v, and never ran", seen.StartedAt, seen.FinishedAt)
	}
	s.must(s.Start(s.Context(), id))
	seen, err = s.Inspect(s.Context(), string(id))
	s.must(err)
	if seen.Created || seen.StartedAt.Before(before) || seen.StartedAt.After(time.Now()) || !seen.FinishedAt.IsZero() || seen.OOMKilled {
		s.Errorf("saw %+v of what was started at %v", seen, before)
	}
}
