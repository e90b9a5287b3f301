package death

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
	"github.com/docker/docker/api/types/network"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/pkg/stdcopy"

	"github.com/podlike/podlike/internal/dockertest"
)

// A form is a way in which people run a pod.
type form interface {
	fmt.Stringer
	// fits says whether there is such a thing on an engine.
	fits(s site) bool
	// start starts the pod.
	start(t *testing.T, r *round)
	// again says whether another life has to follow the one that has ended so, whoever
	// sees to that: not whether the pod was stopped, which the round knows.
	again(t trial, ended *run) bool
	// revive does what a user has to for another life that has to follow.
	revive(t *testing.T, r *round, ended *run)
	// stop asks it to stop as its users do, and may wait for that. Whether there is
	// anything left to stop is not known.
	stop(ctx context.Context, r *round) error
}

// forms are all of them.
var forms = []form{
	plain{}, pair{}, always{restart: container.RestartPolicyAlways}, always{restart: container.RestartPolicyUnlessStopped, composed: true}, service{},
}

// stopTimeout is what the engine gives a supervisor before it kills it.
const stopTimeout = 15 * time.Second

// plain is `docker run`: one supervisor that makes its pause, and one life.
type plain struct{}

func (plain) String() string         { return "docker run" }
func (plain) fits(site) bool         { return true }
func (plain) again(trial, *run) bool { return false }

func (plain) revive(*testing.T, *round, *run) {}

func (plain) start(t *testing.T, r *round) { r.supervisor = r.ground.Run(t, r.spec(t)) }

func (plain) stop(ctx context.Context, r *round) error { return r.stopSupervisor(ctx) }

// always is a supervisor that the engine starts again. Composed is as docker compose does
// it, in a network of the project's.
type always struct {
	restart  container.RestartPolicyMode
	composed bool
}

func (a always) String() string {
	if a.composed {
		return "docker compose with restart: " + string(a.restart)
	}
	return "docker run --restart " + string(a.restart)
}

func (always) fits(site) bool { return true }

func (a always) start(t *testing.T, r *round) {
	spec := r.spec(t)
	spec.Restart = a.restart
	if a.composed {
		spec.Labels["com.docker.compose.project"], spec.Labels["com.docker.compose.service"] = "round-"+r.number, "pod"
		spec.Network = r.ground.Network(t)
		r.network = spec.Network
	}
	r.supervisor = r.ground.Run(t, spec)
}

// again: an engine never restarts what it was itself asked to end, unless it begins anew.
// One that was killed asks all to end then, as if a user had, and leaves those alone that
// are to be started unless they were stopped.
func (a always) again(t trial, ended *run) bool {
	switch {
	case !ended.removed.IsZero():
		return false
	case t.engineWent(ended):
		return a.restart == container.RestartPolicyAlways || !t.engineWent(ended, outsideKill)
	}
	return len(ended.asked) == 0
}

func (always) revive(*testing.T, *round, *run) {}

func (always) stop(ctx context.Context, r *round) error { return r.stopSupervisor(ctx) }

// service is a Swarm service of one task, which Swarm replaces whatever it ends with.
type service struct{}

func (service) String() string         { return "a Swarm service" }
func (service) fits(s site) bool       { return !s.restores }
func (service) again(trial, *run) bool { return true }

func (service) revive(*testing.T, *round, *run) {}

func (service) start(t *testing.T, r *round) {
	spec := r.spec(t)
	source, target, _ := strings.Cut(spec.Binds[0], ":")
	delay, patience := 200*time.Millisecond, stopTimeout
	r.service = r.ground.Service(t, swarm.ServiceSpec{
		TaskTemplate: swarm.TaskSpec{
			ContainerSpec: &swarm.ContainerSpec{
				Image: spec.Image, Args: spec.Cmd, Labels: spec.Labels, Env: spec.Env, StopGracePeriod: &patience,
				Mounts: []mount.Mount{
					{Type: mount.TypeBind, Source: source, Target: target},
					{Type: mount.TypeBind, Source: r.ground.secret, Target: "/run/secrets/key", ReadOnly: true},
				},
				Healthcheck: &container.HealthConfig{Test: []string{"NONE"}}, // its interval is longer than a life
			},
			RestartPolicy: &swarm.RestartPolicy{Condition: swarm.RestartPolicyConditionAny, Delay: &delay},
		},
		EndpointSpec: &swarm.EndpointSpec{Mode: swarm.ResolutionModeDNSRR}, // there may be no IPVS
	})
}

// stop reads what the last task has to say until it has ended, for Swarm removes it then.
func (service) stop(ctx context.Context, r *round) error {
	read := func() {}
	if l := chronicleOf(r.ground.of(r.number)).last(); l != nil && l.runs() {
		read = r.follow(ctx, l.id)
	}
	err := ignoreAbsent(r.ground.Client().ServiceRemove(ctx, r.service))
	read()
	return err
}

// pair is a pause that outlives its supervisors, each of which goes on with what the one
// before has left.
type pair struct{}

func (pair) String() string   { return "a pair" }
func (pair) fits(s site) bool { return !s.mortal }

func (p pair) start(t *testing.T, r *round) {
	r.pause = r.ground.Run(t, dockertest.Spec{
		Image: dockertest.Pause, IPC: "shareable", Labels: map[string]string{roundLabel: r.number}, StopTimeout: stopTimeout,
	})
	r.supervisor = r.ground.Run(t, p.spec(t, r))
}

