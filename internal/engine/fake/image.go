package fake

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
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
	// Ports are those that it exposes.
	Ports []string
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

// images are what an engine has of them, and what it can have.
type images struct {
	wire   *wire
	mu     sync.Mutex // taken after the engine's, by who takes both
	local  map[string]Image
	remote map[string]Image
}

func newImages(w *wire) *images {
	return &images{wire: w, local: map[string]Image{}, remote: map[string]Image{}}
}

// find finds an image that is there.
func (s *images) find(ref string) (i Image, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok = s.local[ref]
	return i, ok
}

// findRemote finds an image that can be pulled.
func (s *images) findRemote(ref string) (i Image, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, ok = s.remote[ref]
	return i, ok
}

// AddImage makes an image that is there.
func (s *images) AddImage(ref string, i Image) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.local[ref] = i
}

// AddRemote makes an image that can be pulled.
func (s *images) AddRemote(ref string, i Image) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.remote[ref] = i
}

// Image implements engine.Images.
func (s *images) Image(ctx context.Context, ref string) (i engine.Image, err error) {
	err = s.wire.call(ctx, "Image", ref, func() error {
		image, ok := s.find(ref)
		if !ok {
			return engine.ErrNotFound
		}
		i = engine.Image{ID: engine.ID(ref), Volumes: image.Volumes, Ports: image.Ports, Checked: image.Checked, StopSignal: image.StopSignal}
		return nil
	})
	return i, err
}

// layers is in how many parts of how many bytes a pull comes.
const layers, layerSize = 4, 1 << 20

// Pull implements engine.Images.
func (s *images) Pull(ctx context.Context, ref, _ string, _ engine.Credential, tell func(engine.Progress)) error {
	err := s.wire.longCall(ctx, "Pull", ref, func(ctx context.Context) error {
		image, ok := s.findRemote(ref)
		if !ok {
			return engine.ErrNotFound
		}
		for done := range layers {
			tell(engine.Progress{Status: "Downloading", Done: int64(done) * layerSize, Total: layers * layerSize})
			if err := clock.Sleep(ctx, image.PullTime/layers); err != nil {
				return err
			}
		}
		s.AddImage(ref, image)
		return nil
	})
	if errors.Is(err, engine.ErrUnreachable) {
		err = fmt.Errorf("%w: %w", engine.ErrUnavailable, err)
	}
	return err
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
