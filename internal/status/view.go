package status

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/state"
)

// KeepLines is how many last lines of a component that has ended are shown.
const KeepLines = 20

// A view is how what is known of a pod looks in Kubernetes' words.
type view struct {
	state.Pod
	now time.Time
}

// View shows what is known of a pod at a moment. Conditions are its conditions then.
func View(p pod.Pod, owner pod.Owner, known state.Pod, conditions []Condition, now time.Time) Pod {
	v := view{known, now}
	shown := Pod{
		Name: owner.Name, ID: owner.ID,
		Phase: v.phase(), Health: string(known.Health()),
		Message: known.Why, Started: known.Began, Stopping: known.Falling,
		Conditions: conditions,
	}
	for _, c := range p.All() {
		if e := known.Component(c.Name); e != nil {
			shown.Components = append(shown.Components, v.component(c, e))
		}
	}
	return shown
}

// phase is where the pod is in its life.
func (v view) phase() Phase {
	switch {
	case v.Phase == lifecycle.Succeeded:
		return Succeeded
	case v.Phase == lifecycle.Failed:
		return Failed
	case v.MainStarted:
		return Running
	}
	return Pending
}

// Conditions are those of a pod at a moment. Those that are as they were before keep
// their time.
func Conditions(known state.Pod, before []Condition, now time.Time) []Condition {
	v := view{known, now}
	initialized := condition(Initialized, ContainersNotInitialized, v.uninitialized())
	containers := condition(ContainersReady, ContainersNotReady, v.unready())
	over := map[lifecycle.PodState]string{lifecycle.Succeeded: PodCompleted, lifecycle.Failed: PodFailed}[known.Phase]
	if over != "" {
		containers = Condition{Type: ContainersReady, Reason: over}
	}
	ready := containers
	ready.Type, ready.Status = Ready, containers.Status && (known.Phase == lifecycle.Rising || known.Phase == lifecycle.Up)
	all := []Condition{
		{Type: PodReadyToStartContainers, Status: known.PauseRuns && over == ""}, initialized, containers, ready, v.reachable(),
	}
	for i, c := range all {
		switch {
		case c.Type == EngineReachable && !c.Since.IsZero(): // which knows better
		case len(before) > 0 && before[i].Status == c.Status:
			all[i].Since = before[i].Since
		default:
			all[i].Since = now
		}
	}
	return all
}

// reachable says whether the engine answers.
func (v view) reachable() Condition {
	if v.Outage.Since.IsZero() {
		return Condition{Type: EngineReachable, Status: true, Since: v.Answering}
	}
	return Condition{Type: EngineReachable, Reason: EngineUnreachable, Message: v.Outage.Why, Since: v.Outage.Since}
}

// condition is one that is fulfilled where nobody is in its way.
func condition(of ConditionType, reason string, inTheWay []string) Condition {
	if len(inTheWay) == 0 {
		return Condition{Type: of, Status: true}
	}
	return Condition{Type: of, Reason: reason, Message: strings.Join(inTheWay, ", ")}
}

// unready are those that have to be ready and are not.
func (v view) unready() (names []string) {
	for _, c := range v.Pod.Components {
		if c.Life.Rank != lifecycle.Init && !c.Completed && !c.IsReady() {
			names = append(names, c.Name)
		}
	}
	return names
}

// uninitialized are those that have to be done, or to have begun, before the components
// that are not initial may start: none any more when one has.
func (v view) uninitialized() (names []string) {
	if v.MainRuns() {
		return nil
	}
	for _, c := range v.Pod.Components {
		if c.HoldsUp() {
			names = append(names, c.Name)
		}
	}
	return names
}

// heldUp reports whether a component has to wait for what is initial and comes before it.
func (v view) heldUp(name string) bool {
	if v.MainRuns() {
		return false
	}
	for _, before := range v.Pod.Components {
		if before.Name == name {
			return false
		}
		if before.HoldsUp() {
			return true
		}
	}
	return false
}

