package main

import (
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// childhood is how long an orphan lives: past its parent's end, and no longer.
var childhood = unix.NsecToTimespec(5e6)

// orphans leaves children behind that nobody here waits for, in bursts, and waits
// for a signal.
func orphans(args []string) int {
	n, ok := number(args, 0)
	if !ok {
		return usage("orphans needs a number")
	}
	burst, ok := number([]string{option(args, "burst", "500")}, 0)
	if !ok || burst == 0 {
		return usage("burst needs a number above 0")
	}
	stop := signals()
	for left := n; left > 0; left -= burst {
		if err := abandon(min(burst, left)); err != nil {
			return failed(err)
		}
	}
	fmt.Println("left", n)
	<-stop
	return 0
}

// abandon forks a parent that forks n children and exits before they do.
func abandon(n int) error {
	pid, errno := parent(n)
	if errno != 0 {
		return fmt.Errorf("cannot fork: %w", errno)
	}
	var status unix.WaitStatus
	for {
		_, err := unix.Wait4(pid, &status, 0, nil)
		if err == unix.EINTR {
			continue
		}
		if err == nil && status.ExitStatus() != 0 {
			err = fmt.Errorf("cannot fork %d children: %w", n, syscall.Errno(status.ExitStatus()))
		}
		return err
	}
}

// parent forks a process that forks n children and exits with 0, or with the error
// number of the fork that failed. A fork without exec makes ten thousand of them in
// little time. It has one thread and nothing of Go's runtime beside it, so all that
// follows it, in both generations, are raw system calls on the stack there is.
//
//go:norace
//go:nosplit
func parent(n int) (pid int, errno syscall.Errno) {
	got, errno := fork()
	if errno != 0 || got != 0 {
		return int(got), errno
	}
	for range n {
		got, errno = fork()
		if errno != 0 {
			break
		}
		if got == 0 {
			syscall.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&childhood)), 0, 0)
			break
		}
	}
	syscall.RawSyscall(unix.SYS_EXIT_GROUP, uintptr(errno), 0, 0)
	return 0, 0
}

// fork returns twice: with the child's PID here, and with 0 in the child.
//
//go:norace
//go:nosplit
func fork() (pid uintptr, errno syscall.Errno) {
	pid, _, errno = syscall.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	return pid, errno
}
