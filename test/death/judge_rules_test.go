package death

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"

	"github.com/podlike/podlike/internal/pod"
)

// at is a moment of a made-up round.
func at(seconds float64) time.Time { return time.Unix(1000, int64(seconds*1e9)) }

// heard are events as `seconds name container what [code or signal]`, of a supervisor or of
// what supervisor s has made.
func heard(t *testing.T, lines ...string) (all []events.Message) {
	t.Helper()
	for _, line := range lines {
		var seconds float64
		var name, id, action, number string
		if n, err := fmt.Sscan(line, &seconds, &name, &id, &action, &number); n < 4 {
			t.Fatalf("%q: %v", line, err)
		}
		labels := map[string]string{pod.LabelOwner: "s", pod.LabelRole: pod.RoleComponent, pod.LabelComponent: name, "signal": number, "exitCode": number}
		switch name {
		case supervisorName:
			labels = map[string]string{roundLabel: "1", "signal": number, "exitCode": number}
		case pauseName:
			labels[pod.LabelRole] = pod.RolePause
			delete(labels, pod.LabelComponent)
		}
		all = append(all, events.Message{
			Type: events.ContainerEventType, Action: events.Action(action), TimeNano: at(seconds).UnixNano(),
			Actor: events.Actor{ID: id, Attributes: labels},
		})
	}
	return all
}

// risen is a pod of a, which ends it, and b, which is restarted, that runs.
var risen = []string{
	"0 supervisor s create", "1 supervisor s start", "1.1 pause p create", "1.2 a a1 create", "1.2 b b1 create",
	"1.3 pause p start", "1.4 a a1 start", "1.5 b b1 start",
}

// afterRisen is what happens to it.
func afterRisen(t *testing.T, more []string) chronicle {
	t.Helper()
	return chronicleOf(heard(t, slices.Concat(risen, more)...))
}

// ab is that pod.
var ab = shape{pids: true, parts: []part{{name: "a", command: "sleep"}, {name: "b", command: "sleep", restart: "always"}}}

// hitAt is a blow that has struck a container.
func hitAt(seconds float64, victim, id string, w way) hit {
	return hit{blow: blow{victim: victim, way: w}, id: id, at: at(seconds), until: at(seconds + 0.01)}
}

// says is a supervisor's log with one record of the end in it.
func says(component, why string, code int) string {
	return fmt.Sprintf("[out] a: {\"message\": \"no record\"}\n"+
		`{"time": %q, "message": "pod ended", "component": %q, "why": %q, "code": %d}`, at(3).Format(time.RFC3339Nano), component, why, code)
}

const (
	asked      = "asked to stop by SIGTERM"
	pauseEnded = "pause ended, and everything in its namespace with it"
)

