// Package socket is how the supervisor of a container is reached: an abstract socket
// that only its own PID namespace may use. It knows the one question that is asked
// all day, how the pod's health is, and no other.
//
// An abstract socket needs no file, so that a read-only root or a socket left by a
// dead supervisor are no obstacle. It belongs to the network namespace, which all
// components share; so either side talks only to a process of its own PID namespace,
// which is the supervisor's container.
//
// The engine starts the health check anew each time, so this package imports little:
// what a program links, it initializes at every start.
package socket

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// Address is the socket of the supervisor in this PID namespace: another
// supervisor that shares the network has another one.
func Address() (string, error) {
	namespace, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return "", fmt.Errorf("cannot find the status socket: %w", err)
	}
	return "@podlike/" + namespace, nil
}

// Listen opens the socket. It fails when another process holds it, which only
// another supervisor in the same container can.
func Listen() (net.Listener, error) {
	address, err := Address()
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", address)
	if err != nil {
		return nil, fmt.Errorf("cannot open the status socket: %w", err)
	}
	return &guarded{l}, nil
}

// Dial reaches the supervisor, and nobody who took its place.
func Dial(ctx context.Context) (net.Conn, error) {
	address, err := Address()
	if err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", address)
	if err != nil {
		return nil, err
	}
	if !near(conn) {
		return nil, errors.Join(errors.New("the status socket is held by a process outside of this container"), conn.Close())
	}
	return conn, nil
}

// guarded accepts connections from this PID namespace only.
type guarded struct{ net.Listener }

func (g *guarded) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if near(conn) {
			return conn, nil
		}
		_ = conn.Close() // no answer, whoever it is
	}
}

// near reports whether the other end is a process of this PID namespace. The
// kernel gives one of another namespace as 0.
func near(conn net.Conn) bool {
	raw, err := conn.(*net.UnixConn).SyscallConn()
	if err != nil {
		return false
	}
	var peer *syscall.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		peer, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	})
	return err == nil && failed == nil && peer.Pid != 0
}
