package docker

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"

	"github.com/podlike/podlike/internal/engine"
)

// wills are what we leave behind for the case that we are killed between a
// container's creation and its start. The engine removes a container that has
// ended, but one that never ran stays for ever, and a dead supervisor removes
// nothing. So the request that creates a container is followed, on the same
// connection and before anyone can know how it ends, by two more:
//
//	POST   /containers/<owner>/wait      answered when the owner's container has stopped
//	DELETE /containers/<name>            refused by the engine if it runs by then
//
// The daemon takes the requests of a connection one after the other, so it is the
// daemon that waits for our end and then removes what we left. Two things make
// that hold when we are gone:
//
// A connection ends with its last descriptor, and ours die with us. So we send
// the connection's own descriptor over it: it stays open as long as that message
// lies unread in the daemon's queue (unix(7), SCM_RIGHTS).
//
// The message must lie there until its turn has come. The daemon reads 4 KiB
// ahead, and one byte more while a request is under way, so the last request is
// padded by more than that and the descriptor comes with its last two bytes.
//
// A will is withdrawn when its container was started or removed. Where the engine
// is not reached by a socket of this machine there are no wills, and the next
// supervisor's sweep finds what was left.
type wills struct {
	socket string

	mu   sync.Mutex
	open map[string]*net.UnixConn // by container ID or, until that is known, by name
}

func newWills() *wills { return &wills{open: map[string]*net.UnixConn{}} }

// heir is the key under which a create request's context names the owner.
type heir struct{}

// padding is well above what the daemon may have read ahead.
const padding = 16 << 10

// RoundTrip sends a create request with a will behind it.
func (w *wills) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	owner, ok := ctx.Value(heir{}).(engine.ID)
	if !ok {
		return nil, fmt.Errorf("cannot leave a will: no owner named")
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", w.socket)
	if err != nil {
		return nil, err
	}
	line := conn.(*net.UnixConn)
	stop := context.AfterFunc(ctx, func() { withdraw(line) })
	defer stop()

	res, err := bequeath(line, req, owner)
	if err != nil || res.StatusCode != http.StatusCreated {
		withdraw(line)
		return res, err
	}
	w.keep(req.URL.Query().Get("name"), line)
	return res, nil
}

// bequeath sends the request and the will, and reads the request's answer.
func bequeath(line *net.UnixConn, req *http.Request, owner engine.ID) (*http.Response, error) {
	var text bytes.Buffer
	if err := req.Write(&text); err != nil {
		return nil, err
	}
	api, _, _ := strings.Cut(req.URL.Path, "/containers/create")
	name := url.PathEscape(req.URL.Query().Get("name"))
	fmt.Fprintf(&text, "POST %s/containers/%s/wait?condition=not-running HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n", api, owner, req.Host)
	fmt.Fprintf(&text, "DELETE %s/containers/%s?v=1 HTTP/1.1\r\nHost: %s\r\nX-Padding: %s\r\n", api, name, req.Host, strings.Repeat("-", padding))
	if _, err := line.Write(text.Bytes()); err != nil {
		return nil, err
	}
	if err := sendSelf(line, []byte("\r\n")); err != nil {
		return nil, err
	}
	return answer(line, req)
}

// answer reads a whole answer, as nobody will come back to the connection for the rest.
func answer(line *net.UnixConn, req *http.Request) (*http.Response, error) {
	res, err := http.ReadResponse(bufio.NewReader(line), req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res, err
}

// sendSelf sends bytes over a connection together with the connection's own descriptor.
func sendSelf(line *net.UnixConn, bytes []byte) error {
	raw, err := line.SyscallConn()
	if err != nil {
		return err
	}
	var sent error
	err = raw.Control(func(fd uintptr) {
		_, _, sent = line.WriteMsgUnix(bytes, syscall.UnixRights(int(fd)), nil)
	})
	return errors.Join(err, sent)
}

// withdraw ends the connection for both sides, whoever else holds it.
func withdraw(line *net.UnixConn) {
	_ = line.CloseWrite() // an error means that the daemon has ended it before
	_ = line.CloseRead()
	_ = line.Close()
}

func (w *wills) keep(name string, line *net.UnixConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open[name] = line
}

// rename lets a will be found by its container's ID from now on.
func (w *wills) rename(name string, id engine.ID) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if line, ok := w.open[name]; ok {
		delete(w.open, name)
		w.open[string(id)] = line
	}
}

// void withdraws the will about a container, if there is one.
func (w *wills) void(id engine.ID) {
	w.mu.Lock()
	line, ok := w.open[string(id)]
	delete(w.open, string(id))
	w.mu.Unlock()
	if ok {
		withdraw(line)
	}
}

// close withdraws all that are left.
func (w *wills) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, line := range w.open {
		delete(w.open, id)
		withdraw(line)
	}
}
