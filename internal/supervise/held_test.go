package supervise_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/supervise"
)

// docker volume prune removes what no container has mounted.
func TestVolumesOfWhatWaitsForItsRestartCannotBePruned(t *testing.T) {
	for name, test := range map[string]struct {
		why  string
		kind pod.VolumeKind
	}{
		"Named":     {"its data", pod.Named},
		"Anonymous": {"what a run leaves for the next", pod.Anonymous},
	} {
		t.Run(name, func(t *testing.T) {
			web := restarted("web", "counts", pod.RestartOnFailure)
			web.Volumes = []pod.Volume{{Kind: test.kind, Source: "data", Target: "/data"}}
			if test.kind == pod.Anonymous {
				web.Volumes[0].Source = ""
			}
			play(t, []pod.Component{web, app("db")}, func(s *scene) {
				var run, found atomic.Int64
				s.AddImage("counts", fake.Running(func(ctx context.Context, p fake.Process) int {
					found.Store(int64(len(p.Files["/data/runs"].Content)))
					p.Write("/data/runs", p.Files["/data/runs"].Content+"x")
					if run.Add(1) == 3 {
						return fake.UntilAsked(ctx, p)
					}
					return fake.Exit(1, time.Second)(ctx, p)
				}))
				pruned := 0
				time.AfterFunc(5*time.Second, func() { // in the ten seconds before its third run
					if _, err := s.Inspect(s.Context(), s.name("web")); err == nil {
						t.Error("web is still there, and holds its volumes itself")
					}
					all, err := s.Volumes(s.Context(), nil)
					if err != nil || len(all) == 0 {
						t.Errorf("there are %v, %v", all, err)
					}
					for _, v := range all {
						if s.RemoveVolume(s.Context(), v.Name) == nil {
							pruned++
						}
					}
				})
				code, _ := s.runFor(time.Minute)
				s.exits(code, 0)
				if run.Load() != 3 || found.Load() != 2 || pruned > 0 {
					t.Errorf("%d volumes were pruned; run %d found %d marks of runs before: %s", pruned, run.Load(), found.Load(), test.why)
				}
			})
		})
	}
}

// gone has an image be removed from the machine, until it is pulled or loaded.
func (s *scene) gone(ref string, gone *atomic.Bool) {
	s.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
		switch {
		case c.Op == "pull" && c.Name == ref:
			err := usual(ctx, c, do)
			if err == nil {
				gone.Store(false)
			}
			return err
		case gone.Load() && (c == fake.Call{Op: "inspect image", Name: ref} || c == fake.Call{Op: "create", Name: s.name("web")}):
			return fmt.Errorf("image %s: %w", ref, engine.ErrNotFound)
		}
		return usual(ctx, c, do)
	})
}

func TestAnImageThatIsRemovedBetweenTwoRunsIsPulledAgain(t *testing.T) {
	for name, test := range map[string]struct {
		why    string
		remote bool
		pull   pod.Pull
		says   string
	}{
		"Pulled":    {"it can be had", true, "", "it was removed from this machine since the pod was started"},
		"NotThere":  {"no registry has it", false, "", "cannot pull ends"},
		"NeverPull": {"its user has it never pulled", true, pod.Never, "it is never pulled: load it on this machine"},
	} {
		t.Run(name, func(t *testing.T) {
			web := restarted("web", "ends", pod.RestartOnFailure)
			web.Pull, web.Restart.Max = test.pull, 1
			play(t, []pod.Component{web, app("db")}, func(s *scene) {
				image := fake.Running(runs(time.Second, 1))
				s.AddImage("ends", image)
				pulled := test.remote && test.pull != pod.Never
				if test.remote {
					s.AddRemote("ends", image)
				}
				var gone atomic.Bool
				s.gone("ends", &gone)
				time.AfterFunc(time.Second/2, func() { gone.Store(true) })
				if !pulled {
					time.AfterFunc(10*time.Minute, func() { gone.Store(false) }) // somebody has loaded it
				}
				var waiting atomic.Value
				waiting.Store("")
				s.ready = func(r *supervise.Supervisor) {
					time.AfterFunc(9*time.Minute, func() {
						if w := r.Status().Components[1].State.Waiting; w != nil {
							waiting.Store(w.Reason)
						}
					})
				}
				code, _ := s.runFor(30 * time.Minute)
				s.exits(code, 0)
				if !strings.Contains(s.history(event.Pulling, event.Restarting), test.says) {
					t.Errorf("the reason was not told: %s", s.history())
				}
				started := strings.Count(s.history(event.Started), "web")
				if end := s.last().Ends[1]; started != 2 || end.Restarts != 1 || end.Code != 0 {
					t.Errorf("%s: %d starts, %+v:\n%s", test.why, started, end, s.history())
				}
				if want := map[bool]string{true: "", false: "CrashLoopBackOff"}[pulled]; waiting.Load() != want {
					t.Errorf("%s: meanwhile it waits with %q, want %q", test.why, waiting.Load(), want)
				}
				if len(s.told(event.Restarting)) > 12 {
					t.Errorf("it was tried %d times", len(s.told(event.Restarting)))
				}
			})
		})
	}
}
