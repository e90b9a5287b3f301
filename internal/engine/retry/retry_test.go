package retry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/engine/retry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errGone = errors.New("gone")

// A scene is an engine in memory and one that asks it again.
type scene struct {
	*testing.T
	fake    *fake.Engine
	engine  *retry.Engine
	began   time.Time
	outages []string // what was told, with its time since the scene began

	mu    sync.Mutex
	calls map[string][]time.Duration // when each was made
}

// play runs a test on an engine with a container `web`, which takes note of its signals.
func play(t *testing.T, limit time.Duration, test func(s *scene, id engine.ID)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{T: t, fake: fake.New(), began: time.Now(), calls: map[string][]time.Duration{}}
		defer s.fake.Close()
		s.fake.AddImage("app", fake.Running(fake.Stubborn))
		s.engine = retry.New(s.fake, limit, func(o retry.Outage) {
			word := "begins"
			if o.Over {
				word = fmt.Sprint("over after ", o.Took)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.outages = append(s.outages, fmt.Sprint(time.Since(s.began), " ", word))
		})
		id, _, err := s.fake.Create(t.Context(), engine.Container{Name: "web", Image: "app"})
		if err := errors.Join(err, s.fake.Start(t.Context(), id)); err != nil {
			t.Fatal(err)
		}
		s.fake.Intercept(func(_ context.Context, c fake.Call, do func() error) error {
			s.mu.Lock()
			s.calls[c.Op] = append(s.calls[c.Op], time.Since(s.began))
			s.mu.Unlock()
			return do()
		})
		test(s, id)
	})
}

func (s *scene) told(want ...string) {
	s.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.outages, want) {
		s.Errorf("told %q, want %q", s.outages, want)
	}
}

func (s *scene) made(op string, want ...time.Duration) {
	s.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range want {
		want[i] *= time.Millisecond
	}
	if !slices.Equal(s.calls[op], want) {
		s.Errorf("%s was called at %v, want %v", op, s.calls[op], want)
	}
}

func (s *scene) lost() bool {
	select {
	case <-s.engine.Lost():
		return true
	default:
		return false
	}
}

func TestACallIsMadeAgainAtLongerAndLongerDelays(t *testing.T) {
	play(t, 0, func(s *scene, _ engine.ID) {
		s.fake.Away()
		time.AfterFunc(20*time.Second, s.fake.Back)
		if _, err := s.engine.Inspect(s.Context(), "web"); err != nil {
			s.Error(err)
		}
		s.made("inspect", 0, 100, 300, 700, 1500, 3100, 6300, 11300, 16300, 21300)
		s.told("0s begins", "21.3s over after 21.3s")
		if s.lost() {
			s.Error("it is lost, and there is no limit")
		}
	})
}

func TestAnOutageIsOverByACallThatBeganAfterIt(t *testing.T) {
	play(t, 0, func(s *scene, _ engine.ID) {
		release := s.fake.Stall("Image")
		defer release()
		var calls sync.WaitGroup
		calls.Go(func() { // it is asked before the outage, and answered in it
			if _, err := s.engine.Image(s.Context(), "app"); err != nil {
				s.Error(err)
			}
		})
		time.Sleep(time.Second)
		for range 5 {
			s.fake.FailNext("Inspect", engine.ErrUnreachable)
			s.fake.FailNext("List", engine.ErrUnreachable)
		}
		calls.Go(func() { _, _ = s.engine.Inspect(s.Context(), "web") })
		calls.Go(func() { _, _ = s.engine.List(s.Context(), nil) })
		time.Sleep(time.Second)
		release()
		synctest.Wait()
		s.told("1s begins")
		calls.Wait()
		s.told("1s begins", "4.1s over after 3.1s")
	})
}

func TestAnEngineIsLostAfterTheLimit(t *testing.T) {
	play(t, 10*time.Second, func(s *scene, _ engine.ID) {
		s.fake.Away()
		ctx, cancel := context.WithCancelCause(s.Context())
		time.AfterFunc(time.Minute, func() { cancel(errGone) })
		var asking sync.WaitGroup
		asking.Go(func() { _, _ = s.engine.Inspect(ctx, "web") })
		time.Sleep(9 * time.Second)
		if s.lost() {
			s.Error("lost before the limit")
		}
		time.Sleep(3 * time.Second)
		if !s.lost() {
			s.Error("not lost")
		}
		asking.Wait() // to lose it again does nothing
		s.told("0s begins")
	})
}

