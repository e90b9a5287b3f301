package test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/swarm"

	"github.com/podlike/podlike/internal/dockertest"
)

// wildDir has stacks in the forms that those have which were written for Podlike since
// 2018, and the files that they name.
const wildDir = "testdata/compat"

// A wild stack is what has become of one of them when it is healthy.
type wild struct {
	why, service string
	components   []string
	// ports are those that the service publishes, by those that it publishes them at.
	ports map[uint32]uint32
	// files are what components are handed on, by component and path: a file in wildDir.
	files map[string]map[string]string
	// volumes are what components mount, as `target volume`, in which STACK and TASK
	// stand for the stack's name and the task's ID.
	volumes map[string]string
	// env is a variable that components have.
	env map[string]string
	// ignored are keys of which the log says that they make no sense in a pod.
	ignored []string
	// said is a line of a component's output.
	said string
}

// shop is what both forms of the same stack make of it.
func shop(why string, more wild) wild {
	more.why, more.service = why, "shop"
	more.files = map[string]map[string]string{
		"app": {"/opt/app/conf/logs.xml": "logging.xml"},
		"cache": {
			"/opt/cache/conf.d/default.conf": "cache.conf",
			"/etc/ssl/shop.cert":             "tls.cert",
			"/etc/ssl/shop.key":              "tls.key",
		},
	}
	more.volumes = map[string]string{"app": "/var/logs/app STACK_logs", "log-collector": "/var/logs/app STACK_logs read-only"}
	more.env = map[string]string{"app": "CLOUD_READY=no"}
	return more
}

// wilds are the stacks by their files.
func wilds() map[string]wild {
	return map[string]wild{
		"labels.yml": shop("a label a component", wild{
			components: []string{"app", "cache", "discovery", "health", "log-collector"}, ports: map[uint32]uint32{8443: 8443, 9001: 8080},
		}),
		"composefile.yml": shop("a Compose file that is a config", wild{
			components: []string{"app", "cache", "log-collector"}, ports: map[uint32]uint32{8443: 8443},
			ignored: []string{"expose", "build", "ports", "networks", "deploy.replicas"},
		}),
		"forms.yml": {
			why: "flow style, JSON, init components, a volume for each task", service: "worker",
			components: []string{"app", "front", "tail"},
			volumes:    map[string]string{"app": "/data worker_TASK"},
			said:       "[out] init-1: what init-1 is to have\n",
		},
	}
}

func TestStacksWrittenForPodlikeRunAsTheyAre(t *testing.T) {
	d := dockertest.New(t)
	d.Swarm(t)
	d.Need(t, dockertest.Supervisor, dockertest.Pause, dockertest.Testkit)
	for file, want := range wilds() {
		t.Run(file, func(t *testing.T) { want.liveAndDie(t, d, file) })
	}
}

// liveAndDie deploys a stack, looks at its pod, and removes it.
func (w wild) liveAndDie(t *testing.T, d *dockertest.Engine, file string) {
	began := time.Now()
	name := d.Stack(t, filepath.Join(wildDir, file), onThisNode(t, w))
	task := waitTask(t, d, name+"_"+w.service, swarm.TaskStateRunning) // which it is when it is healthy
	s := supervisorIn(d, d.Container(t, task.Status.ContainerStatus.ContainerID))
	names := strings.NewReplacer("STACK", name, "TASK", task.ID)
	for _, component := range w.components {
		w.check(t, s.component(t, component), component, names)
	}
	for _, target := range w.ports {
		if got := fetch(t, task, target, "/"); !strings.HasPrefix(got, "testkit on ") {
			t.Errorf("port %d answers %q: %s", target, got, w.why)
		}
	}
	w.checkLog(t, s)
	secrets := []string{strings.TrimSpace(wildFile(t, "tls.cert")), strings.TrimSpace(wildFile(t, "tls.key"))}
	for _, secret := range secrets {
		s.tellsNothingOf(t, secret, 2+len(w.components))
	}

	d.RemoveStack(t, name)
	s.gone(t, 0)
	if files := found(t, d, began, secrets...); len(files) > 0 {
		t.Errorf("secrets are in %q: %s", files, w.why)
	}
	for _, volume := range w.volumes {
		source := strings.Fields(names.Replace(volume))[1]
		if _, err := d.Client().VolumeInspect(t.Context(), source); err != nil {
			t.Errorf("the user's volume has not outlived the pod: %v", err)
		}
	}
}

// check compares a component with what it is to be.
func (w wild) check(t *testing.T, c *dockertest.Container, name string, names *strings.Replacer) {
	t.Helper()
	for path, file := range w.files[name] {
		if got, want := inside(t, c, "cat", path), wildFile(t, file); got != want {
			t.Errorf("%s has at %s %q, want %q: %s", name, path, got, want, w.why)
		}
	}
	if env := inside(t, c, "env"); !strings.Contains("\n"+env, "\n"+w.env[name]) {
		t.Errorf("%s has no %s in\n%s", name, w.env[name], env)
	}
	if got, want := mountsOf(t, c), names.Replace(w.volumes[name]); want != "" && !slices.Contains(got, want) {
		t.Errorf("%s mounts %q, want %q: %s", name, got, want, w.why)
	}
}

// checkLog looks for what the supervisor is to have logged.
func (w wild) checkLog(t *testing.T, s supervisor) {
	t.Helper()
	log := s.Container.Output(t)
	for _, key := range w.ignored {
		if !strings.Contains(log, ": "+key+": makes no sense in a pod and is ignored; ") {
			t.Errorf("nothing is said of %s in\n%s", key, log)
		}
	}
	if !strings.Contains("\n"+log, "\n"+w.said) {
		t.Errorf("there is no line %q in\n%s", w.said, log)
	}
}

// inside is what a command of testkit's prints in a container.
func inside(t *testing.T, c *dockertest.Container, command ...string) string {
	t.Helper()
	out, code := c.Exec(t, append([]string{"/testkit"}, command...)...)
	if code != 0 {
		t.Errorf("%q in %s exits with %d", command, c.Name, code)
	}
	return out
}

// mountsOf are the volumes in a container, as `target volume`.
func mountsOf(t *testing.T, c *dockertest.Container) (all []string) {
	t.Helper()
	for _, m := range c.Inspect(t).Mounts {
		line := m.Destination + " " + m.Name
		if !m.RW {
			line += " read-only"
		}
		all = append(all, line)
	}
	return all
}

// wildFile is the text of a file in wildDir.
func wildFile(t *testing.T, name string) string {
	t.Helper()
	return read(t, filepath.Join(wildDir, name))
}

// onThisNode is a file to be deployed on top of a stack where there may be no IPVS, and
// so no virtual address and no routing mesh. What a port is published at tells which one
// it takes the place of.
func onThisNode(t *testing.T, w wild) string {
	t.Helper()
	text := fmt.Sprintf("version: '3.7'\nservices:\n  %s:\n    deploy: {endpoint_mode: dnsrr}\n", w.service)
	var ports []string
	for published, target := range w.ports {
		ports = append(ports, fmt.Sprintf("{published: %d, target: %d, mode: host}", published, target))
	}
	text += "    ports: [" + strings.Join(ports, ", ") + "]\n"
	file := filepath.Join(t.TempDir(), "this-node.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
