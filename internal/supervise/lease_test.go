package supervise_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/supervise"
)

// A lease is one that the test says everything of: also an offer that is always taken.
type lease struct {
	asked, lost chan struct{}
	stopping    func()

	// letGo is called when it is closed first. Nil: it is of no interest.
	letGo func()

	mu     sync.Mutex
	closed int
}

func (l *lease) Env() string                                    { return "LEASE=there" }
func (l *lease) Grant(context.Context) (supervise.Lease, error) { return l, nil }
func (l *lease) Asked() <-chan struct{}                         { return l.asked }
func (l *lease) Lost() <-chan struct{}                          { return l.lost }

func (l *lease) Stopping() error {
	l.stopping()
	return nil
}

func (l *lease) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed++; l.closed == 1 && l.letGo != nil {
		l.letGo()
	}
}

// leased has the scene's pause live on a lease, and its components write into a log, each
// taking two seconds to end. The log begins when the pod is asked to stop, after a minute.
func (s *scene) leased(l *signalLog) *lease {
	of := &lease{asked: make(chan struct{}), lost: make(chan struct{}), stopping: func() { l.add("pause", "is told") }}
	for _, name := range []string{"web", "db"} {
		s.AddImage(name, l.image(name, 2*time.Second))
	}
	l.began = time.Now().Add(time.Minute)
	s.with = func(c *supervise.Config) { c.Offer, c.Settle = of, 100*time.Millisecond }
	return of
}

// signals sends the container of a component a signal, as somebody else.
func (s *scene) signals(component, signal string) {
	seen, err := s.Inspect(s.Context(), s.name(component))
	if err == nil {
		err = s.Signal(s.Context(), seen.ID, signal)
	}
	if err != nil {
		s.Error(err)
	}
}