// component is how one component is.
func (v view) component(c pod.Component, e *state.Component) Component {
	s := Component{
		Name: c.Name, Role: Role(e.Life.Rank), Image: c.Image, Container: string(e.Container),
		Ready: e.IsReady(), Started: e.State == lifecycle.Running && e.Started, Restarts: e.Life.Restarts,
		State: v.stateOf(c, e),
	}
	if e.Life.Rank == lifecycle.Init { // as in Kubernetes: it is when others need not wait for it any more
		s.Ready = !e.HoldsUp()
	}
	last := e.Ended
	if s.State.Terminated != nil {
		last = e.Before
	}
	if last != state.NotEnded {
		s.Last = State{Terminated: v.terminated(last)}
	}
	return s
}

// stateOf is where a component is in its life.
func (v view) stateOf(c pod.Component, e *state.Component) State {
	switch {
	case e.Runs():
		return State{Running: &StateRunning{Since: e.Since, Message: lacks(e), Stopping: e.State != lifecycle.Running}}
	case e.State == lifecycle.Waiting && e.Delay > 0:
		return waiting(CrashLoopBackOff, v.backoff(e))
	case e.State == lifecycle.Waiting:
		return waiting(ContainerCreating, "")
	case e.State == lifecycle.Cleared && e.Delay > 0:
		return waiting(CrashLoopBackOff, "all components restart: "+v.backoff(e))
	case e.State == lifecycle.Cleared:
		return waiting(PodInitializing, "all components restart")
	case e.State.Over() && e.Ended == state.NotEnded: // it will not run, and nothing is said of it
		return State{}
	case e.State.Over():
		return State{Terminated: v.terminated(e.Ended)}
	}
	return v.waits(c, e)
}

// backoff is how long a component waits for its restart.
func (v view) backoff(e *state.Component) string {
	left := max(e.Due.Sub(v.now), 0).Round(time.Second)
	return fmt.Sprintf("back-off %s, %s left", e.Delay, left)
}

// lacks is what keeps a component that runs from being ready, or why it is asked to end.
// Empty: nothing does, or it goes with the pod.
func lacks(e *state.Component) string {
	switch {
	case e.State == lifecycle.Ending:
		return e.Broken
	case e.State != lifecycle.Running || e.IsReady():
		return ""
	case !e.PostStartDone:
		return "its post_start hooks are not over"
	case !e.Started:
		return misses(e, "startup")
	case !e.Ready:
		return misses(e, "readiness")
	}
	says := "its health check says " + string(cmp.Or(e.Health, lifecycle.Unsure))
	if e.WhyUnhealthy == "" {
		return says
	}
	return says + ": " + e.WhyUnhealthy
}

// misses says that a probe has yet to pass.
func misses(e *state.Component, probe string) string {
	if e.Missed == "" {
		return "its " + probe + " probe has not passed yet"
	}
	return "its " + probe + " probe fails: " + e.Missed
}

// waits is what a component waits for that does not run yet.
func (v view) waits(c pod.Component, e *state.Component) State {
	switch {
	case v.Pulling[c.Image] != "":
		return waiting(ImagePull, v.Pulling[c.Image])
	case v.heldUp(c.Name):
		return waiting(PodInitializing, "")
	case e.WasStarted: // what it waited for has been
		return waiting(ContainerCreating, "")
	}
	if unmet := v.unmet(c); len(unmet) > 0 {
		return waiting(DependsOn, "until "+strings.Join(unmet, ", "))
	}
	return waiting(ContainerCreating, "")
}

// phrases say what is waited for.
var phrases = map[pod.Condition]string{pod.Started: "has started", pod.Healthy: "is healthy", pod.Completed: "has completed"}

// unmet says what a component depends on that is not so yet.
func (v view) unmet(c pod.Component) (unmet []string) {
	for _, on := range c.DependsOn {
		other := v.Component(on.Name)
		if other == nil {
			continue
		}
		is, never := other.Meets(on.Condition)
		if !is && (never == nil || !on.Optional) {
			unmet = append(unmet, on.Name+" "+phrases[on.Condition])
		}
	}
	return unmet
}

