package supervise

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/probe"
)

// needsAttention reports whether more has to be done for a component that runs than
// to wait for its end.
func needsAttention(c pod.Component) bool {
	return len(c.PostStart) > 0 || c.Probes != pod.Probes{}
}

// attend does what a component wants done from its start on: first its hooks, then its
// probes, until its run is over. The pod's going down ends all but readiness.
func (r *run) attend(name string, c pod.Component, h *holding) {
	ctx, cancel := r.during(h)
	defer cancel()
	up, cancel := r.whileUp(ctx)
	defer cancel()
	for _, hook := range c.PostStart {
		if err := r.doer(name, h).Hook(up, hook); err != nil {
			if up.Err() == nil {
				r.Tell(event.Event{Kind: event.HookFailed, Component: name, Why: "post_start: " + err.Error()})
				r.kill(name, h, "its post_start hook has failed")
			}
			return
		}
	}
	r.board.ofRun(name, h.id, func(e *entry) { e.greeted, e.Started = true, c.Probes.Startup == nil })
	probe.Watch(ctx, up, c.Probes, probe.Sofar{}, r.doer(name, h), func(t probe.Tried) { r.tried(name, h, t) })
}

// during is a context that ends with a container's run.
func (r *run) during(h *holding) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(r.watching)
	r.tasks.Go(func() {
		defer cancel()
		wait(ctx, h.over)
	})
	return ctx, cancel
}

// whileUp is a context that ends when the pod goes down.
func (r *run) whileUp(ctx context.Context) (context.Context, context.CancelFunc) {
	up, cancel := context.WithCancel(ctx)
	r.tasks.Go(func() {
		defer cancel()
		wait(up, r.over)
	})
	return up, cancel
}

// tried notes what a probe of one run has found.
func (r *run) tried(name string, h *holding, t probe.Tried) {
	failed := t.Result.Outcome == probe.Failure
	if failed || t.Result.Message != "" {
		r.Tell(event.Event{Kind: tries[t.Result.Outcome], Component: name, Why: fmt.Sprintf("%s: %s", t.Kind, t.Result.Message)})
	}
	r.board.ofRun(name, h.id, func(e *entry) { e.tried(t) })
	if t.Turned && failed && t.Kind != probe.Readiness {
		r.kill(name, h, fmt.Sprintf("its %s probe has failed", t.Kind))
	}
}

// tries are what has happened with an outcome that there is something to say of.
var tries = map[probe.Outcome]event.Kind{probe.Failure: event.ProbeFailed, probe.Unknown: event.ProbeUnknown, probe.Success: event.ConfigWarning}

// tried notes what it means for a component's readiness what a probe has found.
func (e *entry) tried(t probe.Tried) {
	failed := t.Result.Outcome == probe.Failure
	if t.Kind == probe.Liveness {
		return
	}
	if e.missed = ""; failed {
		e.missed = t.Result.Message
	}
	switch {
	case t.Turned && t.Kind == probe.Startup:
		e.Started = !failed
	case t.Turned:
		e.Ready = !failed
	}
}

// doer does what hooks and probes of a component's container ask for. That a command could
// not be killed is told here, for a try says of it no more than that it took too long.
func (r *run) doer(name string, h *holding) probe.Doer {
	return probe.Doer{Version: r.Owner.Version, Exec: func(ctx context.Context, x pod.Exec) (int, string, error) {
		code, output, err := r.exec(ctx, h.id, x)
		if errors.Is(err, engine.ErrLeft) {
			r.Tell(event.Event{Kind: event.CleanupFailed, Component: name, Why: err.Error()})
		}
		return code, output, err
	}}
}

// prepareToStop does once in a run what a component wants done before it is asked to
// stop, and waits for that, but not beyond a time. What is not over then goes on until
// the component ends, and ends with it. What goes wrong keeps nobody from stopping it.
func (r *run) prepareToStop(until context.Context, name string, h *holding) {
	if len(r.component(name).PreStop) == 0 {
		return
	}
	h.prepare.Do(func() {
		r.tasks.Go(func() {
			defer close(h.prepared)
			r.prepare(until, name, h)
		})
	})
	wait(until, h.prepared)
	if !closed(h.prepared) && r.watching.Err() == nil {
		r.Tell(event.Event{Kind: event.HookFailed, Component: name, Why: "pre_stop: it is not waited for any longer"})
	}
}

// prepare runs a component's pre_stop hooks. Once it has ended there is nothing to
// prepare, and how hooks end that nobody waits for any longer is no news.
func (r *run) prepare(until context.Context, name string, h *holding) {
	running, done := r.during(h)
	defer done()
	for _, hook := range r.component(name).PreStop {
		if err := r.doer(name, h).Hook(running, hook); err != nil && running.Err() == nil && until.Err() == nil {
			r.Tell(event.Event{Kind: event.HookFailed, Component: name, Why: "pre_stop: " + err.Error()})
		}
	}
}

// runs reports whether a component's container has been started and has not ended.
func (h *holding) runs() bool {
	return h != nil && closed(h.started) && !h.failed && !closed(h.over)
}

// deadline is how long it is until a context's end.
func deadline(ctx context.Context) time.Duration {
	at, _ := ctx.Deadline()
	return max(time.Until(at), 0)
}

// exec runs a command in a container. Of what it prints the beginning is kept.
func (r *run) exec(ctx context.Context, id engine.ID, x pod.Exec) (code int, output string, err error) {
	var said excerpt
	code, err = r.Engine.Exec(ctx, id, engine.Exec{
		Command: x.Command, Env: plan.Environment(x.Env), User: x.User, WorkingDir: x.WorkingDir, Privileged: x.Privileged, Output: &said,
	})
	return code, string(said), err
}

// An excerpt is the beginning of what was written.
type excerpt []byte

// excerptBytes is how much of it.
const excerptBytes = 4 << 10

func (e *excerpt) Write(p []byte) (int, error) {
	*e = append(*e, p[:min(len(p), excerptBytes-len(*e))]...)
	return len(p), nil
}
