package fake_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
)

// all calls every method once.
func all(ctx context.Context, e engine.Engine, id engine.ID) map[string]error {
	got := map[string]error{}
	_, got["Inspect"] = e.Inspect(ctx, string(id))
	_, got["List"] = e.List(ctx, nil)
	_, _, got["Create"] = e.Create(ctx, engine.Container{Name: "new", Image: "sleep"})
	got["Start"] = e.Start(ctx, id)
	_, got["Wait"] = e.Wait(ctx, id)
	got["Signal"] = e.Signal(ctx, id, "SIGTERM")
	got["Resize"] = e.Resize(ctx, id, 1, 1)
	got["Remove"] = e.Remove(ctx, id)
	_, got["Attach"] = e.Attach(ctx, id, engine.Container{})
	_, got["Log"] = e.Log(ctx, id, false, time.Time{})
	_, got["Stat"] = e.Stat(ctx, id, "/")
	got["Put"] = e.Put(ctx, id, "/", strings.NewReader(""))
	_, got["Read"] = e.Read(ctx, id, "/", 1)
	_, got["Exec"] = e.Exec(ctx, id, engine.Exec{Command: []string{"/main"}})
	_, got["Image"] = e.Image(ctx, "sleep")
	got["Pull"] = e.Pull(ctx, "sleep", "", engine.Credential{}, func(engine.Progress) {})
	_, got["Volumes"] = e.Volumes(ctx, nil)
	_, got["Volume"] = e.Volume(ctx, "v")
	got["RemoveVolume"] = e.RemoveVolume(ctx, "v")
	got["Watch"] = e.Watch(ctx, nil, func(engine.Sign) {})
	_, got["Past"] = e.Past(ctx, nil, time.Time{})
	return got
}

func TestAnEngineThatIsAwayAnswersNothingAndDoesNothing(t *testing.T) {
	bubble(t, func(t *testing.T, e *fake.Engine) {
		id, end := run(t, e, engine.Container{Name: "web", Image: "sleep"})
		e.Away()
		for method, err := range all(t.Context(), e, id) {
			if !errors.Is(err, engine.ErrUnreachable) || !errors.Is(err, engine.ErrNotSent) {
				t.Errorf("%s: got %v", method, err)
			}
			if got := errors.Is(err, engine.ErrUnavailable); got != (method == "Pull") {
				t.Errorf("%s: unavailable is %t", method, got)
			}
		}
		if x := <-end; !errors.Is(x.Err, engine.ErrUnreachable) || errors.Is(x.Err, engine.ErrNotSent) {
			t.Errorf("the wait ended with %+v", x)
		}
		e.Back()
		if c, err := e.Inspect(t.Context(), "web"); err != nil || !c.Running {
			t.Errorf("it is back, but %+v, %v", c, err)
		}
		if _, err := e.Inspect(t.Context(), "new"); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("created while it was away: %v", err)
		}
	})
}

// cutCalls are calls that take long, by their names.
func cutCalls(ctx context.Context, e *fake.Engine, id engine.ID) map[string]func() error {
	return map[string]func() error{
		"Watch": func() error { return e.Watch(ctx, nil, func(engine.Sign) {}) },
		"Exec": func() error {
			_, err := e.Exec(ctx, id, engine.Exec{Command: []string{"/late"}, Output: io.Discard})
			return err
		},
		"Pull":   func() error { return e.Pull(ctx, "far", "", engine.Credential{}, func(engine.Progress) {}) },
		"Remove": func() error { return e.Remove(ctx, id) },
		"Image":  func() error { _, err := e.Image(ctx, "far"); return err }, // it stalls
		"Wait": func() error {
			end, err := e.Wait(ctx, id)
			return errors.Join(err, (<-end).Err)
		},
		"Log": func() error {
			l, err := e.Log(ctx, id, false, time.Time{})
			if err == nil {
				_, err = l.Next()
			}
			return err
		},
	}
}

func TestWhatIsUnderWayIsCutWhenTheEngineGoes(t *testing.T) {
	for name := range cutCalls(t.Context(), nil, "") {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, e *fake.Engine) {
				image := fake.Running(func(ctx context.Context, _ fake.Process) int {
					<-ctx.Done() // it takes its time to die, as in a full disk
					time.Sleep(time.Second)
					return 0
				})
				image.Programs["/late"] = fake.Exit(0, time.Minute)
				image.PullTime = time.Minute
				e.AddImage("slow", image)
				e.AddRemote("far", image)
				id, _ := run(t, e, engine.Container{Name: "web", Image: "slow"})
				defer e.Stall("Image")()
				got := make(chan error, 1)
				go func() { got <- cutCalls(t.Context(), e, id)[name]() }()
				synctest.Wait()
				if len(got) > 0 {
					t.Fatalf("it does not take long: %v", <-got)
				}
				e.Away()
				synctest.Wait()
				select {
				case err := <-got:
					if !errors.Is(err, engine.ErrUnreachable) || errors.Is(err, engine.ErrNotSent) {
						t.Errorf("got %v", err)
					}
				default:
					t.Error("it was not cut")
					e.Back()
				}
			})
		})
	}
}

