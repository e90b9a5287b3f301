package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/podlike/podlike/internal/lifecycle"
	"github.com/podlike/podlike/internal/socket"
)

// healthcheck prints the pod's state and succeeds only when it is healthy.
func healthcheck(ctx context.Context, stdout io.Writer) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second) // the image's check has 3 s
	defer cancel()
	health, err := socket.Health(ctx)
	if err != nil {
		return exitFault, err
	}
	if _, err := fmt.Fprintln(stdout, health); err != nil {
		return exitFault, err
	}
	if health != string(lifecycle.Healthy) {
		return exitFault, nil
	}
	return 0, nil
}
