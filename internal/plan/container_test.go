package plan_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

func TestPauseHoldsWhatComponentsJoinAndCanDoLittleElse(t *testing.T) {
	want := engine.Container{
		Name: "shop.podlike-pause", Image: "hold", Labels: me.Labels(pod.RolePause), Command: []string{"-grace", "9.5s"}, Env: []string{"LEASE=x"},
		Network: "me", ShareIPC: true, Locked: true, Capabilities: []string{"KILL"}, StopGrace: 11500 * time.Millisecond,
	}
	p := pod.Pod{PauseImage: "hold", Grace: 10 * time.Second, Components: []pod.Component{{Name: "web", StopGrace: time.Minute}}}
	if diff := cmp.Diff(want, plan.PauseContainer(p, me, nil, 0, []string{"LEASE=x"})); diff != "" {
		t.Error(diff)
	}
}

func TestALookAtAPodIsNoComponent(t *testing.T) {
	image := engine.Image{Volumes: []string{"/data"}, Checked: true}
	for name, test := range map[string]struct {
		why    string
		target engine.ID
		pid    engine.ID
	}{
		"Pod":    {"the processes of all", "", "pause"},
		"Target": {"those of one that does not share them", "web", "web"},
	} {
		t.Run(name, func(t *testing.T) {
			want := engine.Container{
				Name: "shop.podlike.debug-x", Image: "tools", Entrypoint: []string{"sh", "-l"}, Labels: me.Labels(pod.RoleDebug),
				Mounts: []engine.Mount{{Type: engine.VolumeMount, Target: "/data", Labels: me.Labels(pod.RoleScratch)}},
				Health: &engine.Check{Test: []string{"NONE"}}, TTY: true, Stdin: true, StopGrace: 10 * time.Second,
				Network: "pause", PID: test.pid, IPC: "pause", OOMScoreAdj: score(1),
			}
			look := plan.Debug{Which: "x", Image: "tools", Command: []string{"sh", "-l"}, Target: test.target, TTY: true}
			got := plan.DebugContainer(me, look, "pause", image, 1)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
			if _, ok := got.Labels[pod.LabelComponent]; ok {
				t.Error("it is a component")
			}
		})
	}
}

func TestAllContainersOfAPodAreInItsGroup(t *testing.T) {
	owner := me
	owner.Cgroup = "/podlike/me"
	pair := owner
	pair.Life = "now"
	p := pod.Pod{PauseImage: "hold", Components: []pod.Component{{Name: "web"}}}
	for name, c := range map[string]engine.Container{
		"pause":     plan.PauseContainer(p, owner, nil, 0, nil),
		"holder":    plan.PauseContainer(p, pair, nil, 0, nil),
		"component": plan.ComponentContainer(p, owner, p.Components[0], 1, "pause", engine.Image{}, 0),
		"debug":     plan.DebugContainer(owner, plan.Debug{}, "pause", engine.Image{}, 0),
	} {
		if c.CgroupParent != owner.Cgroup {
			t.Errorf("%s is below %q", name, c.CgroupParent)
		}
	}
}

// score is an oom_score_adj, in the place where a container has it.
func score(n int) *int { return &n }

func TestAComponentsContainerIsWhatItsUserDescribed(t *testing.T) {
	c := pod.Component{
		Name: "web", Image: "app", Entrypoint: []string{"/app"}, Command: []string{"-v"},
		Env: map[string]string{"B": "2", "A": ""}, WorkingDir: "/srv", User: "7:8", TTY: true,
		Labels:     map[string]string{"a.b": "c", pod.LabelOwner: "somebody"},
		Health:     &pod.Health{Test: []string{"CMD", "/ok"}, Interval: 1, Timeout: 2, StartPeriod: 3, Retries: 4},
		StopSignal: "SIGINT", StopGrace: time.Second,
	}
	labels := me.Labels(pod.RoleComponent)
	labels["a.b"], labels[pod.LabelComponent], labels[pod.LabelHash], labels[pod.LabelRun] = "c", "web", plan.Hash(pod.Pod{SharePID: true, ShareIPC: true}, c), "1"
	want := engine.Container{
		Name: "shop.podlike.web", Image: "app", Entrypoint: []string{"/app"}, Command: []string{"-v"},
		Env: []string{"A=", "B=2"}, WorkingDir: "/srv", User: "7:8", TTY: true, Labels: labels,
		Health:     &engine.Check{Test: []string{"CMD", "/ok"}, Interval: 1, Timeout: 2, StartPeriod: 3, Retries: 4},
		StopSignal: "SIGINT", StopGrace: time.Second,
		Network: "pause", PID: "pause", IPC: "pause", OOMScoreAdj: score(1),
	}
	got := plan.ComponentContainer(pod.Pod{SharePID: true, ShareIPC: true}, me, c, 1, "pause", engine.Image{}, 1)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"a.b": "c", pod.LabelOwner: "somebody"}, c.Labels); diff != "" {
		t.Errorf("the user's labels were changed:\n%s", diff)
	}
}

