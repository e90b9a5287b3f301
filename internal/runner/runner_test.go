package runner_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
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
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/runner"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == successor {
		succeed(os.Args[2:])
		return
	}
	goleak.VerifyTestMain(m)
}

var errGone = errors.New("gone")

// A sink keeps what is passed on, and counts how often it was closed.
type sink struct {
	mu     sync.Mutex
	text   bytes.Buffer
	closed int
}

func (k *sink) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.Write(p)
}

func (k *sink) Close() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.closed++
	return nil
}

func (k *sink) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.String()
}

// A scene is a run on an engine in memory that may go away.
type scene struct {
	*testing.T
	fake      *fake.Engine
	out, errs sink
	mu        sync.Mutex
	missing   []string
	calls     map[string]int
	made      engine.Container
}

func play(t *testing.T, program fake.Program, test func(s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{T: t, fake: fake.New(), calls: map[string]int{}}
		defer s.fake.Close()
		s.fake.AddImage("app", fake.Running(program))
		s.made = engine.Container{Name: "web", Image: "app", Labels: map[string]string{pod.LabelOwner: "me"}}
		s.fake.Intercept(func(_ context.Context, c fake.Call, do func() error) error {
			s.mu.Lock()
			s.calls[c.Op]++
			s.mu.Unlock()
			return do()
		})
		test(s)
	})
}

func (s *scene) config() runner.Config {
	return runner.Config{
		Engine: retry.New(s.fake, 0, func(retry.Outage) {}), Stdout: &s.out, Stderr: &s.errs,
		Missing: func(why string) { s.mu.Lock(); defer s.mu.Unlock(); s.missing = append(s.missing, why) },
	}
}

func ready(context.Context, engine.ID) error { return nil }

func (s *scene) open() *runner.Run {
	s.Helper()
	r, _, err := runner.Open(s.Context(), s.config(), s.made, ready)
	if err != nil {
		s.Fatal(err)
	}
	return r
}

func (s *scene) start() *runner.Run {
	s.Helper()
	r := s.open()
	if err := r.Start(s.Context()); err != nil {
		s.Fatal(err)
	}
	return r
}

// cut has the engine be away for a while.
func (s *scene) cut(d time.Duration) {
	s.fake.Away()
	time.Sleep(d)
	s.fake.Back()
}

// ends checks how a run ends. All of it is passed on then.
func (s *scene) ends(r *runner.Run, code int, fails string) {
	s.Helper()
	select {
	case <-r.Done():
	case <-time.After(time.Hour):
		s.Fatal("it does not end")
	}
	select {
	case <-r.Drained():
	case <-time.After(time.Hour):
		s.Error("its output does not end")
	}
	x := r.Exit()
	if fails == "" && (x.Err != nil || x.Code != code) || fails != "" && (x.Err == nil || !strings.Contains(x.Err.Error(), fails)) {
		s.Errorf("ended with %+v, want %d, %q", x, code, fails)
	}
	r.Close()
	if s.out.closed != 1 || s.errs.closed != 1 {
		s.Errorf("the output was closed %d and %d times", s.out.closed, s.errs.closed)
	}
}

// lacks checks what was told to be missing: as many as there are words, each with its word.
func (s *scene) lacks(words ...string) {
	s.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	ok := len(s.missing) == len(words)
	for i := range min(len(words), len(s.missing)) {
		ok = ok && strings.Contains(s.missing[i], words[i])
	}
	if !ok {
		s.Errorf("missing is %q, want %q", s.missing, words)
	}
}

// talk says numbered lines on both streams, half a line at a time.
func talk(lines int, every time.Duration) fake.Program {
	return func(ctx context.Context, p fake.Process) int {
		for i := range lines {
			fmt.Fprintf(p.Stdout, "out %d ", i)
			fmt.Fprintf(p.Stderr, "err %d\n", i)
			_ = clock.Sleep(ctx, every)
			fmt.Fprint(p.Stdout, "end\n")
		}
		fmt.Fprint(p.Stdout, "no end")
		_ = clock.Sleep(ctx, time.Minute)
		return 3
	}
}

