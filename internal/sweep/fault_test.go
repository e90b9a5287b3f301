package sweep_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/sweep"
)

func TestAnEngineThatDoesNotSayWhoIsAliveGetsNothingRemoved(t *testing.T) {
	onNode(t, func(n *node) {
		for i := range 3 {
			owner := pod.Owner{ID: fmt.Sprint("dead", i), Name: fmt.Sprint("dead", i)}
			n.runs(owner, pod.RoleComponent, "app")
			n.FailNext("Inspect", engine.ErrUnreachable)
		}
		err := n.Once(n.Context())
		if !errors.Is(err, engine.ErrUnreachable) || strings.Contains(err.Error(), "\n") {
			n.Errorf("it returns %v", err)
		}
		n.leaves("dead0.podlike.web dead1.podlike.web dead2.podlike.web")
	})
}

// Engine 20.10 does not tell of a container that has ended while its output is held up.
func TestAnOwnerOfWhichTheEngineDoesNotTellKeepsNobodyElseFromBeingSwept(t *testing.T) {
	onNode(t, func(n *node) {
		n.runs(n.dead, pod.RoleComponent, "app")
		n.runs(n.other, pod.RoleComponent, "app")
		n.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
			if c.Op == "inspect" && c.Name == "other" {
				<-ctx.Done()
				return context.Cause(ctx)
			}
			return do()
		})
		began := time.Now()
		err := n.Once(n.Context())
		want := fmt.Sprintf("what container %.12s owns is left alone: it is not known whether that runs: cannot inspect other: no answer within 20s", n.other.ID)
		if err == nil || err.Error() != want {
			n.Errorf("it returns %v, want %s", err, want)
		}
		if took := time.Since(began); took.Truncate(time.Second) != 20*time.Second {
			n.Errorf("it takes %s", took)
		}
		n.Intercept(nil)
		n.leaves("other.podlike.web")
	})
}

// tries are how often is tried to remove something, before it is told that it cannot be.
const tries = 3

func TestWhatCannotBeSweptIsToldOnceAndTriedAgainLater(t *testing.T) {
	fail := "cannot clean up  (dead.podlike.debug-x: cannot remove dead.podlike.debug-x: device is busy)"
	for way, test := range map[string]struct {
		sweeps func(*node)
		takes  time.Duration
		told   []string
	}{
		"to the end": {func(n *node) { n.Clear(n.Context()) }, 3 * time.Minute, []string{fail, isGone("dead.podlike.debug-x")}},
		"every so often": {func(n *node) {
			n.during(30*time.Second, func() { clock.Sleep(n.Context(), time.Minute+30*time.Second) })
		}, time.Minute, []string{fail, isGone("dead.podlike.debug-x")}},
	} {
		t.Run(way, func(t *testing.T) {
			onNode(t, func(n *node) {
				n.creates(n.dead, pod.RoleDebug, "app")
				for range 2 * tries {
					n.FailNext("Remove", errors.New("device is busy"))
				}
				began := time.Now()
				test.sweeps(n)
				if took := time.Since(began); took.Truncate(time.Minute) != test.takes {
					n.Errorf("it takes %s", took)
				}
				n.tells(test.told...)
			})
		})
	}
}

func TestWhatIsWrongAgainIsToldAgain(t *testing.T) {
	onNode(t, func(n *node) {
		busy := func() {
			n.creates(n.dead, pod.RoleDebug, "app")
			for range tries {
				n.FailNext("Remove", errors.New("device is busy"))
			}
		}
		n.during(10*time.Second, func() {
			for range 2 {
				busy()
				clock.Sleep(n.Context(), 25*time.Second)
				n.tells("cannot clean up  (dead.podlike.debug-x: cannot remove dead.podlike.debug-x: device is busy)", isGone("dead.podlike.debug-x"))
			}
		})
	})
}

