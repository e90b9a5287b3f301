package probe

import (
	"context"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/pod"
)

// A Kind is which of a component's probes one is.
type Kind string

// The kinds.
const (
	Startup   Kind = "startup"
	Liveness  Kind = "liveness"
	Readiness Kind = "readiness"
)

// Initial is the result that a probe of that kind has before any try: a component is
// not ready until it says so, and lives until it does not.
func (k Kind) Initial() Outcome {
	return map[Kind]Outcome{Startup: Unknown, Liveness: Success, Readiness: Failure}[k]
}

// Tried says that a try is over.
type Tried struct {
	Kind   Kind
	Result Result
	// Turned says that with it the probe's own result has become that of this try, as
	// there were enough in a row.
	Turned bool
}

// Sofar is what earlier tries of a run have come to: those of a supervisor that is no more. The
// zero value is that of a run that begins.
type Sofar struct {
	// Since is when the run was started. Zero: now.
	Since time.Time
	// Started: its startup probe has succeeded. Ready: so has its readiness probe.
	Started, Ready bool
}

// initial is the result that a probe has before any more tries.
func (s Sofar) initial(k Kind) Outcome {
	if k == Readiness && s.Ready {
		return Success
	}
	return k.Initial()
}

// Watch tries the probes of one run of a component, from its start on, and tells of
// each try that somebody should know of: one that turns its probe's result, one that
// is no success, and one with a warning. tell is called by more than one goroutine.
//
// A probe is first tried when its initial delay since the start is over, and then once
// a period; a try that takes longer delays the next and makes no other. The startup
// probe comes before the others, which do not begin unless it succeeds. It ends when
// its result has turned, and so does liveness: then the run is at its end. Readiness
// goes on.
//
// Watch returns when there is nothing left to try, or ctx ends. When up ends, the pod
// goes down: liveness and startup end, readiness goes on if it has begun. A try that
// one of the two cuts short is not told.
func Watch(ctx, up context.Context, p pod.Probes, sofar Sofar, d Doer, tell func(Tried)) {
	started := sofar.Since
	if started.IsZero() {
		started = time.Now()
	}
	whileUp, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(up, cancel)()
	watch := func(ctx context.Context, k Kind, p *pod.Probe) (result Outcome) {
		if p == nil {
			return Success
		}
		w := watcher{kind: k, probe: *p, doer: d, tell: tell, result: sofar.initial(k)}
		return w.run(ctx, started.Add(p.InitialDelay))
	}
	if !sofar.Started && watch(whileUp, Startup, p.Startup) != Success {
		return
	}
	var others sync.WaitGroup
	others.Go(func() { watch(whileUp, Liveness, p.Liveness) })
	others.Go(func() { watch(ctx, Readiness, p.Readiness) })
	others.Wait()
}

// A watcher tries one probe.
type watcher struct {
	kind  Kind
	probe pod.Probe
	doer  Doer
	tell  func(Tried)

	// result is the probe's own.
	result Outcome
	// last is the outcome of the latest tries, and row how many there are.
	last Outcome
	row  int
}

// run tries from then on until nothing more can come of it or ctx ends, and returns
// the result.
func (w *watcher) run(ctx context.Context, from time.Time) Outcome {
	if clock.Sleep(ctx, time.Until(from)) != nil {
		return w.result
	}
	period := clock.NewBeat(w.probe.Period)
	for w.try(ctx) && period.Wait(ctx) == nil {
	}
	return w.result
}

// try makes one try, tells of it, and reports whether there is to be another.
func (w *watcher) try(ctx context.Context) (again bool) {
	r := w.doer.Do(ctx, w.probe)
	if ctx.Err() != nil {
		return false // it may be the only reason
	}
	turned := w.count(r.Outcome)
	if turned || r.Message != "" {
		w.tell(Tried{w.kind, r, turned})
	}
	return !turned || w.kind == Readiness
}

// count counts one more try and reports whether it has turned the result. Unknown
// does not count, as with the kubelet.
func (w *watcher) count(o Outcome) (turned bool) {
	if o == Unknown {
		return false
	}
	if o != w.last {
		w.last, w.row = o, 0
	}
	w.row++
	if o == w.result || w.row < w.enough(o) {
		return false
	}
	w.result = o
	return true
}

// enough is how many of an outcome in a row count.
func (w *watcher) enough(o Outcome) int {
	if o == Success {
		return w.probe.Success
	}
	return w.probe.Failure
}