func waiting(reason, message string) State {
	return State{Waiting: &StateWaiting{Reason: reason, Message: message}}
}

// terminated is an ending in Kubernetes' words.
func (v view) terminated(e state.Ending) *StateTerminated {
	t := &StateTerminated{
		Code: e.Code, Signal: e.Signal(), Reason: reason(e), Message: words(e, MessageBytes(v.Pod)),
		Unhealthy: e.WhyUnhealthy, Started: e.Started, Finished: e.Finished,
	}
	if e.Code != 0 {
		t.Limit, t.LimitBytes = string(e.OOM.Limit), e.OOM.Bytes
	}
	if e.Said != nil && e.Code != 0 {
		t.Last = e.Said.Last(KeepLines)
	}
	return t
}

// The most that a termination message may be, as in Kubernetes: of one component, of
// all together, and of the output that stands in for one.
const (
	messageBytes    = 4096
	podMessageBytes = 12 << 10
	outputLines     = 80
	outputBytes     = 2048
)

// MessageBytes is how long one component's termination message may be in a pod.
func MessageBytes(p state.Pod) int {
	return min(messageBytes, podMessageBytes/max(len(p.Components), 1))
}

// words are what is known of why it has ended, so many bytes at most: what kept it from
// running, what the component has said itself, why it was ended or, of one that failed,
// its last output.
func words(e state.Ending, most int) string {
	if e.Why != "" {
		return e.Why
	}
	said := cmp.Or(e.Message, e.Broken)
	if said == "" && e.Code != 0 && e.Said != nil {
		said, most = strings.Join(e.Said.Last(outputLines), "\n"), min(most, outputBytes)
	}
	said = strings.ToValidUTF8(said[max(len(said)-most, 0):], "")
	if e.Code != 0 {
		said = strings.TrimSpace(shortage(e.OOM) + "\n" + said)
	}
	return said
}

// shortage says whose limit of memory has ended a run, and how sure that is. Empty: none has, or it
// is not known whose.
func shortage(o state.OOM) string {
	text := ""
	switch o.Limit {
	case state.PodLimit:
		text = "the pod's limit of memory, " + pod.Size(o.Bytes) + ", was reached"
		if o.Most != "" {
			text += "; " + o.Most + " had used most of it, " + pod.Size(o.MostBytes>>20<<20)
		}
	case state.ComponentLimit:
		text = "its own limit of memory, " + pod.Size(o.Bytes) + ", was reached"
	}
	if o.Sure == state.OOMGuess {
		text = strings.TrimSpace(guessed + "\n" + text)
	}
	return text
}

// guessed says that OOMKilled is a guess.
const guessed = "(a guess: the kernel has killed a process of this machine for lack of memory within the second before, and the engine does not say which)"

// reason is one word for an ending.
func reason(e state.Ending) string {
	switch {
	case e == state.NotEnded:
		return ""
	case e.Code == 0: // what it has started may have lacked memory, and it did without
		return Completed
	case e.OOM.Sure != "":
		return OOMKilled
	case e.Started.IsZero():
		return CannotStart
	}
	return Error
}

// Ends are how the components have ended, in their order.
func Ends(known state.Pod) []event.End {
	var ends []event.End
	for _, e := range known.Components {
		end := event.End{
			Component: e.Name, Code: e.Ended.Code, Signal: e.Ended.Signal(), Reason: reason(e.Ended), Restarts: e.Life.Restarts,
			Started: e.Ended.Started, Finished: e.Ended.Finished, Why: e.Ended.Why, Unhealthy: e.Ended.WhyUnhealthy,
		}
		if e.Ended.Code != 0 {
			end.Limit, end.LimitBytes = string(e.Ended.OOM.Limit), e.Ended.OOM.Bytes
		}
		if e.Ended.Why == "" {
			end.Message = words(e.Ended, MessageBytes(known))
		}
		ends = append(ends, end)
	}
	return ends
}
