package postmortem_test

import (
	"cmp"
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/postmortem"
	"github.com/podlike/podlike/internal/runner"
	"github.com/podlike/podlike/internal/state"
)

// an engineOf remembers of every container whether it was OOM-killed, and what it uses.
type engineOf struct {
	killed bool
	used   map[engine.ID]int64
}

// Inspect implements postmortem.Engine.
func (e engineOf) Inspect(context.Context, string) (engine.Seen, error) {
	return engine.Seen{OOMKilled: e.killed}, nil
}

// Read implements postmortem.Engine.
func (engineOf) Read(context.Context, engine.ID, string, int64) ([]byte, error) {
	return nil, errors.New("there is no such file")
}

// Usage implements postmortem.Engine.
func (e engineOf) Usage(_ context.Context, id engine.ID) (engine.Usage, error) {
	return engine.Usage{Memory: e.used[id]}, nil
}

// Signal implements postmortem.Engine.
func (engineOf) Signal(context.Context, engine.ID, string) error { return nil }

// A group is a pod's, of which a test says what it has counted.
type group struct {
	memory      int64
	kills, hits uint64
	known       bool
	shared      bool
}

func (g *group) Counts(context.Context) (kills, hits uint64, known bool) {
	return g.kills, g.hits, g.known
}
func (g *group) Memory() int64                       { return g.memory }
func (g *group) Shared() bool                        { return g.shared }
func (g *group) Starved(engine.ID) (did, known bool) { return false, false }

var (
	nothing   = state.OOM{}
	component = state.OOM{Sure: state.OOMKilled, Limit: state.ComponentLimit, Bytes: 1}
	guess     = state.OOM{Sure: state.OOMGuess, Limit: state.ComponentLimit, Bytes: 1}
)

// A fault is how web ends, and what is known of that.
type fault struct {
	why     string
	code    int
	memory  int64
	told    bool // by a sign
	engine  bool // remembers
	killed  bool // the engine was asked to
	stopped bool
	ends    time.Duration // when it does; zero: after 9.9 s
	kills   time.Duration // when the machine's count goes up; zero: never
	group   *group
	pause   time.Duration // how much later a sign of pause comes; negative: before; zero: none
	want    state.OOM
}

