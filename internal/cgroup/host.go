package cgroup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/containerd/cgroups/v3/cgroup2"
	"github.com/containerd/cgroups/v3/cgroup2/stats"
	"golang.org/x/sys/unix"

	"github.com/podlike/podlike/internal/clock"
)

// A Host is the engine's machine, as far as this process can reach its groups.
type Host struct {
	// Root is where the machine's hierarchy is mounted here. Empty: it is not.
	Root string
	// Bus is the path here of the socket of the machine's system bus. Empty: there is none.
	Bus string
}

// Make makes a pod's group with its limits. One that is there gets them.
func (h Host) Make(ctx context.Context, g Group, l Limits) error {
	if g.Driver == Systemd {
		return h.start(ctx, g, l)
	}
	m, err := cgroup2.NewManager(h.Root, g.Path, l.resources(h.dir(g)))
	if err == nil && h.has(g, swapMax) {
		err = m.Update(&cgroup2.Resources{Memory: &cgroup2.Memory{Swap: l.swap()}})
	}
	return about(g, "make", err)
}

// swapMax is where the limit of swap is, where the kernel counts that.
const swapMax = "memory.swap.max"

// has reports whether a group has a file.
func (h Host) has(g Group, name string) bool {
	_, err := os.Stat(filepath.Join(h.dir(g), name))
	return err == nil
}

// Limit changes the limits of a pod's group.
func (h Host) Limit(ctx context.Context, g Group, l Limits) error {
	if g.Driver == Systemd {
		return h.set(ctx, g, l)
	}
	return h.Make(ctx, g, l)
}

// about says what could not be done with a group.
func about(g Group, do string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("cannot %s the control group %s: %w", do, g.Path, err)
}

const (
	// period is that of which a group gets a part of each processor, in microseconds: the kernel's
	// own.
	period = 100_000
	// unlimited is what the kernel takes for as much as there is.
	unlimited int64 = math.MaxInt64
)

// resources are limits in the library's words, for a group in a directory. What is not limited
// is said where it may have been before, so that no controller is needed for that.
func (l Limits) resources(dir string) *cgroup2.Resources {
	before := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	r := &cgroup2.Resources{}
	if l.Memory > 0 || before("memory.max") {
		most := cmp.Or(l.Memory, unlimited)
		r.Memory = &cgroup2.Memory{Max: &most}
	}
	if l.CPUs > 0 {
		quota, every := max(l.CPUs*period/1e9, 1000), uint64(period) // the kernel takes no less than a millisecond
		r.CPU = &cgroup2.CPU{Max: cgroup2.NewCPUMax(&quota, &every)}
	} else if before("cpu.max") {
		r.CPU = &cgroup2.CPU{Max: cgroup2.NewCPUMax(nil, nil)}
	}
	if l.CPUSet != "" {
		if r.CPU == nil {
			r.CPU = &cgroup2.CPU{}
		}
		r.CPU.Cpus = l.CPUSet
	}
	if l.Pids > 0 || before("pids.max") {
		r.Pids = &cgroup2.Pids{Max: cmp.Or(l.Pids, -1)}
	}
	return r
}

// swap is the limit of swap as it is written.
func (l Limits) swap() *int64 {
	if l.Swap != nil {
		return l.Swap
	}
	all := int64(unlimited)
	return &all
}

// dir is where a group's files are here: of cgroup v1 those of the hierarchy that systemd has for
// itself, in which all of its units are.
func (h Host) dir(g Group) string {
	if g.Version == 1 {
		return filepath.Join(h.Root, "systemd", g.Path)
	}
	return filepath.Join(h.Root, g.Path)
}

// Look reads how a group is. It has to be of cgroup v2.
func (h Host) Look(g Group) (State, error) {
	m, err := cgroup2.Load(g.Path, cgroup2.WithMountpoint(h.Root))
	if err != nil {
		return State{}, about(g, "look at", err)
	}
	if g.Version == 1 || !exists(h.dir(g)) {
		return State{}, about(g, "look at", fs.ErrNotExist)
	}
	all, err := m.Stat()
	if err != nil {
		return State{}, about(g, "look at", err)
	}
	s := State{
		Kills: all.GetMemoryEvents().GetOomKill(), Hits: h.ownHits(g), Memory: all.GetMemory().GetUsage(),
		CPU: all.GetCPU().GetUsageUsec(), Pids: all.GetPids().GetCurrent(), Pressure: pressure(all),
	}
	s.Memory -= min(s.Memory, all.GetMemory().GetInactiveFile())
	for _, e := range all.GetIo().GetUsage() {
		s.Read += e.GetRbytes()
		s.Written += e.GetWbytes()
	}
	return s, nil
}

