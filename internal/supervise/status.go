package supervise

import (
	"cmp"
	"context"
	"fmt"
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
	switch {
	case b.pod == lifecycle.Succeeded:
		return status.Succeeded
	case b.pod == lifecycle.Failed:
		return status.Failed
	case b.ran:
		return status.Running
	}
	return status.Pending
}

// mainsStartedLocked reports whether a component that is not initial has been started
// since the pod was last brought up.
func (b *board) mainsStartedLocked() bool {
	for _, e := range b.entries {
		if e.Life.Rank == lifecycle.Main && e.started {
			return true
		}
	}
	return false
}

// conditionsLocked are the pod's conditions; those that are as they were keep their time.
func (b *board) conditionsLocked(now time.Time) []status.Condition {
	initialized := condition(status.Initialized, status.ContainersNotInitialized, b.uninitializedLocked())
	containers := condition(status.ContainersReady, status.ContainersNotReady, b.unreadyLocked())
	over := map[lifecycle.PodState]string{lifecycle.Succeeded: status.PodCompleted, lifecycle.Failed: status.PodFailed}[b.pod]
	if over != "" {
		containers = status.Condition{Type: status.ContainersReady, Reason: over}
	}
	ready := containers
	ready.Type, ready.Status = status.Ready, containers.Status && (b.pod == lifecycle.Rising || b.pod == lifecycle.Up)
	all := []status.Condition{{Type: status.PodReadyToStartContainers, Status: b.held && over == ""}, initialized, containers, ready}
	for i, c := range all {
		all[i].Since = now
		if len(b.conditions) > 0 && b.conditions[i].Status == c.Status {
			all[i].Since = b.conditions[i].Since
		}
	}
	return all
}

// condition is one that is fulfilled where nobody is in its way.
func condition(of status.ConditionType, reason string, inTheWay []string) status.Condition {
	if len(inTheWay) == 0 {
		return status.Condition{Type: of, Status: true}
	}
	return status.Condition{Type: of, Reason: reason, Message: strings.Join(inTheWay, ", ")}
}

// unreadyLocked are those that have to be ready and are not.
func (b *board) unreadyLocked() (names []string) {
	for _, name := range b.names {
		if e := b.entries[name]; e.Life.Rank != lifecycle.Init && !e.done && !e.IsReady() {
			names = append(names, name)
		}
	}
	return names
}

// uninitializedLocked are those that have to be done, or to have begun, before the
// components that are not initial may start: none any more when one has.
func (b *board) uninitializedLocked() (names []string) {
	if b.mainsStartedLocked() {
		return nil
	}
	for _, name := range b.names {
		if b.entries[name].holdsUp() {
			names = append(names, name)
		}
	}
	return names
}

// holdsUp reports whether those that come after a component have to wait for it.
func (e entry) holdsUp() bool {
	return e.Life.Rank == lifecycle.Init && e.State != lifecycle.Done || e.Life.Rank == lifecycle.Sidecar && !e.Started
}

// heldUpLocked reports whether a component has to wait for what is initial and comes
// before it.
func (b *board) heldUpLocked(name string) bool {
	if b.mainsStartedLocked() {
		return false
	}
	for _, before := range b.names {
		if before == name {
			return false
		}
		if b.entries[before].holdsUp() {
			return true
		}
	}
	return false
}

// statusLocked is how one component is.
func (b *board) statusLocked(c pod.Component) status.Component {
	e := b.entries[c.Name]
	s := status.Component{
		Name: c.Name, Role: status.Role(e.Life.Rank), Image: c.Image, Container: string(e.id),
		Ready: e.IsReady(), Started: e.State == lifecycle.Running && e.Started, Restarts: e.Life.Restarts,
		State: b.stateLocked(c, *e),
	}
	if e.Life.Rank == lifecycle.Init { // as in Kubernetes: it is when others need not wait for it any more
		s.Ready = !e.holdsUp()
	}
	last := e.ended
	if s.State.Terminated != nil {
		last = e.before
	}
	if last != none {
		s.Last = status.State{Terminated: b.terminatedLocked(last)}
	}
	return s
}

// stateLocked is where a component is in its life, in Kubernetes' words.
func (b *board) stateLocked(c pod.Component, e entry) status.State {
	switch {
	case e.runs():
		return status.State{Running: &status.StateRunning{Since: e.since, Message: e.lacks(), Stopping: e.State != lifecycle.Running}}
	case e.State == lifecycle.Waiting && e.delay > 0:
		return waiting(status.CrashLoopBackOff, e.backoff())
	case e.State == lifecycle.Waiting:
		return waiting(status.ContainerCreating, "")
	case e.State == lifecycle.Cleared && e.delay > 0:
		return waiting(status.CrashLoopBackOff, "all components restart: "+e.backoff())
	case e.State == lifecycle.Cleared:
		return waiting(status.PodInitializing, "all components restart")
	case e.State.Over() && e.ended == none: // it will not run, and nothing is said of it
		return status.State{}
	case e.State.Over():
		return status.State{Terminated: b.terminatedLocked(e.ended)}
	}
	return b.waitsLocked(c)
}

