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
// daemon that waits for our end and then removes what we left.
//
// What is created again and again while the owner lives would leave the daemon with
// more and more connections. Such a container says within what time it will be
// started, and the first of the two requests is another:
//
//	GET    /events?until=<then>          of no event at all, answered when it is then
//
// By then the name may be that of a newer container, and an ID is not known before
// there is one. So this will is about a name that nobody else ever has; once the ID
// is known the container is renamed, by a request that has a will about the ID behind
// it. Each of the two holds before the other ends.
//
// Three things make wills hold when we are gone:
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
// A will is withdrawn when its container was started or removed. It is left when
// nobody is there any more to do that, or when it is not known whether there is a
// container: then nobody will start it. The daemon keeps the connection of a
// withdrawn will until its time has come, as it looks at nothing while it waits;
// it finds out when it wants to answer, and goes no further. A will that was not
// withdrawn does no harm to what runs. Where the engine is not
// reached by a socket of this machine there are no wills, and the next supervisor's
// sweep finds what was left.
type wills struct {
	socket string

	mu   sync.Mutex
	open map[engine.ID]*net.UnixConn // by the container that it is about
}

func newWills() *wills { return &wills{open: map[engine.ID]*net.UnixConn{}} }

// can tells whether there can be wills.
func (w *wills) can() bool { return w.socket != "" }

// A will says what the daemon is to wait for and what it removes then.
type will struct {
	await string // method and path below the API's, such as "GET /events"
	heir  string // the container's name or ID
	// id is that of the container. Empty: the answer to the request tells it.
	id engine.ID
}

// whenEnded is a will for the time when the owner has stopped.
func whenEnded(owner engine.ID, heir string) will {
	return will{await: "POST /containers/" + string(owner) + "/wait?condition=not-running", heir: heir}
}

// noEvent is a filter that no event passes.
const noEvent = `{"event":["none"]}`

// whenOver is a will for the time when d is over.
func whenOver(d time.Duration, heir string) will {
	then := time.Now().Add(d)
	until := fmt.Sprintf("%d.%09d", then.Unix(), then.Nanosecond())
	return will{await: "GET /events?until=" + until + "&filters=" + url.QueryEscape(noEvent), heir: heir}
}

// behind has a request that is sent with the context be followed by a will.
func (w will) behind(ctx context.Context) context.Context {
	return context.WithValue(ctx, willKey{}, w)
}

type willKey struct{}

// padding is well above what the daemon may have read ahead.
const padding = 16 << 10

// RoundTrip sends a request with a will behind it.
func (w *wills) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		defer req.Body.Close() // as the transport of a request has to
	}
	ctx := req.Context()
	last, ok := ctx.Value(willKey{}).(will)
	if !ok {
		return nil, errors.New("cannot leave a will: there is none")
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", w.socket)
	if err != nil {
		return nil, err
	}
	line := conn.(*net.UnixConn)
	stop := context.AfterFunc(ctx, func() { _ = line.SetDeadline(time.Unix(1, 0)) }) // fails on a closed one only
	defer stop()

	if err := bequeath(line, req, last); err != nil {
		withdraw(line)
		return nil, cause(ctx, err)
	}
	res, made, err := answer(line, req)
	switch {
	case err != nil:
		return nil, errors.Join(cause(ctx, err), line.Close()) // the will is left
	case res.StatusCode >= http.StatusMultipleChoices:
		withdraw(line)
	case last.id != "":
		w.keep(last.id, line)
	default:
		w.keep(made, line)
	}
	return res, nil
}

// cause is ctx's error if that is why something failed, as callers expect it.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// bequeath sends the request and the will.
func bequeath(line *net.UnixConn, req *http.Request, last will) error {
	var text bytes.Buffer
	if err := req.Write(&text); err != nil {
		return err
	}
	most := max(bytes.LastIndexByte(text.Bytes(), '}'), 0)
	api, _, _ := strings.Cut(req.URL.Path, "/containers/")
	method, path, _ := strings.Cut(last.await, " ")
	fmt.Fprintf(&text, "%s %s%s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n", method, api, path, req.Host)
	fmt.Fprintf(&text, "DELETE %s/containers/%s?v=1 HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nX-Padding: %s\r\n",
		api, url.PathEscape(last.heir), req.Host, strings.Repeat("-", padding))
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

// keep remembers the will about a container, in place of an older one.
func (w *wills) keep(id engine.ID, line *net.UnixConn) {
	w.void(id)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open[id] = line
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
