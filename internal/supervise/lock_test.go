package supervise_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/supervise"
)

// Everything that changes what is known happens at once: components start, turn healthy,
// end and are restarted, all of them too, images are pulled, the engine goes away, and
// several look at all of it. The race detector says whether one lock is over all of it.
func TestAllThatChangesIsUnderOneLock(t *testing.T) {
	var components []pod.Component
	for i := range 12 {
		c := restarted(fmt.Sprint("c", i), "moody", pod.RestartAlways)
		c.Probes.Readiness = check(1)
		components = append(components, c)
	}
	asks := of("asks", "asks", started("c0"))
	asks.Restart.Rules = []pod.Rule{{Action: pod.RuleRestartAll, Codes: []int{42}}}
	play(t, append(components, asks, of("pulled", "far")), func(s *scene) {
		s.pod.Backoff = pod.Backoff{First: 10 * time.Millisecond, Cap: 20 * time.Millisecond}
		s.AddImage("moody", moody())
		s.AddImage("asks", fake.Running(runs(2*time.Second, 42)))
		far := fake.Running(fake.UntilAsked)
		far.PullTime = time.Second
		s.AddRemote("far", far)
		s.outage(3*time.Second, time.Second)
		stop := make(chan struct{})
		var looking sync.WaitGroup
		s.ready = func(r *supervise.Supervisor) {
			for range 4 {
				looking.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						if p := r.Status(); len(p.Components) != len(components)+2 || len(p.Conditions) != 5 || r.Health() == "" {
							t.Errorf("it looks so: %+v", p)
						}
						time.Sleep(5 * time.Millisecond)
					}
				})
			}
		}
		time.AfterFunc(5*time.Second, func() { close(stop) })
		code, _ := s.runFor(5 * time.Second)
		looking.Wait()
		s.exits(code, 0)
	})
}

// moody is an image that is well, ill or over at random.
func moody() fake.Image {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(3, 4))
	draw := func(n int) int {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n)
	}
	image := fake.Running(func(ctx context.Context, p fake.Process) int {
		p.SetHealth(engine.Healthy)
		fmt.Fprintln(p.Stdout, "here I am")
		return fake.Exit(draw(3), time.Duration(draw(2000))*time.Millisecond)(ctx, p)
	})
	image.Checked = true
	image.Programs["/check"] = func(context.Context, fake.Process) int { return draw(2) }
	return image
}
