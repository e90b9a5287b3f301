package fake

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/engine"
)

// memory is how many signs the engine remembers, of all containers together.
const memory = 256

// A remembered sign is one of the past.
type remembered struct {
	sign   engine.Sign
	labels map[string]string // of its container
}

// backlog is how many changes a watcher may be behind before its connection is cut.
const backlog = 256

// signs are told those who watch, and remembered.
type signs struct {
	wire     *wire
	mu       sync.Mutex // taken after the engine's, by who takes both
	watchers map[*watcher]bool
	past     []remembered // the oldest first
}

func newSigns(w *wire) *signs { return &signs{wire: w, watchers: map[*watcher]bool{}} }

// A watcher is one who follows what shows of containers.
type watcher struct {
	labels  map[string]string
	changes chan engine.Sign
	lost    chan error // one at most
}

// Watch implements engine.Engine.
func (e *Engine) Watch(ctx context.Context, labels map[string]string, tell func(engine.Sign)) error {
	return e.longCall(ctx, "Watch", "health", func(ctx context.Context) error {
		now, w := e.join(labels)
		defer e.signs.leave(w)
		for _, s := range now {
			tell(s)
		}
		for {
			select {
			case s := <-w.changes:
				tell(s)
			case err := <-w.lost:
				return err
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	})
}

// Past implements engine.Engine.
func (s *signs) Past(ctx context.Context, labels map[string]string, since time.Time) (all []engine.Sign, err error) {
	err = s.wire.call(ctx, "Past", "past signs", func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, r := range s.past {
			if carries(r.labels, labels) && !r.sign.At.Before(since) {
				all = append(all, r.sign)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// join adds a watcher and reports what there is at that moment.
func (e *Engine) join(labels map[string]string) (now []engine.Sign, w *watcher) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.containers {
		if carries(c.Labels, labels) {
			now = append(now, engine.Sign{Container: c.id, Kind: engine.SignHealth, Health: c.health})
		}
	}
	return now, e.signs.follow(labels)
}

// follow adds a watcher.
func (s *signs) follow(labels map[string]string) *watcher {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &watcher{labels: labels, changes: make(chan engine.Sign, backlog), lost: make(chan error, 1)}
	s.watchers[w] = true
	return w
}

func (s *signs) leave(w *watcher) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.watchers, w)
}

// CutWatches ends the connection of everyone who watches.
func (s *signs) CutWatches(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.watchers {
		w.cut(err)
	}
}

func (w *watcher) cut(err error) {
	select {
	case w.lost <- err:
	default: // it is cut already
	}
}

// showLocked has a container show a sign now.
func (c *container) showLocked(sign engine.Sign) {
	sign.Container, sign.At = c.id, time.Now()
	c.on.signs.tell(sign, c.Labels)
}

// tell tells those who watch a sign of a container with these labels, and remembers it.
func (s *signs) tell(sign engine.Sign, labels map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sign.Kind != engine.SignHealth {
		s.past = append(s.past, remembered{sign, labels})
		s.past = s.past[max(0, len(s.past)-memory):]
	}
	for w := range s.watchers {
		if !carries(labels, w.labels) {
			continue
		}
		select {
		case w.changes <- sign:
		default:
			w.cut(errors.New("the watcher is too slow"))
		}
	}
}
