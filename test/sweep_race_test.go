package test

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

const (
	// usualSweeps is how many rounds there are when the environment does not say it.
	usualSweeps = 2
	// sweptPods is how many pods a round has, all at the same time.
	sweptPods = 20
	// crowded is how long anything may take while so many start and stop.
	crowded = 3 * time.Minute
)

// A fate is what becomes of a pod while its node is swept.
type fate string

const (
	lives   fate = "lives"           // until the end of the round
	stops   fate = "stops"           // is asked to, and does
	dies    fate = "dies"            // its supervisor is killed
	removed fate = "is removed"      // its supervisor is, by force
	again   fate = "is started anew" // its supervisor is killed and started again
)

// A destiny is a pod's fate, and what else is drawn for it.
type destiny struct {
	fate
	moment  float64 // of what happens to it: 0 is its start, 1 when it usually runs
	private bool    // pause does not see its components, and cannot end them
}

func (d destiny) String() string {
	return fmt.Sprintf("%s at %.2f of its start, private %v", d.fate, d.moment, d.private)
}

// destinies are drawn for a round. Each fate is some pods'.
func destinies(dice *rand.Rand) (all []destiny) {
	fates := []fate{lives, stops, dies, removed, again, dies, lives}
	for i := range sweptPods {
		all = append(all, destiny{fate: fates[i%len(fates)], moment: 1.5 * dice.Float64(), private: dice.IntN(3) > 0})
	}
	return all
}

// A doomsday is an engine that two sweep at once, while pods start, stop and die.
type doomsday struct {
	field
	proxy *dockertest.Proxy
	up    time.Duration // what a pod takes to start when it is alone
	looks chan struct{} // as many as may look at a time: the engine has other things to do

	mu   sync.Mutex
	dead []string // IDs of supervisors that have died at least once
}

// eventually is that of dockertest for many who look.
func (d *doomsday) eventually(t *testing.T, look func() (bool, string)) {
	t.Helper()
	dockertest.Eventually(t, crowded, func() (bool, string) {
		d.looks <- struct{}{}
		defer func() { <-d.looks }()
		return look()
	})
}

// Two sweep at once and without a pause between, one of them by way of an engine that is slow, while
// pods start, run, stop, are killed at any moment and started again. Nothing of a pod that lives is
// touched, and of one that does not nothing stays but the volumes that are its user's.
func TestTwoSweepsAtOnceTouchNothingOfTheLivingAndLeaveNothingOfTheDead(t *testing.T) {
	t.Parallel()
	dice := rand.New(rand.NewPCG(dockertest.Seed(t), 0))
	rounds := dockertest.Rounds(t, usualSweeps)
	d := &doomsday{field: newField(t), looks: make(chan struct{}, 2)}
	d.proxy = d.Proxy(t)
	d.calm(t)
	near, far := d.sweepNear(t), d.sweepFar(t)
	began := time.Now()
	for i := range rounds {
		round := destinies(dice)
		if !t.Run(fmt.Sprint("Round-", i), func(t *testing.T) { d.round(t, i, round) }) {
			t.Logf("round %d: %v", i, round)
		}
	}
	took := time.Since(began)
	lines := append(near(t), far(t)...)
	d.blameless(t, lines)
	dockertest.Report(t, "%d rounds of %d pods in %v: %d of %d supervisors were killed, the two sweeps have removed %d things",
		rounds, sweptPods, took.Round(time.Second), len(d.dead), rounds*sweptPods, len(lines))
}

// calm notes what a pod takes to start.
func (d *doomsday) calm(t *testing.T) {
	t.Helper()
	began := time.Now()
	s := run(t, d.Engine, d.spec(t, "calm", false))
	s.waitRunning(t)
	d.up = time.Since(began)
	s.Stop(t, budget)
	s.Wait(t)
}

// spec is a pod's supervisor.
func (d *doomsday) spec(t *testing.T, data string, private bool) dockertest.Spec {
	t.Helper()
	spec := d.Supervisor(t, leftovers(data).labels(), fmt.Sprintf("-pids=%v", !private))
	spec.Health = &container.HealthConfig{Test: []string{"NONE"}}
	return spec
}

// sweepNear sweeps in a container, and returns what ends that: it returns the lines of what was removed.
func (d *doomsday) sweepNear(t *testing.T) (end func(t *testing.T) []string) {
	c := d.Run(t, d.sweeper(t, "-every", "1s"))
	return func(t *testing.T) []string {
		t.Helper()
		c.Stop(t, budget)
		stdout, stderr := c.Logs(t)
		if code := c.Wait(t); code != 0 || stderr != "" {
			t.Errorf("the sweep in a container exits with %d and says\n%s", code, stderr)
		}
		return sortedLines(stdout)
	}
}

// sweepFar is sweepNear on this machine, by way of the proxy, which now and then holds calls back.
func (d *doomsday) sweepFar(t *testing.T) (end func(t *testing.T) []string) {
	var stdout, stderr bytes.Buffer
	sweep := exec.Command(dockertest.Binary(t, "./cmd/supervisor"), "sweep", "-every", "1s")
	sweep.Env = append(os.Environ(), "DOCKER_HOST=unix://"+d.proxy.Socket())
	sweep.Stdout, sweep.Stderr = &stdout, &stderr
	if err := sweep.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var slowing sync.WaitGroup
	slowing.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			d.proxy.Suffer(ctx, dockertest.Fault{Kind: dockertest.Hang, For: time.Duration(i%4) * 700 * time.Millisecond})
		}
	})
	return func(t *testing.T) []string {
		t.Helper()
		cancel()
		slowing.Wait()
		if err := sweep.Process.Signal(syscall.SIGTERM); err != nil {
			t.Error(err)
		}
		if err := sweep.Wait(); err != nil || stderr.Len() > 0 {
			t.Errorf("the sweep by way of a slow engine ends with %v and says\n%s", err, &stderr)
		}
		return sortedLines(stdout.String())
	}
}

