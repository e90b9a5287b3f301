package component

import (
	"strings"
	"testing"

	"github.com/podlike/podlike/internal/dockertest"
	"github.com/podlike/podlike/internal/engine"
	"github.com/podlike/podlike/internal/plan"
	"github.com/podlike/podlike/internal/pod"
)

// What a component says still holds when it runs in the namespaces of a pod.
func TestPropertiesHoldWhereNamespacesAreShared(t *testing.T) {
	b := newBench(t)
	b.shared = true
	for _, p := range []struct {
		why, says string
		asks      []string // of testkit, in the running component
		want      string   // in what it prints
	}{
		{"it is a device of its own name", "devices: ['/dev/null:/dev/nothing']", f("stat", "/dev/nothing"), "/dev/nothing"},
		{"groups are added to the user's", "user: '1000:1000'\ngroup_add: [5, 6]", f("id"), "5 6"},
		{"it does no harm, though the engine leaves it out: pause is the init", "init: true", f("ps"), "testkit"},
		{"the kernel knows the score", "oom_score_adj: 501", f("cat", "/proc/self/oom_score_adj"), "501"},
		{"a parameter of the network is the pod's", "sysctls: {net.core.somaxconn: 1234}", f("cat", "/proc/sys/net/core/somaxconn"), "1234"},
		{"a parameter of IPC is the pod's", "sysctls: {kernel.msgmax: 65537}", f("cat", "/proc/sys/kernel/msgmax"), "65537"},
		{"with its options", "tmpfs: '/fast:size=1m'", f("cat", "/proc/self/mountinfo"), "size=1024k"},
		{"soft and hard", "ulimits: {core: {soft: 1, hard: 2}}", f("cat", "/proc/self/limits"), "1                    2                    bytes"},
		{"the root cannot be written to", "read_only: true", f("cat", "/proc/self/mountinfo"), " / / ro,"},
		{"no right is left", "cap_drop: [ALL]", f("cat", "/proc/self/status"), "CapEff:\t0000000000000000"},
		{"one right is", "cap_drop: [ALL]\ncap_add: [KILL]", f("cat", "/proc/self/status"), "CapEff:\t0000000000000020"},
		{"every call is allowed", "security_opt: [seccomp=unconfined]", f("cat", "/proc/self/status"), "Seccomp:\t0"},
		{"the profile is read in the supervisor", "security_opt: [seccomp=testdata/seccomp.json, no-new-privileges]", f("cat", "/proc/self/status"), "NoNewPrivs:\t1"},
		{"the host's own name", "uts: host\nuserns_mode: host\ncgroup: private", f("flash", "it runs"), "it runs"},
		{"some of the CPUs", "cpuset: '0'", f("cat", "/proc/self/status"), "Cpus_allowed_list:\t0\n"},
		{"nobody writes, and it does not end", "stdin_open: true", f("ps"), "testkit"},
	} {
		t.Run(p.says, func(t *testing.T) {
			c, err := b.component(t, property{says: "command: sleep\n" + p.says})
			if err != nil {
				t.Fatal(err)
			}
			if err := b.engine.Start(t.Context(), engine.ID(c.ID)); err != nil {
				t.Fatal(err)
			}
			if out, code := c.Exec(t, append(f("/testkit"), p.asks...)...); code != 0 || !strings.Contains(out, p.want) {
				t.Errorf("%s: exit code %d, %q is not in:\n%s", p.why, code, p.want, out)
			}
			c.Remove(t)
		})
	}
}

// There is one /dev/shm where IPC is shared: pause's.
func TestTheLargestShmSizeIsThePods(t *testing.T) {
	b := newBench(t)
	b.scope.Need(t, dockertest.Pause)
	p := pod.Pod{ShareIPC: true, PauseImage: dockertest.Pause, Components: []pod.Component{
		{Name: "small", Image: dockertest.Testkit, Command: f("sleep"), ShmSize: 1 << 20},
		{Name: "large", Image: dockertest.Testkit, Command: f("sleep"), ShmSize: 96 << 20},
	}}
	owner := pod.Owner{ID: b.owner.ID, Name: b.owner.Name}
	run := func(made engine.Container) *dockertest.Container {
		id, _, err := b.engine.Create(t.Context(), made)
		if err != nil {
			t.Fatal(err)
		}
		if made.Stdin { // pause lives as long as somebody holds it
			held, err := b.engine.Attach(t.Context(), id, made)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = held.Close() })
		}
		if err := b.engine.Start(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		return b.scope.Container(t, string(id))
	}
	pause := run(plan.PauseContainer(p, owner, nil, 0, nil))
	small := run(plan.ComponentContainer(p, owner, p.Components[0], 1, engine.ID(pause.ID), engine.Image{}, 0))
	mounts, _ := small.Exec(t, "/testkit", "cat", "/proc/self/mountinfo")
	for line := range strings.Lines(mounts) {
		if strings.Contains(line, " /dev/shm ") {
			if !strings.Contains(line, "size=98304k") {
				t.Errorf("got %s", line)
			}
			return
		}
	}
	t.Errorf("there is no /dev/shm:\n%s", mounts)
}
