// Healthcheck prints how the pod of this container is, and exits with 0 only when it
// is healthy: what the command supervisor healthcheck does, in a program of its own.
//
// The image's HEALTHCHECK runs it, for as long as a pod lives. The supervisor links
// readers of YAML, schemas and a client of the engine, which take 10 ms of CPU to start
// before the first line of main; this program takes 2 ms.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/podlike/podlike/internal/socket"
)

// limit is how long an answer may take. The image's check has 3 s.
const limit = 2 * time.Second

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	health, err := socket.Health(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, "healthcheck:", err)
		os.Exit(1)
	}
	fmt.Println(health)
	if health != "healthy" {
		os.Exit(1)
	}
}
