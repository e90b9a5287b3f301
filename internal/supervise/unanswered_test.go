package supervise_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/supervise"
)

// passing is an image whose probes pass, a tenth of a second after they are asked.
func passing() fake.Image {
	image := fake.Running(fake.UntilAsked)
	image.Programs["/check"] = fake.Exit(0, 100*time.Millisecond)
	return image
}

// A probe that the engine does not answer says nothing of the component, whether the
// engine is away or takes the call and is silent.
func TestAProbeThatTheEngineDoesNotAnswerIsNoFailure(t *testing.T) {
	for name, fault := range map[string]func(s *scene){
		"Away": func(s *scene) { s.outage(10*time.Second+rising, 30*time.Second) },
		"Cut": func(s *scene) { // in the middle of a command
			s.outage(10*time.Second+rising+50*time.Millisecond, 30*time.Second)
		},
		"Silent": func(s *scene) {
			time.AfterFunc(10*time.Second+rising, func() {
				time.AfterFunc(30*time.Second, s.Stall("Exec"))
				time.AfterFunc(32*time.Second, s.Stall("Inspect")) // who asks whether it answers at all does so a little later
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			web := restarted("web", "passing", pod.RestartAlways)
			web.Probes = pod.Probes{Liveness: check(1), Readiness: check(1)}
			play(t, []pod.Component{web}, func(s *scene) {
				s.AddImage("passing", passing())
				var ready atomic.Bool
				s.ready = func(r *supervise.Supervisor) {
					time.AfterFunc(35*time.Second, func() { ready.Store(r.Status().Components[0].Ready) })
				}
				fault(s)
				code, _ := s.runFor(2 * time.Minute)
				s.exits(code, 0)
				s.happened("component started: pause\ncomponent started: web\n", event.Started, event.Broken, event.ProbeFailed, event.Restarting)
				if !ready.Load() {
					t.Error("it is not ready any more")
				}
				if len(s.told(event.ProbeUnknown)) == 0 {
					t.Errorf("that it cannot be probed was not told:\n%s", s.history())
				}
			})
		})
	}
}

// A command that takes too long on an engine that answers is the component's fault.
func TestAProbeThatTakesTooLongOnAnEngineThatAnswersIsAFailure(t *testing.T) {
	web := restarted("web", "hangs", pod.RestartNo)
	web.Probes.Liveness = check(1)
	play(t, []pod.Component{web}, func(s *scene) {
		image := passing()
		image.Programs["/check"] = fake.Stubborn
		s.AddImage("hangs", image)
		s.exits(s.run(s.Context()), 1)
	})
}

func TestAPostStartHookThatTheEngineDoesNotAnswerIsTriedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		why   string
		err   error // of the first three tries; nil: the command fails
		tries int64
		code  int
	}{
		"Unsent": {"the engine was away", fmt.Errorf("%w: %w", engine.ErrUnreachable, engine.ErrNotSent), 4, 0},
		"Cut":    {"how it has ended is not known", engine.ErrUnreachable, 4, 0},
		"Failed": {"a hook that fails is tried once", nil, 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			web := of("web", "greets")
			web.PostStart = hook("greet")
			play(t, []pod.Component{web, app("db", started("web"))}, func(s *scene) {
				image := fake.Running(fake.UntilAsked)
				image.Programs["/greet"] = fake.Exit(test.code, 0)
				s.AddImage("greets", image)
				var tries atomic.Int64
				s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
					if c.Op == "exec" && tries.Add(1) <= 3 && test.err != nil {
						return test.err
					}
					return usual(ctx, c, do)
				})
				code, _ := s.runFor(time.Minute)
				s.exits(code, test.code)
				if tries.Load() != test.tries || strings.Contains(s.history(), "hook failed") != (test.code != 0) {
					t.Errorf("%s: tried %d times, want %d:\n%s", test.why, tries.Load(), test.tries, s.history())
				}
				if started := strings.Contains(s.history(event.Started), "db"); started != (test.code == 0) {
					t.Errorf("%s: db was started: %t", test.why, started)
				}
			})
		})
	}
}
