package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/status"
)

var update = flag.Bool("update", false, "write the golden files anew")

// noon is when everybody looks at the pods of these tests.
var noon = time.Date(2001, 2, 3, 12, 0, 0, 0, time.UTC)

// ago is a time before that.
func ago(d time.Duration) time.Time { return noon.Add(-d) }

// The states that components can be in.
func waiting(reason, message string) status.State {
	return status.State{Waiting: &status.StateWaiting{Reason: reason, Message: message}}
}

func running(since time.Time) status.State {
	return status.State{Running: &status.StateRunning{Since: since}}
}

func terminated(t status.StateTerminated) status.State { return status.State{Terminated: &t} }

// component is one that is not ready, in a state.
func component(name string, role status.Role, s status.State) status.Component {
	return status.Component{Name: name, Role: role, Image: "shop/" + name + ":1", State: s}
}

// ready is a component that runs and is ready.
func ready(name string, role status.Role, since time.Time) status.Component {
	c := component(name, role, running(since))
	c.Ready, c.Started, c.Container = true, true, "0123456789abcdef"
	return c
}

// again is a component that was restarted so often, last after that end.
func again(c status.Component, restarts int, last status.StateTerminated) status.Component {
	c.Restarts, c.Last = restarts, terminated(last)
	return c
}

// shop is a pod.
func shop(phase status.Phase, health string, components ...status.Component) status.Pod {
	return status.Pod{Name: "shop.1.q2w3e4", ID: "fedcba9876543210", Phase: phase, Health: health, Started: ago(5 * time.Minute), Components: components}
}

// but is a pod that does not fulfil a condition.
func but(p status.Pod, c status.ConditionType, reason, message string) status.Pod {
	p.Conditions = []status.Condition{
		{Type: status.PodReadyToStartContainers, Status: true, Since: ago(4 * time.Minute)},
		{Type: c, Reason: reason, Message: message, Since: ago(5 * time.Minute)},
	}
	return p
}

// ending is a pod that goes down.
func ending(p status.Pod, message string) status.Pod {
	p.Stopping, p.Message = ago(2*time.Second), message
	return p
}

// A view is of a pod in some state.
type view struct {
	name, why string
	pod       status.Pod
}