func TestTwoShortOutagesAreNoLongOne(t *testing.T) {
	play(t, 10*time.Second, func(s *scene, _ engine.ID) {
		for range 2 {
			s.fake.Away()
			time.AfterFunc(6*time.Second, s.fake.Back)
			if _, err := s.engine.Inspect(s.Context(), "web"); err != nil {
				s.Error(err)
			}
		}
		s.told("0s begins", "6.3s over after 6.3s", "6.4s begins", "12.6s over after 6.2s") // at 6.3 s a call was answered
		if s.lost() {
			s.Error("lost")
		}
	})
}

func TestWhatTheEngineAnswersIsTriedAgainOrReturned(t *testing.T) {
	lasting := errors.New("no such thing")
	for name, test := range map[string]struct {
		why   string
		fails []error
		want  error
		took  time.Duration
	}{
		"Lasting":    {"it will be so the next time", []error{lasting}, lasting, 0},
		"NotFound":   {"that is an answer", []error{engine.ErrNotFound}, engine.ErrNotFound, 0},
		"Failed":     {"the engine may do better", []error{engine.ErrInternal, engine.ErrInternal}, nil, 300 * time.Millisecond},
		"FailsStill": {"it may never do better", slices.Repeat([]error{engine.ErrInternal}, 20), engine.ErrInternal, 12 * time.Second},
		"AwayBetween": {"an engine that begins anew has its time anew",
			slices.Concat(slices.Repeat([]error{engine.ErrInternal}, 7), []error{engine.ErrUnreachable}, slices.Repeat([]error{engine.ErrInternal}, 20)),
			engine.ErrInternal, (11300 + 5000 + 12000) * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, 0, func(s *scene, _ engine.ID) {
				for _, err := range test.fails {
					s.fake.FailNext("Inspect", err)
				}
				_, err := s.engine.Inspect(s.Context(), "web")
				if took := time.Since(s.began); !errors.Is(err, test.want) || took != test.took {
					s.Errorf("%s: got %v after %v, want %v after %v", test.why, err, took, test.want, test.took)
				}
			})
		})
	}
}

// calls are those that are made again, and how long one may take.
func calls(ctx context.Context, e *retry.Engine, id engine.ID) map[string]func() error {
	return map[string]func() error{
		"Inspect":      func() error { _, err := e.Inspect(ctx, "web"); return err },
		"List":         func() error { _, err := e.List(ctx, nil); return err },
		"Create":       func() error { _, _, err := e.Create(ctx, engine.Container{Name: "new", Image: "app"}); return err },
		"Start":        func() error { return e.Start(ctx, id) },
		"Wait":         func() error { _, err := e.Wait(ctx, id); return err },
		"Signal":       func() error { return e.Signal(ctx, id, "SIGTERM") },
		"Remove":       func() error { return e.Remove(ctx, "none") },
		"Attach":       func() error { _, err := e.Attach(ctx, id, engine.Container{}); return err },
		"Log":          func() error { _, err := e.Log(ctx, id, false, time.Time{}); return err },
		"Stat":         func() error { _, err := e.Stat(ctx, id, "/"); return err },
		"Read":         func() error { _, err := e.Read(ctx, id, "/none", 1); return ignore(err, engine.ErrNotFound) },
		"Image":        func() error { _, err := e.Image(ctx, "app"); return err },
		"Volumes":      func() error { _, err := e.Volumes(ctx, nil); return err },
		"Volume":       func() error { _, err := e.Volume(ctx, "none"); return ignore(err, engine.ErrNotFound) },
		"RemoveVolume": func() error { return e.RemoveVolume(ctx, "none") },
		"Past":         func() error { _, err := e.Past(ctx, nil, time.Time{}); return err },
	}
}

// ignore is err, unless it is of that kind.
func ignore(err, kind error) error {
	if errors.Is(err, kind) {
		return nil
	}
	return err
}

func TestACallThatHangsIsMadeAgain(t *testing.T) {
	slow := []string{"Create", "Start", "Remove"}
	for name := range calls(t.Context(), nil, "") {
		t.Run(name, func(t *testing.T) {
			play(t, 0, func(s *scene, id engine.ID) {
				patience := 30 * time.Second
				if slices.Contains(slow, name) {
					patience = 2 * time.Minute
				}
				release := s.fake.Stall(name)
				time.AfterFunc(patience+time.Millisecond, release)
				if err := calls(s.Context(), s.engine, id)[name](); err != nil {
					s.Error(err)
				}
				back := patience + 100*time.Millisecond
				if name == "Signal" {
					back += time.Second // until it is known that it was not sent
				}
				s.told(fmt.Sprint(patience, " begins"), fmt.Sprint(back, " over after ", back))
			})
		})
	}
}

