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

// witness is an engine that remembers of every container whether it was OOM-killed.
type witness bool

// Inspect implements postmortem.Engine.
func (w witness) Inspect(context.Context, string) (engine.Seen, error) {
	return engine.Seen{OOMKilled: bool(w)}, nil
}

// Read implements postmortem.Engine.
func (witness) Read(context.Context, engine.ID, string, int64) ([]byte, error) {
	return nil, errors.New("there is no such file")
}

func TestTheEnginesWordOnMemoryComesBeforeAGuess(t *testing.T) {
	for _, row := range []struct {
		why     string
		code    int
		memory  int64
		told    bool // by a sign
		engine  witness
		ends    time.Duration // when it does; zero: after 9.9 s
		kills   time.Duration // when the machine's count goes up; zero: never
		stopped bool
		want    state.OOM
	}{
		{why: "a sign is enough", code: 1, told: true, want: state.OOMKilled},
		{why: "the engine remembers", code: 137, memory: 1, engine: true, want: state.OOMKilled},
		{why: "who was not killed was not OOM-killed either", code: 1, memory: 1, engine: true, want: ""},
		{why: "a kill on the machine within the last second is a guess", code: 137, memory: 1, kills: 9800 * time.Millisecond, want: state.OOMGuess},
		{why: "also when it has been counted since", code: 137, memory: 1, kills: 9300 * time.Millisecond, want: state.OOMGuess},
		{why: "that may be at once after the start", code: 137, memory: 1, ends: 80 * time.Millisecond, kills: 60 * time.Millisecond, want: state.OOMGuess},
		{why: "one before that is nothing", code: 137, memory: 1, kills: 5 * time.Second, want: ""},
		{why: "without a limit nothing is guessed", code: 137, kills: 9800 * time.Millisecond, want: ""},
		{why: "we may have killed what we have stopped", code: 137, memory: 1, engine: true, kills: 9800 * time.Millisecond, stopped: true, want: ""},
	} {
		t.Run(row.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				web := pod.Component{Name: "web", Resources: pod.Resources{Memory: row.memory}}
				p := pod.Pod{Components: []pod.Component{web, {Name: "db", Resources: pod.Resources{Memory: 1}}}}
				known := live.New(p)
				known.Update("web", func(c *state.Component) {
					if c.State = lifecycle.Running; row.stopped {
						c.State = lifecycle.Stopping
					}
				})
				began := time.Now()
				x := postmortem.New(row.engine, p, known, func() (int64, bool) {
					if row.kills > 0 && time.Since(began) >= row.kills {
						return 1, true
					}
					return 0, true
				})
				counting, cancel := context.WithCancel(t.Context())
				defer cancel()
				go x.CountKills(counting)
				if err := clock.Sleep(t.Context(), cmp.Or(row.ends, 9900*time.Millisecond)); err != nil {
					t.Fatal(err)
				}
				c := live.NewContainer(nil)
				c.Run, c.OOMKilled = &runner.Run{ID: "web"}, row.told
				if got := x.OOM(t.Context(), "web", c, engine.Exit{Code: row.code}); got != row.want {
					t.Errorf("it says %q, want %q", got, row.want)
				}
			})
		})
	}
}
