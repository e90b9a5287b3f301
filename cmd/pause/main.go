// Command pause is PID 1 of a pod: it holds the namespaces that the components
// join, and collects the orphans they leave behind.
//
// It starts nothing, sends nothing to anyone but at the end of its lease, says
// nothing while all is well, and never exits on an error that it can survive.
// When it exits, the kernel ends whatever is left in its PID namespace; that is
// what ends a pod.
//
// SIGTERM and SIGINT end it. When its stdin is a pipe, so does the end of its lease:
// see lease.go.
package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/podlike/podlike/internal/reap"
)

// version is set when linking: -ldflags '-X main.version=1.2.3'.
var version = "dev"

func main() {
	asked, ended := endSignals(), reap.Ended()
	o, wrong := parse(os.Args[1:])
	switch {
	case wrong != "":
		say("cannot start: " + wrong)
		os.Exit(2)
	case o.version:
		syscall.Write(syscall.Stdout, []byte(version+"\n"))
		return
	}
	if !first() {
		say("warning: not PID 1, so no orphan comes here, and a lease that is over ends nobody else")
	}
	hold(asked, ended, lease(syscall.Stdin, func() { endOthers(o.grace) }))
}

// hold collects orphans until someone asks for the end or the lease is over.
func hold(asked, ended <-chan os.Signal, over <-chan struct{}) {
	for {
		select {
		case <-asked:
			return
		case <-over:
			return
		case <-ended:
			reap.All()
		}
	}
}

// endSignals returns the channel on which SIGTERM and SIGINT arrive.
//
// All others go to a channel that nobody reads: the kernel protects a PID 1 from
// signals that it has no handler for, but the Go runtime has handlers for all of
// them, and one of them would end the program on a component's SIGHUP.
func endSignals() <-chan os.Signal {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGTERM, syscall.SIGINT)
	signal.Notify(make(chan os.Signal))
	return asked
}

// first tells whether this is PID 1 of its PID namespace.
func first() bool { return syscall.Getpid() == 1 }

// say writes one line to stderr. There is nobody to tell when that fails.
func say(line string) { syscall.Write(syscall.Stderr, []byte("pause: "+line+"\n")) }