func TestOneSweepReturnsWhatCannotBeRemovedALineEach(t *testing.T) {
	onNode(t, func(n *node) {
		n.populate()
		n.Intercept(func(_ context.Context, c fake.Call, do func() error) error {
			if strings.HasPrefix(c.Op, "remove") && c.Name != "dead.podlike.web" {
				return errors.New("device is busy")
			}
			return do()
		})
		err := n.Once(n.Context())
		want := "dead.podlike.debug-x: cannot remove dead.podlike.debug-x: device is busy\ndead.scratch: cannot remove volume dead.scratch: device is busy"
		if err == nil || err.Error() != want {
			n.Errorf("it returns\n%v\nwant\n%s", err, want)
		}
		n.tells(isGone("dead.podlike.web"))
	})
}

// Who has just died may have asked for a container that comes when all has been looked at.
func TestWhatIsInTheWayOfWhatIsSweptForAMomentOnlyIsNotTold(t *testing.T) {
	onNode(t, func(n *node) {
		n.AddVolume("dead.scratch", n.dead.Labels(pod.RoleScratch))
		var late sync.Once
		n.Intercept(func(_ context.Context, c fake.Call, do func() error) error {
			if c.Op == "inspect volume" {
				late.Do(func() {
					n.Intercept(nil)
					n.creates(n.dead, pod.RoleComponent, "app", func(c *engine.Container) {
						c.Mounts = []engine.Mount{{Type: engine.VolumeMount, Source: "dead.scratch", Target: "/s"}}
					})
				})
			}
			return do()
		})
		n.once(time.Second)
		n.leaves("")
		n.tells(isGone("dead.podlike.web"), isGone("dead.scratch"))
	})
}

func TestADeedThatTakesTooLongKeepsNobodyElseFromBeingSwept(t *testing.T) {
	onNode(t, func(n *node) {
		n.populate()
		n.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
			if c.Op == "remove" && c.Name == "dead.podlike.debug-x" {
				<-ctx.Done()
				return context.Cause(ctx)
			}
			return do()
		})
		began := time.Now()
		if err := n.Once(n.Context()); err == nil || err.Error() != "dead.podlike.debug-x: cannot remove dead.podlike.debug-x: no answer within 2m0s" {
			n.Errorf("it returns %v", err)
		}
		if took := time.Since(began); took.Truncate(time.Minute) != tries*2*time.Minute {
			n.Errorf("it takes %s", took)
		}
		n.tells(isGone("dead.podlike.web"), isGone("dead.scratch"))
	})
}

// Somebody else may remove it at the same moment, or the engine, as it has ended. What was gone
// before anything was done is not told.
func TestWhatIsGoneWhenItsTurnComesIsNoFailure(t *testing.T) {
	for op, told := range map[string][]string{
		"inspect": nil, "wait": {isGone("dead.podlike.web")}, "signal": {isGone("dead.podlike.web")}, "remove": {isGone("dead.podlike.web")},
	} {
		t.Run(op, func(t *testing.T) {
			onNode(t, func(n *node) {
				web := n.runs(n.dead, pod.RoleComponent, "app")
				var gone atomic.Bool
				n.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
					if c.Op == op && c.Name == "dead.podlike.web" && gone.CompareAndSwap(false, true) {
						_ = n.Remove(ctx, web)
					}
					return do()
				})
				n.once(0)
				n.leaves("")
				n.tells(told...)
			})
		})
	}
}

func TestWhatIsGoneWhenItsTurnComesIsNotTold(t *testing.T) {
	onNode(t, func(n *node) {
		n.populate()
		n.Intercept(func(_ context.Context, c fake.Call, do func() error) error {
			if c.Op == "inspect volume" || c.Op == "inspect" && c.Name == "dead.podlike.debug-x" {
				return engine.ErrNotFound
			}
			return do()
		})
		n.once(0)
		n.tells(isGone("dead.podlike.web"))
	})
}

