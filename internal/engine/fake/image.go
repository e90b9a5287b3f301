package fake

import (
	"context"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
)

// An Image is what containers are made of.
type Image struct {
	Entrypoint, Command []string
	Env                 []string
	StopSignal          string
	// Volumes are the paths for which the engine makes anonymous volumes.
	Volumes []string
	// Checked: it has a health check. What that finds, the test or the program says.
	Checked bool
	// Programs are what can be executed, by path. The directories they are in are
	// there but cannot be executed, and nothing else is there.
	Programs map[string]Program
	// PullTime is how long a pull of it takes.
	PullTime time.Duration
}

// Running is an image that has one program and runs it.
func Running(p Program) Image {
	return Image{Entrypoint: []string{"/main"}, Programs: map[string]Program{"/main": p}}
}

// AddImage makes an image that is there.
func (e *Engine) AddImage(ref string, i Image) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.images[ref] = i
}

// AddRemote makes an image that can be pulled.
func (e *Engine) AddRemote(ref string, i Image) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.remote[ref] = i
}

// Image implements engine.Engine.
func (e *Engine) Image(ctx context.Context, ref string) (i engine.Image, err error) {
	err = e.call(ctx, "inspect image", ref, func() error {
		e.mu.Lock()
		defer e.mu.Unlock()
		image, ok := e.images[ref]
		if !ok {
			return engine.ErrNotFound
		}
		i = engine.Image{ID: engine.ID(ref), Volumes: image.Volumes, Checked: image.Checked}
		return nil
	})
	return i, err
}

// layers is in how many parts of how many bytes a pull comes.
const layers, layerSize = 4, 1 << 20

// Pull implements engine.Engine.
func (e *Engine) Pull(ctx context.Context, ref, _ string, _ engine.Credential, tell func(engine.Progress)) error {
	return e.call(ctx, "pull", ref, func() error {
		e.mu.Lock()
		image, ok := e.remote[ref]
		e.mu.Unlock()
		if !ok {
			return engine.ErrNotFound
		}
		for done := range layers {
			tell(engine.Progress{Status: "Downloading", Done: int64(done) * layerSize, Total: layers * layerSize})
			if err := clock.Sleep(ctx, image.PullTime/layers); err != nil {
				return err
			}
		}
		e.AddImage(ref, image)
		return nil
	})
}

// argv is what a container of this image executes. An entrypoint of the
// container's own makes the image's command void.
func (i Image) argv(c engine.Container) []string {
	entrypoint, command := i.Entrypoint, i.Command
	if c.Entrypoint != nil {
		entrypoint, command = c.Entrypoint, nil
	}
	if c.Command != nil {
		command = c.Command
	}
	return slices.Concat(entrypoint, command)
}

// program finds what is to be executed.
func (i Image) program(argv []string) (Program, error) {
	if len(argv) == 0 {
		return nil, engine.ErrNoCommand
	}
	if p, ok := i.Programs[argv[0]]; ok {
		return p, nil
	}
	for file := range maps.Keys(i.Programs) {
		if dir := path.Dir(file); dir == argv[0] || strings.HasPrefix(dir, argv[0]+"/") {
			return nil, engine.ErrCannotExecute
		}
	}
	return nil, engine.ErrNoCommand
}
