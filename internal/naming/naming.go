// Package naming has the components of a pod find each other by name. They see the
// supervisor's hosts file, whatever network it has, so that a name is written once for all.
// The supervisor does so itself where it may; else a helper does. Components wait for that,
// and for nothing else that is about names. Which names there are is decided elsewhere, and
// package hosts knows the file.
package naming

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/podlike/podlike/internal/event"
	"github.com/podlike/podlike/internal/hosts"
	"github.com/podlike/podlike/internal/pod"
)

const (
	// writing is how long it may take to have names written.
	writing = 10 * time.Second
	// asking is how long the networks may take to say which names they know.
	asking = 5 * time.Second
)

// A Namer has the components of one pod find each other by name. Its fields are set before
// Begin, and Emit before all else.
type Namer struct {
	Names []string
	// Own are names that the networks know this pod's service by.
	Own []string
	// File is the hosts file. Mounted: it is one that somebody has mounted, and may be the
	// machine's own.
	File    string
	Mounted bool
	// Server is where to ask for names of the service's networks. Empty: nobody knows any.
	Server string
	// Write has a helper write the names, in place of what was there of us or beside it.
	Write func(ctx context.Context, names []string, beside bool) error
	// Emit takes what is wrong.
	Emit event.Sink

	mu    sync.Mutex
	quiet bool // nobody is to be told any more
}

// Begin begins to see to the names. The channel is closed when they are known, or cannot be;
// it is nil where there are none. The function ends it all.
func (n *Namer) Begin(ctx context.Context) (<-chan struct{}, func()) {
	if len(n.Names) == 0 {
		return nil, func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // while the pod stops names are known
	named := make(chan struct{})
	var working sync.WaitGroup
	working.Go(func() {
		n.first(ctx)
		close(named)
		n.keep(ctx)
	})
	working.Go(func() { n.compare(ctx) })
	return named, func() {
		cancel()
		working.Wait()
	}
}

// Until is a sink that takes all, and after the record that a pod stops none of ours.
func (n *Namer) Until(to event.Sink) event.Sink {
	return func(e event.Event) {
		if e.Kind == event.Stopping {
			n.mu.Lock()
			n.quiet = true
			n.mu.Unlock()
		}
		to(e)
	}
}

// warn tells what is wrong with names.
func (n *Namer) warn(format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.quiet {
		n.Emit(event.Event{At: time.Now(), Kind: event.ConfigWarning, Why: fmt.Sprintf(format, args...)})
	}
}

// first writes the names at the beginning of a pod's life.
func (n *Namer) first(ctx context.Context) {
	if n.Mounted {
		if hosts.Lacks(n.File, n.Names) {
			n.warn("%s is mounted into the supervisor and left as it is: leave out the mount, or write in it that %s are %s, for components to find each other",
				n.File, strings.Join(n.Names, ", "), pod.Loopback)
		}
		return
	}
	taken, err := hosts.Write(n.File, n.Names)
	n.warnTaken(taken)
	if err != nil {
		n.send(ctx, false)
	}
}

// send has a helper write the names.
func (n *Namer) send(ctx context.Context, beside bool) {
	ctx, cancel := context.WithTimeout(ctx, writing)
	defer cancel()
	if err := n.Write(ctx, n.Names, beside); err != nil {
		n.warn("components do not find each other by name: %s: %v; write %s for them", strings.Join(n.Names, ", "), err, pod.Loopback)
	}
}

// warnTaken tells which names mean something else, for which somebody has asked the engine. Those
// that mean the pod in its network are no news.
func (n *Namer) warnTaken(taken []hosts.Taken) {
	mine := ownAddresses()
	var said []string
	for _, t := range taken {
		if at, err := netip.ParseAddr(t.Address); err != nil || !slices.Contains(mine, at) {
			said = append(said, t.Name+" is "+t.Address)
		}
	}
	if len(said) > 0 {
		n.warn("in %s of the service, by its extra_hosts perhaps, %s, and stays that; components do not find each other by such a name",
			n.File, strings.Join(said, ", "))
	}
}

// keep puts names back when somebody has written to the file and left them out. Another pod may
// have its own there, as containers can share the network of one that is neither's.
func (n *Namer) keep(ctx context.Context) {
	if n.Mounted {
		return
	}
	err := hosts.Watch(ctx, n.File, func() {
		if hosts.Lacks(n.File, n.Names) && hosts.Restore(n.File, n.Names) != nil {
			n.send(ctx, true)
		}
	})
	if err != nil {
		n.warn("names that the engine takes out of %s when the service's networks change are not put back: %v", n.File, err)
	}
}

// compare tells which of the names the service's networks know as well: components do not
// reach what has them there.
func (n *Namer) compare(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, asking)
	defer cancel()
	if n.Server == "" {
		return
	}
	names := slices.DeleteFunc(slices.Clone(n.Names), func(name string) bool { return slices.Contains(n.Own, name) })
	found, err := hosts.Ask(ctx, n.Server, names)
	if err != nil { // nobody can be told more than that
		return
	}
	mine := ownAddresses()
	var said []string
	for _, name := range names {
		others := slices.DeleteFunc(found[name], func(at netip.Addr) bool { return slices.Contains(mine, at) })
		if len(others) > 0 {
			said = append(said, fmt.Sprintf("%s (%s)", name, others[0]))
		}
	}
	if len(said) > 0 {
		n.warn("the service's networks know %s as well, which the components do not reach by that name: it is %s in the pod; "+
			"use another name, or set the label %s to false", strings.Join(said, ", "), pod.Loopback, pod.MakeKnown)
	}
}

// ownAddresses are those that this container has in its networks.
func ownAddresses() (all []netip.Addr) {
	found, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range found {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			all = append(all, prefix.Addr())
		}
	}
	return all
}
