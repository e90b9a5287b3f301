package test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/event"
)

// A journal is what a supervisor has logged so far, without its components' output.
type journal struct{ of *dockertest.Container }

// A record is one record of a supervisor's log.
type record struct {
	Time      time.Time       `json:"time"`
	Message   string          `json:"message"`
	Component string          `json:"component"`
	Container string          `json:"container"`
	Why       string          `json:"why"`
	Code      int             `json:"code"`
	In        float64         `json:"in_ms"`
	Codes     map[string]*int `json:"codes"`
	LastLines []string        `json:"last_lines"`
	Ends      []event.End     `json:"ends"`
}

// records are all that the supervisor has logged, without its components' output.
func (j journal) records(t testing.TB) (all []record) {
	t.Helper()
	_, stderr := j.of.Logs(t)
	for line := range strings.Lines(stderr) {
		var r record
		if json.Unmarshal([]byte(line), &r) == nil {
			all = append(all, r)
		}
	}
	return all
}

// lastRecord is the one that tells how the pod has ended; the supervisor has exited.
func (j journal) lastRecord(t testing.TB) record {
	t.Helper()
	all := j.records(t)
	if len(all) == 0 || all[len(all)-1].Message != "pod ended" {
		t.Fatalf("the last record does not tell of the end, in:\n%s", j.of.Output(t))
	}
	return all[len(all)-1]
}

// ends are the components' ends in the last record.
func (j journal) ends(t testing.TB) map[string]event.End {
	t.Helper()
	all := map[string]event.End{}
	for _, end := range j.lastRecord(t).Ends {
		all[end.Component] = end
	}
	return all
}

// stopping is when a pod began to go down.
func (j journal) stopping(t *testing.T) time.Time {
	t.Helper()
	for _, r := range j.records(t) {
		if r.Message == "pod stopping" {
			return r.Time
		}
	}
	t.Fatalf("it has not begun to go down:\n%s", j.of.Output(t))
	return time.Time{}
}

// why is all that the supervisor has said of why something happened to a component.
func (j journal) why(t *testing.T, component string) (all string) {
	t.Helper()
	for _, r := range j.records(t) {
		if r.Component == component {
			all += r.Why + "\n"
		}
	}
	return all
}

// waitFor waits until the supervisor has logged something n times.
func (j journal) waitFor(t testing.TB, message string, n int) {
	t.Helper()
	dockertest.Eventually(t, soon, func() (bool, string) {
		got := 0
		for _, r := range j.records(t) {
			if r.Message == message {
				got++
			}
		}
		return got >= n, fmt.Sprintf("%d of %d %q in:\n%s", got, n, message, j.of.Output(t))
	})
}

// waitRunning waits until all components have been started.
func (j journal) waitRunning(t testing.TB) {
	t.Helper()
	j.waitFor(t, "pod running", 1)
}

// told waits until the log tells something of a component n times, with these words in it.
func (j journal) told(t testing.TB, message, component, words string, n int) {
	t.Helper()
	dockertest.Eventually(t, soon, func() (bool, string) {
		got := 0
		for _, r := range j.records(t) {
			if r.Message == message && r.Component == component && strings.Contains(r.Why, words) {
				got++
			}
		}
		return got >= n, fmt.Sprintf("%d of %d %q of %s with %q in:\n%s", got, n, message, component, words, j.of.Output(t))
	})
}
