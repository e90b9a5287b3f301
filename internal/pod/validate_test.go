package pod_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
)

// after makes a component that starts after others.
func after(name string, others ...string) pod.Component {
	c := pod.Component{Name: name, Image: "img"}
	for _, other := range others {
		c.DependsOn = append(c.DependsOn, pod.Dependency{Name: other, Condition: pod.Started})
	}
	return c
}

func TestValidateTellsAllThatIsWrong(t *testing.T) {
	for name, test := range map[string]struct {
		why        string
		components []pod.Component
		want       string
	}{
		"Fine": {
			"a pod can have all of this",
			[]pod.Component{
				{Name: "db", Image: "img", Volumes: []pod.Volume{{Target: "/a"}, {Target: "/a/b"}}, Health: &pod.Health{}},
				{Name: "web", Image: "img", DependsOn: []pod.Dependency{{Name: "db", Condition: pod.Healthy}}, Copies: []pod.Copy{{Source: "/a", Target: "/b"}}},
			}, "",
		},
		"NoName": {"every container needs a name", []pod.Component{after("")}, "pod.component.: a component has no name; give it one"},
		"SameName": {
			"the engine would refuse the second", []pod.Component{after("a"), after("a")},
			"pod.component.a: two components are called that; rename one",
		},
		"NoImage": {"nothing can be run", []pod.Component{{Name: "a"}}, "pod.component.a: image: is missing; name the image to run"},
		"Negative": {
			"the engine takes less than no time for no limit",
			[]pod.Component{{Name: "a", Image: "img", StopGrace: -1, Health: &pod.Health{Interval: -time.Second, Timeout: -time.Second, StartPeriod: -time.Second, Retries: -1}}},
			`pod.component.a: stop_grace_period: must not be negative, but is -1ns
pod.component.a: healthcheck.interval: must not be negative, but is -1s
pod.component.a: healthcheck.timeout: must not be negative, but is -1s
pod.component.a: healthcheck.start_period: must not be negative, but is -1s
pod.component.a: healthcheck.retries: must not be negative, but is -1`,
		},
		"Targets": {
			"a mount needs one place of its own",
			[]pod.Component{{Name: "a", Image: "img", Volumes: []pod.Volume{{Target: "b"}, {Target: "/x"}, {Target: "/y/../x/"}, {Target: "/"}}}},
			`pod.component.a: volumes: the target "b" must begin with /
pod.component.a: volumes: two volumes have the target "/x"; keep one
pod.component.a: volumes: the target / is the component's own root; mount below it`,
		},
		"CopiesNotSeen": {
			"the copy would be made, and hidden at the start",
			[]pod.Component{{
				Name: "a", Image: "img", Tmpfs: map[string]string{"/run/": "", "/a/b/tmp": ""},
				Volumes: []pod.Volume{{Kind: pod.Tmpfs, Target: "/t"}, {Kind: pod.Named, Source: "v", Target: "/run/kept"}, {Kind: pod.Named, Source: "w", Target: "/a", ReadOnly: true}, {Kind: pod.Named, Source: "x", Target: "/a/b"}},
				Copies: []pod.Copy{
					{Source: "/x", Target: "/run/x"}, {Source: "/x", Target: "/run"}, {Source: "/x", Target: "/running"}, {Source: "/x", Target: "/run/kept/x"},
					{Source: "/x", Target: "/t/"}, {Source: "/x", Target: "/a/x"}, {Source: "/x", Target: "/a/b/x"}, {Source: "/x", Target: "/a/b/tmp/y/../x"},
				},
			}},
			`pod.copy.a: /run/x is in the tmpfs /run/, which is empty when the component starts; copy to elsewhere
pod.copy.a: /run is in the tmpfs /run/, which is empty when the component starts; copy to elsewhere
pod.copy.a: /t is in the tmpfs /t, which is empty when the component starts; copy to elsewhere
pod.copy.a: /a/x is in the volume /a, which is read-only; let it be writable, or copy to elsewhere
pod.copy.a: /a/b/tmp/x is in the tmpfs /a/b/tmp, which is empty when the component starts; copy to elsewhere`,
		},
		"Memory": {
			"what is mounted is seen in a tmpfs, but has no place in what is read-only",
			[]pod.Component{{
				Name: "a", Image: "img", Tmpfs: map[string]string{"/run": ""}, Volumes: []pod.Volume{{Kind: pod.Named, Source: "v", Target: "/ro", ReadOnly: true}},
				Copies: []pod.Copy{
					{Source: "/s", Target: "/run/secrets/s", Memory: true},
					{Source: "/s", Target: "/ro/s", Memory: true, Place: "pod.component.a: secrets"},
				},
			}},
			"pod.component.a: secrets: /ro/s is in the volume /ro, which is read-only; let it be writable, or copy to elsewhere",
		},
		"Copies": {
			"a copy has no directory to be relative to",
			[]pod.Component{{Name: "a", Image: "img", Copies: []pod.Copy{{Source: "x", Target: "y"}}}},
			`pod.copy.a: the path "x" must begin with /
pod.copy.a: the path "y" must begin with /`,
		},
		"UnknownDependency": {
			"it would be waited for without end", []pod.Component{after("a", "c"), after("b")},
			`pod.component.a: depends_on: there is no component "c"; known are a, b`,
		},
		"UnknownCondition": {
			"nobody would know when it is true",
			[]pod.Component{after("a"), {Name: "b", Image: "img", DependsOn: []pod.Dependency{{Name: "a", Condition: "done"}}}},
			`pod.component.b: depends_on.a: the condition "done" is none of service_started and service_healthy`,
		},
		"NeverHealthy": {
			"a component without a check is never healthy",
			[]pod.Component{
				{Name: "a", Image: "img", Health: &pod.Health{Disable: true}},
				{Name: "b", Image: "img", DependsOn: []pod.Dependency{{Name: "a", Condition: pod.Healthy}}},
				after("c", "a"),
			},
			"pod.component.b: depends_on.a: will never be healthy, for its health check is disabled; use service_started",
		},
		"Self": {
			"the shortest cycle", []pod.Component{after("a", "a")},
			"pod.component.a: depends_on: a -> a: a component cannot wait for itself",
		},
		"Cycle": {
			"told once, not once a component, and what only leads there is not on it",
			[]pod.Component{after("c", "a"), after("b", "c"), after("a", "b"), after("d", "a")},
			"pod.component.a: depends_on: a -> b -> c -> a: a component cannot wait for itself",
		},
		"TwoCycles": {
			"each is told",
			[]pod.Component{after("a", "b", "c"), after("b", "a"), after("c", "a")},
			`pod.component.a: depends_on: a -> b -> a: a component cannot wait for itself
pod.component.a: depends_on: a -> c -> a: a component cannot wait for itself`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if err := pod.Validate(pod.Pod{Components: test.components}); err != nil {
				got = err.Error()
			}
			if diff := cmp.Diff(strings.Split(test.want, "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}
