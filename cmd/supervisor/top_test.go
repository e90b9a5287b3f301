package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/status"
	podusage "github.com/podlike/podlike/internal/usage"
)

func TestTopIsAskedForAsOthersDo(t *testing.T) {
	for name, test := range map[string]struct {
		why  string
		args []string
		want topping
	}{
		"Nothing": {"as top has it", nil, topping{every: time.Second}},
		"Script":  {"once, for a program", []string{"-o", "json", "-n", "1"}, topping{json: true, every: time.Second, times: 1}},
		"All":     {"as often as it may, and all there is", []string{"--every=500ms", "-supervisor"}, topping{self: true, every: 500 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseTop(test.args, io.Discard)
			if diff := cmp.Diff(test.want, got, cmp.AllowUnexported(topping{})); diff != "" || err != nil {
				t.Errorf("%s: %v\n%s", test.why, err, diff)
			}
		})
	}
}

// watching is a watch of a scene's pod, whose component is busy for a quarter of the time.
func (s *scene) watching(o topping) watch {
	began := time.Now()
	return watch{topping: o, meter: podusage.Meter{Engine: s.Engine}, read: func(context.Context) (status.Pod, error) {
		s.Use("shop.podlike.web", engine.Usage{Memory: 20 << 20, CPU: time.Since(began) / 4, Pids: 3})
		return s.running(), nil
	}}
}

func TestTopPrintsATableForEachSample(t *testing.T) {
	play(t, func(s *scene) {
		began := time.Now()
		if err := s.watching(topping{every: 2 * time.Second, times: 2}).print(s.Context(), &s.stdout); err != nil {
			s.Fatal(err)
		}
		const want = `2000-01-01T00:00:02Z
NAME      MEMORY     CPU     PIDS   READ/S   WRITTEN/S
shop      21.0 MiB   0.250   4      0 B      0 B
web       20.0 MiB   0.250   3      0 B      0 B
(pause)   1.0 MiB    0.000   1      0 B      0 B

2000-01-01T00:00:04Z
NAME      MEMORY     CPU     PIDS   READ/S   WRITTEN/S
shop      21.0 MiB   0.250   4      0 B      0 B
web       20.0 MiB   0.250   3      0 B      0 B
(pause)   1.0 MiB    0.000   1      0 B      0 B

`
		if diff := cmp.Diff(want, s.stdout.String()); diff != "" || time.Since(began) != 4*time.Second {
			s.Errorf("it took %v\n%s", time.Since(began), diff)
		}
	})
}

// samplesIn are those that a text has, one a line.
func samplesIn(t *testing.T, text string) (all []podusage.Sample) {
	t.Helper()
	for line := range strings.Lines(text) {
		var s podusage.Sample
		if err := json.Unmarshal([]byte(line), &s); err != nil {
			t.Fatalf("%v in %q", err, line)
		}
		all = append(all, s)
	}
	return all
}

// A component that is restarted is another container, which has no rates yet.
func TestTopGoesWithComponentsThatAreRestarted(t *testing.T) {
	play(t, func(s *scene) {
		w := s.watching(topping{json: true, every: time.Second, times: 3, self: true})
		w.also = []podusage.Part{{Name: "supervisor", Role: podusage.RoleSupervisor, ID: s.id("shop")}}
		again := s.begin(engine.Container{Name: "again", Image: "web:1"})
		read, reads := w.read, 0
		w.read = func(ctx context.Context) (status.Pod, error) {
			p, err := read(ctx)
			if reads++; reads > 2 {
				p.Components[1].Container = string(again)
			}
			return p, err
		}
		if err := w.print(s.Context(), &s.stdout); err != nil {
			s.Fatal(err)
		}
		got := samplesIn(s.T, s.stdout.String())
		if len(got) != 3 {
			s.Fatalf("there are %d samples", len(got))
		}
		for i, restarted := range []bool{false, true, false} {
			web, self := got[i].Containers[0], got[i].Containers[1]
			if web.Name != "web" || (web.ID == again) != (i > 0) || web.Usage == nil || (web.Usage.Rates == nil) != restarted || self.Role != podusage.RoleSupervisor {
				s.Errorf("sample %d has %+v and %+v", i+1, web, self)
			}
		}
	})
}

