package hosts

import (
	"context"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Watch tells, at first and whenever somebody has written to the file and closed it, until ctx is
// done, which is no error. Whoever is told may write to the file, and is told of that as well.
// It waits for the kernel and looks at nothing by itself.
func Watch(ctx context.Context, path string, tell func()) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return fmt.Errorf("cannot watch %s: %w", path, err)
	}
	events := os.NewFile(uintptr(fd), "inotify") // which the runtime can wait for, as it does not block
	defer events.Close()
	if _, err := unix.InotifyAddWatch(fd, path, unix.IN_CLOSE_WRITE); err != nil {
		return fmt.Errorf("cannot watch %s: %w", path, err)
	}
	stop := context.AfterFunc(ctx, func() { events.Close() })
	defer stop()
	buffer := make([]byte, 16*(unix.SizeofInotifyEvent+unix.NAME_MAX+1))
	for {
		tell()
		if _, err := events.Read(buffer); err != nil { // what is in it does not matter
			if ctx.Err() != nil || errors.Is(err, os.ErrClosed) {
				return nil
			}
			return fmt.Errorf("cannot watch %s: %w", path, err)
		}
	}
}
