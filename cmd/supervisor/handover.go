package main

import (
	"context"
	"fmt"
	"io"

	"github.com/podlike/podlike/internal/status"
)

// handover has the next stop of this container's supervisor leave its pair's components running.
func handover(ctx context.Context, args []string, stdout io.Writer) error {
	c := newCommand("handover", "handover", "has the next stop of a pair's supervisor leave its components running, for another supervisor")
	if _, err := c.parse(args, 0, stdout); err != nil {
		return err
	}
	if err := status.Handover(ctx); err != nil {
		return err
	}
	_, err := fmt.Fprintln(stdout, "the next stop of this supervisor leaves the components running")
	return err
}
