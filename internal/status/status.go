// Package status tells how the pod is to whoever asks on this machine: the
// engine's health check, and people by way of docker exec. It decides nothing.
//
// It listens on an abstract socket, which needs no file, so that a read-only root
// or a socket left by a dead supervisor are no obstacle. Abstract sockets belong to
// the network namespace, which all components share; so either side talks only to
// a process of its own PID namespace, which is the supervisor's container.
package status

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

// healthPath is versioned, as more will be told in time.
const healthPath = "/v1/health"

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

// Serve answers until ctx is done. Health is asked for with each request.
func Serve(ctx context.Context, l net.Listener, health func() string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+healthPath, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintln(w, health()) // who asked may have gone
	})
	server := &http.Server{Handler: mux, ReadTimeout: 5 * time.Second, WriteTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("cannot serve the status: %w", err)
	}
	return nil
}

// Health asks the supervisor of this container how its pod is: starting, healthy
// or unhealthy.
func Health(ctx context.Context) (string, error) {
	client := http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://podlike"+healthPath, nil)
	if err != nil {
		return "", err
	}
	res, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("cannot ask the supervisor: %w", err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	if err != nil {
		return "", fmt.Errorf("cannot ask the supervisor: %w", err)
	}
	return strings.TrimSpace(string(body)), nil
}

// dial reaches the supervisor, and nobody who took its place.
func dial(ctx context.Context, _, _ string) (net.Conn, error) {
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