func TestAVerdictSaysWhatIsWrongWithAnEnd(t *testing.T) {
	killA, killB := hitAt(2, "a", "a1", dockerKill), hitAt(2, "b", "b1", outsideKill)
	killPause, killS := hitAt(2, pauseName, "p", dockerKill), hitAt(2, supervisorName, "s", outsideKill)
	freezeS, termPause := hitAt(2, supervisorName, "s", dockerFreeze), hitAt(2, pauseName, "p", outsideTerm)
	pauseDies := []string{"2.1 a a1 die 137", "2.1 b b1 die 137", "2.2 pause p die 137"}
	outage := hit{blow: blow{victim: engineName, way: outsideKill}, at: at(2), until: at(2.5)}
	for name, test := range map[string]struct {
		why   string
		more  []string
		hits  []hit
		asked float64 // 0: it was not
		log   string  // of the supervisor; empty: it is gone
		wrong string  // empty: nothing
	}{
		"Asked":          {"as its users end it", []string{"2 supervisor s kill 15", "2.1 a a1 kill 15", "2.1 a a1 die 143", "3 supervisor s die 0"}, nil, 2, says("", asked, 0), ""},
		"AskedBadly":     {"a clean stop is no failure", []string{"3 supervisor s die 1"}, nil, 2, says("", asked, 1), "what has ended it"},
		"NotAsked":       {"nobody has", []string{"3 supervisor s die 0"}, nil, 0, says("", asked, 0), "nothing has ended it"},
		"Running":        {"it was to end", nil, nil, 2, says("", asked, 0), "has not ended"},
		"Silent":         {"its log lacks the end", []string{"3 supervisor s die 0"}, nil, 2, "{}", "has told of no end"},
		"OtherCode":      {"the record has another code", []string{"3 supervisor s die 1"}, nil, 2, says("", asked, 0), "exited with 1 and told of 0"},
		"LogGone":        {"it was removed, and there was a reason to end", []string{"3 supervisor s die 0"}, nil, 2, "", ""},
		"LogGoneNoCause": {"it was removed, and there was none", []string{"3 supervisor s die 0"}, nil, 0, "", "its log is gone"},
		"LogGoneCode":    {"it was removed, and its code is the component's", []string{"2.1 a a1 die 137", "3 supervisor s die 137"}, []hit{killA}, 0, "", ""},
		"Unheard":        {"nobody was there to keep its log", []string{"2.2 supervisor s die 1"}, []hit{outage, termPause}, 0, "{}", ""},
		"UnheardBadly":   {"and so nobody knows more of it than its code", []string{"2.2 supervisor s die 7"}, []hit{outage, termPause}, 0, "{}", "its log is gone"},
		"UnheardLater":   {"there was somebody again", []string{"3 supervisor s die 1"}, []hit{outage, termPause}, 0, "{}", "has told of no end"},
		"LogCut":         {"it was removed before its end could be read", []string{"3 supervisor s die 0"}, []hit{hitAt(2.9, supervisorName, "s", dockerRemove)}, 2, "{}", ""},
		"UnheardCode":    {"nobody was there to keep its code", []string{"2.2 supervisor s die 255"}, []hit{outage}, 2, says("", asked, 0), ""},
		"OtherCodeHeard": {"somebody was", []string{"3 supervisor s die 255"}, []hit{outage}, 2, says("", asked, 0), "exited with 255 and told of 0"},
		"LogGoneBadly":   {"it was removed and has failed", []string{"3 supervisor s die 1"}, nil, 2, "", "its log is gone"},

		"Killed":       {"the dead say nothing", []string{"2.1 supervisor s die 137"}, []hit{killS}, 0, "{}", ""},
		"Frozen":       {"nor the frozen", []string{"2 supervisor s kill 19", "2.1 supervisor s die 137"}, []hit{freezeS}, 0, "{}", ""},
		"KilledNicely": {"who is killed does not exit with 0", []string{"2 supervisor s die 0"}, []hit{killS}, 0, "{}", "has told of no end"},
		"KilledByNone": {"nobody has killed it", []string{"2.1 supervisor s die 137"}, nil, 0, "{}", "has told of no end"},

		"Component":     {"who died ends it", []string{"2.1 a a1 die 137", "3 supervisor s die 137"}, []hit{killA}, 0, says("a", "a ended", 137), ""},
		"OtherNamed":    {"another is blamed", []string{"2.1 a a1 die 137", "3 supervisor s die 137"}, []hit{killA}, 0, says("b", "b ended", 137), "what has ended it"},
		"NoOneNamed":    {"nobody is", []string{"2.1 a a1 die 137", "3 supervisor s die 137"}, []hit{killA}, 0, says("", "something ended", 137), "what has ended it"},
		"ComponentCode": {"its code is the pod's", []string{"2.1 a a1 die 137", "3 supervisor s die 1"}, []hit{killA}, 0, says("a", "a ended", 1), "what has ended it"},
		"Restarted":     {"its end does not end the pod", []string{"2.1 b b1 die 137", "3 supervisor s die 137"}, []hit{killB}, 0, says("b", "b ended", 137), "nothing has ended it"},
		"Unstruck":      {"it has ended without a cause", []string{"2.1 a a1 die 1", "3 supervisor s die 1"}, nil, 0, says("a", "a ended", 1), "nothing has ended it"},
		"AskedLater":    {"it was over when it was asked", []string{"2.1 a a1 die 137", "9 supervisor s die 0"}, []hit{killA}, 8, says("", asked, 0), "what has ended it"},

		"Pause":          {"its end is its own", append(pauseDies, "3 supervisor s die 137"), []hit{killPause}, 0, says(pauseName, pauseEnded, 137), ""},
		"PauseUnblamed":  {"others only went with it", append(pauseDies, "3 supervisor s die 137"), []hit{killPause}, 0, says("a", "a ended", 137), "what has ended it"},
		"PauseNicely":    {"it is a failure", append(pauseDies, "3 supervisor s die 0"), []hit{killPause}, 0, says(pauseName, pauseEnded, 0), "what has ended it"},
		"PauseUnnamed":   {"why does not name it", append(pauseDies, "3 supervisor s die 137"), []hit{killPause}, 0, says(pauseName, "it ended", 137), "what has ended it"},
		"PauseAndA":      {"either may be seen first", append(pauseDies, "3 supervisor s die 137"), []hit{killPause, killA}, 0, says("a", "a ended", 137), ""},
		"PauseAsked":     {"it was asked, and the pod stops", []string{"3 supervisor s die 1"}, []hit{termPause}, 0, says(pauseName, "pause was asked to stop, by", 1), ""},
		"PauseAskedAll":  {"and the supervisor is, while it goes down", []string{"9 supervisor s kill 15", "9.1 supervisor s die 0"}, []hit{termPause}, 8, says("", asked, 0), ""},
		"PauseAskedNone": {"and it is to be named", []string{"3 supervisor s die 1"}, []hit{termPause}, 0, says("", "pause was asked to stop, by", 1), "what has ended it"},

		"Engine":      {"what it takes along may say nothing", []string{"3 supervisor s die 137"}, []hit{outage}, 0, "{}", ""},
		"EngineBadly": {"but does not fail", []string{"3 supervisor s die 2"}, []hit{outage}, 0, "{}", "has told of no end"},
		"Twice":       {"one run at a time", []string{"1.7 b b2 start", "2 supervisor s kill 15", "3 supervisor s die 0"}, nil, 2, says("", asked, 0), "run 2 of b"},
	} {
		t.Run(name, func(t *testing.T) {
			c := trial{chronicle: afterRisen(t, test.more), shape: ab, hits: test.hits, mortal: strings.HasPrefix(name, "Engine")}
			if test.asked > 0 {
				c.asked = at(test.asked)
			}
			if test.log != "" {
				c.logs = map[string]string{"s": test.log}
			}
			got := strings.Join(c.verdict(), "; ")
			if (got == "") != (test.wrong == "") || !strings.Contains(got, test.wrong) {
				t.Errorf("wrong is %q, want %q: %s", got, test.wrong, test.why)
			}
		})
	}
}

