package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/client"
	"golang.org/x/sync/errgroup"

	"github.com/podlike/podlike/internal/pod"
)

const (
	// image is what components run, and the bare program's owner of the network.
	image = "podlike/testkit:dev"
	// labelRun is on all that one measurement makes, but for pause, which is the
	// supervisor's to label: it has the name of the run.
	labelRun = "podlike.bench"
	// labelComponent marks the containers that are counted.
	labelComponent = "podlike.bench.component"
	// patience is how long one pod may take to come or to go.
	patience = time.Minute
	// rest lets the engine finish what it does after it has told of an event.
	rest = 500 * time.Millisecond
	// checks is how often the supervisor's health is checked, which takes the engine
	// some time. A pod lives for a random part of it, so that some checks fall on its
	// end, as they do in real life, but not all.
	checks = 2 * time.Second
)

// A topology is one pod, in one of the two ways to make it.
type topology interface {
	// up makes the first container and what follows by this program's hand.
	up(ctx context.Context) error
	// down begins with the first SIGTERM.
	down(ctx context.Context) error
}

// makers are the two that are compared: ours, then the bare program.
var makers = [2]func(scene) topology{
	func(s scene) topology { return &ours{scene: s} },
	func(s scene) topology { return &bare{scene: s} },
}

// A scene is what a topology is made in.
type scene struct {
	*client.Client
	run     string // its name, which no one else has
	version string
	n       int
}

// newScene is one for a pod of n components.
func newScene(api *client.Client, o options, n int) scene {
	return scene{Client: api, run: fmt.Sprintf("podlike-bench-%016x", rand.Uint64()), version: o.version, n: n}
}

// times are how long a pod took from the first call until all components ran, and
// from the first SIGTERM until the last container was gone.
type times struct{ up, down time.Duration }

// measure brings a pod up and down and leaves nothing of it.
func measure(ctx context.Context, api *client.Client, o options, n int, maker func(scene) topology) (t times, err error) {
	s := newScene(api, o, n)
	defer s.clean(context.WithoutCancel(ctx))
	p := maker(s)
	if t.up, err = s.clock(ctx, p.up, s.allRun()); err != nil {
		return t, fmt.Errorf("cannot bring %T up: %w", p, err)
	}
	time.Sleep(rest + rand.N(checks))
	if t.down, err = s.clock(ctx, p.down, s.allGone()); err != nil {
		return t, fmt.Errorf("cannot bring %T down: %w", p, err)
	}
	time.Sleep(rest)
	return t, nil
}

// clock tells how long it takes from the call of do until seen is true of an event.
func (s scene) clock(ctx context.Context, do func(context.Context) error, seen func(events.Message) (bool, error)) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %v", patience))
	defer cancel()
	both, ctx := errgroup.WithContext(ctx)
	happened, lost := s.Events(ctx, events.ListOptions{
		Since:   now(),
		Filters: filters.NewArgs(filters.Arg("type", "container"), filters.Arg("event", "start"), filters.Arg("event", "die"), filters.Arg("event", "destroy")),
	})
	began := time.Now()
	both.Go(func() error { return do(ctx) })
	both.Go(func() error {
		defer func() { took = time.Since(began) }()
		return await(happened, lost, seen)
	})
	err = both.Wait()
	return took, err
}

// now is this moment as the engine wants it. An engine says that it listens a
// little before it does; told since when, it also tells what it has missed.
func now() string {
	t := time.Now()
	return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
}

func await(happened <-chan events.Message, lost <-chan error, seen func(events.Message) (bool, error)) error {
	for {
		select {
		case e := <-happened:
			if ok, err := seen(e); ok || err != nil {
				return err
			}
		case err := <-lost:
			return err
		}
	}
}

// mine reports whether an event is about a container of this scene.
func (s scene) mine(e events.Message) bool {
	labels := e.Actor.Attributes
	return labels[labelRun] == s.run || labels[pod.LabelName] == s.run
}

// allRun is true of the event with which all components run.
func (s scene) allRun() func(events.Message) (bool, error) {
	running := 0
	return func(e events.Message) (bool, error) {
		_, component := e.Actor.Attributes[labelComponent]
		switch {
		case s.mine(e) && e.Action == events.ActionDie:
			return false, fmt.Errorf("%s exited with %s", e.Actor.Attributes["name"], e.Actor.Attributes["exitCode"])
		case s.mine(e) && component && e.Action == events.ActionStart:
			running++
		}
		return running == s.n, nil
	}
}

// allGone is true of the event with which the components, pause and the owner of
// the network are gone.
func (s scene) allGone() func(events.Message) (bool, error) {
	gone := 0
	return func(e events.Message) (bool, error) {
		if s.mine(e) && e.Action == events.ActionDestroy {
			gone++
		}
		return gone == s.n+2, nil
	}
}

// clean removes what a failed measurement has left. The owner goes first, as it
// would go on making containers.
func (s scene) clean(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for _, label := range []string{labelRun, pod.LabelName} {
		left, _ := s.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", label+"="+s.run))})
		for _, c := range left {
			_ = s.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
		}
	}
}
