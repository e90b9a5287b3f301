package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/keyring"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/runner"
	"github.com/podlike/podlike/internal/status"
)

// sweepTime is how long removing a debug container may take.
const sweepTime = 10 * time.Second

// A debugging is what the command line of debug says.
type debugging struct {
	image, target string
	command       []string
}

func parseDebug(args []string, help io.Writer) (d debugging, err error) {
	c := newCommand("debug", "debug [-image image] [-target component] [--] [command...]",
		"runs one more container in the pod's namespaces, and ends as its command does, sh without one; it is removed then")
	c.StringVar(&d.image, "image", "", "`image` to run (default: the target's, or else the first component's)")
	c.StringVar(&d.target, "target", "", "`component` whose processes to see, where it does not share them")
	if err := c.leading(args, help); err != nil {
		return d, err
	}
	if d.command = c.Args(); len(d.command) == 0 {
		d.command = []string{"sh"}
	}
	return d, nil
}

// debug runs a container beside the components, with our streams, and returns its exit
// code. It is this process that asks the engine, and not the supervisor.
func debug(ctx context.Context, args []string, stdin *os.File, stdout, stderr io.Writer) (int, error) {
	d, err := parseDebug(args, stdout)
	if err != nil {
		return 0, err
	}
	p, err := status.Read(ctx)
	if err != nil {
		return 0, err
	}
	e, err := docker.Open(ctx)
	if err != nil {
		return 0, err
	}
	defer e.Close()
	l := look{Engine: e, stdout: stdout, stderr: stderr}
	made, err := l.describe(ctx, d, p, isTerminal(stdin))
	if err != nil {
		return 0, err
	}
	c, err := takeConsole(stdin, made.TTY)
	if err != nil {
		return 0, err
	}
	defer c.leave()
	return l.run(ctx, made, c)
}

// A look is one at a pod from a container of its own.
type look struct {
	engine.Engine
	stdout, stderr io.Writer
}

// A userConsole is where somebody types.
type userConsole interface {
	// Read returns io.EOF when nobody types any more, or leave was called.
	io.Reader
	// sizes tells the size of the terminal, now and whenever it changes, until ctx is
	// done. Nothing, if it is none.
	sizes(ctx context.Context, tell func(rows, columns uint))
	// leave ends a Read, and gives the terminal back as it was.
	leave()
}

// describe is the container to be made. Its image is there then.
func (l look) describe(ctx context.Context, d debugging, p status.Pod, tty bool) (engine.Container, error) {
	var none engine.Container
	if p.ID == "" {
		return none, errors.New("there is no pod yet")
	}
	image, err := d.imageIn(p)
	if err != nil {
		return none, err
	}
	self, err := l.Inspect(ctx, p.ID)
	if err != nil {
		return none, err
	}
	all, err := l.List(ctx, map[string]string{pod.LabelOwner: p.ID})
	if err != nil {
		return none, err
	}
	pause, ok := firstRunning(all, func(c engine.Seen) bool { return c.Labels[pod.LabelRole] == pod.RolePause })
	if ownerOf(self).Paired() {
		pause, ok = self.ID, self.Running
	}
	if !ok {
		return none, errors.New("the pod has no namespaces to join: its pause container does not run")
	}
	look := plan.Debug{Which: strings.ToLower(rand.Text()[:6]), Image: image, Command: d.command, TTY: tty}
	if d.target != "" {
		look.Target, ok = firstRunning(all, func(c engine.Seen) bool { return c.Labels[pod.LabelComponent] == d.target })
		if !ok {
			fmt.Fprintf(l.stderr, "supervisor: %s does not run now; the processes are the pod's\n", d.target)
		}
	}
	owner := ownerOf(self)
	if owner.Cgroup, err = l.groupOf(ctx, all); err != nil {
		return none, err
	}
	found, err := l.haveImage(ctx, image)
	return plan.DebugContainer(owner, look, pause, found, min(self.OOMScoreAdj+1, 1000)), err
}

// groupOf is what the engine makes the pod's containers below, by one that runs.
func (l look) groupOf(ctx context.Context, all []engine.Seen) (string, error) {
	id, ok := firstRunning(all, func(c engine.Seen) bool {
		return c.Labels[pod.LabelRole] == pod.RolePause || c.Labels[pod.LabelRole] == pod.RoleComponent
	})
	if !ok {
		return "", nil
	}
	one, err := l.Inspect(ctx, string(id))
	if errors.Is(err, engine.ErrNotFound) { // it has just ended
		return "", nil
	}
	return one.CgroupParent, err
}

