package runner_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/output"
	"github.com/podlike/podlike/internal/runner"
)

// A world is what outlives a process: what its reader has got, and what it has noted. All that
// is done to it are steps, and a process that was killed takes none.
type world struct {
	mu    sync.Mutex
	left  int           // steps until it is killed
	died  chan struct{} // closed when it was
	slow  time.Duration // how long its reader takes for a write
	text  string
	torn  int // lines of which only the beginning was written before a death
	notes runner.Position
	moved int // anchors that were noted
}

func (w *world) step(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.left > 0 {
		w.left--
		do()
		return
	}
	select {
	case <-w.died:
	default:
		close(w.died)
	}
}

func (w *world) Write(p []byte) (int, error) {
	time.Sleep(w.slow)
	w.step(func() { w.text += string(p) })
	return len(p), nil
}

func (w *world) SetPassed(stream int, n int64, at time.Time) {
	w.step(func() { w.notes.Passed[stream], w.notes.At = n, at })
}

func (w *world) SetAnchor(at time.Time, before [2]int64) {
	w.step(func() { w.notes.Anchor, w.notes.Before = at, before; w.moved++ })
}

// forever is more steps than any process takes.
const forever = 1 << 30

// A life is a process that passes a container's output on.
type life struct {
	world *world
	queue *output.Queue
	*runner.Run
}

// live begins one that is killed after so many steps. Without an ID it makes the container.
func (s *scene) live(w *world, e runner.Engine, id engine.ID, steps int) *life {
	s.Helper()
	w.left, w.died = steps, make(chan struct{})
	if end := strings.LastIndexByte(w.text, '\n') + 1; end < len(w.text) {
		w.text = w.text[:end] // it was of another process, whose output has ended there
		w.torn++
	}
	l := &life{world: w, queue: output.NewQueue(w, 4<<10, nil)}
	noter := runner.NewNoter(w, w.notes)
	c := s.config()
	c.Anchored = noter.Anchored
	c.Stdout = output.NewLines("out: ", l.queue, nil, s.made.TTY).Note(noter.Stdout)
	c.Stderr = output.NewLines("err: ", l.queue, nil, false).Note(noter.Stderr)
	if e != nil {
		c.Engine = e
	}
	var err error
	if id != "" {
		l.Run, err = runner.Adopt(s.Context(), c, id, s.made, w.notes)
	} else if l.Run, _, err = runner.Open(s.Context(), c, s.made, ready); err == nil {
		err = l.Start(s.Context())
	}
	if err != nil {
		s.Fatal(err)
	}
	return l
}

// lasts waits until it is killed, but no longer than that, lets go of all and reports whether it
// was.
func (l *life) lasts(s *scene, longest time.Duration) (killed bool) {
	s.Helper()
	select {
	case <-l.world.died:
		killed = true
	case <-time.After(longest):
	}
	l.Close()
	if err := l.queue.Close(s.Context()); err != nil {
		s.Error(err)
	}
	return killed
}

// begin starts a container that nobody is connected to.
func (s *scene) begin() engine.ID {
	s.Helper()
	id, _, err := s.fake.Create(s.Context(), s.made)
	if err := errors.Join(err, s.fake.Start(s.Context(), id)); err != nil {
		s.Fatal(err)
	}
	return id
}

// of are the lines of one stream.
func (w *world) of(stream string) (all []string) {
	for line := range strings.Lines(w.text) {
		if rest, ok := strings.CutPrefix(line, stream+": "); ok {
			all = append(all, rest)
		}
	}
	return all
}

// again counts the lines that come once more behind themselves. It fails the test when one is
// missing, or out of order.
func again(t testing.TB, got, want []string) (n int) {
	t.Helper()
	next := 0
	for _, line := range got {
		switch {
		case next < len(want) && line == want[next]:
			next++
		case next > 0 && line == want[next-1]:
			n++
		default:
			t.Fatalf("behind %d lines comes %.60q, want %.60q", next, line, append(want, "nothing")[next])
		}
	}
	if next < len(want) {
		t.Fatalf("after %d lines %.60q is missing", next, want[next])
	}
	return n
}

