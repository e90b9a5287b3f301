package plan_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

func TestPauseHoldsMemoryWhereAComponentNeedsIt(t *testing.T) {
	held := []engine.Mount{{
		Type: engine.VolumeMount, Target: "/memory", NoCopy: true, Labels: me.Labels(pod.RoleScratch),
		Options: map[string]string{"type": "tmpfs", "device": "tmpfs", "o": "size=1048583,mode=0700"},
	}}
	secret, file := pod.Copy{Source: "/s", Target: "/s", Memory: true}, pod.Copy{Source: "/f", Target: "/f"}
	for name, test := range map[string]struct {
		why string
		pod pod.Pod
		any bool
	}{
		"Nothing":   {"no component, no memory", pod.Pod{}, false},
		"Copy":      {"what may be on a disk is copied there", pod.Pod{Components: []pod.Component{{Copies: []pod.Copy{file}}}}, false},
		"Secret":    {"one is enough", pod.Pod{Components: []pod.Component{{Copies: []pod.Copy{file}}, {Copies: []pod.Copy{file, secret}}}}, true},
		"Init":      {"those that come first have secrets too", pod.Pod{Init: []pod.Component{{Copies: []pod.Copy{secret}}}}, true},
		"LastWords": {"they are read when their component is gone", pod.Pod{Components: []pod.Component{{TerminationMessage: "/m"}}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var want []engine.Mount
			if test.any {
				want = held
			}
			if diff := cmp.Diff(want, plan.PauseMemory(test.pod, me, 7)); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

func TestAComponentMountsWhatIsItsOwnInMemory(t *testing.T) {
	const source = "/docker/volumes/v/_data"
	bind := func(name, target string, readOnly bool) engine.Mount {
		return engine.Mount{Type: engine.BindMount, Source: source + "/" + name, Target: target, ReadOnly: readOnly, MustExist: true}
	}
	memory := func(target string) pod.Copy { return pod.Copy{Source: "/s", Target: target, Memory: true} }
	writable := memory("/w")
	writable.Writable = true
	for name, test := range map[string]struct {
		why       string
		component pod.Component
		want      []engine.Mount
	}{
		"Nothing":   {"a copy on a disk is not mounted", pod.Component{Name: "web", Copies: []pod.Copy{{Source: "/f", Target: "/f"}}}, nil},
		"Secret":    {"a secret is not to be changed", pod.Component{Name: "web", Copies: []pod.Copy{memory("/run/secrets/s")}}, []engine.Mount{bind("web.0", "/run/secrets/s", true)}},
		"Writable":  {"who copies may write to the copy", pod.Component{Name: "web", Copies: []pod.Copy{memory("/s"), writable}}, []engine.Mount{bind("web.0", "/s", true), bind("web.1", "/w", false)}},
		"Twice":     {"the last copy to a target counts, as with copies on a disk", pod.Component{Name: "web", Copies: []pod.Copy{memory("/s"), memory("/t"), memory("/./s/")}}, []engine.Mount{bind("web.2", "/s", true), bind("web.1", "/t", true)}},
		"LastWords": {"they are for the component to write", pod.Component{Name: "web", TerminationMessage: "/dev/termination-log"}, []engine.Mount{bind("web.message", "/dev/termination-log", false)}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, plan.MemoryMounts(test.component, source)); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
	if got, want := plan.MessagePath("web"), "/memory/web.message"; got != want {
		t.Errorf("the message is at %s, want %s", got, want)
	}
}

func TestAnImagesVolumeGivesWayToWhatIsInMemory(t *testing.T) {
	c := pod.Component{Name: "a", Copies: []pod.Copy{{Source: "/run/secrets", Target: "/certs", Memory: true}}}
	made := plan.ComponentContainer(pod.Pod{}, me, c, 1, "pause", engine.Image{Volumes: []string{"/certs"}}, 0)
	if len(made.Mounts) != 0 {
		t.Errorf("got %+v", made.Mounts)
	}
}
