package supervise_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/status"
	"github.com/podlike/podlike/internal/supervise"
)

// outage has the engine be away for a time, a while from now.
func (s *scene) outage(after, lasting time.Duration) {
	time.AfterFunc(after, s.Away)
	time.AfterFunc(after+lasting, s.Back)
}

// told are the events of a kind.
func (s *scene) told(kind event.Kind) (all []event.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Kind == kind {
			all = append(all, e)
		}
	}
	return all
}

// toldOutage checks that an outage was told once when it had begun and once when it was
// over, a back-off late at most.
func (s *scene) toldOutage(began time.Time, after, lasting time.Duration) {
	s.Helper()
	const late = 5*time.Second + 200*time.Millisecond
	lost, back := s.told(event.EngineLost), s.told(event.EngineBack)
	if len(lost) != 1 || len(back) != 1 {
		s.Fatalf("told %d times that it is lost and %d times that it is back:\n%s", len(lost), len(back), s.history())
	}
	if at := lost[0].At.Sub(began); at < after || at > after+late {
		s.Errorf("lost after %v, but told after %v", after, at)
	}
	if at := back[0].At.Sub(began); at < after+lasting || at > after+lasting+late {
		s.Errorf("back after %v, but told after %v", after+lasting, at)
	}
	if took := back[0].Took; took < lasting-late || took > lasting+late {
		s.Errorf("away for %v, but told %v", lasting, took)
	}
	if !strings.Contains(lost[0].Why, "the engine cannot be reached") {
		s.Errorf("the reason is %q", lost[0].Why)
	}
}

// allStart and allStop are what happens to pause, db and web in any case.
const (
	allStart = `
component started: pause
component started: db
component started: web
`
	allStop = `pod stopping: 0 (asked to stop by SIGTERM)
component ended: db 0
component ended: web 0
pod ended: 0 (asked to stop by SIGTERM)
`
)

func TestNothingIsDecidedWhileTheEngineIsAway(t *testing.T) {
	const second = time.Second
	always := restarted("web", "ends", pod.RestartAlways)
	for name, test := range map[string]struct {
		why            string
		web            pod.Component
		codes          []int // with which web ends, each a second after its start
		after, lasting time.Duration
	}{
		"Life":    {"what runs goes on", of("web", "ends"), nil, 10 * second, 30 * second},
		"Create":  {"the way up is gone on with", of("web", "ends"), nil, 12 * time.Millisecond, 30 * second},
		"Start":   {"starts are made again", of("web", "ends"), nil, 27 * time.Millisecond, 30 * second},
		"BackOff": {"a restart that is due meanwhile comes after it", always, []int{3, 4}, 5 * second, 30 * second},
		"Restart": {"one that was under way is gone on with", always, []int{3}, 1*second + rising + 20*time.Millisecond, 30 * second},
		"End":     {"the engine remembers how what has ended meanwhile did", always, []int{7}, second / 2, 30 * second},
		"Stop":    {"the signals are sent after it", of("web", "ends"), nil, 58 * second, 5 * second},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, []pod.Component{test.web, of("db", "slow")}, func(s *scene) {
				s.pod.Grace = 20 * second
				s.AddImage("slow", fake.Running(slowly))
				s.AddImage("ends", fake.Running(runs(second, test.codes...)))
				began := time.Now()
				s.outage(test.after, test.lasting)
				code, _ := s.runFor(time.Minute)
				s.exits(code, 0)
				want := allStart
				for _, code := range test.codes {
					want += fmt.Sprintf("component ended: web %d\ncomponent restarts: web (web ended)\ncomponent started: web\n", code)
				}
				s.happened(want+allStop, ofRuns...)
				s.toldOutage(began, test.after, test.lasting)
				for _, e := range s.last().Ends {
					if e.Code != 0 {
						t.Errorf("%s: %s is told to have ended with %d: %s", test.why, e.Component, e.Code, e.Why)
					}
				}
				if got, want := s.last().Ends[1].Restarts, len(test.codes); got != want {
					t.Errorf("%s: %d restarts of web, want %d", test.why, got, want)
				}
			})
		})
	}
}

