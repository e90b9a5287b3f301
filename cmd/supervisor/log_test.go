package main

import (
	"bytes"
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/event"
)

// at is when everything in these tests happens.
var at = time.Date(2001, 2, 3, 4, 5, 6, 789_000_000, time.FixedZone("", 3600))

// A logged is an event, its record without the time, and why that is so.
type logged struct {
	why  string
	e    event.Event
	want string
}

// records are the records of every kind of event.
func records() []logged {
	const id = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	return []logged{
		{"what is removed was a container or a volume", event.Event{Kind: event.Swept, Container: "shop.podlike.web", Why: "its owner is gone"},
			`{"level":"info","container":"shop.podlike.web","why":"its owner is gone","message":"leftover removed"}`},
		{"not all that was written counts", event.Event{Kind: event.ConfigWarning, Why: "/a.yml: services.web: line 3: ports: is ignored"},
			`{"level":"warn","why":"/a.yml: services.web: line 3: ports: is ignored","message":"check the settings"}`},
		{"the engine knows better", event.Event{Kind: event.EngineWarning, Why: "web: no swap limit support"},
			`{"level":"warn","why":"web: no swap limit support","message":"engine warning"}`},
		{"nothing can be done for now", event.Event{Kind: event.EngineLost, Why: "connection refused"},
			`{"level":"warn","why":"connection refused","message":"engine unreachable"}`},
		{"until that is over", event.Event{Kind: event.EngineBack, Took: 3 * time.Second},
			`{"level":"info","took_ms":3000,"message":"engine reachable again"}`},
		{"the user asked for more", event.Event{Kind: event.Lowered, Why: "pod.component.web: cpus: 2 is more"},
			`{"level":"warn","why":"pod.component.web: cpus: 2 is more","message":"limit lowered"}`},
		{"a pull begins", event.Event{Kind: event.Pulling, Image: "nginx:1"},
			`{"level":"info","image":"nginx:1","message":"pulling image"}`},
		{"and goes on", event.Event{Kind: event.Pulling, Image: "nginx:1", Progress: "Downloading 1.0 of 2.0 MB"},
			`{"level":"info","image":"nginx:1","progress":"Downloading 1.0 of 2.0 MB","message":"pulling image"}`},
		{"and ends", event.Event{Kind: event.Pulled, Image: "nginx:1", Took: 1500 * time.Millisecond},
			`{"level":"info","image":"nginx:1","took_ms":1500,"message":"image pulled"}`},
		{"a create is a step; IDs are as docker ps shows them", event.Event{Kind: event.Created, Component: "web", Container: id},
			`{"level":"debug","component":"web","container":"0123456789ab","message":"container created"}`},
		{"a start is news", event.Event{Kind: event.Started, Component: "web", Container: id},
			`{"level":"info","component":"web","container":"0123456789ab","message":"component started"}`},
		{"it was another supervisor's", event.Event{Kind: event.Adopted, Component: "web", Container: id},
			`{"level":"info","component":"web","container":"0123456789ab","message":"component goes on"}`},
		{"what runs is not what was asked for", event.Event{Kind: event.NotReplaced, Component: "web", Why: "no such image"},
			`{"level":"warn","component":"web","why":"no such image","message":"cannot replace"}`},
		{"a pair outlives its supervisor", event.Event{Kind: event.Left, Why: "asked to stop by SIGTERM", Took: time.Minute},
			`{"level":"info","why":"asked to stop by SIGTERM","code":0,"took_ms":60000,"message":"pod left running"}`},
		{"whatever kept that one from supervising it", event.Event{Kind: event.Left, Why: "web: no", Code: 2},
			`{"level":"error","why":"web: no","code":2,"message":"pod left running"}`},
		{"waiting has a reason", event.Event{Kind: event.Waiting, Component: "db", Why: "until healthy, for web"},
			`{"level":"info","component":"db","why":"until healthy, for web","message":"component waits"}`},
		{"good news", event.Event{Kind: event.Healthy, Component: "web"},
			`{"level":"info","component":"web","message":"component healthy"}`},
		{"bad news is worth a look", event.Event{Kind: event.Unhealthy, Component: "web", Why: "exit code 3: db is locked"},
			`{"level":"warn","component":"web","why":"exit code 3: db is locked","message":"component unhealthy"}`},
		{"the pod is up", event.Event{Kind: event.Running, Took: 2 * time.Second},
			`{"level":"info","took_ms":2000,"message":"pod running"}`},
		{"a code of 0 is told as well", event.Event{Kind: event.Died, Component: "web", Container: id},
			`{"level":"info","component":"web","container":"0123456789ab","code":0,"message":"component ended"}`},
		{"it is tried again at once or later", event.Event{Kind: event.Restarting, Component: "web", Why: "web ended", In: 10 * time.Second},
			`{"level":"warn","component":"web","why":"web ended","in_ms":10000,"message":"component restarts"}`},
		{"one that has all restart says so", event.Event{Kind: event.RestartingAll, Component: "web", Why: "web ended"},
			`{"level":"warn","component":"web","why":"web ended","message":"all components restart"}`},
		{"a try that failed need not be the last", event.Event{Kind: event.ProbeFailed, Component: "web", Why: "liveness: 503"},
			`{"level":"warn","component":"web","why":"liveness: 503","message":"probe failed"}`},
		{"who cannot be asked has not failed", event.Event{Kind: event.ProbeUnknown, Component: "web", Why: "liveness: it is paused"},
			`{"level":"warn","component":"web","why":"liveness: it is paused","message":"cannot probe"}`},
		{"nobody waits for a hook for ever", event.Event{Kind: event.HookFailed, Component: "web", Why: "pre_stop: 1"},
			`{"level":"warn","component":"web","why":"pre_stop: 1","message":"hook failed"}`},
		{"what is broken is ended by us", event.Event{Kind: event.Broken, Component: "web", Why: "its liveness probe has failed"},
			`{"level":"warn","component":"web","why":"its liveness probe has failed","message":"component broken"}`},
		{"who ended the pod", event.Event{Kind: event.Stopping, Component: "web", Code: 7, Why: "web ended"},
			`{"level":"info","component":"web","why":"web ended","code":7,"message":"pod stopping"}`},
		{"going on without news of health", event.Event{Kind: event.EngineLost, Why: "EOF"},
			`{"level":"warn","why":"EOF","message":"engine unreachable"}`},
		{"and it is back", event.Event{Kind: event.EngineBack, Took: 1500 * time.Millisecond},
			`{"level":"info","took_ms":1500,"message":"engine reachable again"}`},
		{"the engine does not do as it was asked", event.Event{Kind: event.EngineWarning, Component: "web", Why: "no swap limit"},
			`{"level":"warn","component":"web","why":"no swap limit","message":"engine warning"}`},
		{"a probe that passes, in a way", event.Event{Kind: event.ProbeWarning, Component: "web", Why: "readiness: redirected to another host"},
			`{"level":"warn","component":"web","why":"readiness: redirected to another host","message":"probe warning"}`},
		{"not all output is passed on", event.Event{Kind: event.OutputLost, Component: "web", Why: "its log driver cannot be read"},
			`{"level":"warn","component":"web","why":"its log driver cannot be read","message":"output lost"}`},
		{"it was cut off", event.Event{Kind: event.Retrying, Component: "web", Why: "EOF", In: time.Second},
			`{"level":"warn","component":"web","why":"EOF","in_ms":1000,"message":"trying again"}`},
		{"something may be left", event.Event{Kind: event.CleanupFailed, Why: "cannot remove container"},
			`{"level":"warn","why":"cannot remove container","message":"cannot clean up"}`},
		{"a pull that failed is tried again later", event.Event{Kind: event.PullRetried, Image: "nginx:1", Why: "503", In: 2 * time.Second},
			`{"level":"warn","image":"nginx:1","why":"503","in_ms":2000,"message":"pulling again"}`},
		{"how a pod is bound is told once", event.Event{Kind: event.Grouped, Why: "way nested, /docker/x/podlike, memory 96m"},
			`{"level":"info","why":"way nested, /docker/x/podlike, memory 96m","message":"pod has its cgroup"}`},
		{"that it is not is a warning", event.Event{Kind: event.Ungrouped, Why: "it is not wanted"}, `{"level":"warn","why":"it is not wanted","message":"pod has no cgroup"}`},
		{"whose limit it was belongs to an end", event.Event{Kind: event.Ended, Component: "a", Code: 137, Ends: []event.End{{Component: "a", Code: 137, Signal: 9, Reason: "OOMKilled", Limit: "pod", LimitBytes: 96}}},
			`{"level":"error","component":"a","code":137,"codes":{"a":137},"ends":[{"component":"a","code":137,"signal":9,"reason":"OOMKilled","limit":"pod","limitBytes":96}],"last_lines":[],"message":"pod ended"}`},
		{"a good end is no error, and has no last lines", event.Event{Kind: event.Ended, Why: "asked to stop by SIGTERM", Took: time.Minute, Ends: []event.End{{Component: "app", Code: 0}, {Component: "web", Code: 143, Signal: 15, Reason: "Error", Restarts: 2, Started: at, Unhealthy: "exit code 3", Message: "bye"}}},
			`{"level":"info","why":"asked to stop by SIGTERM","code":0,"took_ms":60000,"codes":{"app":0,"web":143},"ends":[{"component":"app","code":0},{"component":"web","code":143,"signal":15,"reason":"Error","restarts":2,"started":"2001-02-03T04:05:06.789+01:00","unhealthy":"exit code 3","message":"bye"}],"last_lines":[],"message":"pod ended"}`},
		{"a bad one tells all; who never ran has no code", event.Event{Kind: event.Ended, Component: "app", Code: 7, Why: "app ended", Took: 1, Ends: []event.End{{Component: "app", Code: 7}, {Component: "web", Code: -1, Why: "no such image"}}, Last: []string{"one", `"two"`}},
			`{"level":"error","component":"app","why":"app ended","code":7,"took_ms":0.000001,"codes":{"app":7,"web":null},"ends":[{"component":"app","code":7},{"component":"web","code":-1,"why":"no such image"}],"last_lines":["one","\"two\""],"message":"pod ended"}`},
	}
}

