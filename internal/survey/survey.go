// Package survey looks at what the engine has of a pod, and at what the pod needs of it, all
// at once and before anything is done. It changes nothing and judges nothing.
package survey

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/executor"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// Engine is what a survey needs of one.
type Engine interface {
	List(ctx context.Context, labels map[string]string) ([]engine.Seen, error)
	Image(ctx context.Context, ref string) (engine.Image, error)
	Volume(ctx context.Context, name string) (engine.Volume, error)
	Volumes(ctx context.Context, labels map[string]string) ([]engine.Volume, error)
}

// A Surveyor looks on behalf of a pod.
type Surveyor struct {
	Engine Engine
	Pod    pod.Pod
	Owner  pod.Owner
}

// Look reports what there is but for the owners that are Alive. Pause is that of the pod's
// present life: while there is one nobody else has our names, and images and external
// volumes are known.
func (s Surveyor) Look(ctx context.Context, pause engine.ID) (plan.World, error) {
	w := plan.World{Pause: pause, Images: map[string]engine.Image{}}
	ours := map[string]string{pod.LabelOwner: s.Owner.ID}
	looks := []func() error{
		func() (err error) { w.Containers, err = s.Engine.List(ctx, ours); return err },
		func() (err error) { w.Volumes, err = s.Engine.Volumes(ctx, ours); return err },
	}
	var namesakes []engine.Seen
	if pause == "" {
		looks = append(looks, s.needs(ctx, &w)...)
		looks = append(looks, func() (err error) {
			namesakes, err = s.Engine.List(ctx, map[string]string{pod.LabelName: s.Owner.Name})
			return err
		})
	}
	if err := executor.Together(looks); err != nil {
		return w, err
	}
	slices.Sort(w.Lacking)
	for _, c := range namesakes {
		if c.Labels[pod.LabelOwner] != s.Owner.ID {
			w.Containers = append(w.Containers, c)
		}
	}
	return w, nil
}

// needs look at the images and external volumes that the pod needs.
func (s Surveyor) needs(ctx context.Context, w *plan.World) (looks []func() error) {
	var mu sync.Mutex
	look := func(do func() error, note func(there bool)) {
		looks = append(looks, func() error {
			err := do()
			there := !errors.Is(err, engine.ErrNotFound)
			if err != nil && there {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			note(there)
			return nil
		})
	}
	for _, ref := range plan.Images(s.Pod) {
		var image engine.Image
		look(func() (err error) { image, err = s.Engine.Image(ctx, ref); return err }, func(there bool) {
			if there {
				w.Images[ref] = image
			}
		})
	}
	for _, name := range plan.External(s.Pod) {
		look(func() error { _, err := s.Engine.Volume(ctx, name); return err }, func(there bool) {
			if !there {
				w.Lacking = append(w.Lacking, name)
			}
		})
	}
	return looks
}
