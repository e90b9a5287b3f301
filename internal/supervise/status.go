package supervise

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/status"
)

// keepLines is how many last lines of a component that has ended are shown.
const keepLines = 20

// Status is how the pod and its components are now. It may be asked for at any time.
func (s *Supervisor) Status() status.Pod {
	b := s.board
	b.mu.Lock()
	defer b.mu.Unlock()
	p := status.Pod{
		Name: s.Owner.Name, ID: s.Owner.ID,
		Phase: b.phaseLocked(), Health: string(lifecycle.PodHealth(b.componentsLocked(), b.once, b.unready)),
		Message: b.why, Started: b.risen, Stopping: b.ended,
		Conditions: slices.Clone(b.conditions),
	}
	for _, c := range s.Pod.All() {
		p.Components = append(p.Components, b.statusLocked(c))
	}
	return p
}

// phaseLocked is where the pod is in its life, in Kubernetes' words.
func (b *board) phaseLocked() status.Phase {
	switch b.pod {
	case lifecycle.Succeeded:
		return status.Succeeded
	case lifecycle.Failed:
		return status.Failed
	}
	for _, e := range b.entries {
		if e.started || e.ended != none {
			return status.Running
		}
	}
	return status.Pending
}

// conditionsLocked are the pod's conditions; those that are as they were keep their time.
func (b *board) conditionsLocked(now time.Time) []status.Condition {
	initialized := b.held && b.begunBeforeLocked("")
	unready := b.unreadyLocked()
	ready := initialized && unready == ""
	all := []status.Condition{
		{Type: status.PodReadyToStartContainers, Status: b.held},
		{Type: status.Initialized, Status: initialized},
		{Type: status.ContainersReady, Status: ready, Message: unready},
		{Type: status.Ready, Status: ready && (b.pod == lifecycle.Rising || b.pod == lifecycle.Up), Message: unready},
	}
	for i, c := range all {
		all[i].Since = now
		if len(b.conditions) > 0 && b.conditions[i].Status == c.Status {
			all[i].Since = b.conditions[i].Since
		}
	}
	return all
}

