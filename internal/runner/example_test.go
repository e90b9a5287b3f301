package runner_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/output"
	"github.com/podlike/podlike/internal/runner"
)

// A page is a ledger that says when so much of stdout was passed on.
type page struct {
	until int64
	there chan struct{}
}

func (p page) SetPassed(stream int, n int64, _ time.Time) {
	if stream == 0 && n == p.until {
		close(p.there)
	}
}

func (page) SetAnchor(time.Time, [2]int64) {}

// A supervisor goes on where another was killed: it adopts what runs with the position that was
// noted. What it passes on is noted when the queue has written it.
func ExampleAdopt() {
	ctx := context.Background()
	e := fake.New()
	defer e.Close()
	e.AddImage("app", fake.Running(func(ctx context.Context, p fake.Process) int {
		fmt.Fprint(p.Stdout, "one\ntwo\nthree\nfour\n")
		return fake.UntilAsked(ctx, p)
	}))
	made := engine.Container{Name: "web", Image: "app"}
	id, _, err := e.Create(ctx, made)
	if err := errors.Join(err, e.Start(ctx, id)); err != nil {
		panic(err)
	}

	from := runner.Position{Passed: [2]int64{int64(len("one\ntwo\n")), 0}} // as the ledger has it
	entry := page{until: int64(len("one\ntwo\nthree\nfour\n")), there: make(chan struct{})}

	queue := output.NewQueue(os.Stdout, 64<<10, func(lines, bytes int64) []byte { return fmt.Appendf(nil, "%d lines were lost\n", lines) })
	noter := runner.NewNoter(entry, from)
	run, err := runner.Adopt(ctx, runner.Config{
		Engine:   e,
		Stdout:   output.NewLines("[out] web: ", queue, nil, made.TTY).Note(noter.Stdout),
		Stderr:   output.NewLines("[err] web: ", queue, nil, false).Note(noter.Stderr),
		Missing:  func(why string) { fmt.Println(why) },
		Anchored: noter.Anchored,
	}, id, made, from)
	if err != nil {
		panic(err)
	}
	<-entry.there
	run.Close() // it goes on running
	if err := queue.Close(ctx); err != nil {
		panic(err)
	}
	// Output:
	// [out] web: three
	// [out] web: four
}