func said(lines int, newline string) (out, errs string) {
	for i := range lines {
		out += fmt.Sprintf("out %d end%s", i, newline)
		errs += fmt.Sprintf("err %d%s", i, newline)
	}
	return out + "no end", errs
}

func TestEveryByteIsPassedOnOnceOverCuts(t *testing.T) {
	for _, cuts := range []int{0, 1, 2, 20} {
		for _, long := range []time.Duration{10 * time.Millisecond, 1700 * time.Millisecond, 20 * time.Second} {
			t.Run(fmt.Sprint(cuts, " of ", long), func(t *testing.T) {
				play(t, talk(1000, time.Second), func(s *scene) {
					r := s.start()
					for range cuts {
						time.Sleep(7333 * time.Millisecond)
						s.cut(long)
					}
					s.ends(r, 3, "")
					s.lacks()
					if out, errs := said(1000, "\n"); s.out.String() != out || s.errs.String() != errs {
						s.Errorf("got %d and %d bytes, want %d and %d", len(s.out.String()), len(s.errs.String()), len(out), len(errs))
					}
				})
			})
		}
	}
}

func TestATerminalsOutputIsPassedOnOnceOverCuts(t *testing.T) {
	terminal := func(ctx context.Context, p fake.Process) int {
		p.Stderr = p.Stdout
		return talk(100, time.Second)(ctx, p)
	}
	play(t, terminal, func(s *scene) {
		s.made.TTY = true
		r := s.start()
		for range 5 {
			time.Sleep(7333 * time.Millisecond)
			s.cut(time.Second)
		}
		s.ends(r, 3, "")
		s.lacks()
		want := ""
		for i := range 100 {
			want += fmt.Sprintf("out %d err %d\r\nend\r\n", i, i)
		}
		if got := s.out.String(); got != want+"no end" {
			s.Errorf("got %d bytes, want %d", len(got), len(want)+6)
		}
	})
}

func TestWhatALogDoesNotHaveIsToldOnce(t *testing.T) {
	play(t, talk(20, time.Second), func(s *scene) {
		s.made.Logging.Driver = "none"
		r := s.start()
		time.Sleep(4500 * time.Millisecond)
		s.cut(5 * time.Second)
		s.ends(r, 3, "")
		s.lacks("its output from 00:00:04.500 to 00:00:1")
		if !strings.HasSuffix(s.errs.String(), "err 18\nerr 19\n") || strings.Contains(s.errs.String(), "err 7") {
			s.Errorf("got %q", s.errs.String())
		}
	})
}

func TestNothingIsMissingOfWhatWasCutBeforeItsStart(t *testing.T) {
	play(t, talk(2, time.Second), func(s *scene) {
		s.made.Logging.Driver = "none"
		r := s.open()
		s.cut(time.Second)
		time.Sleep(time.Minute)
		if err := r.Start(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.ends(r, 3, "")
		s.lacks()
		if out, errs := said(2, "\n"); s.out.String() != out || s.errs.String() != errs {
			s.Errorf("got %q and %q", &s.out, &s.errs)
		}
	})
}

func TestTheEndOfWhatWasCutIsLearned(t *testing.T) {
	for name, test := range map[string]struct {
		why     string
		forget  bool
		fails   string
		missing []string
	}{
		"Remembered": {"the engine's events tell it", false, "", []string{"it ended and was removed while its output was cut off, since 00:00:01.000"}},
		"Forgotten":  {"nobody knows", true, "its end was not seen", []string{"it ended and was removed"}},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, fake.Exit(7, 10*time.Second), func(s *scene) {
				r := s.start()
				time.Sleep(time.Second)
				s.fake.Away()
				time.Sleep(time.Minute)
				if test.forget {
					s.fake.FailNext("Past", errors.New("no such events"))
				}
				s.fake.Back()
				s.ends(r, 7, test.fails)
				s.lacks(test.missing...)
			})
		})
	}
}