func TestACompletedPodHasCompleted(t *testing.T) {
	for name, test := range map[string]struct {
		why, restart string
		wrong        string
	}{
		"Completed": {"all have done what they had to", "on-failure", ""},
		"Ended":     {"its end ends the pod, and is to be named", "", "what has ended it"},
	} {
		t.Run(name, func(t *testing.T) {
			s := shape{pids: true, parts: []part{{name: "a", ends: true, restart: test.restart}}}
			c := trial{shape: s, logs: map[string]string{"s": says("", "all components have completed", 0)}}
			c.chronicle = chronicleOf(heard(t, "0 supervisor s create", "1 supervisor s start", "1.1 a a1 create", "1.2 a a1 start",
				"2.1 a a1 die 0", "3 supervisor s die 0"))
			if got := strings.Join(c.verdict(), "; "); (got == "") != (test.wrong == "") || !strings.Contains(got, test.wrong) {
				t.Errorf("wrong is %q, want %q: %s", got, test.wrong, test.why)
			}
		})
	}
}

func TestAPodStandsUntilSomethingHasYetToHappen(t *testing.T) {
	killA, killB := hitAt(2, "a", "a1", outsideKill), hitAt(2, "b", "b1", outsideKill)
	killS, killPause := hitAt(2, supervisorName, "s", outsideKill), hitAt(2, pauseName, "p", outsideKill)
	pods := []string{"2.1 a a1 die 137", "2.1 a a1 destroy", "2.1 b b1 die 137", "2.1 b b1 destroy", "2.1 pause p die 137", "2.1 pause p destroy"}
	second := []string{
		"3 supervisor s start", "3.1 pause p2 create", "3.1 a a2 create", "3.1 b b3 create", "3.2 pause p2 start", "3.3 a a2 start", "3.3 b b3 start",
	}
	for name, test := range map[string]struct {
		why   string
		more  []string
		hits  []hit
		again bool
		want  standing
		says  string
	}{
		"Up":         {"all run", nil, nil, false, up, ""},
		"Asked":      {"a component need not heed it", nil, []hit{hitAt(2, "a", "a1", dockerTerm)}, false, up, ""},
		"AskedIt":    {"a supervisor has to", nil, []hit{hitAt(2, supervisorName, "s", outsideTerm)}, false, pending, "supervisor was hit"},
		"Killed":     {"its end is not seen yet", nil, []hit{killA}, false, pending, "a was hit"},
		"Ending":     {"the pod has to end", []string{"2.1 a a1 die 137"}, []hit{killA}, false, pending, "a does not run"},
		"Restarting": {"it has to run again", []string{"2.1 b b1 die 137", "2.1 b b1 destroy"}, []hit{killB}, false, pending, "b does not run"},
		"Restarted":  {"it does", []string{"2.1 b b1 die 137", "2.2 b b2 create", "2.3 b b2 start"}, []hit{killB}, false, up, ""},
		"Unheard":    {"the supervisor lives without its pause", []string{"2.1 pause p die 137", "2.2 pause p2 create", "2.3 pause p2 start"}, []hit{killPause}, false, pending, "pause was hit"},
		"Over":       {"it has ended", append(pods, "2.1 supervisor s die 137"), []hit{killS}, false, over, ""},
		"Again":      {"it has to come again", append(pods, "2.1 supervisor s die 137"), []hit{killS}, true, pending, "no life follows"},
		"Next":       {"and has", append(append(pods, "2.1 supervisor s die 137"), second...), []hit{killS}, true, up, ""},
		"Left":       {"with something of the former life", append(append(pods[:4:4], "2.1 supervisor s die 137"), second...), []hit{killS}, true, pending, "left of a former life: pause"},
		"NoPause":    {"there is none to join", []string{"2 pause p die 0"}, nil, false, pending, "pause does not run"},
	} {
		t.Run(name, func(t *testing.T) {
			c := afterRisen(t, test.more)
			got, why := c.standing(ab, func(*run) bool { return test.again }, test.hits)
			if got != test.want || !strings.Contains(why, test.says) {
				t.Errorf("stands %v, %q; want %v, %q: %s", got, why, test.want, test.says, test.why)
			}
		})
	}
}