func TestTwoWhoSweepAtOnceDoNotMindEachOther(t *testing.T) {
	onNode(t, func(n *node) {
		const pods = 20
		for i := range pods {
			owner := pod.Owner{ID: fmt.Sprint("dead", i), Name: fmt.Sprint("dead", i)}
			if i%2 == 0 {
				owner = n.owner(fmt.Sprint("alive", i))
			}
			n.runs(owner, pod.RoleComponent, []string{"app", "stubborn"}[i/2%2])
			n.creates(owner, pod.RoleDebug, "app")
			n.AddVolume(owner.Name+".scratch", owner.Labels(pod.RoleScratch))
		}
		var mu sync.Mutex
		dice := rand.New(rand.NewPCG(1, 2))
		n.Intercept(func(ctx context.Context, _ fake.Call, do func() error) error {
			mu.Lock()
			before, after := dice.IntN(3000), dice.IntN(3000)
			mu.Unlock()
			err := clock.Sleep(ctx, time.Duration(before)*time.Millisecond)
			return errors.Join(err, do(), clock.Sleep(ctx, time.Duration(after)*time.Millisecond))
		})
		var sweeps sync.WaitGroup
		for range 2 {
			sweeps.Go(func() {
				if err := (sweep.Sweeper{Engine: n.Engine, Emit: n.Emit}).Once(n.Context()); err != nil {
					n.Error(err)
				}
			})
		}
		sweeps.Wait()
		n.Intercept(nil)
		left := strings.Fields(n.left())
		for _, name := range left {
			if !strings.HasPrefix(name, "alive") {
				n.Errorf("%s is left", name)
			}
		}
		if len(left) != pods/2*3 {
			n.Errorf("left are %q", left)
		}
	})
}

func TestSweepingEndsWithItsContext(t *testing.T) {
	for way, test := range map[string]struct {
		sweeps func(*node, context.Context)
		fails  string
	}{
		"to the end, and all fails":     {func(n *node, ctx context.Context) { n.Clear(ctx) }, "list"},
		"every so often, and all fails": {func(n *node, ctx context.Context) { n.Every(ctx, time.Minute) }, "list"},
		"every so often":                {func(n *node, ctx context.Context) { n.Every(ctx, time.Minute) }, ""},
		"once, and pause does not end": {func(n *node, ctx context.Context) {
			n.runs(n.dead, pod.RolePause, "app", func(c *engine.Container) { c.StopGrace = 2 * time.Hour })
			if err := n.Once(ctx); err == nil {
				n.Error("it succeeds")
			}
		}, ""},
	} {
		t.Run(way, func(t *testing.T) {
			onNode(t, func(n *node) {
				ctx, cancel := context.WithTimeout(n.Context(), time.Hour)
				defer cancel()
				n.Intercept(func(_ context.Context, c fake.Call, do func() error) error {
					if c.Op == test.fails {
						return errors.New("it is tired")
					}
					return do()
				})
				began := time.Now()
				test.sweeps(n, ctx)
				if took := time.Since(began); took != time.Hour {
					n.Errorf("it ends after %s", took)
				}
			})
		})
	}
}

// A sweeper that is asked to end does not wait for who is asked to stop.
func TestWhoIsAskedToEndDoesSoAtOnce(t *testing.T) {
	onNode(t, func(n *node) {
		n.runs(n.dead, pod.RoleComponent, "stubborn")
		ctx, cancel := context.WithCancel(n.Context())
		time.AfterFunc(2*time.Second, cancel)
		began := time.Now()
		n.Every(ctx, time.Minute)
		if took := time.Since(began); took != 2*time.Second {
			n.Errorf("it ends after %s", took)
		}
		n.leaves("dead.podlike.web")
		n.tells()
	})
}

// A strange engine has a clock that is years off.
type strange struct{ sweep.Engine }

func (s strange) Inspect(ctx context.Context, ref string) (engine.Seen, error) {
	seen, err := s.Engine.Inspect(ctx, ref)
	seen.StartedAt, seen.FinishedAt = time.Unix(1, 0), time.Now().AddDate(10, 0, 0)
	return seen, err
}

func TestTheEnginesClockIsNotLookedAt(t *testing.T) {
	onNode(t, func(n *node) {
		kept := n.populate()
		n.runs(n.dead, pod.RolePause, "app")
		n.Sweeper.Engine = strange{n.Sweeper.Engine}
		n.once(time.Minute)
		n.leaves(kept)
	})
}
