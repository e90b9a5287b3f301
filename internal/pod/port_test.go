package pod_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
)

// said is a problem with the ports of a component.
func said(component, port, others string) pod.Problem {
	const share = ", too, and the components of a pod share one network; let one of them listen on another"
	return pod.Problem{Place: "pod.component." + component + ": ports", What: port + " is a port of " + others + share}
}

func TestTwoComponentsCannotListenOnOnePort(t *testing.T) {
	for name, test := range map[string]struct {
		a, b []string
		want pod.Problems
	}{
		"none":           {nil, nil, nil},
		"one":            {[]string{"80/tcp"}, nil, nil},
		"others":         {[]string{"80/tcp"}, []string{"81/tcp"}, nil},
		"the same":       {[]string{"80/tcp"}, []string{"80/tcp"}, pod.Problems{said("b", "80/tcp", "a")}},
		"each protocol":  {[]string{"53/tcp"}, []string{"53/udp"}, nil},
		"twice in one":   {[]string{"80/tcp", "80/tcp"}, nil, nil},
		"twice in other": {[]string{"80/tcp"}, []string{"80/tcp", "80/tcp"}, pod.Problems{said("b", "80/tcp", "a")}},
		"several":        {[]string{"80/tcp", "90/tcp"}, []string{"90/tcp", "80/tcp"}, pod.Problems{said("b", "80/tcp", "a"), said("b", "90/tcp", "a")}},
	} {
		p := pod.Pod{Components: []pod.Component{{Name: "a", Ports: test.a}, {Name: "b", Ports: test.b}}}
		if diff := cmp.Diff(test.want, pod.Collisions(p, nil)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

// web is a component that listens on port 80 and depends on others as they say.
func web(name string, dependsOn ...pod.Dependency) pod.Component {
	return pod.Component{Name: name, Ports: []string{"80/tcp"}, DependsOn: dependsOn}
}

func on(name string, c pod.Condition) pod.Dependency {
	return pod.Dependency{Name: name, Condition: c}
}

// What has ended is in nobody's way.
func TestOnlyComponentsThatRunAtTheSameTimeCollide(t *testing.T) {
	sidecar, quiet := web("side"), pod.Component{Name: "quiet", DependsOn: []pod.Dependency{on("a", pod.Completed)}}
	sidecar.Sidecar = true
	lapped := pod.Component{Name: "c", DependsOn: []pod.Dependency{on("d", pod.Started), on("a", pod.Completed)}}
	for name, test := range map[string]struct {
		why  string
		init []pod.Component
		all  []pod.Component
		want pod.Problems
	}{
		"Init":          {"it is over when the others start", []pod.Component{web("i")}, []pod.Component{web("a")}, nil},
		"Inits":         {"they run one after the other", []pod.Component{web("i"), web("j")}, nil, nil},
		"Sidecar":       {"it goes on", []pod.Component{sidecar}, []pod.Component{web("a")}, pod.Problems{said("a", "80/tcp", "side")}},
		"BesideSidecar": {"it runs beside it", []pod.Component{sidecar, web("i")}, nil, pod.Problems{said("i", "80/tcp", "side")}},
		"BeforeSidecar": {"it has ended before it", []pod.Component{web("i"), sidecar}, nil, nil},
		"Job":           {"its success is waited for", nil, []pod.Component{web("a"), web("b", on("a", pod.Completed))}, nil},
		"JobOfAnother":  {"nobody waits for its end", nil, []pod.Component{web("a"), web("b"), {Name: "c", DependsOn: []pod.Dependency{on("a", pod.Completed)}}}, pod.Problems{said("b", "80/tcp", "a")}},
		"Started":       {"both run then", nil, []pod.Component{web("a"), web("b", on("a", pod.Started))}, pod.Problems{said("b", "80/tcp", "a")}},
		"Healthy":       {"both run then", nil, []pod.Component{web("a"), web("b", on("a", pod.Healthy))}, pod.Problems{said("b", "80/tcp", "a")}},
		"AfterAnother":  {"what it waits for has waited for the end", nil, []pod.Component{web("a"), web("b", on("quiet", pod.Started)), quiet}, nil},
		"Cycle":         {"that is another mistake", nil, []pod.Component{web("a", on("b", pod.Started)), web("b", on("a", pod.Started))}, pod.Problems{said("b", "80/tcp", "a")}},
		"Three":         {"a port is told once", nil, []pod.Component{web("a"), web("b"), web("c")}, pod.Problems{said("b", "80/tcp", "a and c")}},
		"Four":          {"a port is told once", nil, []pod.Component{web("a"), web("b"), web("c"), web("d")}, pod.Problems{said("b", "80/tcp", "a, c and d")}},
		"OneOfThree":    {"it has ended before either", []pod.Component{web("i")}, []pod.Component{web("b"), web("c")}, pod.Problems{said("c", "80/tcp", "b")}},
		"SecondWait":    {"one of its waits is for the end", nil, []pod.Component{web("a"), web("b", on("c", pod.Started)), lapped, {Name: "d"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, pod.Collisions(pod.Pod{Init: test.init, Components: test.all}, nil)); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

func TestTheImagesPortsCountWhereNothingIsSaidOfTheComponents(t *testing.T) {
	const share = ", too, and the components of a pod share one network; let one of them listen on another, and name that in x-pod.ports"
	image := func(component, what string) pod.Problems {
		return pod.Problems{{Place: "pod.component." + component, What: what + share}}
	}
	on80, on81 := []string{"80/tcp"}, []string{"81/tcp"}
	for name, test := range map[string]struct {
		why         string
		a, b        []string // said of them
		imageA      []string
		imageB      []string
		onlyOnce    bool // b waits for a's success
		want        pod.Problems
		unsaidWants bool // the text alone tells as much
	}{
		"Both":     {"neither says where it listens", nil, nil, on80, on80, false, image("b: image", "80/tcp, which it exposes, is a port of a (by its image)"), false},
		"Second":   {"one says it, and the other's image does", on80, nil, nil, on80, false, image("b: image", "80/tcp, which it exposes, is a port of a"), false},
		"First":    {"or the other way round", nil, on80, on80, nil, false, image("b: ports", "80/tcp is a port of a (by its image)"), false},
		"Said":     {"its user knows better than the image", on81, nil, on80, on80, false, nil, false},
		"BothSaid": {"that is known without an image", on80, on80, on81, on81, false, nil, true},
		"Protocol": {"there are two ports of that number", nil, nil, []string{"53/udp"}, []string{"53/tcp"}, false, nil, false},
		"Other":    {"they listen on two ports", nil, nil, on80, on81, false, nil, false},
		"Job":      {"what runs to its end serves nothing", nil, nil, on80, on80, true, nil, false},
		"None":     {"an image need not expose anything", nil, nil, nil, nil, false, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := pod.Pod{Components: []pod.Component{{Name: "a", Ports: test.a}, {Name: "b", Ports: test.b}}}
			if test.onlyOnce {
				p.Components = append(p.Components, pod.Component{Name: "c", DependsOn: []pod.Dependency{on("a", pod.Completed)}})
			}
			if diff := cmp.Diff(test.want, pod.Collisions(p, map[string][]string{"a": test.imageA, "b": test.imageB})); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
			if got := pod.Collisions(p, nil); (got != nil) != test.unsaidWants {
				t.Errorf("the text alone: got %v: %s", got, test.why)
			}
		})
	}
}

// A sidecar goes on running, and so serves what its image exposes; an init component does not.
func TestTheImagesPortsCountForSidecarsAndNotForInitComponents(t *testing.T) {
	on80 := map[string][]string{"a": {"80/tcp"}, "b": {"80/tcp"}}
	for sidecar, want := range map[bool]int{true: 1, false: 0} {
		p := pod.Pod{Init: []pod.Component{{Name: "a", Sidecar: sidecar}}, Components: []pod.Component{{Name: "b"}}}
		if got := pod.Collisions(p, on80); len(got) != want {
			t.Errorf("a sidecar: %t: got %q", sidecar, got)
		}
	}
}