// stays has a program wait to be asked.
func stays(talks fake.Program) fake.Program {
	return func(ctx context.Context, p fake.Process) int {
		talks(ctx, p)
		return fake.UntilAsked(ctx, p)
	}
}

// halves says numbered lines on both streams, those on stdout in two halves.
func halves(lines int, every time.Duration) fake.Program {
	return stays(func(ctx context.Context, p fake.Process) int {
		for i := range lines {
			fmt.Fprintf(p.Stdout, "out %d ", i)
			fmt.Fprintf(p.Stderr, "err %d\n", i)
			_ = clock.Sleep(ctx, every)
			fmt.Fprint(p.Stdout, "end\n")
		}
		return 0
	})
}

// long says lines that are passed on in parts.
func long(ctx context.Context, p fake.Process) int {
	for i := range 3 {
		for part := range 4 {
			fmt.Fprint(p.Stdout, strings.Repeat(fmt.Sprint(i, part, " "), 7<<10))
			_ = clock.Sleep(ctx, 100*time.Millisecond)
		}
		fmt.Fprint(p.Stdout, "\n")
		_ = clock.Sleep(ctx, 500*time.Millisecond)
		fmt.Fprintf(p.Stdout, "short %d\n", i)
		fmt.Fprintf(p.Stderr, "err %d\n", i)
	}
	return fake.UntilAsked(ctx, p)
}

func TestASupervisorMayBeKilledAtAnyStepOfPassingOutputOn(t *testing.T) {
	for name, test := range map[string]struct {
		why     string
		program fake.Program
		tty     bool
		slow    time.Duration
		anchors bool
	}{
		"Lines":    {"each is written and noted in two steps", halves(15, 300*time.Millisecond), false, 0, true},
		"Slow":     {"what was read and not written is read again", halves(15, 200*time.Millisecond), false, 150 * time.Millisecond, true},
		"Terminal": {"its log has no times", halves(15, 300*time.Millisecond), true, 0, false},
		"Long":     {"a part of a line is noted as a line is", long, false, 0, true},
	} {
		for _, opened := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", opened ", opened), func(t *testing.T) {
				var want world
				kill := func(steps ...int) (w *world, dead int) {
					play(t, test.program, func(s *scene) {
						s.made.TTY = test.tty
						w = &world{slow: test.slow}
						var id engine.ID
						if !opened {
							id = s.begin()
						}
						for _, n := range steps {
							l := s.live(w, nil, id, n)
							id = l.ID
							if l.lasts(s, time.Minute) {
								dead++
							}
							time.Sleep(700 * time.Millisecond)
						}
						s.lacks()
					})
					return w, dead
				}
				w, _ := kill(forever)
				want.text = w.text
				if (w.moved > 0) != (test.anchors && !opened) {
					t.Errorf("%s: the anchor has moved %d times", test.why, w.moved)
				}
				for n, killed := 0, 1; killed > 0; n++ {
					w, killed = kill(n, n*7%23, forever)
					twice := w.torn
					for _, stream := range []string{"out", "err"} {
						twice += again(t, w.of(stream), want.of(stream))
					}
					if twice > killed {
						t.Errorf("%s: killed %d times, the first time after %d steps: %d lines came twice", test.why, killed, n, twice)
					}
				}
			})
		}
	}
}

// One that is asked to let go leaves a line that has begun to its successor.
func TestASupervisorThatLetsGoHandsOnEachLineOnce(t *testing.T) {
	play(t, halves(60, 300*time.Millisecond), func(s *scene) {
		var w world
		id := s.begin()
		for n := range 20 {
			s.live(&w, nil, id, forever).lasts(s, time.Duration(n)*77*time.Millisecond)
			time.Sleep(100 * time.Millisecond)
		}
		s.live(&w, nil, id, forever).lasts(s, time.Minute)
		s.lacks()
		var out, errs []string
		for i := range 60 {
			out, errs = append(out, fmt.Sprintf("out %d end\n", i)), append(errs, fmt.Sprintf("err %d\n", i))
		}
		if n := again(t, w.of("out"), out) + again(t, w.of("err"), errs); n > 0 {
			t.Errorf("%d lines came twice", n)
		}
	})
}

// A beheaded engine's logs begin at a time, for what is older was rotated away.
type beheaded struct {
	runner.Engine
	from time.Time
}

