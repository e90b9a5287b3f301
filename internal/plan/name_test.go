package plan_test

import (
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// namesOf are those of the volume and the files that a component of that name has, with a
// supervisor of that name.
func namesOf(owner, component string) (all []string) {
	c := pod.Component{Name: component, Restart: pod.Restart{Policy: pod.RestartAlways}, Volumes: []pod.Volume{{Kind: pod.Anonymous, Target: "/own"}}}
	made := plan.ComponentContainer(pod.Pod{Components: []pod.Component{c}}, pod.Owner{Name: owner}, c, 1, "pause", engine.Image{}, 0)
	return append(all, made.Mounts[0].Source, plan.MemoryName(component, 0), plan.MemoryName(component, 1), plan.MessageName(component))
}

// What a file's name may be long is less than what a container's may be.
func TestTheNamesOfVolumesAndFilesAreNeverTooLongAndNoTwoAreTheSame(t *testing.T) {
	long := strings.Repeat("a", 400)
	seen := map[string]bool{}
	for owner, components := range map[string][]string{"s": {long, long + "b", long[:200], "web"}, long: {"web", "web-"}, "t": {"web"}} {
		for i, component := range components {
			for j, name := range namesOf(owner, component) {
				if len(name) > 255 || len(name) < 2 {
					t.Errorf("the name has %d bytes: %s", len(name), name)
				}
				if isFile := j > 0; seen[name] && !isFile || isFile && i > 0 && seen[owner+"/"+name] {
					t.Errorf("two are called %s", name)
				}
				seen[name], seen[owner+"/"+name] = true, true
			}
		}
	}
	for _, name := range namesOf("shop", "web") {
		if !strings.HasPrefix(name, "shop.podlike.web.") && !strings.HasPrefix(name, "web.") {
			t.Errorf("what is short enough is called %s", name)
		}
	}
}
