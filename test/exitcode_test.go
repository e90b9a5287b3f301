package test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/swarm"

	"github.com/podlike/podlike/internal/dockertest"
)

// An ending is a way in which a pod of one component can end by itself.
type ending struct {
	why       string
	component string
	code      int  // the supervisor's
	ran       bool // whether the component has an exit code of its own
	says      string
}

// endings are all of them.
func endings(t *testing.T) map[string]ending {
	t.Helper()
	return map[string]ending{
		"Zero":          {"success is success", kit("exit 0"), 0, true, ""},
		"One":           {"a component's failure is the pod's", kit("exit 1"), 1, true, ""},
		"Seven":         {"and so is its code", kit("exit 7"), 7, true, ""},
		"Highest":       {"the highest there is stays a failure", kit("exit 255"), 255, true, ""},
		"Killed":        {"a signal is 128 and its number", kit("kill"), killed, true, ""},
		"NoImage":       {"as docker run has it when nothing could be created", "{image: " + emptyRegistry(t) + "/none:1}", 125, false, "/none:1"},
		"NeverPulled":   {"nor what its user has for sure", "{image: " + emptyRegistry(t) + "/none:1, pull_policy: never}", 125, false, "it is never pulled"},
		"NoName":        {"nor what this engine has no such name for", "{image: PODLIKE/none:1}", 125, false, "cannot pull PODLIKE/none:1"},
		"NoDevice":      {"a device that is missing is no command", kit("sleep", "devices: [/dev/podlike-none]"), 125, false, "/dev/podlike-none"},
		"NoCommand":     {"as docker run has it when there is no such file", kit("", "entrypoint: [/none]"), 127, false, "/none"},
		"NotExecutable": {"as docker run has it when a file is no program", kit("", "entrypoint: [/etc/hosts]"), 126, false, "/etc/hosts"},
	}
}

func TestTheSupervisorExitsAsItsComponentDid(t *testing.T) {
	for name, test := range endings(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := podOf(t, dockertest.New(t), components{"it": test.component, "other": kit("sleep")})
			if code := s.Wait(t); code != test.code {
				t.Errorf("exited with %d, want %d: %s", code, test.code, test.why)
			}
			test.check(t, s.lastRecord(t))
			s.gone(t, 0)
		})
	}
}

// emptyRegistry is the host of a registry that has no image.
func emptyRegistry(t *testing.T) string {
	t.Helper()
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/v2/" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}`))
		}
	}))
	t.Cleanup(registry.Close)
	return registry.Listener.Addr().String()
}

// check compares the last record with how the pod has ended.
func (e ending) check(t *testing.T, last record) {
	t.Helper()
	if last.Code != e.code || last.Component != "it" || !strings.Contains(last.Why, e.says) {
		t.Errorf("the last record has %d of %q, why %q; want %d of it, why %q", last.Code, last.Component, last.Why, e.code, e.says)
	}
	own, told := last.Codes["it"]
	switch {
	case !told:
		t.Error("the last record has no code for the component")
	case e.ran && (own == nil || *own != e.code):
		t.Errorf("the component's code is %v, want %d", own, e.code)
	case e.ran && len(last.Codes) != 2:
		t.Errorf("the codes are %v, want both components'", last.Codes)
	}
}

// What a component said last is in the last record only if it failed.
func TestTheLastRecordShowsWhatAFailedComponentSaidLast(t *testing.T) {
	for name, test := range map[string]struct {
		why, command string
		code         int
		last         []string
	}{
		"Failed":    {"its last words, from stderr too", "get http://127.0.0.1:1/", 1, []string{"testkit: Get"}},
		"Succeeded": {"nobody wants to know", "lines 30", 0, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := podOf(t, dockertest.New(t), components{"it": kit(test.command)})
			if code := s.Wait(t); code != test.code {
				t.Errorf("exited with %d, want %d", code, test.code)
			}
			got := s.lastRecord(t).LastLines
			if !slices.EqualFunc(got, test.last, strings.HasPrefix) {
				t.Errorf("the last lines are %q, want %q: %s", got, test.last, test.why)
			}
		})
	}
}

// onSwarmTheStateIsTheExitCodes is part of TestOnASwarm.
func onSwarmTheStateIsTheExitCodes(t *testing.T, d *dockertest.Engine) {
	services, endings := map[string]string{}, endings(t)
	for name, test := range endings {
		services[name] = d.Service(t, service(t, d, components{"it": test.component, "other": kit("sleep")}))
	}
	for name, test := range endings {
		t.Run(name, func(t *testing.T) {
			state := swarm.TaskStateFailed
			if test.code == 0 {
				state = swarm.TaskStateComplete
			}
			task := waitTask(t, d, services[name], swarm.TaskStateComplete, swarm.TaskStateFailed, swarm.TaskStateRejected)
			if task.Status.State != state || task.Status.ContainerStatus == nil || task.Status.ContainerStatus.ExitCode != test.code {
				t.Errorf("the task is %s with %+v, want %s with %d: %s",
					task.Status.State, task.Status.ContainerStatus, state, test.code, test.why)
			}
			s := supervisorIn(d, d.Container(t, task.Status.ContainerStatus.ContainerID))
			test.check(t, s.lastRecord(t))
			s.gone(t, 0)
		})
	}
}

// service is a Swarm service whose one task is a supervisor that is not started again.
func service(t *testing.T, d *dockertest.Engine, cs components, flags ...string) swarm.ServiceSpec {
	t.Helper()
	d.Need(t, dockertest.Pause, dockertest.Testkit)
	spec := d.Supervisor(t, cs.labels(), flags...)
	return swarm.ServiceSpec{
		TaskTemplate: swarm.TaskSpec{
			ContainerSpec: &swarm.ContainerSpec{
				Image: spec.Image, Args: spec.Cmd, Labels: spec.Labels,
				Mounts: []mount.Mount{{Type: mount.TypeBind, Source: d.Socket(t), Target: "/var/run/docker.sock"}},
			},
			RestartPolicy: &swarm.RestartPolicy{Condition: swarm.RestartPolicyConditionNone},
		},
		// There may be no IPVS, and so no virtual address, on the machine.
		EndpointSpec: &swarm.EndpointSpec{Mode: swarm.ResolutionModeDNSRR},
	}
}

// waitTask waits until a service's task is in one of the states, and returns it.
func waitTask(t *testing.T, d *dockertest.Engine, service string, states ...swarm.TaskState) (task swarm.Task) {
	t.Helper()
	dockertest.Eventually(t, 2*soon, func() (bool, string) {
		for _, task = range d.Tasks(t, service) {
			return slices.Contains(states, task.Status.State), string(task.Status.State) + " " + task.Status.Err
		}
		return false, "no task"
	})
	return task
}
