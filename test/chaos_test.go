package test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/podlike/podlike/internal/dockertest"
)

const (
	// rounds is how many pods are hit.
	rounds = 50
	// tries are how many pods a round has for its blow.
	tries = 6
	// limit is when nothing may be left of a pod that was hit.
	limit = 10 * time.Second
)

// A blow is what happens to a pod in one round.
type blow struct {
	phase  string  // start, life or stop
	moment float64 // when in the phase, from its begin to its usual end at 1
	victim string  // supervisor, pause or a component
	remove bool    // by docker rm -f, not by SIGKILL
}

func (b blow) String() string {
	way := "SIGKILL"
	if b.remove {
		way = "rm -f"
	}
	return fmt.Sprintf("%s %s at %.2f of %s", way, b.victim, b.moment, b.phase)
}

// blows are drawn from a seed.
func blows(t *testing.T) (all []blow) {
	t.Helper()
	dice := rand.New(rand.NewPCG(dockertest.Seed(t), 0))
	phases, victims := []string{"start", "life", "stop"}, []string{"supervisor", "pause", "db", "web", "log"}
	for range rounds {
		all = append(all, blow{
			phase: phases[dice.IntN(len(phases))], moment: dice.Float64(),
			victim: victims[dice.IntN(len(victims))], remove: dice.IntN(2) == 0,
		})
	}
	return all
}

// chaotic is a pod of a component that others wait for, one that is created long
// before it is started, and one with a volume of its own. All carry mark.
func chaotic(mark string) components {
	return components{
		"db":  kit("sleep health /ready after 200ms mark "+mark, whenThere("/ready")),
		"log": kit("sleep mark "+mark, "volumes: [/data]"),
		"web": kit("sleep mark "+mark, "depends_on: {db: {condition: service_healthy}}"),
	}
}

// Whatever is killed or removed, and whenever: 10 s later there is nothing left, and
// no one has helped. No round cleans up, for that would be help.
func TestNothingIsLeftWhoeverIsKilledAndWhenever(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	w := watcher(t, d)
	w.calm(t)
	t.Run("Round", func(t *testing.T) {
		for i, b := range blows(t) {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				w.round(t, b)
			})
		}
	})
	for _, s := range w.pods { // a container that came late, or came back, shows by now
		s.gone(t, 0)
		s.Remove(t) // what is left is what has something to tell
	}
	if hit := len(w.pods) - w.spared; hit < rounds*9/10 {
		t.Errorf("only %d of %d rounds have hit a pod", hit, rounds)
	}
	dockertest.Report(t, "%d pods, %d of them gone before the blow, the others hit: nothing left after %v at most, by %v",
		len(w.pods), w.spared, w.worst, w.worstBlow)
}

// A watch looks at the rounds from outside.
type watch struct {
	d   *dockertest.Engine
	all *dockertest.Container // sees every process of the machine
	// up and down are how long a pod takes when nobody does it harm.
	up, down time.Duration

	mu        sync.Mutex
	pods      []supervisor
	spared    int // had ended before the blow
	worst     time.Duration
	worstBlow blow
}

// watcher makes the watch.
func watcher(t *testing.T, d *dockertest.Engine) *watch {
	t.Helper()
	return &watch{d: d, all: d.Run(t, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"sleep"}, PID: "host"})}
}

// calm takes a pod up and down that nobody does any harm, sees that the watch sees
// its processes, and notes how long it takes.
func (w *watch) calm(t *testing.T) {
	t.Helper()
	mark := t.Name() + "-calm"
	began := time.Now()
	s := podOf(t, w.d, chaotic(mark))
	s.waitRunning(t)
	w.up = time.Since(began)
	if _, code := w.all.Exec(t, "/testkit", "find", mark); code != 0 {
		t.Fatal("the processes of a pod that runs are not seen")
	}
	began = time.Now()
	s.terminated(t)
	w.down = time.Since(began)
	t.Logf("a pod is up in %v and down in %v", w.up, w.down)
}

// round hits a pod. Where the blow comes too late, it comes earlier to another one.
func (w *watch) round(t *testing.T, b blow) {
	for range tries {
		if w.hits(t, b) {
			return
		}
		b.moment /= 2
	}
	t.Logf("%v: not even the last of %d pods was hit", b, tries)
}

// hits makes a pod, hits it, sees it go, and tells whether the blow has struck.
func (w *watch) hits(t *testing.T, b blow) (struck bool) {
	mark := fmt.Sprintf("%s-at-%.4f", t.Name(), b.moment)
	s := podOf(t, w.d, chaotic(mark))
	w.await(t, s, b)
	seen, struck := w.strike(t, s, b)

	began := time.Now()
	dockertest.Eventually(t, limit, func() (bool, string) {
		return !s.Running(t), fmt.Sprintf("%v: the supervisor runs", b)
	})
	s.gone(t, time.Until(began.Add(limit)))
	dockertest.Eventually(t, time.Until(began.Add(limit)), func() (bool, string) {
		left, code := w.all.Exec(t, append([]string{"/testkit", "find", mark, s.ID}, seen...)...)
		return code == 1, fmt.Sprintf("%v: processes are left:\n%s", b, left)
	})
	w.note(s, b, struck, time.Since(began))
	return struck
}

// await waits until the blow is due.
func (w *watch) await(t *testing.T, s supervisor, b blow) {
	t.Helper()
	usual := w.up
	if b.phase != "start" {
		s.waitRunning(t)
	}
	if b.phase == "stop" {
		s.Kill(t, "TERM")
		usual = w.down
	}
	<-time.After(time.Duration(b.moment * float64(usual))) // the moment itself is what is tried
}

// strike hits the victim. One that cannot be hit yet is hit as soon as it can, and
// one that is gone before is spared. It returns the IDs of the pod's containers that
// it has seen, and whether the blow has struck.
func (w *watch) strike(t *testing.T, s supervisor, b blow) (seen []string, struck bool) {
	t.Helper()
	dockertest.Eventually(t, soon, func() (bool, string) {
		for _, c := range w.d.Pod(t, s.ID) {
			seen = append(seen, c.ID)
		}
		victim, there := s.Container, true
		switch b.victim {
		case "supervisor":
		case "pause":
			victim, there = w.d.PauseOf(t, s.ID)
		default:
			victim, there = w.d.Component(t, s.ID, b.victim)
		}
		struck = there && w.hit(t, victim.ID, b.remove)
		return struck || b.phase == "stop" && !s.Running(t), b.String() + ": cannot be hit"
	})
	return seen, struck
}

// hit kills or removes a container, and tells whether it could be: one that does not
// run cannot be killed, one that is gone cannot be removed, and one that has not run yet
// would only be made again.
func (w *watch) hit(t *testing.T, id string, remove bool) bool {
	t.Helper()
	ctx, cancel := cleaning()
	defer cancel()
	seen, err := w.d.Client().ContainerInspect(ctx, id)
	if cerrdefs.IsNotFound(err) || err == nil && seen.State.Status == container.StateCreated {
		return false
	}
	if remove {
		err = w.d.Client().ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	} else {
		err = w.d.Client().ContainerKill(ctx, id, "KILL")
	}
	if err != nil && !cerrdefs.IsNotFound(err) && !cerrdefs.IsConflict(err) {
		t.Fatalf("cannot hit container %s: %v", id, err)
	}
	return err == nil
}

// note notes how long it took.
func (w *watch) note(s supervisor, b blow, struck bool, took time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pods = append(w.pods, s)
	if !struck {
		w.spared++
	}
	if took > w.worst {
		w.worst, w.worstBlow = took, b
	}
}
