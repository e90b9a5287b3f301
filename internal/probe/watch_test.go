package probe_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/probe"
)

// A scene is a component with probes, whose tries go as written: a letter each, y for
// a success, n for a failure, ? for an engine that fails, 3 for a success that takes
// 3 s, and so on; - never ends. The last goes on for ever. The probes' commands name
// the scripts.
type scene struct {
	probes  pod.Probes
	sofar   probe.Sofar
	scripts map[string]string
	// downAfter is when the pod goes down, if not 0. After endAfter all is over.
	downAfter, endAfter time.Duration
}

// A history is what has happened, a line each with the time at its front.
type history struct {
	mu    sync.Mutex
	start time.Time
	lines []string
	tries map[string]int
}

// note adds a line.
func (h *history) note(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, fmt.Sprintf("%gs ", time.Since(h.start).Seconds())+fmt.Sprintf(format, args...))
}

// next is the letter of a script that is to be played now.
func (h *history) next(script, name string) byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	i := min(h.tries[name], len(script)-1)
	h.tries[name]++
	return script[i]
}

// play is one try.
func (h *history) play(ctx context.Context, letter byte) (code int, output string, err error) {
	switch letter {
	case 'y':
		return 0, "", nil
	case 'n':
		return 1, "", nil
	case '?':
		return 0, "", errors.New("engine gone")
	case '-':
		<-ctx.Done()
		return 137, "", nil
	}
	if clock.Sleep(ctx, time.Duration(letter-'0')*time.Second) != nil {
		return 137, "", nil
	}
	return 0, "", nil
}

// play watches a component and returns what has happened, at the same moment startup
// before the others.
func (s scene) play(t *testing.T) []string {
	t.Helper()
	h := &history{start: time.Now(), tries: map[string]int{}}
	ctx, cancel := context.WithTimeout(t.Context(), s.endAfter)
	defer cancel()
	up, down := context.WithCancel(ctx)
	defer down()
	if s.downAfter > 0 {
		defer time.AfterFunc(s.downAfter, down).Stop()
	}
	d := probe.Doer{Exec: func(ctx context.Context, x pod.Exec) (int, string, error) {
		h.note("%s?", x.Command[0])
		return h.play(ctx, h.next(s.scripts[x.Command[0]], x.Command[0]))
	}}
	probe.Watch(ctx, up, s.probes, s.sofar, d, func(e probe.Tried) {
		turned := map[bool]string{true: "turned, "}[e.Turned]
		h.note("%s: %s%v %s", e.Kind, turned, e.Result.Outcome, e.Result.Message)
	})
	h.note("~over")
	return h.sorted()
}

// sorted are the lines; those of one moment come from several goroutines.
func (h *history) sorted() []string {
	at := func(line string) time.Duration {
		d, _ := time.ParseDuration(line[:strings.Index(line, " ")])
		return d
	}
	slices.SortStableFunc(h.lines, func(a, b string) int {
		if at(a) != at(b) {
			return int(at(a) - at(b))
		}
		return rank(a) - rank(b)
	})
	for i, line := range h.lines {
		h.lines[i] = strings.TrimSpace(line)
	}
	return h.lines
}

// rank is the place of the probe that a line is about.
func rank(line string) int {
	return slices.Index([]string{"startup", "liveness", "readiness", "~over"}, strings.TrimRight(strings.Fields(line)[1], "?:"))
}

// every is a probe with the kubelet's numbers, changed.
func every(name string, change func(p *pod.Probe)) *pod.Probe {
	p := pod.Probe{Exec: []string{name}, Period: 10 * time.Second, Timeout: time.Second, Success: 1, Failure: 3}
	if change != nil {
		change(&p)
	}
	return &p
}

// watched fails unless a scene's history is that.
func watched(t *testing.T, why string, s scene, want string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		if diff := cmp.Diff(strings.Split(strings.TrimSpace(want), "\n"), s.play(t)); diff != "" {
			t.Errorf("%s:\n%s", why, diff)
		}
	})
}

