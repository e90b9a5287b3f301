package test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/swarm"
	"github.com/docker/docker/api/types/volume"
	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/pod"
)

// A field is an engine that nobody sweeps but who is asked to: whatever a supervisor leaves when
// it is killed, the next one on the same engine would sweep away.
type field struct{ *dockertest.Nested }

// newField makes one, with more of dockerd's flags. It takes some seconds.
func newField(t testing.TB, flags ...string) field {
	t.Helper()
	return field{dockertest.New(t).Nested(t, dockertest.Engine20, flags...)}
}

// sweeper is the container of a sweep, with no more rights than it needs.
func (f field) sweeper(t testing.TB, args ...string) dockertest.Spec {
	t.Helper()
	spec := f.Supervisor(t, nil, append([]string{"sweep"}, args...)...)
	spec.ReadOnly, spec.CapDrop, spec.Network = true, []string{"ALL"}, "none"
	spec.Health = &container.HealthConfig{Test: []string{"NONE"}}
	return spec
}

// sweep sweeps once, and returns the lines that it prints, sorted, and its exit code.
func (f field) sweep(t testing.TB, args ...string) (stdout, stderr []string, code int) {
	t.Helper()
	c := f.Run(t, f.sweeper(t, args...))
	code = c.Wait(t)
	out, said := c.Logs(t)
	c.Remove(t)
	return sortedLines(out), sortedLines(said), code
}

// sweeps sweeps once, and checks what it prints: nothing else, and nothing is wrong.
func (f field) sweeps(t testing.TB, want []string, args ...string) {
	t.Helper()
	stdout, stderr, code := f.sweep(t, args...)
	if diff := cmp.Diff(want, stdout); diff != "" || len(stderr) > 0 || code != 0 {
		t.Errorf("sweep %q exits with %d and says %q; what it removes, - wanted, + got:\n%s", args, code, stderr, diff)
	}
}

// sortedLines are the lines of a text.
func sortedLines(text string) (all []string) {
	for line := range strings.Lines(text) {
		all = append(all, strings.TrimSuffix(line, "\n"))
	}
	slices.Sort(all)
	return all
}

// An inventory is all that an engine has, by name: of a container what is another when it is
// touched in any way, of a volume nothing.
type inventory map[string]string

// inventory is what the engine has now, but for the ID and start of what is restarted meanwhile.
func (f field) inventory(t testing.TB) inventory {
	t.Helper()
	ctx, cancel := cleaning()
	defer cancel()
	all := inventory{}
	containers, err := f.Client().ContainerList(ctx, container.ListOptions{All: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range containers {
		if len(c.Names) == 0 { // a ghost: see package dockertest
			continue
		}
		seen := f.Container(t, c.ID).Inspect(t)
		all[strings.TrimPrefix(seen.Name, "/")] = fmt.Sprint(c.ID, " ", seen.State.Status, " ", seen.State.Pid, " since ", seen.State.StartedAt)
	}
	volumes, err := f.Client().VolumeList(ctx, volume.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range volumes.Volumes {
		all[v.Name] = "volume"
	}
	return all
}

// without is an inventory without what is told to be removed.
func (i inventory) without(lines []string) inventory {
	rest := maps.Clone(i)
	for _, line := range lines {
		name, _, _ := strings.Cut(strings.TrimPrefix(line, "remove "), ": ")
		delete(rest, name)
	}
	return rest
}

// leftovers is a pod with one of each that may be left: a component that pause cannot end, as it
// does not see it, with a volume that is its own and goes with it, and one of a name that is kept.
func leftovers(data string) components {
	return components{"web": kit("sleep", "restart: always", "volumes: [/own, '"+data+":/data']")}
}

// dies has a supervisor be killed whose components pause does not see, and returns what a sweep
// should remove then.
func (f field) dies(t testing.TB, s supervisor) (lines []string) {
	t.Helper()
	s.waitRunning(t)
	s.Kill(t, "KILL")
	dockertest.Eventually(t, soon, func() (bool, string) {
		_, there := f.PauseOf(t, s.ID)
		return !there && !s.Running(t), "pause or its supervisor is still there"
	})
	if lines = f.toSweep(t, s); len(lines) != 2 {
		t.Fatalf("a dead supervisor leaves %q, so this test shows nothing", lines)
	}
	return lines
}

// toSweep are the lines of a sweep that removes all of a pod but what is its user's, sorted.
func (f field) toSweep(t testing.TB, s supervisor) (lines []string) {
	t.Helper()
	for _, name := range f.left(t, s.ID) {
		lines = append(lines, fmt.Sprintf("remove %s: its owner %.12s is gone", name, s.ID))
	}
	slices.Sort(lines)
	return lines
}

// left are the names of what there is of an owner's pod, but for what is its user's.
func (f field) left(t testing.TB, owner string) []string {
	t.Helper()
	names := f.volumes(t, owner, pod.RoleScratch)
	for _, c := range f.Pod(t, owner) {
		if len(c.Names) > 0 { // a ghost: see package dockertest
			names = append(names, strings.TrimPrefix(c.Names[0], "/"))
		}
	}
	return names
}

// volumes are the names of an owner's volumes of that role, sorted.
func (f field) volumes(t testing.TB, owner, role string) (names []string) {
	t.Helper()
	ctx, cancel := cleaning()
	defer cancel()
	of := filters.NewArgs(filters.Arg("label", pod.LabelOwner+"="+owner), filters.Arg("label", pod.LabelRole+"="+role))
	found, err := f.Client().VolumeList(ctx, volume.ListOptions{Filters: of})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found.Volumes {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	return names
}

// copied is a container that somebody has made with the labels of another one, as who makes an
// image of that and runs it does.
func (f field) copied(t testing.TB, from *dockertest.Container) {
	t.Helper()
	f.Run(t, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"sleep"}, Labels: from.Inspect(t).Config.Labels})
}

// owned is a container that is a component's as far as its labels and its name say.
func (f field) owned(t testing.TB, owner *dockertest.Container) *dockertest.Container {
	t.Helper()
	by := pod.Owner{ID: owner.ID, Name: owner.Name}
	spec := dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"sleep"}, Name: by.ContainerName("web"), Labels: by.Labels(pod.RoleComponent)}
	spec.Labels[pod.LabelComponent] = "web"
	return f.Run(t, spec)
}