func TestACommandGoesOnWhenItsCallIsCut(t *testing.T) {
	bubble(t, func(t *testing.T, e *fake.Engine) {
		image := fake.Running(fake.UntilAsked)
		image.Programs["/late"] = func(ctx context.Context, p fake.Process) int {
			time.Sleep(time.Minute)
			p.Write("/done", fmt.Sprint(ctx.Err()))
			fmt.Fprintln(p.Stdout, "to nobody")
			return 0
		}
		e.AddImage("app", image)
		id, _ := run(t, e, engine.Container{Name: "web", Image: "app"})
		time.AfterFunc(time.Second, e.Away)
		var out strings.Builder
		if _, err := e.Exec(t.Context(), id, engine.Exec{Command: []string{"/late"}, Output: &out}); !errors.Is(err, engine.ErrUnreachable) {
			t.Errorf("got %v", err)
		}
		e.Back()
		time.Sleep(2 * time.Minute)
		if got, err := e.Read(t.Context(), id, "/done", 100); string(got) != "<nil>" || out.Len() > 0 {
			t.Errorf("it has done %q, %v, and said %q", got, err, out.String())
		}
	})
}

// A connection that is cut ends as if the container had ended.
func TestAStreamThatIsCutEnds(t *testing.T) {
	bubble(t, func(t *testing.T, e *fake.Engine) {
		c := engine.Container{Name: "p", Image: "listens", Stdin: true}
		id, _, err := e.Create(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		s, err := e.Attach(t.Context(), id, c)
		if err := errors.Join(err, e.Start(t.Context(), id)); err != nil {
			t.Fatal(err)
		}
		e.Away()
		if err := s.Copy(io.Discard, io.Discard); err != nil {
			t.Errorf("the copy ended with %v", err)
		}
		if _, err := s.Write([]byte("x")); !errors.Is(err, engine.ErrUnreachable) {
			t.Errorf("wrote with %v", err)
		}
		time.Sleep(time.Second)
		e.Back()
		if _, err := e.Inspect(t.Context(), "p"); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("its stdin has not ended: %v", err)
		}
	})
}

func TestFaultsHappenAsOftenAsTheyAreAskedFor(t *testing.T) {
	bubble(t, func(t *testing.T, e *fake.Engine) {
		broken := errors.New("broken")
		e.FailNext("Create", broken)
		e.FailNext("Create", engine.ErrInternal)
		c := engine.Container{Name: "web", Image: "sleep"}
		for i, want := range []error{broken, engine.ErrInternal} {
			if _, err := e.Inspect(t.Context(), "web"); !errors.Is(err, engine.ErrNotFound) {
				t.Errorf("before call %d: %v", i, err)
			}
			if _, _, err := e.Create(t.Context(), c); !errors.Is(err, want) {
				t.Errorf("call %d: got %v, want %v", i, err, want)
			}
		}
		e.LoseAnswer("Create")
		if id, _, err := e.Create(t.Context(), c); !errors.Is(err, engine.ErrUnreachable) || errors.Is(err, engine.ErrNotSent) || id != "" {
			t.Errorf("the answer was %q, %v", id, err)
		}
		if _, _, err := e.Create(t.Context(), c); !errors.Is(err, engine.ErrNameInUse) {
			t.Errorf("it was done, but now %v", err)
		}
	})
}

func TestACallStallsUntilItIsReleased(t *testing.T) {
	bubble(t, func(t *testing.T, e *fake.Engine) {
		late := errors.New("late")
		release := e.Stall("Create")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, late)
		defer cancel()
		if _, _, err := e.Create(ctx, engine.Container{Name: "given-up", Image: "sleep"}); !errors.Is(err, late) {
			t.Errorf("got %v", err)
		}
		made := make(chan error, 1)
		go func() {
			_, _, err := e.Create(t.Context(), engine.Container{Name: "waiting", Image: "sleep"})
			made <- err
		}()
		synctest.Wait()
		seen, err := e.List(t.Context(), nil) // others do not stall
		if len(seen) > 0 || len(made) > 0 || err != nil {
			t.Errorf("there is %v, %v", seen, err)
		}
		release()
		release()
		if err := <-made; err != nil {
			t.Error(err)
		}
		if seen, err = e.List(t.Context(), nil); len(seen) != 1 || seen[0].Name != "waiting" {
			t.Errorf("there is %v, %v", seen, err)
		}
	})
}

func TestThePastIsForgottenInTime(t *testing.T) {
	bubble(t, func(t *testing.T, e *fake.Engine) {
		e.AddImage("exit", fake.Running(fake.Exit(1, 0)))
		var last engine.ID
		for i := range 300 {
			id, end := run(t, e, engine.Container{Name: fmt.Sprint("c", i), Image: "exit"})
			<-end
			last = id
		}
		past, err := e.Past(t.Context(), nil, time.Time{})
		if len(past) != 256 || err != nil || past[255].Container != last {
			t.Errorf("%d signs, %v", len(past), err)
		}
	})
}

// A line that has begun is kept when it ends, or its container does.
func TestALogKeepsLines(t *testing.T) {
	bubble(t, func(t *testing.T, e *fake.Engine) {
		e.AddImage("say", fake.Running(func(ctx context.Context, p fake.Process) int {
			for _, text := range []string{"a", "b\nc", strings.Repeat("x", 40<<10), "\nend"} {
				fmt.Fprint(p.Stdout, text)
				time.Sleep(time.Second)
			}
			return 0
		}))
		began := time.Now()
		id, _ := run(t, e, engine.Container{Name: "web", Image: "say"})
		l, err := e.Log(t.Context(), id, false, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for {
			r, err := l.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, fmt.Sprintf("%v %d %.2q", r.At.Sub(began), len(r.Text), r.Text))
		}
		if got, want := strings.Join(got, ", "), `1s 3 "ab", 2s 16384 "cx", 2s 16384 "xx", 3s 8194 "xx", 4s 3 "en"`; got != want {
			t.Errorf("records %s\nwant %s", got, want)
		}
	})
}
