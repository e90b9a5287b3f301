// Package lease is the supervisor's hold on pause: a connection that the kernel ends
// when the supervisor dies, whatever becomes of the engine and of proxies before it.
//
// The supervisor makes an Offer before it creates pause, whose network namespace is the
// supervisor's own, and hands it on in pause's environment. Pause connects, and Grant
// makes a Lease of that connection. This package never talks to the engine, and never
// decides what the end of a lease means: pause and the supervisor do.
//
//	supervisor                               pause
//	listens on a random abstract name
//	                                         connects, sends the token
//	closes the listener, sends 'g' (granted)
//	sends 's' (stopping)                     sends 'a' (asked to stop)
//	                      either dies: the other reads the end
package lease

import (
	"net"
	"time"
)

// The bytes that the two ends send each other. cmd/pause has the same ones: it cannot
// import this package, which would make it three times as large.
const (
	sayGranted  = 'g'
	sayStopping = 's'
	sayAsked    = 'a'
)

// writeTimeout is how long one byte may take to be sent. The kernel takes it at once.
const writeTimeout = time.Second

// A Lease is a connection to a pause that has shown the token. Hold makes one, Grant
// calls it. Methods may be called from several goroutines.
type Lease struct {
	conn  net.Conn
	asked chan struct{} // closed when pause has said that it was asked to stop
	lost  chan struct{} // closed when the connection is over and nobody reads it any more
}

// Hold makes a Lease of a connection that pause is known to be at the other end of. The
// connection has all the time from now on. Close has to be called.
func Hold(conn net.Conn) *Lease {
	conn.SetReadDeadline(time.Time{}) // fails when it is closed, which is read next
	l := &Lease{conn: conn, asked: make(chan struct{}), lost: make(chan struct{})}
	go l.listen() // Close waits for it
	return l
}

// Asked is closed when pause says that SIGTERM or SIGINT has reached it: by the engine's
// shutdown, by a user's docker stop, or by a component's kill 1. Pause lives on.
func (l *Lease) Asked() <-chan struct{} { return l.asked }

// Lost is closed when the connection is over: pause has ended, or Close was called.
func (l *Lease) Lost() <-chan struct{} { return l.lost }

// Stopping tells pause that every component is asked to stop by the supervisor, so that
// pause asks none a second time should the lease end.
func (l *Lease) Stopping() error { return send(l.conn, sayStopping) }

// Close ends the lease, and pause with it, and waits for all that the lease has started.
// It may be called again.
func (l *Lease) Close() {
	l.conn.Close() // its only error is that it was closed before
	<-l.lost
}

// listen hears what pause says until the connection is over. What it does not know it
// ignores.
func (l *Lease) listen() {
	defer close(l.lost)
	defer l.conn.Close() // closed by pause alone it would keep a descriptor
	said, asked := make([]byte, 1), l.asked
	for {
		if n, err := l.conn.Read(said); n == 0 && err != nil {
			return
		}
		if said[0] == sayAsked && asked != nil {
			close(asked)
			asked = nil
		}
	}
}

// send sends one byte.
func send(conn net.Conn, what byte) error {
	if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	_, err := conn.Write([]byte{what})
	return err
}
