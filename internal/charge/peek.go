package charge

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sys/unix"
)

// sayPeek asks for the memory and for no charge. cmd/pause has the same one.
const sayPeek = 'p'

// errNothing: nobody was ever in charge, or pause is of a version that shows nothing.
var errNothing = errors.New("pause keeps nothing")

// Peek is a copy of what the one in charge has left so far, whoever that is. It takes nothing from
// anybody. What was just being written may be half of it.
func Peek(ctx context.Context) ([]byte, error) {
	memory, err := peek(ctx)
	if err != nil {
		return nil, fmt.Errorf("cannot see what is known of the pod: %w", err)
	}
	return memory, nil
}

func peek(ctx context.Context) ([]byte, error) {
	limited, cancel := context.WithTimeoutCause(ctx, timeout, ErrNoAnswer)
	defer cancel()
	conn, err := dial(limited)
	if err != nil {
		return nil, why(limited, err)
	}
	defer conn.Close()
	fd, err := ask(limited, conn, fmt.Sprintf("%c\n", sayPeek))
	if err != nil {
		return nil, why(limited, err)
	}
	if fd < 0 {
		return nil, errNothing
	}
	defer unix.Close(fd)
	memory, err := mapped(fd, unix.PROT_READ)
	if err != nil {
		return nil, err
	}
	defer unix.Munmap(memory)
	return slices.Clone(memory), nil
}
