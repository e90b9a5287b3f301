// Package charge is the supervisor's side of being the one in charge of a pod whose pause
// outlives supervisors: it claims that from pause, which listens in the network that it
// shares with the supervisor, and gets the memory that pause keeps for whoever is in charge.
//
// The kernel ends a charge when the supervisor dies, and the next one can take it at once.
// This package never decides what a charge is for, and does not know what is in the memory.
//
//	supervisor                          pause
//	"c", its name, "\n"
//	                                    "g", with the memory if there is one: granted
//	                                    "t", the holder's name, "\n", and the end: taken
//	"k", with a descriptor
//	                                    keeps it as the memory, instead of what it had
//
//	"p", "\n"
//	                                    "g", with the memory if there is one, and the end
//
// From then on the two say what they say over a lease.
package charge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/lease"
)

// Address is the abstract unix socket at which pause listens.
const Address = "@podlike/charge"

// Why there is no charge, beside *Taken.
var (
	// ErrNoPause: nobody listens. What holds the network is no pause, one of a version
	// that cannot do it, one started with a lease or -hold, or it has ended.
	ErrNoPause = errors.New("no pause listens at " + Address + " in this network")
	// ErrNoAnswer: pause did not answer in time. It is frozen, as by docker pause.
	ErrNoAnswer = errors.New("pause does not answer")
	// ErrRefused: pause has let go without an answer. It is ending, or this process is in
	// its PID namespace, as only components are.
	ErrRefused = errors.New("pause grants no charge: it is ending, or this process is in its PID namespace")
)

// Taken is the error that somebody else is in charge.
type Taken struct {
	By string // the name that they gave
}

func (t *Taken) Error() string { return t.By + " is in charge" }

// The bytes that the two ends send each other beside those of a lease. cmd/pause has the
// same ones.
const (
	sayClaim    = 'c'
	sayKeep     = 'k'
	saidGranted = 'g'
	saidTaken   = 't'
)

const (
	maxName   = 255             // bytes of a name
	timeout   = 2 * time.Second // for pause to answer; it takes less than a millisecond
	starting  = time.Second     // for pause to listen: it may just have been started
	dialDelay = 20 * time.Millisecond
)

// A Charge is being in charge of a pod. Its methods, those of a lease, may be called from
// several goroutines. Close does not end pause.
type Charge struct {
	*lease.Lease
	memory []byte
}

// Memory is what was in charge before us has left there, or zeros: MemorySize bytes that
// pause keeps for as long as it lives. They stay mapped until this process ends, so that
// nobody dies who still writes there while the charge ends. What is in there may have been
// written by anybody, and up to any instruction.
func (c *Charge) Memory() []byte { return c.memory }

// Take claims the charge under a name, of 1 to 255 printable ASCII characters without
// spaces, which others are told who claim it meanwhile. It fails with *Taken, ErrNoPause,
// ErrNoAnswer, ErrRefused, or ctx's cause. Close has to be called.
func Take(ctx context.Context, name string) (*Charge, error) {
	c, err := take(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("cannot take charge of the pod: %w", err)
	}
	return c, nil
}

func take(ctx context.Context, name string) (*Charge, error) {
	if !isName(name) {
		return nil, fmt.Errorf("%q is no name for one in charge", name)
	}
	limited, cancel := context.WithTimeoutCause(ctx, timeout, ErrNoAnswer)
	defer cancel()
	conn, err := dial(limited)
	if err != nil {
		return nil, why(limited, err)
	}
	fd, err := claim(limited, conn, name)
	if err != nil {
		conn.Close()
		return nil, why(limited, err)
	}
	memory, err := remembered(conn, fd)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &Charge{Lease: lease.Hold(conn), memory: memory}, nil
}

// isName tells whether pause takes a name.
func isName(name string) bool {
	unfit := func(r rune) bool { return r <= ' ' || r > '~' }
	return name != "" && len(name) <= maxName && !strings.ContainsFunc(name, unfit)
}

// why is the error that says more: what came of a context that has ended is of no interest.
func why(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// dial connects to pause. While that starts, or more wait than the kernel lets wait, it
// waits as well.
func dial(ctx context.Context) (*net.UnixConn, error) {
	for began := time.Now(); ; {
		conn, err := new(net.Dialer).DialContext(ctx, "unix", Address)
		switch {
		case err == nil:
			return conn.(*net.UnixConn), nil
		case errors.Is(err, unix.ECONNREFUSED) && time.Since(began) >= starting:
			return nil, ErrNoPause
		case !errors.Is(err, unix.ECONNREFUSED) && !errors.Is(err, unix.EAGAIN):
			return nil, err
		}
		if err := clock.Sleep(ctx, dialDelay); err != nil {
			return nil, err
		}
	}
}

// claim says the claim and hears the answer. The descriptor is that of the memory that
// pause has; -1: it has none.
func claim(ctx context.Context, conn *net.UnixConn, name string) (fd int, err error) {
	return ask(ctx, conn, fmt.Sprintf("%c%s\n", sayClaim, name))
}

// ask asks pause for something and hears the answer.
func ask(ctx context.Context, conn *net.UnixConn, what string) (fd int, err error) {
	release := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer release()
	if _, err := io.WriteString(conn, what); err != nil {
		return -1, unanswered(err)
	}
	said, control := make([]byte, 1), make([]byte, unix.CmsgLen(4)) // room for one: the kernel closes others
	_, size, _, _, err := conn.ReadMsgUnix(said, control)
	if err != nil {
		return -1, unanswered(err)
	}
	fd = descriptor(control[:size])
	if said[0] == saidGranted && release() {
		return fd, nil
	}
	if fd >= 0 {
		unix.Close(fd)
	}
	if said[0] != saidTaken {
		return -1, ErrRefused // by ctx, or by one who is no pause
	}
	by, err := io.ReadAll(io.LimitReader(conn, maxName+1))
	if err != nil {
		return -1, unanswered(err)
	}
	return -1, &Taken{By: strings.TrimSuffix(string(by), "\n")}
}

// unanswered is the error of a connection that has ended before its answer.
func unanswered(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) {
		return ErrRefused
	}
	return err
}

// descriptor is the one in a control message; -1: there is none.
func descriptor(control []byte) (fd int) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(messages) == 0 {
		return -1
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return -1
	}
	return fds[0]
}
