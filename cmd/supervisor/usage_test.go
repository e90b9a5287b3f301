package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/socket"
	"github.com/podlike/podlike/internal/status"
	podusage "github.com/podlike/podlike/internal/usage"
)

// A teller is a supervisor that tells of a pod.
type teller struct {
	*answers
	pod     status.Pod
	listens chan struct{} // has one in it once somebody has asked for its events
}

// Status implements status.Source.
func (y teller) Status() status.Pod { return y.pod }

// Events implements status.Source.
func (y teller) Events() *event.Ring {
	select {
	case y.listens <- struct{}{}:
	default:
	}
	return y.answers.Events()
}

// telling serves a pod's status until the returned function is called, or the test is over.
func telling(t *testing.T, p status.Pod) (listens <-chan struct{}, stop func()) {
	t.Helper()
	l, err := socket.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	y := teller{newAnswers(), p, make(chan struct{}, 1)}
	serving.Go(func() { _ = status.Serve(ctx, l, y) })
	stop = func() {
		cancel()
		serving.Wait()
	}
	t.Cleanup(stop)
	return y.listens, stop
}

// running is what the supervisor of a scene tells: `web` runs, `db` waits.
func (s *scene) running() status.Pod {
	s.Helper()
	web := ready("web", status.Main, ago(time.Minute))
	web.Container = string(s.id("shop.podlike.web"))
	db := component("db", status.Main, waiting(status.CrashLoopBackOff, "back-off 40s, 12s left"))
	db.Container = "that of its last run"
	return status.Pod{
		Name: "shop", ID: string(s.id("shop")), Phase: status.Running, Health: "unhealthy", Started: ago(5 * time.Minute),
		Components: []status.Component{db, web},
	}
}

func TestAStatusShowsWhatThePodUses(t *testing.T) {
	play(t, func(s *scene) {
		limited, paused := engine.Limits{Memory: 64 << 20, CPUs: 5e8, Pids: 10}, s.id("shop.podlike-pause")
		if err := s.Engine.Limit(s.Context(), s.id("shop.podlike.web"), limited); err != nil {
			s.Fatal(err)
		}
		s.Use("shop.podlike.web", engine.Usage{Memory: 20 << 20, CPU: 90 * time.Second, Pids: 3, Read: 4096, Written: 1})
		var got strings.Builder
		for _, form := range []string{"", "json", "yaml"} {
			p := s.running()
			used, err := measured(s.Context(), s.Engine, p)
			if err != nil {
				s.Fatal(err)
			}
			used.Pod.Pressure = &podusage.Pressure{Memory: 2.5}
			text, err := render(overview{p, used}, form, noon)
			if err != nil {
				s.Fatal(err)
			}
			fmt.Fprintf(&got, "%s\n", bytes.ReplaceAll(text, []byte(paused), []byte("PAUSE")))
		}
		compare(s.T, "testdata/status.usage.golden", got.String())
	})
}

// Of a pod of which nothing can be measured nothing is shown, and why.
func TestWhatNobodyCanMeasureIsNotShown(t *testing.T) {
	play(t, func(s *scene) {
		p := s.running()
		s.Away()
		got, err := measured(s.Context(), s.Engine, p)
		if got != nil || err == nil || !strings.Contains(err.Error(), "cannot be reached") {
			s.Errorf("got %+v, %v", got, err)
		}
	})
}

// silent is an engine that accepts connections and does not answer. asked is how often it was asked.
func silent(t *testing.T) (asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	listen(t, socketDir(t), func(_ http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		<-r.Context().Done()
	})
	return asked
}

func TestAStatusIsThereAlsoWhereTheEngineIsNot(t *testing.T) {
	unreachable := but(shop(status.Running, "healthy", ready("web", status.Main, ago(time.Minute))), status.EngineReachable, status.EngineUnreachable, "EOF")
	for name, test := range map[string]struct {
		why    string
		engine func(t *testing.T) *atomic.Int64 // nil: none
		pod    status.Pod
		said   string
		asked  bool
	}{
		"None": {"this user may have no access", nil, shop(status.Running, "healthy", ready("web", status.Main, ago(time.Minute))),
			"supervisor: what the pod uses is not known: cannot reach the engine at ", false},
		"Silent": {"it hangs", silent, shop(status.Running, "healthy", ready("web", status.Main, ago(time.Minute))),
			"supervisor: what the pod uses is not known: cannot reach the engine at ", true},
		"Away":      {"the supervisor knows that, so nobody waits", silent, unreachable, "supervisor: what the pod uses is not known: EngineUnreachable: EOF\n", false},
		"Over":      {"nothing runs any more", silent, shop(status.Succeeded, "unhealthy"), "", false},
		"Beginning": {"there is no pod yet", silent, status.Pod{Phase: status.Pending, Health: "starting"}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
			asked := new(atomic.Int64)
			if test.engine != nil {
				asked = test.engine(t)
			}
			telling(t, test.pod)
			for _, form := range []string{"", "json"} {
				var stdout, stderr bytes.Buffer
				began := time.Now()
				if err := showStatus(t.Context(), []string{"-o", form}, &stdout, &stderr); err != nil {
					t.Fatalf("%s: %v", test.why, err)
				}
				if took := time.Since(began); took > 2*statusUsageTime {
					t.Errorf("%s: it took %v", test.why, took)
				}
				if got := stderr.String(); !begins(got, test.said) || strings.Count(got, "\n") > 1 {
					t.Errorf("%s: it says %q", test.why, got)
				}
				want, err := render(overview{Pod: test.pod}, form, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), stdout.String()); diff != "" {
					t.Errorf("%s:\n%s", test.why, diff)
				}
			}
			if got := asked.Load() > 0; got != test.asked {
				t.Errorf("%s: the engine was asked: %v", test.why, got)
			}
		})
	}
}

func TestTheHealthOfAPodNeedsNoEngine(t *testing.T) {
	asked := silent(t)
	telling(t, shop(status.Running, "healthy"))
	var stdout bytes.Buffer
	if _, err := healthcheck(t.Context(), &stdout); err != nil || asked.Load() > 0 {
		t.Errorf("it says %q, %v, and asks %d times", stdout.String(), err, asked.Load())
	}
}
