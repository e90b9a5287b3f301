package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/status"
	podusage "github.com/podlike/podlike/internal/usage"
)

const (
	// topEvery is how often top looks when not told otherwise, and leastTopEvery how often it may.
	topEvery, leastTopEvery = time.Second, 500 * time.Millisecond
	// topAnswerTime is how long the supervisor, or the engine at the start, may take to answer.
	topAnswerTime = 5 * time.Second
)

// A topping is what the command line of top says.
type topping struct {
	json, self bool
	every      time.Duration
	times      int // samples to be shown; 0: until the pod is over
}

func parseTop(args []string, help io.Writer) (o topping, err error) {
	c := newCommand("top", "top [-o json] [-every time] [-n number] [-supervisor]",
		"shows what the pod and each of its containers use, again and again until the pod is over: in place on a terminal, where q ends it")
	form := c.String("o", "", "`form`: json, an object a line; tables without it")
	c.DurationVar(&o.every, "every", topEvery, "`time` from one sample to the next")
	c.IntVar(&o.times, "n", 0, "end after this `number` of samples; the first takes as long as -every says, for there to be rates")
	c.BoolVar(&o.self, "supervisor", false, "show the supervisor too, which is beside the pod and not counted")
	if _, err := c.parse(args, 0, help); err != nil {
		return o, err
	}
	switch {
	case o.every < leastTopEvery:
		return o, usage("-every " + o.every.String() + ": must be " + leastTopEvery.String() + " at least")
	case o.times < 0:
		return o, usage("-n " + strconv.Itoa(o.times) + ": must not be negative; 0 is until the pod is over")
	}
	o.json = *form == "json"
	return o, c.oneOf(*form, "", "json")
}

// top shows what a pod uses until it is over, ctx is done or, on a terminal, somebody says so.
func top(ctx context.Context, args []string, stdin *os.File, stdout io.Writer) error {
	o, err := parseTop(args, stdout)
	if err != nil {
		return err
	}
	if _, err := readStatus(ctx); err != nil {
		return err
	}
	e, err := openSoon(ctx)
	if err != nil {
		return err
	}
	defer e.Close()
	w := watch{topping: o, read: readStatus, meter: podusage.Meter{Engine: e}}
	if o.self {
		self, err := container(ctx, e)
		if err != nil {
			return err
		}
		w.also = append(w.also, podusage.Part{Name: "supervisor", Role: podusage.RoleSupervisor, ID: self.ID})
	}
	ctx, stop := whilePodRuns(ctx)
	defer stop()
	if o.json || !isTerminal(stdin) || !isTerminal(stdout) {
		return w.print(ctx, stdout)
	}
	c, err := takeConsole(stdin, true)
	if err != nil {
		return err
	}
	return w.live(ctx, c, newScreen(stdout))
}

// readStatus is what the supervisor tells, which has to do so soon.
func readStatus(ctx context.Context) (status.Pod, error) {
	ctx, cancel := context.WithTimeout(ctx, topAnswerTime)
	defer cancel()
	return status.Read(ctx)
}

// openSoon reaches the engine, which has to answer soon.
func openSoon(ctx context.Context) (*docker.Engine, error) {
	ctx, cancel := context.WithTimeout(ctx, topAnswerTime)
	defer cancel()
	return docker.Open(ctx)
}

// errEnough is why nobody looks any more where nothing is wrong: the pod is over, or somebody has said so.
var errEnough = errors.New("it was looked at for long enough")

// whilePodRuns is done when the supervisor lets those go who listen to it. That it does a moment before it
// ends, and with it every process in its container: time to give a terminal back.
func whilePodRuns(ctx context.Context) (context.Context, func()) {
	ctx, over := context.WithCancelCause(ctx)
	var listening sync.WaitGroup
	listening.Go(func() {
		if err := status.Events(ctx, true, func(event.Event, int) error { return nil }); err == nil {
			over(errEnough)
		} // too many may listen already: then the next sample notices
	})
	return ctx, func() {
		over(nil)
		listening.Wait()
	}
}

// A watch is one look after another at what a pod uses.
type watch struct {
	topping
	read  func(context.Context) (status.Pod, error)
	meter podusage.Meter
	also  []podusage.Part // to be shown beside what there is of the pod
}

// A shower shows a sample of a pod. The first one has no rates yet.
type shower func(p status.Pod, s podusage.Sample, first bool) error

// each has samples shown, one in each period or fewer, until enough were shown or the pod is over. It
// returns ctx's cause when that is done. The first sample is not counted: it is for the rates of the next.
// The supervisor is asked each time, for a component that was restarted is another container.
func (w watch) each(ctx context.Context, show shower) error {
	var before podusage.Sample
	for n := 0; ; n++ {
		began := time.Now()
		p, err := w.read(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err != nil && (n == 0 || errors.Is(err, context.DeadlineExceeded)):
			return err
		case err != nil, over(p): // it does not answer because it is no more
			return nil
		}
		subject := measurable(p)
		subject.Parts = append(subject.Parts, w.also...)
		if n == 0 {
			w.meter.Whole = wholeOf(ctx, w.meter.Engine, p)
		}
		s := w.meter.Measure(ctx, subject)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := show(p, s.Since(before), n == 0); err != nil || n > 0 && n == w.times {
			return err
		}
		before = s
		if err := clock.Sleep(ctx, w.every-time.Since(began)); err != nil {
			return err
		}
	}
}

// print prints a table for each sample, or an object a line.
func (w watch) print(ctx context.Context, stdout io.Writer) error {
	lines := json.NewEncoder(stdout)
	return unlessEnough(w.each(ctx, func(_ status.Pod, s podusage.Sample, first bool) error {
		switch {
		case first:
			return nil
		case w.json:
			return lines.Encode(s)
		}
		_, err := io.WriteString(stdout, s.At.Format(time.RFC3339)+"\n"+podusage.Live(s)+"\n")
		return err
	}))
}

// unlessEnough is an error, unless it is that one.
func unlessEnough(err error) error {
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// live shows each sample in the place of the one before, until somebody types q, Ctrl-C or Ctrl-D or goes.
func (w watch) live(ctx context.Context, c userConsole, on *screen) error {
	here, leave := context.WithCancelCause(ctx)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		untilQuit(c)
		leave(errEnough)
	})
	waiting.Go(func() { c.sizes(here, on.resize) })
	on.begin()
	err := w.each(here, func(p status.Pod, s podusage.Sample, _ bool) error {
		return on.show(w.title(p, s) + "\n\n" + podusage.Live(s))
	})
	leave(nil)
	on.end()
	c.leave()
	waiting.Wait()
	return unlessEnough(err)
}

// title is the first line of a live view.
func (w watch) title(p status.Pod, s podusage.Sample) string {
	return fmt.Sprintf("%s  %s, %s  %s UTC, every %s  q ends", orDash(p.Name), phase(p), p.Health, s.At.Format(time.TimeOnly), w.every)
}

// untilQuit reads keys until one of them ends a live view, or there are no more.
func untilQuit(keys io.Reader) {
	const ctrlC, ctrlD = 3, 4
	var key [1]byte
	for {
		if _, err := keys.Read(key[:]); err != nil {
			return
		}
		switch key[0] {
		case 'q', 'Q', ctrlC, ctrlD:
			return
		}
	}
}
