package fake

import (
	"context"
	"io"
	"io/fs"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
)

// A Program runs in a container and returns its exit code. When it is killed ctx is
// done and stdin ends: it has to return then, and its exit code is 137 whatever it
// returns.
type Program func(ctx context.Context, p Process) int

// A Process is what a running program has of its container.
type Process struct {
	Argv, Env []string
	// Stdin ends at once when the container was created without.
	Stdin io.Reader
	// Hangup is closed when stdin has ended, for those who do not read it.
	Hangup         <-chan struct{}
	Stdout, Stderr io.Writer
	// Signals gives the names of the signals it is sent. Who does not take them
	// ignores them.
	Signals <-chan string
	// Size gives the rows and columns of its terminal when they have changed.
	Size <-chan [2]uint
	// Files are those that were put into the container. Write makes another.
	Files Files
	Write func(name, content string)
	// SetHealth has the container's health check find that from now on.
	SetHealth func(engine.Health)
	// FailCheck has the test of its health check end with a code, having printed something,
	// often enough to be unhealthy from now on.
	FailCheck func(code int, said string)
	// Starve has the kernel kill something in the container for lack of memory. If that
	// is the program itself it has to return 137 then.
	Starve func()
}

// Files are files and directories by their absolute paths.
type Files map[string]File

// A File is a file's or a directory's content and mode.
type File struct {
	Mode    fs.FileMode
	Content string
}

// Pause is a program that ends with 0 when it gets a signal.
func Pause(ctx context.Context, p Process) int { return UntilAsked(ctx, p) }

// UntilAsked is a program that ends with 0 when it gets a signal.
func UntilAsked(ctx context.Context, p Process) int {
	select {
	case <-p.Signals:
	case <-ctx.Done():
	}
	return 0
}

// Stubborn is a program that ignores all signals.
func Stubborn(ctx context.Context, _ Process) int {
	<-ctx.Done()
	return 0
}

// Exit makes a program that ends with a code by itself. It ignores signals.
func Exit(code int, after time.Duration) Program {
	return func(ctx context.Context, _ Process) int {
		_ = clock.Sleep(ctx, after) // who is killed returns as well
		return code
	}
}
