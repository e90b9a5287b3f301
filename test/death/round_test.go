package death

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"

	"github.com/podlike/podlike/internal/dockertest"
)

const (
	// soon is how long anything may take on a machine that has more to do: what is not there
	// by then hangs.
	soon = 90 * time.Second
	// limit is when nothing may be left of a pod that has ended.
	limit = 15 * time.Second
)

// A round is one pod and what is done to it.
type round struct {
	number string
	site   site
	form   form
	shape  shape
	deed   deed

	ground     *ground
	supervisor *dockertest.Container // where there is one to be stopped
	pause      *dockertest.Container // of a pair
	service    string                // Swarm's, where there is one
	network    string                // the pod's own, where it has one
	logs       map[string]string     // of supervisors, by ID

	late time.Duration // that something was left for after the pod's end, without help

	mu      sync.Mutex
	hits    []hit
	asked   time.Time  // when it was stopped
	stopped chan error // gets what has come of that; nil: it was not
	acts    []act
}

// An act is what was done or seen, for the history.
type act struct {
	at   time.Time
	what string
}

// drawRound makes a round of dice of its own, so that it can be repeated alone.
func drawRound(seed uint64, number int) *round {
	dice := rand.New(rand.NewPCG(seed, uint64(number)))
	r := &round{number: strconv.Itoa(number), logs: map[string]string{}}
	r.site = sites[[]int{0, 0, 1, 1, 2, 3, 0, 1}[dice.IntN(8)]]
	var fitting []form
	for _, f := range forms {
		if f.fits(r.site) {
			fitting = append(fitting, f)
		}
	}
	r.form = fitting[dice.IntN(len(fitting))]
	r.shape = draw(dice, r.site.mortal)
	r.deed = drawDeed(dice, r.shape, r.site.mortal)
	return r
}

func (r *round) String() string {
	return fmt.Sprintf("%s on %s, %v\n%v", r.form, r.site.name, r.deed, r.shape)
}

// fight is the round.
func (r *round) fight(t *testing.T, g *ground) {
	r.ground = g
	defer r.end(t)
	r.act("start %s", r.form)
	r.form.start(t, r)
	r.awaitDue(t)
	before := r.untouched(t)
	r.strike(t)
	if r.stopped == nil && r.settle(t) == up {
		for id, pid := range before {
			if now := g.Container(t, id).Inspect(t).State; !now.Running || now.Pid != pid {
				t.Errorf("container %.12s has run as process %d, and after a restart of the engine alone runs (%v) as %d", id, pid, now.Running, now.Pid)
			}
		}
		r.stop()
	}
	r.judge(t)
	r.gone(t)
}

// judge sees that the pod ends and that it has ended as it should.
func (r *round) judge(t *testing.T) {
	t.Helper()
	if _, swarm := r.form.(service); swarm && r.stopped == nil {
		r.stop()
	}
	if r.stopped != nil {
		err := <-r.stopped
		if r.site.mortal && (err != nil || r.goesOn(t)) { // for the engine was killed meanwhile
			r.act("stop it once more (%v)", err)
			r.stop()
			err = <-r.stopped
		}
		if err != nil {
			t.Errorf("cannot stop it: %v", err)
		}
	}
	r.settle(t)
	r.keepLogs()
	for _, wrong := range r.trial(t).verdict() {
		t.Error(wrong)
	}
}

// goesOn says whether a pod that was stopped runs again: an engine that begins anew starts what
// is always to run.
func (r *round) goesOn(t *testing.T) bool {
	t.Helper()
	var now standing
	dockertest.Eventually(t, soon, func() (bool, string) {
		var why string
		now, why = r.standing(t)
		return now != pending, "the pod hangs: " + why
	})
	return now == up
}

// stop has the pod stopped, beside all else.
func (r *round) stop() {
	r.act("stop")
	r.mu.Lock()
	if r.asked.IsZero() {
		r.asked = time.Now()
	}
	r.mu.Unlock()
	r.keepLogs()
	stopped := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		stopped <- r.form.stop(ctx, r)
	}()
	r.stopped = stopped
}

// act notes what was done.
func (r *round) act(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.acts = append(r.acts, act{time.Now(), fmt.Sprintf(format, args...)})
}

// trial is the round as a judge sees it, so far.
func (r *round) trial(t *testing.T) trial {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	return trial{
		chronicle: chronicleOf(r.ground.of(r.number)), shape: r.shape, hits: slices.Clone(r.hits), logs: r.logs,
		asked: r.asked, mortal: r.site.mortal && !r.site.restores,
	}
}

// standing is how the pod is now.
func (r *round) standing(t *testing.T) (standing, string) {
	t.Helper()
	now := r.trial(t)
	again := func(l *run) bool { return now.asked.IsZero() && r.form.again(now, l) }
	if l := now.last(); l != nil && !l.runs() && again(l) {
		r.form.revive(t, r, l)
	}
	return now.standing(r.shape, again, now.hits)
}

// settle waits until nothing has yet to happen to the pod. One that ends by itself in each of
// its lives may never stand: it has lived often enough then.
func (r *round) settle(t *testing.T) (now standing) {
	t.Helper()
	dockertest.Eventually(t, soon, func() (bool, string) {
		var why string
		now, why = r.standing(t)
		if now == pending && r.stopped == nil && r.shape.restless() && len(r.trial(t).lives) > enoughLives {
			r.act("it has lived often enough")
			now = up
		}
		return now != pending && (now == over || r.stopped == nil), "the pod hangs: " + why
	})
	return now
}

// enoughLives is how often a pod that ends by itself is started again.
const enoughLives = 3

// awaitDue waits until the blows are due: in the phase, and after so many events of it. A
// pod that has ended by itself is not waited for.
func (r *round) awaitDue(t *testing.T) {
	t.Helper()
	begun := 0
	if r.deed.phase != starting {
		if r.settle(t) != up {
			return
		}
		begun = len(r.ground.of(r.number))
	}
	switch r.deed.phase {
	case restarting:
		for n := range r.deed.kills {
			if n > 0 && r.settle(t) != up {
				return
			}
			begun = len(r.ground.of(r.number))
			r.hit(r.aim(t, blow{victim: r.deed.again, way: dockerKill}))
		}
	case stopping:
		r.stop()
	}
	dockertest.Eventually(t, soon, func() (bool, string) {
		now, why := r.standing(t)
		due := len(r.ground.of(r.number)) >= begun+r.deed.after
		return due || now == over || now == up && r.stopped == nil, why
	})
}

// untouched are the processes, by container, that run on after the blows: where they hit
// nothing but an engine that leaves its containers alone, all of a pod that does not end by itself
// but those that do.
func (r *round) untouched(t *testing.T) map[string]int {
	t.Helper()
	all := map[string]int{}
	alone := len(r.deed.blows) == 1 && r.deed.blows[0].victim == engineName
	if !alone || !r.site.restores || r.deed.phase != running || r.shape.restless() {
		return all
	}
	c := chronicleOf(r.ground.of(r.number))
	for _, m := range slices.Concat(c.members, c.lives) {
		p, _ := r.shape.part(m.name)
		seen, err := r.ground.Client().ContainerInspect(t.Context(), m.id)
		if err != nil && !cerrdefs.IsNotFound(err) {
			t.Fatalf("cannot inspect container %.12s: %v", m.id, err)
		}
		if err == nil && seen.State.Running && !p.ends {
			all[m.id] = seen.State.Pid
		}
	}
	return all
}