// Signals that a stop could not send are sent once, and only once, when the engine is back.
func TestAStopDuringAnOutageAsksEverybodyOnceAfterIt(t *testing.T) {
	var l signalLog
	play(t, []pod.Component{of("web", "web", started("db")), of("db", "db")}, func(s *scene) {
		s.pod.Grace = 30 * time.Second
		for _, name := range []string{"web", "db"} {
			s.AddImage(name, l.image(name, 2*time.Second))
		}
		l.began = time.Now().Add(63 * time.Second)
		s.outage(58*time.Second, 5*time.Second)
		code, _ := s.runFor(time.Minute)
		s.exits(code, 0)
		if len(l.lines) != 4 {
			t.Errorf("signals and ends: %v", l.lines)
		}
		for _, line := range l.lines {
			if line.at < 0 || line.at > 10*time.Second || strings.Contains(line.what, "killed") {
				t.Errorf("%v after the engine was back", line)
			}
		}
	})
}

func TestAnOutageIsAConditionWithItsTime(t *testing.T) {
	play(t, []pod.Component{app("web")}, func(s *scene) {
		s.outage(10*time.Second, 20*time.Second)
		var mu sync.Mutex
		conditions := map[time.Duration]status.Condition{}
		s.ready = func(r *supervise.Supervisor) {
			for _, after := range []time.Duration{5 * time.Second, 20 * time.Second, 50 * time.Second} {
				time.AfterFunc(after, func() {
					mu.Lock()
					defer mu.Unlock()
					for _, c := range r.Status().Conditions {
						if c.Type == status.EngineReachable {
							conditions[after] = c
						}
					}
				})
			}
		}
		began := time.Now()
		s.runFor(time.Minute)
		lost, back := s.told(event.EngineLost)[0].At, s.told(event.EngineBack)[0].At
		mu.Lock()
		defer mu.Unlock()
		for after, want := range map[time.Duration]struct {
			status     bool
			from, till time.Time
		}{
			5 * time.Second:  {true, began, began},
			20 * time.Second: {false, began.Add(10 * time.Second), lost},
			50 * time.Second: {true, began.Add(30 * time.Second), back},
		} {
			c := conditions[after]
			if c.Status != want.status || c.Since.Before(want.from) || c.Since.After(want.till) {
				t.Errorf("after %v: %t since %v, want %t since %v to %v", after, c.Status, c.Since.Sub(began), want.status, want.from.Sub(began), want.till.Sub(began))
			}
			if got := c.Reason == status.EngineUnreachable && strings.Contains(c.Message, "cannot be reached"); got == want.status {
				t.Errorf("after %v: %s: %s", after, c.Reason, c.Message)
			}
		}
	})
}

func TestAnEngineThatStaysAwayForTooLongEndsTheSupervisor(t *testing.T) {
	for name, test := range map[string]struct {
		why     string
		timeout time.Duration
		code    int
		says    string
	}{
		"TooLong": {"nobody knows how the pod is", 2 * time.Minute, 1, "the engine has not answered for too long (-engine-timeout)"},
		"ForEver": {"its user will wait as long as it takes", 0, 0, "asked to stop by SIGTERM"},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, []pod.Component{app("web")}, func(s *scene) {
				s.timeout, s.broken = test.timeout, test.timeout > 0
				began := time.Now()
				time.AfterFunc(time.Hour, s.Away)
				time.AfterFunc(90*time.Minute, s.Back)
				s.with = func(c *supervise.Config) {
					emit := c.Emit
					c.Emit = func(e event.Event) {
						if emit(e); e.Kind == event.Ended {
							s.Back()                     // for who looks at what is left
							time.Sleep(10 * time.Second) // nothing is told any more
						}
					}
				}
				code, _ := s.runFor(2 * time.Hour)
				s.exits(code, test.code)
				if got := s.last().Why; !strings.HasPrefix(got, test.says) {
					t.Errorf("%s: the reason is %q", test.why, got)
				}
				if took := s.last().At.Sub(began) - time.Hour; test.timeout > 0 && (took < test.timeout || took > test.timeout+10*time.Second) {
					t.Errorf("it gave up after %v", took)
				}
				if n := len(s.told(event.EngineLost)); n != 1 {
					t.Errorf("told %d times that the engine is lost", n)
				}
			})
		})
	}
}

