package pod_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/pod"
)

func TestClampLowersWhatIsAboveTheSupervisorsOwn(t *testing.T) {
	own := pod.Limits{Memory: 100, MemorySwap: 200, CPUs: 5e8, Pids: 10}
	for name, test := range map[string]struct {
		why         string
		own         pod.Limits
		given, want pod.Resources
		lowered     string
	}{
		"Nothing":   {"what is not limited stays so: the pod's cgroup sees to it", own, pod.Resources{}, pod.Resources{}, ""},
		"Below":     {"less is fine", own, pod.Resources{Memory: 100, CPUs: 1, Pids: 9}, pod.Resources{Memory: 100, CPUs: 1, Pids: 9}, ""},
		"NoLimits":  {"a supervisor without limits has none to give", pod.Limits{}, pod.Resources{Memory: 1e12, Pids: -1}, pod.Resources{Memory: 1e12, Pids: -1}, ""},
		"Unlimited": {"no limit is above any", own, pod.Resources{Pids: -1}, pod.Resources{Pids: 10}, "pod.component.a: pids_limit: -1 is more than the supervisor itself may use, and lowered to 10"},
		"CPUs":      {"in either form", own, pod.Resources{CPUs: 1e9}, pod.Resources{CPUs: 5e8}, "pod.component.a: cpus: 1 is more than the supervisor itself may use, and lowered to 0.5"},
		"Quota":     {"of the kernel's period", own, pod.Resources{CPUQuota: 60000}, pod.Resources{CPUQuota: 50000}, "pod.component.a: cpu_quota: 60000 is more than the supervisor itself may use, and lowered to 50000"},
		"Period":    {"of a period of its own", own, pod.Resources{CPUQuota: 5000, CPUPeriod: 10000}, pod.Resources{CPUQuota: 5000, CPUPeriod: 10000}, ""},
		"Swap":      {"of which an engine gives as much as memory, unless told otherwise", pod.Limits{Memory: 100, MemorySwap: 150}, pod.Resources{Memory: 80}, pod.Resources{Memory: 80, MemorySwap: 150}, ""},
		"LessSwap":  {"which may be less than there is", pod.Limits{Memory: 100, MemorySwap: 150}, pod.Resources{Memory: 70}, pod.Resources{Memory: 70}, ""},
		"Sizes": {
			"told as they are written", pod.Limits{Memory: 64 << 20, MemorySwap: 65<<10 + 1}, pod.Resources{Memory: 1 << 30, MemoryReservation: 1536 << 20, MemorySwap: -1},
			pod.Resources{Memory: 64 << 20, MemoryReservation: 64 << 20, MemorySwap: 65<<10 + 1},
			"pod.component.a: mem_limit: 1g is more than the supervisor itself may use, and lowered to 64m\npod.component.a: mem_reservation: 1536m is more than the supervisor itself may use, and lowered to 64m\npod.component.a: memswap_limit: -1 is more than the supervisor itself may use, and lowered to 66561",
		},
		"AllMemory": {
			"memory is lowered with all that belongs to it", own,
			pod.Resources{Memory: 300, MemorySwap: 400, MemoryReservation: 150}, pod.Resources{Memory: 100, MemorySwap: 200, MemoryReservation: 100},
			"pod.component.a: mem_limit: 300 is more than the supervisor itself may use, and lowered to 100\npod.component.a: mem_reservation: 150 is more than the supervisor itself may use, and lowered to 100\npod.component.a: memswap_limit: 400 is more than the supervisor itself may use, and lowered to 200",
		},
	} {
		t.Run(name, func(t *testing.T) {
			given := pod.Pod{Components: []pod.Component{{Name: "a", Resources: test.given}}}
			got, lowered := pod.Clamp(given, test.own)
			if diff := cmp.Diff([]pod.Component{{Name: "a", Resources: test.want}}, got.Components); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
			if diff := cmp.Diff(test.lowered, lowered.Error()); diff != "" {
				t.Errorf("%s:\n%s", test.why, diff)
			}
			if given.Components[0].Resources.Memory != test.given.Memory {
				t.Error("Clamp changed the pod it was given")
			}
		})
	}
}
