package fake

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/podlike/podlike/internal/engine"
)

var (
	// errAway is what a call gets while the engine is away.
	errAway = fmt.Errorf("%w: connection refused: %w", engine.ErrUnreachable, engine.ErrNotSent)
	// errCut is what a call gets whose connection is lost before its answer has come.
	errCut = fmt.Errorf("%w: connection reset by peer", engine.ErrUnreachable)
)

// A wire is what is between the engine and who calls it: all calls go over it, and on it
// things go wrong. Methods go by the names that they have in the port.
type wire struct {
	mu        sync.Mutex      // taken after the engine's, by who takes both
	link      context.Context // done while the engine is away
	cutLink   context.CancelFunc
	intercept Interceptor
	failing   map[string][]error // of the next calls, in their order
	losing    map[string]int     // how many of the next calls lose their answers
	stalled   map[string][]<-chan struct{}
}

func newWire() *wire {
	w := &wire{failing: map[string][]error{}, losing: map[string]int{}, stalled: map[string][]<-chan struct{}{}}
	w.link, w.cutLink = context.WithCancel(context.Background())
	return w
}

// A Call is one call of a method.
type Call struct {
	// Op is the method's name in lower case, such as "create", or the words that stand
	// for it in an error, such as "inspect volume".
	Op string
	// Name is that of the container, image or volume that it is about, if any.
	Name string
}

func (c Call) String() string { return c.Op + " " + c.Name }

// An Interceptor stands between a caller and the engine: it may do the call at once,
// later or never, and what it returns is what the caller gets. It has to return when
// ctx is done, as the port's law has it.
type Interceptor func(ctx context.Context, c Call, do func() error) error

// Intercept has all calls from now on go through i; nil ends that.
func (w *wire) Intercept(i Interceptor) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.intercept = i
}

// words are those of methods whose name in lower case does not say what is done.
var words = map[string]string{
	"Image": "inspect image", "Volume": "inspect volume", "Volumes": "list", "RemoveVolume": "remove volume",
	"Log": "read the log of", "Past": "list", "Info": "look at", "Usage": "measure",
}

// call does one call of a method, through the interceptor if there is one.
func (w *wire) call(ctx context.Context, method, name string, do func() error) error {
	return w.longCall(ctx, method, name, func(context.Context) error { return do() })
}

// longCall is call for what may take a while. The context that do gets is also done when
// the engine goes away.
func (w *wire) longCall(ctx context.Context, method, name string, do func(context.Context) error) error {
	c := Call{strings.ToLower(method), name}
	if op, ok := words[method]; ok {
		c.Op = op
	}
	w.mu.Lock()
	via, link := w.intercept, w.link
	w.mu.Unlock()
	if err := interrupted(ctx); err != nil {
		return fail(err, c)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	if link.Err() == nil { // who comes later is told so
		defer context.AfterFunc(link, func() { cancel(errCut) })()
	}
	faulty := func() error { return w.withFaults(ctx, method, do) }
	if via != nil {
		return fail(via(ctx, c, faulty), c)
	}
	return fail(faulty(), c)
}

// interrupted is the reason why ctx is done, as nil while it is not.
func interrupted(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	return context.Cause(ctx)
}

// fail says what could not be done.
func fail(err error, c Call) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot %s: %w", c, err)
}

// Away has the engine be out of reach from now on. Calls fail with ErrUnreachable and
// ErrNotSent, and what is under way is cut with ErrUnreachable, but for Stream.Copy, which
// returns nil: a real connection's end does not tell why. Stdin ends of what was
// created with Stdin and is attached to. What runs goes on.
func (e *Engine) Away() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.wire.cut()
	for _, c := range e.containers {
		for _, s := range c.streams {
			s.cutOff()
		}
	}
}

// cut ends the connections there are, and lets none be made.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cutLink()
}

// connection is done when what is connected now is cut.
func (w *wire) connection() context.Context {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.link
}

// Back ends Away.
func (w *wire) Back() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.link.Err() != nil {
		w.link, w.cutLink = context.WithCancel(context.Background())
	}
}

// FailNext has the next call of a method fail with err and do nothing. Said twice, it is
// the next two.
func (w *wire) FailNext(method string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.failing[method] = append(w.failing[method], err)
}

// LoseAnswer has the next call of a method be done and fail with ErrUnreachable.
func (w *wire) LoseAnswer(method string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.losing[method]++
}

// Stall has all calls of a method wait until release is called, and be done then. One
// whose context ends before is not done.
func (w *wire) Stall(method string) (release func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	over := make(chan struct{})
	w.stalled[method] = append(w.stalled[method], over)
	return sync.OnceFunc(func() { close(over) })
}

// withFaults does one call, unless something is to go wrong with it.
func (w *wire) withFaults(ctx context.Context, method string, do func(context.Context) error) error {
	for _, over := range w.stalls(method) {
		if err := until(ctx, over); err != nil {
			return err
		}
	}
	lost, err := w.nextFault(method)
	if err != nil {
		return err
	}
	err = do(ctx)
	if lost {
		return errCut
	}
	return err
}

// stalls are closed when a method's calls may go on.
func (w *wire) stalls(method string) []<-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.link.Err() != nil {
		return nil // nothing stalls where nobody listens
	}
	return w.stalled[method]
}

// nextFault is what goes wrong with the next call of a method: it fails, or its answer is
// lost.
func (w *wire) nextFault(method string) (lost bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.link.Err() != nil {
		return false, errAway
	}
	if fails := w.failing[method]; len(fails) > 0 {
		w.failing[method] = fails[1:]
		return false, fails[0]
	}
	if w.losing[method] > 0 {
		w.losing[method]--
		return true, nil
	}
	return false, nil
}
