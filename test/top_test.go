package test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/usage"
)

// top is one sample of what `supervisor top` knows.
func (s supervisor) top(t testing.TB, flags ...string) (sample usage.Sample) {
	t.Helper()
	out := s.asks(t, append([]string{"top", "-n", "1", "-o", "json"}, flags...)...)
	if err := json.Unmarshal([]byte(out), &sample); err != nil || strings.Count(out, "\n") != 1 {
		t.Fatalf("%v in %q", err, out)
	}
	return sample
}

// near reports whether a size is another one, within a tenth of it.
func near(size, want int64) bool { return size > want-want/10 && size < want+want/10 }

func TestWhatAPodUsesIsShown(t *testing.T) {
	t.Parallel()
	const eaten, limit = 20 << 20, 64 << 20
	s := podOf(t, dockertest.New(t), components{
		"eats":  kit(fmt.Sprint("eat ", eaten), "mem_limit: 64m", "cpus: 0.5", "pids_limit: 50"),
		"other": kit("sleep"),
	})
	s.waitRunning(t)
	other := s.component(t, "other").ID
	var got usage.Sample
	dockertest.Eventually(t, soon, func() (bool, string) { // it has eaten, and the engine tells of all
		got = s.top(t)
		done := len(got.Containers) == 3 && got.Pod.Error == ""
		for _, c := range got.Containers {
			done = done && c.Usage != nil && c.Usage.Rates != nil && (c.Name != "eats" || c.Usage.MemoryBytes > eaten)
		}
		return done, fmt.Sprintf("%+v", got)
	})
	eats, idle, pause := got.Containers[0], got.Containers[1], got.Containers[2]
	if eats.Name != "eats" || idle.Name != "other" || string(idle.ID) != other || pause.Role != usage.RolePause {
		t.Fatalf("the containers are %+v", got.Containers)
	}
	// what the program itself needs is what it needs where it eats nothing
	if grown := eats.Usage.MemoryBytes - idle.Usage.MemoryBytes; !near(grown, eaten) {
		t.Errorf("what has eaten %d uses %d more than what has not", eaten, grown)
	}
	if l := eats.Limits; l == nil || *l != (usage.Limits{MemoryBytes: limit, CPUs: 0.5, Pids: 50}) || idle.Limits != nil {
		t.Errorf("the limits are %+v and %+v", l, idle.Limits)
	}
	sum := eats.Usage.MemoryBytes + idle.Usage.MemoryBytes + pause.Usage.MemoryBytes
	if sum > got.Pod.Usage.MemoryBytes || // its group has what they share, and perhaps the supervisor
		eats.Usage.Pids < 1 || eats.Usage.CPUSeconds <= 0 {
		t.Errorf("all use %d, and the pod is %+v", sum, got.Pod)
	}
	if with := s.top(t, "-supervisor"); len(with.Containers) != 4 || string(with.Containers[2].ID) != s.ID || with.Containers[2].Usage == nil {
		t.Errorf("with the supervisor there are %+v", with.Containers)
	}
	usesInStatus(t, s, eats.Usage.MemoryBytes)
	if out := s.asks(t, "top", "-n", "1"); !regexp.MustCompile(`(?m)^eats +[0-9.]+ MiB / 64.0 MiB +[0-9.]+ / 0.5 +[0-9]+ / 50 `).MatchString(out) {
		t.Errorf("for people it prints\n%s", out)
	}
	s.terminated(t)
}

// usesInStatus is part of TestWhatAPodUsesIsShown: a status shows the same of the first component.
func usesInStatus(t *testing.T, s supervisor, memory int64) {
	t.Helper()
	var p struct {
		Usage      *usage.Amounts
		Components []struct {
			Usage  *usage.Amounts
			Limits *usage.Limits
		}
	}
	dockertest.Eventually(t, soon, func() (bool, string) { // an engine that has too much to do may not tell in time
		out := s.asks(t, "status", "-o", "json")
		if err := json.Unmarshal([]byte(out), &p); err != nil {
			t.Fatal(err)
		}
		return p.Usage != nil && p.Components[0].Usage != nil && p.Components[0].Limits != nil, out
	})
	if c := p.Components[0]; !near(c.Usage.MemoryBytes, memory) || c.Limits.MemoryBytes != 64<<20 || p.Usage.MemoryBytes < c.Usage.MemoryBytes {
		t.Errorf("the status has %+v and %+v, and of the pod %+v", c.Usage, c.Limits, p.Usage)
	}
	if table := s.asks(t, "status"); !regexp.MustCompile(`(?m)^eats +[0-9.]+ MiB / 64.0 MiB +[0-9.]+s +0.5 +[0-9]+ / 50 `).MatchString(table) {
		t.Errorf("the status is\n%s", table)
	}
}
