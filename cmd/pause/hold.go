package main

import (
	"os"
	"syscall"
	"time"

	"github.com/podlike/podlike/internal/reap"
)

// tick is how often a pod that is ending is asked whether anyone is left.
const tick = 20 * time.Millisecond

// A holder holds the pod's namespaces until the pod is over.
type holder struct {
	grace time.Duration // how long the others may take to end
	state state

	signals <-chan os.Signal // those that ask this process to end

	lease  int          // the connection; of no meaning where the state has no lease
	heard  <-chan event // what the supervisor says; nil: there is no lease, or not any more
	charge              // what supervisors come and go by; it does nothing where there is a lease

	over time.Time        // when the grace is over; zero: there is no limit, while the lease is held
	look <-chan time.Time // when to see whether anyone is left; nil: nobody is waited for
}

// hold collects orphans until the pod is over, and returns the exit code.
func (h *holder) hold(ended <-chan os.Signal) (code int) {
	for {
		select {
		case <-ended:
			reap.All()
		case s := <-h.signals:
			h.happened(signalled, s)
		case e, held := <-h.heard:
			if held {
				h.happened(e, nil)
			} else if code = h.lost(); code != 0 {
				return code
			}
		case fd := <-h.ready:
			h.serve(fd)
		case <-h.overdue:
			h.expire()
		case <-h.look:
			if !othersLive() || !h.over.IsZero() && !time.Now().Before(h.over) {
				return 0
			}
			h.look = time.After(tick)
		}
	}
}

// lost sees to the end of the lease, and returns an exit code other than 0 if there has
// never been one.
func (h *holder) lost() (code int) {
	h.heard = nil
	h.signalFirst()
	return h.happened(lost, nil)
}

// signalFirst sees to a signal that has come as well as a supervisor's end: it was first.
// The engine sends it to everybody, and the supervisor may have ended of its own.
func (h *holder) signalFirst() {
	select {
	case s := <-h.signals:
		h.happened(signalled, s)
	default:
	}
}

// happened does what an event asks for. It returns an exit code other than 0 when there
// is nothing to hold. The signal is the one of the event signalled.
func (h *holder) happened(e event, sent os.Signal) (code int) {
	var do action
	switch h.state, do = next(h.state, e); do {
	case tell:
		h.tell(name(sent))
		h.look = time.After(tick) // the engine's shutdown waits for us, and nobody may be there to remove us
	case askOthers:
		askAll()
		h.await()
	case await:
		h.await()
	case refused:
		say("there is no lease: the supervisor has refused it, or ended before it granted it")
		return 1
	}
	return 0
}

// tell tells the supervisor of a signal. That fails only when it is gone, which is heard next.
func (h *holder) tell(signal string) {
	if h.state.leased {
		say(signal + " has come here and the supervisor is told to stop the pod; to stop it, stop the supervisor's container, not this one")
		write(h.lease, sayAsked)
		return
	}
	say(signal + " has come here and the supervisor " + h.holderName() + " is told to stop the pod")
	write(h.charge.holder, sayAsked)
}

// await begins to wait for the others' end.
func (h *holder) await() { h.over, h.look = time.Now().Add(h.grace), time.After(0) }

// askAll asks every other process of the PID namespace to end. Where this is not PID 1
// the namespace is someone else's, perhaps the whole machine's, and nobody is asked.
func askAll() {
	if first() {
		syscall.Kill(-1, syscall.SIGTERM)
	}
}

// othersLive tells whether there is anyone to wait for: any other process of the PID
// namespace, if it is ours. A zombie counts, until its parent has collected it.
//
// Asking on a tick who is left is the simplest thing that is right. The components'
// main processes are not our children, so no wait tells of them. A pidfd each would,
// but takes a scan of /proc again and again, as anyone may fork; care for zombies
// that only a parent outside can collect; and this very tick for kernels and seccomp
// profiles that have no pidfd_open. All that to save some system calls at the end
// of a pod's life.
func othersLive() bool { return first() && syscall.Kill(-1, 0) != syscall.ESRCH }