func TestAProbeIsTriedAfterItsDelayAndThenOnceAPeriod(t *testing.T) {
	for name, c := range map[string]struct {
		why           string
		delay, period time.Duration
		script, want  string
	}{
		"NoDelay":    {"the first try is at the start", 0, 10 * time.Second, "y", "0s 10s 20s"},
		"Delay":      {"periods count from the first try", 7 * time.Second, 10 * time.Second, "y", "7s 17s 27s"},
		"Period":     {"a period is as long as it says", 0, 13 * time.Second, "y", "0s 13s 26s"},
		"Slow":       {"what is shorter than the period does not move the next", 0, 10 * time.Second, "4", "0s 10s 20s"},
		"TooSlow":    {"what takes longer is followed at once, by one", 0, 2 * time.Second, "5y", "0s 5s 6s 8s 10s 12s 14s 16s 18s 20s 22s 24s 26s 28s"},
		"AlwaysSlow": {"tries do not pile up", 0, 2 * time.Second, "9", "0s 9s 18s 27s"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := every("readiness", func(p *pod.Probe) { p.InitialDelay, p.Period, p.Timeout = c.delay, c.period, time.Minute })
				s := scene{probes: pod.Probes{Readiness: p}, scripts: map[string]string{"readiness": c.script}, endAfter: 29 * time.Second}
				var tries []string
				for _, line := range s.play(t) {
					if at, is := strings.CutSuffix(line, " readiness?"); is {
						tries = append(tries, at)
					}
				}
				if got := strings.Join(tries, " "); got != c.want {
					t.Errorf("tried at %s, want %s: %s", got, c.want, c.why)
				}
			})
		})
	}
}

func TestAResultTurnsAfterEnoughInARow(t *testing.T) {
	for name, c := range map[string]struct {
		why              string
		kind             probe.Kind
		success, failure int
		script, want     string
	}{
		"ReadinessAtOnce":       {"unready at first, one success is enough", probe.Readiness, 1, 3, "y", "0s ready"},
		"ReadinessStays":        {"that it is not ready is no news", probe.Readiness, 1, 3, "n", ""},
		"ReadinessThirdFailure": {"3 failures in a row", probe.Readiness, 1, 3, "ynnny", "0s ready, 30s not, 40s ready"},
		"ReadinessInARow":       {"a success starts the count anew", probe.Readiness, 1, 3, "ynnynnn", "0s ready, 60s not"},
		"ReadinessTwoSuccesses": {"a failure does, too", probe.Readiness, 2, 1, "ynyyn", "30s ready, 40s not"},
		"LivenessIsGoodAtFirst": {"that it lives is no news", probe.Liveness, 1, 3, "y", ""},
		"LivenessThirdFailure":  {"3 failures from the start are enough", probe.Liveness, 1, 3, "n", "20s not"},
		"LivenessInARow":        {"2 are not", probe.Liveness, 1, 3, "nnynnyn", "80s not"},
		"StartupSuccess":        {"unknown at first, the first success is news", probe.Startup, 1, 3, "nny", "20s ready"},
		"StartupFailure":        {"and so is the last failure", probe.Startup, 1, 4, "n", "30s not"},
		"UnknownDoesNotCount":   {"an engine that fails says nothing of the component", probe.Liveness, 1, 3, "nn??n", "40s not"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := every("it", func(p *pod.Probe) { p.Success, p.Failure = c.success, c.failure })
				s := scene{probes: map[probe.Kind]pod.Probes{
					probe.Startup: {Startup: p}, probe.Liveness: {Liveness: p}, probe.Readiness: {Readiness: p},
				}[c.kind], scripts: map[string]string{"it": c.script}, endAfter: 90 * time.Second}
				if got := turns(s.play(t)); got != c.want {
					t.Errorf("got %q, want %q: %s", got, c.want, c.why)
				}
			})
		})
	}
}

// turns are the lines of a history that say that a result has turned, in short.
func turns(lines []string) string {
	var all []string
	for _, line := range lines {
		if at, rest, _ := strings.Cut(line, " "); strings.Contains(rest, "turned, success") {
			all = append(all, at+" ready")
		} else if strings.Contains(rest, "turned, failure") {
			all = append(all, at+" not")
		}
	}
	return strings.Join(all, ", ")
}

func TestBeforeAnyTryAProbeHasAResult(t *testing.T) {
	for kind, want := range map[probe.Kind]string{probe.Readiness: "failure", probe.Liveness: "success", probe.Startup: "unknown"} {
		if got := kind.Initial().String(); got != want {
			t.Errorf("%s is a %s at first, want %s", kind, got, want)
		}
	}
}

// Not a number of this is given: it is what Complete makes of an empty probe.
func TestAProbeWithoutNumbersHasTheKubelets(t *testing.T) {
	p := pod.Pod{Components: []pod.Component{{Name: "app", Image: "app", Probes: pod.Probes{Liveness: &pod.Probe{Exec: []string{"liveness"}}}}}}
	s := scene{probes: pod.Complete(p).Components[0].Probes, scripts: map[string]string{"liveness": "yn-n"}, endAfter: time.Minute}
	watched(t, "at once, every 10 s, 1 s each, 3 times", s, `
0s liveness?
10s liveness?
10s liveness: failure exit code 1
20s liveness?
21s liveness: failure timed out after 1s
30s liveness?
30s liveness: turned, failure exit code 1
30s ~over`)
}

