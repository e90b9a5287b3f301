// Package execkill kills what a command has left running, without knowing more of it
// than a mark in its environment, which its children inherit. It starts nothing, and
// sees only the processes of its own PID namespace.
package execkill

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/podlike/podlike/internal/clock"
)

// variable is the environment variable that holds the mark.
const variable = "PODLIKE_EXEC"

// New is a mark that nobody else has.
func New() string { return rand.Text() }

// Env is what a command's environment has to have for the mark.
func Env(mark string) string { return variable + "=" + mark }

// again is how long after a kill to look for those that were just being born.
const again = 10 * time.Millisecond

// Kill kills every process that has the mark, and every one in a session with such a
// process, until there is none left: with a cleared environment a child is still in
// its parent's session. Not to find any is fine, unless some could not be looked at.
func Kill(ctx context.Context, mark string) error {
	for found := false; ; found = true {
		targets, unseen, err := find(mark)
		switch {
		case err != nil:
			return fmt.Errorf("cannot list processes: %w", err)
		case len(targets) == 0 && !found:
			return unseen
		case len(targets) == 0:
			return nil
		}
		for _, t := range targets {
			if err := t.kill(); err != nil {
				return fmt.Errorf("cannot kill process %d: %w", t.pid, err)
			}
		}
		if err := clock.Sleep(ctx, again); err != nil {
			return fmt.Errorf("cannot kill all: %d processes are left: %w", len(targets), err)
		}
	}
}

// A process is one of this PID namespace.
type process struct {
	pid, session int
	marked       bool
	born         string // tells it from a later one with the same number
}

// find finds whom to kill. Unseen says why some could not be looked at.
func find(mark string) (targets []process, unseen, err error) {
	pids, err := numbers()
	if err != nil {
		return nil, nil, err
	}
	var all []process
	sessions := map[int]bool{}
	for _, pid := range pids {
		p, err := look(pid, mark)
		if errors.Is(err, os.ErrPermission) {
			unseen = errors.Join(unseen, err)
		}
		if err != nil {
			continue // it has ended, or is not ours to see
		}
		all = append(all, p)
		if p.marked && p.session != 0 { // 0 is one of another namespace
			sessions[p.session] = true
		}
	}
	for _, p := range all {
		if p.marked || sessions[p.session] {
			targets = append(targets, p)
		}
	}
	return targets, unseen, nil
}

// numbers are those of all processes there are.
func numbers() (pids []int, err error) {
	entries, err := os.ReadDir("/proc")
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, err
}

var errEnded = errors.New("it has ended")

// look looks at a process that has not ended.
func look(pid int, mark string) (process, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return process{}, err
	}
	p, ok := parse(pid, string(stat))
	if !ok {
		return process{}, errEnded
	}
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return process{}, err
	}
	p.marked = strings.Contains("\x00"+string(environment), "\x00"+Env(mark)+"\x00")
	return p, nil
}

// parse reads the content of a /proc/<pid>/stat (proc(5)). It is not ok of a process
// that has ended and was not waited for yet. The name, in parentheses, may hold
// anything.
func parse(pid int, stat string) (p process, ok bool) {
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // from the third on
	const state, session, start = 0, 3, 19
	if len(fields) <= start || strings.ContainsAny(fields[state], "ZX") {
		return process{}, false
	}
	number, err := strconv.Atoi(fields[session])
	return process{pid: pid, session: number, born: fields[start]}, err == nil
}

// kill kills the process, and no later one that has its number.
func (p process) kill() error {
	held, err := os.FindProcess(p.pid) // where the kernel can, it holds on to the process
	if err != nil {
		return err
	}
	defer held.Release()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.pid))
	now, ok := parse(p.pid, string(stat))
	if err != nil || !ok || now.born != p.born {
		return nil // it has ended
	}
	if err := held.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}
