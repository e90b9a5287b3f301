package test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

const (
	// usualRounds is how many pods have a bad engine when the environment does not say it.
	usualRounds = 20
	// atATime is how many of them there are at the same time: they wait more than they work.
	atATime = 4
	// usualUp, usualLife, usualRestart and usualDown are how long a phase is in which nothing goes wrong.
	usualUp      = 3 * time.Second
	usualLife    = 5 * time.Second
	usualRestart = 500 * time.Millisecond
	usualDown    = time.Second
	// recovery is how long a pod may take after a fault until all is as without one: the longest back-off of the
	// supervisor's, that of the component, its run, and what a machine takes that has more to do.
	recovery = longestBackOff + 10*time.Second
)

// faulty is a pod with one of each that an engine's fault may hurt: a health check
// that another component waits for, a run that ends every few seconds, output that
// never pauses, a probe that goes through the engine, a volume that goes with the pod.
func faulty() map[string]string {
	labels := components{
		"db":    kit("sleep health /ready after 200ms", "healthcheck: {test: [CMD, /testkit, exists, /ready], interval: 1s, retries: 60}"),
		"web":   kit("lines 1000000 both every 50ms prefix web-", "depends_on: {db: {condition: service_healthy}}"),
		"again": kit("lines 8 both every 250ms prefix again-", "restart: always"),
		"box": kit("serve 127.0.0.1:8080", "volumes: [/data]", "restart: always", `x-pod: {
			readinessProbe: {httpGet: {host: 127.0.0.1, port: 8080}, periodSeconds: 1},
			livenessProbe: {exec: {command: [/testkit, get, "http://127.0.0.1:8080/"]}, periodSeconds: 1}}`),
	}.labels()
	labels[pod.RestartBackoff] = "{initial: 500ms, cap: 1s}"
	return labels
}

// Whatever goes wrong between a supervisor and its engine, and whenever: no component
// ends that does not end by itself, no line is lost, the pod ends when it is asked to,
// and nothing is left of it.
func TestNoFaultBetweenSupervisorAndEngineHurtsAPod(t *testing.T) {
	seed := dockertest.Seed(t)
	t.Run("Calm", func(t *testing.T) { outlives(t, nil) })
	n := dockertest.Rounds(t, usualRounds)
	var next, failed, total, missed atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range atATime {
		all.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				faults := dockertest.Faults(seed+uint64(i), 1+int(i)%3)
				total.Add(int64(len(faults)))
				if !t.Run(fmt.Sprint("Round-", i), func(t *testing.T) { missed.Add(int64(outlives(t, faults))) }) {
					failed.Add(1)
				}
			}
		})
	}
	all.Wait()
	dockertest.Report(t, "%d pods with a bad engine in %v, %d of them hurt, by %d faults, of which %d have struck nothing; %s=%d",
		n, time.Since(began).Round(time.Second), failed.Load(), total.Load(), missed.Load(), dockertest.SeedVariable, seed)
}

// A siege is one pod and what goes wrong with its engine.
type siege struct {
	supervisor
	proxy  *dockertest.Proxy
	judge  *judge
	said   *transcript
	faults []dockertest.Fault

	ctx     context.Context
	ongoing sync.WaitGroup
	mu      sync.Mutex
	windows []window // of the faults that are over
	missed  int      // faults about calls that nobody has made
}

// outlives takes a pod through its life while the faults happen, and returns how many
// of them have struck nothing.
func outlives(t *testing.T, faults []dockertest.Fault) (missed int) {
	s := besiege(t, faults)
	s.comesUp(t)
	s.lives(t)
	stop := s.ends(t)

	s.judge.hears(t)
	for _, component := range []string{pod.RolePause, "db", "web", "box"} {
		s.judge.kept(t, component, stop)
	}
	s.judge.restarted(t, "again", stop)
	for _, component := range []string{"web", "again"} {
		s.judge.counted(t, component, s.said, s.windows)
	}
	return s.missed
}

// besiege makes a supervisor that reaches its engine by a proxy only, and whoever looks
// at it. It was not started yet.
func besiege(t *testing.T, faults []dockertest.Fault) *siege {
	t.Helper()
	d := dockertest.New(t)
	d.Need(t, dockertest.Pause, dockertest.Testkit)
	s := &siege{proxy: d.Proxy(t), faults: faults}
	for _, f := range faults {
		t.Log(f)
	}
	spec := s.proxy.Between(d.Supervisor(t, faulty(), "-logs"))
	spec.Health = &container.HealthConfig{Test: []string{"NONE"}} // it does not go through the proxy, and costs
	s.supervisor = supervisorIn(d, d.Create(t, spec))
	s.judge = observe(t, d, s.ID, "web", "again")

	ctx, cancel := context.WithCancel(context.Background())
	said, read, err := transcribe(ctx, d, s.ID, false)
	if err != nil {
		t.Fatalf("cannot attach to the supervisor: %v", err)
	}
	s.ctx, s.said = ctx, said
	s.ongoing.Go(read)
	t.Cleanup(func() { // before the scope ends
		cancel()
		s.ongoing.Wait()
	})
	return s
}

