package cgroup

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// mounted is where this process has its own groups: only those, in a namespace of its own.
const mounted = "/sys/fs/cgroup"

// limitFiles are where limits are, from where this process has its own group: of v2, and of v1.
var limitFiles = []string{
	"memory.max", "memory.swap.max", "cpu.max", "pids.max", "cpuset.cpus",
	"memory/memory.limit_in_bytes", "memory/memory.memsw.limit_in_bytes", "cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us", "pids/pids.max", "cpuset/cpuset.cpus",
}

// Follow tells whenever somebody has written a limit of this process's own group, until ctx is
// done. Where nothing can be followed, that is the error.
func Follow(ctx context.Context, tell func()) error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return err
	}
	changes := os.NewFile(uintptr(fd), "inotify")
	defer changes.Close()
	found := 0
	for _, name := range limitFiles {
		if _, err := unix.InotifyAddWatch(fd, filepath.Join(ownDir(), name), unix.IN_MODIFY); err == nil {
			found++
		}
	}
	if found == 0 {
		return errors.New("this process does not see its own control group")
	}
	defer context.AfterFunc(ctx, func() { changes.Close() })()
	buffer := make([]byte, 4096)
	for {
		if _, err := changes.Read(buffer); err != nil {
			return ctx.Err()
		}
		tell()
	}
}

// ownDir is where this process has its own group: at the root of what is mounted, but in the
// namespace of cgroup v2 that the machine has.
func ownDir() string {
	paths, err := Paths()
	if err != nil || len(paths) != 1 {
		return mounted
	}
	if dir := filepath.Join(mounted, paths[0]); exists(filepath.Join(dir, "cgroup.procs")) {
		return dir
	}
	return mounted
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
