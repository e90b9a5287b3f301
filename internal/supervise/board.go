package supervise

import (
	"context"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/backoff"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/status"
)

// A board shows where the pod and every component is, to all who want to know.
type board struct {
	unready pod.Unready

	mu      sync.Mutex
	changed chan struct{} // closed and replaced with every change
	names   []string
	entries map[string]*entry
	pod     lifecycle.PodState
	once    bool // the pod has been healthy
	held    bool // pause runs
	ran     bool // a component that is not initial has been started
	// risen and ended are when the pod's supervisor began and when it began to go down.
	risen, ended time.Time
	why          string // the pod ends
	conditions   []status.Condition
	pulling      map[string]string // images, by reference: how far that is
}

// An entry is what is known of one component.
type entry struct {
	lifecycle.Component
	id engine.ID
	// started: it has been running since it was last brought up with the pod.
	started bool
	since   time.Time // when its run was started
	// done: the pod goes on without it, or did so until it went down.
	done bool
	// ended is how its last run has ended, and before how the one before did.
	ended, before ending
	// failures are its restarts since the last calm.
	failures int
	// due is when it is to be run again, while it waits for that, and delay for how long.
	due   time.Time
	delay time.Duration
	// greeted: this run's post_start hooks are over. Missed is what the startup or the
	// readiness probe that it has yet to pass has said when it failed last.
	greeted bool
	missed  string
	// broken is why this run was asked to end. Empty: it was not.
	broken string
}

// An ending is the end of a run, or of what was to be one.
type ending struct {
	code              int // -1: there was none, or it could not be learned
	oom               bool
	started, finished time.Time // zero where that has not happened
	why               string    // what kept it from running, or its end from being learned
	message           string    // what the component itself has said of it
	broken            string    // why it was asked to end
	said              *logbuffer.Run
}

// failed reports whether the run has not come to a good end.
func (e ending) failed() bool { return e.code != 0 || e.broken != "" }

// none is the ending of what has not ended.
var none = ending{code: -1}

// end notes the end of a run.
func (e *entry) end(how ending) {
	if e.ended != none {
		e.before = e.ended
	}
	e.ended = how
}

func newBoard(p pod.Pod) *board {
	b := &board{unready: p.Unready, changed: make(chan struct{}), entries: map[string]*entry{}, pod: lifecycle.Rising, risen: time.Now(), pulling: map[string]string{}}
	for _, c := range p.All() {
		b.names = append(b.names, c.Name)
		b.entries[c.Name] = &entry{Component: lifecycle.Component{
			State: lifecycle.Pending, Life: lifecycle.LifeOf(p, c), Ready: c.Probes.Readiness == nil,
			Probed: c.Probes.Readiness != nil || c.Probes.Startup != nil,
		}, ended: none, before: none}
	}
	b.conditions = b.conditionsLocked(b.risen)
	return b
}

// update changes one component's entry; others than the pod's are not on the board.
func (b *board) update(name string, change func(*entry)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e, ok := b.entries[name]; ok {
		change(e)
		b.changedLocked()
	}
}

// ofRun changes one component's entry, unless it is about another run by now.
func (b *board) ofRun(name string, id engine.ID, change func(*entry)) {
	b.update(name, func(e *entry) {
		if e.id == id {
			change(e)
		}
	})
}

// changedLocked tells all who wait.
func (b *board) changedLocked() {
	b.once = b.once || lifecycle.PodHealth(b.componentsLocked(), false, b.unready) == lifecycle.Healthy
	b.ran = b.ran || b.mainsStartedLocked()
	b.conditions = b.conditionsLocked(time.Now())
	close(b.changed)
	b.changed = make(chan struct{})
}

// holds notes that pause runs.
func (b *board) holds() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held = true
	b.changedLocked()
}

// happened moves a component on. It returns where to, and what is to be done.
func (b *board) happened(name string, what lifecycle.Event) (state lifecycle.State, action lifecycle.Action) {
	b.update(name, func(e *entry) {
		before := e.State
		state, action = lifecycle.Next(before, what, e.Life)
		e.State = state
		e.done = state == lifecycle.Done || e.done && state == lifecycle.Stopped
		switch {
		case action == lifecycle.Restart || action == lifecycle.RestartNow:
			e.delay = 0
		case state == lifecycle.Pending && (before == lifecycle.Waiting || before == lifecycle.Cleared && e.ended != none):
			e.Life.Restarts++ // not before: it may never come to that
		}
	})
	return state, action
}

// podHappened moves the pod on.
func (b *board) podHappened(what lifecycle.PodEvent) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pod = lifecycle.NextPod(b.pod, what)
	b.changedLocked()
}

// falls notes that the pod goes down, and why.
func (b *board) falls(why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pod, b.ended, b.why = lifecycle.NextPod(b.pod, lifecycle.Ends), time.Now(), why
	b.changedLocked()
}

// pulls notes how far fetching an image is. Nothing said: it is over.
func (b *board) pulls(ref, said string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pulling[ref] = said
}

// delay is how long to wait before a component that has just failed is restarted. It
// counts the failure.
func (b *board) delay(name string, policy backoff.Restarts) (d time.Duration) {
	b.update(name, func(e *entry) {
		e.failures++
		d = policy.Before(e.failures)
		e.delay, e.due = d, time.Now().Add(d)
	})
	return d
}

// byID finds the component whose container that is.
func (b *board) byID(id engine.ID) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for name, e := range b.entries {
		if e.id == id {
			return name, true
		}
	}
	return "", false
}

// until waits until a component's entry satisfies a condition. It does not wait for
// others than the pod's.
func (b *board) until(ctx context.Context, name string, satisfied func(entry) (bool, error)) error {
	for {
		now, changed, known := b.look(name)
		if !known {
			return nil
		}
		if ok, err := satisfied(now); ok || err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// look is a component's entry as it is now, and what tells of changes from then on.
func (b *board) look(name string) (now entry, changed <-chan struct{}, known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, known := b.entries[name]
	if known {
		now = *e
	}
	return now, b.changed, known
}

func (b *board) health() lifecycle.Health {
	b.mu.Lock()
	defer b.mu.Unlock()
	return lifecycle.PodHealth(b.componentsLocked(), b.once, b.unready)
}

// complete reports whether the pod has nothing more to do.
func (b *board) complete() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return lifecycle.Complete(b.componentsLocked())
}

// componentsLocked are the components in their order.
func (b *board) componentsLocked() []lifecycle.Component {
	all := make([]lifecycle.Component, len(b.names))
	for i, name := range b.names {
		all[i] = b.entries[name].Component
	}
	return all
}
