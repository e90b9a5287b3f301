package cgroup

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// OOMKills is how many processes the kernel of this machine has killed for lack of
// memory since it was booted, in whatever control group, if it tells (Linux 4.13).
func OOMKills() (n int64, known bool) {
	stat, err := os.ReadFile("/proc/vmstat")
	if err != nil {
		return 0, false
	}
	return parseOOMKills(string(stat))
}

// parseOOMKills reads what /proc/vmstat says: a name and a number a line.
func parseOOMKills(stat string) (n int64, known bool) {
	for line := range strings.Lines(stat) {
		if count, ok := strings.CutPrefix(line, "oom_kill "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(count), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// Starved reports whether the kernel has killed something for lack of memory in a container below this
// process's own group, on cgroup v1. Not known: it is not seen from here.
func Starved(container string) (did, known bool) {
	text, err := os.ReadFile(filepath.Join(mounted, "memory", mark, container, "memory.oom_control"))
	if err != nil {
		return false, false
	}
	return numberIn(string(text), "oom_kill") > 0, true
}
