package podcgroup

import (
	"github.com/podlike/podlike/internal/cgroup"
	"github.com/podlike/podlike/internal/engine"
)

// DefaultReserve is how many bytes of its memory a supervisor keeps for itself.
const DefaultReserve = 32 << 20

// share are a container's limits without what its own process needs of the memory: that much, but
// never more than half of it.
func share(l engine.Limits, reserve int64) cgroup.Limits {
	all := cgroup.Limits{CPUs: l.CPUs, Pids: max(l.Pids, 0), CPUSet: l.CPUSet}
	if l.Memory > 0 {
		all.Memory = l.Memory - min(reserve, l.Memory/2)
	}
	if l.Memory > 0 && l.MemorySwap > 0 {
		swap := max(l.MemorySwap-l.Memory, 0)
		all.Swap = &swap
	}
	return all
}