// settled are those who live, in all ways in which they can: pods that run, one whose supervisor
// is paused, what belongs to somebody who has yet to run, and what is not ours.
func (f field) settled(t testing.TB) {
	t.Helper()
	spec := f.Supervisor(t, leftovers("kept-by-all").labels())
	paused := supervisorIn(f.Engine, f.Run(t, spec))
	spec.Cmd = []string{"-pids=false"}
	private := supervisorIn(f.Engine, f.Run(t, spec))
	for _, s := range []supervisor{paused, private} {
		s.waitRunning(t)
	}
	f.pause(t, paused.Container)
	unborn := f.Create(t, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"sleep"}})
	f.owned(t, unborn)
	f.Run(t, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"sleep"}, Labels: map[string]string{pod.LabelOwner: "the team of the shop"}})
}

// pause pauses a container.
func (f field) pause(t testing.TB, c *dockertest.Container) {
	t.Helper()
	ctx, cancel := cleaning()
	defer cancel()
	if err := f.Client().ContainerPause(ctx, c.ID); err != nil {
		t.Fatal(err)
	}
}

func TestASweepRemovesWhatTheDeadHaveLeftAndNothingElse(t *testing.T) {
	t.Parallel()
	f := newField(t)
	f.settled(t)
	dead := run(t, f.Engine, f.Supervisor(t, leftovers("kept-by-all").labels(), "-pids=false"))
	gone := run(t, f.Engine, f.Supervisor(t, leftovers("kept-too").labels(), "-pids=false"))
	gone.waitRunning(t) // or else it would sweep
	want := append(f.dies(t, dead), f.dies(t, gone)...)
	gone.Remove(t)
	slices.Sort(want)
	f.copied(t, f.Container(t, dead.Name+".podlike.web"))

	before := f.inventory(t)
	f.sweeps(t, want, "-dry-run")
	if diff := cmp.Diff(before, f.inventory(t)); diff != "" {
		t.Errorf("a dry run changes:\n%s", diff)
	}
	f.sweeps(t, want)
	if diff := cmp.Diff(before.without(want), f.inventory(t)); diff != "" {
		t.Errorf("what is there, - wanted, + got:\n%s", diff)
	}
	f.sweeps(t, nil)
}