func TestACallEndsAtOnceWithItsContext(t *testing.T) {
	for name := range calls(t.Context(), nil, "") {
		for why, prepare := range map[string]func(s *scene){
			"while it is tried":   func(s *scene) { s.Cleanup(s.fake.Stall(name)) },
			"between two tries":   func(s *scene) { s.fake.Away() },
			"before it has begun": func(s *scene) { time.Sleep(8 * time.Second) },
		} {
			t.Run(name+" "+why, func(t *testing.T) {
				play(t, 0, func(s *scene, id engine.ID) {
					ctx, cancel := context.WithCancelCause(s.Context())
					time.AfterFunc(8*time.Second, func() { cancel(errGone) })
					prepare(s)
					synctest.Wait()
					err := calls(ctx, s.engine, id)[name]()
					if took := time.Since(s.began); !errors.Is(err, errGone) || took != 8*time.Second {
						s.Errorf("got %v after %v", err, took)
					}
				})
			})
		}
	}
}

func TestAConnectionLivesAsLongAsItsContext(t *testing.T) {
	play(t, 0, func(s *scene, id engine.ID) {
		ctx, cancel := context.WithCancelCause(s.Context())
		s.fake.FailNext("Wait", engine.ErrUnreachable)
		end, err := s.engine.Wait(ctx, id)
		if err != nil {
			s.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(end) > 0 {
			s.Fatal("a wait has ended")
		}
		cancel(errGone)
		if x := <-end; !errors.Is(x.Err, errGone) {
			s.Errorf("ended with %+v", x)
		}
	})
}

// signalled counts how often a container got SIGTERM.
func (s *scene) signalled(id engine.ID) (n int) {
	s.Helper()
	past, err := s.fake.Past(s.Context(), nil, time.Time{})
	if err != nil {
		s.Fatal(err)
	}
	for _, sign := range past {
		if sign.Container == id && sign.Kind == engine.SignSignalled && sign.Signal == engine.SignalNumber("SIGTERM") {
			n++
		}
	}
	return n
}

func TestNobodyGetsASignalTwice(t *testing.T) {
	for name, test := range map[string]struct {
		why     string
		prepare func(s *scene, id engine.ID)
	}{
		"AnswerLost": {"it was sent", func(s *scene, _ engine.ID) { s.fake.LoseAnswer("Signal") }},
		"NotSent":    {"it was not", func(s *scene, _ engine.ID) { s.fake.Away(); time.AfterFunc(time.Second, s.fake.Back) }},
		"Unknown":    {"nobody knows, but the engine", func(s *scene, _ engine.ID) { s.fake.FailNext("Signal", engine.ErrUnreachable) }},
		"PastIsAway": {"it has to be known", func(s *scene, _ engine.ID) {
			s.fake.LoseAnswer("Signal")
			s.fake.FailNext("Past", engine.ErrUnreachable)
			s.fake.FailNext("Past", engine.ErrInternal)
		}},
		"Other": {"another signal is not this one", func(s *scene, id engine.ID) {
			s.fake.FailNext("Signal", engine.ErrUnreachable)
			time.AfterFunc(50*time.Millisecond, func() { _ = s.fake.Signal(s.Context(), id, "SIGHUP") })
		}},
		"Hangs": {"it was sent, and the answer hangs", func(s *scene, _ engine.ID) {
			s.fake.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
				err := do()
				if c.Op == "signal" {
					<-ctx.Done()
					return context.Cause(ctx)
				}
				return err
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, 0, func(s *scene, id engine.ID) {
				time.Sleep(time.Minute)
				test.prepare(s, id)
				if err := s.engine.Signal(s.Context(), id, "SIGTERM"); err != nil {
					s.Errorf("%s: %v", test.why, err)
				}
				if n := s.signalled(id); n != 1 {
					s.Errorf("%s: it got %d signals", test.why, n)
				}
			})
		})
	}
}

// watch watches until the test is over.
func (s *scene) watch(labels map[string]string) (signs func() int, end func()) {
	ctx, cancel := context.WithCancelCause(s.Context())
	var mu sync.Mutex
	n, ended := 0, make(chan error, 1)
	go func() {
		ended <- s.engine.Watch(ctx, labels, func(engine.Sign) {
			mu.Lock()
			defer mu.Unlock()
			n++
		})
	}()
	return func() int {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return n
		}, func() {
			cancel(errGone)
			if err := <-ended; !errors.Is(err, errGone) {
				s.Errorf("watched until %v", err)
			}
		}
}

