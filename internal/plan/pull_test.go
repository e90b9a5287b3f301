package plan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// owner is the supervisor in tests.
var owner = pod.Owner{ID: "0123", Name: "sup"}

func TestImagesArePulledAsTheirUsersSay(t *testing.T) {
	there := map[string]engine.Image{"pause": {}, "here": {Platform: "linux/amd64"}, "arm": {Platform: "linux/arm64/v8"}}
	for name, test := range map[string]struct {
		why        string
		policy     pod.Pull
		components []pod.Component
		want       string
	}{
		"Missing":    {"what is there stays as it is", pod.Missing, []pod.Component{{Name: "a", Image: "here"}, {Name: "b", Image: "new"}}, "pull new (not there)"},
		"Always":     {"the pod's word holds for all but pause", pod.Always, []pod.Component{{Name: "a", Image: "here"}}, "pull here (always)"},
		"OwnWord":    {"a component's word is stronger than the pod's", pod.Always, []pod.Component{{Name: "a", Image: "here", Pull: pod.Missing}, {Name: "b", Image: "new", Pull: pod.Never}}, ""},
		"Disagree":   {"one that asks is enough, and one pull", pod.Missing, []pod.Component{{Name: "a", Image: "new", Pull: pod.Never}, {Name: "b", Image: "new"}, {Name: "c", Image: "new", Pull: pod.Always}}, "pull new (not there)"},
		"Platform":   {"an image for another platform is another image", pod.Missing, []pod.Component{{Name: "a", Image: "here", Platform: "linux/arm64"}}, "pull here for linux/arm64 (that there is for linux/amd64)"},
		"Variant":    {"what one does not say it does not mind", pod.Missing, []pod.Component{{Name: "a", Image: "arm", Platform: "linux/arm64"}, {Name: "b", Image: "here", Platform: "linux/amd64/v2"}}, ""},
		"NotVariant": {"but variants differ", pod.Missing, []pod.Component{{Name: "a", Image: "arm", Platform: "linux/arm64/v7"}}, "pull arm for linux/arm64/v7 (that there is for linux/arm64/v8)"},
	} {
		t.Run(name, func(t *testing.T) {
			p := pod.Pod{PauseImage: "pause", Pull: test.policy, Components: test.components}
			var pulls []string
			for _, step := range plan.Reconcile(p, owner, plan.World{Images: there}, plan.Goal{Kind: plan.Up}) {
				if step.Op == plan.Pull {
					pulls = append(pulls, step.String())
				}
			}
			if diff := cmp.Diff(test.want, strings.Join(pulls, "\n")); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

func TestAComponentIsCreatedAfterItsImageIsPulled(t *testing.T) {
	p := pod.Pod{PauseImage: "pause", Components: []pod.Component{
		{Name: "a", Image: "img", Platform: "linux/arm64"}, {Name: "b", Image: "img"}, {Name: "c", Image: "img", Pull: pod.Never},
	}}
	after := map[string][]string{}
	for _, step := range plan.Reconcile(p, owner, plan.World{Images: map[string]engine.Image{"pause": {}}}, plan.Goal{Kind: plan.Up}) {
		after[step.Key()] = step.After
	}
	for name, image := range map[string]string{"create a": "pull img for linux/arm64", "create b": "pull img", "create c": "pull img"} {
		if diff := cmp.Diff([]string{"create pause", image}, after[name]); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestTheLargestSharedMemoryIsPauses(t *testing.T) {
	p := pod.Pod{Components: []pod.Component{{Name: "a", ShmSize: 1}, {Name: "b", ShmSize: 3}, {Name: "c"}}}
	for _, shared := range []bool{true, false} {
		p.ShareIPC = shared
		pause := plan.PauseContainer(p, owner, nil, 0, nil)
		component := plan.ComponentContainer(p, owner, p.Components[1], 1, "pause", engine.Image{}, 0)
		want := [2]int64{0, 3}
		if shared {
			want = [2]int64{3, 0}
		}
		if got := [2]int64{pause.ShmSize, component.ShmSize}; got != want {
			t.Errorf("shared: %v: pause and component have %v, want %v", shared, got, want)
		}
	}
}

func TestAnImagesVolumeGivesWayToATmpfs(t *testing.T) {
	c := pod.Component{Name: "a", Tmpfs: map[string]string{"/data": ""}}
	made := plan.ComponentContainer(pod.Pod{}, owner, c, 1, "pause", engine.Image{Volumes: []string{"/data", "/other"}}, 0)
	if len(made.Mounts) != 1 || made.Mounts[0].Target != "/other" {
		t.Errorf("got %+v", made.Mounts)
	}
}

func TestAComponentsOwnScoreCounts(t *testing.T) {
	for name, c := range map[string]pod.Component{"as the others": {}, "its own": {OOMScoreAdj: new(0)}} {
		want := map[string]int{"as the others": 7, "its own": 0}[name]
		if got := *plan.ComponentContainer(pod.Pod{}, owner, c, 1, "pause", engine.Image{}, 7).OOMScoreAdj; got != want {
			t.Errorf("%s: got %d", name, got)
		}
	}
}
