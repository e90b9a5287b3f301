package executor_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/executor"
	"github.com/podlike/podlike/internal/plan"
)

var errBroken = errors.New("it is broken")

// A diary has when steps began and ended.
type diary struct {
	mu      sync.Mutex
	began   time.Time
	entries []string
}

func (d *diary) note(what string, s plan.Step) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries = append(d.entries, time.Since(d.began).String()+" "+what+" "+s.Key())
}

// do takes a second for a step, and fails then if it is called bad. One called slow takes
// five and cannot be cut short.
func (d *diary) do(ctx context.Context, s plan.Step) error {
	d.note("begins", s)
	defer d.note("ends", s)
	if s.Name == "slow" || s.Container == "slow" {
		return clock.Sleep(context.WithoutCancel(ctx), 5*time.Second)
	}
	if err := clock.Sleep(ctx, time.Second); err != nil || s.Name != "bad" {
		return err
	}
	return errBroken
}

func step(op plan.Op, name string, after ...string) plan.Step {
	return plan.Step{Op: op, Name: name, After: after}
}

func bestEffort(s plan.Step) plan.Step {
	s.BestEffort = true
	return s
}

func TestStepsAreDoneAsSoonAsThoseBeforeThemAre(t *testing.T) {
	create, pause := step(plan.Create, "web").Key(), step(plan.Create, "pause").Key()
	slow, bad := step(plan.Stop, "slow").Key(), step(plan.Remove, "bad").Key()
	for _, row := range []struct {
		why   string
		plan  plan.Plan
		hurry time.Duration // zero: never
		want  []string
		err   error
	}{
		{
			why:  "one begins when the other has ended, whatever their order in the plan, and a third does not wait",
			plan: plan.Plan{step(plan.Start, "web", create, pause), step(plan.Create, "web"), step(plan.Create, "pause", create), step(plan.Pull, "slow")},
			want: []string{
				"0s begins create web", "0s begins pull slow", "1s ends create web", "1s begins create pause", "2s ends create pause",
				"2s begins start web", "3s ends start web", "5s ends pull slow",
			},
		},
		{
			why:  "an error keeps what comes after it from being done, and what is under way is waited for",
			plan: plan.Plan{step(plan.Remove, "bad"), step(plan.Create, "web", bad), step(plan.Pull, "slow")},
			want: []string{"0s begins pull slow", "0s begins remove bad", "1s ends remove bad", "5s ends pull slow"},
			err:  errBroken,
		},
		{
			why:  "what is only tried keeps nobody",
			plan: plan.Plan{bestEffort(step(plan.Remove, "bad")), step(plan.Create, "web", bad)},
			want: []string{"0s begins remove bad", "1s ends remove bad", "1s begins create web", "2s ends create web"},
		},
		{
			why:  "of what is there twice both are waited for, and for what is not there nobody is",
			plan: plan.Plan{step(plan.Remove, "web"), {Op: plan.Remove, Name: "web", Container: "slow"}, step(plan.Create, "web", "remove web", "remove db")},
			want: []string{"0s begins remove web", "0s begins remove web", "1s ends remove web", "5s ends remove web", "5s begins create web", "6s ends create web"},
		},
		{
			why:   "in a hurry stops wait for nobody, but others do",
			plan:  plan.Plan{step(plan.Stop, "slow"), step(plan.Stop, "web", slow), step(plan.Remove, "web", slow)},
			hurry: 2 * time.Second,
			want: []string{
				"0s begins stop slow", "2s begins stop web", "3s ends stop web", "5s ends stop slow",
				"5s begins remove web", "6s ends remove web",
			},
		},
	} {
		t.Run(row.why, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var hurry context.Context
				if row.hurry > 0 {
					limited, cancel := context.WithTimeout(t.Context(), row.hurry)
					defer cancel()
					hurry = limited
				}
				d := diary{began: time.Now()}
				if err := executor.Run(t.Context(), row.plan, hurry, d.do); !errors.Is(err, row.err) {
					t.Errorf("it returns %v, want %v", err, row.err)
				}
				if got, want := sorted(d.entries), sorted(row.want); got != want {
					t.Errorf("got\n%s\nwant\n%s", got, want)
				}
			})
		})
	}
}

// sorted has what happens at the same moment in the order of its letters.
func sorted(entries []string) string {
	all := slices.Clone(entries)
	slices.Sort(all)
	return strings.Join(all, "\n")
}

func TestNothingIsDoneOnceTheContextHasEnded(t *testing.T) {
	cause := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	err := executor.Run(ctx, plan.Plan{step(plan.Create, "web")}, nil, func(context.Context, plan.Step) error {
		t.Error("a step is done")
		return nil
	})
	if !errors.Is(err, cause) {
		t.Errorf("it returns %v, want %v", err, cause)
	}
}

func TestTroublesAreInTheOrderOfTheirLetters(t *testing.T) {
	var troubles executor.Troubles
	if err := troubles.Err(); err != nil {
		t.Errorf("none are %v", err)
	}
	for _, err := range []error{errors.New("b"), nil, errors.New("a")} {
		troubles.Add(err)
	}
	if got := troubles.Err().Error(); got != "a\nb" {
		t.Errorf("they are %q", got)
	}
}

func TestAllIsDoneTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		second := func() error { return clock.Sleep(t.Context(), time.Second) }
		if err := executor.Together([]func() error{second, func() error { return errBroken }, second}); !errors.Is(err, errBroken) {
			t.Errorf("it returns %v", err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("it takes %s", took)
		}
	})
}

// Steps of one key are done at the same moment, and none of them is forgotten.
func TestAStepFollowsAllOfAKeyHoweverManyEndAtOnce(t *testing.T) {
	const twins = 2000
	p := plan.Plan{step(plan.Create, "web", step(plan.Remove, "web").Key())}
	for range twins {
		p = append(p, step(plan.Remove, "web"))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var removed, after atomic.Int64
	err := executor.Run(ctx, p, nil, func(_ context.Context, s plan.Step) error {
		if s.Op == plan.Create {
			after.Store(removed.Load())
			return nil
		}
		removed.Add(1)
		return nil
	})
	if err != nil || after.Load() != twins {
		t.Errorf("it follows %d of %d, and Run returns %v", after.Load(), twins, err)
	}
}
