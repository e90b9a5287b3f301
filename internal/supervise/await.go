package supervise

import (
	"context"
	"errors"
	"fmt"

	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// words say what is waited for, and phrases of whom.
var (
	words   = map[pod.Condition]string{pod.Started: "started", pod.Healthy: "healthy", pod.Completed: "completed"}
	phrases = map[pod.Condition]string{pod.Started: "has started", pod.Healthy: "is healthy", pod.Completed: "has completed"}
)

// await waits until a component is what others wait for. That it can no longer be, or
// takes longer than its user grants it, ends the pod, unless they can do without.
func (r *run) await(ctx context.Context, step plan.Step) error {
	r.Tell(event.Event{Kind: event.Waiting, Component: step.Name, Why: "until " + words[step.Until] + ", " + step.Why})
	granted, cancel := r.granted(ctx, step.Name)
	defer cancel()
	code := 1
	err := r.board.until(granted, step.Name, func(e entry) (bool, error) {
		code = max(e.ended.code, 1)
		return met(step.Until, e)
	})
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case step.Optional:
		r.Tell(event.Event{Kind: event.ConfigWarning, Component: step.Name, Why: "going on without it: " + err.Error()})
		return nil
	}
	return &ended{component: step.Name, code: code, err: fmt.Errorf("cannot go on with %s: %w", step.Name, err)}
}

// granted is done when a component has had all the time that it may take to begin.
func (r *run) granted(ctx context.Context, name string) (context.Context, context.CancelFunc) {
	limit := r.component(name).StartTimeout
	if limit == 0 {
		return context.WithCancel(ctx)
	}
	late := fmt.Errorf("it has taken longer than its start timeout of %s", limit)
	return context.WithTimeoutCause(ctx, limit, late)
}

// met reports whether a condition is, or why it can no longer be.
func met(c pod.Condition, e entry) (bool, error) {
	switch c {
	case pod.Healthy:
		return metHealth(e)
	case pod.Completed:
		if e.State.Over() && e.ended.failed() {
			return false, fmt.Errorf("it has not completed successfully, and another component waits for that: %s", end(e))
		}
		return e.State == lifecycle.Done, nil
	}
	if e.State.Over() && !e.Started {
		return false, fmt.Errorf("it has not begun, and another component waits for that: %s", end(e))
	}
	return e.Started, nil
}

// metHealth is met for a component's health.
func metHealth(e entry) (bool, error) {
	switch {
	case e.State.Over():
		return false, fmt.Errorf("another component waits for its health: %s", end(e))
	case e.State != lifecycle.Running:
		return false, nil
	case !e.Checked && !e.Probed:
		return false, errors.New("it has no health check, and another component waits for its health: give it a healthcheck, or depend on service_started")
	case e.Checked && e.Health == lifecycle.Unhealthy:
		return false, errors.New("it is unhealthy, and another component waits for its health")
	}
	return e.IsReady(), nil
}

// end says how a component has ended.
func end(e entry) string {
	switch {
	case e.ended.why != "":
		return e.ended.why
	case e.ended.broken != "":
		return e.ended.broken
	}
	return fmt.Sprintf("it ended with %d", e.ended.code)
}
