package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal opens both ends of a terminal.
func terminal(t *testing.T) (user, program *os.File) {
	t.Helper()
	user, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(user.Fd()), unix.TIOCGPTN)
	err = errors.Join(err, unix.IoctlSetPointerInt(int(user.Fd()), unix.TIOCSPTLCK, 0))
	if err != nil {
		t.Fatal(err)
	}
	if program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|syscall.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = user.Close(), program.Close() })
	return user, program
}

// take takes a console that a test leaves in any case.
func take(t *testing.T, stdin *os.File, tty bool) *console {
	t.Helper()
	c, err := takeConsole(stdin, tty)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.leave)
	return c
}

// reading reads all that a console has until its end.
func reading(c *console) func() string {
	var text []byte
	var all sync.WaitGroup
	all.Go(func() { text, _ = io.ReadAll(c) })
	return func() string {
		all.Wait()
		return string(text)
	}
}

func TestKeysOfATerminalAreCharacters(t *testing.T) {
	user, program := terminal(t)
	before, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	c := take(t, program, true)
	const keys = "a\x03\x04\x1ab\r"
	if _, err := io.WriteString(user, keys); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(keys))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != keys {
		t.Errorf("got %q, %v", got, err)
	}
	c.leave()
	after, err := unix.IoctlGetTermios(int(program.Fd()), unix.TCGETS)
	if err != nil || *after != *before {
		t.Errorf("it was %+v and is %+v, %v", before, after, err)
	}
}

func TestATerminalThatHasGoneIsTheEndOfItsKeys(t *testing.T) {
	user, program := terminal(t)
	read := reading(take(t, program, true))
	_ = user.Close()
	if got := read(); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestTheSizeOfATerminalIsToldNowAndWhenItChanges(t *testing.T) {
	user, program := terminal(t)
	resize := func(rows, columns uint16) {
		t.Helper()
		if err := unix.IoctlSetWinsize(int(user.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: columns}); err != nil {
			t.Fatal(err)
		}
	}
	resize(12, 34)
	c := take(t, program, true)
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan [2]uint, 10)
	var telling sync.WaitGroup
	telling.Go(func() { c.sizes(ctx, func(rows, columns uint) { told <- [2]uint{rows, columns} }) })
	if got := <-told; got != [2]uint{12, 34} {
		t.Errorf("first it is %d", got)
	}
	resize(56, 78)
	if err := syscall.Kill(os.Getpid(), syscall.SIGWINCH); err != nil { // it is not our controlling terminal
		t.Fatal(err)
	}
	if got := <-told; got != [2]uint{56, 78} {
		t.Errorf("then it is %d", got)
	}
	cancel()
	telling.Wait()
}

func TestPipedInputIsReadToItsEnd(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	c := take(t, read, false)
	all := reading(c)
	if _, err := io.WriteString(write, "a\nb"); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	if got := all(); got != "a\nb" {
		t.Errorf("got %q", got)
	}
	c.sizes(t.Context(), func(uint, uint) { t.Error("it has a size") })
}

func TestWhoLeavesAConsoleWaitsForNoKey(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = read.Close(), write.Close() }()
	c := take(t, read, false)
	all := reading(c)
	c.leave()
	if got := all(); got != "" {
		t.Errorf("got %q", got)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("after that it reads %d, %v", n, err)
	}
}
