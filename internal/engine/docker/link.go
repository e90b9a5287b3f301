package docker

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/client"

	"github.com/podlike/podlike/internal/engine"
)

// A lost error is engine.ErrUnreachable, and engine.ErrNotSent too where nothing was sent.
type lost struct {
	err    error
	unsent bool
}

func (l *lost) Error() string { return engine.ErrUnreachable.Error() + ": " + reason(l.err) }

// Unwrap never leads to io.EOF, which says elsewhere that all has come.
func (l *lost) Unwrap() error {
	if errors.Is(l.err, io.EOF) {
		return nil
	}
	return l.err
}

// Is tells the kinds of error.
func (l *lost) Is(kind error) bool {
	return kind == engine.ErrUnreachable || l.unsent && kind == engine.ErrNotSent
}

// reason says why the engine could not be reached, such as "permission denied". It never
// has the words by which the client would put an error of its own in this one's place.
func reason(err error) string {
	var call *os.SyscallError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing answers there"
	case errors.As(err, &call):
		return call.Err.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection lost"
	}
	return err.Error()
}

// A link is the way to an engine. The client does not tell what was sent, and takes what
// others answer for the engine's words; here that is still known.
type link struct{ base *http.Transport }

// linked has a client go by a link, whose address it has been given.
func (l *link) linked(c *client.Client) error {
	through := c.HTTPClient()
	base, ok := through.Transport.(*http.Transport)
	if !ok {
		return fmt.Errorf("transport %T", through.Transport)
	}
	l.base = base
	dial := base.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	base.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		return dialed(dial(ctx, network, address))
	}
	scheme := "http"
	if base.TLSClientConfig != nil {
		scheme = "https"
	}
	through.Transport = relay{base}
	return errors.Join(client.WithScheme(scheme)(c), client.WithHTTPClient(through)(c))
}

// dialed marks what was not sent.
func dialed(conn net.Conn, err error) (net.Conn, error) {
	if err != nil {
		return nil, &lost{err, true}
	}
	return conn, nil
}

// dialRaw connects for a stream, and has the connection be closed by the context's guard.
func (l *link) dialRaw(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := l.base.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if l.base.TLSClientConfig != nil {
		config := l.base.TLSClientConfig.Clone()
		if config.ServerName == "" {
			config.ServerName, _, _ = net.SplitHostPort(address)
		}
		secure := tls.Client(conn, config)
		if err := secure.HandshakeContext(ctx); err != nil {
			return dialed(nil, errors.Join(err, conn.Close()))
		}
		conn = secure
	}
	context.AfterFunc(ctx, func() { _ = conn.Close() }) // ctx is hijack's own
	return conn, nil
}

// hijack opens a stream. The client heeds a context only while it dials, and an engine
// may take its time to answer. The stream outlives ctx.
func hijack(ctx context.Context, open func(context.Context) (types.HijackedResponse, error)) (types.HijackedResponse, error) {
	opening, giveUp := context.WithCancelCause(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() { giveUp(context.Cause(ctx)) })
	stream, err := open(opening)
	if !stop() { // it was given up
		if err == nil {
			stream.Close()
		}
		return types.HijackedResponse{}, context.Cause(ctx)
	}
	return stream, err
}

// A relay sends requests, and tells the engine's answers from what is none.
type relay struct{ to http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (r relay) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := r.to.RoundTrip(req)
	switch {
	case err != nil && (req.Context().Err() != nil || errors.As(err, new(*lost))):
		return nil, err
	case err != nil:
		return nil, &lost{err: err}
	}
	if foreign(res) {
		said, _ := io.ReadAll(io.LimitReader(res.Body, 200)) // what it says is all that is wanted
		_ = res.Body.Close()
		return nil, &lost{err: fmt.Errorf("something before it answers %s: %s", res.Status, bytes.TrimSpace(said))}
	}
	res.Body = body{res.Body, readable{res.Body}}
	return res, nil
}

// foreign tells whether an answer is not the engine's, which tells all its errors in JSON
// and speaks of gateways only where it passes on what a registry has said. Refusals are
// believed: some proxies let only some calls through.
func foreign(res *http.Response) bool {
	if res.Header.Get("Content-Type") != "application/json" {
		return res.StatusCode >= http.StatusNotFound
	}
	switch res.StatusCode {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return !strings.HasSuffix(res.Request.URL.Path, "/images/create")
	}
	return false
}

// A body is that of an answer, whose reading may fail.
type body struct {
	io.Closer
	readable
}

// readable tells of what it cannot read that the connection is lost.
type readable struct{ from io.Reader }

func (r readable) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && !errors.Is(err, net.ErrClosed) && err != io.EOF {
		err = &lost{err: err}
	}
	return n, err
}
