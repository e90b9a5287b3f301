package test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

// An attempt is one container of a pod, as the engine tells of it. A time that has
// not come is zero.
type attempt struct {
	component string // or pause
	id        string
	started   time.Time
	died      time.Time
	code      string   // its exit code, once it has died
	signals   []string // that the engine has sent it
	printed   *printed // nil when its component does not count
}

// What a container has printed is heard from before its start.
type printed struct {
	ready chan struct{} // closed when the others are there
	all   *transcript
	err   error // why there is none
}

// A judge hears by a connection of its own, which no fault touches, what the engine
// does to a pod's containers, and listens to those that count lines.
type judge struct {
	d     *dockertest.Engine
	owner string
	count []string // the components that count lines

	mu      sync.Mutex
	runs    []*attempt // in the order of their creation
	history []string
	err     error // why it hears no more
}

// observe begins to judge the pod of a supervisor that was not started yet. It ends
// with the test, and tells what it has heard when that has failed.
func observe(t *testing.T, d *dockertest.Engine, owner string, counting ...string) *judge {
	t.Helper()
	j := &judge{d: d, owner: owner, count: counting}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	told, errs := d.Client().Events(ctx, events.ListOptions{Filters: filters.NewArgs(
		filters.Arg("type", "container"), filters.Arg("label", pod.LabelOwner+"="+owner))})
	running.Go(func() {
		for {
			select {
			case m := <-told:
				j.hear(ctx, &running, m)
			case err := <-errs:
				j.mu.Lock()
				j.err = err
				j.mu.Unlock()
				return
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if t.Failed() {
			t.Logf("what the engine did:\n%s", strings.Join(j.history, "\n"))
		}
	})
	return j
}

// hear notes what has happened to a container.
func (j *judge) hear(ctx context.Context, running *sync.WaitGroup, m events.Message) {
	labels, at := m.Actor.Attributes, time.Unix(0, m.TimeNano)
	name := labels[pod.LabelComponent]
	switch labels[pod.LabelRole] {
	case pod.RolePause:
		name = pod.RolePause
	case pod.RoleComponent:
	default:
		return
	}
	if strings.HasPrefix(string(m.Action), "exec_") {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.history = append(j.history, fmt.Sprintf("%s  %s %s: %s %s%s",
		at.Format("15:04:05.000"), name, m.Actor.ID[:12], m.Action, labels["signal"], labels["exitCode"]))
	if m.Action == events.ActionCreate {
		j.runs = append(j.runs, j.begin(ctx, running, name, m.Actor.ID))
		return
	}
	i := slices.IndexFunc(j.runs, func(r *attempt) bool { return r.id == m.Actor.ID })
	if i < 0 {
		j.err = fmt.Errorf("%s of a container that was not created: %s", m.Action, m.Actor.ID)
		return
	}
	j.runs[i].note(m, at)
}

// running says whether the container was started and has not ended.
func (a *attempt) running() bool { return !a.started.IsZero() && a.died.IsZero() }

// note notes what has happened to this container.
func (a *attempt) note(m events.Message, at time.Time) {
	switch m.Action {
	case events.ActionStart:
		a.started = at
	case events.ActionKill:
		a.signals = append(a.signals, m.Actor.Attributes["signal"])
	case events.ActionDie:
		a.died, a.code = at, m.Actor.Attributes["exitCode"]
	}
}

// begin listens to what a container prints, if its component counts.
func (j *judge) begin(ctx context.Context, running *sync.WaitGroup, component, id string) *attempt {
	a := &attempt{component: component, id: id}
	if !slices.Contains(j.count, component) {
		return a
	}
	p := &printed{ready: make(chan struct{})}
	running.Go(func() {
		read := func() {}
		p.all, read, p.err = transcribe(ctx, j.d, id, true) // it may print before it is attached to
		close(p.ready)
		if p.err == nil {
			read()
		}
	})
	a.printed = p
	return a
}

// of are a component's containers that were started, in that order.
func (j *judge) of(component string) (all []attempt) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, r := range j.runs {
		if r.component == component && !r.started.IsZero() {
			all = append(all, *r)
		}
	}
	slices.SortFunc(all, func(a, b attempt) int { return a.started.Compare(b.started) })
	return all
}

// up says whether each of these components runs, and which does not.
func (j *judge) up(components ...string) (ok bool, seen string) {
	for _, c := range components {
		all := j.of(c)
		if len(all) == 0 || !all[len(all)-1].died.IsZero() {
			return false, c + " does not run"
		}
	}
	return true, ""
}

// kept asserts that the component was started once and has not ended before the stop.
func (j *judge) kept(t *testing.T, component string, stop time.Time) {
	t.Helper()
	all := j.of(component)
	if len(all) != 1 {
		t.Errorf("%s was started %d times, want once", component, len(all))
	}
	for _, r := range all {
		if !r.died.IsZero() && r.died.Before(stop) {
			t.Errorf("%s has ended before the stop, with %s and the signals %q", component, r.code, r.signals)
		}
	}
}

// restarted asserts that the component has ended by itself only, was restarted after
// each time, and never ran twice at a time.
func (j *judge) restarted(t *testing.T, component string, stop time.Time) {
	t.Helper()
	all := j.of(component)
	if len(all) < 2 {
		t.Errorf("%s was started %d times, so it was not restarted", component, len(all))
	}
	for i, r := range all {
		byItself := r.code == "0" && len(r.signals) == 0
		if !r.died.IsZero() && r.died.Before(stop) && !byItself {
			t.Errorf("run %d of %s was ended before the stop, with %s and the signals %q", i+1, component, r.code, r.signals)
		}
		if i > 0 && (all[i-1].died.IsZero() || r.started.Before(all[i-1].died)) {
			t.Errorf("run %d of %s was started while the one before ran", i+1, component)
		}
	}
}

// hears asserts that the judge has heard everything up to the end of the pod.
func (j *judge) hears(t *testing.T) {
	t.Helper()
	dockertest.Eventually(t, soon, func() (bool, string) {
		j.mu.Lock()
		defer j.mu.Unlock()
		return j.err != nil || !slices.ContainsFunc(j.runs, (*attempt).running), "the engine has not told of every end"
	})
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.err != nil {
		t.Errorf("the judge does not hear the engine: %v", j.err)
	}
}

// A window is when a fault was there.
type window struct {
	begin, end time.Time
	cuts       bool // connections on which output comes
	holds      bool // what comes on them back
}

const (
	// onItsWay is how long the last that a container prints may be on its way when a fault begins.
	onItsWay = 250 * time.Millisecond
	// longestBackOff is the longest time between two tries to reach the engine.
	longestBackOff = 5 * time.Second
	// trying is how long one try may take on a machine that has more to do.
	trying = time.Second
)

// covers says whether the supervisor could not reach the engine then. A fault lasts for
// the supervisor until its next try, which is never later after the end of the fault
// than the fault has lasted: its delays double.
func (w window) covers(end time.Time) bool {
	late := min(longestBackOff, w.end.Sub(w.begin)) + trying
	return end.After(w.begin.Add(-onItsWay)) && end.Before(w.end.Add(late))
}

// since is from when on a cut has lost what was on its way: what a stall that had begun before
// kept back as well.
func (w window) since(faults []window) time.Time {
	since := w.begin
	for _, h := range faults {
		if h.holds && h.begin.Before(since) && h.end.After(w.begin) {
			since = h.begin
		}
	}
	return since
}

// lost says whether nobody could read the last that a container has printed: what
// reads it was cut while it ran, and it ended before anything could read again. By then
// the engine has removed it.
func (a attempt) lost(faults []window) bool {
	cut := slices.ContainsFunc(faults, func(w window) bool {
		return w.cuts && w.end.After(a.started) && w.since(faults).Before(a.died.Add(onItsWay))
	})
	return cut && slices.ContainsFunc(faults, func(w window) bool { return w.covers(a.died) })
}

// counted asserts that of all that the component's containers have printed each line
// has arrived once in what the supervisor has printed.
func (j *judge) counted(t *testing.T, component string, said *transcript, faults []window) {
	t.Helper()
	for _, stream := range []string{"out", "err"} {
		got, others := numbers(of(said.stream(stream), stream, component), component+"-")
		var runs []count
		total := 0
		for _, r := range j.of(component) {
			last, err := r.last(stream)
			if err != nil {
				t.Fatalf("the judge did not hear %s: %v", component, err)
			}
			runs = append(runs, count{last: last, mayLack: r.lost(faults)})
			total += last
		}
		if !fits(got, runs) {
			t.Errorf("of %s on std%s has arrived %s\nof the runs, and what may lack of them: %v\nother lines: %q", component, stream, ranges(got), runs, others)
		}
		if len(got) < total && !saysMissing(said, component) {
			t.Errorf("%d lines of %s on std%s are missing, and nobody says so", total-len(got), component, stream)
		}
	}
}

// last is the number of the last line that a container has printed on a stream. It
// waits for the container's end.
func (a attempt) last(stream string) (int, error) {
	<-a.printed.ready
	if a.printed.err != nil {
		return 0, a.printed.err
	}
	<-a.printed.all.ended
	all, _ := numbers(a.printed.all.stream(stream), a.component+"-")
	if len(all) == 0 {
		return 0, nil
	}
	return all[len(all)-1], nil
}
