package docker

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/execkill"
)

// A helper is a container of this program's own image that does one thing in the namespaces
// of another container, where this process is not or may not do it, and ends. It cannot be
// told to do more than that.

const (
	// program is where this program is in its image.
	program = "/supervisor"
	// Beside is what its command names begins with where names are to be beside others.
	Beside = "-beside"
	// removing is how long it may take to remove a helper that could not be started.
	removing = 10 * time.Second
)

// helpers are made and run on an engine.
type helpers struct {
	on      engine.Containers
	streams engine.Output
	like    engine.Container // without an image there are none
}

// UseHelper says what helpers are made like: image, labels, resources; the name is what each of
// theirs begins with. Without it no command
// can be killed, and no name be written.
func (h *helpers) UseHelper(like engine.Container) { h.like = like }

// WriteNames has a container and all who share its network know names, beside those that were
// written there before or in their place, whoever the container's user is and whether or not
// its root may be written to: its hosts file belongs to the network.
func (h *helpers) WriteNames(ctx context.Context, id engine.ID, names []string, beside bool) error {
	if beside {
		names = append([]string{Beside}, names...)
	}
	c := h.like
	c.Name += "names-" + execkill.New()
	c.Entrypoint, c.Command = []string{program, "names"}, names
	c.Network = id
	c.User = "0:0"
	// With a root that is read-only the file would be, too.
	c.Security = engine.Security{CapDrop: []string{"ALL"}, CapAdd: []string{"DAC_OVERRIDE"}, Options: []string{"no-new-privileges"}}
	if err := h.run(ctx, c); err != nil {
		return fmt.Errorf("cannot write names in the network of container %.12s: %w", id, err)
	}
	return nil
}

// OnHost has this program do something with paths of the engine's machine, which are mounted
// where they are there, as root but with no capability, no network and nothing else, and returns
// what it prints. Begun is told when the engine has agreed to it. The labels are added to those of
// all helpers.
func (h *helpers) OnHost(ctx context.Context, paths, command []string, labels map[string]string, begun func()) ([]byte, error) {
	c := h.like
	c.Name += command[0] + "-" + execkill.New()
	c.Entrypoint, c.Command = []string{program}, command
	c.Labels = maps.Clone(c.Labels)
	maps.Copy(c.Labels, labels)
	c.CgroupParent = "" // what it does may be about that
	c.User, c.Offline, c.Locked = "0:0", true, true
	for _, path := range paths {
		c.Mounts = append(c.Mounts, engine.Mount{Type: engine.BindMount, Source: path, Target: helperRoot + path, MustExist: true})
	}
	return h.answer(ctx, c, begun)
}

// helperRoot is where a helper has the paths of the engine's machine.
const helperRoot = "/host"

// HelperPath is where a helper has a path of the engine's machine.
func HelperPath(path string) string { return helperRoot + path }

// answer runs a helper to its end and returns what it prints. What it says of what is wrong is the
// error.
func (h *helpers) answer(ctx context.Context, c engine.Container, begun func()) ([]byte, error) {
	var out, errs bytes.Buffer
	var copying sync.WaitGroup
	defer copying.Wait()
	err := h.runWith(ctx, c, func(id engine.ID) error {
		begun()
		s, err := h.streams.Attach(ctx, id, c)
		if err != nil {
			return err
		}
		copying.Go(func() {
			defer s.Close()
			_ = s.Copy(&out, &errs) // its exit code tells
		})
		return nil
	})
	copying.Wait()
	if said := strings.TrimSpace(errs.String()); err != nil && said != "" {
		err = errors.New(said)
	}
	return out.Bytes(), err
}

// run runs a helper to its end.
func (h *helpers) run(ctx context.Context, c engine.Container) error {
	return h.runWith(ctx, c, func(engine.ID) error { return nil })
}

// runWith runs a helper to its end. Made is called before its start.
func (h *helpers) runWith(ctx context.Context, c engine.Container, made func(engine.ID) error) error {
	if c.Image == "" {
		return errors.New("no image to do that with")
	}
	c.Health = &engine.Check{Test: []string{"NONE"}}
	c.Logging = engine.Logging{Driver: "none"}
	id, _, err := h.on.Create(ctx, c)
	if err != nil {
		return err
	}
	ended, err := h.on.Wait(ctx, id)
	if err == nil {
		err = made(id)
	}
	if err == nil {
		err = h.on.Start(ctx, id)
	}
	if err != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removing)
		defer cancel()
		return errors.Join(err, h.on.Remove(ctx, id))
	}
	if exit := <-ended; exit.Err != nil || exit.Code != 0 {
		return cmp.Or(exit.Err, fmt.Errorf("exit code %d", exit.Code))
	}
	return nil
}
