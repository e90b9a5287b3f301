package docker

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/podlike/podlike/internal/engine"
)

// within is how long a container may stay without being started, from the moment at
// which its creation is asked for. It is well above what an engine takes for a start.
const within = 8 * time.Second

// wills are what we leave behind for the case that we are killed between a
// container's creation and its start. The engine removes a container that has
// ended, but one that never ran stays for ever, and a dead supervisor removes
// nothing. So the request that creates a container is followed, on the same
// connection and before anyone can know how it ends, by two more:
//
//	GET    /events?until=<then>          of no event at all, answered when it is then
//	DELETE /containers/<name>            refused by the engine if it runs by then
//
// The daemon takes the requests of a connection one after the other, so it is the
// daemon that waits, and then removes what was not started. Three things make that
// hold when we are gone:
//
// A connection ends with its last descriptor, and ours die with us. So we send
// the connection's own descriptor over it: it stays open as long as that message
// lies unread in the daemon's queue (unix(7), SCM_RIGHTS).
//
// The message must lie there until its turn has come. The daemon reads 4 KiB
// ahead, and one byte more while a request is under way, so the last request is
// padded by more than that and the descriptor comes with its last two bytes.
//
// There must be no moment at which the daemon has the request and we are killed
// before the rest is sent. So the last brace of the request, without which it means
// nothing, and all that follows go out in one system call, which a signal does not
// divide.
//
// A proxy that answers the first request itself has the second done at once. When what was
// created is missing although its will is not due, there are no wills any more.
//
// A will is withdrawn when its container was started or removed, or copied into, which
// may take longer than it waits. One that was not withdrawn does no harm to what runs,
// and it may remove what another has made by the same name within that time and not
// started yet.
type wills struct {
	socket string // empty: there are none

	mu      sync.Mutex
	open    map[engine.ID]*net.UnixConn // by the container that it is about
	hastily bool                        // one was carried out before its time: none is left any more
}

func newWills() *wills { return &wills{open: map[engine.ID]*net.UnixConn{}} }

// noEvent is a filter that no event passes.
const noEvent = `{"event":["none"]}`

// padding is well above what the daemon may have read ahead.
const padding = 16 << 10

// RoundTrip sends a request that creates a container, with a will behind it.
func (w *wills) RoundTrip(req *http.Request) (*http.Response, error) {
	defer req.Body.Close() // as the transport of a request has to
	ctx, then := req.Context(), time.Now().Add(within)
	conn, err := dialed((&net.Dialer{}).DialContext(ctx, "unix", w.socket))
	if err != nil {
		return nil, err
	}
	line := conn.(*net.UnixConn)
	stop := context.AfterFunc(ctx, func() { _ = line.SetDeadline(time.Unix(1, 0)) }) // fails on a closed one only
	defer stop()

	if err := bequeath(line, req, then); err != nil {
		withdraw(line)
		return nil, err
	}
	res, made, err := answer(line, req)
	switch {
	case err != nil:
		return nil, errors.Join(err, line.Close()) // the will is left: nobody knows whether there is a container
	case res.StatusCode != http.StatusCreated:
		withdraw(line)
	default:
		w.keep(made, line)
	}
	return res, nil
}

// bequeath sends the request and the will.
func bequeath(line *net.UnixConn, req *http.Request, then time.Time) error {
	var text bytes.Buffer
	if err := req.Write(&text); err != nil {
		return err
	}
	most := max(bytes.LastIndexByte(text.Bytes(), '}'), 0)
	api, _, _ := strings.Cut(req.URL.Path, "/containers/")
	fmt.Fprintf(&text, "GET %s/events?until=%s&filters=%s HTTP/1.1\r\nHost: %s\r\n\r\n", api, stamp(then), url.QueryEscape(noEvent), req.Host)
	fmt.Fprintf(&text, "DELETE %s/containers/%s?v=1 HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nX-Padding: %s\r\n",
		api, url.PathEscape(req.URL.Query().Get("name")), req.Host, strings.Repeat("-", padding))
	if _, err := line.Write(text.Next(most)); err != nil {
		return err
	}
	return sendWithSelf(line, text.Bytes(), []byte("\r\n"))
}

// answer reads a whole answer, as nobody will come back to the connection for the
// rest. It finds the ID of the container in it, if one was created.
func answer(line *net.UnixConn, req *http.Request) (*http.Response, engine.ID, error) {
	res, err := http.ReadResponse(bufio.NewReader(line), req)
	if err != nil {
		return nil, "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, "", err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	var made struct{ ID engine.ID }
	if res.StatusCode == http.StatusCreated {
		err = json.Unmarshal(body, &made)
	}
	return res, made.ID, err
}

// A message is one of sendmmsg(2)'s.
type message struct {
	unix.Msghdr
	_ uint32 // how much of it was sent
}

// newMessage is a message of bytes and, if there are any, rights.
func newMessage(bytes, rights []byte) message {
	var m message
	m.Iov = &unix.Iovec{Base: &bytes[0]}
	m.Iov.SetLen(len(bytes))
	m.SetIovlen(1)
	if len(rights) > 0 {
		m.Control = &rights[0]
		m.SetControllen(len(rights))
	}
	return m
}

// sendWithSelf sends bytes and, behind them, the end of them together with the
// connection's own descriptor, all in one system call. An end that cannot be sent
// is no error: without a will there is a container all the same.
func sendWithSelf(line *net.UnixConn, bytes, end []byte) error {
	raw, err := line.SyscallConn()
	if err != nil {
		return err
	}
	var failed unix.Errno
	err = raw.Write(func(fd uintptr) (done bool) {
		messages := []message{newMessage(bytes, nil), newMessage(end, unix.UnixRights(int(fd)))}
		_, _, failed = unix.Syscall6(unix.SYS_SENDMMSG, fd,
			uintptr(unsafe.Pointer(&messages[0])), uintptr(len(messages)), unix.MSG_NOSIGNAL, 0, 0)
		return failed != unix.EAGAIN // a full buffer takes none of it, an empty one all
	})
	if err == nil && failed != 0 {
		err = failed
	}
	return err
}

// withdraw ends the connection for both sides, whoever else holds it.
func withdraw(line *net.UnixConn) {
	_ = line.CloseWrite() // an error means that the daemon has ended it before
	_ = line.CloseRead()
	_ = line.Close()
}

// keep remembers the will about a container for as long as it waits.
func (w *wills) keep(id engine.ID, line *net.UnixConn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open[id] = line
	time.AfterFunc(within, func() { w.leave(id) })
}

// left reports whether wills are left behind what is created.
func (w *wills) left() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.socket != "" && !w.hastily
}

// suspect has no will be left any more when a call for a container has found that it is
// missing and its will is not due yet. It returns the error.
func (w *wills) suspect(id engine.ID, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, waits := w.open[id]; waits && errors.Is(err, engine.ErrNotFound) {
		w.hastily = true
	}
	return err
}

// void withdraws the will about a container, if there is one.
func (w *wills) void(id engine.ID) {
	if line, ok := w.take(id); ok {
		withdraw(line)
	}
}

// leave lets go of the will about a container, if there is one. It stays in force.
func (w *wills) leave(id engine.ID) {
	if line, ok := w.take(id); ok {
		_ = line.Close() // nothing was to be sent any more
	}
}

// take hands a will over to who ends it.
func (w *wills) take(id engine.ID) (line *net.UnixConn, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	line, ok = w.open[id]
	delete(w.open, id)
	return line, ok
}

// leaveAll lets go of all wills, which stay in force.
func (w *wills) leaveAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, line := range w.open {
		delete(w.open, id)
		_ = line.Close()
	}
}
