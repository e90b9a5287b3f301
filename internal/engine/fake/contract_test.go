package fake_test

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/enginetest"
	"github.com/podlike/podlike/internal/engine/fake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFakeKeepsTheContract(t *testing.T) {
	enginetest.Run(t, func(t *testing.T) enginetest.Subject {
		e := fake.New()
		t.Cleanup(e.Close)
		e.AddImage(dockertest.Testkit, fake.Image{
			Entrypoint: []string{"/testkit"}, Programs: map[string]fake.Program{"/testkit": testkit},
		})
		return enginetest.Subject{Engine: e, Labels: map[string]string{"podlike.test": t.Name()}}
	})
}

// testkit does what the real one does, as far as the contract needs it.
func testkit(ctx context.Context, p fake.Process) int {
	args := append(p.Argv[1:], "", "", "")
	switch args[0] {
	case "sleep":
		check(p, args)
		return fake.UntilAsked(ctx, p)
	case "eat":
		if size, _ := strconv.ParseInt(args[1], 10, 64); size > 32<<20 { // more than what the contract gives it
			p.Starve()
			return 137
		}
		fmt.Fprintln(p.Stdout, "ate", args[1])
		return fake.UntilAsked(ctx, p)
	case "ignore":
		check(p, args)
		return fake.Stubborn(ctx, p)
	case "exit":
		code, _ := strconv.Atoi(args[1])
		return code
	case "lines":
		defer stay(ctx, p)
		n, _ := strconv.Atoi(args[1])
		for i := range n {
			fmt.Fprintf(p.Stdout, "line %d\n", i+1)
			if args[2] == "both" {
				fmt.Fprintf(p.Stderr, "line %d\n", i+1)
			}
			every, _ := time.ParseDuration(after(p, "every"))
			_ = clock.Sleep(ctx, every) // who is killed says the rest as well
		}
	case "long":
		defer stay(ctx, p)
		size, _ := strconv.Atoi(args[1])
		fmt.Fprintln(p.Stdout, strings.Repeat("0123456789", size/10))
	case "partial":
		defer stay(ctx, p)
		fmt.Fprint(p.Stdout, args[1])
	case "env":
		fmt.Fprintln(p.Stdout, strings.Join(p.Env, "\n"))
	case "cat":
		fmt.Fprint(p.Stdout, p.Files[args[1]].Content)
		_, _ = io.Copy(p.Stdout, p.Stdin)
	case "history":
		p.Write(args[1], fmt.Sprintf("%d %s started\n", time.Now().UnixNano(), args[2]))
		return fake.UntilAsked(ctx, p)
	case "size":
		select {
		case size := <-p.Size:
			fmt.Fprintln(p.Stdout, size[0], size[1])
		case <-ctx.Done():
		}
	case "stat":
		for _, name := range p.Argv[2:] {
			fmt.Fprintln(p.Stdout, p.Files[name].Mode, strings.Repeat("0 ", 3)+name)
		}
	}
	return 0
}

// stay waits for a signal, if that is asked for.
func stay(ctx context.Context, p fake.Process) {
	if file := after(p, "stay"); file != "" {
		p.Write(file, "")
		fake.UntilAsked(ctx, p)
	}
}

// after is the argument behind a word, if there is one.
func after(p fake.Process, word string) string {
	at := slices.Index(p.Argv, word) + 1
	if at == 0 || at == len(p.Argv) {
		return ""
	}
	return p.Argv[at]
}

// check is what a health check that looks for a file finds of who was started with these
// arguments.
func check(p fake.Process, args []string) {
	if args[1] == "health" {
		p.SetHealth(engine.Healthy)
		return
	}
	p.FailCheck(1, "testkit: stat /healthy: no such file or directory\n")
}

// wait waits for a container's end.
func wait(t *testing.T, end <-chan engine.Exit) engine.Exit {
	t.Helper()
	select {
	case x := <-end:
		return x
	case <-time.After(10 * time.Second):
		t.Fatal("no end")
		return engine.Exit{}
	}
}
