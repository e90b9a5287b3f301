package pod

import (
	"path"
	"time"
)

// podWide checks what is said of the pod as a whole.
func (v *validator) podWide() {
	wrong := func(label, format string, args ...any) {
		v.problems = append(v.problems, Problemf(label, format, args...))
	}
	if v.pod.StopGrace < 0 {
		wrong(StopGracePeriod, "must not be negative, but is %s", v.pod.StopGrace)
	}
	switch b := v.pod.Backoff; {
	case b.First < 0 || b.Cap < 0:
		wrong(RestartBackoff, "initial and cap must be more than 0, but are %s and %s", b.First, b.Cap)
	case b.First > b.Cap:
		wrong(RestartBackoff, "initial is %s and more than cap, which is %s; lower the one or raise the other", b.First, b.Cap)
	}
	if u := v.pod.Unready; u != "" && u != IgnoreUnready && u != UnreadyCounts {
		wrong(UnreadyMeans, "%q is neither %s nor %s", u, IgnoreUnready, UnreadyCounts)
	}
}

// life checks what is said of a component's life.
func (v *validator) life(c Component) {
	v.restart(c)
	v.probe(c.Name, "x-pod.startupProbe", c.Probes.Startup, true)
	v.probe(c.Name, "x-pod.livenessProbe", c.Probes.Liveness, true)
	v.probe(c.Name, "x-pod.readinessProbe", c.Probes.Readiness, false)
	v.hooks(c.Name, "x-pod.lifecycle.postStart", c.PostStart)
	v.hooks(c.Name, "x-pod.lifecycle.preStop", c.PreStop)
	v.notNegative(c.Name, "x-pod.startTimeout", c.StartTimeout)
	if c.TerminationMessage != "" && !path.IsAbs(c.TerminationMessage) {
		v.wrong(c.Name, "x-pod.terminationMessagePath", "the path %q must begin with /", c.TerminationMessage)
	}
	if v.pod.IsInit(c.Name) && !c.Sidecar {
		v.runsToItsEnd(c)
	}
}

// mostRules is how many rules a component may have, and highestCode what a rule may be
// about, as Kubernetes has it.
const (
	mostRules   = 20
	highestCode = 255
)

// restart checks what becomes of a component that has ended.
func (v *validator) restart(c Component) {
	switch c.Restart.Policy {
	case "", RestartNo, RestartAlways, RestartOnFailure:
	default:
		v.wrong(c.Name, "restart", "the policy %q is none of %s, %s and %s", c.Restart.Policy, RestartNo, RestartAlways, RestartOnFailure)
	}
	if c.Restart.Max < 0 {
		v.wrong(c.Name, "restart", "must not be negative, but is %d", c.Restart.Max)
	}
	if n := len(c.Restart.Rules); n > mostRules {
		v.wrong(c.Name, "x-pod.restartPolicyRules", "there are %d; at most %d may be", n, mostRules)
	}
	for _, rule := range c.Restart.Rules {
		v.rule(c.Name, rule)
	}
	if c.NonEssential && c.Restart.restarts() {
		v.wrong(c.Name, "x-pod.essential", "what is not essential is not restarted; leave it out, or what restarts the component")
	}
}

// restarts tells whether there are ends that are followed by another run.
func (r Restart) restarts() bool {
	return r.Policy == RestartAlways || r.Policy == RestartOnFailure || len(r.Rules) > 0
}

// rule checks one of a component's rules.
func (v *validator) rule(component string, r Rule) {
	const place = "x-pod.restartPolicyRules"
	if r.Action != RuleRestart && r.Action != RuleRestartAll {
		v.wrong(component, place, "the action %q is neither %s nor %s", r.Action, RuleRestart, RuleRestartAll)
	}
	if len(r.Codes) == 0 {
		v.wrong(component, place, "a rule has no exit codes; give it some")
	}
	for _, code := range r.Codes {
		if code < 0 || code > highestCode {
			v.wrong(component, place, "%d is no exit code; they are 0 to %d", code, highestCode)
		}
	}
}

// probe checks a probe, if there is one. Some count a single success only.
func (v *validator) probe(component, place string, p *Probe, once bool) {
	if p == nil {
		return
	}
	if trues(len(p.Exec) > 0, p.HTTP != nil, p.TCP != nil, p.GRPC != nil) != 1 {
		v.wrong(component, place, "must have exactly one of exec, httpGet, tcpSocket and grpc")
	}
	v.http(component, place, p.HTTP)
	if p.TCP != nil {
		v.port(component, place+".tcpSocket.port", p.TCP.Port)
	}
	if p.GRPC != nil {
		v.port(component, place+".grpc.port", p.GRPC.Port)
	}
	v.notNegative(component, place+".initialDelaySeconds", p.InitialDelay)
	v.notNegative(component, place+".periodSeconds", p.Period)
	v.notNegative(component, place+".timeoutSeconds", p.Timeout)
	v.threshold(component, place+".successThreshold", p.Success)
	v.threshold(component, place+".failureThreshold", p.Failure)
	if once && p.Success > 1 {
		v.wrong(component, place+".successThreshold", "must be 1, but is %d; only a readinessProbe may need more successes", p.Success)
	}
}

// http checks a request, if there is one.
func (v *validator) http(component, place string, h *HTTPGet) {
	if h == nil {
		return
	}
	v.port(component, place+".httpGet.port", h.Port)
	if h.Scheme != "" && h.Scheme != "http" && h.Scheme != "https" {
		v.wrong(component, place+".httpGet.scheme", "%q is neither http nor https", h.Scheme)
	}
}

// port checks a port's number.
func (v *validator) port(component, place string, port int) {
	if port < 1 || port > 65535 {
		v.wrong(component, place, "must be a port from 1 to 65535, but is %d", port)
	}
}

// threshold checks how often something has to happen in a row.
func (v *validator) threshold(component, place string, n int) {
	if n < 0 {
		v.wrong(component, place, "must not be negative, but is %d", n)
	}
}

// hooks checks what is done at one turn of a component's life.
func (v *validator) hooks(component, place string, all []Hook) {
	for _, h := range all {
		if trues(h.Exec != nil && len(h.Exec.Command) > 0, h.HTTP != nil, h.Sleep > 0) != 1 {
			v.wrong(component, place, "must have exactly one of exec, httpGet and sleep, which is more than 0")
		}
		v.http(component, place, h.HTTP)
	}
}

// trues is how many of the conditions are true.
func trues(all ...bool) int {
	n := 0
	for _, is := range all {
		if is {
			n++
		}
	}
	return n
}

// runsToItsEnd checks that an init component that is no sidecar has nothing that only
// something that goes on running can have (Kubernetes: init containers).
func (v *validator) runsToItsEnd(c Component) {
	for _, has := range []struct {
		place string
		it    bool
	}{
		{"x-pod.startupProbe", c.Probes.Startup != nil},
		{"x-pod.livenessProbe", c.Probes.Liveness != nil},
		{"x-pod.readinessProbe", c.Probes.Readiness != nil},
		{"post_start", len(c.PostStart) > 0},
		{"pre_stop", len(c.PreStop) > 0},
	} {
		if has.it {
			v.wrong(c.Name, has.place, "an init component runs to its end and has none; leave it out, or make it a sidecar with restart: always")
		}
	}
	if c.NonEssential {
		v.wrong(c.Name, "x-pod.essential", "an init component has to succeed; leave it out")
	}
}

// notNegative checks a duration.
func (v *validator) notNegative(component, key string, d time.Duration) {
	if d < 0 {
		v.wrong(component, key, "must not be negative, but is %s", d)
	}
}