// A container that has ended and is removed while the engine is away, and of which it has
// forgotten everything, has not succeeded.
func TestAnEndThatNobodyKnowsIsAFailure(t *testing.T) {
	for name, test := range map[string]struct {
		why    string
		policy pod.Policy
		known  bool
		code   int // the pod's
		end    int // the component's
	}{
		"Forgotten":   {"it may have failed", pod.RestartNo, false, 1, -1},
		"Known":       {"the engine remembers", pod.RestartNo, true, 0, 0},
		"NotComplete": {"a job is not done because nobody knows", pod.RestartOnFailure, false, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, []pod.Component{restarted("web", "ends", test.policy)}, func(s *scene) {
				s.AddImage("ends", fake.Running(runs(20*time.Second, 0)))
				s.outage(10*time.Second, 20*time.Second)
				s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
					if c.Op == "list" && c.Name == "past signs" && !test.known {
						return nil
					}
					return usual(ctx, c, do)
				})
				code, _ := s.runFor(time.Minute)
				s.exits(code, test.code)
				if got := s.last().Ends[0].Code; got != test.end {
					t.Errorf("%s: the end is %d, want %d", test.why, got, test.end)
				}
				want := "component ended: web 1\n"
				if test.known {
					want = "component ended: web 0\n"
				}
				if test.policy == pod.RestartOnFailure {
					want += "component ended: web 0\n" // it was run again, and asked to stop
				}
				s.happened(want, event.Died)
			})
		})
	}
}

// Outages of a tenth of a second to ten seconds at any moment of a pod's life, with a
// component that is restarted in it.
func TestAnOutageAtAnyMomentDoesNoHarm(t *testing.T) {
	const lives = time.Minute
	for _, lasting := range []time.Duration{100 * time.Millisecond, time.Second, 7 * time.Second} {
		for _, after := range moments() {
			t.Run(fmt.Sprint(after, " for ", lasting), func(t *testing.T) {
				play(t, []pod.Component{restarted("web", "ends", pod.RestartOnFailure), of("db", "slow")}, func(s *scene) {
					s.pod.Grace = 30 * time.Second
					s.AddImage("slow", fake.Running(slowly))
					s.AddImage("ends", fake.Running(runs(3*time.Second, 7)))
					s.outage(after, lasting)
					code, _ := s.runFor(lives)
					s.exits(code, 0)
					for _, kind := range []event.Kind{event.EngineLost, event.EngineBack} {
						if n := len(s.told(kind)); n > 1 {
							t.Errorf("told %d times: %s", n, kind)
						}
					}
					ends := s.last().Ends
					if ends[0].Code != 0 || ends[1].Code != 0 || ends[1].Restarts != 1 || len(s.told(event.Died)) != 3 { // web twice, db once
						t.Errorf("it has come to harm:\n%s", s.history())
					}
				})
			})
		}
	}
}

// moments are when an outage may begin: where much happens they are close together.
func moments() (all []time.Duration) {
	for after := time.Duration(0); after < time.Minute; after += 1900 * time.Millisecond {
		all = append(all, after)
	}
	for _, busy := range []time.Duration{0, 3 * time.Second, 59950 * time.Millisecond} {
		for after := time.Duration(0); after < 100*time.Millisecond; after += 7 * time.Millisecond {
			all = append(all, busy+after)
		}
	}
	return all
}

// A call that stalls is like an engine that is away: it is given up in time, and made again.
func TestACallThatStallsIsMadeAgain(t *testing.T) {
	for _, method := range []string{"Start", "Create", "Wait", "Attach", "Inspect", "List"} {
		t.Run(method, func(t *testing.T) {
			play(t, []pod.Component{restarted("web", "ends", pod.RestartOnFailure)}, func(s *scene) {
				s.AddImage("ends", fake.Running(runs(2*time.Second, 7)))
				time.AfterFunc(time.Second, func() { time.AfterFunc(40*time.Second, s.Stall(method)) })
				code, _ := s.runFor(5 * time.Minute)
				s.exits(code, 0)
				s.happened(`
component started: pause
component started: web
component ended: web 7
component restarts: web (web ended)
component started: web
pod stopping: 0 (asked to stop by SIGTERM)
component ended: web 0
pod ended: 0 (asked to stop by SIGTERM)
`, ofRuns...)
			})
		})
	}
}
