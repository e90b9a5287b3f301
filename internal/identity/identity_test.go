package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/engine"
)

// The containers of these tests: own is the one the process is in, other is there
// as well. What they see of themselves is up to the test.
var (
	own   = strings.Repeat("a1", 32)
	other = strings.Repeat("b2", 32)
	gone  = strings.Repeat("c3", 32)
)

// A stub is an engine that has containers, and answers nothing else.
type stub struct {
	engine.Engine
	containers []engine.Seen
	broken     error
	asker      string // the container in which Ask succeeds; nobody may ask where it is empty
	deaf       string // one that cannot be asked
}

func (s stub) Exec(_ context.Context, id engine.ID, e engine.Exec) (code int, err error) {
	switch {
	case s.asker == "":
		return 0, fmt.Errorf("%.12s is asked without need", id)
	case string(id) == s.deaf || !slices.Equal(e.Command, ask):
		return 0, fmt.Errorf("cannot run %q in %.12s", e.Command, id)
	case string(id) != s.asker:
		code = 1
	}
	return code, nil
}

func (s stub) Inspect(_ context.Context, ref string) (engine.Seen, error) {
	for _, c := range s.containers {
		if c.Name == ref || strings.HasPrefix(string(c.ID), ref) {
			return c, nil
		}
	}
	if s.broken != nil {
		return engine.Seen{}, s.broken
	}
	return engine.Seen{}, fmt.Errorf("cannot inspect %s: %w", ref, engine.ErrNotFound)
}

func (s stub) List(_ context.Context, labels map[string]string) ([]engine.Seen, error) {
	return slices.DeleteFunc(slices.Clone(s.containers), func(c engine.Seen) bool {
		for key, value := range labels {
			if c.Labels[key] != value {
				return true
			}
		}
		return false
	}), s.broken
}

// argv is the command line of the process that looks for itself, and ask what it asks.
var argv, ask = []string{"/supervisor", "-logs"}, []string{"/supervisor", "is", "mnt:[1]"}

// like is a running container in which our command line runs.
func like(id, hostname string) engine.Seen {
	return engine.Seen{ID: engine.ID(id), Name: "shop", Running: true, Argv: argv, Hostname: hostname}
}

// in is a container that has joined the network of another one.
func in(network string, c engine.Seen) engine.Seen {
	c.Network = engine.ID(network)
	return c
}

// hostnameOf is what the engine mounts into a container.
func hostnameOf(id string) string {
	return "" +
		"571 457 0:52 / / rw,relatime master:211 - overlay overlay rw,lowerdir=/l/A:/l/B\n" +
		"603 571 8:1 /var/lib/docker/containers/" + id + "/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/sda1 rw\n" +
		"604 571 8:1 /var/lib/docker/containers/" + id + "/hostname /etc/hostname rw,relatime - ext4 /dev/sda1 rw\n"
}

