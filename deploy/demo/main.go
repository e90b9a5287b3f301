// Command demo shows an example on this machine's engine, and takes it away again.
//
//	demo up   deploy/examples/sidecar
//	demo down deploy/examples/sidecar
//
// It does what a user would do with the docker command, and prints each command
// that changes something. It knows nothing of how pods are made, and it never
// touches what it did not deploy.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// name is what the demo's stack or container is called.
const name = "podlike-demo"

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		os.Exit(1)
	}
}

// run does what the arguments ask for.
func run(ctx context.Context, args []string) error {
	if len(args) != 2 || args[0] != "up" && args[0] != "down" {
		return fmt.Errorf("cannot tell what to do: say `demo up FOLDER` or `demo down FOLDER`")
	}
	example, err := load(ctx, args[1], name)
	if err != nil {
		return err
	}
	docker := docker{out: os.Stdout}
	swarm, err := manages(ctx, docker)
	if err != nil {
		return err
	}
	demo := demo{example: example, docker: docker, out: os.Stdout, swarm: swarm}
	if args[0] == "down" {
		return demo.down(ctx)
	}
	return demo.up(ctx)
}
