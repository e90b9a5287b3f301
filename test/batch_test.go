package test

import (
	"testing"
	"time"

	"github.com/docker/docker/api/types/swarm"
	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/status"
)

// batch is a pod whose components come to their ends, but for its sidecar.
func batch() components {
	return components{
		"one":   kit("exit 0 after 500ms", "restart: on-failure"),
		"two":   kit("exit 0 after 2s", "restart: on-failure"),
		"proxy": kit("sleep", "x-pod: {sidecar: true}"),
	}
}

// checkBatch checks that it has come to its end as a batch does: its sidecar runs until
// all others have completed.
func (s supervisor) checkBatch(t *testing.T) {
	t.Helper()
	var got []string
	for _, r := range s.records(t) {
		if r.Message == "component ended" || r.Message == "pod stopping" {
			got = append(got, r.Message+" "+r.Component+r.Why)
		}
	}
	want := []string{"component ended one", "component ended two", "pod stopping all components have completed", "component ended proxy"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if last := s.lastRecord(t); last.Code != 0 || last.Component != "" {
		t.Errorf("the last record is %+v", last)
	}
	for name, end := range s.ends(t) {
		if end.Code != 0 || end.Reason != status.Completed || end.Restarts != 0 {
			t.Errorf("%s: %+v", name, end)
		}
	}
	s.gone(t, 0)
}

func TestABatchSucceedsWhileItsSidecarRuns(t *testing.T) {
	t.Parallel()
	s := podOf(t, dockertest.New(t), batch())
	if code := s.Wait(t); code != 0 {
		t.Errorf("exited with %d, want 0", code)
	}
	s.checkBatch(t)
}

// aBatchIsComplete is part of TestOnASwarm.
func aBatchIsComplete(t *testing.T, d *dockertest.Engine) {
	spec := service(t, d, batch())
	at := time.Duration(0)
	spec.TaskTemplate.RestartPolicy = &swarm.RestartPolicy{Condition: swarm.RestartPolicyConditionOnFailure, Delay: &at}
	id := d.Service(t, spec)
	task := waitTask(t, d, id, swarm.TaskStateComplete, swarm.TaskStateFailed, swarm.TaskStateRejected)
	if task.Status.State != swarm.TaskStateComplete || task.Status.ContainerStatus.ExitCode != 0 {
		t.Fatalf("the task is %s with %+v", task.Status.State, task.Status.ContainerStatus)
	}
	supervisorIn(d, d.Container(t, task.Status.ContainerStatus.ContainerID)).checkBatch(t)
	dockertest.Eventually(t, soon, func() (bool, string) { // Swarm has decided then what is to follow
		tasks := d.Tasks(t, id)
		return tasks[0].DesiredState == swarm.TaskStateShutdown, string(tasks[0].DesiredState)
	})
	if tasks := d.Tasks(t, id); len(tasks) != 1 {
		t.Errorf("there are %d tasks, and one was to be run", len(tasks))
	}
	d.RemoveService(t, id)
}
