package dockertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	// proxySocket is the name of a proxy's socket in its directory.
	proxySocket = "docker.sock"
	// proxied is where a container finds the directory of its proxy.
	proxied = "/run/proxy"
	// remembered is how long a proxy's history may be for a call to get its line. Faults always get theirs.
	remembered = 2000
)

// A Proxy stands between a program and the engine and makes faults happen. Without
// a fault it passes everything on, hijacked connections included.
//
// A connection is an HTTP one, with one call at a time, until an answer has no other
// end than the connection's: that is a hijacked one, and only bytes from then on.
type Proxy struct {
	dir    string // has nothing but the socket
	engine string // the engine's socket
	began  time.Time

	mu       sync.Mutex
	listener *net.UnixListener // nil while nobody listens
	links    map[*link]bool    // all connections
	faults   []*active         // that have begun and not ended
	calls    []Call            // all that were made
	history  []string
	omitted  int   // lines about calls that the history does not have
	err      error // what went wrong with the proxy itself
	running  sync.WaitGroup
}

// active is a fault that has begun.
type active struct {
	Fault
	over chan struct{} // closed when it ends
	hits int           // calls that it has struck, or connections that it has cut
}

// Proxy opens a proxy to the scope's engine. It is there until all that the scope
// has made is removed. When the test has failed its history is told.
func (e *Engine) Proxy(t testing.TB) *Proxy {
	t.Helper()
	p, err := openProxy(e.Socket(t))
	if err != nil {
		t.Fatal(err)
	}
	e.atEnd(func() { p.end(t) })
	return p
}

// openProxy opens a proxy to the engine that listens on that socket.
func openProxy(engine string) (*Proxy, error) {
	// Not the test's own directory: a socket's path may have 107 bytes.
	dir, err := os.MkdirTemp("", "podlike-proxy-")
	if err != nil {
		return nil, fmt.Errorf("cannot make a directory for a proxy: %w", err)
	}
	p := &Proxy{dir: dir, engine: engine, began: time.Now(), links: map[*link]bool{}}
	if err := errors.Join(os.Chmod(dir, 0o755), p.listenLocked()); err != nil {
		return nil, errors.Join(fmt.Errorf("cannot open a proxy: %w", err), os.RemoveAll(dir))
	}
	return p, nil
}

// end closes the proxy and tells its history if the test has failed.
func (p *Proxy) end(t testing.TB) {
	t.Helper()
	if err := p.close(); err != nil {
		t.Errorf("the proxy failed: %v", err)
	}
	if t.Failed() {
		t.Logf("what the proxy did:\n%s", p.History())
	}
}

// close ends all faults and all connections, and returns when nothing of it runs.
func (p *Proxy) close() error {
	p.mu.Lock()
	for _, a := range p.faults {
		close(a.over)
	}
	p.faults = nil
	err := p.hangUpLocked()
	p.cutLocked()
	p.mu.Unlock()
	p.running.Wait()
	return errors.Join(p.err, err, os.RemoveAll(p.dir))
}

// Dir is the directory that has the proxy's socket and nothing else. It is what to
// mount into a container: a mount of the socket itself would be of a file that is
// gone when the proxy has listened anew.
func (p *Proxy) Dir() string { return p.dir }

// Socket is the path of the proxy's socket on this machine.
func (p *Proxy) Socket() string { return filepath.Join(p.dir, proxySocket) }

// Between puts the proxy between a container and the engine, in place of the
// engine's socket.
func (p *Proxy) Between(s Spec) Spec {
	s.Binds = slices.DeleteFunc(slices.Clone(s.Binds), func(bind string) bool { return strings.HasPrefix(bind, p.engine+":") })
	s.Binds = append(s.Binds, p.dir+":"+proxied)
	s.Env = append(slices.Clone(s.Env), "DOCKER_HOST=unix://"+proxied+"/"+proxySocket)
	return s
}

// Inject has a fault begin. It lasts until end is called, whatever its For is; end
// returns how many calls it has struck, or connections it has cut. Several faults
// may be there at a time.
func (p *Proxy) Inject(f Fault) (end func() (hits int)) {
	a := &active{Fault: f, over: make(chan struct{})}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.noteLocked("begins: %v", f)
	p.faults = append(p.faults, a)
	p.settleLocked()
	if f.Kind == Cut || f.Kind == Down {
		a.hits = p.cutLocked()
	}
	return func() int { return p.lift(a) }
}

// Suffer injects a fault, waits for as long as it lasts or until ctx is done, and
// ends it. It returns what Inject's end does.
func (p *Proxy) Suffer(ctx context.Context, f Fault) (hits int) {
	end := p.Inject(f)
	select {
	case <-time.After(f.For):
	case <-ctx.Done():
	}
	return end()
}

// lift ends a fault, if it has not ended.
func (p *Proxy) lift(a *active) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.Index(p.faults, a)
	if i < 0 {
		return a.hits
	}
	p.faults = slices.Delete(p.faults, i, i+1)
	if a.Kind == StallCut { // before the bytes flow
		a.hits = p.cutLocked()
	}
	close(a.over)
	p.noteLocked("ends: %v; hits: %d", a.Fault, a.hits)
	p.settleLocked()
	return a.hits
}

