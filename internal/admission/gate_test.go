package admission_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/admission"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/pod"
)

// needs is a pod in which web depends on the health of db, as it says.
func needs(db pod.Component, optional bool) pod.Pod {
	db.Name, db.Image = "db", "postgres"
	on := pod.Dependency{Name: "db", Condition: pod.Healthy, Optional: optional}
	return pod.Pod{Components: []pod.Component{db, {Name: "web", Image: "app", DependsOn: []pod.Dependency{on}}}}
}

// What will never be healthy is told before it has run.
func TestWhoWaitsForTheHealthOfWhatHasNoCheckIsToldByTheImage(t *testing.T) {
	refused := pod.Problems{{Place: "pod.component.web: depends_on.db", What: "will never be healthy, for neither it nor its image postgres has a health check; " +
		"give db a healthcheck or a readinessProbe, or use service_started"}}
	without, with := map[string]engine.Image{"postgres": {}}, map[string]engine.Image{"postgres": {Checked: true}}
	plain, probe := needs(pod.Component{}, false), &pod.Probe{}
	startedOnly := needs(pod.Component{}, false)
	startedOnly.Components[1].DependsOn[0].Condition = pod.Started
	for name, test := range map[string]struct {
		why    string
		pod    pod.Pod
		images map[string]engine.Image
		want   pod.Problems
	}{
		"Unchecked": {"nobody will ever say", plain, without, refused},
		"Checked":   {"its image has one", plain, with, nil},
		"Unknown":   {"it may have one when it is pulled", plain, map[string]engine.Image{"app": {}}, nil},
		"Own":       {"it has one of its own", needs(pod.Component{Health: &pod.Health{Test: []string{"CMD", "/check"}}}, false), without, nil},
		"Timing":    {"a timing asks nothing", needs(pod.Component{Health: &pod.Health{Retries: 9}}, false), without, refused},
		"Timed":     {"of the image's own check", needs(pod.Component{Health: &pod.Health{Retries: 9}}, false), with, nil},
		"Disabled":  {"the image's is switched off", needs(pod.Component{Health: &pod.Health{Disable: true}}, false), with, refused},
		"Ready":     {"a probe says so", needs(pod.Component{Probes: pod.Probes{Readiness: probe}}, false), without, nil},
		"Startup":   {"a probe says so", needs(pod.Component{Probes: pod.Probes{Startup: probe}}, false), without, nil},
		"Liveness":  {"that only restarts it", needs(pod.Component{Probes: pod.Probes{Liveness: probe}}, false), without, refused},
		"Optional":  {"it starts all the same", needs(pod.Component{}, true), without, nil},
		"Started":   {"its health is nobody's condition", startedOnly, without, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := (&admission.Gate{Pod: test.pod}).Pass(test.images, nil)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

func TestAnExternalVolumeThatIsNotThereIsNamedWithItsUsersAndTheRemedy(t *testing.T) {
	mounts := func(name string, volumes ...pod.Volume) pod.Component {
		return pod.Component{Name: name, Volumes: volumes}
	}
	external := func(name string) pod.Volume {
		return pod.Volume{Kind: pod.Named, Source: name, Target: "/" + name, External: true}
	}
	gone := func(component, name, also string) pod.Problem {
		return pod.Problem{Place: "pod.component." + component + ": volumes", What: `the volume "` + name + `" is external and not there` + also +
			"; make it on this node with docker volume create " + name + ", or correct its name"}
	}
	own := pod.Volume{Kind: pod.Named, Source: "xx", Target: "/own"}
	for name, test := range map[string]struct {
		why     string
		all     []pod.Component
		lacking []string
		want    pod.Problems
	}{
		"There":    {"nothing is lacking", []pod.Component{mounts("a", external("x"))}, nil, nil},
		"One":      {"its user has to make it", []pod.Component{mounts("a", external("x"))}, []string{"x"}, pod.Problems{gone("a", "x", "")}},
		"Two":      {"all at once", []pod.Component{mounts("a", external("x")), mounts("b", external("y"))}, []string{"x", "y"}, pod.Problems{gone("a", "x", ""), gone("b", "y", "")}},
		"OneOfTwo": {"the other is there", []pod.Component{mounts("a", external("x"), external("y"))}, []string{"y"}, pod.Problems{gone("a", "y", "")}},
		"Shared":   {"it is told once", []pod.Component{mounts("a", external("x")), mounts("b", external("x"))}, []string{"x"}, pod.Problems{gone("a", "x", ", which b needs as well")}},
		"ByThree":  {"with all of them", []pod.Component{mounts("a", external("x")), mounts("b", external("x")), mounts("c", external("x"))}, []string{"x"}, pod.Problems{gone("a", "x", ", which b and c need as well")}},
		"Twice":    {"a component is named once", []pod.Component{mounts("a", external("x"), external("x"))}, []string{"x"}, pod.Problems{gone("a", "x", "")}},
		"NotHis":   {"what another makes himself is his", []pod.Component{mounts("a", own), mounts("b", external("xx"))}, []string{"xx"}, pod.Problems{gone("b", "xx", "")}},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := (&admission.Gate{Pod: pod.Pod{Components: test.all}}).Pass(nil, test.lacking)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

// The engine would say so when other things have been made.
func TestAVolumeWhoseNameTheEngineDoesNotTakeIsRefused(t *testing.T) {
	long := strings.Repeat("v", 256)
	refused := func(name string) pod.Problems {
		const why = " cannot be made: the engine takes names of 2 to 255 characters; give it such a one"
		return pod.Problems{{Place: "pod.component.a: volumes", What: "the volume " + name + why}}
	}
	for name, test := range map[string]struct {
		why    string
		volume pod.Volume
		want   pod.Problems
	}{
		"Short":    {"it looks like a drive", pod.Volume{Kind: pod.Named, Source: "v"}, refused("v")},
		"Long":     {"a directory could not be called that", pod.Volume{Kind: pod.Named, Source: long}, refused(long)},
		"Local":    {"it is the same driver", pod.Volume{Kind: pod.Named, Source: "v", Driver: "local"}, refused("v")},
		"Shortest": {"two are enough", pod.Volume{Kind: pod.Named, Source: "vv"}, nil},
		"Longest":  {"that is not too long", pod.Volume{Kind: pod.Named, Source: long[1:]}, nil},
		"Driver":   {"what another driver takes nobody knows", pod.Volume{Kind: pod.Named, Source: "v", Driver: "nfs"}, nil},
		"External": {"it is there, or is told to be missing", pod.Volume{Kind: pod.Named, Source: "v", External: true}, nil},
		"Bind":     {"a path has its own limits", pod.Volume{Kind: pod.Bind, Source: "/"}, nil},
		"NoName":   {"it gets one", pod.Volume{Kind: pod.Anonymous}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := (&admission.Gate{Pod: pod.Pod{Components: []pod.Component{{Name: "a", Volumes: []pod.Volume{test.volume}}}}}).Pass(nil, nil)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

// Images become known one after the other, and a doubt is told with the one that raises it.
func TestACollisionIsToldOnceWhenBothImagesAreKnown(t *testing.T) {
	p := pod.Pod{Components: []pod.Component{{Name: "a", Image: "one"}, {Name: "b", Image: "two"}, {Name: "c", Image: "none"}}}
	g := admission.Gate{Pod: p}
	on80 := engine.Image{Ports: []string{"80/tcp"}}
	for _, step := range []struct {
		why    string
		images map[string]engine.Image
		doubts int
	}{
		{"one alone collides with nobody", map[string]engine.Image{"one": on80}, 0},
		{"nor with what exposes nothing", map[string]engine.Image{"none": {}}, 0},
		{"now both are known", map[string]engine.Image{"two": on80}, 1},
		{"that was told", map[string]engine.Image{"two": on80}, 0},
		{"and is, when all restart", map[string]engine.Image{"one": on80, "two": on80, "none": {}}, 0},
		{"another port is news", map[string]engine.Image{"one": {Ports: []string{"80/tcp", "90/tcp"}}, "none": {Ports: []string{"90/tcp"}}}, 1},
	} {
		problems, doubts := g.Pass(step.images, nil)
		if len(problems) > 0 || len(doubts) != step.doubts {
			t.Errorf("%s: got %q and %q", step.why, problems, doubts)
		}
	}
}

func TestWhatTheTextSaysOfPortsIsNotToldAgain(t *testing.T) {
	p := pod.Pod{Components: []pod.Component{{Name: "a", Ports: []string{"80/tcp"}}, {Name: "b", Ports: []string{"80/tcp"}}}}
	g := admission.Gate{Pod: p}
	for _, images := range []map[string]engine.Image{nil, {"app": {}}, {"": {Ports: []string{"80/tcp"}}}} {
		if _, doubts := g.Pass(images, nil); doubts != nil {
			t.Errorf("with %v: got %q", images, doubts)
		}
	}
}
