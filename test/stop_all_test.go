package test

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/dockertest"
)

// stopRounds is how many pods are stopped from outside at once.
const stopRounds = 20

// saveBudget is the time for going down that these pods have, also from the engine. It
// is far more than they need.
const saveBudget = 20 * time.Second

// saving is a pod whose components write down when they are asked to end, and need two
// seconds to save what they have. One has a PID namespace of its own.
type saving struct {
	supervisor
	history string // file on this machine that all of them write into
	names   []string
}

// savingPod runs such a pod and returns when its components know what a signal is.
func savingPod(t *testing.T, d *dockertest.Engine) saving {
	t.Helper()
	shared := t.TempDir()
	volume := "volumes: ['" + shared + ":/shared']"
	p := saving{history: filepath.Join(shared, "history"), names: []string{"db", "log", "web"}}
	save := func(name string) string {
		return "history /shared/history " + name + " health /shared/" + name + " linger 2s"
	}
	spec := d.Supervisor(t, components{
		"db":  kit(save("db"), volume),
		"web": kit(save("web"), volume, "depends_on: [db]", "restart: always"),
		"log": kit(save("log"), volume, "x-pod: {pid: private}"),
	}.labels(), "-stop-timeout", saveBudget.String())
	spec.StopTimeout = saveBudget
	p.supervisor = run(t, d, spec)
	for _, name := range p.names {
		p.waitForFile(t, filepath.Join(shared, name))
	}
	p.waitRunning(t)
	return p
}

// saved asserts that each component was asked to end once, and had the time for it.
func (p saving) saved(t *testing.T) {
	t.Helper()
	var want []string
	for _, name := range p.names {
		want = append(want, name+" exit", name+" term")
	}
	if diff := cmp.Diff(want, ends(t, p.history)); diff != "" {
		t.Errorf("what they saw is not what they should:\n%s", diff)
	}
}

// containers are the IDs of all containers of the pod, the supervisor's first.
func (p saving) containers(t *testing.T) []string {
	t.Helper()
	all := []string{p.ID}
	for _, c := range p.d.Pod(t, p.ID) {
		all = append(all, c.ID)
	}
	if want := len(p.names) + 2; len(all) < want { // and pause
		t.Fatalf("the pod has %d containers, want %d", len(all), want)
	}
	return all
}

// stopAll asks the engine to stop containers, all at the same time and each with the time
// that it has by itself, as `docker stop` does. It returns when it has.
func (p saving) stopAll(t *testing.T, ids ...string) {
	t.Helper()
	ctx, cancel := cleaning()
	defer cancel()
	var stops sync.WaitGroup
	for _, id := range ids {
		stops.Go(func() {
			if err := p.d.Client().ContainerStop(ctx, id, container.StopOptions{}); err != nil && !cerrdefs.IsNotFound(err) {
				t.Errorf("cannot stop %s: %v", id, err)
			}
		})
	}
	stops.Wait()
}

// A machine that is shut down, and `docker stop $(docker ps -q)`, stop all containers at
// the same time. Nobody knows who hears of it first.
func TestEachComponentEndsInOrderWhenAllContainersAreStoppedAtOnce(t *testing.T) {
	d := dockertest.New(t)
	seed := dockertest.Seed(t)
	for i := range stopRounds {
		t.Run(strconv.Itoa(i), func(t *testing.T) { // one after the other: it is about one pod's moment
			p := savingPod(t, d)
			all := p.containers(t)
			rand.New(rand.NewPCG(seed, uint64(i))).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
			p.stopAll(t, all...)
			if code := p.Wait(t); code != 0 {
				t.Errorf("exited with %d, want 0", code)
			}
			p.saved(t)
			p.gone(t, 0)
			if last := p.lastRecord(t); last.Code != 0 {
				t.Errorf("the pod ended with %d, because %s", last.Code, last.Why)
			}
		})
	}
}

// Pause is a container as others are, and somebody may stop it. The pod then ends in order,
// pause last: the engine's stop of it returns when all have saved.
func TestStoppingPauseEndsThePodInOrder(t *testing.T) {
	t.Parallel()
	p := savingPod(t, dockertest.New(t))
	pause, there := p.d.PauseOf(t, p.ID)
	if !there {
		t.Fatal("there is no pause")
	}
	p.stopAll(t, pause.ID)
	p.saved(t)
	p.Wait(t)
	p.namesPause(t)
	p.gone(t, 0)
}

// `kill 1` is how a health check often restarts its container. In a pod that is pause, and
// nobody loses its grace by it.
func TestKillingProcessOneFromAComponentTakesNobodysGrace(t *testing.T) {
	t.Parallel()
	p := savingPod(t, dockertest.New(t))
	if out, code := p.component(t, "web").Exec(t, "/testkit", "signal", "1", "TERM"); code != 0 {
		t.Fatalf("kill 1 ended with %d: %s", code, out)
	}
	dockertest.Eventually(t, soon, func() (bool, string) { // the pod may end of it, or not
		return p.tellsOfPause(t), p.Container.Output(t)
	})
	p.Stop(t, saveBudget)
	p.Wait(t)
	p.saved(t)
	p.gone(t, 0)
}

// namesPause asserts that the log tells whoever has stopped pause that it was pause.
func (p saving) namesPause(t *testing.T) {
	t.Helper()
	if !p.tellsOfPause(t) {
		t.Errorf("nothing is told of pause:\n%s", p.Container.Output(t))
	}
}

// tellsOfPause says whether a record names pause in telling why something has happened.
func (p saving) tellsOfPause(t *testing.T) bool {
	t.Helper()
	return slices.ContainsFunc(p.records(t), func(r record) bool { return strings.Contains(r.Message+r.Why, "pause") })
}