// unreadyLocked says who has to be ready and is not, nothing if all are.
func (b *board) unreadyLocked() string {
	var names []string
	for _, name := range b.names {
		if e := b.entries[name]; e.State != lifecycle.Done && !e.Ready() {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "not ready: " + strings.Join(names, ", ")
}

// begunBeforeLocked reports whether all that is initial, or as much of it as comes
// before a component, is done or has begun.
func (b *board) begunBeforeLocked(name string) bool {
	for _, other := range b.names {
		e := b.entries[other]
		switch {
		case other == name || e.Life.Rank == lifecycle.Main:
			return true
		case e.Life.Rank == lifecycle.Init && e.State != lifecycle.Done, e.Life.Rank == lifecycle.Sidecar && !e.Began:
			return false
		}
	}
	return true
}

// statusLocked is how one component is.
func (b *board) statusLocked(c pod.Component) status.Component {
	e := b.entries[c.Name]
	s := status.Component{
		Name: c.Name, Role: status.Role(e.Life.Rank), Image: c.Image, Container: string(e.id),
		Ready: e.Ready(), Started: e.State == lifecycle.Running && e.Began, Restarts: e.Life.Restarts,
		State: b.stateLocked(c, *e),
	}
	last := e.ended
	if s.State.Terminated != nil {
		last = e.before
	}
	if last != none {
		s.Last = status.State{Terminated: last.terminated()}
	}
	return s
}

// stateLocked is where a component is in its life, in Kubernetes' words.
func (b *board) stateLocked(c pod.Component, e entry) status.State {
	switch e.State {
	case lifecycle.Running, lifecycle.Ending, lifecycle.Recycling, lifecycle.Stopping:
		return status.State{Running: &status.StateRunning{Since: e.since}}
	case lifecycle.Waiting:
		return waiting(status.CrashLoopBackOff, "runs again at "+e.due.UTC().Format(time.RFC3339))
	case lifecycle.Cleared:
		return waiting(status.PodInitializing, "all components restart")
	}
	if e.State.Over() && e.ended != none {
		return status.State{Terminated: e.ended.terminated()}
	}
	return b.waitsLocked(c)
}

// waitsLocked is what a component waits for that has not run yet.
func (b *board) waitsLocked(c pod.Component) status.State {
	switch {
	case b.pulling[c.Image]:
		return waiting(status.ImagePull, c.Image)
	case !b.begunBeforeLocked(c.Name):
		return waiting(status.PodInitializing, "")
	}
	var unmet []string
	for _, on := range c.DependsOn {
		if other, ok := b.entries[on.Name]; ok {
			if is, _ := met(on.Condition, *other); !is {
				unmet = append(unmet, on.Name+" "+words[on.Condition])
			}
		}
	}
	if len(unmet) > 0 {
		return waiting(status.DependsOn, "until "+strings.Join(unmet, ", "))
	}
	return waiting(status.ContainerCreating, "")
}

func waiting(reason, message string) status.State {
	return status.State{Waiting: &status.StateWaiting{Reason: reason, Message: message}}
}

// terminated is an ending in Kubernetes' words.
func (e ending) terminated() *status.StateTerminated {
	t := &status.StateTerminated{
		Code: e.code, Signal: e.signal(), Reason: e.reason(), Message: e.words(),
		Started: e.started, Finished: e.finished,
	}
	if e.said != nil && e.code != 0 {
		t.Last = e.said.Last(keepLines)
	}
	return t
}

// The most of a component's output that stands in for a termination message, as in
// Kubernetes.
const (
	wordLines = 80
	wordBytes = 2048
)

// words are what is known of why it has ended: what kept it from running, what the
// component has said itself or, of one that failed, its last output.
func (e ending) words() string {
	said := cmp.Or(e.why, e.message)
	if said != "" || e.code == 0 || e.said == nil {
		return said
	}
	last := strings.Join(e.said.Last(wordLines), "\n")
	return strings.ToValidUTF8(last[max(len(last)-wordBytes, 0):], "")
}

// signal is the number of the one that ended the run.
func (e ending) signal() int {
	if e.code > 128 && e.code <= 128+64 {
		return e.code - 128
	}
	return 0
}

// reason is one word for an ending.
func (e ending) reason() string {
	switch {
	case e == none:
		return ""
	case e.oom:
		return status.OOMKilled
	case e.started.IsZero():
		return status.CannotStart
	case e.code == 0:
		return status.Completed
	}
	return status.Error
}

// ends are how the components ended, in their order.
func (b *board) ends() []event.End {
	b.mu.Lock()
	defer b.mu.Unlock()
	var ends []event.End
	for _, name := range b.names {
		e := b.entries[name]
		end := event.End{
			Component: name, Code: e.ended.code, Signal: e.ended.signal(), Reason: e.ended.reason(), Restarts: e.Life.Restarts,
			Started: e.ended.started, Finished: e.ended.finished, Why: e.ended.why,
		}
		if e.ended.why == "" {
			end.Message = e.ended.words()
		}
		ends = append(ends, end)
	}
	return ends
}

// The most that a termination message may be, as in Kubernetes: of one component, and
// of all together.
const (
	messageBytes     = 4096
	podsMessageBytes = 12 << 10
)

// lastWords is what a component has written into its termination message.
func (r *run) lastWords(name string) string {
	pause := r.holding(plan.Pause)
	if r.component(name).TerminationMessage == "" || pause == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(r.watching, briefly)
	defer cancel()
	limit := min(messageBytes, podsMessageBytes/len(r.Pod.All()))
	text, err := r.Engine.Read(ctx, pause.id, plan.MessagePath(name), int64(limit))
	if err != nil {
		return "" // pause may have gone as well
	}
	return strings.ToValidUTF8(string(text), "")
}

// briefly is how long the engine may take to tell more of an end.
const briefly = 5 * time.Second