// settleLocked has somebody listen, or not, as the faults want it.
func (p *Proxy) settleLocked() {
	var err error
	if p.lastingLocked(Refuse, Unlink, Down) != nil {
		err = p.hangUpLocked()
	} else if p.listener == nil {
		err = p.listenLocked()
	}
	if p.lastingLocked(Unlink) != nil {
		err = errors.Join(err, p.unlink())
	}
	if err != nil {
		p.err = errors.Join(p.err, err)
		p.noteLocked("failed: %v", err)
	}
}

// lastingLocked is the first fault of one of these kinds that has begun and not ended, or nil.
func (p *Proxy) lastingLocked(kinds ...Kind) *active {
	for _, a := range p.faults {
		if slices.Contains(kinds, a.Kind) {
			return a
		}
	}
	return nil
}

// listenLocked listens. The socket takes the place of one that is left from before
// without a moment in which there is none.
func (p *Proxy) listenLocked() error {
	fresh := p.Socket() + ".new"
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: fresh})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	err = errors.Join(os.Chmod(fresh, 0o666), os.Rename(fresh, p.Socket()))
	if err != nil {
		return errors.Join(err, l.Close())
	}
	p.listener = l
	p.running.Go(func() { p.accept(l) })
	return nil
}

// hangUpLocked ends the listening. Connections that nobody has accepted are reset.
func (p *Proxy) hangUpLocked() error {
	if p.listener == nil {
		return nil
	}
	l := p.listener
	p.listener = nil
	return l.Close()
}

// unlink removes the socket's file.
func (p *Proxy) unlink() error {
	if err := os.Remove(p.Socket()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// accept serves each connection until the listener is closed.
func (p *Proxy) accept(l *net.UnixListener) {
	for {
		client, err := l.AcceptUnix()
		if err != nil {
			return
		}
		if link := p.connect(client); link != nil {
			p.running.Go(func() {
				link.serve()
				p.forget(link)
			})
		}
	}
}

// connect makes the engine's half of a client's connection. Where it cannot, it
// closes the client's.
func (p *Proxy) connect(client *net.UnixConn) *link {
	engine, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: p.engine})
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err != nil:
		p.noteLocked("cannot connect to the engine: %v", err)
	case p.listener == nil: // too late: what is refused, is refused
		err = errors.Join(net.ErrClosed, engine.Close())
	}
	if err != nil {
		client.Close()
		return nil
	}
	l := newLink(p, client, engine)
	p.links[l] = true
	return l
}

// forget lets go of a connection that has ended.
func (p *Proxy) forget(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

// cutLocked closes all connections and returns how many there were.
func (p *Proxy) cutLocked() int {
	n := len(p.links)
	for l := range p.links {
		l.close()
		delete(p.links, l)
	}
	return n
}

// flow blocks while bytes are held, and returns whether they flow, and not the
// connection has ended.
func (p *Proxy) flow(ended <-chan struct{}) bool {
	for {
		p.mu.Lock()
		stall := p.lastingLocked(Stall, StallCut)
		p.mu.Unlock()
		if stall == nil {
			select {
			case <-ended:
				return false
			default:
				return true
			}
		}
		select {
		case <-stall.over:
		case <-ended:
			return false
		}
	}
}

// strike is the first fault of that kind that is about the call, which is one more
// hit of it, or nil.
func (p *Proxy) strike(kind Kind, c Call) *active {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range p.faults {
		if a.Kind == kind && a.Call.Matches(c) && (a.Times == 0 || a.hits < a.Times) {
			a.hits++
			p.noteCallLocked("%v: struck by %v", c, a.Kind)
			return a
		}
	}
	return nil
}

// called notes that a call was made.
func (p *Proxy) called(c Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, c)
}

// answered notes how the engine has answered a call.
func (p *Proxy) answered(c Call, status string, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.noteCallLocked("%v: %s after %v", c, status, took.Round(time.Millisecond))
}

// noteCallLocked adds a line about a call to the history, if it has not too many.
func (p *Proxy) noteCallLocked(format string, args ...any) {
	if len(p.history) >= remembered {
		p.omitted++
		return
	}
	p.noteLocked(format, args...)
}

// noteLocked adds a line to the history.
func (p *Proxy) noteLocked(format string, args ...any) {
	p.history = append(p.history, fmt.Sprintf("%8.3f s  ", time.Since(p.began).Seconds())+fmt.Sprintf(format, args...))
}

// Calls is how many calls were made so far that the pattern matches, also those that
// a fault has struck.
func (p *Proxy) Calls(pattern Call) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.calls {
		if pattern.Matches(c) {
			n++
		}
	}
	return n
}

// History is what the proxy has done so far, a line each with the seconds since it
// was opened: faults, and calls with their answers.
func (p *Proxy) History() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := strings.Join(p.history, "\n")
	if p.omitted > 0 {
		text += fmt.Sprintf("\n%d more lines about calls", p.omitted)
	}
	return text
}