func TestTheContainerIsFoundByWhateverTraceLeadsThere(t *testing.T) {
	own12, other12 := own[:12], other[:12]
	another := engine.Seen{ID: engine.ID(other), Running: true, Argv: []string{"/sleep"}, Hostname: other12}
	inTask := like(own, "web-1")
	inTask.Labels = map[string]string{taskLabel: "t1"}
	for name, test := range map[string]struct {
		why    string
		traces Traces
		there  []engine.Seen
	}{
		"V1": {"cgroup v1 shows the path", Traces{CgroupPaths: []string{"/docker/" + own}, Hostname: own12},
			[]engine.Seen{like(own, own12)}},
		"V1Systemd": {"the systemd driver has a slice and a scope", Traces{CgroupPaths: []string{"/system.slice/docker-" + own + ".scope"}, Hostname: own12},
			[]engine.Seen{like(own, own12)}},
		"Nested": {"in a container in a container the inner one is ours, however alike they are", Traces{CgroupPaths: []string{"/docker/" + other + "/docker/" + own}, Hostname: "web"},
			[]engine.Seen{like(other, "web"), like(own, "web")}},
		"NestedOutside": {"of an engine that knows the outer one only, that is it", Traces{CgroupPaths: []string{"/docker/" + own + "/docker/" + gone}, Hostname: own12},
			[]engine.Seen{like(own, own12)}},
		"V2Private": {"a private namespace hides the path; a mount tells", Traces{CgroupPaths: []string{"/"}, MountInfo: hostnameOf(own), Hostname: own12},
			[]engine.Seen{like(own, own12)}},
		"V2Host": {"a shared namespace shows it", Traces{CgroupPaths: []string{"/system.slice/docker-" + own + ".scope"}, MountInfo: hostnameOf(own), Hostname: own12},
			[]engine.Seen{like(own, own12)}},
		"HostnameOnly": {"where nothing is mounted the short ID is left", Traces{CgroupPaths: []string{"/"}, Hostname: own12},
			[]engine.Seen{like(own, own12)}},
		"Renamed": {"a hostname of the user's leads nowhere, but has to fit", Traces{CgroupPaths: []string{"/"}, MountInfo: hostnameOf(own), Hostname: "web"},
			[]engine.Seen{like(own, "web")}},
		"Joined": {"who joined another's network sees that one's files and hostname", Traces{CgroupPaths: []string{"/docker/" + own}, MountInfo: hostnameOf(other), Hostname: other12},
			[]engine.Seen{another, like(own, "")}},
		"V2Joined": {"a private namespace hides whose files they are, but not who may have them", Traces{CgroupPaths: []string{"/"}, MountInfo: hostnameOf(other), Hostname: other12},
			[]engine.Seen{another, in(other, like(own, ""))}},
		"V2JoinedJoiner": {"one may join the network of who has joined it", Traces{CgroupPaths: []string{"/"}, MountInfo: hostnameOf(other), Hostname: other12},
			[]engine.Seen{another, in(gone, like(own, "")), in(other, engine.Seen{ID: engine.ID(gone), Running: true})}},
		"V2JoinedGone": {"a network outlives its container", Traces{CgroupPaths: []string{"/"}, MountInfo: hostnameOf(other), Hostname: other12},
			[]engine.Seen{in(other, like(own, ""))}},
		"HostNetwork": {"in the host's network there is the host's hostname", Traces{CgroupPaths: []string{"/"}, MountInfo: hostnameOf(own), Hostname: "node7"},
			[]engine.Seen{like(own, "node7")}},
		"Task": {"Swarm tells the task when asked to", Traces{Task: "t1", CgroupPaths: []string{"/"}, Hostname: "web-1"},
			[]engine.Seen{another, inTask}},
		"TaskElsewhere": {"a task that this engine does not have is no end of the search", Traces{Task: "t2", CgroupPaths: []string{"/docker/" + own}, Hostname: own12},
			[]engine.Seen{like(own, own12)}},
		"Told": {"who is told by name does not look around", Traces{Told: "shop"},
			[]engine.Seen{like(own, "whatever")}},
	} {
		t.Run(name, func(t *testing.T) {
			test.traces.Argv = argv
			got, err := Find(t.Context(), stub{containers: test.there}, test.traces)
			if err != nil || string(got.ID) != own {
				t.Errorf("%s: found %.12q, %v", test.why, got.ID, err)
			}
		})
	}
}

// In a private cgroup namespace nothing that can be seen tells two apart that share a
// network and a command line.
func TestOfContainersThatAreAlikeEachIsAsked(t *testing.T) {
	var third = strings.Repeat("d4", 32)
	host := own[:12]
	there := []engine.Seen{like(own, host), in(own, like(other, host)), in(other, like(third, "")), in(own, engine.Seen{ID: engine.ID(gone), Running: true})}
	for _, mountinfo := range []string{hostnameOf(own), ""} {
		traces := Traces{CgroupPaths: []string{"/"}, MountInfo: mountinfo, Hostname: host, Argv: argv, Ask: ask}
		for _, us := range []string{own, other, third} {
			for _, deaf := range []string{"", own, other, third} {
				got, err := Find(t.Context(), stub{containers: there, asker: us, deaf: deaf}, traces)
				switch {
				case us == deaf && !(errors.Is(err, ErrUnknown) && strings.Contains(err.Error(), "cannot run")):
					t.Errorf("%.4s cannot be asked, and the answer is %.4q, %v", us, got.ID, err)
				case us != deaf && (err != nil || string(got.ID) != us):
					t.Errorf("%.4s found %.4q, %v", us, got.ID, err)
				}
			}
		}
		if got, err := Find(t.Context(), stub{containers: there, asker: gone}, traces); !errors.Is(err, ErrUnknown) {
			t.Errorf("where none is the one, %.4q is found, %v", got.ID, err)
		}
	}
}