func TestAStartWhoseAnswerIsLostHasStarted(t *testing.T) {
	for _, lives := range []time.Duration{5 * time.Millisecond, time.Hour} {
		play(t, fake.Exit(7, lives), func(s *scene) {
			r := s.open()
			s.fake.LoseAnswer("Start")
			if err := r.Start(s.Context()); err != nil {
				s.Errorf("%v: %v", lives, err)
			}
			s.ends(r, 7, "")
			s.lacks()
		})
	}
}

func TestAWaitThatIsCutAroundTheStartStillEnds(t *testing.T) {
	play(t, fake.Exit(7, 5*time.Millisecond), func(s *scene) {
		r := s.open()
		s.fake.LoseAnswer("Start")
		time.AfterFunc(2*time.Millisecond, func() { s.cut(time.Second) })
		if err := r.Start(s.Context()); err != nil {
			s.Error(err)
		}
		s.ends(r, 7, "")
	})
}

func TestAStartOfWhatWasRemovedIsNotFound(t *testing.T) {
	play(t, fake.Pause, func(s *scene) {
		r := s.open()
		defer r.Close()
		_ = s.fake.Remove(s.Context(), r.ID)
		if err := r.Start(s.Context()); !errors.Is(err, engine.ErrNotFound) {
			s.Errorf("got %v", err)
		}
	})
}

// signals is how often a container was signalled.
func (s *scene) signals() (all []int) {
	past, _ := s.fake.Past(s.Context(), nil, time.Time{})
	for _, sign := range past {
		if sign.Kind == engine.SignSignalled {
			all = append(all, sign.Signal)
		}
	}
	return all
}

func TestAStopAsksOnceAndKillsAfterTheGrace(t *testing.T) {
	for name, test := range map[string]struct {
		why     string
		program fake.Program
		stops   int
		asked   bool
		want    string
		code    int
		took    time.Duration
	}{
		"Ends":   {"it was asked", fake.UntilAsked, 1, false, "[15]", 0, 0},
		"Twice":  {"a second signal means now", fake.Stubborn, 2, false, "[15 9", 137, 10 * time.Second},
		"Asked":  {"somebody else has", fake.Stubborn, 1, true, "[9]", 137, 10 * time.Second},
		"Killed": {"grace is over", fake.Stubborn, 1, false, "[15 9]", 137, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, test.program, func(s *scene) {
				r := s.start()
				if test.asked && !r.MarkAsked() {
					s.Error("it was asked before")
				}
				began := time.Now()
				var stops sync.WaitGroup
				for range test.stops {
					stops.Go(func() {
						if err := r.Stop(s.Context(), "SIGTERM", 10*time.Second); err != nil {
							s.Error(err)
						}
					})
				}
				stops.Wait()
				took := time.Since(began)
				s.ends(r, test.code, "")
				if got := fmt.Sprint(s.signals()); !strings.HasPrefix(got, test.want) || took != test.took {
					s.Errorf("%s: it got %s and took %v", test.why, got, took)
				}
			})
		})
	}
}

func TestAStopEndsWithItsContext(t *testing.T) {
	play(t, fake.Stubborn, func(s *scene) {
		r := s.start()
		defer r.Close()
		ctx, cancel := context.WithTimeoutCause(s.Context(), time.Second, errGone)
		defer cancel()
		if err := r.Stop(ctx, "SIGTERM", time.Minute); !errors.Is(err, errGone) {
			s.Errorf("got %v", err)
		}
		if got := fmt.Sprint(s.signals()); got != "[15]" {
			s.Errorf("it got %s", got)
		}
	})
}

func TestWhatCannotBeOpenedIsRemoved(t *testing.T) {
	broken := errors.New("broken")
	for _, method := range []string{"prepare", "Wait", "Attach"} {
		play(t, fake.Pause, func(s *scene) {
			s.fake.FailNext(method, broken)
			_, _, err := runner.Open(s.Context(), s.config(), s.made, func(context.Context, engine.ID) error {
				if method == "prepare" {
					return broken
				}
				return nil
			})
			if _, left := s.fake.Inspect(s.Context(), "web"); !errors.Is(err, broken) || !errors.Is(left, engine.ErrNotFound) {
				s.Errorf("%s: got %v, left: %v", method, err, left)
			}
		})
	}
}

