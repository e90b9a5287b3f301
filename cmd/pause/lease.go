package main

import (
	"syscall"
	"time"
)

// tick is how often a pod that is ending is asked whether anyone is left.
const tick = 20 * time.Millisecond

// lease returns a channel that is closed when the other end of the pipe fd has been
// let go of and end, called then, has returned. When fd is no pipe there is no lease,
// and the channel is never ready.
//
// Whoever holds the other end need not do a thing: when the holder dies, the kernel
// or the engine closes it. So the lease needs no clock.
func lease(fd int, end func()) <-chan struct{} {
	if !isPipe(fd) {
		return nil
	}
	over := make(chan struct{})
	go func() { // ends with the lease, or with the process
		defer close(over)
		for held(fd) {
		}
		end()
	}()
	return over
}

// isPipe tells whether fd is a pipe, named or not.
func isPipe(fd int) bool {
	var s syscall.Stat_t
	return syscall.Fstat(fd, &s) == nil && s.Mode&syscall.S_IFMT == syscall.S_IFIFO
}

// held waits until something happens at the other end of fd, and tells whether it is
// still held. Bytes are there to keep alive connections that are cut when idle; they
// are thrown away.
func held(fd int) bool {
	var keepAlive [64]byte
	n, err := syscall.Read(fd, keepAlive[:])
	switch err {
	case nil:
		return n > 0
	case syscall.EINTR:
		return true
	case syscall.EAGAIN: // someone has made it non-blocking
		return syscall.SetNonblock(fd, false) == nil
	}
	return false
}

// endOthers asks every other process of the PID namespace to end, and returns when
// all have or the grace is over. Where this is not PID 1 the namespace is someone
// else's, perhaps the whole machine's, and nobody is asked.
//
// Asking on a tick who is left is the simplest thing that is right. The components'
// main processes are not our children, so no wait tells of them. A pidfd each would,
// but takes a scan of /proc again and again, as anyone may fork; care for zombies
// that only a parent outside can collect; and this very tick for kernels and seccomp
// profiles that have no pidfd_open. All that to save some system calls at the end
// of a pod's life.
func endOthers(grace time.Duration) {
	if !first() {
		return
	}
	syscall.Kill(-1, syscall.SIGTERM)
	for left := grace; left > 0 && othersLive(); left -= tick {
		time.Sleep(min(tick, left))
	}
}

// othersLive tells whether there is any other process in the PID namespace. A zombie
// counts, until its parent has collected it.
func othersLive() bool { return syscall.Kill(-1, 0) != syscall.ESRCH }
