package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/pod"
)

// Hook does what a hook asks for and returns when that is over or ctx is. It fails
// when a command does not exit with 0, when a request is not answered, with whatever
// code, or when ctx was first.
func (d Doer) Hook(ctx context.Context, h pod.Hook) error {
	switch {
	case h.Exec != nil:
		return d.run(ctx, *h.Exec)
	case h.HTTP != nil:
		return d.call(ctx, *h.HTTP)
	}
	return clock.Sleep(ctx, h.Sleep)
}

// run runs a hook's command.
func (d Doer) run(ctx context.Context, x pod.Exec) error {
	code, output, err := d.Exec(ctx, x)
	if err == nil && code != 0 {
		err = errors.New(Exited(code, output))
	}
	if err != nil {
		return fmt.Errorf("cannot run %s: %w", strings.Join(x.Command, " "), err)
	}
	return nil
}
