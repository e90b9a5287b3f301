package test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/swarm"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/status"
)

// probed is a component that runs a command of testkit's and is asked how it is, all in
// the words of x-pod. More are other keys of the component.
func probed(command, xpod string, more ...string) string {
	return kit(command, append(more, "x-pod: {"+xpod+"}")...)
}

// often is how often a probe is made in tests, as often as can be, and that it may take
// long, as the machine may have more to do.
const often = "periodSeconds: 1, timeoutSeconds: 30"

// waitStatus waits until a component's status is as wanted, and returns it.
func (s supervisor) waitStatus(t testing.TB, name string, wanted func(status.Component) bool) (c status.Component) {
	t.Helper()
	dockertest.Eventually(t, soon, func() (bool, string) {
		all := s.status(t).Components
		i := slices.IndexFunc(all, func(c status.Component) bool { return c.Name == name })
		if i < 0 {
			return false, name + " is not in the status"
		}
		c = all[i]
		return wanted(c), fmt.Sprintf("%+v\n%s", c, s.Container.Output(t))
	})
	return c
}

// does runs a command of testkit's in a component until it succeeds: what it talks to may
// have just been started.
func (s supervisor) does(t testing.TB, component string, command ...string) {
	t.Helper()
	c := s.component(t, component)
	dockertest.Eventually(t, soon, func() (bool, string) {
		out, code := c.Exec(t, append([]string{"/testkit"}, command...)...)
		return code == 0, fmt.Sprintf("%q in %s: %d, %s", command, component, code, out)
	})
}

func TestLivenessThatFailsRestartsThatComponentAlone(t *testing.T) {
	t.Parallel()
	s := podOf(t, dockertest.New(t), components{
		"web": probed("serve 127.0.0.1:3000",
			"ports: [{name: http, containerPort: 3000}], livenessProbe: {httpGet: {path: /, port: http}, "+often+", failureThreshold: 2}", "restart: always"),
		"log": kit("sleep"),
	})
	s.waitRunning(t)
	web, log := s.component(t, "web"), s.component(t, "log").Inspect(t)
	s.does(t, "web", "get", "http://127.0.0.1:3000/fail")
	s.waitFor(t, "component restarts", 1)
	s.waitFor(t, "component started", 4) // with pause
	now := s.waitStatus(t, "web", func(c status.Component) bool { return c.Restarts == 1 && c.Ready })
	if now.Container == web.ID {
		t.Error("a restart is a new container, and this is the old one")
	}
	if last := now.Last.Terminated; last == nil || last.Code != 0 {
		t.Errorf("its last run is told as %+v, want an end with 0", last)
	}
	s.told(t, "component broken", "web", "its liveness probe has failed", 1)
	if after := s.component(t, "log").Inspect(t); after.ID != log.ID || after.State.StartedAt != log.State.StartedAt || after.State.Pid != log.State.Pid {
		t.Error("the other component has been restarted as well")
	}
	if c := s.waitStatus(t, "log", func(status.Component) bool { return true }); c.Restarts != 0 {
		t.Errorf("the other component has %d restarts", c.Restarts)
	}
	s.terminated(t)
}

// Which processes a component shares makes no difference to those that its probes start.
func TestAProbesCommandThatHangsIsKilledAndAFailure(t *testing.T) {
	t.Parallel()
	hangs := func(kind, name, more string) string {
		return kind + ": {exec: {command: [/testkit, ignore, hangs-in-" + name + "]}, periodSeconds: 100" + more + "}"
	}
	s := podOf(t, dockertest.New(t), components{
		"web":   probed("sleep", hangs("readinessProbe", "web", "")),
		"alone": probed("sleep", "pid: private, "+hangs("readinessProbe", "alone", "")),
		"bad":   probed("sleep", hangs("livenessProbe", "bad", ", failureThreshold: 1"), "restart: always"),
	})
	for _, name := range []string{"web", "alone"} {
		s.told(t, "probe failed", name, "readiness: timed out after 1s", 1)
		if left, code := s.component(t, name).Exec(t, "/testkit", "find", "hangs-in-"+name); code == 0 {
			t.Errorf("in %s there is still\n%s", name, left)
		}
	}
	s.told(t, "component broken", "bad", "its liveness probe has failed", 1)
	s.waitStatus(t, "bad", func(c status.Component) bool { return c.Restarts > 0 })
	s.terminated(t)
}

