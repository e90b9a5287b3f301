package supervise

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// A run is one pod's life.
type run struct {
	*Supervisor
	// end ends the pod's life; only the first cause counts.
	end context.CancelCauseFunc
	// over is closed when the pod's life has ended.
	over <-chan struct{}
	// makers are all who may make containers.
	makers makers
	// turn is held by who moves components on where something follows from it: what
	// follows is then under way before anyone else decides about the pod.
	turn sync.Mutex
	// watching is done when the pod has gone down; all tasks end then.
	watching context.Context
	unwatch  context.CancelFunc
	tasks    sync.WaitGroup
	follow   sync.Once // the engine's events, from the first component on that has a check or may lack memory

	// memory is where the engine's machine has the pod's memory. It is set before
	// anything is created that mounts something from there.
	memory string

	mu     sync.Mutex
	held   map[string]*holding // by component, and pause
	images map[string]engine.Image
	again  context.CancelCauseFunc // ends this round of bringing the pod up, for another
	rest   time.Duration           // before that other one
}

// A holding is what we hold of one container.
type holding struct {
	id      engine.ID
	stream  engine.Stream
	said    *logbuffer.Run
	exited  <-chan engine.Exit
	asked   atomic.Bool   // its start was asked for
	started chan struct{} // closed when the start call has returned
	failed  bool          // set before started is closed: there is no end to wait for
	prepare sync.Once     // what is to be done before it is asked to stop
	bidden  atomic.Bool   // it was asked to stop
	starved atomic.Bool   // the kernel has killed something of it for lack of memory
	kills   int64         // how many it had killed before, on the whole machine; -1: it does not tell
	gone    chan struct{} // closed when the engine has told of its end
	// dismissed is set when we remove what has nothing more to do: that it ends then
	// is no news.
	dismissed atomic.Bool
	prepared  chan struct{} // closed when prepare's is over
	over      chan struct{} // closed when its end is on the board
	drained   chan struct{} // closed when all of its output is through
}

func newRun(s *Supervisor, ctx context.Context, over <-chan struct{}, end context.CancelCauseFunc) *run {
	r := &run{
		Supervisor: s, end: end, over: over,
		held: map[string]*holding{}, images: map[string]engine.Image{},
	}
	r.watching, r.unwatch = context.WithCancel(ctx)
	return r
}

// make does what may make containers, beside everything else.
func (r *run) make(do func()) {
	r.makers.begin()
	r.tasks.Go(func() {
		defer r.makers.end()
		do()
	})
}

// finish ends all that still goes on and waits for it.
func (r *run) finish() {
	r.unwatch()
	r.tasks.Wait()
}

// isOver reports whether the pod's life has ended.
func (r *run) isOver() bool { return closed(r.over) }

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// apply does a plan's steps, each as soon as those before it are done. The first
// error ends it; it returns when no step is under way any more. Hurry, when not
// nil, is done when stops shall no longer wait for other steps.
func (r *run) apply(ctx context.Context, p plan.Plan, hurry context.Context, do func(context.Context, plan.Step) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := map[string]chan struct{}{}
	for _, step := range p {
		done[step.Key()] = make(chan struct{})
	}
	var steps sync.WaitGroup
	for _, step := range p {
		steps.Go(func() {
			if !ready(ctx, step, done, hurry) {
				return
			}
			if err := do(ctx, step); err != nil {
				cancel(err)
				return
			}
			close(done[step.Key()])
		})
	}
	steps.Wait()
	return context.Cause(ctx)
}

// ready waits for the steps that come before one, and reports whether it may be done.
func ready(ctx context.Context, step plan.Step, done map[string]chan struct{}, hurry context.Context) bool {
	var impatient <-chan struct{}
	if hurry != nil && step.Op == plan.Stop {
		impatient = hurry.Done()
	}
	for _, before := range step.After {
		select {
		case <-done[before]:
		case <-impatient:
			return true
		case <-ctx.Done():
			return false
		}
	}
	return ctx.Err() == nil
}

// hold remembers what we hold of a container and watches it from now on.
func (r *run) hold(name string, h *holding) {
	r.mu.Lock()
	r.held[name] = h
	r.mu.Unlock()
	r.tasks.Go(func() { r.watchExit(name, h) })
	r.tasks.Go(func() { r.drain(name, h) })
}

func (r *run) holding(name string) *holding {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.held[name]
}

func (r *run) holdings() map[string]*holding {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make(map[string]*holding, len(r.held))
	for name, h := range r.held {
		all[name] = h
	}
	return all
}

// record is the one last record.
func (r *run) record(v verdict, took time.Duration) event.Event {
	e := event.Event{Kind: event.Ended, Component: v.component, Code: v.code, Why: v.why, Ends: r.board.ends(), Took: took}
	if h := r.holding(v.component); h != nil && v.code != 0 {
		e.Last = h.said.Last(keepLines)
	}
	return e
}

// component finds a component of the pod by name.
func (r *run) component(name string) pod.Component {
	c, _ := r.Pod.Component(name)
	return c
}
