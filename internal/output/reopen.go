package output

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// Reopen opens a pipe once more, as it is in a container's standard output, so that a
// write to it can be given up: it has a SetWriteDeadline that works. What else has the pipe open
// does not notice. The file is to be closed.
//
// Anything but a pipe is an error. A file, for one, would be written from its beginning.
func Reopen(pipe *os.File) (*os.File, error) {
	fail := func(err error) (*os.File, error) {
		return nil, fmt.Errorf("cannot open %s again: %w", pipe.Name(), err)
	}
	info, err := pipe.Stat()
	if err != nil {
		return fail(err)
	}
	if info.Mode()&os.ModeNamedPipe == 0 {
		return fail(fmt.Errorf("it is no pipe but %s", info.Mode().Type()))
	}
	raw, err := pipe.SyscallConn()
	if err != nil {
		return fail(err)
	}
	var again *os.File
	var failed error
	err = raw.Control(func(fd uintptr) { // Fd would change how the pipe is used
		again, failed = os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", fd), os.O_WRONLY|syscall.O_NONBLOCK, 0)
	})
	if err := errors.Join(err, failed); err != nil {
		return fail(err)
	}
	return again, nil
}
