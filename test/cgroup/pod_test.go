// Package cgroup tries on a real engine what binds a pod as a whole: whatever version of control groups
// its machine has, and whichever driver makes them. What is to be seen then is the same but for the way.
package cgroup

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/podlike/podlike/internal/cgroup"
	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/engine/docker"
	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/pod"
	"github.com/podlike/podlike/internal/podcgroup"
	"github.com/podlike/podlike/internal/status"
)

const (
	mib = 1 << 20
	// soon is how long anything may take on a machine that is emulated.
	soon = 3 * time.Minute
	// killed is the exit code of a process that was killed.
	killed = 137
	// hierarchy is where the machine has its groups.
	hierarchy = "/sys/fs/cgroup"
	// bus is the socket of its system bus.
	bus = "/run/dbus/system_bus_socket"
)

// A scene is a test's engine, and how its machine is set up.
type scene struct {
	*testing.T
	d    *dockertest.Engine
	info engine.Info
}

func open(t *testing.T) *scene {
	t.Helper()
	d := dockertest.New(t)
	d.Need(t, dockertest.Supervisor, dockertest.Pause, dockertest.Testkit)
	e, err := docker.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	info, err := e.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &scene{t, d, info}
}

// nested reports whether pods are below their supervisors' own groups here.
func (s *scene) nested() bool {
	return s.info.CgroupVersion == 1 && s.info.CgroupDriver == engine.CgroupFS
}

// way is how pods come by their groups here when nobody says more.
func (s *scene) way() podcgroup.Way {
	if s.nested() {
		return podcgroup.Nested
	}
	return podcgroup.Helper
}

// kit is a component that runs a command of testkit's, with more keys.
func kit(command string, more ...string) string {
	return "{" + strings.Join(append([]string{"image: " + dockertest.Testkit, fmt.Sprintf("command: %q", command)}, more...), ", ") + "}"
}

// A supervised pod runs, or has run.
type supervised struct {
	*dockertest.Container
	on *scene
}

// run runs a pod of components, a name and a service in turn, in a container as it is changed.
func (s *scene) run(change func(*dockertest.Spec), flags []string, components ...string) supervised {
	s.Helper()
	labels := map[string]string{}
	for i := 0; i < len(components); i += 2 {
		labels[pod.ComponentPrefix+components[i]] = components[i+1]
	}
	spec := s.d.Supervisor(s, labels, flags...)
	change(&spec)
	return supervised{s.d.Run(s, spec), s}
}

// limited is a change of a container's memory, with no swap beside it.
func limited(memory int64) func(*dockertest.Spec) {
	return func(spec *dockertest.Spec) { spec.Memory, spec.MemorySwap = memory, memory }
}

// A record is one that a supervisor has logged.
type record struct {
	Message, Why, Level string
	Ends                []event.End
}

// records are all that it has logged.
func (p supervised) records() (all []record) {
	p.on.Helper()
	for line := range strings.Lines(p.Output(p.on)) {
		var r record
		if json.Unmarshal([]byte(line), &r) == nil && r.Message != "" {
			all = append(all, r)
		}
	}
	return all
}

// told waits for a record, and returns it.
func (p supervised) told(message string) (found record) {
	p.on.Helper()
	dockertest.Eventually(p.on, soon, func() (bool, string) {
		for _, r := range p.records() {
			if r.Message == message {
				found = r
				return true, ""
			}
		}
		return false, p.Output(p.on)
	})
	return found
}

// says waits until so many lines of a text were logged.
func (p supervised) says(n int, text string) {
	p.on.Helper()
	dockertest.Eventually(p.on, soon, func() (bool, string) {
		out := p.Output(p.on)
		return strings.Count(out, text) >= n, out
	})
}

