package docker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/podlike/podlike/internal/engine"
)

// A watcher passes on what the engine's events say of containers.
type watcher struct {
	tell func(engine.Sign)
	// dead are those whose death was told, until they are removed: the engine may
	// learn later that one had lacked memory.
	dead map[engine.ID]bool
}

// Watch implements engine.Engine. It subscribes first and looks then, so that no
// change falls between the two.
func (d *Engine) Watch(ctx context.Context, labels map[string]string, tell func(engine.Sign)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := watcher{tell, map[engine.ID]bool{}}
	changes, failed := d.api.Events(ctx, events.ListOptions{Filters: signs(labels, events.ActionHealthStatus, events.ActionDestroy)})
	if err := d.tellAll(ctx, labels, tell); err != nil {
		return err
	}
	for {
		select {
		case e := <-changes:
			w.happened(e)
		case err := <-failed:
			return fail(ctx, err, "follow the engine's events")
		}
	}
}

// Past implements engine.Engine. What the engine learned after a death comes before it.
func (d *Engine) Past(ctx context.Context, labels map[string]string, since time.Time) ([]engine.Sign, error) {
	now := time.Now()
	if since.After(now) {
		return nil, nil // the engine would call that a mistake
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	told, failed := d.api.Events(ctx, events.ListOptions{Since: stamp(since), Until: stamp(now), Filters: signs(labels)})
	var all []engine.Sign
	for {
		select {
		case e := <-told:
			if s, ok := signOf(e); ok {
				all = append(all, s)
			}
		case err := <-failed:
			if err == io.EOF { // that was all
				deathsLast(all)
				return all, nil
			}
			return nil, fail(ctx, err, "list the engine's past events")
		}
	}
}

// deathsLast puts what the engine learned of a container after its death before that.
func deathsLast(all []engine.Sign) {
	for i, s := range all {
		at := slices.IndexFunc(all[:i], func(d engine.Sign) bool { return d.Container == s.Container && d.Kind == engine.SignDied })
		if at >= 0 {
			s.At = all[at].At
			copy(all[at+1:i+1], all[at:i])
			all[at] = s
		}
	}
}

// stamp is a time in the form that the API takes everywhere, to the nanosecond. A zero
// time is before all that an engine knows of.
func stamp(t time.Time) string {
	if t.IsZero() {
		t = time.Unix(1, 0)
	}
	return fmt.Sprintf("%d.%09d", t.Unix(), t.Nanosecond())
}

// signs selects the events that are signs of containers with these labels, and more.
func signs(labels map[string]string, more ...events.Action) filters.Args {
	only := withLabels(labels)
	only.Add("type", string(events.ContainerEventType))
	for _, action := range append(more, events.ActionOOM, events.ActionKill, events.ActionDie) {
		only.Add("event", string(action))
	}
	return only
}

// happened tells one event, unless it comes after the death of what it is about.
func (w watcher) happened(e events.Message) {
	id := engine.ID(e.Actor.ID)
	if e.Action == events.ActionDestroy {
		delete(w.dead, id)
		return
	}
	if s, ok := signOf(e); ok && !w.dead[id] {
		w.dead[id] = s.Kind == engine.SignDied
		w.tell(s)
	}
}

// signOf is what an event shows, if it is a sign.
func signOf(e events.Message) (s engine.Sign, ok bool) {
	s = engine.Sign{Container: engine.ID(e.Actor.ID), At: time.Unix(0, e.TimeNano)}
	action, word, _ := strings.Cut(string(e.Action), ": ")
	switch events.Action(action) {
	case events.ActionHealthStatus:
		s.Kind, s.Health = engine.SignHealth, health(word)
	case events.ActionOOM:
		s.Kind = engine.SignOOM
	case events.ActionKill:
		s.Kind = engine.SignSignalled
		s.Signal, _ = strconv.Atoi(e.Actor.Attributes["signal"]) // a number from every engine
	case events.ActionDie:
		s.Kind = engine.SignDied
		s.Code, _ = strconv.Atoi(e.Actor.Attributes["exitCode"])
	default:
		return s, false
	}
	return s, true
}

// tellAll tells the health of those that run now.
func (d *Engine) tellAll(ctx context.Context, labels map[string]string, tell func(engine.Sign)) error {
	all, err := d.List(ctx, labels)
	if err != nil {
		return err
	}
	for _, c := range all {
		c, err := d.Inspect(ctx, string(c.ID))
		switch {
		case err == nil:
			tell(engine.Sign{Container: c.ID, Kind: engine.SignHealth, Health: c.Health})
		case !errors.Is(err, engine.ErrNotFound):
			return err
		}
	}
	return nil
}
