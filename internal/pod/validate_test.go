package pod_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
)

// mounted makes a copy that is kept in memory.
func mounted(source, target string) pod.Copy {
	key := "configs"
	if strings.HasPrefix(source, pod.SecretsDir) {
		key = "secrets"
	}
	return pod.Copy{Source: source, Target: target, Memory: true, Place: "pod.component.a: " + key}
}

// tcp makes a probe of a port.
func tcp(port int) *pod.Probe { return &pod.Probe{TCP: &pod.TCPSocket{Port: port}} }

// after makes a component that starts after others.
func after(name string, others ...string) pod.Component {
	c := pod.Component{Name: name, Image: "img"}
	for _, other := range others {
		c.DependsOn = append(c.DependsOn, pod.Dependency{Name: other, Condition: pod.Started})
	}
	return c
}

func TestValidateTellsAllThatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		why        string
		components []pod.Component
		want       string
	}{
		"Fine": {
			"a pod can have all of this",
			[]pod.Component{
				{Name: "db", Image: "img", Volumes: []pod.Volume{{Target: "/a"}, {Target: "/a/b"}}, Health: &pod.Health{}},
				{Name: "web", Image: "img", DependsOn: []pod.Dependency{{Name: "db", Condition: pod.Healthy}}, Copies: []pod.Copy{{Source: "/a", Target: "/b"}}},
			}, "",
		},
		"NoName": {"every container needs a name", []pod.Component{after("")}, "pod.component.: a component has no name; give it one"},
		"SameName": {
			"the engine would refuse the second", []pod.Component{after("a"), after("a")},
			"pod.component.a: two components are called that; rename one",
		},
		"NoImage": {"nothing can be run", []pod.Component{{Name: "a"}}, "pod.component.a: image: is missing; name the image to run"},
		"Negative": {
			"the engine takes less than no time for no limit",
			[]pod.Component{{Name: "a", Image: "img", StopGrace: -1, Health: &pod.Health{Interval: -time.Second, Timeout: -time.Second, StartPeriod: -time.Second, Retries: -1}}},
			`pod.component.a: stop_grace_period: must not be negative, but is -1ns
pod.component.a: healthcheck.interval: must not be negative, but is -1s
pod.component.a: healthcheck.timeout: must not be negative, but is -1s
pod.component.a: healthcheck.start_period: must not be negative, but is -1s
pod.component.a: healthcheck.retries: must not be negative, but is -1`,
		},
		"Targets": {
			"a mount needs one place of its own",
			[]pod.Component{{Name: "a", Image: "img", Volumes: []pod.Volume{{Target: "b"}, {Target: "/x"}, {Target: "/y/../x/"}, {Target: "/"}}}},
			`pod.component.a: volumes: the target "b" must begin with /
pod.component.a: volumes: two volumes have the target "/x"; keep one
pod.component.a: volumes: the target / is the component's own root; mount below it`,
		},
		"CopiesReadOnly": {
			"the innermost volume counts; what is in a tmpfs may turn out to be mounted there",
			[]pod.Component{{
				Name: "a", Image: "img", Tmpfs: map[string]string{"/t": ""},
				Volumes: []pod.Volume{{Kind: pod.Named, Source: "w", Target: "/a", ReadOnly: true}, {Kind: pod.Named, Source: "x", Target: "/a/b"}},
				Copies:  []pod.Copy{{Source: "/x", Target: "/a/x"}, {Source: "/x", Target: "/a/b/x"}, {Source: "/x", Target: "/t/x"}},
			}},
			`pod.copy.a: /a/x is in the volume /a, which is read-only; let it be writable, or copy to elsewhere`,
		},
		"Memory": {
			"what is mounted is seen in a tmpfs, but has no place in what is read-only",
			[]pod.Component{{
				Name: "a", Image: "img", Tmpfs: map[string]string{"/run": ""}, Volumes: []pod.Volume{{Kind: pod.Named, Source: "v", Target: "/ro", ReadOnly: true}},
				Copies: []pod.Copy{
					{Source: "/s", Target: "/run/secrets/s", Memory: true},
					{Source: "/s", Target: "/ro/s", Memory: true, Place: "pod.component.a: secrets"},
				},
			}},
			"pod.component.a: secrets: /ro/s is in the volume /ro, which is read-only; let it be writable, or copy to elsewhere",
		},
		"Copies": {
			"a copy has no directory to be relative to",
			[]pod.Component{{Name: "a", Image: "img", Copies: []pod.Copy{{Source: "x", Target: "y"}}}},
			`pod.copy.a: the path "x" must begin with /
pod.copy.a: the path "y" must begin with /`,
		},
		"CopiesInMemory": {
			"they are mounted, so that no tmpfs hides them and no root keeps them out",
			[]pod.Component{{
				Name: "a", Image: "img", Security: pod.Security{ReadOnly: true}, Tmpfs: map[string]string{"/run": ""}, Volumes: []pod.Volume{{Target: "/v", ReadOnly: true}},
				Copies: []pod.Copy{mounted("/run/secrets/x", "/run/secrets/x"), mounted("/y", "/y"), mounted("/x", "/v/x")},
			}}, "pod.component.a: configs: /v/x is in the volume /v, which is read-only; let it be writable, or copy to elsewhere",
		},
		"CopiesInMemoryTwice": {
			"there can be one mount at a place",
			[]pod.Component{{
				Name: "a", Image: "img", Volumes: []pod.Volume{{Target: "/v"}},
				Copies: []pod.Copy{mounted("/run/secrets/x", "/x"), mounted("/y", "/z/../x"), mounted("/run/secrets/v", "/v"), mounted("y", "y")},
			}},
			`pod.component.a: configs: something else has the target "/x"; give one of them another
pod.component.a: secrets: something else has the target "/v"; give one of them another
pod.component.a: configs: the path "y" must begin with /
pod.component.a: configs: the path "y" must begin with /`,
		},
		"Dependencies": {
			"all that can be waited for",
			[]pod.Component{
				{Name: "job", Image: "img", Restart: pod.Restart{Policy: pod.RestartOnFailure}},
				{Name: "probed", Image: "img", Health: &pod.Health{Disable: true}, Probes: pod.Probes{Readiness: tcp(80)}},
				{Name: "started", Image: "img", Health: &pod.Health{Disable: true}, Probes: pod.Probes{Startup: tcp(80)}},
				{Name: "web", Image: "img", DependsOn: []pod.Dependency{{Name: "job", Condition: pod.Completed}, {Name: "probed", Condition: pod.Healthy}, {Name: "started", Condition: pod.Healthy}, {Name: "gone", Condition: pod.Healthy, Optional: true}}},
			}, "",
		},
		"NeverCompleted": {
			"what is always restarted never completes",
			[]pod.Component{
				{Name: "a", Image: "img", Restart: pod.Restart{Policy: pod.RestartAlways}},
				{Name: "b", Image: "img", DependsOn: []pod.Dependency{{Name: "a", Condition: pod.Completed, Optional: true}}},
			},
			"pod.component.b: depends_on.a: will never have completed, for it is always restarted; use service_started",
		},
		"Restarts": {
			"what a policy and its rules can be",
			[]pod.Component{
				{Name: "a", Image: "img", Restart: pod.Restart{Policy: "often", Max: -1, Rules: []pod.Rule{{Action: "Stop"}, {Action: pod.RuleRestart, Codes: []int{256, 0, 255, -1}}}}},
				{Name: "b", Image: "img", Restart: pod.Restart{Policy: pod.RestartOnFailure, Max: 3, Rules: []pod.Rule{{Action: pod.RuleRestart, Codes: []int{0, 255}, Not: true}}}},
				{Name: "c", Image: "img", Restart: pod.Restart{Rules: slices.Repeat([]pod.Rule{{Action: pod.RuleRestartAll, Codes: []int{1}}}, 21)}},
				{Name: "d", Image: "img", NonEssential: true, Restart: pod.Restart{Policy: pod.RestartAlways}},
				{Name: "e", Image: "img", NonEssential: true, Restart: pod.Restart{Policy: pod.RestartNo}},
			},
			`pod.component.a: restart: the policy "often" is none of no, always and on-failure
pod.component.a: restart: must not be negative, but is -1
pod.component.a: x-pod.restartPolicyRules: the action "Stop" is neither Restart nor RestartAllContainers
pod.component.a: x-pod.restartPolicyRules: a rule has no exit codes; give it some
pod.component.a: x-pod.restartPolicyRules: 256 is no exit code; they are 0 to 255
pod.component.a: x-pod.restartPolicyRules: -1 is no exit code; they are 0 to 255
pod.component.c: x-pod.restartPolicyRules: there are 21; at most 20 may be
pod.component.d: x-pod.essential: what is not essential is not restarted; leave it out, or what restarts the component`,
		},
		"Probes": {
			"one action each, and numbers that can be",
			[]pod.Component{{Name: "a", Image: "img", StartTimeout: -1, TerminationMessage: "x", Probes: pod.Probes{
				Startup:   &pod.Probe{GRPC: &pod.GRPC{Port: 65536}, Success: 2, Failure: -1},
				Liveness:  &pod.Probe{HTTP: &pod.HTTPGet{Scheme: "ftp"}, TCP: &pod.TCPSocket{Port: 80}, InitialDelay: -1, Period: -1, Timeout: -1},
				Readiness: &pod.Probe{Success: 5},
			}}},
			`pod.component.a: x-pod.startupProbe.grpc.port: must be a port from 1 to 65535, but is 65536
pod.component.a: x-pod.startupProbe.failureThreshold: must not be negative, but is -1
pod.component.a: x-pod.startupProbe.successThreshold: must be 1, but is 2; only a readinessProbe may need more successes
pod.component.a: x-pod.livenessProbe: must have exactly one of exec, httpGet, tcpSocket and grpc
pod.component.a: x-pod.livenessProbe.httpGet.port: must be a port from 1 to 65535, but is 0
pod.component.a: x-pod.livenessProbe.httpGet.scheme: "ftp" is neither http nor https
pod.component.a: x-pod.livenessProbe.initialDelaySeconds: must not be negative, but is -1ns
pod.component.a: x-pod.livenessProbe.periodSeconds: must not be negative, but is -1ns
pod.component.a: x-pod.livenessProbe.timeoutSeconds: must not be negative, but is -1ns
pod.component.a: x-pod.readinessProbe: must have exactly one of exec, httpGet, tcpSocket and grpc
pod.component.a: x-pod.startTimeout: must not be negative, but is -1ns
pod.component.a: x-pod.terminationMessagePath: the path "x" must begin with /`,
		},
		"Hooks": {
			"one action each",
			[]pod.Component{{
				Name: "a", Image: "img", PostStart: []pod.Hook{{Exec: &pod.Exec{Command: []string{"x"}}}, {Sleep: 1}, {}, {Exec: &pod.Exec{}}},
				PreStop: []pod.Hook{{Sleep: 1, HTTP: &pod.HTTPGet{Port: 80}}, {HTTP: &pod.HTTPGet{}}},
			}},
			`pod.component.a: x-pod.lifecycle.postStart: must have exactly one of exec, httpGet and sleep, which is more than 0
pod.component.a: x-pod.lifecycle.postStart: must have exactly one of exec, httpGet and sleep, which is more than 0
pod.component.a: x-pod.lifecycle.preStop: must have exactly one of exec, httpGet and sleep, which is more than 0
pod.component.a: x-pod.lifecycle.preStop.httpGet.port: must be a port from 1 to 65535, but is 0`,
		},
		"LivenessWithoutRestart": {
			"then it ends the pod", []pod.Component{{Name: "a", Image: "img", Restart: pod.Restart{Policy: pod.RestartNo}, Probes: pod.Probes{Liveness: tcp(80)}}}, "",
		},
		"UnknownDependency": {
			"it would be waited for without end", []pod.Component{after("a", "c"), after("b")},
			`pod.component.a: depends_on.c: there is no such component; known are a, b`,
		},
		"UnknownCondition": {
			"nobody would know when it is true",
			[]pod.Component{after("a"), {Name: "b", Image: "img", DependsOn: []pod.Dependency{{Name: "a", Condition: "done"}}}},
			`pod.component.b: depends_on.a: the condition "done" is none of service_started, service_healthy and service_completed_successfully`,
		},
		"NeverHealthy": {
			"a component without a check is never healthy",
			[]pod.Component{
				{Name: "a", Image: "img", Health: &pod.Health{Disable: true}},
				{Name: "b", Image: "img", DependsOn: []pod.Dependency{{Name: "a", Condition: pod.Healthy}}},
				after("c", "a"),
			},
			"pod.component.b: depends_on.a: will never be healthy, for its health check is disabled; use service_started",
		},
		"Self": {
			"the shortest cycle", []pod.Component{after("a", "a")},
			"pod.component.a: depends_on: a -> a: a component cannot wait for itself",
		},
		"Cycle": {
			"told once, not once a component, and what only leads there is not on it",
			[]pod.Component{after("c", "a"), after("b", "c"), after("a", "b"), after("d", "a")},
			"pod.component.a: depends_on: a -> b -> c -> a: a component cannot wait for itself",
		},
		"TwoCycles": {
			"each is told",
			[]pod.Component{after("a", "b", "c"), after("b", "a"), after("c", "a")},
			`pod.component.a: depends_on: a -> b -> a: a component cannot wait for itself
pod.component.a: depends_on: a -> c -> a: a component cannot wait for itself`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			checkProblems(t, test.why, pod.Pod{Components: test.components}, test.want)
		})
	}
}

