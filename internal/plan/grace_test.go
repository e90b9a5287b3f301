package plan_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

func TestAGraceThatThePodDoesNotHaveIsTold(t *testing.T) {
	const s, m = time.Second, time.Minute
	cut := func(component, grace, kill, label, service string) pod.Problem {
		return pod.Problem{Place: "pod.component." + component + ": stop_grace_period", What: grace + " is more than the pod has to stop, so that it is killed after " +
			kill + "; write the label pod.stop_grace_period: " + label + ", and stop_grace_period: " + service + " in the service"}
	}
	for name, test := range map[string]struct {
		why         string
		budget, pod time.Duration
		a, b        time.Duration
		want        pod.Problems
	}{
		"Default":     {"nobody asks for it", 10 * s, 0, 10 * s, 10 * s, nil},
		"Cut":         {"it is killed long before", 10 * s, 0, m, 10 * s, pod.Problems{cut("a", "1m", "9.5s", "1m", "1m3s")}},
		"Both":        {"the longest is what the pod needs", 10 * s, 0, m, 2 * m, pod.Problems{cut("a", "1m", "9.5s", "2m", "2m3s"), cut("b", "2m", "9.5s", "2m", "2m3s")}},
		"LessThanAll": {"it has that", 10 * s, 0, 8 * s, 10 * s, nil},
		"Flag":        {"the flag says more", 70 * s, 0, m, 10 * s, nil},
		"SameAsFlag":  {"who wrote both means the same", m, 0, m, 10 * s, nil},
		"ShortFlag":   {"the flag says less", 20 * s, 0, 21 * s, 10 * s, pod.Problems{cut("a", "21s", "19.5s", "21s", "24s")}},
		"NotTheFlag":  {"the label counts", 10 * s, m, m, 10 * s, nil},
		"LastCall":    {"it is killed two seconds later", 10 * s, m, 62 * s, 10 * s, nil},
		"Label":       {"the label says less", 2 * m, m, 63 * s, 10 * s, pod.Problems{cut("a", "1m3s", "1m2s", "1m3s", "1m6s")}},
		"ShortPod":    {"the default is cut, but nobody asks for it", s, 0, 10 * s, 10 * s, nil},
		"Hours":       {"as people write it", 10 * s, 0, time.Hour, 10 * s, pod.Problems{cut("a", "1h", "9.5s", "1h", "1h0m3s")}},
	} {
		t.Run(name, func(t *testing.T) {
			p := pod.Pod{Grace: test.budget, StopGrace: test.pod}
			p.Init, p.Components = []pod.Component{{Name: "a", StopGrace: test.a}}, []pod.Component{{Name: "b", StopGrace: test.b}}
			if diff := cmp.Diff(test.want, plan.CutGraces(p)); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

func TestATimeThatTheEngineDoesNotGiveIsTold(t *testing.T) {
	const s, m = time.Second, time.Minute
	for name, test := range map[string]struct {
		why         string
		budget, pod time.Duration
		told        bool
		engine      time.Duration
		want        string
	}{
		"Same":      {"they agree", 10 * s, 0, false, 10 * s, ""},
		"Less":      {"the pod is killed on its way down", 10 * s, 0, false, 5 * s, "the engine kills the pod after 5s, but it may take 10s by -stop-timeout; write stop_grace_period: 10s"},
		"Flag":      {"the flag says more than the service", m, 0, true, 10 * s, "the engine kills the pod after 10s, but it may take 1m by -stop-timeout; write stop_grace_period: 1m"},
		"Label":     {"what has ended has to be removed as well", 10 * s, m, false, m, "the engine kills the pod after 1m, but it may take 1m3s by pod.stop_grace_period; write stop_grace_period: 1m3s"},
		"LabelFits": {"there is time to remove", 10 * s, m, false, 63 * s, ""},
		"Untold":    {"the pod could take longer", 10 * s, 0, false, m, "the pod is not told of the 1m that it has, and ends after 10s by -stop-timeout; write the label pod.stop_grace_period: 57s"},
		"ALittle":   {"that is what it takes to be over", 10 * s, 0, false, 13 * s, ""},
		"Told":      {"its user wants it to be quick", 10 * s, 0, true, m, ""},
		"LabelTold": {"its user wants it to be quick", 10 * s, 20 * s, false, m, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := plan.CutBy(pod.Pod{Grace: test.budget, StopGrace: test.pod}, test.told, test.engine)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}
