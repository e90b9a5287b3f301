package supervise_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/supervise"
)

func TestALeftoverThatCannotBeRemovedKeepsNobodyFromStarting(t *testing.T) {
	const mended = 90 * time.Second
	play(t, []pod.Component{app("web")}, func(s *scene) {
		var l signalLog
		s.AddImage("logs", l.image("before", 0))
		before := s.supervisor("shop.1.before", "service")
		s.leftovers(before)
		s.dies(before)
		began := time.Now()
		s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
			if c == (fake.Call{Op: "remove", Name: before.PauseName()}) && time.Since(began) < mended {
				return errors.New("device busy")
			}
			return usual(ctx, c, do)
		})
		s.with = func(c *supervise.Config) {
			emit := c.Emit
			c.Emit = func(e event.Event) {
				if e.Kind == event.Swept {
					s.isGone(e.Container)
				}
				emit(e)
			}
		}
		code, _ := s.runFor(10 * time.Minute)
		s.exits(code, 0)
		if running := s.told(event.Running); len(running) != 1 || running[0].At.Sub(began) > time.Second {
			t.Errorf("it was late:\n%s", s.history())
		}
		failed, swept := s.told(event.CleanupFailed), s.told(event.Swept)
		if len(failed) != 1 || !strings.Contains(failed[0].Why, "device busy") {
			t.Errorf("of what failed was told:\n%s", s.history(event.CleanupFailed))
		}
		if len(swept) != 3 {
			t.Fatalf("of what was swept was told:\n%s", s.history(event.Swept))
		}
		for _, e := range swept[:2] { // the others did not wait for it; pause runs, so all are left to end by themselves at first
			if at := e.At.Sub(began); e.Container == before.PauseName() || at > time.Minute+time.Second {
				t.Errorf("%s after %v", e.Container, at)
			}
		}
		if at := swept[2].At.Sub(began); swept[2].Container != before.PauseName() || at < mended || at > 4*time.Minute {
			t.Errorf("%s after %v", swept[2].Container, at)
		}
	})
}

// isGone checks that there is neither a container nor a volume of a name.
func (s *scene) isGone(name string) {
	s.Helper()
	if seen, err := s.Inspect(context.Background(), name); !errors.Is(err, engine.ErrNotFound) {
		s.Errorf("%s is told to be removed, and is there: %+v, %v", name, seen, err)
	}
	if _, err := s.Volume(context.Background(), name); !errors.Is(err, engine.ErrNotFound) {
		s.Errorf("volume %s is told to be removed, and is there: %v", name, err)
	}
}