func TestWhatIsSharedIsForTheUserToSay(t *testing.T) {
	for name, test := range map[string]struct {
		why      string
		pid, ipc bool
		private  bool
		joinsPID bool
	}{
		"PID":     {"processes alone", true, false, false, true},
		"IPC":     {"memory alone", false, true, false, false},
		"None":    {"the network is always shared", false, false, false, false},
		"Private": {"a component may keep its processes to itself, and nothing else", true, true, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := pod.Component{PrivatePID: test.private}
			got := plan.ComponentContainer(pod.Pod{SharePID: test.pid, ShareIPC: test.ipc}, me, c, 1, "pause", engine.Image{}, 0)
			if got.Network != "pause" || (got.PID == "pause") != test.joinsPID || (got.IPC == "pause") != test.ipc {
				t.Errorf("%s: network %q, PID %q, IPC %q", test.why, got.Network, got.PID, got.IPC)
			}
		})
	}
}

func TestEveryVolumeCarriesOurLabels(t *testing.T) {
	scratch, data := me.Labels(pod.RoleScratch), me.Labels(pod.RoleData)
	for name, test := range map[string]struct {
		why   string
		image []string // the volumes it asks for
		mine  []pod.Volume
		want  []engine.Mount
	}{
		"Bind":      {"a host path is no volume", nil, []pod.Volume{{Kind: pod.Bind, Source: "/a", Target: "/b", ReadOnly: true, Propagation: "rslave", SELinux: "z"}}, []engine.Mount{{Type: engine.BindMount, Source: "/a", Target: "/b", ReadOnly: true, Propagation: "rslave", SELinux: "z"}}},
		"Tmpfs":     {"nor is memory", nil, []pod.Volume{{Kind: pod.Tmpfs, Target: "/t", Size: 7, Mode: 0o700}}, []engine.Mount{{Type: engine.TmpfsMount, Target: "/t", Size: 7, Mode: 0o700}}},
		"Named":     {"the engine makes it when it is not there, and then it is kept", nil, []pod.Volume{{Kind: pod.Named, Source: "v", Target: "/v", NoCopy: true}}, []engine.Mount{{Type: engine.VolumeMount, Source: "v", Target: "/v", NoCopy: true, Labels: data}}},
		"Driver":    {"the engine makes it as its user says", nil, []pod.Volume{{Kind: pod.Named, Source: "v", Target: "/v", Driver: "d", Options: map[string]string{"o": "p"}}}, []engine.Mount{{Type: engine.VolumeMount, Source: "v", Target: "/v", Labels: data, Driver: "d", Options: map[string]string{"o": "p"}}}},
		"Anonymous": {"it goes with its container", nil, []pod.Volume{{Kind: pod.Anonymous, Target: "/s"}}, []engine.Mount{{Type: engine.VolumeMount, Target: "/s", Labels: scratch}}},
		"Image":     {"the engine would make the image's without labels", []string{"/z", "/y"}, nil, []engine.Mount{{Type: engine.VolumeMount, Target: "/y", Labels: scratch}, {Type: engine.VolumeMount, Target: "/z", Labels: scratch}}},
		"Taken":     {"what the user mounts there counts", []string{"/v"}, []pod.Volume{{Kind: pod.Bind, Source: "/a", Target: "/v"}}, []engine.Mount{{Type: engine.BindMount, Source: "/a", Target: "/v"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := plan.ComponentContainer(pod.Pod{}, me, pod.Component{Volumes: test.mine}, 1, "pause", engine.Image{Volumes: test.image}, 0).Mounts
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

func TestAHealthCheckIsTheComponentsOrElseTheImages(t *testing.T) {
	yes, no := engine.Image{Checked: true}, engine.Image{}
	for name, test := range map[string]struct {
		why     string
		health  *pod.Health
		image   engine.Image
		checked bool
		check   *engine.Check
	}{
		"None":      {"nobody says anything", nil, no, false, nil},
		"Inherited": {"the image's counts", nil, yes, true, nil},
		"Own":       {"the component's wins", &pod.Health{Test: []string{"CMD", "x"}}, no, true, &engine.Check{Test: []string{"CMD", "x"}}},
		"Disabled":  {"disabled is none, whatever the image has", &pod.Health{Disable: true}, yes, false, &engine.Check{Test: []string{"NONE"}}},
		"Timing":    {"other times for the image's check", &pod.Health{Retries: 9}, yes, true, &engine.Check{Retries: 9}},
		"NoTest":    {"times alone check nothing", &pod.Health{Retries: 9}, no, false, &engine.Check{Retries: 9}},
	} {
		t.Run(name, func(t *testing.T) {
			c := pod.Component{Health: test.health}
			if got := plan.Checked(c, test.image); got != test.checked {
				t.Errorf("%s: checked is %v", test.why, got)
			}
			if diff := cmp.Diff(test.check, plan.ComponentContainer(pod.Pod{}, me, c, 1, "", test.image, 0).Health); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
		})
	}
}

// A container that is made again finds what the one before has left in its volumes.
func TestWhatMayRestartKeepsItsAnonymousVolumes(t *testing.T) {
	image := engine.Image{Volumes: []string{"/cache"}}
	sources := func(p pod.Pod) (all []string) {
		for _, m := range plan.ComponentContainer(p, me, p.Components[0], 1, "pause", image, 0).Mounts {
			all = append(all, m.Source)
		}
		return all
	}
	web := pod.Component{Name: "web", Volumes: []pod.Volume{{Kind: pod.Anonymous, Target: "/data"}, {Kind: pod.Named, Source: "db", Target: "/db"}}}
	if diff := cmp.Diff([]string{"", "db", ""}, sources(pod.Pod{Components: []pod.Component{web}})); diff != "" {
		t.Errorf("what runs once: %s", diff)
	}
	web.Restart.Policy = pod.RestartAlways
	again := pod.Pod{Components: []pod.Component{web}}
	got := sources(again)
	if got[0] == got[2] || got[1] != "db" || !strings.HasPrefix(got[0], "shop.podlike.web.") || !strings.HasPrefix(got[2], "shop.podlike.web.") {
		t.Errorf("what restarts: %q", got)
	}
	if diff := cmp.Diff(got, sources(again)); diff != "" {
		t.Errorf("the next container: %s", diff)
	}
	if !plan.KeepsScratch(again) {
		t.Error("nobody would remove them")
	}
}

// Who sweeps knows what is ours by its name and its labels.
func TestWhatIsMadeIsKnownToBeOurs(t *testing.T) {
	owner := pod.Owner{ID: "me", Name: "shop.podlike.x"}
	for _, c := range []engine.Container{
		plan.PauseContainer(pod.Pod{}, owner, nil, 0, nil),
		plan.ComponentContainer(pod.Pod{}, owner, pod.Component{Name: "a.B_c-1"}, 1, "pause", engine.Image{}, 0),
		plan.DebugContainer(owner, plan.Debug{Which: "x"}, "pause", engine.Image{}, 0),
		{Name: pod.HelperPrefix + "names-x", Labels: owner.Labels(pod.RoleHelper)},
	} {
		if !pod.IsOurs(c.Name, c.Labels) {
			t.Errorf("%s with %v is not known to be ours", c.Name, c.Labels)
		}
	}
}
