package test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
)

func TestTheLogsOfAPodThatRuns(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	labels := components{
		"web":    kit("lines 3 prefix web stay /there"),
		"worker": kit("ps", "restart: always"), // it says its own number, of which each run has another
	}.labels()
	labels[pod.RestartBackoff] = "{initial: 5m}"
	s := run(t, d, d.Supervisor(t, labels))
	s.waitFor(t, "component restarts", 2)

	now, before := s.asks(t, "logs", "worker"), s.asks(t, "logs", "--previous", "worker")
	for run, text := range map[string]string{"now": now, "before": before} {
		if !strings.Contains(text, " testkit\n") || strings.Contains(text, "|") {
			t.Errorf("%s it says\n%s", run, text)
		}
	}
	if now == before {
		t.Errorf("both runs have said\n%s", now)
	}
	dockertest.Eventually(t, soon, func() (bool, string) { // it may have begun after both of these
		text := s.asks(t, "logs", "web")
		return text == "web1\nweb2\nweb3\n", text
	})
	all := s.asks(t, "logs")
	for _, part := range []string{"web    | web1\n", "web    | web3\n", "worker | " + strings.SplitAfter(now, "\n")[0]} {
		if !strings.Contains(all, part) {
			t.Errorf("there is no %q in\n%s", part, all)
		}
	}
	for since, want := range map[string]string{"2000-01-01T00:00:00Z": "web1\nweb2\nweb3\n", "10m": "web1\nweb2\nweb3\n", "0s": ""} {
		if got := s.asks(t, "logs", "-since", since, "web"); got != want {
			t.Errorf("since %s it has said %q", since, got)
		}
	}
	for _, wrong := range [][]string{{"logs", "nobody"}, {"logs", "-p", "web"}, {"logs", "-since", "soon", "web"}} {
		if out, code := s.Exec(t, append([]string{"/supervisor"}, wrong...)...); code == 0 || out != "" {
			t.Errorf("%q exits with %d and prints %q", wrong, code, out)
		}
	}
	s.terminated(t)
}

// Who follows sees all there is to see, also from after a restart, and is let go at the
// pod's end.
func TestWhoFollowsIsToldToTheEnd(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	const lines, times = 10, 2
	again := "x-pod: {restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [0]}}]}"
	web := kit(fmt.Sprintf("lines %d every 100ms", lines), again, fmt.Sprintf("restart: on-failure:%d", times))
	start := func() supervisor {
		labels := components{"web": web, "end": kit("exit 0 after 6s")}.labels()
		labels[pod.RestartBackoff] = "{initial: 10ms}"
		return run(t, d, d.Supervisor(t, labels))
	}
	t.Run("Logs", func(t *testing.T) {
		t.Parallel()
		s := start()
		s.waitRunning(t)
		out, _ := s.Exec(t, "/supervisor", "logs", "-f", "web")
		got := strings.Split(strings.TrimSpace(out), "\n")
		if len(got) <= lines {
			t.Fatalf("it was told %q, want more than one run", got)
		}
		for i, line := range got {
			if want := fmt.Sprint("line ", i%lines+1); line != want {
				t.Fatalf("line %d is %s, want %s: %q", i, line, want, got)
			}
		}
		if code := s.Wait(t); code != 0 {
			t.Errorf("exited with %d, want 0", code)
		}
	})
	t.Run("Events", func(t *testing.T) {
		t.Parallel()
		s := start()
		s.waitRunning(t)
		out, _ := s.Exec(t, "/supervisor", "events", "-f", "-o", "json")
		var got []event.Kind
		for line := range strings.Lines(out) {
			var r struct {
				Message event.Kind `json:"message"`
			}
			if err := json.Unmarshal([]byte(line), &r); err != nil {
				t.Fatalf("%v in %q", err, line)
			}
			got = append(got, r.Message)
		}
		for _, want := range []event.Kind{event.Created, event.Started, event.Running, event.Restarting, event.Stopping} {
			if !slices.Contains(got, want) {
				t.Errorf("of %q nothing was told: %q", want, got)
			}
		}
		s.Wait(t)
	})
}

// What is known when somebody asks is printed at once.
func TestTheEventsOfAPodThatRuns(t *testing.T) {
	t.Parallel()
	s := podOf(t, dockertest.New(t), components{"web": kit("sleep")})
	s.waitRunning(t)
	var got []string
	for line := range strings.Lines(s.asks(t, "events")) {
		words := strings.Fields(line) // the day, the time, how loud it is, what
		if len(words) < 5 {
			t.Fatalf("a line is %q", line)
		}
		got = append(got, strings.Join(words[3:5], " "))
	}
	want := []string{"pod has", "container created", "container created", "component started", "component started", "pod running"}
	slices.SortStableFunc(got[:max(len(got)-1, 0)], strings.Compare)
	slices.SortStableFunc(want[:5], strings.Compare)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	s.terminated(t)
}
