package death

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/podlike/podlike/internal/dockertest"
)

// gone asserts that nothing is left of the round in time. No one helps, unless something
// may stay until another supervisor sweeps. What a user removes is removed before.
func (r *round) gone(t *testing.T) {
	t.Helper()
	now := r.trial(t)
	ended := time.Now()
	if l := now.last(); l != nil && !l.died.IsZero() {
		ended = l.died
	}
	r.clear(t)
	helped, swept := now.mayStay(), func() {}
	if helped {
		r.act("another supervisor sweeps")
		swept = r.sweep(t)
	}
	dockertest.Eventually(t, limit, func() (bool, string) {
		left := r.labelled(t, now)
		return len(left) == 0, "left: " + strings.Join(left, ", ")
	})
	dockertest.Eventually(t, limit, func() (bool, string) {
		left := r.left(t, now)
		return len(left) == 0, "left: " + strings.Join(left, ", ")
	})
	if !helped {
		r.late = time.Since(ended)
	}
	swept()
	if r.site.mortal { // nobody else has anything there
		r.ground.empty(t)
	}
}

// labelled is what there is of a round that says itself whose it is.
func (r *round) labelled(t *testing.T, now trial) (all []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	for _, owner := range now.pods() {
		all = append(all, r.ground.Left(t, owner)...)
	}
	return slices.DeleteFunc(all, func(name string) bool {
		volume, is := strings.CutPrefix(name, "volume ")
		return is && r.ground.leaked(ctx, volume)
	})
}

// left is what there is of a round without a label that tells whose it is: volumes,
// processes, and what a user or Swarm has to remove.
func (r *round) left(t *testing.T, now trial) (all []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	cli := r.ground.Client()
	supervisors, err := cli.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", roundLabel+"="+r.number))})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range supervisors {
		all = append(all, "supervisor "+c.ID[:12])
	}
	for _, name := range now.volumes {
		if seen, err := cli.VolumeInspect(ctx, name); err == nil && !r.ground.leaked(ctx, name) {
			all = append(all, fmt.Sprintf("volume %s (%v)", name, seen.Labels))
		}
	}
	if len(all) > 0 {
		return all
	}
	if processes := r.ground.processes(t, now.ids()); processes != "" {
		all = append(all, "processes "+processes)
	}
	return all
}

// sweep runs another supervisor on the round's engine. The returned function ends it, which
// is not done where the round has failed.
func (r *round) sweep(t *testing.T) (end func()) {
	t.Helper()
	s := r.ground.Run(t, r.ground.Supervisor(t, shape{parts: []part{{name: "web", command: "sleep"}}}.labels()))
	t.Cleanup(func() { s.Remove(t) })
	dockertest.Eventually(t, soon, func() (bool, string) { // before that it does not
		log := s.Output(t)
		return slices.ContainsFunc(records(log), func(r record) bool { return r.Message == "pod running" }), log
	})
	return func() {
		s.Stop(t, stopTimeout)
		if code := s.Inspect(t).State.ExitCode; code != 0 {
			t.Errorf("the supervisor that has swept has exited with %d:\n%s", code, s.Output(t))
		}
		r.ground.Gone(t, s.ID, limit)
		s.Remove(t)
	}
}

// end tells what happened if the round has failed, and removes all that is left then: it
// must not be in the way of other rounds.
func (r *round) end(t *testing.T) {
	t.Helper()
	defer r.ground.forget(r.number)
	if !t.Failed() {
		return
	}
	t.Logf("%v\n%s", r, r.history(t))
	r.keepLogs()
	r.mu.Lock()
	logs := maps.Clone(r.logs)
	r.mu.Unlock()
	for id, log := range logs {
		t.Logf("log of supervisor %s:\n%s", id[:12], tail(log, 60))
	}
	if r.site.mortal {
		t.Logf("the engine says:\n%s", r.ground.EngineLog())
	}
	if r.service != "" {
		r.ground.RemoveService(t, r.service)
	}
	for _, id := range slices.Backward(r.trial(t).ids()) {
		err := r.ground.Client().ContainerRemove(context.Background(), id, container.RemoveOptions{Force: true, RemoveVolumes: true})
		if err = ignoreAbsent(err); err != nil {
			t.Logf("cannot remove container %s: %v", id[:12], err)
		}
	}
	if r.site.mortal {
		r.ground.purge(t)
	}
}

// history is what was done, and what the engine did, in the order of time.
func (r *round) history(t *testing.T) string {
	t.Helper()
	r.mu.Lock()
	all := slices.Clone(r.acts)
	r.mu.Unlock()
	names := map[string]string{}
	for _, m := range r.ground.of(r.number) {
		name := cmp.Or(names[m.Actor.ID], newRun(m, nil).name)
		if names[m.Actor.ID] = name; m.Type == events.VolumeEventType {
			name = "volume"
		}
		what := fmt.Sprintf("    %s %.12s: %s %s%s", name, m.Actor.ID, m.Action, m.Actor.Attributes["signal"], m.Actor.Attributes["exitCode"])
		all = append(all, act{time.Unix(0, m.TimeNano), what})
	}
	slices.SortStableFunc(all, func(a, b act) int { return a.at.Compare(b.at) })
	var b strings.Builder
	for _, a := range all {
		fmt.Fprintf(&b, "%s  %s\n", a.at.Format("15:04:05.000"), a.what)
	}
	return b.String()
}

// tail are the last lines of a text.
func tail(text string, lines int) string {
	all := strings.SplitAfter(text, "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}