// A supervisor that fails at once is started again and again, and between two times there is
// nobody.
func TestAnOwnerThatIsAboutToBeRestartedLives(t *testing.T) {
	t.Parallel()
	f := newField(t)
	owner := f.Run(t, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"exit", "1"}, Restart: "always"})
	owned := f.owned(t, owner)
	waits := func() (restarts int) {
		dockertest.Eventually(t, soon, func() (bool, string) {
			seen := owner.Inspect(t)
			restarts = seen.RestartCount
			return seen.State.Restarting, seen.State.Status
		})
		return restarts
	}
	dockertest.Eventually(t, time.Minute, func() (bool, string) { // until it waits for longer than a sweep takes
		before := waits()
		f.sweeps(t, nil)
		after := owner.Inspect(t)
		return after.State.Restarting && after.RestartCount == before, fmt.Sprintf("restarted while it was swept: %d and %d", before, after.RestartCount)
	})
	if !owned.Running(t) {
		t.Error("it was swept")
	}
	owner.Remove(t)
	f.sweeps(t, []string{fmt.Sprintf("remove %s: its owner %.12s is gone", owned.Name, owner.ID)})
}

func TestWhatCannotBeSweptIsToldAndLeftAndTheRestIsSwept(t *testing.T) {
	t.Parallel()
	f := newField(t)
	dead := run(t, f.Engine, f.Supervisor(t, leftovers("kept").labels(), "-pids=false"))
	lines := f.dies(t, dead)
	var scratch string
	for _, line := range lines {
		if name, _, _ := strings.Cut(strings.TrimPrefix(line, "remove "), ": "); strings.HasPrefix(name, dead.Name+".podlike.web.") {
			scratch = name
		}
	}
	user := f.Run(t, dockertest.Spec{Image: dockertest.Testkit, Cmd: []string{"sleep"}, Binds: []string{scratch + ":/theirs"}})
	stdout, stderr, code := f.sweep(t)
	if want := fmt.Sprintf("remove %s.podlike.web: its owner %.12s is gone", dead.Name, dead.ID); len(stdout) != 1 || stdout[0] != want {
		t.Errorf("it removes %q, want %q", stdout, want)
	}
	if begin := "supervisor: " + scratch + ": cannot remove volume "; code != 1 || len(stderr) != 1 || !strings.HasPrefix(stderr[0], begin) {
		t.Errorf("it exits with %d and says %q, want 1 and %s...", code, stderr, begin)
	}
	user.Remove(t)
	f.sweeps(t, []string{fmt.Sprintf("remove %s: its owner %.12s is gone", scratch, dead.ID)})
}

// Pause ends its pod when it has lost its supervisor. One that cannot, for it is paused, is swept
// with its pod when it should have.
func TestASweeperSweepsWhateverComesAndEndsWhenItIsAskedTo(t *testing.T) {
	t.Parallel()
	f := newField(t)
	kept := run(t, f.Engine, f.Supervisor(t, leftovers("kept").labels(), "-pids=false"))
	stuck := run(t, f.Engine, f.Supervisor(t, leftovers("kept").labels()))
	dead := run(t, f.Engine, f.Supervisor(t, leftovers("kept").labels(), "-pids=false"))
	for _, s := range []supervisor{kept, stuck, dead} {
		s.waitRunning(t)
	}
	before := f.inventory(t)
	sweeper := f.Run(t, f.sweeper(t, "-every", "1s"))
	pause, _ := f.PauseOf(t, stuck.ID)
	f.pause(t, pause)
	for _, s := range []supervisor{stuck, dead} {
		s.Kill(t, "KILL")
	}
	dead.gone(t, soon)
	if !pause.Exists(t) {
		t.Error("pause was not given the time to end by itself")
	}
	stuck.gone(t, 2*time.Minute)

	began := time.Now()
	sweeper.Stop(t, budget)
	if code := sweeper.Wait(t); code != 0 || time.Since(began) > budget/2 {
		t.Errorf("asked to end, it does so with %d after %s", code, time.Since(began))
	}
	stdout, stderr := sweeper.Logs(t)
	removed := sortedLines(stdout)
	sweeper.Remove(t)
	for _, s := range []supervisor{stuck, dead} {
		s.Remove(t)
		delete(before, s.Name)
	}
	delete(before, dead.Name+".podlike-pause") // which ends by itself
	if len(removed) != 5 || stderr != "" {
		t.Errorf("it says\n%s%s", stdout, stderr)
	}
	if diff := cmp.Diff(before.without(removed), f.inventory(t)); diff != "" {
		t.Errorf("what is there, - wanted, + got:\n%s", diff)
	}
}