// endsOnce checks that nothing is told after the last record.
func (s *scene) endsOnce(l *lease) {
	s.Helper()
	time.Sleep(time.Minute)
	if n := len(s.told(event.Ended)); n != 1 || s.last().Kind != event.Ended {
		s.Errorf("%d last records, and the last of all is %q", n, line(s.last()))
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed == 0 {
		s.Error("the lease was not closed")
	}
}

func TestAPauseThatIsAskedToStopEndsThePodInOrder(t *testing.T) {
	for name, test := range map[string]struct {
		why   string
		asked bool // the supervisor too
		code  int
		says  string
	}{
		"Alone": {"nobody has asked the pod itself to stop", false, 1,
			"pause was asked to stop, by the engine's shutdown, docker stop or a component's kill 1; to stop the pod, stop its supervisor's container"},
		"All": {"the engine's shutdown asks all", true, 0, "asked to stop by SIGTERM"},
	} {
		t.Run(name, func(t *testing.T) {
			var l signalLog
			play(t, []pod.Component{of("web", "web", started("db")), of("db", "db")}, func(s *scene) {
				of := s.leased(&l)
				ctx, ask := context.WithCancelCause(s.Context())
				defer ask(nil)
				time.AfterFunc(time.Minute, func() {
					close(of.asked)
					if test.asked {
						time.AfterFunc(100*time.Millisecond, func() { ask(errAsked) })
					}
				})
				s.exits(s.run(ctx), test.code)
				got := s.last()
				if got.Why != test.says || (got.Component == "pause") != (test.code != 0) {
					t.Errorf("%s: told %q of %q", test.why, got.Why, got.Component)
				}
				l.got(t, "250ms pause is told", "250ms web SIGTERM", "2.25s db SIGTERM", "2.25s web ended", "4.25s db ended")
				s.endsOnce(of)
			})
		})
	}
}

// docker stop of all containers sends each its stop signal, once. A second one means "now"
// to many, and so does one of ours.
func TestWhoHasHadItsStopSignalFromSomebodyElseGetsNoOther(t *testing.T) {
	const ms = time.Millisecond
	for name, test := range map[string]struct {
		why   string
		pause bool                     // it is pause that is asked, and not the supervisor
		at    map[string]time.Duration // when others are sent a signal, from the stop on
		sent  string
		want  []string
		also  time.Duration // when pause is asked as well, from the stop on; zero: it is not
	}{
		"Before": {"all were asked a moment ago", false, map[string]time.Duration{"web": -50 * ms, "db": -40 * ms}, "SIGTERM",
			[]string{"-50ms web SIGTERM", "-40ms db SIGTERM", "250ms pause is told", "1.95s web ended", "1.96s db ended"}, 0},
		"After": {"all are about to be asked", false, map[string]time.Duration{"web": 50 * ms, "db": 60 * ms}, "SIGTERM",
			[]string{"50ms web SIGTERM", "60ms db SIGTERM", "350ms pause is told", "2.05s web ended", "2.06s db ended"}, 0},
		"OneByOne": {"whoever asks them is slow", false, map[string]time.Duration{"web": 50 * ms, "db": 300 * ms}, "SIGTERM",
			[]string{"50ms web SIGTERM", "300ms db SIGTERM", "600ms pause is told", "2.05s web ended", "2.3s db ended"}, 0},
		"One": {"only one was", false, map[string]time.Duration{"web": -50 * ms}, "SIGTERM",
			[]string{"-50ms web SIGTERM", "250ms db SIGTERM", "250ms pause is told", "1.95s web ended", "2.25s db ended"}, 0},
		"NoneOfThem": {"only the supervisor was", false, nil, "",
			[]string{"100ms db SIGTERM", "100ms pause is told", "100ms web SIGTERM", "2.1s db ended", "2.1s web ended"}, 0},
		"WithPause": {"the engine shuts down", true, map[string]time.Duration{"web": 50 * ms, "db": 200 * ms}, "SIGTERM",
			[]string{"50ms web SIGTERM", "200ms db SIGTERM", "500ms pause is told", "2.05s web ended", "2.2s db ended"}, 0},
		"OtherSignal": {"one that means something else asks nobody to stop", false, map[string]time.Duration{"web": -5 * time.Second}, "SIGWINCH",
			[]string{"100ms db SIGTERM", "100ms pause is told", "100ms web SIGTERM", "2.1s db ended", "2.1s web ended"}, 0},
		"PauseSaysSo": {"pause says that it was, before the engine tells of others", false, map[string]time.Duration{"web": 150 * ms, "db": 160 * ms}, "SIGTERM",
			[]string{"150ms web SIGTERM", "160ms db SIGTERM", "550ms pause is told", "2.15s web ended", "2.16s db ended"}, 50 * ms},
	} {
		t.Run(name, func(t *testing.T) {
			var l signalLog
			play(t, []pod.Component{of("web", "web"), of("db", "db")}, func(s *scene) {
				of := s.leased(&l)
				if test.sent == "SIGWINCH" {
					s.AddImage("web", deafTo(&l, test.sent))
				}
				for component, at := range test.at {
					time.AfterFunc(time.Minute+at, func() { s.signals(component, test.sent) })
				}
				if test.also > 0 {
					time.AfterFunc(time.Minute+test.also, func() { close(of.asked) })
				}
				code, want := 0, 0
				if test.pause {
					want = 1
					time.AfterFunc(time.Minute, func() { close(of.asked) })
					code = s.run(s.Context())
				} else {
					code, _ = s.runFor(time.Minute)
				}
				s.exits(code, want)
				l.got(t, test.want...)
				s.endsOnce(of)
			})
		})
	}
}

// deafTo is the log's image of web, which does nothing at a signal.
func deafTo(l *signalLog, ignored string) fake.Image {
	image := l.image("web", 2*time.Second)
	main := image.Programs["/main"]
	image.Programs["/main"] = func(ctx context.Context, p fake.Process) int {
		heard := make(chan string, 16)
		signals := p.Signals
		p.Signals = heard
		over := make(chan struct{})
		var hearing sync.WaitGroup
		hearing.Go(func() {
			for {
				select {
				case signal := <-signals:
					if signal != ignored {
						heard <- signal
					}
				case <-over:
					return
				}
			}
		})
		defer hearing.Wait()
		defer close(over)
		return main(ctx, p)
	}
	return image
}

// With pause all that it holds has ended, and an engine that is away cannot say so.
func TestAPauseThatHasEndedWhileTheEngineIsAwayEndsTheStop(t *testing.T) {
	for name, test := range map[string]struct {
		why  string
		lost time.Duration // when pause ends, from the stop on; zero: it does not
		took time.Duration
	}{
		"Lost":  {"nothing is left to be stopped", 2 * time.Second, 2 * time.Second},
		"Lives": {"the engine may yet come back", 0, 50 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			var l signalLog
			play(t, []pod.Component{of("web", "web")}, func(s *scene) {
				s.pod.Grace, s.broken = time.Minute, true
				of := s.leased(&l)
				with := s.with
				s.with = func(c *supervise.Config) {
					with(c)
					emit := c.Emit
					c.Emit = func(e event.Event) {
						if emit(e); e.Kind == event.Ended {
							s.Back() // for who looks at what is left
						}
					}
				}
				time.AfterFunc(59*time.Second, s.Away)
				if test.lost > 0 {
					time.AfterFunc(time.Minute+test.lost, func() { close(of.lost) })
				}
				code, took := s.runFor(time.Minute)
				if test.lost > 0 {
					s.exits(code, 0)
				}
				if took < test.took || test.lost > 0 && took > test.took+2*time.Second {
					t.Errorf("%s: it took %v", test.why, took)
				}
				s.endsOnce(of)
			})
		})
	}
}

// An engine that answers knows better what is left.
func TestAPauseThatHasEndedEndsNoStopWhereTheEngineAnswers(t *testing.T) {
	var l signalLog
	play(t, []pod.Component{of("web", "web")}, func(s *scene) {
		of := s.leased(&l)
		time.AfterFunc(time.Minute+time.Second, func() { close(of.lost) })
		code, took := s.runFor(time.Minute)
		s.exits(code, 0)
		if took < 2*time.Second {
			t.Errorf("it took %v", took)
		}
		l.got(t, "100ms pause is told", "100ms web SIGTERM", "2.1s web ended")
		s.endsOnce(of)
	})
}

