package pull

import (
	"fmt"
	"testing"
	"time"

	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/swarm"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/keyring"
	"github.com/podlike/podlike/internal/pod"
)

// An image from scratch has no /var/run that would be a link to /run, so the two
// forms of a target are two files.
func TestASecretOfTheServiceIsFoundWhereverItsTargetPutsIt(t *testing.T) {
	p := newPlace(t)
	p.d.Swarm(t)
	secret := p.secret(t, fmt.Sprintf(`{"auths": {%q: %s}}`, p.Host, auth(p.User, p.Password)))

	for _, target := range []string{keyring.Secret, "podlike/dockerregistryauth.json"} {
		p.d.Forget(t, p.ref)
		id := p.d.Service(t, p.service(t, secret, target))
		dockertest.Eventually(t, time.Minute, func() (bool, string) {
			for _, task := range p.d.Tasks(t, id) {
				if c := task.Status.ContainerStatus; c != nil && task.Status.State == swarm.TaskStateFailed {
					return c.ExitCode == 7, fmt.Sprintf("%s: exited with %d: %s", target, c.ExitCode, task.Status.Err)
				}
			}
			return false, target + ": no task has ended"
		})
		p.d.RemoveService(t, id)
	}
	if err := p.d.Client().SecretRemove(t.Context(), secret.ID); err != nil {
		t.Error(err)
	}
}

// secret makes a secret of the swarm's.
func (p place) secret(t *testing.T, text string) swarm.Secret {
	t.Helper()
	named := swarm.Annotations{Name: "podlike-test-" + p.User, Labels: p.d.Labels(nil)}
	made, err := p.d.Client().SecretCreate(t.Context(), swarm.SecretSpec{Annotations: named, Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return swarm.Secret{ID: made.ID, Spec: swarm.SecretSpec{Annotations: named}}
}

// service is one task of a pod whose component exits with 7.
func (p place) service(t *testing.T, secret swarm.Secret, target string) swarm.ServiceSpec {
	t.Helper()
	file := &swarm.SecretReferenceFileTarget{Name: target, UID: "0", GID: "0", Mode: 0o400}
	return swarm.ServiceSpec{TaskTemplate: swarm.TaskSpec{
		RestartPolicy: &swarm.RestartPolicy{Condition: swarm.RestartPolicyConditionNone},
		ContainerSpec: &swarm.ContainerSpec{
			Image: p.supervisor, Args: []string{"-pause-image", dockertest.Pause},
			Labels:  map[string]string{pod.ComponentPrefix + "app": fmt.Sprintf("{image: %q, command: exit 7}", p.ref)},
			Mounts:  []mount.Mount{{Type: mount.TypeBind, Source: p.d.Socket(t), Target: "/var/run/docker.sock"}},
			Secrets: []*swarm.SecretReference{{File: file, SecretID: secret.ID, SecretName: secret.Spec.Name}},
		},
	}}
}
