// Package attend does for one run of a component what it wants done beside running: its
// hooks and its probes. It neither starts nor stops anything: that a component is broken
// is said to whoever may end it.
package attend

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/probe"
	"github.com/podlike/podlike/internal/state"
)

// Engine is what attending needs of one.
type Engine interface {
	Exec(ctx context.Context, id engine.ID, e engine.Exec) (code int, err error)
	Inspect(ctx context.Context, ref string) (engine.Seen, error)
}

// An Attendant attends to one run of a component.
type Attendant struct {
	Engine    Engine
	Component pod.Component
	// Container is the run's, and Version Podlike's.
	Container engine.ID
	Version   string
	// PostStartDone: the run's hooks are over. Sofar is what its probes have come to.
	PostStartDone bool
	Sofar         probe.Sofar
	// Over is closed when the run has ended, and Falling when the pod's life has.
	Over, Falling <-chan struct{}
	Emit          event.Sink
	// Note changes what is known of the component, as long as that is about this run.
	Note func(do func(*state.Component))
	// Kill ends the run because it is broken.
	Kill func(why string)
}

// Needed reports whether more has to be done for a component that runs than to wait for
// its end.
func Needed(c pod.Component) bool {
	return len(c.PostStart) > 0 || c.Probes != pod.Probes{}
}

// Attend does what a component wants done from its start on: first its hooks, then its
// probes, until its run is over. The pod's going down ends all but readiness.
func (a Attendant) Attend(ctx context.Context) {
	running, cancel := whileNot(ctx, a.Over)
	defer cancel()
	up, cancel := whileNot(running, a.Falling)
	defer cancel()
	for _, hook := range a.Component.PostStart {
		if a.PostStartDone {
			break
		}
		if err := a.postStart(ctx, up, hook); err != nil {
			if up.Err() == nil {
				a.tell(event.HookFailed, "post_start: "+err.Error())
				a.Kill("its post_start hook has failed")
			}
			return
		}
	}
	a.Note(func(c *state.Component) {
		c.PostStartDone, c.Started = true, a.Sofar.Started || a.Component.Probes.Startup == nil
	})
	probe.Watch(running, up, a.Component.Probes, a.Sofar, a.doer(ctx), a.tried)
}

// Prepare runs a component's pre_stop hooks. Once it has ended there is nothing to
// prepare, and how hooks end that nobody waits for any longer is no news.
func (a Attendant) Prepare(ctx, until context.Context) {
	running, done := whileNot(ctx, a.Over)
	defer done()
	for _, hook := range a.Component.PreStop {
		if err := a.doer(ctx).Hook(running, hook); err != nil && running.Err() == nil && until.Err() == nil {
			a.tell(event.HookFailed, "pre_stop: "+err.Error())
		}
	}
}

// tell tells something of the component.
func (a Attendant) tell(kind event.Kind, why string) {
	a.Emit(event.Event{Kind: kind, Component: a.Component.Name, Why: why})
}

// retryDelay is before the next try of what the engine did not answer.
const retryDelay = time.Second

// postStart runs a hook, again where the engine did not answer: that is no failure of the
// component's.
func (a Attendant) postStart(ctx, up context.Context, hook pod.Hook) error {
	for {
		err := a.doer(ctx).Hook(up, hook)
		if !errors.Is(err, probe.ErrUnanswered) || clock.Sleep(up, retryDelay) != nil {
			return err
		}
	}
}

// tried notes what a probe of the run has found.
func (a Attendant) tried(t probe.Tried) {
	failed := t.Result.Outcome == probe.Failure
	if failed || t.Result.Message != "" {
		a.tell(tries[t.Result.Outcome], fmt.Sprintf("%s: %s", t.Kind, t.Result.Message))
	}
	a.Note(func(c *state.Component) { c.NoteTried(t) })
	if t.Turned && failed && t.Kind != probe.Readiness {
		a.Kill(fmt.Sprintf("its %s probe has failed", t.Kind))
	}
}

// tries are what has happened with an outcome that there is something to say of.
var tries = map[probe.Outcome]event.Kind{probe.Failure: event.ProbeFailed, probe.Unknown: event.ProbeUnknown, probe.Success: event.ProbeWarning}

// doer does what hooks and probes of the run ask for. That a command could not be killed
// is told here, for a try says of it no more than that it took too long. A command that
// the engine does not answer about says nothing of the component.
func (a Attendant) doer(attending context.Context) probe.Doer {
	return probe.Doer{Version: a.Version, Exec: func(ctx context.Context, x pod.Exec) (int, string, error) {
		var said excerpt
		answers := make(chan bool, 1)
		late := context.AfterFunc(ctx, func() { answers <- a.answers(attending) }) // asked at that moment: the engine may be back later
		code, err := a.Engine.Exec(ctx, a.Container, engine.Exec{
			Command: x.Command, Env: plan.Environment(x.Env), User: x.User, WorkingDir: x.WorkingDir, Privileged: x.Privileged, Output: &said,
		})
		answered := true
		switch stopped := late(); {
		case !stopped:
			answered = <-answers
		case ctx.Err() != nil: // it has ended just now, and nobody has asked yet
			answered = a.answers(attending)
		}
		if !answered || errors.Is(err, engine.ErrUnreachable) {
			return 0, "", fmt.Errorf("%w: %w", probe.ErrUnanswered, errors.Join(err, context.Cause(ctx)))
		}
		if errors.Is(err, engine.ErrLeft) {
			a.tell(event.CleanupFailed, err.Error())
		}
		return code, string(said), err
	}}
}

// answerTime is how long an engine that is well may take to answer at all.
const answerTime = time.Second

// answers reports whether the engine does, now.
func (a Attendant) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	_, err := a.Engine.Inspect(ctx, string(a.Container))
	return err == nil || errors.Is(err, engine.ErrNotFound)
}

// whileNot is a context that ends with another one, or when something else has ended.
func whileNot(ctx context.Context, end <-chan struct{}) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		defer cancel()
		live.Wait(ctx, end)
	})
	return ctx, func() {
		cancel()
		waiting.Wait()
	}
}

// An excerpt is the beginning of what was written.
type excerpt []byte

// excerptBytes is how much of it.
const excerptBytes = 4 << 10

// Write implements io.Writer.
func (e *excerpt) Write(p []byte) (int, error) {
	*e = append(*e, p[:min(len(p), excerptBytes-len(*e))]...)
	return len(p), nil
}