// A pause that cannot take its lease would not end with its supervisor.
func TestAPauseFindsItsLeaseInItsEnvironment(t *testing.T) {
	var l signalLog
	play(t, []pod.Component{of("web", "web")}, func(s *scene) {
		s.leased(&l)
		var got []string
		s.AddImage("pause", fake.Running(func(ctx context.Context, p fake.Process) int {
			got = p.Env
			return fake.Pause(ctx, p)
		}))
		s.runFor(time.Minute)
		if !strings.Contains(fmt.Sprint(got), "LEASE=there") {
			t.Errorf("its environment is %q", got)
		}
	})
}

// A slow offer is taken late, and pause ends when it is taken back before.
type slowOffer struct {
	*lease
	after     time.Duration
	takenBack func()
}

func (o slowOffer) Grant(ctx context.Context) (supervise.Lease, error) {
	if err := clock.Sleep(ctx, o.after); err != nil {
		o.takenBack()
		return nil, err
	}
	return o.lease, nil
}

// What keeps a component from being made may be known before pause has its lease.
func TestAPodThatEndsBeforePauseHasItsLeaseEndsForItsOwnReason(t *testing.T) {
	var l signalLog
	play(t, []pod.Component{of("web", "gone")}, func(s *scene) {
		s.pod.Components[0].Pull = pod.Never
		granted := s.leased(&l)
		with := s.with
		s.with = func(c *supervise.Config) {
			with(c)
			c.Offer = slowOffer{granted, time.Second, func() {
				_ = s.Signal(s.Context(), engine.ID(s.owner.PauseName()), "SIGKILL") // if it is still there
			}}
		}
		s.exits(s.run(s.Context()), engine.FaultCode)
		if got := s.last(); got.Component != "web" || !strings.Contains(got.Why, "it is never pulled") {
			t.Errorf("told %q of %q", got.Why, got.Component)
		}
	})
}

// Without its lease pause ends by itself, which is sooner than the engine could kill it. It
// holds the namespaces until all have ended, and what they have said of that.
func TestPauseIsLetGoWhenAllHaveEndedAndRemovedThen(t *testing.T) {
	var l signalLog
	web := of("web", "web")
	web.TerminationMessage = "/dev/termination-log" // which pause has
	play(t, []pod.Component{web, of("db", "db")}, func(s *scene) {
		of := s.leased(&l)
		of.letGo = func() { l.add("pause", "is let go") }
		s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
			if c == (fake.Call{Op: "remove", Name: s.owner.PauseName()}) {
				of.mu.Lock()
				defer of.mu.Unlock()
				l.add("pause", fmt.Sprintf("is removed, let go before: %v", of.closed > 0))
			}
			if c.Op == "read" {
				_ = clock.Sleep(ctx, time.Second)
			}
			return usual(ctx, c, do)
		})
		code, _ := s.runFor(time.Minute)
		s.exits(code, 0)
		l.got(t, "100ms db SIGTERM", "100ms pause is told", "100ms web SIGTERM",
			"2.1s db ended", "2.1s web ended", "3.1s pause is let go", "3.1s pause is removed, let go before: true")
	})
}

// A mute engine cuts the output of the container of that name when it is told to, and has no
// log of it.
type mute struct {
	engine.Engine
	name string
	cut  chan struct{}
}

func (m mute) Attach(ctx context.Context, id engine.ID, of engine.Container) (engine.Stream, error) {
	stream, err := m.Engine.Attach(ctx, id, of)
	if of.Name == m.name {
		stream = cutStream{stream, m.cut}
	}
	return stream, err
}

func (m mute) Log(ctx context.Context, id engine.ID, tty bool, since time.Time) (engine.Log, error) {
	if seen, err := m.Inspect(ctx, string(id)); err != nil || seen.Name == m.name {
		return nil, engine.ErrNotFound
	}
	return m.Engine.Log(ctx, id, tty, since)
}

type cutStream struct {
	engine.Stream
	cut chan struct{}
}

func (c cutStream) Copy(io.Writer, io.Writer) error {
	<-c.cut
	return engine.ErrUnreachable
}

// What pause has to say while it is removed is of no interest, and what a component has is.
func TestOutputThatIsLostIsToldUnlessItIsThatOfAPauseThatIsRemoved(t *testing.T) {
	for name, told := range map[string]int{"pause": 0, "web": 1} {
		t.Run(name, func(t *testing.T) {
			var l signalLog
			play(t, []pod.Component{of("web", "web"), of("db", "db")}, func(s *scene) {
				of, whose := s.leased(&l), map[string]string{"pause": s.owner.PauseName(), "web": s.name("web")}[name]
				cut, with := make(chan struct{}), s.with
				of.letGo = func() { close(cut) }
				s.with = func(c *supervise.Config) {
					with(c)
					c.Engine = mute{c.Engine, whose, cut}
				}
				code, _ := s.runFor(time.Minute)
				s.exits(code, 0)
				if lost := s.told(event.OutputLost); len(lost) != told {
					t.Errorf("told %v, want %d", lost, told)
				}
			})
		})
	}
}
