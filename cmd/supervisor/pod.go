package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/podlike/podlike/internal/archive"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/identity"
	"github.com/podlike/podlike/internal/keyring"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/labels"
)

// envDockerHost is where the engine is, in the words of Docker's own client.
const envDockerHost = "DOCKER_HOST"

// envDockerConfig names the directory of Docker's config.json.
const envDockerConfig = "DOCKER_CONFIG"

// A runnable pod is one that can be run, with all that is needed for that.
type runnable struct {
	pod      pod.Pod
	owner    pod.Owner
	keys     keyring.Keyring
	oomScore int       // of its components
	image    engine.ID // of the supervisor
}

// prepare makes the pod ready that the labels of our container describe, and tells what
// of it is ignored or lowered. Nothing is created.
func prepare(ctx context.Context, e engine.Engine, o options, self engine.Seen, tell event.Sink) (runnable, error) {
	read, err := readPod(ctx, e, o, self, tell)
	keys, unread := keyring.Read(keyring.Files(os.Getenv(envDockerConfig))...)
	if err := errors.Join(err, unread); err != nil {
		return runnable{}, problemsIn(err)
	}
	p, lowered := pod.Clamp(read.Pod, pod.Limits(self.Limits))
	for _, l := range read.Locate(lowered) {
		tell(event.Event{At: time.Now(), Kind: event.Lowered, Why: l.String()})
	}
	return runnable{pod: p, owner: ownerOf(self), keys: keys, oomScore: min(self.OOMScoreAdj+1, 1000), image: self.ImageID}, nil
}

// readPod reads the complete and valid pod that our labels describe, and tells what
// of it is ignored.
func readPod(ctx context.Context, e engine.Engine, o options, self engine.Seen, tell event.Sink) (labels.Reading, error) {
	read, err := labels.Read(self.Labels, compose.Own{Lookup: os.LookupEnv, ReadFile: os.ReadFile})
	for _, w := range read.Warnings {
		tell(event.Event{At: time.Now(), Kind: event.ConfigWarning, Why: w.String()})
	}
	mounts, unread := readMounts()
	if unread != nil {
		return read, unread
	}
	if err := errors.Join(err, checkCopies(read, mounts)); err != nil {
		return read, problemsIn(err)
	}
	own, err := ownVolumes(ctx, e, self)
	if err != nil {
		return read, err
	}
	p := pod.ResolveVolumes(complete(read.Pod, o, self.Image), own)
	if o.volumes {
		p = pod.ShareVolumes(p, mounted(self), ownSockets(os.Getenv(envDockerHost))...)
	}
	read.Pod, err = inMemory(p, mounts)
	return read, err
}

// complete is a pod with what the command line says of it, and the pause image that
// belongs to a supervisor's.
func complete(p pod.Pod, o options, image string) pod.Pod {
	p = pod.Complete(o.apply(p))
	if p.PauseImage == "" {
		p.PauseImage = identity.PauseImage(image, version)
	}
	return p
}

// checkCopies refuses copies that cannot be made, and those that nobody would see.
func checkCopies(read labels.Reading, mounts ownMounts) error {
	var problems pod.Problems
	for _, c := range read.All() {
		for _, file := range c.Copies {
			if err := checkCopy(c, file, mounts); err != nil {
				problems = append(problems, pod.Problemf(file.PlaceIn(c.Name), "%v", err))
			}
		}
	}
	return read.Locate(problems).Err()
}

// checkCopy says why a copy into a component cannot be made, or would not be seen.
func checkCopy(c pod.Component, file pod.Copy, mounts ownMounts) error {
	_, err := archive.LookAt(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w; give it to the supervisor, as a secret, a config or a volume of its service", err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w; let the supervisor's user read it", err)
	case err == nil:
		file.Memory, err = mounts.handsOn(file)
	}
	if why := c.Hides(file); err == nil && why != "" {
		return fmt.Errorf("%s %s; copy to elsewhere", path.Clean(file.Target), why)
	}
	return err
}

// problemsIn gathers the problems of joined errors.
func problemsIn(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err
	}
	var all pod.Problems
	for _, one := range joined.Unwrap() {
		var some pod.Problems
		if !errors.As(one, &some) {
			return err
		}
		all = append(all, some...)
	}
	return all
}

// ownVolumes are the volumes mounted into this container.
func ownVolumes(ctx context.Context, e engine.Engine, self engine.Seen) ([]pod.OwnVolume, error) {
	var own []pod.OwnVolume
	for _, name := range self.Volumes() {
		v, err := e.Volume(ctx, name)
		if err != nil {
			return nil, err
		}
		own = append(own, pod.OwnVolume{Name: v.Name, Labels: v.Labels})
	}
	return own, nil
}

// mounted are the volumes and host paths mounted into this container, without its
// secrets: Swarm's, and its configs, are none of them, but those of Compose are.
func mounted(self engine.Seen) (all []pod.Volume) {
	for _, m := range self.Mounts {
		switch {
		case isSecret(m.Target):
		case m.Type == engine.VolumeMount:
			all = append(all, pod.Volume{Kind: pod.Named, Source: m.Name, Target: m.Target, ReadOnly: m.ReadOnly, NoCopy: true})
		case m.Type == engine.BindMount:
			all = append(all, pod.Volume{Kind: pod.Bind, Source: m.Source, Target: m.Target, ReadOnly: m.ReadOnly, Propagation: m.Propagation})
		}
	}
	return all
}

// ownSockets are the paths that the engine's socket may have: where it usually is, and
// where DOCKER_HOST says that it is.
func ownSockets(host string) []string {
	sockets := []string{"/var/run/docker.sock", "/run/docker.sock"}
	if named, ok := strings.CutPrefix(host, "unix://"); ok {
		sockets = append(sockets, named)
	}
	return sockets
}