// pressure is nil where the kernel does not tell.
func pressure(all *stats.Metrics) *Pressure {
	memory, cpu, io := all.GetMemory().GetPSI(), all.GetCPU().GetPSI(), all.GetIo().GetPSI()
	if memory == nil && cpu == nil && io == nil {
		return nil
	}
	return &Pressure{memory.GetSome().GetAvg10(), cpu.GetSome().GetAvg10(), io.GetSome().GetAvg10()}
}

// ownHits is how often a group's own limit was hit, and not that of a group below. Before Linux
// 5.12 only both together are told.
func (h Host) ownHits(g Group) uint64 {
	for _, name := range []string{"memory.events.local", "memory.events"} {
		text, err := os.ReadFile(filepath.Join(h.dir(g), name))
		if err == nil {
			return numberIn(string(text), "oom")
		}
	}
	return 0
}

// numberIn is the number behind a name at the beginning of a line. Zero: there is none.
func numberIn(text, name string) (n uint64) {
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			fmt.Sscan(value, &n)
		}
	}
	return n
}

// Remove removes a pod's group when nothing runs in it any more, which is waited for until ctx
// is done. One that is not there is removed.
func (h Host) Remove(ctx context.Context, g Group) error {
	if err := h.emptied(ctx, g); err != nil {
		return about(g, "remove", err)
	}
	if g.Driver == Systemd {
		return about(g, "remove", h.stop(ctx, g))
	}
	err := rmdirs(h.dir(g))
	if err == nil {
		_ = unix.Rmdir(filepath.Dir(h.dir(g))) // that of all pods, if this was the last
	}
	return about(g, "remove", err)
}

// rmdirs removes a group and all below it, of which none has processes.
func rmdirs(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if e.IsDir() {
			err = errors.Join(err, rmdirs(filepath.Join(dir, e.Name())))
		}
	}
	if gone := unix.Rmdir(dir); gone != nil && gone != unix.ENOENT {
		err = errors.Join(err, gone)
	}
	return err
}

// glance is how long is waited at most before the context is looked at again.
const glance = 200 * time.Millisecond

// errBusy: what is to be removed is in use.
var errBusy = errors.New("something still runs in it")

// emptied waits until nothing runs in a group. On cgroup v2 the kernel tells when that changes.
func (h Host) emptied(ctx context.Context, g Group) error {
	if h.Root == "" { // systemd knows
		return nil
	}
	events, err := os.Open(filepath.Join(h.dir(g), "cgroup.events"))
	if err == nil {
		defer events.Close()
	}
	for h.isBusy(g) {
		switch {
		case ctx.Err() != nil:
			return errBusy
		case events == nil:
			_ = clock.Sleep(ctx, glance) // which is looked at above
		default:
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(events.Fd()), Events: unix.POLLPRI}}, int(glance.Milliseconds())) // or a signal came
		}
	}
	return nil
}

// isBusy reports whether something runs in a group or below it. What is not there is not busy.
func (h Host) isBusy(g Group) bool {
	if g.Version == 2 {
		events, _ := os.ReadFile(filepath.Join(h.dir(g), "cgroup.events"))
		return numberIn(string(events), "populated") > 0
	}
	busy := false
	_ = filepath.WalkDir(h.dir(g), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Name() == "cgroup.procs" {
			procs, _ := os.ReadFile(path) // it may go meanwhile
			busy = busy || len(procs) > 0
		}
		return nil
	})
	return busy
}

// Pods are the groups of pods of their own in which nothing runs, whoever's they are.
func (h Host) Pods(s Setup) (all []Group) {
	parent := filepath.Dir(s.Of("x").Path)
	entries, _ := os.ReadDir(h.dir(Group{s, parent})) // without one there are none
	for _, e := range entries {
		g := Group{s, filepath.Join(parent, e.Name())}
		if e.IsDir() && g.Owner() != "" && s.Of(g.Owner()).Path == g.Path && !h.isBusy(g) {
			all = append(all, g)
		}
	}
	return all
}
