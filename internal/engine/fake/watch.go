package fake

import (
	"context"
	"errors"

	"github.com/podlike/podlike/internal/engine"
)

// backlog is how many changes a watcher may be behind before its connection is cut.
const backlog = 256

// A watcher is one who follows what shows of containers.
type watcher struct {
	labels  map[string]string
	changes chan change
	lost    chan error // one at most
}

// A change is what a watcher is told.
type change struct {
	id   engine.ID
	sign engine.Sign
}

// Watch implements engine.Engine.
func (e *Engine) Watch(ctx context.Context, labels map[string]string, tell func(engine.ID, engine.Sign)) error {
	return e.call(ctx, "watch", "health", func() error {
		w := &watcher{labels: labels, changes: make(chan change, backlog), lost: make(chan error, 1)}
		now := e.join(w)
		defer e.leave(w)
		for _, c := range now {
			tell(c.id, c.sign)
		}
		for {
			select {
			case c := <-w.changes:
				tell(c.id, c.sign)
			case err := <-w.lost:
				return err
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	})
}

// join adds a watcher and reports what there is at that moment.
func (e *Engine) join(w *watcher) (now []change) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.watchers[w] = true
	for _, c := range e.containers {
		if carries(c.Labels, w.labels) {
			now = append(now, change{c.id, healthSign(c.health)})
		}
	}
	return now
}

func (e *Engine) leave(w *watcher) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.watchers, w)
}

// CutWatches ends the connection of everyone who watches.
func (e *Engine) CutWatches(err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for w := range e.watchers {
		w.cut(err)
	}
}

func (w *watcher) cut(err error) {
	select {
	case w.lost <- err:
	default: // it is cut already
	}
}

// SetHealth has the health check of the container with that name find h from now on.
func (e *Engine) SetHealth(name string, h engine.Health) {
	e.mu.Lock()
	c, err := e.findLocked(engine.ID(name))
	e.mu.Unlock()
	if err == nil {
		e.setHealth(c, h)
	}
}

// setHealth tells those who watch what has changed.
func (e *Engine) setHealth(c *container, h engine.Health) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !c.running || !c.checked() || c.health == h {
		return
	}
	c.health = h
	e.tellLocked(c, healthSign(h))
}

func healthSign(h engine.Health) engine.Sign {
	return engine.Sign{Kind: engine.SignHealth, Health: h}
}

// Starve is what happens from outside: the kernel kills something in the container
// with that name for lack of memory.
func (e *Engine) Starve(name string) {
	e.mu.Lock()
	c, err := e.findLocked(engine.ID(name))
	e.mu.Unlock()
	if err == nil {
		e.starve(c)
	}
}

func (e *Engine) starve(c *container) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if c.running {
		c.starved = true
		e.tellLocked(c, engine.Sign{Kind: engine.SignOOM})
	}
}

// tellLocked tells those who watch what shows of a container.
func (e *Engine) tellLocked(c *container, sign engine.Sign) {
	for w := range e.watchers {
		if !carries(c.Labels, w.labels) {
			continue
		}
		select {
		case w.changes <- change{c.id, sign}:
		default:
			w.cut(errors.New("the watcher is too slow"))
		}
	}
}

// checked reports whether there is a health check.
func (c *container) checked() bool {
	if c.Health == nil || len(c.Health.Test) == 0 {
		return c.image.Checked
	}
	return c.Health.Test[0] != "NONE"
}