func TestOpeningAndAdoptingEndWithTheirContext(t *testing.T) {
	play(t, fake.Pause, func(s *scene) {
		defer s.fake.Stall("Wait")()
		id, _, err := s.fake.Create(s.Context(), engine.Container{Name: "other", Image: "app"})
		if err != nil {
			s.Fatal(err)
		}
		ctx, cancel := context.WithTimeoutCause(s.Context(), time.Second, errGone)
		defer cancel()
		began := time.Now()
		_, _, opened := runner.Open(ctx, s.config(), s.made, ready)
		_, adopted := runner.Adopt(ctx, s.config(), id, s.made, runner.Position{})
		if took := time.Since(began); !errors.Is(opened, errGone) || !errors.Is(adopted, errGone) || took > 2*time.Second {
			s.Errorf("got %v and %v after %v", opened, adopted, took)
		}
	})
}

func TestANameThatIsInTheWayIsTakenOverIfItIsOurOwn(t *testing.T) {
	play(t, fake.Exit(7, time.Second), func(s *scene) {
		s.fake.LoseAnswer("Create")
		s.ends(s.start(), 7, "")
	})
	play(t, fake.Pause, func(s *scene) {
		other := s.made
		other.Labels = map[string]string{pod.LabelOwner: "another"}
		id, _, err := s.fake.Create(s.Context(), other)
		_, _, refused := runner.Open(s.Context(), s.config(), s.made, ready)
		if seen, left := s.fake.Inspect(s.Context(), "web"); err != nil || left != nil || seen.ID != id || !errors.Is(refused, engine.ErrNameInUse) {
			s.Errorf("%v, %v, %v", err, left, refused)
		}
	})
}

func TestACutThatComesAgainAndAgainIsNotHot(t *testing.T) {
	play(t, talk(10000, time.Second), func(s *scene) {
		r := s.start()
		before := s.calls["read the log of"] + s.calls["wait"]
		for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); {
			s.fake.Away()
			s.fake.Back()
			time.Sleep(time.Millisecond)
		}
		if n := s.calls["read the log of"] + s.calls["wait"] - before; n < 100 || n > 500 {
			s.Errorf("%d calls in 10 min", n)
		}
		r.Close()
	})
}

func TestCloseLetsGo(t *testing.T) {
	for name, before := range map[string]func(s *scene){
		"Connected": func(*scene) {},
		"Away":      func(s *scene) { s.fake.Away(); time.Sleep(time.Minute) },
		"Resumed":   func(s *scene) { s.cut(time.Second); time.Sleep(time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, fake.Stubborn, func(s *scene) {
				r := s.start()
				before(s)
				began := time.Now()
				r.Close()
				s.ends(r, 0, "canceled")
				s.lacks()
				s.fake.Back()
				if seen, err := s.fake.Inspect(s.Context(), "web"); err != nil || !seen.Running || time.Since(began) > 0 {
					s.Errorf("%+v, %v after %v", seen, err, time.Since(began))
				}
			})
		})
	}
}

func TestAnAdoptedRunHasItsOutputFromAPlaceInTheLogAndItsEnd(t *testing.T) {
	play(t, talk(10, time.Second), func(s *scene) {
		id, _, err := s.fake.Create(s.Context(), s.made)
		if err := errors.Join(err, s.fake.Start(s.Context(), id)); err != nil {
			s.Fatal(err)
		}
		time.Sleep(4500 * time.Millisecond)
		since := time.Now().Add(-time.Second)
		r, err := runner.Adopt(s.Context(), s.config(), id, s.made, runner.Position{Anchor: since, At: since})
		if err != nil {
			s.Fatal(err)
		}
		time.Sleep(time.Second)
		s.cut(2 * time.Second)
		s.ends(r, 3, "")
		s.lacks()
		if got := s.errs.String(); got != "err 4\nerr 5\nerr 6\nerr 7\nerr 8\nerr 9\n" {
			s.Errorf("got %q", got)
		}
	})
	play(t, fake.Exit(7, 0), func(s *scene) {
		id, _, err := s.fake.Create(s.Context(), s.made)
		if err := errors.Join(err, s.fake.Start(s.Context(), id)); err != nil {
			s.Fatal(err)
		}
		time.Sleep(time.Second)
		r, err := runner.Adopt(s.Context(), s.config(), id, s.made, runner.Position{})
		if err != nil {
			s.Fatal(err)
		}
		s.ends(r, 7, "")
	})
}