func TestAWatchThatIsCutIsMadeAgain(t *testing.T) {
	play(t, 0, func(s *scene, _ engine.ID) {
		signs, end := s.watch(nil)
		defer end()
		if n := signs(); n != 1 {
			s.Fatalf("%d signs at first", n)
		}
		time.Sleep(time.Minute)
		s.fake.CutWatches(engine.ErrUnreachable)
		time.Sleep(100 * time.Millisecond)
		if n := signs(); n != 2 {
			s.Errorf("%d signs after the cut", n)
		}
		s.told()
	})
}

func TestAWatchTellsOfAnOutage(t *testing.T) {
	play(t, 0, func(s *scene, _ engine.ID) {
		_, end := s.watch(nil)
		defer end()
		time.Sleep(time.Minute)
		s.fake.Away()
		time.Sleep(time.Second)
		s.fake.Back()
		time.Sleep(time.Second)
		s.told("1m0.1s begins", "1m1.5s over after 1.4s")
	})
}

// A pod may have nothing to tell for days.
func TestAQuietWatchThatIsCutHasNotBeenAwayAllTheTime(t *testing.T) {
	play(t, 10*time.Second, func(s *scene, _ engine.ID) {
		_, end := s.watch(map[string]string{"nobody": "has it"})
		defer end()
		time.Sleep(time.Hour)
		s.fake.Away()
		time.Sleep(time.Second)
		if s.told("1h0m0.1s begins"); s.lost() { // by the next try
			s.Error("lost at once")
		}
		time.Sleep(time.Minute)
		if !s.lost() {
			s.Error("not lost")
		}
	})
}

func TestAWatchThatIsCutAtOnceIsNotHot(t *testing.T) {
	play(t, 0, func(s *scene, _ engine.ID) {
		s.fake.Intercept(func(_ context.Context, c fake.Call, _ func() error) error {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.calls[c.Op] = append(s.calls[c.Op], time.Since(s.began))
			return errors.New("cut")
		})
		_, end := s.watch(nil)
		time.Sleep(10*time.Minute + time.Second)
		end()
		if n := len(s.calls["watch"]); n < 100 || n > 130 {
			s.Errorf("%d calls in 10 min", n)
		}
	})
}

func TestWhatCannotBeDoneTwiceIsNot(t *testing.T) {
	play(t, 0, func(s *scene, id engine.ID) {
		s.fake.FailNext("Put", engine.ErrUnreachable)
		s.fake.FailNext("Exec", engine.ErrUnreachable)
		if err := s.engine.Put(s.Context(), id, "/", strings.NewReader("")); !errors.Is(err, engine.ErrUnreachable) {
			s.Errorf("put: %v", err)
		}
		if _, err := s.engine.Exec(s.Context(), id, engine.Exec{Command: []string{"/main"}}); !errors.Is(err, engine.ErrUnreachable) {
			s.Errorf("exec: %v", err)
		}
		s.made("put", 0)
		s.made("exec", 0)
		s.told("0s begins")
	})
}

// That nobody wants an answer any more is none.
func TestAGivenUpPutSaysNothingOfTheEngine(t *testing.T) {
	play(t, 0, func(s *scene, id engine.ID) {
		s.fake.FailNext("Put", engine.ErrUnreachable)
		_ = s.engine.Put(s.Context(), id, "/", strings.NewReader(""))
		_ = clock.Sleep(s.Context(), time.Second)
		ctx, cancel := context.WithTimeout(s.Context(), time.Second)
		defer cancel()
		defer s.fake.Stall("Put")()
		if err := s.engine.Put(ctx, id, "/", strings.NewReader("")); !errors.Is(err, context.DeadlineExceeded) {
			s.Errorf("put: %v", err)
		}
		s.told("0s begins")
	})
}

// A late engine answers what opens a connection when nobody waits any more, the first time.
type late struct {
	engine.Engine
	asked int
}

func (l *late) Wait(ctx context.Context, id engine.ID) (<-chan engine.Exit, error) {
	l.asked++
	exits, err := l.Engine.Wait(ctx, id)
	if l.asked == 1 {
		time.Sleep(time.Minute)
	}
	return exits, err
}

func TestAConnectionThatComesTooLateIsMadeAgain(t *testing.T) {
	play(t, 0, func(s *scene, id engine.ID) {
		l := &late{Engine: s.fake}
		ctx, cancel := context.WithCancel(s.Context())
		defer cancel()
		end, err := retry.New(l, 0, func(retry.Outage) {}).Wait(ctx, id)
		if err != nil || l.asked != 2 {
			s.Fatalf("asked %d times, and it returns %v", l.asked, err)
		}
		synctest.Wait()
		if len(end) > 0 {
			s.Errorf("it has ended with %+v", <-end)
		}
	})
}
