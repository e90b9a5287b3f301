package plan

import (
	"fmt"
	"strings"
	"time"

	"github.com/podlike/podlike/internal/pod"
)

// slack is what a pod takes to be over when the time that its components have is, and what
// its service needs beside that.
const slack = 3 * time.Second

// CutGraces tells of components that ask for more time to stop than their pod has: they are
// killed before. The default is not asked for, and a budget like it is meant for it.
func CutGraces(p pod.Pod) (warnings pod.Problems) {
	kill := BudgetOf(p).Kill
	granted, most := p.Grace, time.Duration(0)
	if p.StopGrace > 0 {
		granted = kill
	}
	for _, c := range p.All() {
		most = max(most, c.StopGrace)
	}
	const what = "%s is more than the pod has to stop, so that it is killed after %s; write the label %s: %s, and stop_grace_period: %s in the service"
	for _, c := range p.All() {
		if c.StopGrace > granted && c.StopGrace != pod.DefaultStopGrace {
			warnings = append(warnings, pod.Problemf(pod.ComponentPrefix+c.Name+": stop_grace_period", what,
				short(c.StopGrace), short(kill), pod.StopGracePeriod, short(most), short(most+slack)))
		}
	}
	return warnings
}

// CutBy tells what is wrong between the time that a pod takes to stop and that in which the
// engine kills it, and what to do about it. Told: its user has said how long it may take.
// Empty: it is well.
func CutBy(p pod.Pod, told bool, engine time.Duration) string {
	needs, by := p.Grace, "-stop-timeout"
	if p.StopGrace > 0 {
		needs, by, told = p.StopGrace+slack, pod.StopGracePeriod, true
	}
	switch {
	case needs > engine:
		return fmt.Sprintf("the engine kills the pod after %s, but it may take %s by %s; write stop_grace_period: %s",
			short(engine), short(needs), by, short(needs))
	case !told && engine > needs+slack:
		return fmt.Sprintf("the pod is not told of the %s that it has, and ends after %s by %s; write the label %s: %s",
			short(engine), short(needs), by, pod.StopGracePeriod, short(engine-slack))
	}
	return ""
}

// short is a duration as people write it: 1m and not 1m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