// checkProblems compares what is wrong with a pod.
func checkProblems(t *testing.T, why string, p pod.Pod, want string) {
	t.Helper()
	got := ""
	if err := pod.Validate(p); err != nil {
		got = err.Error()
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s:\n%s", why, diff)
	}
}

func TestValidateLooksAtInitComponentsToo(t *testing.T) {
	sidecar := func(name string, on ...string) pod.Component {
		c := after(name, on...)
		c.Sidecar, c.Restart.Policy = true, pod.RestartAlways
		return c
	}
	probed := sidecar("a")
	probed.Probes.Startup, probed.PostStart = tcp(80), []pod.Hook{{Sleep: 1}}
	plain := after("a")
	plain.Probes = pod.Probes{Startup: tcp(80), Liveness: tcp(80), Readiness: tcp(80)}
	plain.PostStart, plain.PreStop, plain.NonEssential = []pod.Hook{{Sleep: 1}}, []pod.Hook{{Sleep: 1}}, true
	waiting := func(condition pod.Condition) pod.Component {
		return pod.Component{Name: "web", Image: "img", DependsOn: []pod.Dependency{{Name: "a", Condition: condition}}}
	}
	for name, test := range map[string]struct {
		why  string
		pod  pod.Pod
		want string
	}{
		"Fine":     {"a sidecar has all that a component has", pod.Pod{Init: []pod.Component{after("b"), probed}, Components: []pod.Component{waiting(pod.Healthy)}}, ""},
		"SameName": {"names are the pod's", pod.Pod{Init: []pod.Component{after("a"), sidecar("a")}, Components: []pod.Component{after("a")}}, "pod.component.a: two components are called that; rename one\npod.component.a: two components are called that; rename one"},
		"NoImage":  {"it is a component like any other", pod.Pod{Init: []pod.Component{{Name: "a"}}}, "pod.component.a: image: is missing; name the image to run"},
		"Plain": {
			"it runs to its end", pod.Pod{Init: []pod.Component{plain}},
			`pod.component.a: x-pod.startupProbe: an init component runs to its end and has none; leave it out, or make it a sidecar with restart: always
pod.component.a: x-pod.livenessProbe: an init component runs to its end and has none; leave it out, or make it a sidecar with restart: always
pod.component.a: x-pod.readinessProbe: an init component runs to its end and has none; leave it out, or make it a sidecar with restart: always
pod.component.a: post_start: an init component runs to its end and has none; leave it out, or make it a sidecar with restart: always
pod.component.a: pre_stop: an init component runs to its end and has none; leave it out, or make it a sidecar with restart: always
pod.component.a: x-pod.essential: an init component has to succeed; leave it out`,
		},
		"Order": {
			"they start in their order, and before the others",
			pod.Pod{Init: []pod.Component{after("a", "b"), sidecar("b", "c"), after("d", "a", "b")}, Components: []pod.Component{after("c")}},
			`pod.component.a: depends_on.b: starts only after a, which is an init component or a sidecar; depend on earlier ones of these
pod.component.b: depends_on.c: starts only after b, which is an init component or a sidecar; depend on earlier ones of these`,
		},
		"Cycle": {
			"told as a cycle, and no more", pod.Pod{Init: []pod.Component{after("a", "b"), sidecar("b", "c")}, Components: []pod.Component{after("c", "a")}},
			"pod.component.a: depends_on: a -> b -> c -> a: a component cannot wait for itself",
		},
		"NeverHealthy":   {"it is over by then", pod.Pod{Init: []pod.Component{after("a")}, Components: []pod.Component{waiting(pod.Healthy)}}, "pod.component.web: depends_on.a: will be over by then, for it is an init component; use service_completed_successfully"},
		"Completed":      {"it has, by then", pod.Pod{Init: []pod.Component{after("a")}, Components: []pod.Component{waiting(pod.Completed)}}, ""},
		"NeverCompleted": {"a sidecar goes on", pod.Pod{Init: []pod.Component{sidecar("a")}, Components: []pod.Component{waiting(pod.Completed)}}, "pod.component.web: depends_on.a: will never have completed, for it is always restarted; use service_started"},
	} {
		t.Run(name, func(t *testing.T) { checkProblems(t, test.why, test.pod, test.want) })
	}
}

