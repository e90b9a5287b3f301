package compose_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
)

func TestXPodSaysInKubernetesWordsWhatComposeHasNone(t *testing.T) {
	type component = pod.Component
	for name, test := range map[string]struct {
		why, text string
		want      pod.Component
	}{
		"Empty":          {"says nothing", "x-pod: {}", component{}},
		"Sidecar":        {"is always restarted", "x-pod: {sidecar: true}", component{Sidecar: true, Restart: pod.Restart{Policy: pod.RestartAlways}}},
		"SidecarAlways":  {"both words say the same", "restart: unless-stopped\nx-pod: {sidecar: true}", component{Sidecar: true, Restart: pod.Restart{Policy: pod.RestartAlways}}},
		"NoSidecar":      {"as without", "x-pod: {sidecar: false, essential: true}", component{}},
		"NonEssential":   {"ECS's word", "x-pod: {essential: false}", component{NonEssential: true}},
		"PID":            {"its own", "x-pod: {pid: private}", component{PrivatePID: true}},
		"StartTimeout":   {"as Compose writes durations", "x-pod: {startTimeout: 1m30s}", component{StartTimeout: 90 * time.Second}},
		"Message":        {"a path", "x-pod: {terminationMessagePath: /dev/termination-log}", component{TerminationMessage: "/dev/termination-log"}},
		"MessageQuoted":  {"JSON is YAML", `x-pod: {"terminationMessagePath": "/log"}`, component{TerminationMessage: "/log"}},
		"StopSignal":     {"where Compose's key is not there", "x-pod: {lifecycle: {stopSignal: SIGUSR1}}", component{StopSignal: "SIGUSR1"}},
		"SameStopSignal": {"both say the same", "stop_signal: SIGUSR1\nx-pod: {lifecycle: {stopSignal: SIGUSR1}}", component{StopSignal: "SIGUSR1"}},
		"Rules": {
			"in their order", "restart: on-failure\nx-pod:\n  restartPolicyRules:\n    - {action: Restart, exitCodes: {operator: In, values: [42, 43]}}\n    - action: RestartAllContainers\n      exitCodes: {operator: NotIn, values: [0]}",
			component{Restart: pod.Restart{Policy: pod.RestartOnFailure, Rules: []pod.Rule{
				{Action: pod.RuleRestart, Codes: []int{42, 43}}, {Action: pod.RuleRestartAll, Codes: []int{0}, Not: true},
			}}},
		},
		"Exec": {
			"with every number", "x-pod: {livenessProbe: {exec: {command: [a, 'b c']}, initialDelaySeconds: 1, periodSeconds: 2, timeoutSeconds: 3, successThreshold: 1, failureThreshold: 4}}",
			component{Probes: pod.Probes{Liveness: &pod.Probe{Exec: []string{"a", "b c"}, InitialDelay: time.Second, Period: 2 * time.Second, Timeout: 3 * time.Second, Success: 1, Failure: 4}}},
		},
		"HTTP": {
			"with all that a request has; a path is from the root, as the kubelet reads it",
			"x-pod: {readinessProbe: {httpGet: {path: healthz, port: 8080, host: example.com, scheme: HTTPS, httpHeaders: [{name: A, value: b}, {name: A, value: c}]}}}",
			component{Probes: pod.Probes{Readiness: &pod.Probe{HTTP: &pod.HTTPGet{Path: "/healthz", Port: 8080, Host: "example.com", Scheme: "https", Headers: []pod.Header{{Name: "A", Value: "b"}, {Name: "A", Value: "c"}}}}}},
		},
		"TCP":  {"another host too", "x-pod: {startupProbe: {tcpSocket: {port: 80, host: db}}}", component{Probes: pod.Probes{Startup: &pod.Probe{TCP: &pod.TCPSocket{Port: 80, Host: "db"}}}}},
		"GRPC": {"one of its services", "x-pod: {startupProbe: {grpc: {port: 80, service: a.b}}}", component{Probes: pod.Probes{Startup: &pod.Probe{GRPC: &pod.GRPC{Port: 80, Service: "a.b"}}}}},
		"Ports": {
			"names of ports, wherever they are given, and numbers in quotes",
			"x-pod: {livenessProbe: {httpGet: {port: web}}, readinessProbe: {tcpSocket: {port: '81'}}, ports: [{name: web, containerPort: 80}, {name: db, containerPort: '5432'}], startupProbe: {tcpSocket: {port: db}}}",
			component{Ports: []string{"5432/tcp", "80/tcp"}, Probes: pod.Probes{
				Liveness: &pod.Probe{HTTP: &pod.HTTPGet{Port: 80}}, Readiness: &pod.Probe{TCP: &pod.TCPSocket{Port: 81}}, Startup: &pod.Probe{TCP: &pod.TCPSocket{Port: 5432}},
			}},
		},
		"Lifecycle": {
			"comes after what Compose's keys say",
			"post_start: [{command: [a]}]\npre_stop: [{command: [b]}]\nx-pod: {lifecycle: {postStart: {exec: {command: [c]}}, preStop: {sleep: {seconds: 5}}}}",
			component{
				PostStart: []pod.Hook{{Exec: &pod.Exec{Command: []string{"a"}}}, {Exec: &pod.Exec{Command: []string{"c"}}}},
				PreStop:   []pod.Hook{{Exec: &pod.Exec{Command: []string{"b"}}}, {Sleep: 5 * time.Second}},
			},
		},
		"LifecycleHTTP": {"as a probe", "x-pod: {lifecycle: {preStop: {httpGet: {path: /stop, port: 80}}}}", component{PreStop: []pod.Hook{{HTTP: &pod.HTTPGet{Path: "/stop", Port: 80}}}}},
		"Anchors": {
			"work here too", "x-p: &p {tcpSocket: {port: 80}}\nx-pod: {livenessProbe: *p, readinessProbe: {<<: *p, periodSeconds: 1}}",
			component{Probes: pod.Probes{Liveness: &pod.Probe{TCP: &pod.TCPSocket{Port: 80}}, Readiness: &pod.Probe{TCP: &pod.TCPSocket{Port: 80}, Period: time.Second}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, problems := read(test.text)
			if err := problems.Err(); err != nil {
				t.Fatalf("%s: %v", test.why, err)
			}
			test.want.Name, test.want.StopGrace = "it", pod.DefaultStopGrace
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

func TestPreStartBecomesComponentsThatInheritFromTheService(t *testing.T) {
	got, problems := readGroup(`
image: a
user: b
command: [serve]
restart: always
tty: true
environment: [A=1, B=2]
volumes: ['v:/v', 'w:/w']
secrets: [s]
depends_on: {db: {condition: service_healthy, restart: true}}
healthcheck: {test: c}
x-pod: {livenessProbe: {tcpSocket: {port: 80}}}
pre_start:
  - {command: [migrate], environment: {B: 3, C: 4}, volumes: ['u:/v'], per_replica: true}
  - {image: d, command: fill it, user: root, secrets: [t]}
`)
	if err := problems.Err(); err != nil {
		t.Fatal(err)
	}
	secret := func(of, name string) pod.Copy {
		return pod.Copy{Source: "/run/secrets/" + name, Target: "/run/secrets/" + name, Memory: true, Place: "pod.component." + of + ": secrets"}
	}
	volume := func(source, target string) pod.Volume {
		return pod.Volume{Kind: pod.Named, Source: source, Target: target}
	}
	done := func(name string) pod.Dependency { return pod.Dependency{Name: name, Condition: pod.Completed} }
	want := []pod.Component{
		{
			Name: "it.pre-start-1", Image: "a", User: "b", Command: []string{"migrate"}, StopGrace: pod.DefaultStopGrace, Env: map[string]string{"A": "1", "B": "3", "C": "4"},
			Volumes: []pod.Volume{volume("u", "/v"), volume("w", "/w")}, Copies: []pod.Copy{secret("it.pre-start-1", "s")}, DependsOn: []pod.Dependency{{Name: "db", Condition: pod.Healthy}},
		},
		{
			Name: "it.pre-start-2", Image: "d", User: "root", Command: []string{"fill", "it"}, StopGrace: pod.DefaultStopGrace, Env: map[string]string{"A": "1", "B": "2"},
			Volumes: []pod.Volume{volume("v", "/v"), volume("w", "/w")}, Copies: []pod.Copy{secret("it.pre-start-2", "s"), secret("it.pre-start-2", "t")}, DependsOn: []pod.Dependency{done("it.pre-start-1")},
		},
		{
			Name: "it", Image: "a", User: "b", Command: []string{"serve"}, StopGrace: pod.DefaultStopGrace, Env: map[string]string{"A": "1", "B": "2"}, TTY: true,
			Volumes: []pod.Volume{volume("v", "/v"), volume("w", "/w")}, Copies: []pod.Copy{secret("it", "s")}, Restart: pod.Restart{Policy: pod.RestartAlways},
			Health: &pod.Health{Test: []string{"CMD-SHELL", "c"}}, Probes: pod.Probes{Liveness: &pod.Probe{TCP: &pod.TCPSocket{Port: 80}}},
			DependsOn: []pod.Dependency{{Name: "db", Condition: pod.Healthy, Restart: true}, done("it.pre-start-2")},
		},
	}
	if diff := cmp.Diff(want, []pod.Component(got)); diff != "" {
		t.Error(diff)
	}
}