func TestTopAsksNoFasterThanItIsTold(t *testing.T) {
	play(t, func(s *scene) {
		const every = time.Second
		takes := every + every/4 // an engine that has too much to do
		s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
			if c.Name == "shop" {
				time.Sleep(takes)
			}
			return do()
		})
		w := s.watching(topping{every: every, times: 5})
		var at []time.Time
		read := w.read
		w.read = func(ctx context.Context) (status.Pod, error) {
			at = append(at, time.Now())
			if len(at) > 2 {
				takes = every / 5
			}
			return read(ctx)
		}
		if err := w.print(s.Context(), io.Discard); err != nil || len(at) != 6 {
			s.Fatalf("asked %d times: %v", len(at), err)
		}
		for i := 1; i < len(at); i++ {
			if passed := at[i].Sub(at[i-1]); passed < every {
				s.Errorf("it asks again after %v", passed)
			}
		}
	})
}

func TestTopEndsWithThePod(t *testing.T) {
	lost := errors.New("cannot ask the supervisor: connection refused")
	for name, test := range map[string]struct {
		why   string
		after func(p *status.Pod) error // what the supervisor says after three times
		times int                       // that it says something else before
		want  error
	}{
		"Succeeded": {"it says so", func(p *status.Pod) error { p.Phase = status.Succeeded; return nil }, 3, nil},
		"Failed":    {"it says so", func(p *status.Pod) error { p.Phase = status.Failed; return nil }, 3, nil},
		"Gone":      {"nobody is there any more", func(*status.Pod) error { return lost }, 3, nil},
		"Never":     {"nobody was there", func(*status.Pod) error { return lost }, 0, lost},
		"Silent":    {"it hangs, and may do so for long", func(*status.Pod) error { return context.DeadlineExceeded }, 3, context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				w := s.watching(topping{json: true, every: time.Second})
				read, reads := w.read, 0
				w.read = func(ctx context.Context) (status.Pod, error) {
					p, err := read(ctx)
					if reads++; reads > test.times {
						err = test.after(&p)
					}
					return p, err
				}
				err := w.print(s.Context(), &s.stdout)
				if got := len(samplesIn(s.T, s.stdout.String())); !errors.Is(err, test.want) || got != max(test.times-1, 0) {
					s.Errorf("%s: after %d samples it returns %v, want %v", test.why, got, err, test.want)
				}
			})
		})
	}
}

// An engine that is away for a while is no reason to look no more.
func TestTopGoesOnWhileTheEngineIsAway(t *testing.T) {
	play(t, func(s *scene) {
		w := s.watching(topping{json: true, every: time.Second, times: 3})
		p := s.running()
		reads := 0
		w.read = func(context.Context) (status.Pod, error) {
			switch reads++; reads {
			case 2:
				s.Away()
			case 3:
				s.Back()
			}
			return p, nil
		}
		if err := w.print(s.Context(), &s.stdout); err != nil {
			s.Fatal(err)
		}
		var known []bool
		for _, one := range samplesIn(s.T, s.stdout.String()) {
			known = append(known, one.Pod.Usage != nil && one.Pod.Error == "")
		}
		if diff := cmp.Diff([]bool{false, true, true}, known); diff != "" {
			s.Errorf("%s\n%s", diff, &s.stdout)
		}
	})
}

func TestALiveViewIsLeftByAKeyOrASignal(t *testing.T) {
	for name, test := range map[string]struct {
		why   string
		leave func(s *scene, cancel func(error))
		err   bool
	}{
		"Q":        {"as top has it", func(s *scene, _ func(error)) { s.types("xyq") }, false},
		"CtrlC":    {"nothing else reads it where keys are characters", func(s *scene, _ func(error)) { s.types("\x03") }, false},
		"CtrlD":    {"the end of what is typed", func(s *scene, _ func(error)) { s.types("\x04") }, false},
		"Terminal": {"it has gone", func(s *scene, _ func(error)) { _ = s.typist.keys.Close() }, false},
		"Pod":      {"it is over", func(_ *scene, cancel func(error)) { cancel(errEnough) }, false},
		"Signal":   {"of which main knows", func(_ *scene, cancel func(error)) { cancel(errors.New("SIGTERM")) }, true},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, func(s *scene) {
				ctx, cancel := context.WithCancelCause(s.Context())
				defer cancel(nil)
				s.typist.size = [2]uint{6, 40}
				began := time.Now()
				time.AfterFunc(2500*time.Millisecond, func() { test.leave(s, cancel) })
				err := s.watching(topping{every: time.Second}).live(ctx, s.typist, newScreen(&s.stdout))
				if took := time.Since(began); (err != nil) != test.err || took != 2500*time.Millisecond {
					s.Errorf("%s: after %v it returns %v", test.why, took, err)
				}
				compare(s.T, "testdata/top.golden", strings.NewReplacer("\x1b", "ESC", "\r", "CR").Replace(s.stdout.String())+"\n")
			})
		})
	}
}