// is what is said of the end of web, beside which db runs and uses 60 of the pod's 96.
func (f fault) is(t *testing.T) state.OOM {
	web := pod.Component{Name: "web", Resources: pod.Resources{Memory: f.memory}}
	p := pod.Pod{Components: []pod.Component{web, {Name: "db", Resources: pod.Resources{Memory: 1}}}}
	known := live.New(p)
	known.Update("web", func(c *state.Component) {
		if c.State = lifecycle.Running; f.stopped {
			c.State = lifecycle.Stopping
		}
	})
	began := time.Now()
	var g postmortem.Group
	if f.group != nil {
		g = f.group
	}
	x := postmortem.New(engineOf{f.engine, map[engine.ID]int64{"db": 60, "web": 7}}, p, known, g, func() (int64, bool) {
		if f.kills > 0 && time.Since(began) >= f.kills {
			return 1, true
		}
		return 0, true
	})
	counting, cancel := context.WithCancel(t.Context())
	defer cancel()
	go x.CountKills(counting)
	if err := clock.Sleep(t.Context(), cmp.Or(f.ends, 9900*time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	c, db, pause := live.NewContainer(nil), live.NewContainer(nil), live.NewContainer(nil)
	c.Run, db.Run, pause.Run = &runner.Run{ID: "web"}, &runner.Run{ID: "db"}, &runner.Run{ID: "pause"}
	close(db.Started)
	if f.told {
		c.Note(engine.Sign{Kind: engine.SignOOM})
	}
	if f.killed {
		c.Note(engine.Sign{Kind: engine.SignSignalled, Signal: 9})
	}
	known.Look(func(v *live.View) { v.Containers["web"], v.Containers["db"], v.Containers["pause"] = c, db, pause })
	sign := func() { known.Look(func(*live.View) { pause.Note(engine.Sign{Kind: engine.SignOOM}) }) }
	switch {
	case f.pause < 0:
		sign()
	case f.pause > 0:
		time.AfterFunc(f.pause, sign)
	}
	return x.OOM(t.Context(), "web", c, engine.Exit{Code: f.code})
}

func TestWhoseMemoryWasShortIsFoundOut(t *testing.T) {
	const most = 96
	lately := 9800 * time.Millisecond
	ofPod := func(name string, bytes int64) state.OOM {
		return state.OOM{Sure: state.OOMKilled, Limit: state.PodLimit, Bytes: most, Most: name, MostBytes: bytes}
	}
	for _, row := range []fault{
		{why: "a sign is enough", code: 1, told: true, memory: 1, want: component},
		{why: "without a limit it was the machine's", code: 137, told: true, want: state.OOM{Sure: state.OOMKilled}},
		{why: "the engine remembers", code: 137, memory: 1, engine: true, want: component},
		{why: "who was not killed was not OOM-killed either", code: 1, memory: 1, engine: true, want: nothing},
		{why: "a kill on the machine within the last second is a guess", code: 137, memory: 1, kills: lately, want: guess},
		{why: "also when it has been counted since", code: 137, memory: 1, kills: 9300 * time.Millisecond, want: guess},
		{why: "that may be at once after the start", code: 137, memory: 1, ends: 80 * time.Millisecond, kills: 60 * time.Millisecond, want: guess},
		{why: "one before that is nothing", code: 137, memory: 1, kills: 5 * time.Second, want: nothing},
		{why: "without a limit nothing is guessed", code: 137, kills: lately, want: nothing},
		{why: "who was killed by way of the engine was not by the kernel", code: 137, memory: 1, kills: lately, killed: true, want: nothing},
		{why: "we may have killed what we have stopped", code: 137, memory: 1, engine: true, kills: lately, stopped: true, want: nothing},

		{why: "the pod's limit was hit", code: 137, told: true, group: &group{most, 1, 1, true, false}, want: ofPod("db", 60)},
		{why: "and not the component's", code: 137, told: true, memory: 1, group: &group{most, 1, 1, true, false}, want: ofPod("db", 60)},
		{why: "that it had no other shows", code: 137, told: true, group: &group{most, 1, 0, true, false}, want: ofPod("db", 60)},
		{why: "what the others do not use was its own", code: 137, told: true, group: &group{200, 1, 1, true, false},
			want: state.OOM{Sure: state.OOMKilled, Limit: state.PodLimit, Bytes: 200, Most: "web", MostBytes: 140}},
		{why: "its own was", code: 137, told: true, memory: 1, group: &group{most, 1, 0, true, false}, want: component},
		{why: "the engine has missed it, and the group has not", code: 137, group: &group{most, 1, 1, true, false}, want: ofPod("db", 60)},
		{why: "the group knows that nothing was killed", code: 137, memory: 1, kills: lately, group: &group{most, 0, 3, true, false}, want: nothing},
		{why: "and that it was not the kernel", code: 137, killed: true, group: &group{most, 1, 1, true, false}, want: nothing},
		{why: "where the group is not known it is a guess", code: 137, memory: 1, kills: lately, group: &group{most, 0, 0, false, false}, want: guess},
		{why: "what does not end by it has not", code: 3, group: &group{most, 1, 1, true, false}, want: nothing},

		{why: "all are told of what all share", code: 137, told: true, pause: -1, group: &group{most, 0, 0, false, true}, want: ofPod("db", 60)},
		{why: "also a little later", code: 137, told: true, memory: 1, pause: 300 * time.Millisecond, group: &group{most, 0, 0, false, true}, want: ofPod("db", 60)},
		{why: "one alone has lacked its own", code: 137, told: true, memory: 1, group: &group{most, 0, 0, false, true}, want: component},
		{why: "one alone without a limit has lacked the pod's", code: 137, told: true, group: &group{most, 0, 0, false, true}, want: ofPod("db", 60)},
		{why: "nor is a kill by way of the engine guessed at", code: 137, memory: 1, kills: lately, killed: true, group: &group{most, 0, 0, false, true}, want: nothing},
		{why: "another one may be", code: 137, memory: 1, kills: lately, group: &group{most, 0, 0, false, true}, want: guess},
		{why: "who ends otherwise was another one's neighbour", code: 3, told: true, pause: -1, group: &group{most, 0, 0, false, true}, want: nothing},
		{why: "and who was killed by way of the engine as well", code: 137, told: false, killed: true, pause: -1, group: &group{most, 0, 0, false, true}, want: nothing},
	} {
		t.Run(row.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := row.is(t); got != row.want {
					t.Errorf("it says %+v, want %+v", got, row.want)
				}
			})
		})
	}
}
