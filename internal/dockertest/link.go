package dockertest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strings"
	"sync"
	"time"
)

// buffered is how many bytes a link has on their way in each direction.
const buffered = 32 << 10

// A link is a client's connection through a proxy, and the engine's half of it.
//
//	client ── requests ─► up ───► engine
//	client ◄── down ─── answers ── engine
//
// Up passes on a request when the turn is its own, and down gives the turn back when
// the answer is passed on. So there is one call at a time, and up knows by then
// whether bytes follow or the next request.
type link struct {
	proxy          *Proxy
	client, engine *net.UnixConn
	fromClient     *bufio.Reader
	fromEngine     *bufio.Reader

	turn    chan turn     // up's, when there is one in it
	pending chan exchange // the call whose answer down waits for
	ended   chan struct{} // closed when both connections are
	end     sync.Once
}

// A turn says what up reads next.
type turn bool

const (
	aRequest  turn = false
	onlyBytes turn = true
)

// An exchange is a call that was passed on to the engine.
type exchange struct {
	call    Call
	request *http.Request
	lose    bool // its answer
	began   time.Time
}

// newLink joins the two connections.
func newLink(p *Proxy, client, engine *net.UnixConn) *link {
	l := &link{
		proxy: p, client: client, engine: engine,
		turn: make(chan turn, 1), pending: make(chan exchange, 1), ended: make(chan struct{}),
	}
	l.fromClient = bufio.NewReaderSize(gate{client, l}, buffered)
	l.fromEngine = bufio.NewReaderSize(gate{engine, l}, buffered)
	l.turn <- aRequest
	return l
}

// A gate is the one end of a link, whose bytes a stall holds back.
type gate struct {
	conn *net.UnixConn
	link *link
}

// Read reads, and holds back what it has read, the end included.
func (g gate) Read(b []byte) (int, error) {
	n, err := g.conn.Read(b)
	if !g.link.proxy.flow(g.link.ended) {
		return 0, net.ErrClosed
	}
	return n, err
}

// serve passes on until both directions have ended.
func (l *link) serve() {
	defer l.close()
	var both sync.WaitGroup
	both.Go(func() { l.until(l.up) })
	both.Go(func() { l.until(l.down) })
	both.Wait()
}

// until runs one direction to its end. When that is not an orderly one, it is the
// end of the other direction too.
func (l *link) until(direction func() error) {
	if direction() != nil {
		l.close()
	}
}

// close closes both connections. What is on its way is lost.
func (l *link) close() {
	l.end.Do(func() {
		close(l.ended)
		l.client.Close()
		l.engine.Close()
	})
}

// up passes on what the client sends. It returns nil when the client has nothing
// more to send and the engine knows.
func (l *link) up() error {
	for {
		// Before the turn: a client that goes while it waits for an answer is to be heard.
		if _, err := l.fromClient.Peek(1); err != nil {
			return errors.Join(notEnd(err), l.engine.CloseWrite())
		}
		select {
		case next := <-l.turn:
			if next == onlyBytes {
				return pass(l.engine, l.fromClient)
			}
		case <-l.ended:
			return net.ErrClosed
		}
		if err := l.request(); err != nil {
			return err
		}
	}
}

// request passes on one request, or answers it.
func (l *link) request() error {
	r, err := http.ReadRequest(l.fromClient)
	if err != nil {
		return err
	}
	call := callOf(r)
	l.proxy.called(call)
	if f := l.proxy.strike(Hang, call); f != nil {
		select {
		case <-f.over:
		case <-l.ended:
			return net.ErrClosed
		}
	}
	if f := l.proxy.strike(Answer, call); f != nil {
		return l.answer(r, f.Fault)
	}
	l.pending <- exchange{call: call, request: r, lose: l.proxy.strike(Lose, call) != nil, began: time.Now()}
	return send(l.engine, r)
}

// send writes a request, each piece of its body as soon as it is there. Request.Write
// would keep the head until it has 4 KiB.
func send(to io.Writer, r *http.Request) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, r.RequestURI, r.Host)
	chunked := len(r.TransferEncoding) > 0
	if chunked {
		r.Header.Set("Transfer-Encoding", "chunked") // ReadRequest has taken it out
	}
	if err := r.Header.Write(&text); err != nil {
		return err
	}
	if _, err := io.WriteString(to, text.String()+"\r\n"); err != nil {
		return err
	}
	if !chunked {
		_, err := io.Copy(to, r.Body)
		return err
	}
	body := httputil.NewChunkedWriter(to)
	_, err := io.Copy(body, r.Body)
	if err := errors.Join(err, body.Close()); err != nil {
		return err
	}
	_, err = io.WriteString(to, "\r\n")
	return err
}

// answer answers a request in the engine's place.
func (l *link) answer(r *http.Request, f Fault) error {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return err
	}
	kind, body := "application/json", `{"message":"chaos"}`
	if f.HTML {
		kind, body = "text/html", fmt.Sprintf("<html><body><h1>%d %s</h1></body></html>", f.status(), http.StatusText(f.status()))
	}
	a := http.Response{
		StatusCode: f.status(), ProtoMajor: 1, ProtoMinor: 1, Request: r, Header: http.Header{"Content-Type": {kind}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)),
	}
	l.turn <- aRequest
	return a.Write(l.client)
}

// down passes on what the engine answers. It returns nil when the client knows that
// nothing more comes.
func (l *link) down() error {
	for {
		if _, err := l.fromEngine.Peek(1); err != nil {
			return err // also an end: the engine has closed a connection that nobody uses
		}
		var x exchange
		select {
		case x = <-l.pending:
		case <-l.ended:
			return net.ErrClosed
		}
		a, err := l.read(x)
		if err != nil {
			return err
		}
		if hijacked(a) {
			if err := head(l.client, a); err != nil {
				return err
			}
			l.turn <- onlyBytes
			return pass(l.client, l.fromEngine)
		}
		if err := a.Write(l.client); err != nil {
			return err
		}
		l.turn <- aRequest
	}
}

// read reads the head of an answer. It fails for one that is to be lost.
func (l *link) read(x exchange) (*http.Response, error) {
	for {
		a, err := http.ReadResponse(l.fromEngine, x.request)
		if err != nil {
			return nil, err
		}
		if a.StatusCode == http.StatusContinue {
			if err := head(l.client, a); err != nil {
				return nil, err
			}
			continue
		}
		l.proxy.answered(x.call, a.Status, time.Since(x.began))
		if x.lose {
			return nil, errors.New("the answer is lost")
		}
		return a, nil
	}
}

// hijacked says whether an answer has no other end than the connection's. Older
// clients hijack without asking for it, and get a plain 200.
func hijacked(a *http.Response) bool {
	endless := a.ContentLength < 0 && len(a.TransferEncoding) == 0 && a.Request.Method != http.MethodHead
	return a.StatusCode == http.StatusSwitchingProtocols || endless
}

// head writes the head of an answer.
func head(to io.Writer, a *http.Response) error {
	var text strings.Builder
	fmt.Fprintf(&text, "HTTP/1.1 %s\r\n", a.Status)
	if err := a.Header.Write(&text); err != nil {
		return err
	}
	_, err := io.WriteString(to, text.String()+"\r\n")
	return err
}

// pass passes on bytes until there are no more, and the end as well.
func pass(to *net.UnixConn, from io.Reader) error {
	_, err := io.Copy(to, from)
	return errors.Join(err, to.CloseWrite())
}

// notEnd is err, unless that is the end of what there is to read.
func notEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
