package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// hertz is how many of /proc's ticks make a second, on every architecture of Linux.
const hertz = 100

// A Memory is what a process has of it, in kB.
type Memory struct {
	Resident int `json:"resident_kb"`
	Private  int `json:"private_kb"` // what nobody else could use: anonymous memory
}

// memoryOf reads what a process has.
func memoryOf(pid int) (m Memory, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		return m, fmt.Errorf("cannot read a process's memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			continue
		}
		switch n, _ := strconv.Atoi(fields[1]); fields[0] {
		case "Rss:":
			m.Resident = n
		case "Anonymous:":
			m.Private = n
		}
	}
	return m, nil
}

// machine is how many seconds of CPU this machine has used since it started.
func machine() (float64, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("cannot read the machine's use: %w", err)
	}
	fields := strings.Fields(strings.SplitN(string(text), "\n", 2)[0])
	if len(fields) < 8 {
		return 0, errors.New("cannot read the machine's use: /proc/stat has too few fields")
	}
	ticks := 0
	for i, field := range fields[1:8] {
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, fmt.Errorf("cannot read the machine's use: %w", err)
		}
		if i != 3 && i != 4 { // idle, and waiting for a disk
			ticks += n
		}
	}
	return float64(ticks) / hertz, nil
}

// A process is one in /proc: what it and those of its children that have ended used.
type process struct {
	pid, parent, ticks int
	name               string
}

// engineUse is how many seconds of CPU the engine has used with all that it runs:
// dockerd, containerd, the shims, and what descends from a shim: containers, runc and
// health checks. Others on this machine are not counted, nor is the kernel on its own.
func engineUse() (float64, error) {
	all, err := processes()
	if err != nil {
		return 0, err
	}
	ticks, found := 0, false
	for _, p := range all {
		found = found || p.name == "dockerd"
		if all.ofEngine(p) {
			ticks += p.ticks
		}
	}
	if !found {
		return 0, errors.New("cannot find the engine among this machine's processes: there is no dockerd")
	}
	return float64(ticks) / hertz, nil
}

// tree are processes by ID.
type tree map[int]process

// ofEngine tells whether a process is the engine's or descends from a shim.
func (all tree) ofEngine(p process) bool {
	if p.name == "dockerd" || p.name == "containerd" {
		return true
	}
	for there := true; there; p, there = all[p.parent] {
		if strings.HasPrefix(p.name, "containerd-shim") {
			return true
		}
	}
	return false
}

// processes are all there are. One that ends meanwhile is in what its parent used.
func processes() (tree, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	all := tree{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if p, ok := parseProcess(string(text)); ok {
			all[p.pid] = p
		}
	}
	return all, nil
}

// parseProcess reads what /proc/PID/stat says (proc(5)). The name may have anything in it.
func parseProcess(text string) (p process, ok bool) {
	open, end := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if open < 0 || end < open {
		return p, false
	}
	p.name = text[open+1 : end]
	fields := strings.Fields(text[end+1:]) // from the third on
	if len(fields) < 15 {
		return p, false
	}
	p.pid, _ = strconv.Atoi(strings.TrimSpace(text[:open]))
	p.parent, _ = strconv.Atoi(fields[1])
	for _, used := range fields[11:15] { // its own, and its children's, in two parts each
		n, _ := strconv.Atoi(used)
		p.ticks += n
	}
	return p, true
}