func views() []view {
	const minute, hour = time.Minute, time.Hour
	done := status.StateTerminated{Reason: status.Completed, Started: ago(4 * minute), Finished: ago(3*minute + 30*time.Second)}
	crash := status.StateTerminated{
		Code: 7, Reason: status.Error, Message: "cannot reach db:5432: connection refused\nat main.go:12",
		Started: ago(92 * time.Second), Finished: ago(90 * time.Second),
	}
	oom := status.StateTerminated{Code: 137, Signal: 9, Reason: status.OOMKilled, Started: ago(3 * hour), Finished: ago(26 * minute)}
	was := crash
	was.Unhealthy = "exit code 1: no answer"
	asked := status.StateTerminated{Code: 143, Signal: 15, Reason: status.Error, Started: ago(5 * minute), Finished: ago(time.Second)}
	fetched := component("fetch", status.Init, terminated(done))
	fetched.Ready = true
	return []view{
		{"beginning", "the supervisor does not know yet which pod it is to run", status.Pod{Phase: status.Pending, Health: "starting"}},
		{"pulling", "an image is fetched", but(shop(status.Pending, "starting",
			component("app", status.Main, waiting(status.ImagePull, "pulling shop/app:1: Downloading 12.3 of 40.0 MB")),
			component("proxy", status.Main, waiting(status.ContainerCreating, ""))),
			status.ContainersReady, status.ContainersNotReady, "app, proxy")},
		{"depending", "a component waits for another", but(shop(status.Running, "starting",
			component("app", status.Main, waiting(status.DependsOn, "until db is healthy")),
			component("db", status.Main, running(ago(8*time.Second)))),
			status.ContainersReady, status.ContainersNotReady, "app, db")},
		{"initializing", "init components come first", but(shop(status.Pending, "starting",
			fetched,
			ready("tunnel", status.Sidecar, ago(3*minute)),
			component("migrate", status.Init, running(ago(2*minute+5*time.Second))),
			component("app", status.Main, waiting(status.PodInitializing, ""))),
			status.Initialized, status.ContainersNotInitialized, "migrate")},
		{"not ready", "it runs and cannot do its work yet", but(shop(status.Running, "starting",
			component("app", status.Main, status.State{Running: &status.StateRunning{Since: ago(100 * time.Second), Message: "its readiness probe fails: HTTP status 503"}}),
			ready("proxy", status.Main, ago(110*time.Second))),
			status.ContainersReady, status.ContainersNotReady, "app")},
		{"unhealthy", "its health check fails, and it is known why", but(shop(status.Running, "unhealthy",
			component("app", status.Main, status.State{Running: &status.StateRunning{Since: ago(100 * time.Second), Message: "its health check says unhealthy: exit code 3: db is locked\nsince 11:58"}}),
			again(ready("db", status.Main, ago(110*time.Second)), 1, was)),
			status.ContainersReady, status.ContainersNotReady, "app")},
		{"ready", "all is well, of all ages", shop(status.Running, "healthy",
			ready("app", status.Main, ago(9*hour+59*minute)),
			ready("log", status.Sidecar, ago(47*hour)),
			ready("proxy", status.Main, ago(400*24*hour)),
			ready("web", status.Main, ago(-3*time.Second)))},
		{"crashing", "it ends again and again", but(shop(status.Running, "unhealthy",
			again(component("app", status.Main, waiting(status.CrashLoopBackOff, "back-off 40s, 12s left")), 3, crash),
			ready("db", status.Main, ago(70*minute))),
			status.ContainersReady, status.ContainersNotReady, "app")},
		{"out of memory", "it needed too much, and runs again", shop(status.Running, "healthy",
			again(ready("app", status.Main, ago(26*minute)), 1, oom))},
		{"stopping", "one has ended, the other takes its time", ending(shop(status.Running, "unhealthy",
			component("app", status.Main, terminated(asked)),
			component("db", status.Main, status.State{Running: &status.StateRunning{Since: ago(5 * minute), Stopping: true}})),
			"asked to stop by SIGTERM")},
		{"succeeded", "all are done", ending(shop(status.Succeeded, "unhealthy",
			component("report", status.Main, terminated(done)),
			component("tunnel", status.Sidecar, terminated(asked))),
			"all components have completed")},
		{"failed", "one could not be started, and has taken all with it", ending(shop(status.Failed, "unhealthy",
			component("app", status.Main, terminated(status.StateTerminated{Code: 127, Reason: status.CannotStart, Message: "cannot start container 0123: command not found", Finished: ago(3 * time.Second)})),
			component("db", status.Main, terminated(status.StateTerminated{Code: -1, Reason: status.Error, Message: "cannot wait for container 4567: EOF", Started: ago(10 * time.Second), Finished: ago(2 * time.Second)})),
			component("web", status.Main, status.State{})),
			"cannot start container 0123: command not found")},
	}
}

func TestAPodInEachStateIsShown(t *testing.T) {
	var got strings.Builder
	for _, l := range views() {
		fmt.Fprintf(&got, "# %s: %s\n%s\n", l.name, l.why, table(overview{Pod: l.pod}, noon))
	}
	compare(t, "testdata/status.golden", got.String())
}

func TestAPodInEachStateIsPrinted(t *testing.T) {
	var asJSON, asYAML strings.Builder
	for _, l := range views() {
		text, err := render(overview{Pod: l.pod}, "json", noon)
		if err != nil || !json.Valid(text) {
			t.Fatalf("%s: %v\n%s", l.name, err, text)
		}
		asJSON.Write(text)
		if text, err = render(overview{Pod: l.pod}, "yaml", noon); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&asYAML, "# %s: %s\n%s---\n", l.name, l.why, text)
	}
	compare(t, "testdata/status.json.golden", asJSON.String())
	compare(t, "testdata/status.yaml.golden", asYAML.String())
}

// compare compares got with the file, or writes it under -update.
func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

func TestAnAgeHasTwoUnitsAtMost(t *testing.T) {
	const minute, hour, day = time.Minute, time.Hour, 24 * time.Hour
	for want, d := range map[string]time.Duration{
		"0s": -time.Hour, "1s": 1999 * time.Millisecond, "119s": 2*minute - 1, "2m": 2 * minute, "9m59s": 10*minute - 1, "10m": 11*minute - 1,
		"119m": 2*hour - 1, "2h": 2*hour + 1, "9h59m": 10*hour - 1, "10h": 11*hour - 1, "47h": 2*day - 1, "2d": 2 * day, "2d1h": 2*day + hour, "9d23h": 10*day - 1, "10d": 11*day - 1, "1000d": 1000 * day,
	} {
		if got := age(ago(d), noon); got != want {
			t.Errorf("%v ago is %s, want %s", d, got, want)
		}
	}
	if got := age(time.Time{}, noon); got != "-" {
		t.Errorf("at no time is %s", got)
	}
}