func TestEveryEventHasItsRecord(t *testing.T) {
	for _, test := range records() {
		t.Run(string(test.e.Kind), func(t *testing.T) {
			var out bytes.Buffer
			test.e.At = at
			newLog(&out, false, true)(test.e)
			got, timed := strings.CutSuffix(strings.Replace(out.String(), `"time":"2001-02-03T03:05:06.789Z",`, "", 1), "\n")
			if got != test.want || !timed || len(got) == out.Len()-1 {
				t.Errorf("%s: got\n%swant, with the time,\n%s", test.why, out.String(), test.want)
			}
			if !json.Valid(out.Bytes()) {
				t.Errorf("no JSON: %s", out.String())
			}
		})
	}
}

// A kind that somebody adds has to be given a record, and be looked at.
func TestNoKindOfEventIsForgotten(t *testing.T) {
	source, err := os.ReadFile("../../internal/event/event.go")
	if err != nil {
		t.Fatal(err)
	}
	kinds := regexp.MustCompile(`(?m)^\s+\w+\s+Kind = "(.+?)"`).FindAllSubmatch(source, -1)
	if len(kinds) == 0 {
		t.Fatal("no kinds are found")
	}
	for _, kind := range kinds {
		if !slices.ContainsFunc(records(), func(l logged) bool { return string(l.e.Kind) == string(kind[1]) }) {
			t.Errorf("%s has no record", kind[1])
		}
	}
}

func TestStepsAreForThoseWhoLookForThem(t *testing.T) {
	var out bytes.Buffer
	tell := newLog(&out, false, false)
	tell(event.Event{Kind: event.Created, Component: "web"})
	if out.Len() > 0 {
		t.Errorf("without -debug it says %s", out.String())
	}
	if tell(event.Event{Kind: event.Started, Component: "web"}); out.Len() == 0 {
		t.Error("without -debug it says nothing at all")
	}
}
