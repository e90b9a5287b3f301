package supervise_test

import (
	"context"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/engine/retry"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/supervise"
)

// A cutter is an engine behind a proxy that cuts what lasts as soon as it is there.
type cutter struct{ engine.Engine }

func (c cutter) Wait(ctx context.Context, id engine.ID) (<-chan engine.Exit, error) {
	_, err := c.Engine.Wait(ctx, id)
	return cutExit(), err
}

func cutExit() <-chan engine.Exit {
	exit := make(chan engine.Exit, 1)
	exit <- engine.Exit{Err: fmt.Errorf("%w: connection reset by peer", engine.ErrUnreachable)}
	return exit
}

func (c cutter) Attach(ctx context.Context, id engine.ID, of engine.Container) (engine.Stream, error) {
	s, err := c.Engine.Attach(ctx, id, of)
	if err == nil {
		_ = s.Close()
	}
	return s, err
}

func (c cutter) Log(ctx context.Context, id engine.ID, tty bool, since time.Time) (engine.Log, error) {
	l, err := c.Engine.Log(ctx, id, tty, since)
	if err != nil {
		return nil, err
	}
	return cutLog{l}, nil
}

type cutLog struct{ engine.Log }

func (cutLog) Next() (engine.Record, error) { return engine.Record{}, io.ErrUnexpectedEOF }

func (c cutter) Watch(ctx context.Context, labels map[string]string, tell func(engine.Sign)) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cut := time.AfterFunc(time.Millisecond, func() { cancel(fmt.Errorf("%w: connection reset by peer", engine.ErrUnreachable)) })
	defer cut.Stop()
	return c.Engine.Watch(ctx, labels, tell)
}

// What is cut at once is asked for again, but not as fast as the machine can.
func TestWhatIsCutAtOnceIsNotAskedForInAHotLoop(t *testing.T) {
	const most = 60 // calls of one kind for one container in a minute
	for name, test := range map[string]struct {
		why string
		cut func(engine.Engine) engine.Engine
	}{
		"Cut":  {"a proxy cuts what lasts", func(e engine.Engine) engine.Engine { return cutter{e} }},
		"Away": {"nobody listens", func(e engine.Engine) engine.Engine { return e }},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, []pod.Component{app("web"), app("db")}, func(s *scene) {
				var mu sync.Mutex
				calls, counting := map[string]int{}, false
				s.with = func(c *supervise.Config) {
					c.Engine = retry.New(test.cut(s.Engine), 0, func(retry.Outage) {})
				}
				s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
					mu.Lock()
					if counting {
						calls[c.String()]++
					}
					mu.Unlock()
					return usual(ctx, c, do)
				})
				count := func(on bool) func() {
					return func() {
						mu.Lock()
						defer mu.Unlock()
						counting = on
					}
				}
				if name == "Away" {
					s.outage(2*time.Second, 4*time.Minute)
				}
				time.AfterFunc(time.Second, count(true)) // with the fast tries at the beginning
				time.AfterFunc(61*time.Second, count(false))
				code, _ := s.runFor(5 * time.Minute)
				s.exits(code, 0)
				mu.Lock()
				defer mu.Unlock()
				for call, n := range calls {
					if n > most {
						t.Errorf("%s: %d times a minute: %s", test.why, n, call)
					}
				}
				if len(calls) == 0 {
					t.Error("nothing was asked again")
				}
				s.happened("component ended: db 0\ncomponent ended: web 0\n", event.Died)
			})
		})
	}
}

// Where nothing happens, nothing is asked.
func TestAnIdlePodAsksNothing(t *testing.T) {
	play(t, []pod.Component{restarted("web", "app", pod.RestartAlways), of("db", "checked")}, func(s *scene) {
		var mu sync.Mutex
		calls, began := map[string]int{}, time.Now()
		s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
			mu.Lock()
			if at := time.Since(began); at > 5*time.Second && at < time.Hour {
				calls[c.String()]++
			}
			mu.Unlock()
			return usual(ctx, c, do)
		})
		code, _ := s.runFor(time.Hour)
		s.exits(code, 0)
		if len(calls) > 0 {
			t.Errorf("in an hour: %v", calls)
		}
	})
}