func TestValidateLooksAtThePodAsAWhole(t *testing.T) {
	for why, test := range map[string]struct {
		pod  pod.Pod
		want string
	}{
		"all of it can be":               {pod.Pod{StopGrace: 1, Backoff: pod.Backoff{First: 1, Cap: 1}, Unready: pod.UnreadyCounts}, ""},
		"no time is less than none":      {pod.Pod{StopGrace: -1}, "pod.stop_grace_period: must not be negative, but is -1ns"},
		"nor is a delay":                 {pod.Pod{Backoff: pod.Backoff{First: -1}}, "pod.restart_backoff: initial and cap must be more than 0, but are -1ns and 0s"},
		"the longest is not the shorter": {pod.Pod{Backoff: pod.Backoff{First: 2, Cap: 1}}, "pod.restart_backoff: initial is 2ns and more than cap, which is 1ns; lower the one or raise the other"},
		"it can be one of two":           {pod.Pod{Unready: "fatal"}, `pod.unready: "fatal" is neither ignore nor unhealthy`},
	} {
		t.Run(why, func(t *testing.T) { checkProblems(t, why, test.pod, test.want) })
	}
}

func TestATmpfsAndTheEnginesFilesHideWhatIsCopiedButNotWhatIsMounted(t *testing.T) {
	c := pod.Component{
		Name: "a", Image: "img", Tmpfs: map[string]string{"/run/": "", "/a/b/tmp": ""},
		Volumes: []pod.Volume{{Kind: pod.Tmpfs, Target: "/t"}, {Kind: pod.Named, Source: "v", Target: "/run/kept"}, {Kind: pod.Named, Source: "x", Target: "/a/b"}, {Kind: pod.Bind, Source: "/h", Target: "/etc/hosts"}},
	}
	for target, test := range map[string]struct{ why, want string }{
		"/run/x":               {"below it", "is in the tmpfs /run/, which is empty when the component starts"},
		"/run":                 {"in its place", "is in the tmpfs /run/, which is empty when the component starts"},
		"/running":             {"a name that begins alike", ""},
		"/run/kept/x":          {"a volume in it is mounted too", ""},
		"/t/":                  {"a volume can be a tmpfs", "is in the tmpfs /t, which is empty when the component starts"},
		"/a/b/x":               {"a volume", ""},
		"/a/b/tmp/y/../x":      {"a tmpfs in a volume", "is in the tmpfs /a/b/tmp, which is empty when the component starts"},
		"/etc/../etc/hostname": {"the engine's own", "is where the engine mounts a file of its own"},
		"/etc/hosts":           {"a volume over the engine's own", ""},
		"/etc/hosts.allow":     {"nobody's", ""},
		"/a/b/tmp/../tmp/x":    {"paths are made clean", "is in the tmpfs /a/b/tmp, which is empty when the component starts"},
	} {
		if got := c.Hides(pod.Copy{Source: "/x", Target: target}); got != test.want {
			t.Errorf("%s: got %q, want %q: %s", target, got, test.want, test.why)
		}
		if why := c.Hides(pod.Copy{Source: "/x", Target: target, Memory: true}); why != "" {
			t.Errorf("%s: what is in memory is mounted, and seen: %s", target, why)
		}
	}
}
