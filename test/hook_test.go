package test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/docker/docker/api/types/events"
	"github.com/docker/docker/api/types/filters"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

const (
	// together is how far apart the beginnings of all that is done before a stop may be.
	together = 500 * time.Millisecond
	// goes are how many pods have the chance to show it, on a machine that has more to do.
	goes = 5
	// endless is a command of a hook that goes on until it is killed.
	endless = "pre_stop: [{command: [/testkit, ignore]}]"
)

// prepared is a component that writes before its stop as well, as NAME-pre.
func (y diary) prepared(name, words, before string, more ...string) string {
	return y.kit(name, words, append(more, "pre_stop: ["+y.hook(name+"-pre", before)+"]")...)
}

// asked has a pod go down that has come up, and waits for its end.
func (s supervisor) asked(t *testing.T) {
	t.Helper()
	s.Kill(t, "TERM")
	if code := s.Wait(t); code != 0 {
		t.Errorf("exited with %d, want 0", code)
	}
	s.gone(t, 0)
}

// What wants something done before its stop has it begun at once, whoever else has to
// be stopped before, and is not asked to end while it goes on.
func TestWhatIsDoneBeforeAStopBeginsAtOnceForAll(t *testing.T) {
	t.Parallel()
	for range goes {
		if apart := prepare(t); apart < together {
			t.Logf("all began within %v", apart)
			return
		}
	}
	t.Errorf("in none of %d pods all began within %v", goes, together)
}

// prepare takes a pod down whose components want something done before. It returns how
// far apart that was begun.
func prepare(t *testing.T) time.Duration {
	t.Helper()
	dir := t.TempDir()
	d := dockertest.New(t)
	y := newDiary(t, d, dir)
	s := podOf(t, d, components{
		"proxy": y.prepared("proxy", "", "for 100ms", sidecar()),
		"db":    y.prepared("db", "", "for 100ms"),
		"web":   y.prepared("web", "", "for 3s", "depends_on: [db]"),
		"api":   y.prepared("api", "", "for 100ms"),
	}, "-stop-timeout", ample.String())
	y.tells(t, s, "proxy starting, proxy started, db starting, db started, web starting, web started, api starting, api started")
	s.asked(t)
	var first, last time.Time
	for _, name := range []string{"proxy", "db", "web", "api"} {
		began := y.at(t, name+"-pre starting")
		if first.IsZero() || began.Before(first) {
			first = began
		}
		if began.After(last) {
			last = began
		}
		y.before(t, name+"-pre exited", name+" exiting")
	}
	y.before(t, "api exiting", "web-pre exiting") // nobody waits for what others want done
	y.before(t, "web exited", "db exiting")       // but for those that depend on them
	y.before(t, "db exited", "proxy exiting")
	return last.Sub(first)
}

// before asserts that one thing was written before another one.
func (y diary) before(t *testing.T, one, other string) {
	t.Helper()
	if y.at(t, other).Before(y.at(t, one)) {
		t.Errorf("%q comes after %q:\n%s", one, other, y.text(t))
	}
}

func TestNothingIsDoneBeforeTheEndOfWhatEndsByItself(t *testing.T) {
	t.Parallel()
	ordered{
		why: "what has ended, and what ends the pod, has nothing to be prepared for",
		labels: func(y diary) map[string]string {
			return components{
				"job": y.prepared("job", "for 0s", "", "restart: on-failure"),
				"web": y.prepared("web", "health /there", "for 50ms", whenThere("/there")),
				"end": y.prepared("end", "for 0s code 3", "", "depends_on: {job: {condition: service_completed_successfully}, web: {condition: service_healthy}}"),
			}.labels()
		},
		down: `
job starting, job started, job exiting, job exited, web starting, web started
end starting
end started
end exiting
end exited
web-pre starting
web-pre started
web-pre exiting
web-pre exited
web exiting
web exited
`,
		code: 3,
	}.lives(t)
}

