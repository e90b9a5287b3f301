package cgroup

import "testing"

func TestTheKernelSaysHowManyItHasKilledForLackOfMemory(t *testing.T) {
	for name, test := range map[string]struct {
		why, stat string
		n         int64
		known     bool
	}{
		"Some":   {"it is one of many lines", "nr_free_pages 7\noom_kill 42\noom_kill_disable 3\n", 42, true},
		"None":   {"none is a number", "oom_kill 0\n", 0, true},
		"Silent": {"a sandbox's kernel does not tell", "nr_free_pages 7\n", 0, false},
		"Odd":    {"what is no number says nothing", "oom_kill many\n", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			if n, known := parseOOMKills(test.stat); n != test.n || known != test.known {
				t.Errorf("%d, %v: %s", n, known, test.why)
			}
		})
	}
	if _, known := OOMKills(); !known {
		t.Error("the kernel of this machine does not tell")
	}
}