// ends waits for the pod's end, checks its exit code and returns how its components have ended.
func (p supervised) ends(code int) map[string]event.End {
	p.on.Helper()
	if got := p.Wait(p.on); got != code {
		p.on.Errorf("exited with %d, want %d:\n%s", got, code, p.Output(p.on))
	}
	all := map[string]event.End{}
	for _, e := range p.told(string(event.Ended)).Ends {
		all[e.Component] = e
	}
	return all
}

// status is what the pod tells of itself.
func (p supervised) status() (s status.Pod) {
	p.on.Helper()
	out, code := p.Exec(p.on, "/supervisor", "status", "-o", "json")
	if err := json.Unmarshal([]byte(out), &s); err != nil || code != 0 || s.Cgroup == nil {
		p.on.Fatalf("exit code %d, %v:\n%s", code, err, out)
	}
	return s
}

// stopped stops the pod, and checks that no group of its is left.
func (p supervised) stopped() {
	p.on.Helper()
	p.Stop(p.on, 30*time.Second)
	if code := p.Wait(p.on); code != 0 {
		p.on.Errorf("exited with %d:\n%s", code, p.Output(p.on))
	}
	p.leavesNothing()
}

// leavesNothing waits until no group of the pod's is there.
func (p supervised) leavesNothing() {
	p.on.Helper()
	dockertest.Eventually(p.on, soon, func() (bool, string) {
		left := groups(p.on, p.ID)
		return len(left) == 0, strings.Join(left, "\n")
	})
}

