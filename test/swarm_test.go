package test

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/swarm"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/state"
	"github.com/podlike/podlike/internal/status"
)

// There is one swarm at a time, so what needs one shares it.
func TestOnASwarm(t *testing.T) {
	d := dockertest.New(t)
	d.Swarm(t)
	t.Run("TheTaskEndsAsItsComponentDid", func(t *testing.T) { onSwarmTheStateIsTheExitCodes(t, d) })
	t.Run("AServicesLimitBindsAllOfItsPod", func(t *testing.T) { aServicesLimitBindsAll(t, d) })
	t.Run("AServiceIsAPodFromItsFirstAnswerToItsLastTrace", aServiceIsAPod)
	t.Run("TheNextTaskRemovesWhatADeadOneLeft", func(t *testing.T) { theNextTaskSweeps(t, d) })
	t.Run("AnUpdateWaitsUntilTheNewTaskIsReady", func(t *testing.T) { anUpdateWaitsUntilTheNewTaskIsReady(t, d) })
	t.Run("ABatchIsComplete", func(t *testing.T) { aBatchIsComplete(t, d) })
}

// aServiceIsAPod is part of TestOnASwarm.
func aServiceIsAPod(t *testing.T) {
	outer := dockertest.New(t)
	config := newConfig(t, outer, "from a config\n")
	d := dockertest.New(t) // its services are gone before the config is to be
	spec := service(t, d, components{
		"app": kit("serve :3000", `healthcheck: {test: [CMD, /testkit, get, "http://127.0.0.1:3000/"], interval: 200ms}`, "volumes: [/data]"),
	})
	spec.TaskTemplate.ContainerSpec.Configs = []*swarm.ConfigReference{config}
	spec.TaskTemplate.ContainerSpec.Labels[pod.CopyPrefix+"app"] = "/app.conf:/etc/app.conf"
	spec.EndpointSpec.Ports = []swarm.PortConfig{{PublishMode: swarm.PortConfigPublishModeHost, TargetPort: 3000}}
	id := d.Service(t, spec)

	task := waitTask(t, d, id, swarm.TaskStateRunning) // which Swarm calls it when it is healthy
	s := supervisorIn(d, d.Container(t, task.Status.ContainerStatus.ContainerID))
	if health := s.Health(t); health != "healthy" {
		t.Errorf("the task runs and is %s", health)
	}
	if got := fetch(t, task, 3000, "/"); !strings.HasPrefix(got, "testkit on ") {
		t.Errorf("the published port answers %q", got)
	}
	if got := fetch(t, task, 3000, "/file?path=/etc/app.conf"); got != "from a config\n" {
		t.Errorf("the config arrived as %q", got)
	}
	if got, want := s.component(t, "app").Name, fmt.Sprintf(".1.%s.podlike.app", task.ID); !strings.HasSuffix(got, want) {
		t.Errorf("the component's container is called %s, want *%s", got, want)
	}

	owner := s.ID
	d.RemoveService(t, id)
	d.Gone(t, owner, 0)
}

// aServicesLimitBindsAll is part of TestOnASwarm. Swarm shows what has failed a task by its exit code.
func aServicesLimitBindsAll(t *testing.T, d *dockertest.Engine) {
	eats := kit(fmt.Sprint("eat ", 150<<20)) // more than memory and swap together
	spec := service(t, d, components{"one": eats, "two": eats})
	const limit = 96 << 20
	spec.TaskTemplate.Resources = &swarm.ResourceRequirements{Limits: &swarm.Limit{MemoryBytes: limit}}
	spec.TaskTemplate.RestartPolicy = &swarm.RestartPolicy{Condition: swarm.RestartPolicyConditionNone}
	id := d.Service(t, spec)
	task := waitTask(t, d, id, swarm.TaskStateFailed)
	if code := task.Status.ContainerStatus.ExitCode; code != killed || !strings.Contains(task.Status.Err, "137") {
		t.Errorf("the task has failed with %d: %s", code, task.Status.Err)
	}
	s := supervisorIn(d, d.Container(t, task.Status.ContainerStatus.ContainerID))
	victims := 0
	for name, e := range s.ends(t) {
		if e.Reason == status.OOMKilled {
			victims++
			if e.Limit != string(state.PodLimit) {
				t.Errorf("%s has ended as %+v", name, e)
			}
		}
	}
	if victims == 0 {
		t.Errorf("nobody has lacked memory: %v", s.ends(t))
	}
	d.RemoveService(t, id)
	s.gone(t, soon)
}

// theNextTaskSweeps is part of TestOnASwarm. Tasks have different names, so here the
// service tells what belongs together.
func theNextTaskSweeps(t *testing.T, d *dockertest.Engine) {
	spec := service(t, d, components{"web": kit("sleep", "volumes: [/data]")}, "-pids=false")
	at := time.Duration(0)
	spec.TaskTemplate.RestartPolicy = &swarm.RestartPolicy{Condition: swarm.RestartPolicyConditionAny, Delay: &at}
	id := d.Service(t, spec)
	task := waitTask(t, d, id, swarm.TaskStateRunning)
	dead := supervisorIn(d, d.Container(t, task.Status.ContainerStatus.ContainerID))
	dead.Kill(t, "KILL")
	dockertest.Eventually(t, soon, func() (bool, string) { return !dead.Running(t), "the supervisor runs" })
	if !dead.component(t, "web").Running(t) {
		t.Fatal("a dead supervisor leaves nothing, so this test shows nothing")
	}
	dead.gone(t, soon)
	d.RemoveService(t, id)
}

// newConfig makes a Swarm config that is mounted at /app.conf.
func newConfig(t *testing.T, d *dockertest.Engine, content string) *swarm.ConfigReference {
	t.Helper()
	name := strings.ToLower("podlike-test-" + time.Now().Format("150405.000000"))
	made, err := d.Client().ConfigCreate(t.Context(), swarm.ConfigSpec{
		Annotations: swarm.Annotations{Name: name, Labels: d.Labels(nil)}, Data: []byte(content),
	})
	if err != nil {
		t.Fatalf("cannot create a config: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := cleaning()
		defer cancel()
		if err := d.Client().ConfigRemove(ctx, made.ID); err != nil {
			t.Errorf("cannot remove config %s: %v", name, err)
		}
	})
	return &swarm.ConfigReference{
		ConfigID: made.ID, ConfigName: name,
		File: &swarm.ConfigReferenceFileTarget{Name: "/app.conf", UID: "0", GID: "0", Mode: 0o444},
	}
}

// fetch is a page at the port by which a task publishes one of its own.
func fetch(t *testing.T, task swarm.Task, target uint32, page string) string {
	t.Helper()
	ports := task.Status.PortStatus.Ports
	i := slices.IndexFunc(ports, func(p swarm.PortConfig) bool { return p.TargetPort == target })
	if i < 0 {
		t.Fatalf("the task does not publish its port %d", target)
	}
	answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d%s", ports[i].PublishedPort, page))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