// What is killed on a node of a Swarm is swept there, also what was of no service, and after a
// restart of its engine. The sweeper may do no more than it needs to, and ends when it is asked to.
func TestTheSweeperOfASwarmSweepsItsNodes(t *testing.T) {
	t.Parallel()
	f := newField(t, "--host", "unix:///var/run/docker.sock") // where stacks have it
	f.manages(t)
	dies := func() {
		s := run(t, f.Engine, f.Supervisor(t, leftovers("kept").labels(), "-pids=false"))
		f.dies(t, s)
		f.sweptOf(t, s)
	}
	stack := f.Stack(t, filepath.Join(root, "deploy", "sweeper.yml"))
	first := f.task(t, stack)
	f.isModest(t, first)
	dies()
	f.RestartEngine(t, "TERM")
	second := f.task(t, stack)
	dies()
	ended := make(chan int)
	go func() { ended <- second.Wait(t) }()
	began := time.Now()
	f.RemoveStack(t, stack)
	if code := <-ended; code != 0 || time.Since(began) > budget {
		t.Errorf("asked to end, it does so with %d after %s", code, time.Since(began))
	}
}

// sweepPage shows how to sweep.
var sweepPage = filepath.Join(root, "docs", "sweep.md")

// What the page shows is done, on an engine that has its socket where all have it.
func TestTheCommandsOfThePageAboutSweepingSweep(t *testing.T) {
	t.Parallel()
	f := newField(t, "--host", "unix:///var/run/docker.sock")
	dead := run(t, f.Engine, f.Supervisor(t, leftovers("kept").labels(), "-pids=false"))
	want := f.dies(t, dead)
	swept := 0
	for line := range strings.Lines(read(t, sweepPage)) {
		command, is := strings.CutPrefix(strings.TrimSpace(line), "docker run ")
		if !is {
			continue
		}
		swept++
		docker := exec.Command("docker", append([]string{"run"}, strings.Fields(command)...)...)
		docker.Env = append(os.Environ(), "DOCKER_HOST="+f.Client().DaemonHost())
		out, err := docker.Output()
		if diff := cmp.Diff(want, sortedLines(string(out))); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", line, err, diff)
		}
	}
	if f.sweptOf(t, dead); swept != 2 {
		t.Errorf("the page shows %d commands", swept)
	}
}

// manages has the engine manage a Swarm of its own.
func (f field) manages(t *testing.T) {
	t.Helper()
	ctx, cancel := cleaning()
	defer cancel()
	if _, err := f.Client().SwarmInit(ctx, swarm.InitRequest{ListenAddr: "127.0.0.1:2377", AdvertiseAddr: "127.0.0.1", DataPathAddr: "127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
}

// task is the container of the one task of a stack that runs.
func (f field) task(t *testing.T, stack string) (c *dockertest.Container) {
	t.Helper()
	dockertest.Eventually(t, time.Minute, func() (bool, string) {
		ctx, cancel := cleaning()
		defer cancel()
		of := filters.NewArgs(filters.Arg("label", pod.StackNamespace+"="+stack), filters.Arg("status", "running"))
		found, err := f.Client().ContainerList(ctx, container.ListOptions{Filters: of})
		if err != nil || len(found) != 1 {
			return false, fmt.Sprint(found, err)
		}
		c = f.Container(t, found[0].ID)
		return true, ""
	})
	return c
}

// isModest checks that a sweeper's container may do nothing that it does not need to.
func (f field) isModest(t *testing.T, c *dockertest.Container) {
	t.Helper()
	seen := c.Inspect(t)
	if h := seen.HostConfig; !h.ReadonlyRootfs || !slices.Equal(h.CapDrop, []string{"ALL"}) || len(h.CapAdd) > 0 || h.Privileged || h.Memory == 0 {
		t.Errorf("it may do %+v", h)
	}
	if len(seen.Mounts) != 1 || seen.Mounts[0].Destination != "/var/run/docker.sock" || seen.State.Health != nil {
		t.Errorf("it has %+v and its health is %+v", seen.Mounts, seen.State.Health)
	}
}

// sweptOf waits until nothing is left of a pod but what is its user's.
func (f field) sweptOf(t testing.TB, s supervisor) {
	t.Helper()
	dockertest.Eventually(t, 2*time.Minute, func() (bool, string) {
		left := f.left(t, s.ID)
		return len(left) == 0, fmt.Sprintf("left are %q", left)
	})
}