// suffers has the faults of a phase begin, at their moments of a phase that is usually
// so long, and returns how to wait until they are over.
func (s *siege) suffers(phase dockertest.Phase, usual time.Duration) (wait func()) {
	var all sync.WaitGroup
	for _, f := range s.faults {
		if f.Phase != phase {
			continue
		}
		all.Add(1)
		s.ongoing.Go(func() {
			defer all.Done()
			select {
			case <-time.After(time.Duration(f.Moment * float64(usual))): // the moment itself is what is tried
			case <-s.ctx.Done():
				return
			}
			begin := time.Now()
			hits := s.proxy.Suffer(s.ctx, f)
			s.mu.Lock()
			defer s.mu.Unlock()
			s.windows = append(s.windows, window{begin, time.Now(), f.Cuts(), f.Holds()})
			if f.OfCalls() && hits == 0 {
				s.missed++
			}
		})
	}
	return all.Wait
}

// lasting is how long the faults of a phase are, one after the other.
func (s *siege) lasting(phase dockertest.Phase) (all time.Duration) {
	for _, f := range s.faults {
		if f.Phase == phase {
			all += f.For
		}
	}
	return all
}

// eventually is dockertest.Eventually for what needs a supervisor that runs.
func (s *siege) eventually(t *testing.T, within time.Duration, look func() (bool, string)) {
	t.Helper()
	dockertest.Eventually(t, within, func() (bool, string) {
		if s.said.over() {
			t.Fatalf("the supervisor has ended with %d, not asked to", s.Wait(t))
		}
		return look()
	})
}

// comesUp starts the supervisor and waits until all its components have been started.
func (s *siege) comesUp(t *testing.T) {
	t.Helper()
	over := s.suffers(dockertest.DuringStart, usualUp)
	s.Start(t)
	s.eventually(t, soon+s.lasting(dockertest.DuringStart), func() (bool, string) {
		if !strings.Contains(s.said.err.String(), "pod running") {
			return false, "the pod is not up"
		}
		return s.judge.up("db", "web", "box")
	})
	over()
}

// lives lets the pod live until its faults are over and all is as without them.
func (s *siege) lives(t *testing.T) {
	t.Helper()
	began := time.Now()
	over := s.suffers(dockertest.DuringLife, usualLife)
	ended := s.restarts()
	s.eventually(t, recovery+s.lasting(dockertest.DuringLife), func() (bool, string) { return s.restarts() > ended, "again does not end" })
	restarted := s.suffers(dockertest.DuringRestart, usualRestart)
	over()
	restarted()

	healed, line := time.Now(), len(of(s.said.out.String(), "out", "web"))
	s.eventually(t, recovery, func() (bool, string) {
		all := s.judge.of("again")
		if len(all) == 0 || all[len(all)-1].started.Before(healed) {
			return false, "again was not restarted since the last fault"
		}
		if len(of(s.said.out.String(), "out", "web")) == line {
			return false, "no line of web has arrived since the last fault"
		}
		if time.Since(began) < usualLife {
			return false, "the pod lives"
		}
		return s.judge.up("db", "web", "box")
	})
}

// restarts is how often the component has ended that ends by itself.
func (s *siege) restarts() (n int) {
	for _, a := range s.judge.of("again") {
		if !a.running() {
			n++
		}
	}
	return n
}

// ends asks the pod to stop, and asserts that it does within its time and that of the
// faults, with 0, and that nothing is left. It returns when it has asked.
func (s *siege) ends(t *testing.T) (asked time.Time) {
	t.Helper()
	asked = time.Now()
	over := s.suffers(dockertest.DuringStop, usualDown)
	s.Kill(t, "TERM")
	limit := budget + s.lasting(dockertest.DuringStop)
	dockertest.Eventually(t, limit, func() (bool, string) {
		return s.said.over(), "the supervisor runs, in:\n" + s.said.err.String()
	})
	if code := s.Wait(t); code != 0 {
		t.Errorf("exited with %d, want 0", code)
	}
	s.gone(t, time.Until(asked.Add(limit)))
	over()
	return asked
}