// A rotated engine's logs have lost their beginning when it is lost to them.
type rotated struct {
	runner.Engine
	lost int // records
}

func (e *rotated) Log(ctx context.Context, id engine.ID, tty bool, since time.Time) (engine.Log, error) {
	l, err := e.Engine.Log(ctx, id, tty, since)
	for n := 0; err == nil && n < e.lost; n++ {
		_, err = l.Next()
	}
	return l, err
}

func TestARotatedLogIsToldOnceAndTheOutputGoesOn(t *testing.T) {
	lines := func(ctx context.Context, p fake.Process) int {
		for i := range 100 {
			fmt.Fprintf(p.Stdout, "out %d\n", i)
			fmt.Fprintf(p.Stderr, "err %d\n", i)
			_ = clock.Sleep(ctx, time.Second)
		}
		_ = clock.Sleep(ctx, time.Minute)
		return 3
	}
	play(t, lines, func(s *scene) {
		c := s.config()
		c.Engine = &rotated{c.Engine, 120}
		r, _, err := runner.Open(s.Context(), c, s.made, ready)
		if err := errors.Join(err, r.Start(s.Context())); err != nil {
			s.Fatal(err)
		}
		time.Sleep(10500 * time.Millisecond)
		s.cut(59 * time.Second)
		s.ends(r, 3, "")
		s.lacks("its log was rotated while its output was cut off, since 00:00:10.500")
		for stream, got := range map[string]string{"out": s.out.String(), "err": s.errs.String()} {
			want := ""
			for i := range 100 {
				if i <= 10 || i >= 60 {
					want += fmt.Sprintf("%s %d\n", stream, i)
				}
			}
			if got != want {
				s.Errorf("%s is %q", stream, got)
			}
		}
	})
}

func TestWhatIsRemovedWhileItIsOpenedIsSaidToBe(t *testing.T) {
	for _, method := range []string{"Wait", "Attach"} {
		play(t, fake.Pause, func(s *scene) {
			s.fake.FailNext(method, engine.ErrNotFound)
			if _, _, err := runner.Open(s.Context(), s.config(), s.made, ready); !errors.Is(err, runner.ErrRemoved) {
				s.Errorf("%s: got %v", method, err)
			}
		})
	}
	play(t, fake.Pause, func(s *scene) { // it was never there
		s.made.Image = "none"
		if _, _, err := runner.Open(s.Context(), s.config(), s.made, ready); !errors.Is(err, engine.ErrNotFound) || errors.Is(err, runner.ErrRemoved) {
			s.Errorf("got %v", err)
		}
	})
}

// An ended engine is one that has not removed a container yet whose end it knows.
type ended struct{ runner.Engine }

func (e ended) Inspect(ctx context.Context, ref string) (engine.Seen, error) {
	seen, err := e.Engine.Inspect(ctx, ref)
	seen.Running, seen.Created, seen.ExitCode = false, false, 7
	return seen, err
}

// A wait for the next end of such a one would tell of its removal, if of anything.
func TestWhatHasEndedAndIsStillThereHasItsOwnExitCode(t *testing.T) {
	play(t, fake.Pause, func(s *scene) {
		c := s.config()
		c.Engine = ended{c.Engine}
		id, _, err := s.fake.Create(s.Context(), s.made)
		if err := errors.Join(err, s.fake.Start(s.Context(), id)); err != nil {
			s.Fatal(err)
		}
		r, err := runner.Adopt(s.Context(), c, id, s.made, runner.Position{})
		if err != nil {
			s.Fatal(err)
		}
		defer r.Close()
		synctest.Wait()
		select {
		case <-r.Done():
			if exit := r.Exit(); exit.Code != 7 || exit.Err != nil {
				s.Errorf("it has ended with %+v", exit)
			}
		default:
			s.Error("it has not ended")
		}
	})
}
