package supervise_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
)

// A component that ends with 0 when it was found to be broken, before it can be asked to,
// has failed.
func TestWhoIsBrokenHasFailedThoughItEndsBeforeItIsAsked(t *testing.T) {
	for name, test := range map[string]struct {
		why    string
		during string // the call in which it ends by itself
		policy pod.Policy
		code   int // the pod's
		runs   int
	}{
		"Signal":    {"while the signal is on its way", "signal", pod.RestartNo, 1, 1},
		"PreStop":   {"while it prepares for that", "exec", pod.RestartNo, 1, 1},
		"OnFailure": {"so its policy has it run again", "signal", pod.RestartOnFailure, 0, 2},
	} {
		t.Run(name, func(t *testing.T) {
			web := restarted("web", "ends", test.policy)
			web.Probes.Liveness = check(1)
			web.PreStop = hook("prepare")
			play(t, []pod.Component{web, app("db")}, func(s *scene) {
				leave := make(chan struct{})
				leaves := sync.OnceFunc(func() { close(leave) })
				s.AddImage("ends", leaving(leave, func() {
					if test.during == "exec" {
						leaves()
					}
				}))
				s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
					if c.Op == test.during && c.Op == "signal" && c.Name == s.name("web") {
						leaves()
						time.Sleep(20 * time.Millisecond) // it has ended, and we were told
					}
					return usual(ctx, c, do)
				})
				code, _ := s.runFor(time.Minute)
				s.exits(code, test.code)
				if died := s.told(event.Died); len(died) == 0 || died[0].Component != "web" || died[0].Code != 0 {
					t.Errorf("it did not end with 0 by itself:\n%s", s.history())
				}
				if n := len(s.told(event.Started)) - 2; n != test.runs { // but pause and db
					t.Errorf("%s: %d runs, want %d:\n%s", test.why, n, test.runs, s.history())
				}
			})
		})
	}
}

// leaving is an image that ends with 0 in its first run when it may leave, and is broken
// from its start on. Its next run is well.
func leaving(leave <-chan struct{}, prepare func()) fake.Image {
	left := func() bool {
		select {
		case <-leave:
			return true
		default:
			return false
		}
	}
	image := fake.Running(func(ctx context.Context, p fake.Process) int {
		if left() {
			return fake.UntilAsked(ctx, p)
		}
		select {
		case <-leave:
			return 0
		case <-ctx.Done():
			return 1
		}
	})
	image.Programs["/check"] = func(context.Context, fake.Process) int {
		if left() {
			return 0
		}
		return 1
	}
	image.Programs["/prepare"] = func(ctx context.Context, _ fake.Process) int {
		prepare()
		return 0
	}
	return image
}
