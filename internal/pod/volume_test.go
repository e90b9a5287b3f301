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

func TestShareVolumesHandsOnAllButTheSockets(t *testing.T) {
	const usual, other = "/var/run/docker.sock", "/run/docker.sock"
	bind := func(source, target string) pod.Volume {
		return pod.Volume{Kind: pod.Bind, Source: source, Target: target}
	}
	data := pod.Volume{Kind: pod.Named, Source: "shop_data", Target: "/data", ReadOnly: true, NoCopy: true}
	for name, test := range map[string]struct {
		why       string
		component pod.Component
		own       []pod.Volume
		socket    string // that DOCKER_HOST names
		want      []pod.Volume
	}{
		"Volume":     {"at the same target, as read-only as there", pod.Component{}, []pod.Volume{data, bind("/a", "/b")}, usual, []pod.Volume{data, bind("/a", "/b")}},
		"Socket":     {"who has it is root on the machine", pod.Component{}, []pod.Volume{bind(usual, usual), data}, usual, []pod.Volume{data}},
		"OtherName":  {"it is the same one by any path", pod.Component{}, []pod.Volume{bind(other, "/tmp/x.sock")}, usual, nil},
		"Directory":  {"a directory hands on all in it", pod.Component{}, []pod.Volume{bind("/var/run", "/host/run"), bind("/", "/host"), bind("/run/", "/r")}, usual, nil},
		"Beside":     {"a name that begins like it is another", pod.Component{}, []pod.Volume{bind("/var/runner", "/var/runner"), bind(usual+".d", "/d")}, usual, []pod.Volume{bind("/var/runner", "/var/runner"), bind(usual+".d", "/d")}},
		"Named":      {"what DOCKER_HOST names is it", pod.Component{}, []pod.Volume{bind("/home/me/d.sock", "/d.sock")}, "/d.sock", nil},
		"NamedAgain": {"and so is what it is on the engine's machine", pod.Component{}, []pod.Volume{bind("/home/me/d.sock", "/d.sock"), bind("/home/me", "/me"), bind("/home/you", "/you")}, "/d.sock", []pod.Volume{bind("/home/you", "/you")}},
		"InVolume":   {"a volume can hold it too", pod.Component{}, []pod.Volume{{Kind: pod.Named, Source: "v", Target: "/sockets"}}, "/sockets/d.sock", nil},
		"Tmpfs":      {"memory of its own is no volume", pod.Component{}, []pod.Volume{{Kind: pod.Tmpfs, Target: "/tmp"}}, usual, nil},
		"Taken":      {"what the component mounts there counts", pod.Component{Volumes: []pod.Volume{bind("/mine", "/data/")}, Tmpfs: map[string]string{"/b": ""}}, []pod.Volume{data, bind("/a", "/b")}, usual, []pod.Volume{bind("/mine", "/data/")}},
		"Asked":      {"who mounts the socket itself gets it", pod.Component{Volumes: []pod.Volume{bind(usual, usual)}}, []pod.Volume{bind(usual, usual)}, usual, []pod.Volume{bind(usual, usual)}},
	} {
		t.Run(name, func(t *testing.T) {
			given := pod.Pod{Init: []pod.Component{test.component}, Components: []pod.Component{test.component}}
			got := pod.ShareVolumes(given, test.own, usual, other, test.socket)
			for _, c := range got.All() {
				if diff := cmp.Diff(test.want, c.Volumes); diff != "" {
					t.Errorf("%s:\n%s", test.why, diff)
				}
			}
			if diff := cmp.Diff(test.component, given.Components[0]); diff != "" {
				t.Errorf("ShareVolumes changed the pod it was given:\n%s", diff)
			}
		})
	}
}