func TestStartupComesBeforeTheOthers(t *testing.T) {
	second := func(p *pod.Probe) { p.Period = time.Second }
	later := func(p *pod.Probe) { p.InitialDelay = 5 * time.Second }
	all := pod.Probes{Startup: every("startup", second), Liveness: every("liveness", nil), Readiness: every("readiness", later)}
	for name, c := range map[string]struct {
		why     string
		scripts map[string]string
		want    string
	}{
		"Passes": {
			"it ends when it has passed; the others' delays are from the start of the component",
			map[string]string{"startup": "nny", "liveness": "y", "readiness": "y"}, `
0s startup?
0s startup: failure exit code 1
1s startup?
1s startup: failure exit code 1
2s startup?
2s startup: turned, success
2s liveness?
5s readiness?
5s readiness: turned, success
8s ~over`},
		"Fails": {
			"there is nothing left to try, the component has to be restarted",
			map[string]string{"startup": "n", "liveness": "n", "readiness": "y"}, `
0s startup?
0s startup: failure exit code 1
1s startup?
1s startup: failure exit code 1
2s startup?
2s startup: turned, failure exit code 1
2s ~over`},
	} {
		t.Run(name, func(t *testing.T) {
			watched(t, c.why, scene{probes: all, scripts: c.scripts, endAfter: 8 * time.Second}, c.want)
		})
	}
}

func TestADelayThatIsOverWhenStartupPassesIsNotWaitedForAgain(t *testing.T) {
	s := scene{
		probes: pod.Probes{
			Startup:  every("startup", nil),
			Liveness: every("liveness", func(p *pod.Probe) { p.InitialDelay = 5 * time.Second }),
		},
		scripts:  map[string]string{"startup": "ny", "liveness": "y"},
		endAfter: 15 * time.Second,
	}
	watched(t, "a delay counts from the start of the component, as the kubelet's", s, `
0s startup?
0s startup: failure exit code 1
10s startup?
10s startup: turned, success
10s liveness?
15s ~over`)
}

func TestAFailedLivenessEndsAndReadinessGoesOn(t *testing.T) {
	s := scene{
		probes:   pod.Probes{Liveness: every("liveness", func(p *pod.Probe) { p.Failure = 1 }), Readiness: every("readiness", nil)},
		scripts:  map[string]string{"liveness": "n", "readiness": "y"},
		endAfter: 15 * time.Second,
	}
	watched(t, "a component that is to be restarted is not tried on and on", s, `
0s liveness?
0s liveness: turned, failure exit code 1
0s readiness?
0s readiness: turned, success
10s readiness?
15s ~over`)
}

func TestWhenThePodGoesDownReadinessAloneGoesOn(t *testing.T) {
	for name, c := range map[string]struct {
		why     string
		startup *pod.Probe
		scripts map[string]string
		want    string
	}{
		"Liveness": {
			"a liveness try under way is broken off, and not told", nil,
			map[string]string{"liveness": "-", "readiness": "yn"}, `
0s liveness?
0s readiness?
0s readiness: turned, success
10s readiness?
10s readiness: failure exit code 1
12s ~over`},
		"Startup": {
			"one that has not started was never ready", every("startup", func(p *pod.Probe) { p.Timeout = time.Minute }),
			map[string]string{"startup": "-", "liveness": "y", "readiness": "y"}, `
0s startup?
3s ~over`},
	} {
		t.Run(name, func(t *testing.T) {
			liveness := every("liveness", func(p *pod.Probe) { p.Timeout = time.Minute })
			watched(t, c.why, scene{
				probes:  pod.Probes{Startup: c.startup, Liveness: liveness, Readiness: every("readiness", nil)},
				scripts: c.scripts, downAfter: 3 * time.Second, endAfter: 12 * time.Second,
			}, c.want)
		})
	}
}

func TestWhatIsUnderWayAtTheEndIsNotTold(t *testing.T) {
	s := scene{
		probes:   pod.Probes{Readiness: every("readiness", func(p *pod.Probe) { p.Timeout = time.Minute })},
		scripts:  map[string]string{"readiness": "y-"},
		endAfter: 12 * time.Second,
	}
	watched(t, "the end is the only reason that it failed", s, `
0s readiness?
0s readiness: turned, success
10s readiness?
12s ~over`)
}

func TestAComponentWithoutProbesIsNotWatched(t *testing.T) {
	watched(t, "there is nothing to try", scene{endAfter: time.Hour}, "0s ~over")
}

func TestAnEngineThatFailsIsTold(t *testing.T) {
	s := scene{probes: pod.Probes{Liveness: every("liveness", nil)}, scripts: map[string]string{"liveness": "?y"}, endAfter: 15 * time.Second}
	watched(t, "somebody should know", s, `
0s liveness?
0s liveness: unknown engine gone
10s liveness?
15s ~over`)
}