// blameless checks that the sweeps have removed nothing but what belonged to somebody who had died.
func (d *doomsday) blameless(t *testing.T, lines []string) {
	t.Helper()
	for _, line := range lines {
		_, owner, _ := strings.Cut(line, "its owner ")
		owner, _, _ = strings.Cut(owner, " ")
		if owner == "" || !slices.ContainsFunc(d.dead, func(id string) bool { return strings.HasPrefix(id, owner) }) {
			t.Errorf("nobody has died to whom it belonged: %s", line)
		}
	}
	if len(lines) == 0 {
		t.Error("nothing was swept, so this test shows nothing")
	}
}

// round has pods meet their fates, all at the same time.
func (d *doomsday) round(t *testing.T, number int, all []destiny) {
	pods := make([]*mortal, len(all))
	var doing sync.WaitGroup
	for i, its := range all {
		doing.Go(func() {
			t.Run(fmt.Sprint("Pod-", i), func(t *testing.T) {
				pods[i] = d.born(t, fmt.Sprintf("data-%d-%d", number, i), its)
				pods[i].meets(t)
			})
		})
	}
	doing.Wait()
	if t.Failed() {
		return
	}
	for i, p := range pods {
		doing.Go(func() { t.Run(fmt.Sprint("End-", i), p.ends) })
	}
	doing.Wait()
}

// A mortal is a pod with its destiny.
type mortal struct {
	supervisor
	destiny
	on   *doomsday
	data string // the volume that is its user's
	was  []string
}

// born makes a pod.
func (d *doomsday) born(t *testing.T, data string, its destiny) *mortal {
	t.Helper()
	return &mortal{supervisor: run(t, d.Engine, d.spec(t, data, its.private)), destiny: its, on: d, data: data}
}

// meets has a pod meet its fate. One that lives in the end runs then, and is noted.
func (m *mortal) meets(t *testing.T) {
	if m.fate != lives {
		<-time.After(time.Duration(m.moment * float64(m.on.up))) // the moment itself is what is tried
	}
	switch m.fate {
	case stops:
		m.Stop(t, crowded)
		if code := m.Wait(t); code != 0 {
			t.Errorf("it has ended with %d", code)
		}
		m.untouched(t)
	case dies, removed, again:
		m.on.mourn(m.ID)
		if m.fate == removed {
			m.Remove(t)
			return
		}
		m.Kill(t, "KILL")
		m.Wait(t)
	}
	if m.fate == again {
		m.Start(t)
	}
	if m.fate == lives || m.fate == again {
		m.comesUp(t)
		m.was = m.is(t)
	}
}

// mourn notes that a supervisor dies.
func (d *doomsday) mourn(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.dead = append(d.dead, id)
}

// comesUp waits until the pod runs: all of it, in the life that its supervisor is in.
func (m *mortal) comesUp(t *testing.T) {
	t.Helper()
	m.on.eventually(t, func() (bool, string) {
		began := m.Inspect(t).State.StartedAt
		runs := slices.ContainsFunc(m.records(t), func(r record) bool {
			return r.Message == "pod running" && r.Time.Format(time.RFC3339Nano) >= began[:19]
		})
		return runs, m.Output(t)
	})
}

// is what there is of the pod: nothing of it is the same when it was touched.
func (m *mortal) is(t *testing.T) (all []string) {
	t.Helper()
	for _, c := range append([]container.Summary{{ID: m.ID}}, m.on.Pod(t, m.ID)...) {
		seen := m.on.Container(t, c.ID).Inspect(t)
		all = append(all, fmt.Sprint(seen.Name, " ", seen.ID, " ", seen.State.Status, " ", seen.State.Pid, " since ", seen.State.StartedAt))
	}
	slices.Sort(all)
	return append(all, m.on.volumes(t, m.ID, pod.RoleScratch)...)
}

// untouched checks that nobody but its supervisor has ended anything of the pod.
func (m *mortal) untouched(t *testing.T) {
	t.Helper()
	for _, r := range m.records(t) {
		switch r.Message {
		case "pod stopping":
			return
		case "trying again":
			if m.fate == again && strings.Contains(r.Why, "removed before its start") { // by the engine, which was to do that for its former life
				continue
			}
			fallthrough
		case "component ended", "component restarts", "cannot clean up":
			t.Errorf("%s: %s %s %s", m.destiny, r.Message, r.Component, r.Why)
		}
	}
}

// ends checks what has become of a pod at the end of its round, and takes it down.
func (m *mortal) ends(t *testing.T) {
	if m.was != nil {
		if diff := cmp.Diff(m.was, m.is(t)); diff != "" {
			t.Errorf("%s, and was touched:\n%s", m.destiny, diff)
		}
		m.untouched(t)
		m.Stop(t, crowded)
		if code := m.Wait(t); code != 0 {
			t.Errorf("%s, and ends with %d:\n%s", m.destiny, code, m.Output(t))
		}
	}
	m.on.eventually(t, func() (bool, string) {
		left := m.on.left(t, m.ID)
		return len(left) == 0, fmt.Sprintf("%s, and left are %q", m.destiny, left)
	})
	if kept := m.on.volumes(t, m.ID, pod.RoleData); m.was != nil && !slices.Equal(kept, []string{m.data}) {
		t.Errorf("of its user's volumes %q are left, want %s", kept, m.data)
	}
	if m.fate != removed {
		m.Remove(t)
	}
}
