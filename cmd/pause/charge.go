package main

import (
	"syscall"
	"time"
)

// chargeName is the abstract unix socket, in this network namespace, at which supervisors
// claim to be in charge of the pod when there is no lease. They come and go and pause
// stays, so it is pause that says which one is.
//
//	supervisor                          pause
//	"c", its name, "\n"
//	                                    "g", with the memory if there is one: granted
//	                                    "t", the holder's name, "\n", and the end: taken
//	"k", with a descriptor
//	                                    keeps it as the memory, instead of what it had
//	"s": it stops the components
//	                                    "a": someone has asked pause to end
//
// The charge ends with the connection, so the kernel ends it when the supervisor dies.
//
// Components share the network. Where pause is PID 1 of its PID namespace, it can see who
// of those that connect is in there with it: a component, which is let go of unanswered.
// One with a PID namespace of its own looks like a supervisor and could take the charge.
const chargeName = "@podlike/charge"

// What goes over such a connection beside what goes over a lease.
const (
	saidClaim  = 'c'
	saidPeek   = 'p' // by whoever wants to see the memory, and no charge
	saidKeep   = 'k'
	sayGranted = 'g'
	sayTaken   = 't'
)

const (
	maxName      = 255 // bytes
	maxClaimants = 8   // at once; one more takes the place of the one that came first
	claimTimeout = time.Second
	maxBacklog   = 128 // what no kernel lowers
)

// A claimant has connected and not said its whole claim yet.
type claimant struct {
	fd   int // -1: there is none
	due  time.Time
	read int
	line [len("c") + maxName + len("\n")]byte
}

// A charge is what there is of the socket and of those who connect. Nothing on the way of
// one who is refused allocates memory, however many come.
type charge struct {
	poll, listener int
	ready          <-chan int // descriptors that can be read from; nil: nobody can connect
	claimants      []claimant
	late           *time.Timer // runs while there may be a claimant
	running        bool        // late does
	overdue        <-chan time.Time

	holder int    // the connection of the one in charge; -1: nobody is
	taken  []byte // the answer to others
	memory int    // what the last one has given to keep; -1: nothing
}

// listenForClaims does so unless another pause in this network does, or the kernel refuses.
func (h *holder) listenForClaims() {
	if err := h.charge.listen(); err != nil {
		say("warning: no supervisor can take charge here: cannot listen on " + chargeName + ": " + err.Error() +
			"; a pause that joins another one's network needs -hold")
	}
}

// listen listens for claims.
func (c *charge) listen() (err error) {
	if c.listener, err = syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC|syscall.SOCK_NONBLOCK, 0); err != nil {
		return err
	}
	if err = c.open(); err != nil {
		syscall.Close(c.listener)
		return err
	}
	c.holder, c.memory, c.claimants = -1, -1, make([]claimant, maxClaimants)
	for i := range c.claimants {
		c.claimants[i].fd = -1
	}
	c.late, c.running = time.NewTimer(claimTimeout), true
	c.overdue = c.late.C
	ready := make(chan int)
	go poll(c.poll, ready)
	c.ready = ready
	return nil
}

// open binds the socket and listens.
func (c *charge) open() (err error) {
	if err = syscall.Bind(c.listener, &syscall.SockaddrUnix{Name: chargeName}); err != nil {
		return err
	}
	if c.poll, err = syscall.EpollCreate1(syscall.EPOLL_CLOEXEC); err != nil {
		return err
	}
	if err = c.watch(c.listener); err != nil {
		return err
	}
	return syscall.Listen(c.listener, maxBacklog)
}

// watch has a descriptor appear in ready while it can be read from, until it is closed.
func (c *charge) watch(fd int) error {
	return syscall.EpollCtl(c.poll, syscall.EPOLL_CTL_ADD, fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(fd)})
}

// poll tells which descriptor can be read from, for as long as the process lives. It may
// tell it once more than is true, so nobody must block when reading.
func poll(fd int, ready chan<- int) {
	var events [1]syscall.EpollEvent
	for {
		if n, _ := syscall.EpollWait(fd, events[:], -1); n == 1 { // a signal may come in between
			ready <- int(events[0].Fd)
		}
	}
}

