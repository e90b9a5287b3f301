package main

import (
	"context"
	"os"
	goruntime "runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/live"
)

// settled is how long after its start a pod that still comes up, as one does that waits for an
// initial component, has read all that it was told.
const settled = 10 * time.Second

// releasing is a sink that has memory given back, by release, as soon as the pod has come up, and
// once while it may still be at that: what only the start needed. The returned function ends that.
func releasing(ctx context.Context, to event.Sink, release func()) (event.Sink, func()) {
	ctx, cancel := context.WithCancel(ctx)
	up := make(chan struct{}, 1)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		soon, cancel := context.WithTimeout(ctx, settled)
		defer cancel()
		live.Wait(soon, up)
		for ctx.Err() == nil {
			release()
			live.Wait(ctx, up)
		}
	})
	tell := func(e event.Event) {
		to(e)
		if e.Kind == event.Running {
			select {
			case up <- struct{}{}:
			default: // that is to be done already
			}
		}
	}
	return tell, func() {
		cancel()
		waiting.Wait()
	}
}

// release gives heap and program back. Reading labels takes 9 MB of heap for a moment, of
// which the runtime would keep some for minutes. Of the program it maps nearly all, and the
// kernel holds on to pages of programs that anybody maps; most of it, readers and
// schemas, is not run again. What is gets mapped anew, from memory.
func release() {
	goruntime.FreeOSMemory()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return // it is as large as it was, no more
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for _, r := range readOnly(string(maps), program) {
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, r.from, r.to-r.from, syscall.MADV_DONTNEED)
	}
}

// A span is a part of the address space.
type span struct{ from, to uintptr }

// readOnly are the parts of /proc/self/maps (proc(5)) in which a file is that nobody can
// have changed there: to give back what has been written would lose it.
func readOnly(maps, file string) (all []span) {
	for line := range strings.Lines(maps) {
		fields := strings.Fields(line)
		if len(fields) != 6 || fields[5] != file || fields[1] != "r-xp" && fields[1] != "r--p" {
			continue
		}
		first, last, _ := strings.Cut(fields[0], "-")
		from, err := strconv.ParseUint(first, 16, 64)
		to, wrong := strconv.ParseUint(last, 16, 64)
		if err == nil && wrong == nil {
			all = append(all, span{uintptr(from), uintptr(to)})
		}
	}
	return all
}