// spec is a supervisor of the round's pause.
func (pair) spec(t *testing.T, r *round) dockertest.Spec {
	t.Helper()
	spec := r.spec(t)
	spec.Network = dockertest.Join(r.pause)
	spec.Labels[pairLabel] = r.pause.ID
	return spec
}

// again: whoever was killed is followed by another, as long as there is a pause. One that was
// asked to end has taken down what it could.
func (pair) again(t trial, ended *run) bool {
	pauses := named(t.of(ended), pauseName)
	asked := slices.ContainsFunc(ended.asked, func(a asking) bool { return a.signal != asKill && a.signal != asStop }) ||
		slices.ContainsFunc(t.hits, func(h hit) bool { return h.asks() && t.struck(h) == ended })
	return ended.code == killed && t.wasKilled(ended) && !asked && len(pauses) > 0 && pauses[0].runs()
}

// revive starts the supervisor that was killed, or one like it where it was removed.
func (p pair) revive(t *testing.T, r *round, ended *run) {
	t.Helper()
	r.act("start the supervisor again")
	if r.supervisor.ID == ended.id && !ended.removed.IsZero() {
		r.supervisor = r.ground.Create(t, p.spec(t, r))
	}
	if err := r.supervisor.StartError(); err != nil { // it is about to be removed, or pause has ended, which shows
		r.act("it does not start: %v", err)
	}
}

func (pair) stop(ctx context.Context, r *round) error { return r.stopSupervisor(ctx) }

// stopSupervisor is `docker stop`.
func (r *round) stopSupervisor(ctx context.Context) error {
	seconds := int(stopTimeout.Seconds())
	return ignoreAbsent(r.ground.Client().ContainerStop(ctx, r.supervisor.ID, container.StopOptions{Timeout: &seconds}))
}

// ignoreAbsent is err, unless it says that there is no such thing.
func ignoreAbsent(err error) error {
	if cerrdefs.IsNotFound(err) {
		return nil
	}
	return err
}

// spec is a supervisor of the round's pod.
func (r *round) spec(t *testing.T) dockertest.Spec {
	t.Helper()
	spec := r.ground.Supervisor(t, r.shape.labels(), r.shape.flags...)
	spec.Labels[roundLabel] = r.number
	spec.Binds = append(spec.Binds, r.ground.secret+":/run/secrets/key:ro")
	spec.StopTimeout = stopTimeout
	spec.Health = &container.HealthConfig{Test: []string{"NONE"}} // it would be one more thing that an engine loses
	return spec
}

// follow reads a supervisor's log from its begin on. The returned function waits for its
// end, or for that of ctx.
func (r *round) follow(ctx context.Context, id string) (read func()) {
	stream, err := r.ground.Client().ContainerAttach(ctx, id, container.AttachOptions{Stream: true, Stdout: true, Stderr: true, Logs: true})
	if err != nil {
		return func() {} // it has ended, or is missed by the judge
	}
	var log bytes.Buffer
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = stdcopy.StdCopy(io.Discard, &log, stream.Reader) // what is missing shows in the log
	}()
	return func() {
		stop := context.AfterFunc(ctx, stream.Close)
		<-ended
		stop()
		stream.Close()
		r.keepLog(id, log.String())
	}
}

// keepLog notes a supervisor's log, unless there is a longer one.
func (r *round) keepLog(id, log string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(log) > len(r.logs[id]) {
		r.logs[id] = log
	}
}

// keepLogs reads the logs of supervisors that are there. Of one that cannot be read the
// judge will miss what it needs.
func (r *round) keepLogs() {
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	for _, id := range chronicleOf(r.ground.of(r.number)).owners() {
		stream, err := r.ground.Client().ContainerLogs(ctx, id, container.LogsOptions{ShowStdout: true, ShowStderr: true})
		if err != nil {
			r.act("the log of supervisor %s cannot be read: %v", id[:12], err)
			continue
		}
		var log bytes.Buffer
		if _, err = stdcopy.StdCopy(io.Discard, &log, stream); err != nil {
			r.act("the log of supervisor %s cannot be read to its end: %v", id[:12], err)
		}
		stream.Close()
		r.keepLog(id, log.String())
	}
}

// clear removes what a user removes and Swarm does not: the supervisor, a pair's pause and the
// network.
// What is of the pod itself is left alone.
func (r *round) clear(t *testing.T) {
	t.Helper()
	if r.supervisor != nil {
		r.supervisor.Remove(t)
	}
	if r.pause != nil {
		r.pause.Remove(t)
	}
	if r.network == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	cli := r.ground.Client()
	if r.site.mortal { // an engine that was killed may keep in it who has ended meanwhile
		seen, err := cli.NetworkInspect(ctx, r.network, network.InspectOptions{})
		for _, end := range seen.Containers {
			err = errors.Join(err, cli.NetworkDisconnect(ctx, r.network, end.Name, true))
		}
		if err != nil {
			t.Errorf("cannot empty the pod's network: %v", err)
		}
	}
	if err := cli.NetworkRemove(ctx, r.network); err != nil {
		t.Errorf("cannot remove the pod's network: %v", err)
	}
}
