package cgroup

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Own is how the group is that this process is in, with all below it, on cgroup v1. It is what a pod is in
// whose containers are below that of its supervisor.
func Own() (State, error) { return readV1(mounted) }

// readV1 reads a group from where its hierarchies are.
func readV1(root string) (s State, err error) {
	stat, err := os.ReadFile(filepath.Join(root, "memory", "memory.stat"))
	if err != nil {
		return s, err
	}
	if s.Memory, err = number(root, "memory", "memory.usage_in_bytes"); err != nil {
		return s, err
	}
	s.Memory -= min(s.Memory, numberIn(string(stat), "total_inactive_file"))
	if s.CPU, err = number(root, "cpuacct", "cpuacct.usage"); err != nil {
		return s, err
	}
	s.CPU /= 1000                                             // nanoseconds
	s.Pids, _ = number(root, "pids", "pids.current")          // which not every kernel counts
	io, _ := os.ReadFile(filepath.Join(root, "blkio", bytes)) // nor this
	for line := range strings.Lines(string(io)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		n, err := strconv.ParseUint(fields[2], 10, 64)
		switch {
		case err != nil:
		case fields[1] == "Read":
			s.Read += n
		case fields[1] == "Write":
			s.Written += n
		}
	}
	return s, nil
}

// bytes is how much was read from and written to each device.
const bytes = "blkio.throttle.io_service_bytes_recursive"

// number is that in a file.
func number(parts ...string) (uint64, error) {
	text, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		return 0, err
	}
	return strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
}
