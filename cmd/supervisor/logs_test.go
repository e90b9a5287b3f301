package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/status"
)

func TestLogsAreAskedForAsOthersDo(t *testing.T) {
	for name, test := range map[string]struct {
		why  string
		args []string
		want status.LogQuery
	}{
		"Nothing":  {"all that is kept", nil, status.LogQuery{}},
		"Follow":   {"docker's", []string{"-f"}, status.LogQuery{Follow: true}},
		"Kubectl":  {"kubectl's", []string{"web", "--previous", "--since=10m"}, status.LogQuery{Component: "web", Previous: true, Since: ago(10 * time.Minute)}},
		"Between":  {"flags may be where one thinks of them", []string{"-p", "web", "--follow"}, status.LogQuery{Component: "web", Previous: true, Follow: true}},
		"Time":     {"a point in time", []string{"-since", "2001-02-03T05:06:07.5+01:00"}, status.LogQuery{Since: time.Date(2001, 2, 3, 4, 6, 7, 500_000_000, time.UTC)}},
		"Unending": {"what looks like a flag may be a name behind two dashes", []string{"--", "-f"}, status.LogQuery{Component: "-f"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseLogs(test.args, noon, io.Discard)
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Errorf("%s: %v\n%s", test.why, err, diff)
			}
		})
	}
}

func TestLinesGoWhereTheyCameFrom(t *testing.T) {
	components := []status.Component{{Name: "a"}, {Name: "proxy"}}
	lines := []logbuffer.Line{
		{Component: "a", Lost: 3},
		{Component: "a", Stream: logbuffer.Stdout, Text: "one"},
		{Component: "proxy", Stream: logbuffer.Stderr, Text: "two"},
		{Component: "a", Stream: logbuffer.Stderr, Text: "be", Partial: true},
		{Component: "a", Stream: logbuffer.Stderr, Text: "gin"},
		{Component: "new", Stream: logbuffer.Stdout, Text: "\x00\xff"},
	}
	for name, test := range map[string]struct {
		why            string
		name           func(*pages)
		stdout, stderr string
	}{
		"One":    {"byte for byte, as docker logs", func(*pages) {}, "one\n\x00\xff\n", "supervisor: lines of a before this that are not kept: 3\ntwo\nbegin\n"},
		"All":    {"with names in a column", func(p *pages) { p.name(components, false) }, "a     | one\nnew | \x00\xff\n", "supervisor: lines of a before this that are not kept: 3\nproxy | two\na     | be\na     | gin\n"},
		"Colour": {"each name in its own", func(p *pages) { p.name(components, true) }, "\x1b[36ma     | \x1b[0mone\nnew | \x00\xff\n", "supervisor: lines of a before this that are not kept: 3\n\x1b[33mproxy | \x1b[0mtwo\n\x1b[36ma     | \x1b[0mbe\n\x1b[36ma     | \x1b[0mgin\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			p := &pages{stdout: &stdout, stderr: &stderr}
			test.name(p)
			for _, l := range lines {
				if err := p.print(l); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(test.stdout, stdout.String()) + cmp.Diff(test.stderr, stderr.String()); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

// answering serves answers for as long as the test runs, in its own process.
func answering(t *testing.T, a *answers) {
	t.Helper()
	unserve, err := serveStatus(a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(unserve)
}

func TestOutputIsPrintedAsItComes(t *testing.T) {
	a := newAnswers()
	answering(t, a)
	web := a.buffer.Run("web")
	web.Keeper(logbuffer.Stdout).Add([]byte("before\n"))
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var printing sync.WaitGroup
	printing.Go(func() {
		defer write.Close()
		if err := logs(ctx, []string{"-f", "web"}, write, write); err != ctx.Err() && ctx.Err() == nil {
			t.Error(err)
		}
	})
	for _, want := range []string{"before\n", "now\n"} {
		got := make([]byte, len(want))
		if _, err := io.ReadFull(read, got); err != nil || string(got) != want {
			t.Fatalf("got %q, %v, want %q", got, err, want)
		}
		web.Keeper(logbuffer.Stdout).Add([]byte("now\n"))
	}
	cancel()
	printing.Wait()
}

func TestEventsArePrintedForPeopleAndForPrograms(t *testing.T) {
	a := newAnswers()
	a.ring = event.NewRing(2)
	answering(t, a)
	for _, e := range []event.Event{{At: at}, {At: at, Kind: event.Died, Component: "web", Code: 7}, {At: at, Kind: event.Running, Took: time.Second}} {
		a.ring.Tell(e)
	}
	for form, want := range map[string]string{
		"":     "2001-02-03 03:05:06.789 INF component ended code=7 component=web\n2001-02-03 03:05:06.789 INF pod running took_ms=1000\n",
		"json": `{"level":"info","time":"2001-02-03T03:05:06.789Z","component":"web","code":7,"message":"component ended"}` + "\n" + `{"level":"info","time":"2001-02-03T03:05:06.789Z","took_ms":1000,"message":"pod running"}` + "\n",
	} {
		var stdout, stderr bytes.Buffer
		if err := events(t.Context(), []string{"-o", form}, &stdout, &stderr); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, stdout.String()) + cmp.Diff("supervisor: events before this that are not remembered: 1\n", stderr.String()); diff != "" {
			t.Errorf("%q:\n%s", form, diff)
		}
	}
}