// backoff is how long a component waits for its restart.
func (e entry) backoff() string {
	left := max(time.Until(e.due), 0).Round(time.Second)
	return fmt.Sprintf("back-off %s, %s left", e.delay, left)
}

// runs reports whether a component runs. One that is taken down does so until its end.
func (e entry) runs() bool {
	switch e.State {
	case lifecycle.Running, lifecycle.Ending, lifecycle.Recycling:
		return true
	case lifecycle.Stopping, lifecycle.Cleared:
		return e.started && e.since.After(e.ended.finished)
	}
	return false
}

// lacks is what keeps a component that runs from being ready, or why it is asked to end.
// Empty: nothing does, or it goes with the pod.
func (e entry) lacks() string {
	switch {
	case e.State == lifecycle.Ending:
		return e.broken
	case e.State != lifecycle.Running || e.IsReady():
		return ""
	case !e.greeted:
		return "its post_start hooks are not over"
	case !e.Started:
		return e.misses("startup")
	case !e.Ready:
		return e.misses("readiness")
	}
	return "its health check says " + string(cmp.Or(e.Health, lifecycle.Unsure))
}

// misses says that a probe has yet to pass.
func (e entry) misses(probe string) string {
	if e.missed == "" {
		return "its " + probe + " probe has not passed yet"
	}
	return "its " + probe + " probe fails: " + e.missed
}

// waitsLocked is what a component waits for that does not run yet.
func (b *board) waitsLocked(c pod.Component) status.State {
	switch {
	case b.pulling[c.Image] != "":
		return waiting(status.ImagePull, b.pulling[c.Image])
	case b.heldUpLocked(c.Name):
		return waiting(status.PodInitializing, "")
	case b.entries[c.Name].started: // what it waited for has been
		return waiting(status.ContainerCreating, "")
	}
	if unmet := b.unmetLocked(c); len(unmet) > 0 {
		return waiting(status.DependsOn, "until "+strings.Join(unmet, ", "))
	}
	return waiting(status.ContainerCreating, "")
}

// unmetLocked says what a component depends on that is not so yet.
func (b *board) unmetLocked(c pod.Component) (unmet []string) {
	for _, on := range c.DependsOn {
		other, ok := b.entries[on.Name]
		if !ok {
			continue
		}
		is, never := met(on.Condition, *other)
		if !is && (never == nil || !on.Optional) {
			unmet = append(unmet, on.Name+" "+phrases[on.Condition])
		}
	}
	return unmet
}

func waiting(reason, message string) status.State {
	return status.State{Waiting: &status.StateWaiting{Reason: reason, Message: message}}
}

// terminatedLocked is an ending in Kubernetes' words.
func (b *board) terminatedLocked(e ending) *status.StateTerminated {
	t := &status.StateTerminated{
		Code: e.code, Signal: e.signal(), Reason: e.reason(), Message: e.words(b.wordBytes()),
		Started: e.started, Finished: e.finished,
	}
	if e.said != nil && e.code != 0 {
		t.Last = e.said.Last(keepLines)
	}
	return t
}

// The most that a termination message may be, as in Kubernetes: of one component, of
// all together, and of the output that stands in for one.
const (
	messageBytes     = 4096
	podsMessageBytes = 12 << 10
	wordLines        = 80
	wordBytes        = 2048
)

// wordBytes is how long one component's termination message may be in this pod.
func (b *board) wordBytes() int { return min(messageBytes, podsMessageBytes/max(len(b.names), 1)) }

// words are what is known of why it has ended, so many bytes at most: what kept it from
// running, what the component has said itself, why it was ended or, of one that failed,
// its last output.
func (e ending) words(most int) string {
	if e.why != "" {
		return e.why
	}
	said := cmp.Or(e.message, e.broken)
	if said == "" && e.code != 0 && e.said != nil {
		said, most = strings.Join(e.said.Last(wordLines), "\n"), min(most, wordBytes)
	}
	return strings.ToValidUTF8(said[max(len(said)-most, 0):], "")
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
	case e.code == 0: // what it has started may have lacked memory, and it did without
		return status.Completed
	case e.oom:
		return status.OOMKilled
	case e.started.IsZero():
		return status.CannotStart
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
			end.Message = e.ended.words(b.wordBytes())
		}
		ends = append(ends, end)
	}
	return ends
}

// lastWords is what a component has written into its termination message.
func (r *run) lastWords(name string) string {
	pause := r.holding(plan.Pause)
	if r.component(name).TerminationMessage == "" || pause == nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(r.watching, briefly)
	defer cancel()
	text, err := r.Engine.Read(ctx, pause.id, plan.MessagePath(name), int64(r.board.wordBytes()))
	if err != nil {
		return "" // pause may have gone as well
	}
	return string(text)
}

// briefly is how long the engine may take to tell more of an end.
const briefly = 5 * time.Second