func (e beheaded) Log(ctx context.Context, id engine.ID, tty bool, since time.Time) (engine.Log, error) {
	if since.Before(e.from) {
		since = e.from
	}
	return e.Engine.Log(ctx, id, tty, since)
}

func TestARotatedLogIsToldOnceOverSeveralLives(t *testing.T) {
	play(t, halves(100, time.Second), func(s *scene) {
		var w world
		l := s.live(&w, nil, "", forever)
		l.lasts(s, 10500*time.Millisecond)
		time.Sleep(49 * time.Second)
		late := beheaded{s.config().Engine, time.Now().Add(-10 * time.Second)}
		for range 3 { // a life that has told of it and is over soon, and others behind it
			s.live(&w, late, l.ID, forever).lasts(s, 5250*time.Millisecond)
		}
		s.live(&w, late, l.ID, forever).lasts(s, time.Hour)
		s.lacks("its log was rotated while its output was cut off, since 00:00:10.")
		var want []string
		for i := range 100 {
			if i <= 9 || i >= 49 {
				want = append(want, fmt.Sprintf("out %d end\n", i))
			}
		}
		if diff := cmp.Diff(want, w.of("out")); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWhatNoLogTellsASuccessorIsToldToBeMissing(t *testing.T) {
	for name, test := range map[string]struct {
		why   string
		steps int
		gone  string
		lacks string
	}{
		"Noted": {"since what was passed on last", forever, "err 5\n", "its output from 00:00:04.000 to 00:00:09.500 is missing"},
		"Never": {"nothing was", 0, "err 4\n", "its output from its start to 00:00:05.000 is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, halves(20, time.Second), func(s *scene) {
				s.made.Logging.Driver = "none"
				var w world
				l := s.live(&w, nil, "", test.steps)
				l.lasts(s, 4500*time.Millisecond)
				time.Sleep(5 * time.Second)
				s.live(&w, nil, l.ID, forever).lasts(s, time.Minute)
				s.lacks(test.lacks)
				if errs := w.of("err"); errs[len(errs)-1] != "err 19\n" || slices.Contains(errs, test.gone) {
					t.Errorf("%s: got %q", test.why, errs)
				}
			})
		})
	}
}

// A kept engine does not remove what has ended, with a code of 3. Its log was opened before.
type kept struct {
	runner.Engine
	log engine.Log
}

func (e kept) Wait(ctx context.Context, _ engine.ID) (<-chan engine.Exit, error) {
	return make(chan engine.Exit), nil // of the next end
}

func (e kept) Inspect(context.Context, string) (engine.Seen, error) {
	return engine.Seen{ExitCode: 3}, nil
}

func (e kept) Log(context.Context, engine.ID, bool, time.Time) (engine.Log, error) { return e.log, nil }

func TestWhatEndedWithoutASupervisorHasItsLastOutputAndItsEnd(t *testing.T) {
	for _, removed := range []bool{false, true} {
		t.Run(fmt.Sprint("removed ", removed), func(t *testing.T) {
			play(t, talk(10, time.Second), func(s *scene) {
				var w world
				l := s.live(&w, nil, "", forever)
				l.lasts(s, 4500*time.Millisecond)
				log, err := s.fake.Log(s.Context(), l.ID, false, time.Time{})
				if err != nil {
					s.Fatal(err)
				}
				defer log.Close()
				time.Sleep(time.Hour)
				var e runner.Engine
				if !removed {
					e = kept{s.config().Engine, log}
				}
				l = s.live(&w, e, l.ID, forever)
				<-l.Done()
				<-l.Drained()
				if x := l.Exit(); x.Code != 3 || x.Err != nil {
					t.Errorf("it ended with %+v", x)
				}
				l.lasts(s, 0)
				if removed {
					s.lacks("it ended and was removed while its output was cut off, since 00:00:04.000")
					return
				}
				s.lacks()
				out, errs := said(10, "\n")
				if got := strings.Join(w.of("out"), ""); got != out+"\n" {
					t.Errorf("stdout is %q", got)
				}
				if got := strings.Join(w.of("err"), ""); got != errs {
					t.Errorf("stderr is %q", got)
				}
			})
		})
	}
}