// serve reads from a descriptor.
func (h *holder) serve(fd int) {
	switch fd {
	case h.listener:
		h.accept()
	case h.charge.holder:
		h.hear()
	default:
		for i := range h.claimants {
			if c := &h.claimants[i]; c.fd == fd {
				h.claims(c)
			}
		}
	}
}

// accept takes the next one who connects and hears what it has said by now.
func (h *holder) accept() {
	fd := accept(h.listener)
	if fd < 0 {
		return
	}
	if first() && peer(fd) != 0 || h.watch(fd) != nil {
		syscall.Close(fd)
		return
	}
	c := h.place()
	c.close()
	c.fd, c.read, c.due = fd, 0, time.Now().Add(claimTimeout)
	h.runLate()
	h.claims(c)
}

// place is where there is no claimant, or the one who came first.
func (c *charge) place() (first *claimant) {
	first = &c.claimants[0]
	for i := range c.claimants {
		if other := &c.claimants[i]; other.fd < 0 || first.fd >= 0 && other.due.Before(first.due) {
			first = other
		}
	}
	return first
}

// runLate has late run, unless it does: however many come, it is never put off.
func (c *charge) runLate() {
	if !c.running {
		c.late.Reset(claimTimeout / 4)
		c.running = true
	}
}

// expire lets go of claimants whose time is over.
func (h *holder) expire() {
	h.running = false
	now, left := time.Now(), false
	for i := range h.claimants {
		c := &h.claimants[i]
		if !now.Before(c.due) {
			c.close()
		}
		left = left || c.fd >= 0
	}
	if left {
		h.runLate()
	}
}

// close lets go of a claimant, if there is one.
func (c *claimant) close() {
	if c.fd >= 0 {
		syscall.Close(c.fd)
		c.fd = -1
	}
}

// claims reads what a claimant says, and answers it when that is a claim. There is
// no answer to anything else.
func (h *holder) claims(c *claimant) {
	n, err := syscall.Read(c.fd, c.line[c.read:])
	if err == syscall.EAGAIN || err == syscall.EINTR {
		return
	}
	if err != nil || n == 0 {
		c.close()
		return
	}
	c.read += n
	last := c.read - 1
	switch {
	case c.read == 2 && c.line[0] == saidPeek && c.line[1] == '\n':
		transmit(c.fd, sayGranted, h.memory)
		c.close()
	case c.line[last] == '\n' && c.line[0] == saidClaim && isName(c.line[1:last]):
		h.claim(c, c.line[1:last])
	case c.line[last] == '\n', c.read == len(c.line):
		c.close()
	}
}

// isName tells whether a name can be shown to anybody as it is.
func isName(name []byte) bool {
	for _, b := range name {
		if b <= ' ' || b > '~' {
			return false
		}
	}
	return len(name) > 0
}

// claim grants the charge to the claimant, unless someone else has it or pause is ending.
func (h *holder) claim(c *claimant, name []byte) {
	if h.charge.holder >= 0 {
		h.hear() // that it has died, perhaps
	}
	if h.charge.holder >= 0 {
		syscall.Write(c.fd, h.taken) // as much as anyone ever reads fits
		c.close()
		return
	}
	var do action
	if h.state, do = next(h.state, claimed); do != grant {
		c.close()
		return
	}
	h.charge.holder, c.fd = c.fd, -1
	h.taken = append(append(append(h.taken[:0], sayTaken), name...), '\n')
	if transmit(h.charge.holder, sayGranted, h.memory) != nil {
		h.release()
	}
}

// holderName is the name of the one in charge.
func (c *charge) holderName() string { return string(c.taken[1 : len(c.taken)-1]) }

// hear hears what the one in charge has said, or that it is gone. However much it says,
// it comes to an end.
func (h *holder) hear() {
	for range 64 {
		said, fd, err := receive(h.charge.holder)
		switch {
		case err == syscall.EAGAIN, err == syscall.EINTR:
			return
		case err != nil:
			h.release()
			return
		case said == saidKeep && fd >= 0:
			fd, h.memory = h.memory, fd
		case said == saidStopping:
			h.happened(stopping, nil)
		}
		if fd >= 0 {
			syscall.Close(fd)
		}
	}
}

// release sees to the end of the one in charge.
func (h *holder) release() {
	h.signalFirst()
	syscall.Close(h.charge.holder)
	h.charge.holder = -1
	h.happened(released, nil)
}
