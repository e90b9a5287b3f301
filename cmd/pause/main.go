// Command pause is PID 1 of a pod: it holds the namespaces that the components
// join, and collects the orphans they leave behind.
//
// It starts nothing, says nothing while all is well, and never exits on an error that
// it can survive. When it exits, the kernel ends whatever is left in its PID namespace;
// that is what ends a pod. So it is the last to go: it waits for all others first.
//
// With a lease (see lease.go) it lives as long as the supervisor does. Without one it
// outlives supervisors, says which one is in charge (see charge.go) and keeps a piece of
// memory for the next, which it never looks into. While there is a supervisor a signal is
// passed on to it; while there is none, SIGTERM and SIGINT end pause and everybody else.
// See state.go for when it asks others to end.
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
	signals, ended := endSignals(), reap.Ended()
	o, wrong := parse(os.Args[1:])
	switch {
	case wrong != "":
		say("cannot start: " + wrong)
		os.Exit(2)
	case o.version:
		syscall.Write(syscall.Stdout, []byte(version+"\n"))
		return
	}
	hide()
	h := holder{grace: o.grace, signals: signals}
	if offer := os.Getenv(leaseVariable); offer != "" {
		lease, err := connect(offer)
		if err != nil {
			say("cannot take the lease that " + leaseVariable + " offers: " + err.Error())
			os.Exit(1)
		}
		h.state.leased, h.lease, h.heard = true, lease, listen(lease)
	}
	if !first() {
		say("warning: not PID 1, so no orphan comes here, and its end ends nobody else")
	}
	if !h.state.leased && !o.hold {
		h.listenForClaims()
	}
	os.Exit(h.hold(ended))
}

// hide keeps the components' hands off this process: one that runs as root could else
// read its memory and take the lease out of it. Only one with the capability SYS_PTRACE
// still can. Where the kernel refuses, nothing else is lost.
func hide() { syscall.RawSyscall(syscall.SYS_PRCTL, syscall.PR_SET_DUMPABLE, 0, 0) }

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

// name is what people call one of the two signals.
func name(s os.Signal) string {
	if s == syscall.SIGINT {
		return "SIGINT"
	}
	return "SIGTERM"
}

// first tells whether this is PID 1 of its PID namespace.
func first() bool { return syscall.Getpid() == 1 }

// say writes one line to stderr. There is nobody to tell when that fails.
func say(line string) { syscall.Write(syscall.Stderr, []byte("pause: "+line+"\n")) }
