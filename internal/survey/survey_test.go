package survey_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/clock"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/survey"
)

// with is a pod whose one component mounts these.
func with(volumes ...pod.Volume) pod.Pod {
	return pod.Pod{PauseImage: "pause", Components: []pod.Component{{Name: "web", Image: "app", Volumes: volumes}}}
}

// named is a volume of that name.
func named(name string, external bool) pod.Volume {
	return pod.Volume{Kind: pod.Named, Source: name, Target: "/" + name, External: external}
}

func TestOnlyExternalVolumesAreLookedForAndOnlyOnTheWayUp(t *testing.T) {
	for name, test := range map[string]struct {
		why     string
		pod     pod.Pod
		pause   engine.ID
		asked   []string
		lacking []string
	}{
		"None":     {"there is nothing to look for", with(), "", nil, nil},
		"Own":      {"the engine makes it", with(named("own", false)), "", nil, nil},
		"There":    {"it is there", with(named("there", true)), "", []string{"there"}, nil},
		"Gone":     {"it is not", with(named("gone", true)), "", []string{"gone"}, []string{"gone"}},
		"Several":  {"in the order of their names", with(named("z", true), named("there", true), named("gone", true)), "", []string{"gone", "there", "z"}, []string{"gone", "z"}},
		"Twice":    {"once is enough", with(named("gone", true), named("gone", true)), "", []string{"gone"}, []string{"gone"}},
		"Mixed":    {"only those", with(named("own", false), named("there", true)), "", []string{"there"}, nil},
		"Restarts": {"it was there when the pod came up", with(named("gone", true)), "pause", nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			e := fake.New()
			defer e.Close()
			e.AddVolume("there", nil)
			e.AddImage("app", fake.Image{})
			var mu sync.Mutex
			var asked []string
			e.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
				mu.Lock()
				defer mu.Unlock()
				if c.Op == "inspect volume" {
					asked = append(asked, c.Name)
				}
				return do()
			})
			w, err := survey.Surveyor{Engine: e, Pod: test.pod}.Look(t.Context(), test.pause)
			slices.Sort(asked)
			if err != nil || !cmp.Equal(w.Lacking, test.lacking) || !cmp.Equal(asked, test.asked) {
				t.Errorf("lacking %q after asking for %q: %v: %s", w.Lacking, asked, err, test.why)
			}
			if _, known := w.Images["app"]; known != (test.pause == "") || len(w.Images) > 1 {
				t.Errorf("images %v", w.Images)
			}
		})
	}
}

// Nothing that is asked of the engine waits for something else that is.
func TestAllIsLookedAtAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := fake.New()
		defer e.Close()
		calls := 0
		var mu sync.Mutex
		e.Intercept(func(ctx context.Context, c fake.Call, do func() error) error {
			mu.Lock()
			calls++
			mu.Unlock()
			return errors.Join(clock.Sleep(ctx, time.Second), do())
		})
		began := time.Now()
		w, err := survey.Surveyor{Engine: e, Pod: with(named("gone", true), named("z", true))}.Look(t.Context(), "")
		if took := time.Since(began); took != time.Second || calls != 7 || err != nil {
			t.Errorf("%d calls took %s, want 7 in 1s: %v", calls, took, err)
		}
		if want := []string{"gone", "z"}; !cmp.Equal(w.Lacking, want) {
			t.Errorf("lacking %q, want %q", w.Lacking, want)
		}
	})
}

func TestAnEngineThatDoesNotAnswerLacksNothing(t *testing.T) {
	for _, method := range []string{"Volume", "Image", "Volumes", "List"} {
		e := fake.New()
		defer e.Close()
		broken := errors.New("broken")
		words := map[string]string{"Volume": "inspect volume", "Image": "inspect image", "Volumes": "list volumes", "List": "list containers"}
		e.Intercept(func(_ context.Context, c fake.Call, do func() error) error {
			if strings.HasPrefix(c.String(), words[method]) {
				return broken
			}
			return do()
		})
		w, err := survey.Surveyor{Engine: e, Pod: with(named("gone", true))}.Look(t.Context(), "")
		if !errors.Is(err, broken) || method == "Volume" && w.Lacking != nil {
			t.Errorf("%s: got %v, lacking %q", method, err, w.Lacking)
		}
	}
}

func TestContainersOfThatNameAreSeenOnceWhoeverOwnsThem(t *testing.T) {
	e := fake.New()
	defer e.Close()
	e.AddImage("app", fake.Running(fake.UntilAsked))
	ours := pod.Owner{ID: "one", Name: "shop"}
	for name, labels := range map[string]map[string]string{
		"own":    ours.Labels(pod.RoleComponent),
		"before": pod.Owner{ID: "two", Name: "shop"}.Labels(pod.RoleComponent),
		"other":  pod.Owner{ID: "three", Name: "bar"}.Labels(pod.RoleComponent),
	} {
		if _, _, err := e.Create(t.Context(), engine.Container{Name: name, Image: "app", Labels: labels}); err != nil {
			t.Fatal(err)
		}
	}
	for pause, want := range map[engine.ID][]string{"": {"before", "own"}, "pause": {"own"}} {
		w, err := survey.Surveyor{Engine: e, Pod: with(), Owner: ours}.Look(t.Context(), pause)
		var got []string
		for _, c := range w.Containers {
			got = append(got, c.Name)
		}
		slices.Sort(got)
		if err != nil || !cmp.Equal(got, want) || w.Pause != pause {
			t.Errorf("with pause %q: got %q: %v", pause, got, err)
		}
	}
}
