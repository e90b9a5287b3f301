package supervise_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/fake"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/supervise"
)

// A gate notes what it is told, and refuses by it.
type gate struct {
	mu      sync.Mutex
	told    []string
	refuses func(images map[string]engine.Image, lacking []string) bool
}

func (g *gate) admit(images map[string]engine.Image, lacking []string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.told = append(g.told, fmt.Sprint(slices.Sorted(maps.Keys(images)), lacking))
	if g.refuses(images, lacking) {
		return pod.Problems{pod.Problemf("here", "is one"), pod.Problemf("there", "is another")}
	}
	return nil
}

// What a pod needs is known before anything is made of it, and what its images say as soon
// as it is known which they are.
func TestAPodThatMayNotRunIsRefusedBeforeItIsMade(t *testing.T) {
	has := func(ref string) func(map[string]engine.Image, []string) bool {
		return func(images map[string]engine.Image, _ []string) bool { return images[ref].ID != "" }
	}
	lacks := func(_ map[string]engine.Image, lacking []string) bool { return len(lacking) > 0 }
	never := func(map[string]engine.Image, []string) bool { return false }
	external := func(name string) pod.Component {
		c := of(name, "app")
		c.Volumes = []pod.Volume{{Kind: pod.Named, Source: "gone", Target: "/v", External: true}}
		return c
	}
	remote, fresh := of("web", "remote"), of("web", "app")
	fresh.Pull = pod.Always
	for name, test := range map[string]struct {
		why     string
		web     pod.Component
		refuses func(map[string]engine.Image, []string) bool
		told    string // one call after the other
		made    string
	}{
		"Volume": {"nothing is there yet", external("web"), lacks, "[app pause] [gone]", ""},
		"Image":  {"nothing is there yet", of("web", "app"), has("app"), "[app pause] []", ""},
		"Pulled": {"until it is pulled nobody knows it", remote, has("remote"), "[pause] []\n[remote] []", "component started: pause\n"},
		"Fresh":  {"what is there is not what will run", fresh, has("app"), "[pause] []\n[app] []", "component started: pause\n"},
		"None":   {"it may run", external("web"), never, "[app pause] [gone]", "component started: pause\ncomponent started: web\n"},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, []pod.Component{test.web}, func(s *scene) {
				pulled := fake.Running(fake.UntilAsked)
				pulled.PullTime = time.Minute
				s.AddRemote("remote", pulled)
				s.AddRemote("app", pulled)
				g := gate{refuses: test.refuses}
				s.with = func(c *supervise.Config) { c.Admit = g.admit }
				code, _ := s.runFor(time.Hour)
				if got := strings.Join(g.told, "\n"); got != test.told {
					t.Errorf("told\n%s\nwant\n%s", got, test.told)
				}
				s.happened(test.made, event.Started)
				if name == "None" {
					s.exits(code, 0)
					return
				}
				s.exits(code, 2)
				if why := s.last().Why; why != "here: is one; there: is another" {
					t.Errorf("the last record says %q", why)
				}
				if created := s.history(event.Created); strings.Contains(created, "web") || created != "" && test.made == "" {
					t.Errorf("%s: %s", test.why, cmp.Or(created, "nothing was created"))
				}
			})
		})
	}
}

// Who only looks at what would be done is told the same.
func TestAPlanIsRefusedAsARunIs(t *testing.T) {
	for refused, want := range map[bool]string{true: "here: is one\nthere: is another", false: "<nil>"} {
		play(t, []pod.Component{app("web")}, func(s *scene) {
			g := gate{refuses: func(map[string]engine.Image, []string) bool { return refused }}
			_, err := supervise.New(supervise.Config{Engine: s.Engine, Pod: s.pod, Owner: s.owner, Emit: func(event.Event) {}, Admit: g.admit}).Plan(s.Context())
			if got := fmt.Sprint(err); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}
