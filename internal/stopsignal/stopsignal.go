// Package stopsignal hears when the process is asked to stop, from its first moment on.
//
// As PID 1 a Go program that is not listening ends with code 2 on any of these, and
// one that imports much takes some milliseconds before main runs. This package
// imports next to nothing, so it is initialized before what takes long. It decides
// nothing.
package stopsignal

import (
	"os"
	"os/signal"
	"syscall"
)

// toStop gets SIGTERM, SIGINT, and SIGHUP, which docker run passes on when its terminal
// goes. One place is enough: the first is what counts.
var toStop = listen()

func listen() <-chan os.Signal {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	return signals
}

// First is the channel on which the first of these signals arrives, also one that came
// before anybody read it.
func First() <-chan os.Signal { return toStop }
