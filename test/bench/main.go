// Command bench measures what a pod costs: how long it takes to come and to go and to
// pass output on, against a bare program that does the same through the same client
// library, and what it takes of the machine while it is idle or loud.
//
// What is compared is measured in turn, so that whatever else the machine does slows
// down both. Each result stands beside its goal; one that is missed is an error with
// -strict only, as the machine may have been busy. It needs the images that
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
	"slices"
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
	if err := start(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// start is the whole program, or the copier that it runs in a container.
func start(ctx context.Context, o options) error {
	if o.copy != "" {
		return copyOutput(ctx, o.copy, os.Stdout)
	}
	return run(ctx, o, os.Stdout)
}

// options are what the command line says.
type options struct {
	sizes   sizes
	rounds  int
	limit   time.Duration
	version string
	out     string
	idle    time.Duration
	only    parts
	strict  bool
	copy    string
}

// parts are names of what is measured.
type parts []string

// allParts are those there are, in their order. Down comes with up.
var allParts = parts{"up", "idle", "loud", "log"}

func (p *parts) String() string { return strings.Join(*p, ",") }

// Set reads names with commas between them.
func (p *parts) Set(text string) error {
	*p = strings.Split(text, ",")
	for _, name := range *p {
		if !slices.Contains(allParts, name) {
			return fmt.Errorf("must be some of %s", &allParts)
		}
	}
	return nil
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
	o := options{sizes: sizes{1, 5, 10, 20, 50}, only: allParts}
	flag.Var(&o.sizes, "n", "`numbers` of components, with commas between them")
	flag.IntVar(&o.rounds, "rounds", 10, "how often each is measured")
	flag.DurationVar(&o.limit, "limit", 30*time.Minute, "`time` for all of it")
	flag.StringVar(&o.version, "version", "dev", "version of the supervisor's and pause's images")
	flag.StringVar(&o.out, "out", "", "`file` for the results as JSON (default: none)")
	flag.DurationVar(&o.idle, "idle-time", time.Minute, "how long idle pods are looked at")
	flag.Var(&o.only, "only", "`parts` to measure: up,idle,loud,log")
	flag.BoolVar(&o.strict, "strict", false, "fail where a goal is missed")
	flag.StringVar(&o.copy, "copy", "", "pass the output of the container with this `ID` on and do nothing else (the program's own use)")
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
	for _, part := range o.only {
		if err := measures[part](ctx, api, o, &report, to); err != nil {
			return fmt.Errorf("cannot measure %s: %w", part, errors.Join(err, context.Cause(ctx)))
		}
	}
	report.Missed = report.missed()
	fmt.Fprintf(to, "\ngoals missed: %s\n", orNone(report.Missed))
	if err := report.save(o.out); err != nil {
		return err
	}
	if o.strict && len(report.Missed) > 0 {
		return fmt.Errorf("%d goals are missed", len(report.Missed))
	}
	return nil
}

// measures do each of the parts, add it to a report and print it.
var measures = map[string]func(context.Context, *client.Client, options, *Report, io.Writer) error{
	"up": compareAll, "idle": lookAtIdle, "loud": lookAtLoud, "log": compareOutput,
}

// compareAll compares pods of each size, and prints a line as soon as it is known.
func compareAll(ctx context.Context, api *client.Client, o options, report *Report, to io.Writer) error {
	fmt.Fprint(to, heading)
	for _, n := range o.sizes {
		size, err := compare(ctx, api, o, n)
		if err != nil {
			return fmt.Errorf("%d components: %w", n, err)
		}
		report.Sizes = append(report.Sizes, size)
		fmt.Fprint(to, size)
	}
	return nil
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
