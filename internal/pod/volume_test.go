package pod_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
)

func TestResolveVolumesFindsTheSupervisorsOwn(t *testing.T) {
	stack := map[string]string{pod.StackNamespace: "shop"}
	own := []pod.OwnVolume{
		{Name: "worker_x1y2", Labels: map[string]string{pod.VolumeRef: "data"}},
		{Name: "shop_data", Labels: stack},
		{Name: "shop_logs", Labels: stack},
		{Name: "other_logs", Labels: map[string]string{pod.ComposeVolume: "logs"}},
		{Name: "proj_cache", Labels: map[string]string{pod.ComposeVolume: "cache"}},
		{Name: "plain", Labels: nil},
		{Name: "shop_", Labels: stack},
	}
	for name, test := range map[string]struct {
		why       string
		kind      pod.VolumeKind
		ref, want string
	}{
		"Label":     {"what the user wrote on the volume comes first", pod.Named, "data", "worker_x1y2"},
		"Stack":     {"the name within the stack comes before Compose's", pod.Named, "logs", "shop_logs"},
		"Compose":   {"the name within the Compose file is the last resort", pod.Named, "cache", "proj_cache"},
		"Full":      {"the engine's own name is right already", pod.Named, "shop_logs", "shop_logs"},
		"Plain":     {"a volume without labels has but one name", pod.Named, "plain", "plain"},
		"NotFound":  {"the engine makes a volume of that name", pod.Named, "new", "new"},
		"HostPath":  {"a bind is no volume, whatever it is called", pod.Bind, "logs", "logs"},
		"Anonymous": {"a volume without a name is nobody's", pod.Anonymous, "", ""},
		"Nameless":  {"no volume is found by having no name", pod.Named, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			given := pod.Pod{Components: []pod.Component{{Name: "a", Volumes: []pod.Volume{{Kind: test.kind, Source: test.ref, Target: "/t"}}}}}
			want := []pod.Component{{Name: "a", Volumes: []pod.Volume{{Kind: test.kind, Source: test.want, Target: "/t"}}}}
			if diff := cmp.Diff(want, pod.ResolveVolumes(given, own).Components); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
			if given.Components[0].Volumes[0].Source != test.ref {
				t.Error("ResolveVolumes changed the pod it was given")
			}
		})
	}
}
