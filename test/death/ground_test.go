package death

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/volume"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

// A site is a kind of engine that rounds are fought on.
type site struct {
	name, version string
	// mortal: the engine itself is a victim, of one round at a time.
	mortal bool
	// restores: containers live while their engine does not.
	restores bool
	// atATime is how many rounds there are at the same time.
	atATime int
}

// sites are all of them. Swarm and live-restore exclude each other.
var sites = []site{
	{name: "Engine20", version: dockertest.Engine20, atATime: 2},
	{name: "Engine26", version: dockertest.Engine26, atATime: 2},
	{name: "MortalEngine20", version: dockertest.Engine20, mortal: true, atATime: 1},
	{name: "MortalEngine26WithLiveRestore", version: dockertest.Engine26, mortal: true, restores: true, atATime: 1},
}

const (
	// roundLabel on a container that a round has made is that round's number.
	roundLabel = "podlike.test.round"
	// pairLabel on a pair's supervisor is the ID of its pause.
	pairLabel = "podlike.test.pair"
)

// A ground is an engine of the test's own with all that it tells of the rounds on it. Nobody
// else has anything there.
type ground struct {
	*dockertest.Nested
	site
	secret string // a file, on the engine's machine

	mu     sync.Mutex
	heard  map[string][]events.Message // by round
	rounds map[string]string           // of a container
}

