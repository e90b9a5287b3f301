package podcgroup_test

import (
	"testing"

	"github.com/podlike/podlike/internal/cgroup"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/podcgroup"
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
		change func(f *podcgroup.Facts)
		way    podcgroup.Way
		path   string
		parent string
		host   cgroup.Host
	}{
		"V1":          {"the engine's own limits bind what is below", v1, nil, podcgroup.Nested, "/docker/" + string(me) + "/podlike", "/docker/" + string(me) + "/podlike", cgroup.Host{}},
		"V1Elsewhere": {"the engine was told another place", v1, func(f *podcgroup.Facts) { f.Paths = []string{"/pods/" + string(me)} }, podcgroup.Nested, "/pods/" + string(me) + "/podlike", "/pods/" + string(me) + "/podlike", cgroup.Host{}},
		"V1InContainer": {"an engine in a container has the usual place in its own tree",
			v1, func(f *podcgroup.Facts) { f.Paths = []string{"/docker/" + string(pause) + "/docker/" + string(me)} }, podcgroup.Nested, "/docker/" + string(me) + "/podlike", "/docker/" + string(me) + "/podlike", cgroup.Host{}},
		"V1Asked":  {"its user has asked for a place", v1, func(f *podcgroup.Facts) { f.Owner.CgroupParent = "/mine" }, podcgroup.Nested, "/mine/" + string(me) + "/podlike", "/mine/" + string(me) + "/podlike", cgroup.Host{}},
		"V1Pair":   {"the pod is its pause's", v1, func(f *podcgroup.Facts) { f.Owner = engine.Seen{ID: pause} }, podcgroup.Nested, "/docker/" + string(pause) + "/podlike", "/docker/" + string(pause) + "/podlike", cgroup.Host{}},
		"V1UserNS": {"the engine makes it", engine.Info{CgroupVersion: 1, CgroupDriver: engine.CgroupFS, UserNS: true}, nil, podcgroup.Nested, "/docker/" + string(me) + "/podlike", "/docker/" + string(me) + "/podlike", cgroup.Host{}},

		"V2":         {"nothing is given", v2, nil, podcgroup.Helper, own, own, cgroup.Host{}},
		"V2Tree":     {"the tree is", v2, func(f *podcgroup.Facts) { f.Self.Mounts = []engine.Mounted{tree} }, podcgroup.Mount, own, own, cgroup.Host{Root: "/host/cgroup"}},
		"V2ReadOnly": {"who may not write cannot make it", v2, func(f *podcgroup.Facts) { f.Self.Mounts = []engine.Mounted{bound("/sys/fs/cgroup", "/c", true)} }, podcgroup.Helper, own, own, cgroup.Host{}},
		"V2Bus":      {"cgroupfs knows no bus", v2, func(f *podcgroup.Facts) { f.Self.Mounts = []engine.Mounted{bus} }, podcgroup.Helper, own, own, cgroup.Host{Bus: "/bus"}},

		"Systemd":     {"nothing is given", systemd, nil, podcgroup.Helper, slice, "podlike-" + string(me) + ".slice", cgroup.Host{}},
		"SystemdBus":  {"the bus is", systemd, func(f *podcgroup.Facts) { f.Self.Mounts = []engine.Mounted{bus} }, podcgroup.DBus, slice, "podlike-" + string(me) + ".slice", cgroup.Host{Bus: "/bus"}},
		"SystemdDir":  {"all that is in its directory is", systemd, func(f *podcgroup.Facts) { f.Self.Mounts = []engine.Mounted{bound("/var/run/dbus", "/dbus", true)} }, podcgroup.DBus, slice, "podlike-" + string(me) + ".slice", cgroup.Host{Bus: "/dbus/system_bus_socket"}},
		"SystemdTree": {"what is written there gets lost", systemd, func(f *podcgroup.Facts) { f.Self.Mounts = []engine.Mounted{tree} }, podcgroup.Helper, slice, "podlike-" + string(me) + ".slice", cgroup.Host{Root: "/host/cgroup"}},
		"SystemdV1":   {"systemd has both", systemd1, nil, podcgroup.Helper, slice, "podlike-" + string(me) + ".slice", cgroup.Host{}},

		"Unwanted": {"its user does not want it", v2, func(f *podcgroup.Facts) { f.Unwanted = true }, podcgroup.Off, "", "", cgroup.Host{}},
		"Rootless": {"who is not root makes no groups", engine.Info{CgroupVersion: 2, CgroupDriver: engine.Systemd, Rootless: true}, nil, podcgroup.Off, "", "", cgroup.Host{}},
		"UserNS":   {"nor does a helper who is nobody", engine.Info{CgroupVersion: 2, CgroupDriver: engine.CgroupFS, UserNS: true}, nil, podcgroup.Off, "", "", cgroup.Host{}},
		"None":     {"the engine has none", engine.Info{CgroupVersion: 2, CgroupDriver: "none"}, nil, podcgroup.Off, "", "", cgroup.Host{}},
	} {
		t.Run(name, func(t *testing.T) {
			self := engine.Seen{ID: me}
			f := podcgroup.Facts{Info: test.info, Self: self, Owner: self, Paths: []string{"/docker/" + string(me)}}
			if test.change != nil {
				test.change(&f)
			}
			got := podcgroup.Choose(f)
			if got.Way != test.way || got.Group.Path != test.path || got.Host != test.host {
				t.Errorf("%s: got %+v", test.why, got)
			}
			if test.way == podcgroup.Off {
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
