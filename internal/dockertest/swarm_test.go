package dockertest

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/volume"

	"github.com/podlike/podlike/internal/pod"
)

// Whatever the engine was before a test needed a swarm, it is again afterwards. The
// lock is held all the while, or another package's tests would be seen.
func TestLeavingASwarmRestoresTheEngine(t *testing.T) {
	e := New(t)
	release, err := lock(swarmLock())
	if err != nil {
		t.Fatal(err)
	}
	defer release()

	before := swarmState(t, e)
	leave, err := e.join()
	if err != nil {
		t.Fatal(err)
	}
	if during := swarmState(t, e); during == string(swarm.LocalNodeStateInactive) {
		t.Error("the engine is in no swarm")
	}
	if leave != nil {
		if err := leave(); err != nil {
			t.Fatal(err)
		}
	}
	if after := swarmState(t, e); after != before {
		t.Errorf("the engine was %q and is %q", before, after)
	}
}

// A test that is killed cannot leave its swarm. The next one does, and finds in the
// swarm's labels what the engine was before.
func TestASwarmLeftBehindIsLeftByTheNext(t *testing.T) {
	killed, next := New(t), New(t)
	release, err := lock(swarmLock())
	if err != nil {
		t.Fatal(err)
	}
	defer release()

	before := swarmState(t, killed)
	left, err := killed.join()
	if err != nil {
		t.Fatal(err)
	}
	if left == nil {
		return // the engine is in its user's swarm, which no test leaves
	}
	leave, err := next.join()
	if err != nil || leave == nil {
		t.Fatalf("taken for someone else's: %v", err)
	}
	if err := leave(); err != nil {
		t.Fatal(err)
	}
	if after := swarmState(t, next); after != before {
		t.Errorf("the engine was %q and is %q", before, after)
	}
}

func TestAServiceIsGoneWithItsScope(t *testing.T) {
	outer := New(t)
	outer.Swarm(t) // it outlives the service, or leaving it would do the work
	var service string
	t.Run("Scope", func(t *testing.T) {
		e := New(t)
		service = e.Service(t, swarm.ServiceSpec{
			TaskTemplate: swarm.TaskSpec{ContainerSpec: &swarm.ContainerSpec{Image: Testkit, Args: []string{"sleep"}}},
		})
		Eventually(t, 30*time.Second, func() (bool, string) {
			for _, task := range e.Tasks(t, service) {
				return task.Status.State == swarm.TaskStateRunning, string(task.Status.State) + " " + task.Status.Err
			}
			return false, "no task"
		})
		if found, err := e.containers(e.mine()); err != nil || len(found) != 1 {
			t.Errorf("the scope's own are %v, %v, want the task's container", found, err)
		}
		made := volume.CreateOptions{Labels: map[string]string{pod.LabelService: service}} // as its task may have
		if _, err := e.cli.VolumeCreate(t.Context(), made); err != nil {
			t.Fatal(err)
		}
	})
	if tasks := outer.Tasks(t, service); len(tasks) > 0 {
		t.Errorf("%d tasks are left behind", len(tasks))
	}
	left, err := outer.containers(labelled(serviceLabel, service))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	if names, err := outer.volumes(labelled(pod.LabelService, service)); err != nil || len(names) > 0 {
		t.Errorf("left behind: the volumes %q, %v", names, err)
	}
}

func TestTheSwarmLockKeepsOthersOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	release, err := lock(path)
	if err != nil {
		t.Fatal(err)
	}
	second := make(chan error, 1)
	go func() {
		again, err := lock(path)
		if err == nil {
			err = again()
		}
		second <- err
	}()
	select {
	case <-second:
		t.Error("the lock was had twice")
	case <-time.After(50 * time.Millisecond): // long enough for one that is free
	}
	if err := release(); err != nil {
		t.Fatal(err)
	}
	if err := <-second; err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file is gone, and with it what others wait for: %v", err)
	}
}

// swarmState tells whether the engine is in a swarm and has the network for it.
func swarmState(t *testing.T, e *Engine) string {
	t.Helper()
	info, err := e.cli.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err = e.cli.NetworkInspect(t.Context(), bridge, network.InspectOptions{}); err != nil {
		return string(info.Swarm.LocalNodeState)
	}
	return string(info.Swarm.LocalNodeState) + " with " + bridge
}