// open starts the engine of a site.
func (s site) open(t *testing.T) *ground {
	t.Helper()
	g := &ground{site: s, heard: map[string][]events.Message{}, rounds: map[string]string{}}
	if s.restores {
		g.Nested = dockertest.New(t).Nested(t, s.version, "--live-restore")
	} else {
		g.Nested = dockertest.New(t).Nested(t, s.version)
		g.Swarm(t)
	}
	here := filepath.Join(filepath.Dir(g.Socket(t)), "key")
	if err := os.WriteFile(here, []byte("a secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bind := range g.Supervisor(t, nil).Binds { // where the engine's machine has that directory
		g.secret = strings.Split(bind, ":")[0] + "/key"
	}
	g.listen(t)
	return g
}

// listen hears until the test ends what the engine does to containers. When the engine was
// gone it is asked for what it has done since.
func (g *ground) listen(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	told, failed := g.subscribe(ctx, time.Now())
	var listening sync.WaitGroup
	listening.Go(func() {
		last := time.Now()
		for ctx.Err() == nil {
			select {
			case m := <-told:
				last = time.Unix(0, m.TimeNano)
				g.hear(m)
			case <-failed:
				_ = clock.Sleep(ctx, 20*time.Millisecond) // the loop looks at the context
				told, failed = g.subscribe(ctx, last)
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		listening.Wait()
	})
}

// subscribe has the engine tell of containers, and of the volumes that they mount.
func (g *ground) subscribe(ctx context.Context, since time.Time) (<-chan events.Message, <-chan error) {
	return g.Client().Events(ctx, events.ListOptions{
		Since:   fmt.Sprintf("%d.%09d", since.Unix(), since.Nanosecond()),
		Filters: filters.NewArgs(filters.Arg("type", "container"), filters.Arg("type", "volume")),
	})
}

// ofInterest is what is kept of what the engine tells.
var ofInterest = []events.Action{
	events.ActionCreate, events.ActionStart, events.ActionKill, events.ActionDie, events.ActionDestroy, events.ActionMount,
}

// hear puts what the engine has told to the round whose it is.
func (g *ground) hear(m events.Message) {
	if !slices.Contains(ofInterest, m.Action) {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	id := m.Actor.ID
	if m.Type == events.VolumeEventType {
		id = m.Actor.Attributes["container"]
	} else if g.rounds[id] == "" {
		labels := m.Actor.Attributes
		g.rounds[id] = labels[roundLabel]
		if owner := g.rounds[labels[pod.LabelOwner]]; owner != "" {
			g.rounds[id] = owner
		}
	}
	round := g.rounds[id]
	again := func(o events.Message) bool { // after a new subscription
		return o.TimeNano == m.TimeNano && o.Action == m.Action && o.Actor.ID == m.Actor.ID
	}
	if round != "" && !slices.ContainsFunc(g.heard[round], again) {
		g.heard[round] = append(g.heard[round], m)
	}
}

// of is what was heard of a round's containers, in the order of time.
func (g *ground) of(round string) []events.Message {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.SortedStableFunc(slices.Values(g.heard[round]), func(a, b events.Message) int {
		return time.Unix(0, a.TimeNano).Compare(time.Unix(0, b.TimeNano))
	})
}

// forget lets go of what was heard of a round.
func (g *ground) forget(round string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.heard, round)
	maps.DeleteFunc(g.rounds, func(_, of string) bool { return of == round })
}

// processes are those of containers, as files in /proc. It does not need the engine.
func (g *ground) processes(t *testing.T, ids []string) string {
	t.Helper()
	out, _ := g.Outer().Exec(t, "sh", "-c", "grep -lE '"+strings.Join(ids, "|")+"' /proc/[0-9]*/cgroup 2>/dev/null")
	return out
}

// empty asserts that the engine has nothing that was not there when it was opened: also
// what no label says whose it is.
func (g *ground) empty(t *testing.T) {
	t.Helper()
	dockertest.Eventually(t, soon, func() (bool, string) {
		left := g.left(t)
		return len(left) == 0, "left when all rounds are over: " + strings.Join(left, ", ")
	})
}

// purge removes all that nothing uses: what a round has left that has failed.
func (g *ground) purge(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	_, err := g.Client().ContainersPrune(ctx, filters.Args{})
	volumes, also := g.Client().VolumeList(ctx, volume.ListOptions{})
	for _, v := range volumes.Volumes {
		also = errors.Join(also, ignoreAbsent(g.Client().VolumeRemove(ctx, v.Name, true)))
	}
	_, last := g.Client().NetworksPrune(ctx, filters.Args{})
	if err := errors.Join(err, also, last); err != nil {
		t.Logf("cannot remove what is left of the round: %v", err)
	}
}

// left are all containers, volumes and networks that the engine has not made itself.
func (g *ground) left(t *testing.T) (all []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	containers, err := g.Client().ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range containers {
		if len(c.Names) == 0 { // 20.10 lists some that it knows no more, for it was killed while it removed them
			continue
		}
		all = append(all, fmt.Sprintf("container %s %q (%s)", c.ID[:12], c.Names, c.Status))
	}
	volumes, err := g.Client().VolumeList(ctx, volume.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range volumes.Volumes {
		if !g.leaked(ctx, v.Name) {
			all = append(all, "volume "+v.Name)
		}
	}
	networks, err := g.Client().NetworkList(ctx, network.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	own := []string{"bridge", "host", "none", "docker_gwbridge", "ingress"}
	for _, n := range networks {
		if !slices.Contains(own, n.Name) {
			all = append(all, "network "+n.Name)
		}
	}
	return all
}

// leaked says whether the engine has lost track of a volume, and nobody but the next engine can
// remove it: one that was killed while it removed a container may hold that container's volumes
// for it although it knows it no more (26.1, with live-restore).
func (g *ground) leaked(ctx context.Context, name string) bool {
	if !g.mortal {
		return false
	}
	free, err := g.Client().VolumeList(ctx, volume.ListOptions{Filters: filters.NewArgs(filters.Arg("name", name), filters.Arg("dangling", "true"))})
	users, also := g.Client().ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("volume", name))})
	return err == nil && also == nil && len(free.Volumes) == 0 && len(users) == 0
}

// recall finds out what has become of a round's containers while the engine could not tell,
// and puts it to what was heard: an engine that was killed never tells of some of it.
func (g *ground) recall(t *testing.T, round string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	last := map[string]*run{}
	c := chronicleOf(g.of(round))
	for _, r := range slices.Concat(c.members, c.lives) {
		last[r.id] = r
	}
	for id, r := range last {
		seen, err := g.Client().ContainerInspect(ctx, id)
		switch {
		case cerrdefs.IsNotFound(err):
			g.put(round, id, events.ActionDestroy, time.Now(), "")
		case err != nil:
			t.Fatalf("cannot inspect container %s: %v", id, err)
		case seen.State.Running:
			if began := moment(seen.State.StartedAt); began.After(r.started.Add(time.Second)) { // it was started again
				g.put(round, id, events.ActionDie, began.Add(-time.Millisecond), "")
				g.put(round, id, events.ActionStart, began, "")
			}
		case r.runs():
			g.put(round, id, events.ActionDie, moment(seen.State.FinishedAt), strconv.Itoa(seen.State.ExitCode))
		}
	}
}

// moment is a time as the engine writes it; now, where it writes none.
func moment(text string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.Year() < 2000 {
		return time.Now()
	}
	return at
}

// put notes what nobody has told of a container.
func (g *ground) put(round, id string, what events.Action, at time.Time, code string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.heard[round] = append(g.heard[round], events.Message{
		Type: events.ContainerEventType, Action: what, TimeNano: at.UnixNano(),
		Actor: events.Actor{ID: id, Attributes: map[string]string{"exitCode": code}},
	})
}