func TestAContainerThatDoesNotFitIsRefused(t *testing.T) {
	traces := Traces{CgroupPaths: []string{"/"}, MountInfo: hostnameOf(other), Hostname: other[:12], Argv: argv}
	fits := like(other, other[:12])
	if _, err := Find(t.Context(), stub{containers: []engine.Seen{fits}}, traces); err != nil {
		t.Fatalf("what the others are variations of is refused as well: %v", err)
	}
	for name, test := range map[string]struct {
		why    string
		change func(*engine.Seen)
	}{
		"Argv":     {"we joined its network, but something else runs in it", func(c *engine.Seen) { c.Argv = []string{"/sleep"} }},
		"Argument": {"it may be another supervisor", func(c *engine.Seen) { c.Argv = []string{"/supervisor"} }},
		"Hostname": {"we would see another hostname there", func(c *engine.Seen) { c.Hostname = "web" }},
		"Stopped":  {"we run, so ours does", func(c *engine.Seen) { c.Running = false }},
		"Gone":     {"an ID of another engine's", func(c *engine.Seen) { c.ID = engine.ID(gone) }},
	} {
		t.Run(name, func(t *testing.T) {
			c := fits
			test.change(&c)
			if got, err := Find(t.Context(), stub{containers: []engine.Seen{c}}, traces); !errors.Is(err, ErrUnknown) {
				t.Errorf("%s: found %.12q, %v", test.why, got.ID, err)
			}
		})
	}
}

func TestWhoIsToldWrongIsNotGuessedAt(t *testing.T) {
	traces := Traces{Told: "shopp", CgroupPaths: []string{"/docker/" + own}, Hostname: own[:12], Argv: argv}
	got, err := Find(t.Context(), stub{containers: []engine.Seen{like(own, own[:12])}}, traces)
	if !errors.Is(err, engine.ErrNotFound) {
		t.Errorf("found %.12q, %v", got.ID, err)
	}
}

func TestAnEngineThatCannotAnswerIsNoAnswer(t *testing.T) {
	broken := errors.New("connection lost")
	for name, traces := range map[string]Traces{
		"Inspecting": {CgroupPaths: []string{"/docker/" + own}},
		"Listing":    {Task: "t1"},
		"Sharing":    {CgroupPaths: []string{"/"}, MountInfo: hostnameOf(own)},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Find(t.Context(), stub{broken: broken}, traces); !errors.Is(err, broken) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestPausesImageIsBesideTheSupervisors(t *testing.T) {
	for name, test := range map[string]struct{ why, supervisor, want string }{
		"Hub":      {"the usual", "podlike/supervisor:1.2", "podlike/pause:1.2"},
		"Registry": {"a port is no tag", "reg.example:5000/a/b/supervisor:dev", "reg.example:5000/a/b/pause:dev"},
		"NoTag":    {"the engine takes latest", "reg.example:5000/supervisor", "reg.example:5000/pause:latest"},
		"Short":    {"a name without a path", "supervisor:1", "pause:1"},
		"Digest":   {"Swarm adds a digest, which is not pause's", "podlike/supervisor:1.2@sha256:" + own, "podlike/pause:1.2"},
		"OnlyHash": {"a digest alone has no tag to share", "podlike/supervisor@sha256:" + own, "podlike/pause:latest"},
		"ID":       {"an image without a name", "sha256:" + own, "podlike/pause:9"},
		"Other":    {"an image of the user's making", "example/pods:7", "podlike/pause:9"},
		"AlmostSo": {"a name that only ends like ours", "example/my-supervisor:7", "podlike/pause:9"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := PauseImage(test.supervisor, "9"); got != test.want {
				t.Errorf("%s: got %s, want %s", test.why, got, test.want)
			}
		})
	}
}
