package test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/dockertest"
)

// Where components have PID namespaces of their own, pause's end does not end them.
// The next supervisor of the same name does.
func TestTheNextSupervisorRemovesWhatADeadOneLeft(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t).Nested(t, dockertest.Engine20) // where no other supervisor sweeps
	spec := d.Supervisor(t, components{"web": kit("sleep", "volumes: [/data]"), "log": kit("sleep")}.labels(), "-pids=false")
	dead, other := run(t, d.Engine, spec), run(t, d.Engine, spec)
	dead.waitRunning(t)
	other.waitRunning(t)
	for _, s := range []supervisor{dead, other} {
		s.Kill(t, "KILL")
		s.Wait(t)
	}
	left := len(d.Pod(t, other.ID))
	if left < 2 || !dead.component(t, "web").Running(t) {
		t.Fatalf("a dead supervisor leaves %d containers, so this test shows nothing", left)
	}

	dead.Remove(t) // of a container that has its name there is one
	spec.Name = dead.Name
	next := run(t, d.Engine, spec)
	next.waitRunning(t)
	dead.gone(t, soon)
	other.gone(t, soon)
	next.terminated(t)
}

func TestASupervisorThatWasKilledStartsAgain(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t).Nested(t, dockertest.Engine20) // where no other supervisor sweeps
	for name, test := range map[string]struct {
		why, flag string
		swept     int // containers, at least
	}{
		"WithNothingLeft": {"all has gone by itself, or is about to", "-pids", 0},
		"WithLeftovers":   {"components of an earlier life have the names of those to come", "-pids=false", 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := run(t, d.Engine, d.Supervisor(t, components{"web": kit("sleep", "volumes: [/data]")}.labels(), test.flag))
			s.waitRunning(t)
			before := s.component(t, "web").ID
			s.Kill(t, "KILL")
			s.Wait(t)
			s.Start(t)
			s.waitFor(t, "pod running", 2)
			s.waitFor(t, "leftover removed", test.swept)
			if s.component(t, "web").ID == before {
				t.Errorf("the component is that of the earlier life: %s", test.why)
			}
			s.Stop(t, budget)
			s.gone(t, 0)
			s.Start(t)
			s.waitFor(t, "pod running", 3)
			s.terminated(t)
		})
	}
}

func TestSupervisorsKeepTheirHandsOffEachOther(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	one, two := podOf(t, d, components{"web": kit("sleep")}), podOf(t, d, components{"web": kit("sleep")})
	one.waitRunning(t)
	two.waitRunning(t)
	one.terminated(t)
	if !two.Running(t) || !two.component(t, "web").Running(t) {
		t.Error("the end of one has ended the other")
	}
	two.terminated(t)
}

// In a private cgroup namespace, as all are on cgroup v2, who shares a network sees the
// other's hostname and files.
func TestSupervisorsThatShareANetworkDoNotTakeEachOtherForThemselves(t *testing.T) {
	t.Parallel()
	d := dockertest.New(t)
	network := d.Run(t, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"sleep"}})
	spec := d.Supervisor(t, components{"web": kit("sleep")}.labels())
	spec.CgroupNS, spec.Network = "private", dockertest.Join(network)
	one := run(t, d, spec)
	one.waitRunning(t)
	spec.Labels, spec.Network = components{"log": kit("sleep")}.labels(), dockertest.Join(one.Container)
	two := run(t, d, spec)
	two.waitRunning(t)
	for name, s := range map[string]supervisor{"web": one, "log": two} {
		if got := s.asks(t, "inspect"); !strings.Contains(got, "name: "+name+"\n") {
			t.Errorf("the pod of %s is\n%s", name, got)
		}
	}
	two.terminated(t)
	if !one.Running(t) || !one.component(t, "web").Running(t) {
		t.Error("the end of one has ended the other")
	}
	one.terminated(t)
}

// The lease ends with the supervisor, and pause then asks everyone to end.
func TestEveryComponentIsAskedToEndWhenTheSupervisorIsKilled(t *testing.T) {
	t.Parallel()
	shared := t.TempDir()
	volume := "volumes: ['" + shared + ":/shared']"
	s := podOf(t, dockertest.New(t), components{
		"quick": kit("history /shared/history quick health /shared/quick", volume),
		"slow":  kit("history /shared/history slow health /shared/slow linger 2s", volume),
		"early": kit("history /shared/history early health /shared/early", volume, "stop_signal: SIGQUIT"),
	})
	for _, name := range []string{"quick", "slow", "early"} {
		s.waitForFile(t, filepath.Join(shared, name))
	}
	s.Kill(t, "KILL")
	s.gone(t, limit)
	got := ends(t, filepath.Join(shared, "history"))
	if want := []string{"early term", "quick term", "slow exit", "slow term"}; !slices.Equal(got, want) {
		t.Errorf("the ends are %q, want %q", got, want)
	}
}

// waitForFile waits until a component has made a file on the host.
func (s supervisor) waitForFile(t *testing.T, name string) {
	t.Helper()
	dockertest.Eventually(t, soon, func() (bool, string) {
		_, err := os.Stat(name)
		return err == nil, s.Container.Output(t)
	})
}

// ends are the lines of a history that tell of ends, without their times and sorted.
func ends(t *testing.T, history string) (all []string) {
	t.Helper()
	content, err := os.ReadFile(history)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		_, what, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.HasSuffix(what, " started") {
			all = append(all, what)
		}
	}
	slices.Sort(all)
	return all
}
