package sweep_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/sweep"
)

// A node has a supervisor that sweeps, another that runs, and what a third one that is
// gone has left.
type node struct {
	*testing.T
	*fake.Engine
	sweep.Sweeper
	other, dead pod.Owner

	mu   sync.Mutex
	told []string
}

// onNode runs a test on a node, in a bubble.
func onNode(t *testing.T, test func(n *node)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &node{T: t, Engine: fake.New(), dead: pod.Owner{ID: "dead", Name: "dead"}}
		defer n.Close()
		n.AddImage("app", fake.Running(fake.UntilAsked))
		n.AddImage("stubborn", fake.Running(fake.Stubborn))
		n.other = n.owner("other")
		n.Sweeper = sweep.Sweeper{Engine: n.Engine, Owner: n.owner("me"), Emit: n.tell}
		test(n)
	})
}

// tell notes what is told, and that it is so by then.
func (n *node) tell(e event.Event) {
	_, gone := n.Inspect(context.Background(), e.Container)
	_, noVolume := n.Volume(context.Background(), e.Container)
	if e.Kind == event.Swept && !n.DryRun && (gone == nil || noVolume == nil) {
		n.Errorf("%s is told to be removed, and is there", e.Container)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.told = append(n.told, strings.TrimSpace(string(e.Kind)+" "+e.Container+" ("+e.Why+")"))
}

// tells checks what was told, in the order of the letters.
func (n *node) tells(want ...string) {
	n.Helper()
	n.mu.Lock()
	defer n.mu.Unlock()
	slices.Sort(n.told)
	if got := strings.Join(n.told, "\n"); got != strings.Join(want, "\n") {
		n.Errorf("told is\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	n.told = nil
}

// owner is one that runs.
func (n *node) owner(name string) pod.Owner {
	n.Helper()
	id, _, err := n.Create(n.Context(), engine.Container{Name: name, Image: "app"})
	if err := errors.Join(err, n.Start(n.Context(), id)); err != nil {
		n.Fatal(err)
	}
	return pod.Owner{ID: string(id), Name: name}
}

// creates makes a container of an owner's pod: a component of that name, or else what its role says.
func (n *node) creates(owner pod.Owner, role, image string, with ...func(*engine.Container)) engine.ID {
	n.Helper()
	c := engine.Container{Name: owner.ContainerName("web"), Image: image, Labels: owner.Labels(role)}
	switch role {
	case pod.RoleComponent:
		c.Labels[pod.LabelComponent] = "web"
	case pod.RolePause:
		c.Name = owner.PauseName()
	case pod.RoleDebug:
		c.Name = owner.DebugName("x")
	}
	for _, change := range with {
		change(&c)
	}
	id, _, err := n.Create(n.Context(), c)
	if err != nil {
		n.Fatal(err)
	}
	return id
}

// runs makes a container of an owner's pod that runs.
func (n *node) runs(owner pod.Owner, role, image string, with ...func(*engine.Container)) engine.ID {
	n.Helper()
	id := n.creates(owner, role, image, with...)
	if err := n.Start(n.Context(), id); err != nil {
		n.Fatal(err)
	}
	return id
}

// left are the names of all containers and volumes that are labelled.
func (n *node) left() string {
	n.Helper()
	containers, err := n.List(n.Context(), map[string]string{pod.LabelOwner: ""})
	volumes, also := n.Volumes(n.Context(), map[string]string{pod.LabelOwner: ""})
	if err := errors.Join(err, also); err != nil {
		n.Fatal(err)
	}
	var names []string
	for _, c := range containers {
		names = append(names, c.Name)
	}
	for _, v := range volumes {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// leaves checks what is left.
func (n *node) leaves(want string) {
	n.Helper()
	if got := n.left(); got != want {
		n.Errorf("left are %q, want %q", got, want)
	}
}

// once sweeps once, and checks how long it takes and that nothing is wrong.
func (n *node) once(takes time.Duration) {
	n.Helper()
	began := time.Now()
	if err := n.Once(n.Context()); err != nil {
		n.Errorf("it fails: %v", err)
	}
	if took := time.Since(began); took.Truncate(time.Second) != takes {
		n.Errorf("it takes %s, want %s", took, takes)
	}
}

// isGone is what is told of a container or volume.
func isGone(name string) string { return "leftover removed " + name + " (its owner dead is gone)" }

// populate has something of everybody on the node. What is left when it is swept is kept.
func (n *node) populate() (kept string) {
	n.runs(n.dead, pod.RoleComponent, "app")
	n.creates(n.dead, pod.RoleDebug, "app")
	n.runs(n.other, pod.RoleComponent, "app")
	n.runs(n.Owner, pod.RoleComponent, "app")
	n.runs(n.dead, pod.RoleComponent, "app", func(c *engine.Container) { c.Name = "made-of-an-image" })
	n.runs(n.dead, "", "app", func(c *engine.Container) { c.Name, c.Labels = "foreign", map[string]string{pod.LabelOwner: "dead"} })
	n.AddVolume("dead.scratch", n.dead.Labels(pod.RoleScratch))
	n.AddVolume("dead.data", n.dead.Labels(pod.RoleData))
	n.AddVolume("other.scratch", n.other.Labels(pod.RoleScratch))
	return "dead.data foreign made-of-an-image me.podlike.web other.podlike.web other.scratch"
}

func TestOnlyWhatNobodyOwnsIsSweptAndToldAfterwards(t *testing.T) {
	onNode(t, func(n *node) {
		kept := n.populate()
		n.once(0)
		n.leaves(kept)
		n.tells(isGone("dead.podlike.debug-x"), isGone("dead.podlike.web"), isGone("dead.scratch"))
		n.once(0)
		n.tells()
	})
}

// Nobody has to own anything to sweep.
func TestWhoSweepsOnItsOwnKeepsWhatIsOfTheLiving(t *testing.T) {
	onNode(t, func(n *node) {
		kept := n.populate()
		n.Sweeper.Owner = pod.Owner{}
		n.once(0)
		n.leaves(kept)
	})
}

func TestADryRunTellsTheSameAndChangesNothing(t *testing.T) {
	onNode(t, func(n *node) {
		n.populate()
		n.runs(pod.Owner{ID: "ending", Name: "ending"}, pod.RolePause, "app") // and is not waited for
		before := n.left()
		n.DryRun = true
		n.once(0)
		n.leaves(before)
		n.tells(isGone("dead.podlike.debug-x"), isGone("dead.podlike.web"), isGone("dead.scratch"))
	})
}

func TestALeftoverComponentGetsItsSignalAndFiveSecondsToHeedIt(t *testing.T) {
	for _, row := range []struct {
		why, image string
		slow       time.Duration // every call
		has        time.Duration
	}{
		{"it is not waited for longer than it takes", "app", 0, 0},
		{"it is removed however stubborn it is", "stubborn", 0, 5 * time.Second},
		{"an engine that answers slowly takes nothing away from that", "stubborn", 4 * time.Second, 5 * time.Second},
	} {
		t.Run(row.why, func(t *testing.T) {
			onNode(t, func(n *node) {
				id := n.runs(n.dead, pod.RoleComponent, row.image)
				n.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
					return errors.Join(clock.Sleep(ctx, row.slow), do())
				})
				if err := n.Once(n.Context()); err != nil {
					n.Error(err)
				}
				n.Intercept(nil)
				n.leaves("")
				asked, over := n.sign(id, engine.SignSignalled), n.sign(id, engine.SignDied)
				if asked.Signal != engine.SignalNumber("SIGTERM") {
					n.Errorf("it was sent signal %d", asked.Signal)
				}
				if had := over.At.Sub(asked.At).Truncate(time.Second); had < row.has || row.slow == 0 && had > row.has {
					n.Errorf("it had %s, want %s", had, row.has)
				}
			})
		})
	}
}

// sign is the first of a kind that a container has shown.
func (n *node) sign(id engine.ID, kind engine.SignKind) engine.Sign {
	n.Helper()
	past, err := n.Past(n.Context(), nil, time.Time{})
	i := slices.IndexFunc(past, func(s engine.Sign) bool { return s.Container == id && s.Kind == kind })
	if err != nil || i < 0 {
		n.Fatalf("it has shown %v, %v", past, err)
	}
	return past[i]
}

// Pause gives components their grace when its lease ends, as nobody else should.
func TestAPodWhosePauseStillRunsIsLeftToItAtFirst(t *testing.T) {
	grace := func(d time.Duration) func(*engine.Container) {
		return func(c *engine.Container) { c.StopGrace = d }
	}
	for _, row := range []struct {
		why   string
		grace time.Duration
		begin func(n *node, pause engine.ID)
		takes time.Duration
	}{
		{"it is swept when pause has ended", 0, func(n *node, pause engine.ID) {
			time.AfterFunc(10*time.Second, func() { _ = n.Remove(context.Background(), pause) })
		}, 10 * time.Second},
		{"pause may have ended before it was waited for", 0, func(n *node, pause engine.ID) {
			var once sync.Once
			n.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
				if c.Op == "wait" {
					once.Do(func() { _ = n.Remove(ctx, pause) })
				}
				return do()
			})
		}, 0},
		{"a pause that does not end is swept with all others", 0, func(*node, engine.ID) {}, time.Minute},
		{"so is one that cannot be waited for", 0, func(n *node, _ engine.ID) { n.FailNext("Wait", errors.New("no")) }, time.Minute},
		{"one whose pod takes longer has that", 3 * time.Minute, func(*node, engine.ID) {}, 3 * time.Minute},
	} {
		for way, sweeps := range map[string]func(sweep.Sweeper, context.Context){
			"once": func(s sweep.Sweeper, ctx context.Context) { _ = s.Once(ctx) }, "to the end": sweep.Sweeper.Clear,
		} {
			t.Run(row.why+", swept "+way, func(t *testing.T) {
				onNode(t, func(n *node) {
					pause := n.runs(n.dead, pod.RolePause, "app", grace(row.grace))
					n.runs(n.dead, pod.RoleComponent, "app")
					row.begin(n, pause)
					began := time.Now()
					sweeps(n.Sweeper, n.Context())
					if took := time.Since(began); took.Truncate(time.Second) != row.takes {
						n.Errorf("it takes %s, want %s", took, row.takes)
					}
					n.leaves("")
				})
			})
		}
	}
}

// What holds a pair's volumes ends nobody, and is not waited for.
func TestAPairWhosePauseIsGoneIsSweptAtOnce(t *testing.T) {
	onNode(t, func(n *node) {
		gone := pod.Owner{ID: "dead", Name: "dead", Life: "1"}
		n.runs(gone, pod.RolePause, "app")
		n.runs(gone, pod.RoleComponent, "app")
		n.once(0)
		n.leaves("")
	})
}

// One that does not end keeps nobody from being swept whose time is over before.
func TestEachPauseHasItsOwnTime(t *testing.T) {
	onNode(t, func(n *node) {
		long := pod.Owner{ID: "long", Name: "long"}
		n.runs(long, pod.RolePause, "app", func(c *engine.Container) { c.StopGrace = 3 * time.Minute })
		n.runs(n.dead, pod.RolePause, "app")
		time.AfterFunc(61*time.Second, func() { n.leaves(long.PauseName()) })
		n.once(3 * time.Minute)
		n.leaves("")
	})
}

// What is swept again and again gives each pause its time, and no more.
func TestEveryPauseHasItsTimeHoweverOftenIsSwept(t *testing.T) {
	onNode(t, func(n *node) {
		n.runs(n.dead, pod.RolePause, "app")
		n.during(7*time.Second, func() {
			clock.Sleep(n.Context(), 61*time.Second)
			n.leaves(n.dead.PauseName())
			late := pod.Owner{ID: "late", Name: "late"}
			n.runs(late, pod.RolePause, "app")
			clock.Sleep(n.Context(), 3*time.Second) // the first time after a minute is after 63 s
			n.leaves(late.PauseName())
			clock.Sleep(n.Context(), 59*time.Second) // that was met after 63 s
			n.leaves(late.PauseName())
			clock.Sleep(n.Context(), 10*time.Second)
			n.leaves("")
		})
	})
}

// during has Every sweep while something is done, and ends it.
func (n *node) during(pause time.Duration, do func()) {
	ctx, cancel := context.WithCancel(n.Context())
	var sweeping sync.WaitGroup
	sweeping.Go(func() { n.Every(ctx, pause) })
	do()
	cancel()
	sweeping.Wait()
}

func TestWhatIsSweptEverySoOftenIsAllThatComes(t *testing.T) {
	onNode(t, func(n *node) {
		n.during(30*time.Second, func() {
			for range 3 {
				n.runs(n.dead, pod.RoleComponent, "app")
				clock.Sleep(n.Context(), 31*time.Second)
				n.leaves("")
				n.tells(isGone("dead.podlike.web"))
			}
		})
	})
}

func TestWhoSweepsKeepsItsOwnThoughTheEngineDoesNotKnowIt(t *testing.T) {
	onNode(t, func(n *node) {
		n.Owner = pod.Owner{ID: "elsewhere", Name: "mine"}
		n.runs(n.Owner, pod.RoleComponent, "app")
		n.once(0)
		n.leaves("mine.podlike.web")
	})
}

// Nobody has died who has never run.
func TestAnOwnerThatHasYetToRunCountsAsAlive(t *testing.T) {
	onNode(t, func(n *node) {
		id, _, err := n.Create(n.Context(), engine.Container{Name: "new", Image: "app"})
		if err != nil {
			n.Fatal(err)
		}
		owner := pod.Owner{ID: string(id), Name: "new"}
		n.runs(owner, pod.RoleComponent, "app")
		n.AddVolume("new.scratch", owner.Labels(pod.RoleScratch))
		n.once(0)
		n.leaves("new.podlike.web new.scratch")
		if err := n.Remove(n.Context(), id); err != nil {
			n.Fatal(err)
		}
		n.once(0)
		n.leaves("")
	})
}

// asked does something when the engine was asked so often whether a container runs.
func (n *node) asked(ref string, times int, answer func() error) {
	var mu sync.Mutex
	n.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
		mu.Lock()
		asked := c.Op == "inspect" && c.Name == ref && times > 0
		if asked {
			times--
		}
		mu.Unlock()
		if asked {
			return answer()
		}
		return do()
	})
}

func TestAnOwnerThatLivesWhenItsTurnComesKeepsWhatIsLeft(t *testing.T) {
	onNode(t, func(n *node) {
		n.runs(n.other, pod.RoleComponent, "app")
		n.AddVolume("other.scratch", n.other.Labels(pod.RoleScratch))
		n.asked("other", 1, func() error { return engine.ErrNotFound }) // as it is started again after that
		n.once(0)
		n.Intercept(nil)
		n.leaves("other.podlike.web other.scratch")
		n.tells()
	})
}

// When whose it is was looked at before it was seen, the owner may just have been made.
func TestOwnersAreAskedAfterWhatTheyOwnWasSeen(t *testing.T) {
	onNode(t, func(n *node) {
		n.runs(n.dead, pod.RoleComponent, "app")
		var mu sync.Mutex
		listed, early := 0, 0
		n.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
			err := do()
			mu.Lock()
			defer mu.Unlock()
			switch {
			case c.Op == "list":
				listed++
			case listed < 2:
				early++
			}
			return err
		})
		n.once(0)
		if early > 0 {
			n.Errorf("%d calls came before all was seen", early)
		}
	})
}
