package attend_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podlike/podlike/internal/attend"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/state"
)

// commands are an engine on which a command ends with a code, or with an error.
type commands map[string]struct {
	code int
	errs []error // of the first tries
}

// Exec implements attend.Engine.
func (c commands) Exec(_ context.Context, _ engine.ID, e engine.Exec) (int, error) {
	is := c[e.Command[0]]
	if len(is.errs) == 0 {
		return is.code, nil
	}
	err := is.errs[0]
	is.errs = is.errs[1:]
	c[e.Command[0]] = is
	return 0, err
}

// Inspect implements attend.Engine.
func (commands) Inspect(context.Context, string) (engine.Seen, error) { return engine.Seen{}, nil }

// hook runs a command.
func hook(command string) pod.Hook { return pod.Hook{Exec: &pod.Exec{Command: []string{command}}} }

func TestHooksComeFirstAndOneThatFailsBreaksTheRun(t *testing.T) {
	for _, row := range []struct {
		why    string
		engine commands
		done   bool
		took   time.Duration
		told   string
		killed string
	}{
		{"all has gone well", commands{}, true, 0, "", ""},
		{"what fails breaks it", commands{"one": {code: 3}}, false, 0, "hook failed", "its post_start hook has failed"},
		{"an engine that does not answer does not", commands{"one": {errs: []error{engine.ErrUnreachable, engine.ErrUnreachable}}}, true, 2 * time.Second, "", ""},
	} {
		t.Run(row.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var known state.Component
				var told []string
				killed, began := "", time.Now()
				attend.Attendant{
					Engine: row.engine, Component: pod.Component{Name: "web", PostStart: []pod.Hook{hook("one"), hook("two")}},
					Over: make(chan struct{}), Falling: make(chan struct{}),
					Emit: func(e event.Event) { told = append(told, string(e.Kind)) },
					Note: func(do func(*state.Component)) { do(&known) },
					Kill: func(why string) { killed = why },
				}.Attend(t.Context())
				if known.PostStartDone != row.done || known.Started != row.done {
					t.Errorf("its hooks are done: %t, it has started: %t, want %t", known.PostStartDone, known.Started, row.done)
				}
				if got := strings.Join(told, ", "); got != row.told || killed != row.killed {
					t.Errorf("told is %q and it is killed for %q", got, killed)
				}
				if took := time.Since(began); took != row.took {
					t.Errorf("it takes %s", took)
				}
			})
		})
	}
}

func TestHowAPreStopHookEndsIsNoNewsOnceNobodyWaits(t *testing.T) {
	for _, row := range []struct {
		why  string
		late bool
		want int
	}{
		{"somebody waits for it", false, 1},
		{"nobody does any more", true, 0},
	} {
		t.Run(row.why, func(t *testing.T) {
			until, cancel := context.WithCancel(t.Context())
			defer cancel()
			if row.late {
				cancel()
			}
			told := 0
			attend.Attendant{
				Engine: commands{"one": {code: 1}}, Component: pod.Component{Name: "web", PreStop: []pod.Hook{hook("one")}},
				Over: make(chan struct{}), Emit: func(event.Event) { told++ },
			}.Prepare(t.Context(), until)
			if told != row.want {
				t.Errorf("%d events are told, want %d", told, row.want)
			}
		})
	}
}
