package lease

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Variable is the environment variable in which pause finds the offer.
const Variable = "PODLIKE_LEASE"

const (
	// tokenTimeout is how long one who connects may take to show the token. Pause
	// takes less than a millisecond, or longer on a machine that is starved.
	tokenTimeout = 10 * time.Second

	// maxCandidates is how many may have that long. Each one more leaves hurryTimeout to
	// the one that connected first.
	maxCandidates = 64
	hurryTimeout  = time.Second
)

// An Offer is a lease that pause may take, once. Its name and its token are random: the
// network namespace may be the whole machine's, where every user may connect.
type Offer struct {
	listener *net.UnixListener
	name     string        // of the abstract socket, with @ for its first byte
	token    string        // random; the one who knows it is pause
	timeout  time.Duration // for one who connects to show the token; tokenTimeout
}

// NewOffer makes an Offer in the network namespace of this process. Grant or Close ends it.
func NewOffer() (*Offer, error) {
	name := "@podlike/lease/" + rand.Text()
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: name, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("cannot offer a lease: %w", err)
	}
	return &Offer{listener: listener, name: name, token: rand.Text(), timeout: tokenTimeout}, nil
}

// Env is the variable to create pause with, as NAME=value. It has the token, and an
// environment is not for all to read as a command line is.
func (o *Offer) Env() string { return Variable + "=" + o.name + ":" + o.token }

// Close takes the offer back. After Grant it changes nothing.
func (o *Offer) Close() {
	o.listener.Close() // its only error is that it was closed before
}

// Grant waits for pause and makes the lease, however long pause takes to start. It fails
// when ctx ends, with its cause. Whoever else connects is let go of and delays nobody.
// When Grant returns the offer is over: nobody can connect any more.
func (o *Offer) Grant(ctx context.Context) (*Lease, error) {
	conn, err := o.await(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot grant the lease: %w", err)
	}
	if err := send(conn, sayGranted); err != nil {
		conn.Close()
		return nil, fmt.Errorf("cannot grant the lease: %w", err)
	}
	return Hold(conn), nil
}

// await returns the connection of the first one that shows the token.
func (o *Offer) await(ctx context.Context) (shown net.Conn, err error) {
	ctx, end := context.WithCancelCause(ctx)
	var tasks sync.WaitGroup
	defer tasks.Wait()
	defer end(nil)
	found := make(chan net.Conn)
	tasks.Go(func() {
		<-ctx.Done()
		o.listener.Close()
	})
	tasks.Go(func() { end(o.accept(ctx, found, &tasks)) })
	select {
	case conn := <-found:
		return conn, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// accept lets everybody show a token who connects, in tasks of their own, until the
// listener is closed. Who has shown the right one is sent to found while ctx lasts.
func (o *Offer) accept(ctx context.Context, found chan<- net.Conn, tasks *sync.WaitGroup) error {
	var candidates [maxCandidates]net.Conn // the last ones
	for i := 0; ; i = (i + 1) % maxCandidates {
		conn, err := o.listener.Accept()
		if err != nil {
			return err
		}
		limit(conn, o.timeout)
		if oldest := candidates[i]; oldest != nil {
			limit(oldest, hurryTimeout)
		}
		candidates[i] = conn
		tasks.Go(func() {
			release := context.AfterFunc(ctx, func() { conn.Close() })
			shown := o.shows(conn)
			if release() && shown {
				select {
				case found <- conn:
					return
				case <-ctx.Done():
				}
			}
			conn.Close()
		})
	}
}

// limit gives a candidate that much time from now on.
func limit(candidate net.Conn, d time.Duration) {
	candidate.SetReadDeadline(time.Now().Add(d)) // fails when it has been let go of
}

// shows tells whether the first bytes that come, and come in time, are the token.
func (o *Offer) shows(conn net.Conn) bool {
	first := make([]byte, len(o.token))
	_, err := io.ReadFull(conn, first)
	return err == nil && subtle.ConstantTimeCompare(first, []byte(o.token)) == 1
}
