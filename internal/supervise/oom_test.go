package supervise_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/status"
	"github.com/podlike/podlike/internal/supervise"
)

// The kernel's count is of the whole machine. Somebody kills web a minute after its start, with docker
// kill or from outside of the engine.
func TestAKillIsNoLackOfMemoryBecauseSomethingElseLackedIt(t *testing.T) {
	const killed = time.Minute
	for name, test := range map[string]struct {
		why    string
		others time.Duration // when something on the machine is killed by the kernel; zero: nothing is
		word   bool          // the engine says that it was in web
		docker bool          // the engine was asked to kill it
		reason string
		guess  bool
	}{
		"Never":     {"nothing has lacked memory", 0, false, true, status.Error, false},
		"LongAgo":   {"something has, but not now", 5 * time.Second, false, false, status.Error, false},
		"Before":    {"something has, two seconds before", killed - 2*time.Second, false, false, status.Error, false},
		"JustNow":   {"it may have been web", killed - 300*time.Millisecond, false, false, status.OOMKilled, true},
		"Docker":    {"the engine has killed it itself", killed - 300*time.Millisecond, false, true, status.Error, false},
		"Word":      {"the engine knows, whatever the count says", 0, true, true, status.OOMKilled, false},
		"WordFirst": {"what the engine knows is no guess", killed - 300*time.Millisecond, true, true, status.OOMKilled, false},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, []pod.Component{limited(of("web", "stubborn"))}, func(s *scene) {
				began := time.Now()
				s.with = func(c *supervise.Config) {
					c.OOMKills = func() (n int64, known bool) {
						if test.others > 0 && time.Since(began) >= test.others {
							return 8, true
						}
						return 7, true
					}
				}
				time.AfterFunc(killed, func() {
					if test.word {
						s.Starve(s.name("web"))
					}
					if !test.docker {
						s.Kill(s.name("web"))
						return
					}
					web, err := s.Inspect(s.Context(), s.name("web"))
					if err == nil {
						err = s.Signal(s.Context(), web.ID, "SIGKILL")
					}
					if err != nil {
						t.Error(err)
					}
				})
				s.exits(s.run(s.Context()), 137)
				end := s.last().Ends[0]
				if end.Reason != test.reason || strings.Contains(end.Message, "a guess") != test.guess {
					t.Errorf("%s: it ended with %s: %s", test.why, end.Reason, end.Message)
				}
			})
		})
	}
}

// The kernel kills a process in web that is not its first one, which goes on by itself.
func TestWhoWantsItGoesWholeWhenOneOfItsProcessesLacksMemory(t *testing.T) {
	for name, test := range map[string]struct {
		why            string
		component, pod bool
		others         bool // the engine says so of all, and the kernel has killed another's process
		dies           bool
	}{
		"Nobody":    {"web goes on", false, false, false, false},
		"Component": {"all of web is killed, and ends the pod", true, false, false, true},
		"Pod":       {"the pod is over", false, true, false, true},
		"Both":      {"once is enough", true, true, false, true},
		"Others":    {"web was not meant", true, false, true, false},
		"PodOthers": {"nor was it", false, true, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			web := limited(of("web", "stubborn"))
			web.OOMGroup = test.component
			play(t, []pod.Component{web, app("db")}, func(s *scene) {
				s.pod.OOMGroup = test.pod
				if test.others {
					s.with = func(c *supervise.Config) { c.Group = shared{} }
				}
				time.AfterFunc(time.Minute, func() { s.Starve(s.name("web")) })
				code, took := s.runFor(10 * time.Minute)
				if !test.dies {
					s.exits(code, 0)
					return
				}
				s.exits(code, 137)
				if took >= 0 {
					t.Errorf("%s: it has waited to be asked", test.why)
				}
				if got := s.last(); got.Component != "web" || got.Why != "web was killed for lack of memory" {
					t.Errorf("%s: %s: %s", test.why, got.Component, got.Why)
				}
			})
		})
	}
}

// Shared is a group whose lack of memory the engine says of all that are in it, and in which the kernel has
// killed nothing of these.
type shared struct{}

func (shared) Counts(context.Context) (kills, hits uint64, known bool) { return 0, 0, false }
func (shared) Memory() int64                                           { return 1 << 20 }
func (shared) Shared() bool                                            { return true }
func (shared) Starved(engine.ID) (did, known bool)                     { return false, true }
