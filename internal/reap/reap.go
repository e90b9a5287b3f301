// Package reap collects children that have ended, so that none stays a zombie.
//
// In a PID namespace every orphan becomes a child of PID 1, whoever started it.
// This package is the one owner of waiting in such a process: it takes whichever
// child has ended and forgets how. It never starts a process, and a program that
// uses it must not wait for a child of its own in any other way.
package reap

import (
	"os"
	"os/signal"
	"syscall"
)

// Ended returns a channel that has something to read when children may have ended
// since it was last read. The reader then calls All.
//
// One place in the channel is enough: many children may end behind one SIGCHLD, so
// All never counts signals; and a child that ends while All is at work puts a
// signal into the channel, which has been emptied before.
func Ended() <-chan os.Signal {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	return ended
}

// All collects every child that has ended by now and returns how many there were.
// It never blocks, and having no child at all is no error.
func All() (collected int) {
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil, pid == 0: // ECHILD: there is none; 0: all that is left is alive
			return collected
		default:
			collected++
		}
	}
}
