package main

import (
	"strings"
	"syscall"
)

// leaseVariable is the environment variable that offers a lease, as name:token. The name
// is that of an abstract unix socket in this network namespace, with @ for its first
// byte. It is not an argument: who shares the machine may read those.
const leaseVariable = "PODLIKE_LEASE"

// The bytes that go over a lease. Package internal/lease is the other end, and has the
// same ones.
const (
	saidGranted  = 'g' // by the supervisor: it has seen the token
	saidStopping = 's' // by the supervisor: it stops the components itself
	sayAsked     = "a" // by us: someone has asked this process to end
)

// connect takes the lease that value offers: it connects and shows the token. The kernel
// ends the connection when the supervisor dies, so a lease needs no clock.
func connect(value string) (fd int, err error) {
	colon := strings.LastIndexByte(value, ':')
	if colon < 0 {
		return -1, syscall.EINVAL
	}
	fd, err = syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	for { // a signal may come in between
		err = syscall.Connect(fd, &syscall.SockaddrUnix{Name: value[:colon]})
		if err != syscall.EINTR {
			break
		}
	}
	if err != nil {
		return -1, err
	}
	return fd, write(fd, value[colon+1:])
}

// write writes all of what, or fails. It is short: the kernel takes all or nothing.
func write(fd int, what string) error {
	for {
		if _, err := syscall.Write(fd, []byte(what)); err != syscall.EINTR {
			return err
		}
	}
}

// listen returns a channel on which what the supervisor says over the lease arrives.
// It is closed when the lease is lost.
func listen(fd int) <-chan event {
	heard := make(chan event)
	go func() { // ends with the lease, or with the process
		defer close(heard)
		var said [1]byte
		for {
			n, err := syscall.Read(fd, said[:])
			switch {
			case err == syscall.EINTR:
			case err != nil, n == 0:
				return
			case said[0] == saidGranted:
				heard <- granted
			case said[0] == saidStopping:
				heard <- stopping
			}
		}
	}()
	return heard
}
