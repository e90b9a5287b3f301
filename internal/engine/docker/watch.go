package docker

import (
	"context"
	"errors"
	"strings"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/podlike/podlike/internal/engine"
)

// A watcher passes on what the engine's events say of containers.
type watcher struct {
	tell func(engine.ID, engine.Sign)
	// dead are those whose death was told, until they are removed: the engine may
	// learn later that one had lacked memory.
	dead map[engine.ID]bool
}

// Watch implements engine.Engine. It subscribes first and looks then, so that no
// change falls between the two.
func (d *Engine) Watch(ctx context.Context, labels map[string]string, tell func(engine.ID, engine.Sign)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w := watcher{tell, map[engine.ID]bool{}}
	changes, lost := d.api.Events(ctx, events.ListOptions{Filters: signs(labels)})
	if err := d.tellAll(ctx, labels, tell); err != nil {
		return err
	}
	for {
		select {
		case e := <-changes:
			w.happened(e)
		case err := <-lost:
			return fail(err, "follow the engine's events")
		}
	}
}

// signs selects the events that are signs of containers with these labels.
func signs(labels map[string]string) filters.Args {
	only := withLabels(labels)
	only.Add("type", string(events.ContainerEventType))
	for _, action := range []events.Action{events.ActionHealthStatus, events.ActionOOM, events.ActionDie, events.ActionDestroy} {
		only.Add("event", string(action))
	}
	return only
}

// happened tells one event, unless it comes after the death of what it is about.
func (w watcher) happened(e events.Message) {
	id := engine.ID(e.Actor.ID)
	action, word, _ := strings.Cut(string(e.Action), ": ")
	switch {
	case events.Action(action) == events.ActionDestroy:
		delete(w.dead, id)
	case w.dead[id]:
	case events.Action(action) == events.ActionHealthStatus:
		w.tell(id, engine.Sign{Kind: engine.SignHealth, Health: health(word)})
	case events.Action(action) == events.ActionOOM:
		w.tell(id, engine.Sign{Kind: engine.SignOOM})
	case events.Action(action) == events.ActionDie:
		w.dead[id] = true
		w.tell(id, engine.Sign{Kind: engine.SignDied})
	}
}

// tellAll tells the health of those that run now.
func (d *Engine) tellAll(ctx context.Context, labels map[string]string, tell func(engine.ID, engine.Sign)) error {
	all, err := d.List(ctx, labels)
	if err != nil {
		return err
	}
	for _, c := range all {
		c, err := d.Inspect(ctx, string(c.ID))
		switch {
		case err == nil:
			tell(c.ID, engine.Sign{Kind: engine.SignHealth, Health: c.Health})
		case !errors.Is(err, engine.ErrNotFound):
			return err
		}
	}
	return nil
}
