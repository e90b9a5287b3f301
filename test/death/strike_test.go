package death

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"

	"github.com/podlike/podlike/internal/dockertest"
)

// A target is who is to be hit.
type target struct {
	blow
	id  string // empty: there is nobody, or it is the engine
	pid int    // of its process, as those see it who are beside the engine
}

// aim finds the victim of a blow. One that is not there yet is waited for, as long as it
// may come.
func (r *round) aim(t *testing.T, b blow) (found target) {
	t.Helper()
	found.blow = b
	if b.victim == engineName {
		return found
	}
	dockertest.Eventually(t, soon, func() (bool, string) {
		c := r.trial(t).chronicle
		for _, m := range append(c.members, c.lives...) {
			may := m.runs() || b.way == dockerRemove && m.started.IsZero()
			if m.name == b.victim && may && m.removed.IsZero() {
				found.id = m.id
			}
		}
		now, why := r.standing(t)
		return found.id != "" || now != pending || r.stopped != nil, why
	})
	if found.id == "" {
		r.act("%v: there is none", b)
		return found
	}
	seen, err := r.ground.Client().ContainerInspect(t.Context(), found.id)
	if err != nil && !cerrdefs.IsNotFound(err) {
		t.Fatalf("cannot inspect %s: %v", b.victim, err)
	}
	if err == nil {
		found.pid = seen.State.Pid
	}
	return found
}

// strike gives all blows at the same time.
func (r *round) strike(t *testing.T) {
	t.Helper()
	var targets []target
	for _, b := range r.deed.blows {
		targets = append(targets, r.aim(t, b))
	}
	var striking sync.WaitGroup
	for _, at := range targets {
		if at.id != "" {
			striking.Go(func() {
				time.Sleep(at.delay) // the moment itself is what is tried
				r.hit(at)
			})
		}
	}
	for _, at := range targets {
		if at.victim == engineName {
			r.killEngine(t, at)
		}
	}
	striking.Wait()
}

// hit strikes a container, and notes that it did.
func (r *round) hit(at target) {
	if at.id == "" {
		return
	}
	h := hit{blow: at.blow, id: at.id, at: time.Now()}
	r.act("%v, container %s", at.blow, at.id[:12])
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	err := r.blow(ctx, at, &h)
	h.until = time.Now()
	if err != nil {
		r.act("%v has not struck: %v", at.blow, err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hits = append(r.hits, h)
}

// blow does what hit notes.
func (r *round) blow(ctx context.Context, at target, h *hit) error {
	cli := r.ground.Client()
	switch at.way {
	case dockerKill:
		return cli.ContainerKill(ctx, at.id, "KILL")
	case dockerTerm:
		return cli.ContainerKill(ctx, at.id, "TERM")
	case dockerRemove:
		return cli.ContainerRemove(ctx, at.id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	case dockerStop:
		seconds := 2
		return cli.ContainerStop(ctx, at.id, container.StopOptions{Timeout: &seconds})
	case dockerFreeze:
		if err := cli.ContainerKill(ctx, at.id, "STOP"); err != nil {
			return err
		}
		time.Sleep(at.frost)
		h.at = time.Now()
		return cli.ContainerKill(ctx, at.id, "KILL")
	case outsideKill:
		return r.signal(at.pid, "KILL")
	case outsideTerm:
		return r.signal(at.pid, "TERM")
	case outsideFreeze:
		if err := r.signal(at.pid, "STOP"); err != nil {
			return err
		}
		time.Sleep(at.frost)
		h.at = time.Now()
		return r.signal(at.pid, "KILL")
	}
	return fmt.Errorf("nobody knows how to %s", at.way)
}

// signal sends a signal past the engine.
func (r *round) signal(pid int, signal string) error {
	if pid == 0 {
		return errors.New("it has no process")
	}
	_, said, code, err := r.ground.Outer().TryExec("kill", "-"+signal, strconv.Itoa(pid))
	if err == nil && code != 0 {
		err = errors.New(said)
	}
	return err
}

// killEngine ends the engine and starts it again after a while.
func (r *round) killEngine(t *testing.T, at target) {
	t.Helper()
	signal := "KILL"
	if at.way == outsideTerm {
		signal = "TERM"
	}
	h := hit{blow: at.blow, at: time.Now()}
	r.act("%s dockerd", at.way)
	r.ground.KillEngine(t, signal)
	time.Sleep(r.deed.away)
	r.act("start dockerd")
	r.ground.StartEngine(t)
	h.until = time.Now()
	r.act("dockerd answers")
	r.ground.recall(t, r.number)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hits = append(r.hits, h)
}
