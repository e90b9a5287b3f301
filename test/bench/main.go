// Command bench measures how long a pod takes to come and to go, against a bare
// program that makes the same containers through the same client library.
//
// Both are measured in the same way, by the engine's events, and in turn, so that
// whatever else the machine does slows down both. It needs the images that
// `make images testkit` builds, labels what it makes and removes nothing else.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/docker/docker/client"
)

func main() {
	o := parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	sizes   sizes
	rounds  int
	limit   time.Duration
	version string
	out     string
}

// sizes are numbers of components.
type sizes []int

func (s *sizes) String() string { return strings.Trim(fmt.Sprint([]int(*s)), "[]") }

// Set reads numbers with commas between them.
func (s *sizes) Set(text string) error {
	*s = nil
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return errors.New("must be numbers such as 1,10")
		}
		*s = append(*s, n)
	}
	return nil
}

func parse() options {
	o := options{sizes: sizes{1, 5, 10, 20}}
	flag.Var(&o.sizes, "n", "`numbers` of components, with commas between them")
	flag.IntVar(&o.rounds, "rounds", 10, "how often each is measured")
	flag.DurationVar(&o.limit, "limit", 15*time.Minute, "`time` for all of it")
	flag.StringVar(&o.version, "version", "dev", "version of the supervisor's and pause's images")
	flag.StringVar(&o.out, "out", "", "`file` for the results as JSON (default: none)")
	flag.Parse()
	return o
}

// run measures everything and prints a line as soon as it is known.
func run(ctx context.Context, o options, to io.Writer) error {
	ctx, cancel := context.WithTimeoutCause(ctx, o.limit, fmt.Errorf("not done within %v", o.limit))
	defer cancel()
	api, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		return fmt.Errorf("cannot use the engine's address: %w", err)
	}
	defer api.Close()
	if _, err := api.Ping(ctx); err != nil {
		return fmt.Errorf("no Docker engine answers at %s: %w", api.DaemonHost(), err)
	}
	report := Report{Rounds: o.rounds}
	fmt.Fprint(to, heading)
	for _, n := range o.sizes {
		size, err := compare(ctx, api, o, n)
		if err != nil {
			return fmt.Errorf("cannot measure %d components: %w", n, errors.Join(err, context.Cause(ctx)))
		}
		report.Sizes = append(report.Sizes, size)
		fmt.Fprint(to, size)
	}
	return report.save(o.out)
}

// compare measures a pod and the bare program's of n components in turn. Who is
// first changes from round to round. A round before the first warms the engine up.
func compare(ctx context.Context, api *client.Client, o options, n int) (Size, error) {
	size := Size{Components: n}
	for round := range o.rounds + 1 {
		var took [2]times
		for turn := range 2 {
			which := (round + turn) % 2
			var err error
			if took[which], err = measure(ctx, api, o, n, makers[which]); err != nil {
				return size, err
			}
		}
		if round > 0 {
			size.Up.add(took[0].up, took[1].up)
			size.Down.add(took[0].down, took[1].down)
		}
	}
	return size, nil
}
