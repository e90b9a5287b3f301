// Package probe asks a component how it is, on a clock, and does what hooks ask for.
//
// It knows no engine: how a command gets into a container is handed in. It decides
// nothing about a component either: it tells what it has found, and what follows from
// that is a matter of the loop. Where pods have numbers, they are the kubelet's.
package probe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"unicode"

	"github.com/podlike/podlike/internal/pod"
)

// An Outcome is what a try says of a component.
type Outcome int

// The outcomes. Unknown says nothing, neither good nor bad: there was no way to ask.
const (
	Unknown Outcome = iota
	Success
	Failure
)

// String is the word for it: unknown, success or failure.
func (o Outcome) String() string {
	return [...]string{"unknown", "success", "failure"}[o]
}

// A Result is what has come of one try.
type Result struct {
	Outcome Outcome
	// Message says why, for people, in at most some hundred bytes. With a success it is
	// a warning, and mostly empty.
	Message string
}

// ErrUnanswered: who runs commands did not answer. It says nothing of the component, whose
// command may have taken no time at all.
var ErrUnanswered = errors.New("the engine does not answer")

// An ExecFunc runs a command in a component's container and returns its exit code and
// what it has printed. When ctx ends, the command is killed before the function
// returns. An error says that there is no exit code, not that it is bad.
type ExecFunc func(ctx context.Context, x pod.Exec) (code int, output string, err error)

// A Doer does what probes and hooks ask for. What goes over the network starts where
// the Doer runs, so that no image needs a tool for it.
type Doer struct {
	// Exec is for commands.
	Exec ExecFunc
	// Version of Podlike, which HTTP and gRPC servers are told.
	Version string
}

// Do makes one try and takes no longer than the probe's timeout, which is a failure.
// Unknown is what an ended ctx leaves, and an engine that cannot run a command.
func (d Doer) Do(ctx context.Context, p pod.Probe) Result {
	within, cancel := context.WithTimeout(ctx, p.Timeout)
	defer cancel()
	r, unanswered := d.try(within, p)
	switch {
	case within.Err() == nil || unanswered:
		return r
	case ctx.Err() != nil:
		return Result{Unknown, context.Cause(ctx).Error()}
	}
	return Result{Failure, fmt.Sprintf("timed out after %v", p.Timeout)}
}

// try makes a try that ends with ctx. Unanswered: nobody was there to make it, however
// long it took.
func (d Doer) try(ctx context.Context, p pod.Probe) (r Result, unanswered bool) {
	switch {
	case p.HTTP != nil:
		return d.http(ctx, *p.HTTP), false
	case p.TCP != nil:
		return connect(ctx, *p.TCP), false
	case p.GRPC != nil:
		return d.grpc(ctx, *p.GRPC), false
	}
	return d.exec(ctx, p.Exec)
}

// exec is a success when the command exits with 0.
func (d Doer) exec(ctx context.Context, command []string) (r Result, unanswered bool) {
	code, output, err := d.Exec(ctx, pod.Exec{Command: command})
	switch {
	case err != nil:
		return Result{Unknown, err.Error()}, errors.Is(err, ErrUnanswered)
	case code != 0:
		return Result{Failure, Exited(code, output)}, false
	}
	return Result{Outcome: Success}, false
}

// Exited is how a command has failed, in a message.
func Exited(code int, output string) string {
	return with(fmt.Sprintf("exit code %d", code), output)
}

// connect is a success when there is a connection; not a byte is sent.
func connect(ctx context.Context, s pod.TCPSocket) Result {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address(s.Host, s.Port))
	if err != nil {
		return failure(err)
	}
	_ = conn.Close() // it was there
	return Result{Outcome: Success}
}

// address is host and port as one; no host is the pod's own.
func address(host string, port int) string {
	return net.JoinHostPort(cmp.Or(host, "127.0.0.1"), strconv.Itoa(port))
}

// failure is one with err as its message.
func failure(err error) Result {
	return Result{Failure, err.Error()}
}

// maxQuote is how many bytes of what a component says get into a message.
const maxQuote = 512

// with is what, followed by what the component has said itself.
func with(what, said string) string {
	if said = Quote(said); said == "" {
		return what
	}
	return what + ": " + said
}

// Quote is the beginning of what a component has said, as part of a message: text without
// what would move about in a terminal.
func Quote(said string) string {
	said = strings.ReplaceAll(strings.ToValidUTF8(said, "�"), "\r\n", "\n")
	said = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return '�'
		}
		return r
	}, strings.TrimSpace(said))
	if len(said) > maxQuote {
		said = strings.ToValidUTF8(said[:maxQuote], "") + " …"
	}
	return said
}