// Where a probe goes to need not be the component that it is about.
func TestProbesOverTheNetworkNeedNothingInTheImage(t *testing.T) {
	t.Parallel()
	readiness := func(what string) string { return "readinessProbe: {" + what + ", " + often + "}" }
	http := func(path string) string { return readiness(fmt.Sprintf("httpGet: {port: 3000, path: %q}", path)) }
	s := podOf(t, dockertest.New(t), components{
		"web":     probed("serve 127.0.0.1:3000", "ports: [{name: http, containerPort: 3000}], "+readiness("httpGet: {port: http, path: /}")),
		"missing": probed("sleep", http("/status?code=404")),
		"loop":    probed("sleep", http("/redirect")),
		"away":    probed("sleep", http("/redirect?to=http://elsewhere.invalid/")),
		"late":    probed("sleep", "readinessProbe: {httpGet: {port: 3000, path: '/slow?for=1m'}, periodSeconds: 1}"),
		"open":    probed("sleep", readiness("tcpSocket: {port: 3000}")),
		"closed":  probed("sleep", readiness("tcpSocket: {port: 3999}")),
		"grpc":    probed("grpc 127.0.0.1:9000 /serving", readiness("grpc: {port: 9000, service: testkit}")),
		"nobody":  probed("sleep", readiness("grpc: {port: 9000, service: nobody}")),
	})
	s.waitRunning(t)
	for name, why := range map[string]string{
		"missing": "404 Not Found", "late": "timed out after 1s", "closed": "connection refused", "grpc": "NOT_SERVING", "nobody": "unknown service",
	} {
		s.told(t, "probe failed", name, why, 3)
		s.waitStatus(t, name, func(c status.Component) bool { return !c.Ready && c.State.Running != nil })
	}
	s.told(t, "probe warning", "loop", "302 Found, which is not followed", 1)
	s.told(t, "probe warning", "away", "302 Found, which is not followed: http://elsewhere.invalid/", 1)
	ready := func(c status.Component) bool { return c.Ready }
	for _, name := range []string{"web", "loop", "away", "open"} {
		s.waitStatus(t, name, ready)
	}
	s.does(t, "grpc", "touch", "/serving")
	s.waitStatus(t, "grpc", ready)
	s.terminated(t)
}

// patiently is the supervisor's own health check for a pod that takes its time: the one
// of its image calls it unhealthy after ten seconds.
func patiently() *container.HealthConfig {
	return &container.HealthConfig{
		Test: []string{"CMD", "/supervisor", "healthcheck"}, Interval: 200 * time.Millisecond, Timeout: 3 * time.Second, StartPeriod: 5 * time.Minute, Retries: 2,
	}
}

// slowly is a component that has started when the file /started is there, lives as
// long as /alive is, and is ready from when /ready is there until it is told to fail.
func slowly() string {
	there := func(file string) string { return "exec: {command: [/testkit, exists, " + file + "]}, " + often }
	return probed("serve 127.0.0.1:3000",
		"startupProbe: {"+there("/started")+", failureThreshold: 1000}, livenessProbe: {"+there("/alive")+", failureThreshold: 1}, "+
			"readinessProbe: {httpGet: {port: 3000, path: '/file?path=/ready'}, "+often+", failureThreshold: 1}", "restart: always")
}

func TestStartupGatesTheOthersAndReadinessTheFirstHealthy(t *testing.T) {
	for name, test := range map[string]struct {
		why     string
		unready pod.Unready
		then    string
	}{
		"Ignored": {"it has been healthy, and Swarm would kill it", pod.IgnoreUnready, "healthy"},
		"Counts":  {"its user wants to have it replaced", pod.UnreadyCounts, "unhealthy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := dockertest.New(t)
			spec := d.Supervisor(t, components{"web": slowly(), "log": kit("sleep")}.labels())
			spec.Labels[pod.UnreadyMeans], spec.Health = string(test.unready), patiently()
			s := run(t, d, spec)
			s.told(t, "probe failed", "web", "startup: exit code 1", 2)
			if c := s.waitStatus(t, "web", func(status.Component) bool { return true }); c.Started || c.Ready || c.Restarts > 0 {
				t.Errorf("before its startup probe has passed it is %+v", c)
			}
			s.does(t, "web", "touch", "/alive")
			s.does(t, "web", "touch", "/started")
			s.told(t, "probe failed", "web", "readiness: answered 404 Not Found", 2)
			if c := s.waitStatus(t, "web", func(c status.Component) bool { return c.Started }); c.Ready || c.Restarts > 0 {
				t.Errorf("before it is ready it is %+v", c)
			}
			if health := s.Health(t); health != "starting" {
				t.Errorf("before it is ready the pod is %s", health)
			}
			s.does(t, "web", "touch", "/ready")
			s.waitHealthy(t)
			s.does(t, "web", "get", "http://127.0.0.1:3000/fail")
			s.told(t, "probe failed", "web", "readiness: answered 500", 3)
			s.waitStatus(t, "web", func(c status.Component) bool { return !c.Ready })
			dockertest.Eventually(t, soon, func() (bool, string) {
				health := s.Health(t)
				return health == test.then, health + ", want " + test.then + ": " + test.why
			})
			s.does(t, "web", "get", "http://127.0.0.1:3000/ok")
			s.waitStatus(t, "web", func(c status.Component) bool { return c.Ready })
			s.waitHealthy(t)
			s.terminated(t)
		})
	}
}

