package supervise_test

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

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/engine/retry"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/supervise"
)

// A scene is an engine with the container of a supervisor, and what happened to
// the pod that it has run.
type scene struct {
	*testing.T
	*fake.Engine
	owner pod.Owner
	pod   pod.Pod
	// ready is told when the pod runs. Nil: nobody wants to know.
	ready func(*supervise.Supervisor)

	timeout time.Duration   // of the engine; zero: for ever
	hurry   <-chan struct{} // as in supervise.Config
	// with changes what the supervisor works with. Nil: it is the usual.
	with func(*supervise.Config)

	// broken: the engine cannot remove what there is.
	broken bool

	stdout, stderr text

	mu     sync.Mutex
	events []event.Event
}

// play runs a test in a bubble, in which time passes when nobody has anything to
// do, and which ends only when no goroutine is left.
func play(t *testing.T, components []pod.Component, test func(s *scene)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &scene{T: t, Engine: fake.New(), pod: pod.Pod{Components: components, SharePID: true, ShareIPC: true, PauseImage: "pause"}}
		defer s.Close()
		s.pod = pod.Complete(s.pod)
		s.AddImage("pause", fake.Running(fake.Pause))
		s.AddImage("supervisor", fake.Running(fake.UntilAsked))
		s.AddImage("app", fake.Running(fake.UntilAsked))
		s.AddImage("checked", checked(fake.UntilAsked))
		s.AddImage("stubborn", fake.Running(fake.Stubborn))
		s.owner = s.supervisor("shop.1", "service")
		s.Intercept(usual)
		test(s)
	})
}

// usual has a call take the time that tells it from others, so that what happens
// at the same time on one machine happens so on all.
func usual(ctx context.Context, c fake.Call, do func() error) error {
	took := map[string]time.Duration{"create": 10 * time.Millisecond, "start": 15 * time.Millisecond}[c.Op]
	if err := clock.Sleep(ctx, took); err != nil {
		return err
	}
	return do()
}

// checked is an image that has a health check.
func checked(p fake.Program) fake.Image {
	i := fake.Running(p)
	i.Checked = true
	return i
}

// well is a program that is healthy a while after its start.
func well(after time.Duration) fake.Program {
	return func(ctx context.Context, p fake.Process) int {
		if clock.Sleep(ctx, after) == nil {
			p.SetHealth(engine.Healthy)
		}
		return fake.UntilAsked(ctx, p)
	}
}

// app is a component that ends when it is asked to.
func app(name string, dependsOn ...pod.Dependency) pod.Component {
	return pod.Component{Name: name, Image: "app", StopGrace: pod.DefaultStopGrace, DependsOn: dependsOn}
}

// of is a component that runs an image of its own.
func of(name, image string, dependsOn ...pod.Dependency) pod.Component {
	c := app(name, dependsOn...)
	c.Image = image
	return c
}

func started(name string) pod.Dependency { return pod.Dependency{Name: name, Condition: pod.Started} }
func healthy(name string) pod.Dependency { return pod.Dependency{Name: name, Condition: pod.Healthy} }

// supervisor makes a container that can own a pod, and runs it.
func (s *scene) supervisor(name, service string) pod.Owner {
	s.Helper()
	id, _, err := s.Create(s.Context(), engine.Container{Name: name, Image: "supervisor"})
	if err := errors.Join(err, s.Start(s.Context(), id)); err != nil {
		s.Fatal(err)
	}
	return pod.Owner{ID: string(id), Name: name, Service: service, Version: "test"}
}

// run runs the pod until it is over, and checks that nothing of it is left.
func (s *scene) run(ctx context.Context) (code int) {
	s.Helper()
	var runner *supervise.Supervisor
	again := retry.New(s.Engine, s.timeout, func(o retry.Outage) { runner.NoteOutage(o.Since, o.Why, o.Over) })
	c := supervise.Config{
		Engine: again, EngineLost: again.Lost(), Pod: s.pod, Owner: s.owner, Stdout: &s.stdout, Stderr: &s.stderr, Book: logbuffer.NewBuffer(1 << 16), Hurry: s.hurry,
		Emit: func(e event.Event) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.events = append(s.events, e)
		},
	}
	if s.with != nil {
		s.with(&c)
	}
	runner = supervise.New(c)
	if s.ready != nil {
		s.ready(runner)
	}
	code = runner.Run(ctx)
	s.Intercept(nil)
	left, err := s.List(s.Context(), map[string]string{pod.LabelOwner: s.owner.ID})
	if err != nil || len(left) > 0 != s.broken {
		s.Errorf("left: %v, %v", left, err)
	}
	return code
}

// runFor runs the pod and asks it to stop after a time. It returns how long the
// stop took.
func (s *scene) runFor(d time.Duration) (code int, took time.Duration) {
	s.Helper()
	ctx, ask := context.WithCancelCause(s.Context())
	defer ask(nil)
	time.AfterFunc(d, func() { ask(errAsked) })
	began := time.Now()
	code = s.run(ctx)
	return code, time.Since(began) - d
}

var errAsked = errors.New("asked to stop by SIGTERM")

// name is what the container of a component is called.
func (s *scene) name(component string) string { return s.owner.ContainerName(component) }

// history is what has happened, an event a line. What happened at the same time
// is in the order of its letters.
func (s *scene) history(kinds ...event.Kind) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := slices.Clone(s.events)
	slices.SortStableFunc(events, func(a, b event.Event) int {
		if c := a.At.Compare(b.At); c != 0 {
			return c
		}
		return strings.Compare(line(a), line(b))
	})
	var text strings.Builder
	for _, e := range events {
		if len(kinds) == 0 || slices.Contains(kinds, e.Kind) {
			text.WriteString(line(e) + "\n")
		}
	}
	return text.String()
}

// line is an event on a line, without what differs from run to run.
func line(e event.Event) string {
	words := []string{string(e.Kind) + ":"}
	for _, word := range []string{e.Component, e.Image, e.Progress} {
		if word != "" {
			words = append(words, word)
		}
	}
	if e.Kind == event.Died || e.Kind == event.Stopping || e.Kind == event.Ended {
		words = append(words, fmt.Sprint(e.Code))
	}
	if e.Why != "" {
		words = append(words, "("+e.Why+")")
	}
	return strings.Join(words, " ")
}

// happened compares the history with what was to happen.
func (s *scene) happened(want string, kinds ...event.Kind) {
	s.Helper()
	if diff := cmp.Diff(strings.TrimLeft(want, "\n"), s.history(kinds...)); diff != "" {
		s.Errorf("history, - wanted, + happened:\n%s", diff)
	}
}

// last is the one last record.
func (s *scene) last() event.Event {
	s.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.events[len(s.events)-1]
	if e.Kind != event.Ended {
		s.Errorf("the last event is %q", line(e))
	}
	return e
}

// exits checks an exit code.
func (s *scene) exits(code, want int) {
	s.Helper()
	if code != want || s.last().Code != want {
		s.Errorf("exit code %d, told %d, want %d; history:\n%s", code, s.last().Code, want, s.history())
	}
}

// A text is what several write to. A write takes some time.
type text struct {
	takes time.Duration

	mu  sync.Mutex
	all strings.Builder
}

func (b *text) Write(p []byte) (int, error) {
	time.Sleep(b.takes)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.Write(p)
}

func (b *text) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.all.String()
}