func TestAFormSaysWhatIsStartedAgain(t *testing.T) {
	byEngine, outside := "2 supervisor s kill 9", "2.1 supervisor s die 137"
	restarts, unless := always{restart: container.RestartPolicyAlways}, always{restart: container.RestartPolicyUnlessStopped}
	engine := func(w way) []hit { return []hit{{blow: blow{victim: engineName, way: w}, at: at(2), until: at(4)}} }
	for name, test := range map[string]struct {
		why  string
		form form
		more []string
		want bool
		hits []hit
	}{
		"Plain":         {"docker run has one life", plain{}, []string{outside}, false, nil},
		"Always":        {"its process has died", restarts, []string{outside}, true, nil},
		"UnlessStopped": {"likewise", unless, []string{outside}, true, nil},
		"DockerKill":    {"an engine never restarts what it was asked to kill", restarts, []string{byEngine, outside}, false, nil},
		"Removed":       {"there is nothing to start", restarts, []string{outside, "2.2 supervisor s destroy"}, false, nil},
		"Swarm":         {"Swarm replaces whatever has ended", service{}, []string{byEngine, outside, "2.2 supervisor s destroy"}, true, nil},
		"Engine":        {"an engine that begins anew starts it", restarts, []string{byEngine, outside}, true, engine(outsideKill)},
		"EngineUnless":  {"but not what it has stopped then", unless, []string{byEngine, outside}, false, engine(outsideKill)},
		"EngineStopped": {"it has stopped that as it ended, which does not count", unless, []string{byEngine, outside}, true, engine(outsideTerm)},
	} {
		t.Run(name, func(t *testing.T) {
			c := trial{chronicle: afterRisen(t, test.more), shape: ab, hits: test.hits, mortal: true}
			if got := test.form.again(c, c.last()); got != test.want {
				t.Errorf("again: %v; %s", got, test.why)
			}
		})
	}
}

