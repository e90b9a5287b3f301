package main

import (
	"context"
	"time"

	"github.com/podlike/podlike/internal/execkill"
)

// killing is how long to try to kill what is marked.
const killing = 5 * time.Second

// kill kills what has a mark in this PID namespace.
func kill(ctx context.Context, args []string) error {
	if len(args) != 1 {
		return usage("kill: there has to be one mark")
	}
	ctx, cancel := context.WithTimeout(ctx, killing)
	defer cancel()
	return execkill.Kill(ctx, args[0])
}