// types has keys typed.
func (s *scene) types(keys string) { _, _ = io.WriteString(s.typist.keys, keys) }

func TestALiveViewFitsItsTerminal(t *testing.T) {
	const text = "one\n\nthree\nfoür\n"
	for name, test := range map[string]struct {
		why           string
		rows, columns int
		want          string
	}{
		"Unknown": {"it is large enough", 0, 0, "one\n\nthree\nfoür\n"},
		"Wide":    {"there is room", 24, 80, "one\n\nthree\nfoür\n"},
		"Narrow":  {"a line that goes on in the next row would move all others", 24, 3, "one\n\nthr\nfoü\n"},
		"Low":     {"the first are what counts", 4, 80, "one\n\nthree\n"},
		"Tiny":    {"one row is none", 1, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := strings.NewReplacer(restOfLine, "", "\r", "").Replace(fitting(text, test.rows, test.columns))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

func TestALiveViewIsDrawnAnewInAnotherSize(t *testing.T) {
	var to bytes.Buffer
	s := newScreen(&to)
	s.resize(24, 80)
	s.begin()
	s.resize(24, 80)
	if got, want := to.String(), secondPage+noCursor; got != want {
		t.Errorf("before there is a text it draws %q, want %q", got, want)
	}
	if err := s.show("text\n"); err != nil {
		t.Fatal(err)
	}
	to.Reset()
	s.resize(24, 2)
	if got, want := to.String(), topLeft+restOfLine+"te\r\n"+allBelow; got != want {
		t.Errorf("it draws %q, want %q", got, want)
	}
	s.end()
	to.Reset()
	s.resize(24, 80)
	if to.Len() > 0 {
		t.Errorf("after its end it draws %q", &to)
	}
}

// On a real terminal, which is as it was afterwards.
func TestALiveViewGivesTheTerminalBack(t *testing.T) {
	user, program := terminal(t)
	before, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	var reads atomic.Int64
	w := watch{topping: topping{every: time.Millisecond}, meter: podusage.Meter{Engine: fake.New()}, read: func(context.Context) (status.Pod, error) {
		reads.Add(1)
		return status.Pod{Name: "shop", Phase: status.Pending, Health: "starting"}, nil
	}}
	c := take(t, program, true)
	var viewing sync.WaitGroup
	viewing.Go(func() {
		if err := w.live(t.Context(), c, newScreen(program)); err != nil {
			t.Error(err)
		}
	})
	drawn := readTo(t, user, func(text string) bool { return strings.Count(text, topLeft) > 3 })
	if _, err := io.WriteString(user, "q"); err != nil {
		t.Fatal(err)
	}
	drawn += readTo(t, user, func(text string) bool { return strings.HasSuffix(text, firstPage) })
	viewing.Wait()
	after, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	if err != nil || *after != *before {
		t.Errorf("it was %+v and is %+v, %v", before, after, err)
	}
	if !strings.HasPrefix(drawn, secondPage+noCursor+topLeft+restOfLine+"shop  Pending, starting  ") || !strings.HasSuffix(drawn, aCursor+firstPage) {
		t.Errorf("it draws %q", drawn)
	}
}

// readTo reads until that is enough.
func readTo(t *testing.T, from *os.File, enough func(text string) bool) string {
	t.Helper()
	var text []byte
	for some := make([]byte, 4096); !enough(string(text)); {
		n, err := from.Read(some)
		if err != nil {
			t.Fatalf("%v after %q", err, text)
		}
		text = append(text, some[:n]...)
	}
	return string(text)
}

func TestWhoWatchesIsToldOfThePodsEnd(t *testing.T) {
	listens, stop := telling(t, shop(status.Running, "healthy"))
	ctx, unlisten := whilePodRuns(t.Context())
	defer unlisten()
	<-listens
	if ctx.Err() != nil {
		t.Errorf("before its end: %v", context.Cause(ctx))
	}
	stop()
	<-ctx.Done()
	if err := context.Cause(ctx); err != errEnough {
		t.Errorf("the cause is %v", err)
	}
}

func TestTopNeedsAnEngine(t *testing.T) {
	t.Setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
	telling(t, shop(status.Running, "healthy"))
	err := top(t.Context(), []string{"-n", "1"}, os.Stdin, io.Discard)
	if err == nil || !begins(err.Error(), "cannot reach the engine at ") {
		t.Errorf("it returns %v", err)
	}
}
