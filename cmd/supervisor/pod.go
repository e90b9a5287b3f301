package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/podlike/podlike/internal/archive"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/identity"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/source/compose"
	"github.com/podlike/podlike/internal/source/labels"
)

// readPod reads the complete and valid pod that our labels describe, and tells what
// of it is ignored.
func readPod(ctx context.Context, e engine.Engine, o options, self engine.Seen, tell event.Sink) (pod.Pod, error) {
	p, warnings, err := labels.Read(self.Labels, compose.Own{Lookup: os.LookupEnv, ReadFile: os.ReadFile})
	for _, w := range warnings {
		tell(event.Event{At: time.Now(), Kind: event.Doubted, Why: w.String()})
	}
	if err := errors.Join(err, checkCopies(p)); err != nil {
		return p, problemsIn(err)
	}
	p = pod.Complete(o.apply(p))
	if p.PauseImage == "" {
		p.PauseImage = identity.PauseImage(self.Image, version)
	}
	own, err := ownVolumes(ctx, e, self)
	return pod.ResolveVolumes(p, own), err
}

// checkCopies refuses copies that cannot be made.
func checkCopies(p pod.Pod) error {
	var problems pod.Problems
	for _, c := range p.Components {
		for _, file := range c.Copies {
			if err := archive.Check(file); err != nil {
				problems = append(problems, pod.Problem{Place: pod.CopyPrefix + c.Name, What: err.Error()})
			}
		}
	}
	return problems.Err()
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
