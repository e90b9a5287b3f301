package live_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/live"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/state"
)

// twoOf is what is known of a pod of two.
func twoOf() *live.State {
	return live.New(pod.Pod{Components: []pod.Component{{Name: "db"}, {Name: "web"}}})
}

// isRunning is satisfied by a component that runs.
func isRunning(c state.Component) (bool, error) { return c.State == lifecycle.Running, nil }

// runs has a component run.
func runs(c *state.Component) { c.State = lifecycle.Running }

func TestAChangeIsToldToAllWhoWaitAndALookToNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := twoOf()
		looked := 0
		go func() {
			err := s.Until(t.Context(), "web", func(c state.Component) (bool, error) { looked++; return isRunning(c) })
			if err != nil {
				t.Error(err)
			}
		}()
		for _, step := range []struct {
			why  string
			do   func()
			want int
		}{
			{"who waits looks first", func() {}, 1},
			{"a look is no change", func() { s.Look(func(*live.View) {}) }, 1},
			{"another component's change is one", func() { s.Update("db", runs) }, 2},
			{"another run's is none of the component's", func() { s.OfRun("web", "earlier", runs) }, 3},
			{"its own ends the wait", func() { s.OfRun("web", "", runs) }, 4},
			{"nobody waits any more", func() { s.Each(runs) }, 4},
		} {
			step.do()
			synctest.Wait()
			if looked != step.want {
				t.Errorf("it has looked %d times, want %d: %s", looked, step.want, step.why)
			}
		}
	})
}

func TestAWaitEndsWithItsContextAndIsNoneForStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := twoOf()
		late := errors.New("late")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, late)
		defer cancel()
		if err := s.Until(ctx, "web", isRunning); !errors.Is(err, late) {
			t.Errorf("it ends with %v", err)
		}
		if err := s.Until(t.Context(), "stranger", isRunning); err != nil {
			t.Errorf("for a stranger it ends with %v", err)
		}
	})
}

func TestNobodyCreatesWhenAllWhoHaveBegunAreDone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := twoOf()
		began := time.Now()
		for _, takes := range []time.Duration{time.Second, 3 * time.Second} {
			s.BeginCreating()
			time.AfterFunc(takes, s.EndCreating)
		}
		if err := s.NobodyCreates(t.Context()); err != nil || time.Since(began) != 3*time.Second {
			t.Errorf("it is over after %s with %v", time.Since(began), err)
		}
		if busy, begun := s.Creating(); busy != 0 || begun != 2 {
			t.Errorf("%d create and %d have begun", busy, begun)
		}
	})
}

func TestASnapshotIsNotReachedByLaterChanges(t *testing.T) {
	s := twoOf()
	before, _ := s.Snapshot()
	s.Each(runs)
	if now := before.Component("web").State; now != lifecycle.Pending {
		t.Errorf("web is %s in it", now)
	}
}

// Under the race detector this fails when any of these is not under the lock.
func TestAllMayBeCalledAtOnce(t *testing.T) {
	s := twoOf()
	c := live.NewContainer(nil)
	close(c.Started)
	var all sync.WaitGroup
	for _, do := range []func(){
		func() { s.Change(func(v *live.View) { v.Containers["web"], v.Lease, v.Memory = c, nil, "there" }) },
		func() { s.Look(func(*live.View) { c.Asked, c.Failed = true, true }) },
		func() { s.Each(runs) },
		func() { s.Snapshot() },
		func() { s.Changed() },
		func() { s.Component("web") },
		func() { s.Container("web") },
		func() { s.Containers() },
		func() { s.Lease() },
		func() { s.NoteImage("app", engine.Image{}) },
		func() { s.Image("app") },
		func() { s.Images() },
		func() { s.BeginCreating(); s.EndCreating() },
		func() { s.Creating() },
		func() { s.WasAsked(c) },
		func() { s.Ran(c); s.Runs(c) },
	} {
		all.Go(func() {
			for range 2000 {
				do()
			}
		})
	}
	all.Wait()
}
