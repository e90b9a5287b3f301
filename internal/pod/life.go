package pod

import "time"

// Policy says which ends of a component are followed by another run of it, in
// Compose's words. unless-stopped is read as RestartAlways: nobody stops a component
// alone.
type Policy string

// The restart policies. RestartNo is the default: the component's end ends the pod.
const (
	RestartNo        Policy = "no"
	RestartAlways    Policy = "always"
	RestartOnFailure Policy = "on-failure"
)

// A Restart says what becomes of a component that has ended.
type Restart struct {
	// Policy decides where no rule does. Empty: RestartNo.
	Policy Policy
	// Max is how often RestartOnFailure restarts at most. Zero: without a limit.
	Max int
	// Rules are asked before the policy, in order; the first that matches counts
	// (Kubernetes: restartPolicyRules). At most 20.
	Rules []Rule
}

// A Rule restarts for some exit codes, whatever the policy says.
type Rule struct {
	Action RuleAction
	// Codes it is about: for an end with one of them, or with Not for any other.
	Codes []int
	Not   bool
}

// RuleAction is what a rule does, in Kubernetes' words.
type RuleAction string

// The actions. RuleRestartAll takes all components down without their hooks and brings
// the pod up again from its init components on; namespaces and volumes stay.
const (
	RuleRestart    RuleAction = "Restart"
	RuleRestartAll RuleAction = "RestartAllContainers"
)

// Matches reports whether the rule is about an end with that exit code.
func (r Rule) Matches(code int) bool {
	for _, c := range r.Codes {
		if c == code {
			return !r.Not
		}
	}
	return r.Not
}

// MayRestart reports whether a component may be run more than once in the pod's life.
func (p Pod) MayRestart(c Component) bool {
	if c.Sidecar || c.Restart.Policy != RestartNo && c.Restart.Policy != "" || len(c.Restart.Rules) > 0 {
		return true
	}
	for _, on := range c.DependsOn {
		if on.Restart {
			return true
		}
	}
	for _, other := range p.All() {
		for _, rule := range other.Restart.Rules {
			if rule.Action == RuleRestartAll {
				return true
			}
		}
	}
	return false
}

// A Backoff says how long to wait before a component is restarted: not at all the
// first time, then First, doubled each time, at most Cap.
type Backoff struct {
	First, Cap time.Duration
}

// The defaults of Backoff, as the kubelet's.
const (
	DefaultBackoffFirst = 10 * time.Second
	DefaultBackoffCap   = 300 * time.Second
)

// Probes are a component's, each nil if it has none.
type Probes struct {
	// Startup has to pass once before the others count.
	Startup *Probe
	// Liveness that fails restarts the component by its policy.
	Liveness *Probe
	// Readiness says whether the component can do its work.
	Readiness *Probe
}

// A Probe is one check of a component from outside. Exactly one of Exec, HTTP, TCP
// and GRPC is set. Complete fills in the defaults, which are the kubelet's.
type Probe struct {
	Exec []string // a command that exits 0
	HTTP *HTTPGet
	TCP  *TCPSocket
	GRPC *GRPC

	InitialDelay time.Duration // default 0
	Period       time.Duration // default 10 s
	Timeout      time.Duration // default 1 s
	Success      int           // successes in a row that count as one; default 1
	Failure      int           // failures in a row that count as one; default 3
}

// An HTTPGet is a request that is answered with a code from 200 to 399.
type HTTPGet struct {
	Scheme  string // http or https; empty: http
	Host    string // empty: 127.0.0.1, where the pod's components are
	Port    int
	Path    string // empty: /
	Headers []Header
}

// A Header is one of an HTTP request's.
type Header struct{ Name, Value string }

// A TCPSocket is one that can be connected to.
type TCPSocket struct {
	Host string // empty: 127.0.0.1
	Port int
}

// A GRPC service is one that calls itself serving (grpc.health.v1).
type GRPC struct {
	Port    int
	Service string // empty: the server as a whole
}

// A Hook is something to be done at a turn of a component's life. Exactly one of
// Exec, HTTP and Sleep is set.
type Hook struct {
	Exec *Exec
	HTTP *HTTPGet
	// Sleep is how long to wait, more than 0.
	Sleep time.Duration
}

// An Exec is a command to run in a component's container. What is empty is as the
// component has it.
type Exec struct {
	Command    []string
	Env        map[string]string
	User       string
	WorkingDir string
	Privileged bool
}

// Unready says what a component that is not ready, after the pod was healthy once,
// makes of the pod's health.
type Unready string

// IgnoreUnready is the default: Swarm kills an unhealthy task, and a component that
// is not ready need not be broken.
const (
	IgnoreUnready Unready = "ignore"
	UnreadyCounts Unready = "unhealthy"
)
