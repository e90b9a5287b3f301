package podcgroup

import (
	"strconv"
	"strings"

	"github.com/podlike/podlike/internal/cgroup"
	"github.com/podlike/podlike/internal/pod"
)

// noLimits are the words for none.
const noLimits = "no limits"

// words are limits for people.
func words(l cgroup.Limits) string {
	var all []string
	if l.Memory > 0 {
		all = append(all, "memory "+pod.Size(l.Memory))
	}
	if l.Swap != nil {
		all = append(all, "swap "+pod.Size(*l.Swap))
	}
	if l.CPUs > 0 {
		all = append(all, "cpus "+strconv.FormatFloat(float64(l.CPUs)/1e9, 'f', -1, 64))
	}
	if l.Pids > 0 {
		all = append(all, "pids "+strconv.FormatInt(l.Pids, 10))
	}
	if l.CPUSet != "" {
		all = append(all, "cpuset "+l.CPUSet)
	}
	if all == nil {
		return noLimits
	}
	return strings.Join(all, ", ")
}