// Pause does not see its processes, so they go on without a supervisor, until the next.
func TestAPrivateComponentSeesItsOwnProcessesOnly(t *testing.T) {
	t.Parallel()
	s := podOf(t, dockertest.New(t), components{"alone": probed("sleep", "pid: private"), "web": kit("sleep")})
	s.waitRunning(t)
	for name, first := range map[string]string{"alone": "testkit", "web": "pause"} {
		out, _ := s.component(t, name).Exec(t, "/testkit", "ps")
		if fields := strings.Fields(out); len(fields) < 3 || fields[0] != "1" || fields[2] != first {
			t.Errorf("the first process that %s sees is not %s:\n%s", name, first, out)
		}
	}
	left := s.component(t, "alone")
	s.Kill(t, "KILL")
	dockertest.Eventually(t, soon, func() (bool, string) {
		pods := s.d.Pod(t, s.ID)
		return len(pods) == 1, fmt.Sprint(pods)
	})
	if !left.Running(t) {
		t.Error("a dead supervisor leaves nothing; the documents say otherwise")
	}
	s.Start(t)
	s.waitFor(t, "pod running", 2)
	if left.Exists(t) {
		t.Error("what an earlier life has left is not removed")
	}
	s.terminated(t)
}

// A service whose tasks are ready one day is updated that day, and not before.
func anUpdateWaitsUntilTheNewTaskIsReady(t *testing.T, d *dockertest.Engine) {
	spec := service(t, d, components{"web": probed("serve 127.0.0.1:3000", "readinessProbe: {tcpSocket: {port: 3000}, "+often+"}")})
	spec.TaskTemplate.ContainerSpec.Healthcheck = patiently()
	spec.UpdateConfig = &swarm.UpdateConfig{
		Order: swarm.UpdateOrderStartFirst, FailureAction: swarm.UpdateFailureActionPause, Parallelism: 1, Monitor: time.Second,
	}
	id := d.Service(t, spec)
	old := waitTask(t, d, id, swarm.TaskStateRunning)

	web := components{"web": probed("serve 127.0.0.1:3000", "readinessProbe: {httpGet: {port: 3000, path: '/file?path=/ready'}, "+often+"}")}
	spec.TaskTemplate.ContainerSpec.Labels = web.labels()
	d.UpdateService(t, id, spec)
	next := waitOther(t, d, id, old.ID, swarm.TaskStateStarting)
	s := supervisorIn(d, d.Container(t, next.Status.ContainerStatus.ContainerID))
	s.told(t, "probe failed", "web", "readiness: answered 404 Not Found", 3)
	if state := waitOther(t, d, id, old.ID, swarm.TaskStateStarting, swarm.TaskStateRunning).Status.State; state != swarm.TaskStateStarting {
		t.Errorf("a task that is not ready is %s", state)
	}
	if state := waitOther(t, d, id, next.ID, swarm.TaskStateRunning, swarm.TaskStateShutdown).Status.State; state != swarm.TaskStateRunning {
		t.Errorf("while the new task is not ready the old one is %s", state)
	}
	s.does(t, "web", "touch", "/ready")
	waitOther(t, d, id, old.ID, swarm.TaskStateRunning)
	waitOther(t, d, id, next.ID, swarm.TaskStateShutdown)

	hasty := patiently() // one that is not: the image's own waits ten minutes for a first health
	hasty.Interval, hasty.StartPeriod, hasty.Retries = time.Second, time.Millisecond, 5
	spec.TaskTemplate.ContainerSpec.Healthcheck = hasty
	spec.TaskTemplate.ForceUpdate++
	d.UpdateService(t, id, spec)
	third := func(task swarm.Task) bool { return task.ID != old.ID && task.ID != next.ID }
	waitThat(t, d, id, third, swarm.TaskStateComplete) // unhealthy, it was asked to stop and has stopped well
	isNext := func(task swarm.Task) bool { return task.ID == next.ID }
	if state := waitThat(t, d, id, isNext, swarm.TaskStateRunning, swarm.TaskStateShutdown).Status.State; state != swarm.TaskStateRunning {
		t.Errorf("after an update to what never gets ready the old task is %s", state)
	}
	d.RemoveService(t, id)
}

// waitOther waits until a service's task that is not the one with that ID is in one of
// the states, and returns it.
func waitOther(t *testing.T, d *dockertest.Engine, service, not string, states ...swarm.TaskState) swarm.Task {
	t.Helper()
	return waitThat(t, d, service, func(task swarm.Task) bool { return task.ID != not }, states...)
}

// waitThat waits until the first wanted task of a service is in one of the states.
func waitThat(t *testing.T, d *dockertest.Engine, service string, wanted func(swarm.Task) bool, states ...swarm.TaskState) (task swarm.Task) {
	t.Helper()
	dockertest.Eventually(t, 2*soon, func() (bool, string) {
		for _, task = range d.Tasks(t, service) {
			if wanted(task) {
				return slices.Contains(states, task.Status.State), string(task.Status.State) + " " + task.Status.Err
			}
		}
		return false, "no task"
	})
	return task
}