// firstRunning finds the first container that runs and is the one.
func firstRunning(all []engine.Seen, is func(engine.Seen) bool) (engine.ID, bool) {
	for _, c := range all {
		if c.Running && is(c) {
			return c.ID, true
		}
	}
	return "", false
}

// imageIn is the image to run. A target has to be one of the pod's components.
func (d debugging) imageIn(p status.Pod) (string, error) {
	var first string
	var names []string
	for _, c := range p.Components {
		if c.Name == d.target {
			return cmp.Or(d.image, c.Image), nil
		}
		first = cmp.Or(first, c.Image)
		names = append(names, c.Name)
	}
	switch image := cmp.Or(d.image, first); {
	case d.target != "":
		return "", usage(fmt.Sprintf("-target %s: no component is called that; there are: %s", d.target, strings.Join(names, ", ")))
	case image == "":
		return "", usage("the pod has no component whose image to run; name one with -image")
	default:
		return image, nil
	}
}

// haveImage looks at an image, and pulls it first if it is not there.
func (l look) haveImage(ctx context.Context, ref string) (engine.Image, error) {
	found, err := l.Image(ctx, ref)
	if !errors.Is(err, engine.ErrNotFound) {
		return found, err
	}
	keys, err := keyring.Read(keyring.Files(os.Getenv(envDockerConfig))...)
	if err != nil {
		return found, err
	}
	fmt.Fprintf(l.stderr, "supervisor: pulling %s\n", ref)
	if err := l.Pull(ctx, ref, "", keys.For(ref).Credential, func(engine.Progress) {}); err != nil {
		return found, exitError{engine.StartCode(err), err}
	}
	return l.Image(ctx, ref)
}

// run runs the container with the console's streams and returns its exit code. When
// ctx is done, or who typed on a terminal has gone, it is killed.
func (l look) run(ctx context.Context, made engine.Container, c userConsole) (code int, err error) {
	r, warnings, err := runner.Open(ctx, runner.Config{
		Engine: l.Engine, Stdout: unclosed{l.stdout}, Stderr: unclosed{l.stderr},
		Missing: func(why string) { fmt.Fprintln(l.stderr, "supervisor: "+why) },
	}, made, func(context.Context, engine.ID) error { return nil })
	for _, w := range warnings {
		fmt.Fprintln(l.stderr, "supervisor: "+w)
	}
	if err != nil {
		return 0, exitError{engine.StartCode(err), err}
	}
	defer r.Close()
	defer func() { err = errors.Join(err, l.sweep(ctx, r.ID)) }()
	if err := r.Start(ctx); err != nil {
		return 0, exitError{engine.StartCode(err), err}
	}
	here, gone := context.WithCancel(ctx)
	defer gone()
	var passing sync.WaitGroup
	passing.Go(func() {
		select {
		case <-r.Done():
		case <-here.Done():
			if l.sweep(ctx, r.ID) != nil { // it is tried again above
				r.Close()
			}
		}
	})
	passing.Go(func() { l.typed(r.Stdin(), c, made.TTY, gone) })
	passing.Go(func() {
		c.sizes(here, func(rows, columns uint) { _ = l.Resize(here, r.ID, rows, columns) }) // it may just have ended
	})
	<-r.Done()
	<-r.Drained()
	gone()
	c.leave()
	passing.Wait()
	return r.Exit().Code, r.Exit().Err
}

// unclosed is a writer that stays open behind what a run writes to it.
type unclosed struct{ io.Writer }

func (unclosed) Close() error { return nil }

// typed passes on what is typed.
func (l look) typed(stream engine.Stream, c userConsole, tty bool, gone func()) {
	_, _ = io.Copy(stream, c) // what has ended reads no more
	_ = stream.CloseWrite()
	if tty {
		gone() // at a terminal an end is typed as a character, so this is another one
	}
}

// sweep removes the container, whatever it does and whether or not ctx is done.
func (l look) sweep(ctx context.Context, id engine.ID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sweepTime)
	defer cancel()
	return l.Remove(ctx, id)
}
