package podgroup_test

import (
	"testing"

	"github.com/podlike/podlike/internal/cgroup"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/podgroup"
)

const (
	me    = engine.ID("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
	pause = engine.ID("bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb")
)

// bound is something of the machine's that is mounted.
func bound(source, target string, readOnly bool) engine.Mounted {
	return engine.Mounted{Type: engine.BindMount, Source: source, Target: target, ReadOnly: readOnly}
}

func TestAWayIsChosenByTheEngineAndWhatItsUserGives(t *testing.T) {
	var (
		v1       = engine.Info{CgroupVersion: 1, CgroupDriver: engine.CgroupFS}
		v2       = engine.Info{CgroupVersion: 2, CgroupDriver: engine.CgroupFS}
		systemd  = engine.Info{CgroupVersion: 2, CgroupDriver: engine.Systemd}
		systemd1 = engine.Info{CgroupVersion: 1, CgroupDriver: engine.Systemd}
	)
	tree, bus := bound("/sys/fs/cgroup", "/host/cgroup", false), bound("/run/dbus/system_bus_socket", "/bus", false)
	own := "/podlike/" + string(me)
	slice := "/podlike.slice/podlike-" + string(me) + ".slice"
	for name, test := range map[string]struct {
		why    string
		info   engine.Info
		change func(f *podgroup.Facts)
		way    podgroup.Way
		path   string
		parent string
		host   cgroup.Host
	}{
		"V1":          {"the engine's own limits bind what is below", v1, nil, podgroup.Nested, "/docker/" + string(me) + "/podlike", "/docker/" + string(me) + "/podlike", cgroup.Host{}},
		"V1Elsewhere": {"the engine was told another place", v1, func(f *podgroup.Facts) { f.Paths = []string{"/pods/" + string(me)} }, podgroup.Nested, "/pods/" + string(me) + "/podlike", "/pods/" + string(me) + "/podlike", cgroup.Host{}},
		"V1InContainer": {"an engine in a container has the usual place in its own tree",
			v1, func(f *podgroup.Facts) { f.Paths = []string{"/docker/" + string(pause) + "/docker/" + string(me)} }, podgroup.Nested, "/docker/" + string(me) + "/podlike", "/docker/" + string(me) + "/podlike", cgroup.Host{}},
		"V1Asked":  {"its user has asked for a place", v1, func(f *podgroup.Facts) { f.Owner.CgroupParent = "/mine" }, podgroup.Nested, "/mine/" + string(me) + "/podlike", "/mine/" + string(me) + "/podlike", cgroup.Host{}},
		"V1Pair":   {"the pod is its pause's", v1, func(f *podgroup.Facts) { f.Owner = engine.Seen{ID: pause} }, podgroup.Nested, "/docker/" + string(pause) + "/podlike", "/docker/" + string(pause) + "/podlike", cgroup.Host{}},
		"V1UserNS": {"the engine makes it", engine.Info{CgroupVersion: 1, CgroupDriver: engine.CgroupFS, UserNS: true}, nil, podgroup.Nested, "/docker/" + string(me) + "/podlike", "/docker/" + string(me) + "/podlike", cgroup.Host{}},

		"V2":         {"nothing is given", v2, nil, podgroup.Helper, own, own, cgroup.Host{}},
		"V2Tree":     {"the tree is", v2, func(f *podgroup.Facts) { f.Self.Mounts = []engine.Mounted{tree} }, podgroup.Mount, own, own, cgroup.Host{Root: "/host/cgroup"}},
		"V2ReadOnly": {"who may not write cannot make it", v2, func(f *podgroup.Facts) { f.Self.Mounts = []engine.Mounted{bound("/sys/fs/cgroup", "/c", true)} }, podgroup.Helper, own, own, cgroup.Host{}},
		"V2Bus":      {"cgroupfs knows no bus", v2, func(f *podgroup.Facts) { f.Self.Mounts = []engine.Mounted{bus} }, podgroup.Helper, own, own, cgroup.Host{Bus: "/bus"}},

		"Systemd":     {"nothing is given", systemd, nil, podgroup.Helper, slice, "podlike-" + string(me) + ".slice", cgroup.Host{}},
		"SystemdBus":  {"the bus is", systemd, func(f *podgroup.Facts) { f.Self.Mounts = []engine.Mounted{bus} }, podgroup.DBus, slice, "podlike-" + string(me) + ".slice", cgroup.Host{Bus: "/bus"}},
		"SystemdDir":  {"all that is in its directory is", systemd, func(f *podgroup.Facts) { f.Self.Mounts = []engine.Mounted{bound("/var/run/dbus", "/dbus", true)} }, podgroup.DBus, slice, "podlike-" + string(me) + ".slice", cgroup.Host{Bus: "/dbus/system_bus_socket"}},
		"SystemdTree": {"what is written there gets lost", systemd, func(f *podgroup.Facts) { f.Self.Mounts = []engine.Mounted{tree} }, podgroup.Helper, slice, "podlike-" + string(me) + ".slice", cgroup.Host{Root: "/host/cgroup"}},
		"SystemdV1":   {"systemd has both", systemd1, nil, podgroup.Helper, slice, "podlike-" + string(me) + ".slice", cgroup.Host{}},

		"Unwanted": {"its user does not want it", v2, func(f *podgroup.Facts) { f.Unwanted = true }, podgroup.Off, "", "", cgroup.Host{}},
		"Rootless": {"who is not root makes no groups", engine.Info{CgroupVersion: 2, CgroupDriver: engine.Systemd, Rootless: true}, nil, podgroup.Off, "", "", cgroup.Host{}},
		"UserNS":   {"nor does a helper who is nobody", engine.Info{CgroupVersion: 2, CgroupDriver: engine.CgroupFS, UserNS: true}, nil, podgroup.Off, "", "", cgroup.Host{}},
		"None":     {"the engine has none", engine.Info{CgroupVersion: 2, CgroupDriver: "none"}, nil, podgroup.Off, "", "", cgroup.Host{}},
	} {
		t.Run(name, func(t *testing.T) {
			self := engine.Seen{ID: me}
			f := podgroup.Facts{Info: test.info, Self: self, Owner: self, Paths: []string{"/docker/" + string(me)}}
			if test.change != nil {
				test.change(&f)
			}
			got := podgroup.Choose(f)
			if got.Way != test.way || got.Group.Path != test.path || got.Host != test.host {
				t.Errorf("%s: got %+v", test.why, got)
			}
			if test.way == podgroup.Off {
				if got.Why == "" {
					t.Errorf("%s: it does not say why", test.why)
				}
				return
			}
			if parent := got.Group.Parent(); parent != test.parent {
				t.Errorf("%s: the containers are to be below %s, want %s", test.why, parent, test.parent)
			}
		})
	}
}