// groups are those of the machine's whose names have an ID in them.
func groups(t testing.TB, id string) (all []string) {
	t.Helper()
	err := filepath.WalkDir(hierarchy, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.Contains(d.Name(), id) {
			all = append(all, path)
		}
		return nil // it may go while it is looked at
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// parents are what the engine was asked to make the pod's containers below.
func (p supervised) parents() map[string]string {
	p.on.Helper()
	all := map[string]string{}
	for _, c := range p.on.d.Pod(p.on, p.ID) {
		seen := p.on.d.Container(p.on, c.ID).Inspect(p.on)
		all[c.Labels[pod.LabelRole]+" "+c.Labels[pod.LabelComponent]] = seen.HostConfig.CgroupParent
	}
	return all
}

func TestTheLimitOfMemoryBindsAllComponentsTogether(t *testing.T) {
	t.Parallel()
	s := open(t)
	const own = 96 * mib
	all := int64(own) // the supervisor's share of it is its own
	if !s.nested() {
		all -= podcgroup.DefaultReserve
	}
	p := s.run(limited(own), nil, "one", kit(fmt.Sprint("eat ", 60*mib)), "two", kit(fmt.Sprint("eat ", 60*mib)))
	victims := 0
	for name, e := range p.ends(killed) {
		if e.Reason == status.OOMKilled {
			victims++
			if e.Limit != "pod" || e.LimitBytes != all || e.Code != killed || !strings.Contains(e.Message, "had used most of it") {
				t.Errorf("%s ended as %+v", name, e)
			}
		}
	}
	if victims == 0 {
		t.Errorf("nobody was killed:\n%s", p.Output(t))
	}
	p.leavesNothing()

	enough := s.run(limited(200*mib), []string{"-logs"}, "one", kit(fmt.Sprint("eat ", 60*mib)), "two", kit(fmt.Sprint("eat ", 60*mib)))
	enough.says(2, fmt.Sprint("ate ", 60*mib))
	if got := enough.status().Cgroup; got.Way != string(s.way()) || got.Limits.Memory == 0 {
		t.Errorf("its group is %+v", got)
	}
	for name, parent := range enough.parents() {
		if want := (cgroup.Group{Setup: cgroup.Setup{Driver: s.info.CgroupDriver}, Path: enough.status().Cgroup.Path}).Parent(); parent != want {
			t.Errorf("%s is below %q, want %q", name, parent, want)
		}
	}
	enough.stopped()
}

func TestAComponentsOwnLowerLimitIsToldApart(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.run(limited(256*mib), nil, "small", kit(fmt.Sprint("eat ", 60*mib), "mem_limit: 32m", "memswap_limit: 32m"), "big", kit(fmt.Sprint("eat ", 60*mib)))
	ends := p.ends(killed)
	if e := ends["small"]; e.Reason != status.OOMKilled || e.Limit != "component" || e.LimitBytes != 32*mib {
		t.Errorf("it ended as %+v", e)
	}
	if e := ends["big"]; e.Reason == status.OOMKilled {
		t.Errorf("the other ended as %+v", e)
	}
	p.leavesNothing()
}

func TestTheLimitOfProcessesBindsAllComponentsTogether(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.run(func(spec *dockertest.Spec) { spec.PidsLimit = 150 }, []string{"-logs"}, "forks", kit("orphans 400 burst 400"), "other", kit("sleep"))
	if code := p.Wait(t); code == 0 || !strings.Contains(p.Output(t), "resource temporarily unavailable") {
		t.Errorf("exited with %d:\n%s", code, p.Output(t))
	}
	p.leavesNothing()
}

func TestTheLimitOfProcessorsBindsAllComponentsTogether(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.run(func(spec *dockertest.Spec) { spec.NanoCPUs = 5e8 }, nil, "one", kit("spin"), "two", kit("spin"))
	p.told(string(event.Running))
	used := func() (sum time.Duration) {
		e, err := docker.Open(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		for _, c := range s.d.Pod(t, p.ID) {
			u, err := e.Usage(t.Context(), engine.ID(c.ID))
			if err != nil {
				t.Fatal(err)
			}
			sum += u.CPU
		}
		return sum
	}
	began := time.Now() // all that the engine takes to tell is counted, so that what they use is not too much
	before := used()
	const measured = 10 * time.Second // it is what is measured, and not waited for
	time.Sleep(measured)
	share := float64(used()-before) / float64(time.Since(began))
	dockertest.Report(t, "two busy components under half a processor use %.3f of one", share)
	if share > 0.525 || share < 0.1 { // what they get of a busy machine may be less
		t.Errorf("they use %.3f of a processor", share)
	}
	p.stopped()
}

// The ways in which a user can have it, and what each tells.
func TestEachWayIsToldAndLeavesNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	ways := map[string]struct {
		change func(*dockertest.Spec)
		flags  []string
		way    podcgroup.Way
	}{
		"Usual": {func(*dockertest.Spec) {}, nil, s.way()},
		"Small": {func(spec *dockertest.Spec) {
			spec.User, spec.ReadOnly, spec.GroupAdd = "65534", true, []string{socketGroup(t, s.d)}
		}, nil, s.way()},
		"Off": {func(*dockertest.Spec) {}, []string{"-pod-cgroup=off"}, podcgroup.Off},
	}
	switch {
	case s.nested(): // there is no other way
	case s.info.CgroupDriver == engine.CgroupFS:
		way := ways["Usual"]
		way.change = func(spec *dockertest.Spec) { spec.Binds = append(spec.Binds, hierarchy+":/host/cgroup") }
		way.way = podcgroup.Mount
		ways["Given"] = way
	default:
		way := ways["Usual"]
		way.change = func(spec *dockertest.Spec) { spec.Binds = append(spec.Binds, bus+":/host/bus") }
		way.way = podcgroup.DBus
		ways["Given"] = way
	}
	for name, test := range ways {
		t.Run(name, func(t *testing.T) {
			s := &scene{t, s.d, s.info}
			p := s.run(func(spec *dockertest.Spec) {
				limited(128 * mib)(spec)
				test.change(spec)
			}, test.flags, "app", kit("sleep"))
			p.told(string(event.Running))
			got := p.status().Cgroup
			if got.Way != string(test.way) || (got.Path == "") != (test.way == podcgroup.Off) {
				t.Errorf("its group is %+v, and it says\n%s", got, p.Output(t))
			}
			if test.way == podcgroup.Off {
				if r := p.told(string(event.Ungrouped)); r.Level != "warn" || !strings.Contains(r.Why, "memory 128m") {
					t.Errorf("it is told as %+v", r)
				}
				if c := s.d.Container(t, s.app(p)).Inspect(t); c.HostConfig.Memory != 0 && c.HostConfig.CgroupParent != "" {
					t.Errorf("the component is made as %+v", c.HostConfig.Resources)
				}
			} else if r := p.told(string(event.Grouped)); !strings.Contains(r.Why, "way "+string(test.way)) {
				t.Errorf("it is told as %+v", r)
			}
			p.stopped()
		})
	}
}

// app is the ID of the container of a pod's component that is called app.
func (s *scene) app(p supervised) string {
	s.Helper()
	c, there := s.d.Component(s, p.ID, "app")
	if !there {
		s.Fatal("there is no component app")
	}
	return c.ID
}

func TestTheLimitFollowsThatOfTheSupervisorAndOutlivesRestarts(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.run(limited(256*mib), []string{"-logs"}, "app", kit("exit 3 after 1s", "restart: always"), "eats", kit("sleep"))
	p.says(1, string(event.Running))
	p.Limit(t, 128*mib)
	want := int64(128 * mib)
	if !s.nested() {
		want -= podcgroup.DefaultReserve
	}
	dockertest.Eventually(t, soon, func() (bool, string) {
		got := p.status().Cgroup.Limits.Memory
		return got == want, fmt.Sprint("its limit is ", got)
	})
	p.says(2, string(event.Restarting))
	if got := s.limitOf(p); got != want {
		t.Errorf("the kernel's limit is %d, want %d", got, want)
	}
	p.stopped()
}

func TestAKilledSupervisorLeavesNoGroupBehindASweep(t *testing.T) {
	t.Parallel()
	s := open(t)
	lingers := "sleep"
	if !s.nested() { // there the engine cannot remove a supervisor's group in which something still runs, and nobody does
		lingers = "history /dev/null app linger 3s"
	}
	p := s.run(limited(128*mib), nil, "app", kit(lingers, "stop_grace_period: 5s"))
	p.told(string(event.Running))
	p.Kill(t, "SIGKILL")
	p.Wait(t)
	s.d.Gone(t, p.ID, soon)
	sweeper := s.d.Supervisor(t, nil, "sweep")
	out, code := s.d.Result(t, sweeper)
	if code != 0 {
		t.Errorf("the sweep exited with %d:\n%s", code, out)
	}
	p.leavesNothing()
}

// What lacks memory elsewhere on the machine is nothing to a pod.
func TestAnUnrelatedLackOfMemoryChangesNothing(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.run(limited(128*mib), nil, "app", kit("sleep", "mem_limit: 64m"))
	p.told(string(event.Running))
	other := s.d.Run(t, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"eat", fmt.Sprint(60 * mib)}, Memory: 16 * mib, MemorySwap: 16 * mib})
	if code := other.Wait(t); code != killed {
		t.Fatalf("the other one exited with %d", code)
	}
	s.d.Container(t, s.app(p)).Kill(t, "SIGKILL")
	if e := p.ends(killed)["app"]; e.Reason != status.Error || e.Limit != "" {
		t.Errorf("it ended as %+v", e)
	}
	p.leavesNothing()
}

// socketGroup is the group that may use the engine's socket.
func socketGroup(t testing.TB, d *dockertest.Engine) string {
	t.Helper()
	seen, err := os.Stat(d.Socket(t))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprint(seen.Sys().(*syscall.Stat_t).Gid)
}

// limitOf is the kernel's limit of memory for a pod.
func (s *scene) limitOf(p supervised) int64 {
	s.Helper()
	name := filepath.Join(hierarchy, p.status().Cgroup.Path, "memory.max")
	if s.info.CgroupVersion == 1 {
		name = filepath.Join(hierarchy, "memory", filepath.Dir(p.status().Cgroup.Path), "memory.limit_in_bytes")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		s.Fatal(err)
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		s.Fatal(err)
	}
	return n
}
