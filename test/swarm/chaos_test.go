package swarm

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/docker/docker/api/types/swarm"
	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

const (
	// hardy is the service that everything happens to, and pods are how many it has.
	hardy = "hardy"
	pods  = 6
	// outage is how long a node is cut off.
	outage = time.Minute
	// usualUpdates are as many as a test of everything has time for.
	usualUpdates = 20
)

// whateverHappens kills an engine, cuts a node off, drains all and updates at random, beside the
// sweeper that each node has. In the end there are exactly six healthy pods, on every node only what
// is of a pod that lives, and volumes and networks as before.
func whateverHappens(t *testing.T, c *cluster) {
	seed := dockertest.Seed(t)
	dice := rand.New(rand.NewPCG(seed, 0))
	sweeper := c.nodes[0].Stack(t, filepath.Join(root, "deploy", "sweeper.yml"))
	c.create(t, replicated(hardy, pods, whole()))
	c.settled(t, hardy, pods)
	before := c.things(t)
	w, stop := c.watch(t)
	for _, blow := range []struct {
		name   string
		strike func()
	}{
		{"killing an engine", func() { c.busy(t, dice).RestartEngine(t, "KILL") }},
		{"cutting a node off for a minute", func() { c.cutOff(t, c.busy(t, dice)) }},
		{"draining each node", func() { c.drainEach(t) }},
		{"random updates", func() { c.updates(t, dice) }},
	} {
		began := time.Now()
		blow.strike()
		struck := time.Since(began)
		settled := c.settled(t, hardy, pods)
		worst, what := w.tell()
		dockertest.Report(t, "%s took %v and has settled after %v more; something was left for %v at most: %s; %s=%d", blow.name,
			struck.Round(time.Second), settled.Round(100*time.Millisecond), worst.Round(100*time.Millisecond), what, dockertest.SeedVariable, seed)
	}
	stop()
	after := c.things(t)
	slices.Sort(before)
	slices.Sort(after)
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("volumes and networks are not as before:\n%s", diff)
	}
	c.remove(t, hardy)
	c.nodes[0].RemoveStack(t, sweeper)
}

// busy is one of the nodes that have any of the pods.
func (c *cluster) busy(t *testing.T, dice *rand.Rand) *dockertest.Nested {
	t.Helper()
	service := c.inspect(t, hardy).ID
	var all []*dockertest.Nested
	for _, n := range c.nodes {
		if look([]*dockertest.Nested{n}).running(service) > 0 {
			all = append(all, n)
		}
	}
	return all[dice.IntN(len(all))]
}

// drainEach takes each node's pods away in turn, and lets it have some again.
func (c *cluster) drainEach(t *testing.T) {
	service := c.inspect(t, hardy).ID
	for i := range c.nodes {
		node := c.id(t, i)
		c.set(t, node, func(spec *swarm.NodeSpec) { spec.Availability = swarm.NodeAvailabilityDrain })
		dockertest.Eventually(t, long, func() (bool, string) {
			s := look(c.nodes[i : i+1])
			return s.clean() && s.running(service) == 0, s.String()
		})
		c.settled(t, hardy, pods)
		c.set(t, node, func(spec *swarm.NodeSpec) { spec.Availability = swarm.NodeAvailabilityActive })
	}
}

// cutOff cuts a node's network. Where the others are they have all pods before it comes back, with
// those that it still has.
func (c *cluster) cutOff(t *testing.T, n *dockertest.Nested) {
	others := slices.DeleteFunc(slices.Clone(c.nodes), func(other *dockertest.Nested) bool { return other == n })
	began := time.Now()
	n.Cut(t)
	c.settledOn(t, others, hardy, pods)
	if err := clock.Sleep(t.Context(), outage-time.Since(began)); err != nil {
		t.Fatal(err)
	}
	n.Mend(t)
}

// updates updates the service again and again. Some updates are overtaken by the next.
func (c *cluster) updates(t *testing.T, dice *rand.Rand) {
	for i := range usualUpdates {
		c.update(t, hardy, func(spec *swarm.ServiceSpec) {
			spec.UpdateConfig.Order = []string{swarm.UpdateOrderStartFirst, swarm.UpdateOrderStopFirst}[dice.IntN(2)]
			spec.UpdateConfig.Parallelism = uint64(2 + dice.IntN(pods-1))
			spec.UpdateConfig.FailureAction = swarm.UpdateFailureActionContinue
			container := spec.TaskTemplate.ContainerSpec
			container.Labels[pod.ComponentPrefix+"batch"] = kit("sleep",
				fmt.Sprintf("environment: {UPDATE: '%d'}", i), fmt.Sprintf("x-pod: {sidecar: %v}", dice.IntN(2) == 0))
			container.Args = append(container.Args[:2:2], fmt.Sprintf("-pids=%v", dice.IntN(4) > 0))
		})
		waits := dice.IntN(4) == 0
		dockertest.Eventually(t, long, func() (bool, string) {
			state, over := c.updated(t, hardy)
			return over || !waits && state != "", string(state)
		})
	}
}