// pairRisen is such a pod of a pair, and what happens to it.
func pairRisen(t *testing.T, more ...string) chronicle {
	t.Helper()
	all := heard(t, slices.Concat([]string{
		"0 pause p create", "0.1 pause p start", "0.2 supervisor s create", "1 supervisor s start", "1.1 pause h create",
		"1.2 a a1 create", "1.2 b b1 create", "1.3 pause h start", "1.4 a a1 start", "1.5 b b1 start",
	}, more)...)
	for _, m := range all {
		labels := m.Actor.Attributes
		switch {
		case m.Actor.ID == "p":
			delete(labels, pod.LabelOwner)
			labels[roundLabel] = "1"
		case labels[roundLabel] != "":
			labels[pairLabel] = "p"
		default:
			labels[pod.LabelOwner] = "p"
		}
	}
	return chronicleOf(all)
}

// A pair's pod is its pause's, and goes on without a supervisor.
func TestAPairOutlivesItsSupervisor(t *testing.T) {
	killS := []hit{hitAt(2, supervisorName, "s", outsideKill)}
	for name, test := range map[string]struct {
		why   string
		more  []string
		hits  []hit
		want  standing
		again bool
	}{
		"Up":        {"all run", nil, nil, up, false},
		"Killed":    {"another has to follow", []string{"2.1 supervisor s die 137"}, killS, pending, true},
		"Follows":   {"and takes over what there is", []string{"2.1 supervisor s die 137", "3 supervisor s start"}, killS, up, false},
		"Another":   {"also one that replaces it", []string{"2.1 supervisor s die 137", "2.1 supervisor s destroy", "3 supervisor s2 create", "3 supervisor s2 start"}, killS, up, false},
		"Docker":    {"it was killed by the engine, in whose words that is a signal", []string{"2 supervisor s kill 9", "2.1 supervisor s die 137"}, killS, pending, true},
		"Asked":     {"it was asked to take the pod down", []string{"2 supervisor s kill 15", "2.1 supervisor s die 137"}, killS, over, false},
		"Ended":     {"it has ended by itself", []string{"2.1 supervisor s die 1"}, nil, over, false},
		"Killed137": {"a component was killed, and has ended the pod", []string{"2.1 a a1 die 137", "3 supervisor s die 137"}, []hit{hitAt(2, "a", "a1", dockerKill)}, over, false},
		"Pause":     {"there is nothing to go on with", []string{"2.1 supervisor s die 137", "2.1 pause p die 137"}, killS, over, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := trial{chronicle: pairRisen(t, test.more...), shape: ab, hits: test.hits}
			again := func(l *run) bool { return pair{}.again(c, l) }
			if got, why := c.standing(ab, again, test.hits); got != test.want {
				t.Errorf("stands %v, %q; want %v: %s", got, why, test.want, test.why)
			}
			if l := c.last(); !l.runs() && again(l) != test.again {
				t.Errorf("again: %v; %s", again(l), test.why)
			}
			if pauses := named(c.of(c.last()), pauseName); len(pauses) != 1 || len(named(c.of(c.last()), holderName)) != 1 {
				t.Errorf("it has %d pauses", len(pauses))
			}
		})
	}
}

// What is told of a round has to be enough to repeat it.
func TestARoundIsWhatItsSeedAndNumberSay(t *testing.T) {
	for n := range 100 {
		if one, other := drawRound(7, n).String(), drawRound(7, n).String(); one != other {
			t.Fatalf("round %d is\n%s\nand\n%s", n, one, other)
		}
	}
}