// A written engine's log has these records.
type written struct {
	runner.Engine
	records []engine.Record
}

func (e *written) Log(_ context.Context, _ engine.ID, _ bool, since time.Time) (engine.Log, error) {
	l := &writtenLog{closed: make(chan struct{})}
	for _, r := range e.records {
		if !r.At.Before(since) {
			l.records = append(l.records, r)
		}
	}
	return l, nil
}

type writtenLog struct {
	records []engine.Record
	once    sync.Once
	closed  chan struct{}
}

func (l *writtenLog) Next() (engine.Record, error) {
	if len(l.records) == 0 {
		<-l.closed
		return engine.Record{}, io.ErrClosedPipe
	}
	r := l.records[0]
	l.records = l.records[1:]
	return r, nil
}

func (l *writtenLog) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// An engine gives a stream's records their times before it puts both streams' into one log, and
// all parts of a long line have the time of the first. So a log is in the order of its times
// only for each stream, and what is read from a time on lacks what is older and stands behind.
func TestALogNeedNotBeInTheOrderOfItsTimes(t *testing.T) {
	play(t, fake.Stubborn, func(s *scene) {
		e := &written{Engine: s.config().Engine}
		began := time.Now()
		record := func(ms int, stderr bool, text string) {
			e.records = append(e.records, engine.Record{At: began.Add(time.Duration(ms) * time.Millisecond), Stderr: stderr, Text: []byte(text)})
		}
		var out, errs []string
		for i := range 40 {
			ms := 500 * i
			out, errs = append(out, fmt.Sprintf("out %d\n", i)), append(errs, fmt.Sprintf("err %d\n", i))
			switch i % 3 {
			case 0: // they were printed at once
				record(ms+1, true, errs[i])
				record(ms, false, out[i])
			case 1: // a line in parts, which others come between
				record(ms, false, out[i][:3])
				record(ms+100, true, errs[i])
				record(ms, false, out[i][3:])
			case 2:
				record(ms, false, out[i])
				record(ms, true, errs[i])
			}
		}
		// one in whose parts time passes
		record(20000, false, "a long ")
		for i := range 10 {
			errs = append(errs, fmt.Sprintf("meanwhile %d\n", i))
			record(20100+500*i, true, errs[len(errs)-1])
		}
		record(20000, false, "line\n")
		out = append(out, "a long line\n")
		all := e.records
		id := s.begin()
		var w world
		for n := range len(all) + 1 {
			time.Sleep(time.Until(began.Add(30 * time.Second))) // all times are past
			e.records = all[:n]
			l := s.live(&w, e, id, forever)
			synctest.Wait()
			l.lasts(s, 0)
		}
		s.lacks()
		if n := again(t, w.of("out"), out) + again(t, w.of("err"), errs); n > 0 {
			t.Errorf("%d lines came twice", n)
		}
		if behind := began.Add(20 * time.Second).Sub(w.notes.Anchor); behind < 0 || behind > 2*time.Second {
			t.Errorf("the anchor is %v before the long line", behind)
		}
	})
}

// However fast a log is read, its anchors are told once a second.
func TestAnchorsAreToldOnceASecond(t *testing.T) {
	play(t, halves(600, 100*time.Millisecond), func(s *scene) {
		id := s.begin()
		var w world
		time.Sleep(30 * time.Second)
		s.live(&w, nil, id, forever).lasts(s, 30*time.Second)
		if w.moved < 10 || w.moved > 31 {
			t.Errorf("it was told %d times in 30 s", w.moved)
		}
		if behind := time.Since(w.notes.Anchor); behind > 5*time.Second {
			t.Errorf("it is %v old", behind)
		}
	})
}

func TestAnAnchorBeyondWhatWasPassedOnIsNotUsed(t *testing.T) {
	play(t, halves(10, time.Second), func(s *scene) {
		id := s.begin()
		w := world{notes: runner.Position{Passed: [2]int64{0, 6}, Anchor: time.Now().Add(5 * time.Second), Before: [2]int64{60, 30}}}
		s.live(&w, nil, id, forever).lasts(s, time.Minute)
		if out, errs := w.of("out"), w.of("err"); len(out) != 10 || len(errs) != 9 {
			t.Errorf("got %q and %q", out, errs)
		}
	})
}
