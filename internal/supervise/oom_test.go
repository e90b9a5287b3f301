package supervise_test

import (
	"strings"
	"testing"
	"time"

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
