package fake_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
)

// bubble runs a test on an engine of its own, on a clock of its own. That no
// goroutine outlives the engine is checked by the bubble.
func bubble(t *testing.T, test func(t *testing.T, e *fake.Engine)) {
	synctest.Test(t, func(t *testing.T) {
		e := fake.New()
		defer e.Close()
		for name, p := range map[string]fake.Program{"sleep": fake.UntilAsked, "stubborn": fake.Stubborn, "listens": untilHungUp} {
			e.AddImage(name, fake.Running(p))
		}
		test(t, e)
	})
}

// run creates and starts a container and waits for its end.
func run(t *testing.T, e *fake.Engine, c engine.Container) (engine.ID, <-chan engine.Exit) {
	t.Helper()
	id, _, err := e.Create(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	end, err := e.Wait(t.Context(), id)
	if err := errors.Join(err, e.Start(t.Context(), id)); err != nil {
		t.Fatal(err)
	}
	return id, end
}

func TestJoinersEndBeforeTheOwnerOfTheirNamespace(t *testing.T) {
	bubble(t, func(t *testing.T, e *fake.Engine) {
		pause, pauseEnd := run(t, e, engine.Container{Name: "p", Image: "stubborn"})
		_, webEnd := run(t, e, engine.Container{Name: "web", Image: "stubborn", PID: pause})
		_, alone := run(t, e, engine.Container{Name: "alone", Image: "stubborn", Network: pause})
		e.Kill("p")
		synctest.Wait()
		if len(pauseEnd) > 0 {
			t.Error("the owner of the namespace has ended before those in it")
		}
		if web, p := <-webEnd, <-pauseEnd; web.Code != 137 || p.Code != 137 {
			t.Errorf("ended with %d and %d, want 137 both", web.Code, p.Code)
		}
		select {
		case x := <-alone:
			t.Errorf("who joined the network only has ended with %v", x)
		default:
		}
	})
}

// untilHungUp is a program that ends when its stdin does.
func untilHungUp(ctx context.Context, p fake.Process) int {
	select {
	case <-p.Hangup:
	case <-ctx.Done():
	}
	return 0
}

func TestStdinEndsWithItsHolder(t *testing.T) {
	bubble(t, func(t *testing.T, e *fake.Engine) {
		c := engine.Container{Name: "p", Image: "listens", Stdin: true}
		id, end := run(t, e, c)
		held, err := e.Attach(t.Context(), id, c)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := held.Write([]byte("\n")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if len(end) > 0 {
			t.Fatal("ended while it was held")
		}
		if err := held.Close(); err != nil {
			t.Fatal(err)
		}
		if x := wait(t, end); x.Code != 0 {
			t.Errorf("ended with %v", x)
		}
	})
}

func TestANameIsTakenUntilTheRemovalIsOver(t *testing.T) {
	bubble(t, func(t *testing.T, e *fake.Engine) {
		id, end := run(t, e, engine.Container{Name: "web", Image: "sleep"})
		e.Kill("web")
		<-end
		if _, _, err := e.Create(t.Context(), engine.Container{Name: "web", Image: "sleep"}); err == nil {
			t.Error("the name was free while the engine was removing its container")
		}
		if err := e.Remove(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		if _, _, err := e.Create(t.Context(), engine.Container{Name: "web", Image: "sleep"}); err != nil {
			t.Error(err)
		}
	})
}

func TestAnInterceptorCanLoseAnAnswer(t *testing.T) {
	bubble(t, func(t *testing.T, e *fake.Engine) {
		lost := errors.New("connection lost")
		var calls []string
		e.Intercept(func(_ context.Context, c fake.Call, do func() error) error {
			calls = append(calls, c.String())
			return errors.Join(do(), lost)
		})
		id, _, err := e.Create(t.Context(), engine.Container{Name: "web", Image: "sleep"})
		if !errors.Is(err, lost) || id != "" {
			t.Errorf("got %q, %v", id, err)
		}
		e.Intercept(nil)
		if _, err := e.Inspect(t.Context(), "web"); err != nil {
			t.Errorf("it was made all the same, but: %v", err)
		}
		if want := []string{"create web"}; !slices.Equal(calls, want) {
			t.Errorf("calls %q, want %q", calls, want)
		}
	})
}

func TestAPullTakesItsTimeAndTellsHowFarItIs(t *testing.T) {
	bubble(t, func(t *testing.T, e *fake.Engine) {
		image := fake.Running(fake.UntilAsked)
		image.PullTime = 4 * time.Second
		e.AddRemote("far", image)
		var told []string
		tell := func(p engine.Progress) { told = append(told, fmt.Sprint(p.Done>>20, "/", p.Total>>20)) }

		hurry, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		if err := e.Pull(hurry, "far", "", engine.Credential{}, tell); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("pulled without the time for it: %v", err)
		}
		told = nil
		if err := e.Pull(t.Context(), "far", "", engine.Credential{}, tell); err != nil {
			t.Fatal(err)
		}
		if got, want := strings.Join(told, " "), "0/4 1/4 2/4 3/4"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
		if _, err := e.Image(t.Context(), "far"); err != nil {
			t.Error(err)
		}
		if err := e.Pull(t.Context(), "none", "", engine.Credential{}, tell); !errors.Is(err, engine.ErrNotFound) {
			t.Errorf("got %v of what there is not", err)
		}
	})
}

func TestAWatchThatIsCutReturns(t *testing.T) {
	bubble(t, func(t *testing.T, e *fake.Engine) {
		cut := errors.New("proxy timeout")
		lost := make(chan error)
		go func() { lost <- e.Watch(t.Context(), nil, func(engine.Sign) {}) }()
		synctest.Wait()
		e.CutWatches(cut)
		if err := <-lost; !errors.Is(err, cut) {
			t.Errorf("got %v", err)
		}
	})
}

func TestACommandIsKilledWithItsContainer(t *testing.T) {
	bubble(t, func(t *testing.T, e *fake.Engine) {
		image := fake.Running(fake.UntilAsked)
		image.Programs["/hook"] = fake.Stubborn
		e.AddImage("hooked", image)
		id, end := run(t, e, engine.Container{Name: "web", Image: "hooked"})
		time.AfterFunc(time.Second, func() { e.Kill("web") })
		code, err := e.Exec(t.Context(), id, engine.Exec{Command: []string{"/hook"}})
		if code != 137 || err != nil {
			t.Errorf("got %d, %v", code, err)
		}
		<-end
	})
}
