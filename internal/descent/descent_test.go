package descent_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podlike/podlike/internal/descent"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// down takes down a pod of which the engine has a component's container that nobody holds,
// and returns how long that took, what was told and what it said.
func down(t *testing.T, with func(e *fake.Engine, s *live.State)) (took time.Duration, told string, err error) {
	t.Helper()
	p := pod.Complete(pod.Pod{Components: []pod.Component{{Name: "web", Image: "app"}}})
	e := fake.New()
	defer e.Close()
	e.AddImage("app", fake.Running(fake.UntilAsked))
	labels := map[string]string{pod.LabelOwner: "me", pod.LabelRole: pod.RoleComponent, pod.LabelComponent: "web"}
	if _, _, err := e.Create(t.Context(), engine.Container{Name: "me.podlike.web", Image: "app", Labels: labels}); err != nil {
		t.Fatal(err)
	}
	known := live.New(p)
	with(e, known)
	began := time.Now()
	d := descent.Begin(t.Context(), descent.Config{
		Engine: e, Pod: p, Owner: pod.Owner{ID: "me"}, Live: known,
		Emit:            func(e event.Event) { told += string(e.Kind) + ": " + e.Why + "\n" },
		SupervisorAsked: func() bool { return false },
		Observe: func(ctx context.Context) (w plan.World, err error) {
			w.Containers, err = e.List(ctx, labels)
			var also error
			w.Volumes, also = e.Volumes(ctx, nil)
			return w, errors.Join(err, also)
		},
		PreStop: func(context.Context, string, *live.Container) {}, StopAsked: func(string) {}, StopSignal: func(string) string { return "SIGTERM" },
	})
	defer d.End()
	if _, took := d.PauseTook("web", engine.FaultCode); took {
		t.Error("a pause that there never was has taken a component along")
	}
	err = d.TakeDown()
	if left, _ := e.List(t.Context(), labels); len(left) > 0 && err == nil {
		t.Errorf("%d are left", len(left))
	}
	return time.Since(began), strings.TrimSpace(told), err
}

func TestGoingDownGoesOnUntilNothingIsLeft(t *testing.T) {
	busy, inUse := errors.New("device is busy"), errors.New("volume is in use")
	for _, row := range []struct {
		why  string
		with func(*fake.Engine, *live.State)
		took time.Duration // in tenths of a second
		told string
		fail string
	}{
		{"what is there is removed", func(*fake.Engine, *live.State) {}, 0, "", ""},
		{"what cannot be removed is tried again, and told once", func(e *fake.Engine, _ *live.State) {
			e.FailNext("Remove", busy)
			e.FailNext("Remove", busy)
		}, 400 * time.Millisecond, "cannot clean up: cannot remove me.podlike.web: device is busy", ""},
		{"a volume that cannot be removed is tried again, within the pod's budget", func(e *fake.Engine, _ *live.State) {
			e.AddVolume("old", map[string]string{pod.LabelOwner: "me", pod.LabelRole: pod.RoleScratch})
			e.Intercept(func(_ context.Context, c fake.Call, do func() error) error {
				if c.Op == "remove volume" {
					return inUse
				}
				return do()
			})
		}, plan.BudgetOf(pod.Complete(pod.Pod{})).Kill + 100*time.Millisecond, "cannot clean up: cannot remove volume old: volume is in use", ""},
		{"what is never removed is named", func(e *fake.Engine, _ *live.State) {
			e.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
				if c.Op == "remove" {
					<-ctx.Done()
					return ctx.Err()
				}
				return do()
			})
		}, plan.BudgetOf(pod.Complete(pod.Pod{})).Kill + 30*time.Second, "", "cannot remove me.podlike.web: context deadline exceeded"},
		{"who still creates is waited for, and what comes of it is removed", func(_ *fake.Engine, s *live.State) {
			s.BeginCreating()
			time.AfterFunc(time.Second, s.EndCreating)
		}, time.Second, "", ""},
		{"who creates for ever is not", func(_ *fake.Engine, s *live.State) { s.BeginCreating() },
			plan.BudgetOf(pod.Complete(pod.Pod{})).Kill + 30*time.Second, "",
			"the engine does not come to an end with what it was asked to make; what it makes is left\ncontext deadline exceeded"},
	} {
		t.Run(row.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took, told, err := down(t, row.with)
				if took = took.Truncate(100 * time.Millisecond); took != row.took.Truncate(100*time.Millisecond) {
					t.Errorf("it takes %s, want %s", took, row.took)
				}
				if told != row.told {
					t.Errorf("told is %q, want %q", told, row.told)
				}
				if err != nil && err.Error() != row.fail || err == nil && row.fail != "" {
					t.Errorf("it returns %v, want %q", err, row.fail)
				}
			})
		})
	}
}
