package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// A console is our stdin, which a Read waits on no longer than wanted. A terminal is
// given as it is, every key a character.
type console struct {
	in      *os.File
	before  *term.State // of the terminal; nil if it is none
	leaving func()

	reading sync.Mutex
	wake    *os.File // readable when it is time to leave
	left    bool
}

var _ userConsole = (*console)(nil)

// takeConsole has stdin for itself until leave is called.
func takeConsole(stdin *os.File, tty bool) (*console, error) {
	wake, waker, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot read from stdin: %w", err)
	}
	c := &console{in: stdin, wake: wake}
	if tty {
		if c.before, err = term.MakeRaw(int(stdin.Fd())); err != nil {
			return nil, errors.Join(fmt.Errorf("cannot use the terminal: %w", err), wake.Close(), waker.Close())
		}
	}
	c.leaving = sync.OnceFunc(func() { c.end(waker) })
	return c, nil
}

// Read implements io.Reader. However stdin ends, it is its end.
func (c *console) Read(p []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	for !c.left {
		ready := []unix.PollFd{{Fd: int32(c.in.Fd()), Events: unix.POLLIN}, {Fd: int32(c.wake.Fd()), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); errors.Is(err, unix.EINTR) {
			continue
		} else if err != nil || ready[1].Revents != 0 {
			break
		}
		if n, err := unix.Read(int(c.in.Fd()), p); n > 0 {
			return n, nil
		} else if !errors.Is(err, unix.EINTR) {
			break
		}
	}
	return 0, io.EOF
}

func (c *console) sizes(ctx context.Context, tell func(rows, columns uint)) {
	if c.before == nil {
		return
	}
	changes := make(chan os.Signal, 1)
	signal.Notify(changes, syscall.SIGWINCH)
	defer signal.Stop(changes)
	for {
		if columns, rows, err := term.GetSize(int(c.in.Fd())); err == nil && rows > 0 {
			tell(uint(rows), uint(columns))
		}
		select {
		case <-changes:
		case <-ctx.Done():
			return
		}
	}
}

func (c *console) leave() { c.leaving() }

// end wakes who reads, and lets go of all.
func (c *console) end(waker *os.File) {
	_ = waker.Close()
	c.reading.Lock()
	defer c.reading.Unlock()
	c.left = true
	_ = c.wake.Close()
	if c.before != nil {
		_ = term.Restore(int(c.in.Fd()), c.before) // it may have gone
	}
}
