package status

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/logbuffer"
	"github.com/podlike/podlike/internal/socket"
)

// moment is when everything in these tests happens.
var moment = time.Date(2001, 2, 3, 4, 5, 6, 789_000_000, time.UTC)

// full is a pod of which everything is said.
func full() Pod {
	return Pod{
		Name: "shop", ID: "0123", Phase: Running, Health: "healthy", Message: "m", Started: moment, Stopping: moment,
		Conditions: []Condition{{Type: Ready, Status: true, Reason: "r", Message: "m", Since: moment}},
		Components: []Component{{
			Name: "web", Role: Main, Image: "nginx:1", Container: "4567", Ready: true, Started: true, Restarts: 2,
			State: State{Running: &StateRunning{Since: moment, Stopping: true}},
			Last:  State{Terminated: &StateTerminated{Code: 137, Signal: 9, Reason: OOMKilled, Message: "<m>", Started: moment, Finished: moment, Last: []string{"a", "b"}}},
		}, {
			Name: "db", Role: Init, Image: "db:1", State: State{Waiting: &StateWaiting{Reason: ImagePull, Message: "m"}},
		}},
	}
}

func TestAPodArrivesAsItWasTold(t *testing.T) {
	defer goleak.VerifyNone(t)
	stop := serveAll(t, source{pod: full()})
	defer stop()
	got, err := Read(t.Context())
	if diff := cmp.Diff(full(), got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

// Whoever reads the JSON depends on it: fields may be added and nothing else.
func TestTheNamesInJSONStay(t *testing.T) {
	text, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	const at = `"2001-02-03T04:05:06.789Z"`
	want := `{"name":"shop","id":"0123","phase":"Running","health":"healthy","message":"m","startTime":` + at + `,"stopTime":` + at + `,` +
		`"conditions":[{"type":"Ready","status":true,"reason":"r","message":"m","lastTransitionTime":` + at + `}],` +
		`"components":[{"name":"web","role":"component","image":"nginx:1","containerID":"4567","ready":true,"started":true,"restartCount":2,` +
		`"state":{"running":{"startedAt":` + at + `,"stopping":true}},"lastState":{"terminated":{` +
		`"exitCode":137,"signal":9,"reason":"OOMKilled","message":"\u003cm\u003e",` +
		`"startedAt":` + at + `,"finishedAt":` + at + `,"lastLines":["a","b"]}}},` +
		`{"name":"db","role":"init","image":"db:1","ready":false,"started":false,"restartCount":0,"state":{"waiting":{"reason":"ImagePull","message":"m"}}}]}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
}

// loud is an event of which everything is said.
func loud() event.Event {
	return event.Event{
		At: moment, Kind: event.Ended, Component: "web", Container: "4567", Image: "nginx:1", Why: "w", Progress: "p", Code: 7, Took: time.Second, In: time.Minute,
		Ends: []event.End{{Component: "web", Code: -1, Why: "w"}}, Last: []string{"a"},
	}
}

func TestEventsArriveAsTheyHappened(t *testing.T) {
	defer goleak.VerifyNone(t)
	ring := event.NewRing(2)
	stop := serveAll(t, source{ring: ring})
	defer stop()
	for _, e := range []event.Event{{Why: "forgotten"}, {Kind: event.Running}, loud()} {
		ring.Tell(e)
	}
	var got []event.Event
	var lost []int
	err := Events(t.Context(), false, func(e event.Event, n int) error {
		got, lost = append(got, e), append(lost, n)
		return nil
	})
	if diff := cmp.Diff([]event.Event{{}, {Kind: event.Running}, loud()}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if diff := cmp.Diff([]int{1, 0, 0}, lost); diff != "" {
		t.Errorf("lost:\n%s", diff)
	}
}

func TestOutputArrivesByteForByte(t *testing.T) {
	defer goleak.VerifyNone(t)
	buffer := logbuffer.NewBuffer(80 << 10)
	stop := serveAll(t, source{buffer: buffer})
	defer stop()
	web := buffer.Run("web").Keeper(logbuffer.Stderr)
	web.Add([]byte(strings.Repeat("forgotten\n", 3000)))
	want := []logbuffer.Line{{Component: "web"}}
	long := strings.Repeat("x", 64<<10)
	web.Add([]byte(long))
	web.Add([]byte("end\n"))
	for _, text := range []string{"<&>", "", "\xff\xfe not UTF-8", "\u2028 \x1b[31mred\r"} {
		web.Add([]byte(text + "\n"))
	}
	for _, text := range []string{long, "end", "<&>", "", "\xff\xfe not UTF-8", "\u2028 \x1b[31mred\r"} {
		want = append(want, logbuffer.Line{Component: "web", Stream: logbuffer.Stderr, Text: text, Partial: text == long})
	}
	var got []logbuffer.Line
	err := Logs(t.Context(), LogQuery{}, func(l logbuffer.Line) error {
		if l.At.IsZero() != (l.Lost > 0) {
			t.Errorf("the time of %.50q is %v", l.Text, l.At)
		}
		if l.At = (time.Time{}); l.Text != "forgotten" {
			got = append(got, l)
		}
		return nil
	})
	if len(got) > 0 && got[0].Lost > 0 {
		want[0].Lost = got[0].Lost
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%.1000s", err, diff)
	}
}

func TestOutputIsThatWhichIsAskedFor(t *testing.T) {
	defer goleak.VerifyNone(t)
	buffer := logbuffer.NewBuffer(1 << 20)
	stop := serveAll(t, source{buffer: buffer, pod: Pod{Components: []Component{{Name: "db"}, {Name: "late"}, {Name: "web"}}}})
	defer stop()
	say := func(name, text string) { buffer.Run(name).Keeper(logbuffer.Stdout).Add([]byte(text + "\n")) }
	say("web", "web 1")
	say("db", "db 1")
	say("web", "web 2")
	for name, test := range map[string]struct {
		why   string
		q     LogQuery
		want  []string
		wrong string
	}{
		"All":        {"of the runs now", LogQuery{}, []string{"db 1", "web 2"}, ""},
		"One":        {"a name", LogQuery{Component: "web"}, []string{"web 2"}, ""},
		"Previous":   {"the run before", LogQuery{Component: "web", Previous: true}, []string{"web 1"}, ""},
		"AllBefore":  {"of those that have one", LogQuery{Previous: true}, []string{"web 1"}, ""},
		"Over":       {"what is over is not followed", LogQuery{Component: "web", Previous: true, Follow: true}, []string{"web 1"}, ""},
		"Future":     {"nothing is that new", LogQuery{Since: time.Now().Add(time.Hour)}, nil, ""},
		"Past":       {"all is newer", LogQuery{Since: time.Now().Add(-time.Hour)}, []string{"db 1", "web 2"}, ""},
		"NotYet":     {"it will say something, maybe", LogQuery{Component: "late"}, nil, ""},
		"Misspelt":   {"an empty answer would mislead", LogQuery{Component: "wbe"}, nil, "no component is called wbe; there are: db, late, web"},
		"NoPrevious": {"so would it here", LogQuery{Component: "db", Previous: true}, nil, "db was not restarted, so there is no previous output"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			err := Logs(t.Context(), test.q, func(l logbuffer.Line) error { got = append(got, l.Text); return nil })
			if diff := cmp.Diff(test.want, got); diff != "" || test.wrong == "" && err != nil || test.wrong != "" && (err == nil || err.Error() != test.wrong) {
				t.Errorf("%s: %v, want %q\n%s", test.why, err, test.wrong, diff)
			}
		})
	}
}

func TestAQuestionThatMakesNoSenseIsRefused(t *testing.T) {
	stop := serveAll(t, source{buffer: logbuffer.NewBuffer(1), ring: event.NewRing(1)})
	defer stop()
	for path, want := range map[string]string{
		eventsPath + "?follow=maybe":                         "follow: maybe is neither true nor false",
		logsPath + "?since=yesterday":                        "since: yesterday is no time such as 2006-01-02T15:04:05Z",
		logsPath + "?previous=a&follow=b":                    "previous: a is neither true nor false\nfollow: b is neither true nor false",
		"/v1/what":                                           "404 page not found",
		logsPath + "?component=x&since=2001-02-03T04:05:06Z": "no component is called x; there are: ",
	} {
		at, query, _ := strings.Cut(path, "?")
		values := map[string][]string{}
		for pair := range strings.SplitSeq(query, "&") {
			if key, value, ok := strings.Cut(pair, "="); ok {
				values[key] = []string{value}
			}
		}
		body, err := ask(t.Context(), "GET", at, values)
		if err == nil || err.Error() != strings.TrimSpace(want) {
			t.Errorf("%s: got %v, %v; want %s", path, body, err, want)
		}
	}
}

// A following is one who follows both streams, and what came of it.
type following struct {
	events chan event.Event
	lines  chan logbuffer.Line
	over   sync.WaitGroup
	errs   [2]error
}

func follow(ctx context.Context) *following {
	f := &following{events: make(chan event.Event, 100), lines: make(chan logbuffer.Line, 100)}
	f.over.Go(func() {
		f.errs[0] = Events(ctx, true, func(e event.Event, _ int) error { f.events <- e; return nil })
	})
	f.over.Go(func() {
		f.errs[1] = Logs(ctx, LogQuery{Follow: true}, func(l logbuffer.Line) error { f.lines <- l; return nil })
	})
	return f
}

// gets waits for an event and a line with that text.
func (f *following) gets(t *testing.T, text string) {
	t.Helper()
	late := time.After(10 * time.Second)
	for range 2 {
		select {
		case e := <-f.events:
			if e.Why != text {
				t.Errorf("got the event %s, want %s", e.Why, text)
			}
		case l := <-f.lines:
			if l.Text != text {
				t.Errorf("got the line %s, want %s", l.Text, text)
			}
		case <-late:
			t.Fatalf("%s does not come", text)
		}
	}
}

func TestWhoFollowsGetsWhatComesUntilTheEnd(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := source{ring: event.NewRing(10), buffer: logbuffer.NewBuffer(1 << 20)}
	web := s.buffer.Run("web")
	stop := serveAll(t, s)
	defer stop()
	happen := func(text string) {
		s.ring.Tell(event.Event{Why: text})
		web.Keeper(logbuffer.Stdout).Add([]byte(text + "\n"))
	}
	happen("before")
	f := follow(t.Context())
	f.gets(t, "before")
	happen("now")
	f.gets(t, "now")
	happen("last") // may be on its way when the server ends
	if err := stop(); err != nil {
		t.Error(err)
	}
	f.over.Wait()
	f.gets(t, "last")
	if err := errors.Join(f.errs[:]...); err != nil {
		t.Errorf("the end of the pod is no error: %v", err)
	}
}

func TestWhoGoesAwayLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := source{ring: event.NewRing(10), buffer: logbuffer.NewBuffer(1 << 20)}
	stop := serveAll(t, s)
	defer stop()
	web := s.buffer.Run("web")
	s.ring.Tell(event.Event{Why: "before"})
	web.Keeper(logbuffer.Stdout).Add([]byte("before\n"))
	ctx, leave := context.WithCancel(t.Context())
	f := follow(ctx)
	f.gets(t, "before")
	leave()
	f.over.Wait()
	for i, err := range f.errs {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%d ends with %v", i, err)
		}
	}
	// the handlers end without anything new, though the server goes on
	goleak.VerifyNone(t, goleak.IgnoreTopFunction("github.com/podlike/podlike/internal/status.server.serve"), goleak.IgnoreAnyFunction("net/http.(*Server).Serve"))
}

// A stream may be silent for long, and a reader slow: what limits requests must not
// cut it.
func TestAStreamOutlivesTheTimeOfARequest(t *testing.T) {
	s := source{ring: event.NewRing(10), buffer: logbuffer.NewBuffer(1 << 20)}
	stop := serveAll(t, s)
	defer stop()
	f := follow(t.Context())
	time.AfterFunc(brief+500*time.Millisecond, func() {
		s.ring.Tell(event.Event{Why: "late"})
		s.buffer.Run("web").Keeper(logbuffer.Stdout).Add([]byte("late\n"))
	})
	f.gets(t, "late")
	if err := stop(); err != nil {
		t.Error(err)
	}
	f.over.Wait()
}

// Who asks and does not read must hold up neither the pod nor its end.
func TestAReaderThatDoesNotReadDelaysNoEnd(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := source{buffer: logbuffer.NewBuffer(8 << 20)}
	stop := serveAll(t, s)
	web, line := s.buffer.Run("web"), []byte(strings.Repeat("x", 32<<10)+"\n")
	body, err := ask(t.Context(), "GET", logsPath, LogQuery{Follow: true}.values())
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	for range 256 { // more than the socket holds
		web.Keeper(logbuffer.Stdout).Add(line)
	}
	if _, err := io.ReadFull(body, make([]byte, 1<<10)); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the end took %v", took)
	}
}

// slowly serves a source to readers who may read nothing for a second, and two at a time.
func slowly(t *testing.T, s source) (streams chan struct{}, stop func() error) {
	t.Helper()
	l, err := socket.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	streams = make(chan struct{}, 2)
	go func() { over <- server{Source: s, unread: time.Second, streams: streams}.serve(ctx, l) }()
	return streams, sync.OnceValue(func() error {
		cancel()
		return <-over
	})
}

// Who stops reading is let go while the pod goes on, and learns that it was not the pod's
// end. Who reads on, and has only nothing to read, is not.
func TestAReaderThatStopsReadingIsLetGo(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := source{buffer: logbuffer.NewBuffer(8 << 20), ring: event.NewRing(1), health: func() string { return "healthy" }}
	streams, stop := slowly(t, s)
	defer stop()
	web := s.buffer.Run("web").Keeper(logbuffer.Stdout)
	for range 200 { // more than the socket holds
		web.Add([]byte(strings.Repeat("x", 32<<10) + "\n"))
	}
	read := make(chan struct{})
	var slow, following sync.WaitGroup
	var stopped, quiet error
	slow.Go(func() {
		stopped = Logs(t.Context(), LogQuery{Follow: true}, func(logbuffer.Line) error { <-read; return nil })
	})
	following.Go(func() { quiet = Events(t.Context(), true, func(event.Event, int) error { return nil }) })
	for _, open := range []int{2, 1} {
		dockertest.Eventually(t, 20*time.Second, func() (bool, string) { return len(streams) == open, fmt.Sprint(len(streams), " are open") })
	}
	close(read)
	slow.Wait()
	if err := stop(); err != nil {
		t.Error(err)
	}
	following.Wait()
	if !errors.Is(stopped, errCut) || quiet != nil {
		t.Errorf("who did not read is told %v, who had nothing to read %v", stopped, quiet)
	}
}

func TestOnlySoManyReadAtATime(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := source{ring: event.NewRing(1), buffer: logbuffer.NewBuffer(1)}
	_, stop := slowly(t, s)
	defer stop()
	s.ring.Tell(event.Event{Why: "before"})
	ctx, leave := context.WithCancel(t.Context())
	var following sync.WaitGroup
	begun := make(chan struct{}, 2)
	for range 2 {
		following.Go(func() { _ = Events(ctx, true, func(event.Event, int) error { begun <- struct{}{}; return nil }) })
	}
	<-begun
	<-begun
	err := Logs(t.Context(), LogQuery{}, func(logbuffer.Line) error { return nil })
	if err == nil || err.Error() != "2 read events or lines already, and more may not at the same time" {
		t.Errorf("a third is told %v", err)
	}
	leave()
	following.Wait()
	dockertest.Eventually(t, 10*time.Second, func() (bool, string) {
		err := Logs(t.Context(), LogQuery{}, func(logbuffer.Line) error { return nil })
		return err == nil, fmt.Sprint(err)
	})
}
