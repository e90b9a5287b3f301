package supervise_test

import (
	"context"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
)

// forever is longer than anything here.
const forever = 1000 * time.Hour

// prepared is a component of an image of its own, with a pre_stop hook.
func prepared(name string) pod.Component {
	c := of(name, name)
	c.PreStop = []pod.Hook{{Exec: &pod.Exec{Command: []string{"/prepare"}}}}
	return c
}

// preparing is image with a program for that hook, which takes a time.
func (l *signalLog) preparing(name string, linger, takes time.Duration) fake.Image {
	i := l.image(name, linger)
	i.Programs["/prepare"] = func(ctx context.Context, _ fake.Process) int {
		l.add(name, "prepares")
		if clock.Sleep(ctx, takes) == nil {
			l.add(name, "prepared")
		}
		return 0
	}
	return i
}

func TestAllAreMadeReadyForTheirStopAtOnceAndStoppedInTheirTurn(t *testing.T) {
	l := &signalLog{}
	play(t, []pod.Component{prepared("web"), prepared("db"), of("log", "log")}, func(s *scene) {
		proxy := prepared("proxy")
		proxy.Sidecar = true
		s.initial(proxy)
		s.AddImage("web", l.preparing("web", 0, 3*time.Second))
		s.AddImage("db", l.preparing("db", 0, time.Second))
		s.AddImage("log", l.image("log", 0))
		s.AddImage("proxy", l.preparing("proxy", 0, 2*time.Second))
		s.pod.Grace, l.began = 30*time.Second, time.Now().Add(time.Minute)
		code, _ := s.runFor(time.Minute)
		s.exits(code, 0)
	})
	l.got(t, "0s db prepares", "0s log SIGTERM", "0s proxy prepares", "0s web prepares", "1s db SIGTERM", "1s db prepared",
		"2s proxy prepared", "3s proxy SIGTERM", "3s web SIGTERM", "3s web prepared")
}

func TestPreparationsThatNeverEndEndWithTheBudget(t *testing.T) {
	for name, test := range map[string]struct {
		why   string
		told  time.Duration // pod.stop_grace_period
		swarm time.Duration // -stop-timeout
		want  []string
	}{
		"Told":  {"the last call comes when the budget is over, as the kubelet's", 30 * time.Second, 10 * time.Second, []string{"0s web prepares", "30s web SIGTERM", "32s web killed"}},
		"Swarm": {"Swarm would kill us, so the last call comes before", 0, 10 * time.Second, []string{"0s web prepares", "7.5s web SIGTERM", "9.5s web killed"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := &signalLog{}
			play(t, []pod.Component{prepared("web")}, func(s *scene) {
				s.AddImage("web", l.preparing("web", forever, forever))
				s.pod.Grace, s.pod.StopGrace, l.began = test.swarm, test.told, time.Now().Add(time.Minute)
				code, _ := s.runFor(time.Minute)
				s.exits(code, 0)
				s.happened("hook failed: web (pre_stop: it is not waited for any longer)\n", event.HookFailed)
			})
			l.got(t, test.want...)
		})
	}
}

func TestWhatEndsByItselfIsNotMadeReadyForItsStop(t *testing.T) {
	l := &signalLog{}
	play(t, []pod.Component{prepared("web"), prepared("db")}, func(s *scene) {
		web := l.preparing("web", 0, time.Second)
		web.Programs["/main"] = fake.Exit(3, time.Minute)
		s.AddImage("web", web)
		s.AddImage("db", l.preparing("db", 0, time.Second))
		l.began = time.Now()
		s.exits(s.run(s.Context()), 3)
	})
	if len(l.lines) != 3 || l.lines[0].what != "db prepares" {
		t.Errorf("got %v", l.lines)
	}
}

// A component that is broken has its own grace for its preparations and its end, and the
// pod may end meanwhile.
func TestABrokenComponentIsStoppedThoughItsPreparationsNeverEnd(t *testing.T) {
	for name, test := range map[string]struct {
		why   string
		asked time.Duration
		want  []string
	}{
		"Restarted": {"a grace of ten seconds from the failure on", 90 * time.Second, []string{"1m0s web prepares", "1m10s web SIGTERM", "1m30s web prepares", "1m37.5s web SIGTERM"}},
		"Stopped":   {"what has begun is waited for as long as the first who wants it may, and is not begun again", 65 * time.Second, []string{"1m0s web prepares", "1m10s web SIGTERM"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := &signalLog{}
			play(t, []pod.Component{prepared("web")}, func(s *scene) {
				web := l.preparing("web", 0, forever)
				web.Programs["/check"] = fake.Exit(1, 0)
				s.AddImage("web", web)
				c := &s.pod.Components[0]
				c.Restart.Policy = pod.RestartAlways
				c.Probes.Liveness = &pod.Probe{Exec: []string{"/check"}, InitialDelay: time.Minute, Period: time.Minute, Timeout: time.Second, Success: 1, Failure: 1}
				s.Intercept(nil) // what takes time is only the component itself
				l.began = time.Now()
				code, _ := s.runFor(test.asked)
				s.exits(code, 0)
			})
			l.got(t, test.want...)
		})
	}
}