// Kubernetes' other hooks: a request, after which this one ends, and a wait.
func TestARequestAndAWaitAreMadeBeforeAStop(t *testing.T) {
	t.Parallel()
	const pause = 2 * time.Second
	dir := t.TempDir()
	d := dockertest.New(t)
	y := newDiary(t, d, dir)
	s := podOf(t, d, components{
		"web": kit("serve 127.0.0.1:3000", `healthcheck: {test: [CMD, /testkit, get, "http://127.0.0.1:3000/"], interval: 100ms, retries: 1000}`,
			`x-pod: {lifecycle: {preStop: {httpGet: {port: 3000, path: "/exit?code=7"}}}}`),
		"api": y.kit("api", "", fmt.Sprintf("x-pod: {lifecycle: {preStop: {sleep: {seconds: %g}}}}", pause.Seconds())),
	}, "-stop-timeout", ample.String())
	y.tells(t, s, "api starting\napi started")
	s.waitHealthy(t)
	s.asked(t)
	if code := s.lastRecord(t).Codes["web"]; code == nil || *code != 7 {
		t.Errorf("web has ended with %v: it was not asked for the page that ends it", code)
	}
	if waited := y.at(t, "api exiting").Sub(s.stopping(t)); waited < pause {
		t.Errorf("api was asked to end after %v, not %v", waited, pause)
	}
}

// A pod whose preparations never end is over with its budget: all that is left is asked
// then to end, and killed.
func TestPreparationsThatNeverEndAreOverWithTheBudget(t *testing.T) {
	for name, test := range map[string]struct {
		why    string
		budget string        // pod.stop_grace_period
		call   time.Duration // when all that is left is asked to end
		end    time.Duration // when all has to be over
	}{
		"Told":  {"as the kubelet has it: 32 s +- 1 s for a budget of 30 s", "30s", 30 * time.Second, 33 * time.Second},
		"Swarm": {"it kills the supervisor after these 10 s, so they have to do", "", 7500 * time.Millisecond, budget},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range goes {
				took := runaway(t, test.budget, test.call)
				if took < test.end {
					t.Logf("all was over after %v", took)
					return
				}
			}
			t.Errorf("none of %d pods was over within %v: %s", goes, test.end, test.why)
		})
	}
}

// runaway takes a pod down whose preparations never end, and of which one ignores the
// last call for two seconds. It returns how long that took.
func runaway(t *testing.T, budget string, call time.Duration) time.Duration {
	t.Helper()
	dir := t.TempDir()
	d := dockertest.New(t)
	y := newDiary(t, d, dir)
	spec := d.Supervisor(t, components{
		"web":   kit("ignore", endless),
		"api":   y.kit("api", "", endless),
		"proxy": y.kit("proxy", "", sidecar(), endless),
	}.labels())
	if budget != "" {
		spec.Labels[pod.StopGracePeriod] = budget
	}
	s := run(t, d, spec)
	s.waitRunning(t)
	y.tells(t, s, "proxy starting, proxy started, api starting, api started")
	s.asked(t)
	took := s.lastRecord(t).Time.Sub(s.stopping(t))
	for _, name := range []string{"api", "proxy"} {
		if after := y.at(t, name+" exiting").Sub(s.stopping(t)); after < call {
			t.Errorf("%s was asked to end after %v, not %v", name, after, call)
		}
		y.at(t, name+" exited") // and was let
	}
	if code := s.lastRecord(t).Codes["web"]; code == nil || *code != killed || took < call+time.Second {
		t.Errorf("web has ended with %v, all was over after %v: it was not killed two seconds after the last call", code, took)
	}
	if n := s.killers(t); n > 0 {
		t.Errorf("%d containers were made to kill what ends with its component anyway", n)
	}
	return took
}

// killers is how many containers were made to kill what hooks had left running.
func (s supervisor) killers(t *testing.T) (n int) {
	t.Helper()
	ctx, cancel := cleaning()
	defer cancel()
	told, failed := s.d.Client().Events(ctx, events.ListOptions{
		Since: s.Inspect(t).Created, Until: time.Now().UTC().Format(time.RFC3339Nano),
		Filters: filters.NewArgs(filters.Arg("event", "create"), filters.Arg("label", pod.LabelOwner+"="+s.ID), filters.Arg("label", pod.LabelRole+"="+pod.RoleHelper)),
	})
	for {
		select {
		case <-told:
			n++
		case err := <-failed:
			if !errors.Is(err, io.EOF) {
				t.Fatalf("cannot ask what was made: %v", err)
			}
			return n
		}
	}
}
