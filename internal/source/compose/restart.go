package compose

import (
	"math"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/podlike/podlike/internal/pod"
)

// A restartReader reads what becomes of a component that has ended.
type restartReader struct{ *report }

// restart says what becomes of the component when it ends: what restart says, or else
// deploy.restart_policy (Compose: restart).
func (r restartReader) restart(s types.ServiceConfig) pod.Restart {
	policy, most, limited := strings.Cut(s.Restart, ":")
	attempts, err := strconv.ParseUint(most, 10, 31)
	switch {
	case s.Restart == "" && s.Deploy != nil && s.Deploy.RestartPolicy != nil:
		return r.policy(*s.Deploy.RestartPolicy)
	case s.Restart == "":
		return pod.Restart{}
	case limited && (policy != string(pod.RestartOnFailure) || err != nil || attempts == 0):
	case policy == types.RestartPolicyUnlessStopped:
		return pod.Restart{Policy: pod.RestartAlways}
	case policy == string(pod.RestartNo), policy == string(pod.RestartAlways), policy == string(pod.RestartOnFailure):
		return pod.Restart{Policy: pod.Policy(policy), Max: int(attempts)}
	}
	r.mustBe("restart", forms["restart"], s.Restart)
	return pod.Restart{}
}

// restartConditions are the policies by the conditions of deploy.restart_policy.
var restartConditions = map[string]pod.Policy{
	"": pod.RestartAlways, "any": pod.RestartAlways, "on-failure": pod.RestartOnFailure, "none": pod.RestartNo,
}

// policy is what a service's deploy says of it. How long a component waits is for
// the pod to say.
func (r restartReader) policy(p types.RestartPolicy) pod.Restart {
	const place = "deploy.restart_policy"
	policy, known := restartConditions[p.Condition]
	if !known {
		r.mustBe(place+".condition", forms[place+".condition"], p.Condition)
	}
	if p.Delay != nil || p.Window != nil {
		r.doubt(place, "delay and window do nothing; how long components wait is said by the label %s", pod.RestartBackoff)
	}
	restart := pod.Restart{Policy: policy}
	switch most := p.MaxAttempts; {
	case most == nil:
	case *most > math.MaxInt32:
		r.mustBe(place+".max_attempts", forms[place+".max_attempts"], *most)
	case policy == pod.RestartOnFailure:
		restart.Max = int(*most)
	case r.lenient:
		r.doubt(place, "max_attempts is ignored; it counts with condition: on-failure")
	case *most > 0:
		r.wrong(place+".max_attempts", "counts with condition: on-failure only; leave it out, or use that")
	}
	return restart
}
