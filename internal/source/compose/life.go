package compose

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/podlike/podlike/internal/pod"
)

// restart says what becomes of the component when it ends: what restart says, or else
// deploy.restart_policy (Compose: restart).
func (r *reader) restart(s types.ServiceConfig) pod.Restart {
	policy, most, limited := strings.Cut(s.Restart, ":")
	attempts, err := strconv.ParseUint(most, 10, 31)
	switch {
	case s.Restart == "" && s.Deploy != nil && s.Deploy.RestartPolicy != nil:
		return r.restartPolicy(*s.Deploy.RestartPolicy)
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

// restartPolicy is what a service's deploy says of it. How long a component waits is for
// the pod to say.
func (r *reader) restartPolicy(p types.RestartPolicy) pod.Restart {
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

// doubt warns of what is done otherwise than its user may expect. In a label, where
// nobody is warned, the reference says it.
func (r *reader) doubt(path, format string, args ...any) {
	r.warnings = append(r.warnings, pod.Problemf(join(r.Place, path), format, args...))
}

// dependencies are what the service depends on.
func (r *reader) dependencies(all types.DependsOnConfig) []pod.Dependency {
	var dependencies []pod.Dependency
	for _, other := range slices.Sorted(maps.Keys(all)) {
		on := all[other]
		dependencies = append(dependencies, pod.Dependency{
			Name: other, Condition: pod.Condition(on.Condition), Optional: !on.Required, Restart: on.Restart,
		})
	}
	return dependencies
}

// commandLines splits the commands of hooks that are written as one string into words,
// and leaves out those that cannot be (Compose: post_start).
func (r *reader) commandLines(key string, list []any) []any {
	left := []any{}
	for _, item := range list {
		fields, _ := item.(map[string]any)
		if line, is := fields["command"].(string); !is || r.isOneCommand(key+".command", line) {
			left = append(left, item)
		}
	}
	return left
}

// hooks are the commands at one turn of the component's life.
func (r *reader) hooks(key string, all []types.ServiceHook) []pod.Hook {
	var hooks []pod.Hook
	for _, h := range all {
		if len(h.Command) == 0 {
			r.mustBe(key+".command", forms[key+".command"], nil)
			continue
		}
		hooks = append(hooks, pod.Hook{Exec: &pod.Exec{
			Command: h.Command, Env: r.environment(key+".environment", nil, h.Environment),
			User: h.User, WorkingDir: h.WorkingDir, Privileged: h.Privileged,
		}})
	}
	return hooks
}
