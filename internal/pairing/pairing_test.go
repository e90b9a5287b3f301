package pairing_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pairing"
	"github.com/podlike/podlike/internal/pod"
)

// one is an engine that has one container, "web".
type one engine.Seen

func (o one) Inspect(_ context.Context, ref string) (engine.Seen, error) {
	switch ref {
	case string(o.ID):
		return engine.Seen(o), nil
	case "broken":
		return engine.Seen{}, errors.New("the engine has failed")
	}
	return engine.Seen{}, fmt.Errorf("%s: %w", ref, engine.ErrNotFound)
}

// pause is one that was started by hand.
func pause() engine.Seen {
	return engine.Seen{
		ID: "web", Name: "web", Running: true, Labels: map[string]string{pod.LabelRole: pod.RolePause},
		Modes: engine.Modes{Network: "default", IPC: "shareable"}, StartedAt: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
	}
}

func TestAPauseThatWasStartedByHandIsFoundOrRefusedWithARemedy(t *testing.T) {
	shares := pod.Pod{SharePID: true, ShareIPC: true}
	for name, test := range map[string]struct {
		why    string
		joined engine.ID
		change func(*engine.Seen)
		wanted pod.Pod
		paired bool
		says   string
	}{
		"Own":       {"it has a network of its own", "", nil, shares, false, ""},
		"Pause":     {"that is what a pair is", "web", nil, shares, true, ""},
		"VPN":       {"many join what is no pause", "web", func(s *engine.Seen) { s.Labels = nil }, shares, false, ""},
		"Gone":      {"it was made anew, under the same name", "other", nil, shares, false, "make this one anew"},
		"Broken":    {"that says nothing of a pause", "broken", nil, shares, false, "the engine has failed"},
		"Owned":     {"it is another supervisor's", "web", func(s *engine.Seen) { s.Labels[pod.LabelOwner], s.Labels[pod.LabelName] = "x", "shop" }, shares, false, "the pause of shop"},
		"Paused":    {"it answers nobody", "web", func(s *engine.Seen) { s.Paused = true }, shares, false, "docker unpause web"},
		"Ended":     {"nothing can join it", "web", func(s *engine.Seen) { s.Running = false }, shares, false, "docker start web"},
		"NoNetwork": {"nothing could be reached", "web", func(s *engine.Seen) { s.Modes.Network = "none" }, shares, false, "without --network none"},
		"Host":      {"it would be the machine's", "web", func(s *engine.Seen) { s.Modes.Network = "host" }, shares, false, "without --network host"},
		"HostPID":   {"its end would end nobody", "web", func(s *engine.Seen) { s.Modes.PID = "host" }, shares, false, "without --pid"},
		"OwnPIDs":   {"nobody joins that", "web", func(s *engine.Seen) { s.Modes.PID = "host" }, pod.Pod{ShareIPC: true}, true, ""},
		"Private":   {"the engine would refuse each component", "web", func(s *engine.Seen) { s.Modes.IPC = "private" }, shares, false, "--ipc shareable"},
		"OwnIPC":    {"nobody joins that", "web", func(s *engine.Seen) { s.Modes.IPC = "private" }, pod.Pod{SharePID: true}, true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			there := pause()
			if test.change != nil {
				test.change(&there)
			}
			got, paired, err := pairing.Find(t.Context(), one(there), engine.Seen{Network: test.joined}, test.wanted)
			if paired != test.paired || paired && got.ID != "web" {
				t.Errorf("it is a pair: %v, with %q: %s", paired, got.ID, test.why)
			}
			if test.says == "" != (err == nil) || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("it says %v, want %q", err, test.says)
			}
			if bad := errors.As(err, new(pod.Problems)); bad != (test.says != "" && name != "Broken") {
				t.Errorf("%v is a mistake of the user's: %v", err, bad)
			}
			if err != nil && strings.Contains(err.Error(), "\n") {
				t.Errorf("%q is more than a line", err)
			}
		})
	}
}

func TestAPairIsOfOneLifeOfItsPause(t *testing.T) {
	first := pairing.Owner(pause(), "1")
	if first.ID != "web" || first.Name != "web" || !first.Paired() || first.Life != "2026-01-02T03:04:05.000000006Z" {
		t.Errorf("its owner is %+v", first)
	}
	again := pause()
	again.StartedAt = again.StartedAt.Add(time.Nanosecond)
	if pairing.Owner(again, "1").Life == first.Life {
		t.Error("started again, its life is the same")
	}
}
