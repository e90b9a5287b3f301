package cgroup

import (
	"context"
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"

	"github.com/coreos/go-systemd/v22/dbus"
	bus "github.com/godbus/dbus/v5"
)

// With the systemd driver limits that are written into files get lost with the next
// daemon-reload. So systemd is asked, over the machine's system bus, and writes them itself.

// connect reaches systemd.
func (h Host) connect(ctx context.Context) (*dbus.Conn, error) {
	return dbus.NewConnection(func() (*bus.Conn, error) {
		c, err := bus.Dial("unix:path="+h.Bus, bus.WithContext(ctx))
		if err != nil {
			return nil, err
		}
		if err := c.Auth(nil); err != nil {
			c.Close()
			return nil, err
		}
		if err := c.Hello(); err != nil {
			c.Close()
			return nil, err
		}
		return c, nil
	})
}

// start starts a slice with limits, or gives them to one that the engine was quicker to start.
func (h Host) start(ctx context.Context, g Group, l Limits) error {
	c, err := h.connect(ctx)
	if err != nil {
		return about(g, "make", err)
	}
	defer c.Close()
	unit, all := path.Base(g.Path), append([]dbus.Property{dbus.PropDescription("the pod of " + g.Owner())}, l.properties()...)
	// The slice of all pods goes with the last of them, but one that is there was made without that.
	goes := dbus.PropertyCollection{Name: own + slice, Properties: []dbus.Property{property("StopWhenUnneeded", true)}}
	err = job(ctx, func(done chan<- string) error {
		_, err := c.StartTransientUnitAux(ctx, unit, "fail", all, []dbus.PropertyCollection{goes}, done)
		return err
	})
	if err != nil {
		err = job(ctx, func(done chan<- string) error {
			_, err := c.StartTransientUnitContext(ctx, unit, "fail", all, done)
			return err
		})
	}
	if err != nil {
		err = c.SetUnitPropertiesContext(ctx, unit, true, l.properties()...)
	}
	return about(g, "make", err)
}

// set changes the limits of a slice.
func (h Host) set(ctx context.Context, g Group, l Limits) error {
	c, err := h.connect(ctx)
	if err != nil {
		return about(g, "limit", err)
	}
	defer c.Close()
	return about(g, "limit", c.SetUnitPropertiesContext(ctx, path.Base(g.Path), true, l.properties()...))
}

// stop ends a slice in which nothing runs, and forgets what was set of it. The slice of all pods
// goes with the last of them.
func (h Host) stop(ctx context.Context, g Group) error {
	c, err := h.connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	unit := path.Base(g.Path)
	if err := stopUnit(ctx, c, unit); err != nil {
		return err
	}
	if err := h.revert(ctx, unit); err != nil {
		return err
	}
	others, err := c.ListUnitsByPatternsContext(ctx, []string{"active"}, []string{own + "-*" + slice})
	if err != nil || len(others) > 0 {
		return err
	}
	return stopUnit(ctx, c, own+slice)
}

// stopUnit stops a unit that is there.
func stopUnit(ctx context.Context, c *dbus.Conn, unit string) error {
	there, err := c.ListUnitsByNamesContext(ctx, []string{unit})
	if err != nil || len(there) == 0 || there[0].ActiveState != "active" {
		return err
	}
	return job(ctx, func(done chan<- string) error {
		_, err := c.StopUnitContext(ctx, unit, "fail", done)
		return err
	})
}

// revert removes what systemd has written down of a unit whose properties were set.
func (h Host) revert(ctx context.Context, unit string) error {
	c, err := bus.Connect("unix:path="+h.Bus, bus.WithContext(ctx))
	if err != nil {
		return err
	}
	defer c.Close()
	manager := c.Object("org.freedesktop.systemd1", "/org/freedesktop/systemd1")
	return manager.CallWithContext(ctx, "org.freedesktop.systemd1.Manager.RevertUnitFiles", 0, []string{unit}).Err
}

// job does what systemd makes a job of, and waits for its end.
func job(ctx context.Context, do func(done chan<- string) error) error {
	done := make(chan string, 1)
	if err := do(done); err != nil {
		return err
	}
	select {
	case result := <-done:
		if result != "done" {
			return fmt.Errorf("systemd's job has ended as %s", result)
		}
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// properties are limits in systemd's words, which it has for both versions. What is not
// limited is said as well, as it may have been before.
func (l Limits) properties() []dbus.Property {
	const all = uint64(math.MaxUint64) // infinity
	memory, swap, pids, quota := all, all, all, all
	if l.Memory > 0 {
		memory = uint64(l.Memory)
	}
	if l.Swap != nil {
		swap = uint64(*l.Swap)
	}
	if l.Pids > 0 {
		pids = uint64(l.Pids)
	}
	if l.CPUs > 0 {
		quota = max(uint64(l.CPUs)/1000, 1000) // microseconds of each second
	}
	properties := []dbus.Property{
		property("MemoryAccounting", true), property("MemoryMax", memory), property("MemorySwapMax", swap),
		property("TasksAccounting", true), property("TasksMax", pids),
		property("CPUAccounting", true), property("CPUQuotaPerSecUSec", quota),
	}
	if set := maskOf(l.CPUSet); len(set) > 0 {
		properties = append(properties, property("AllowedCPUs", set))
	}
	return properties
}

func property(name string, value any) dbus.Property {
	return dbus.Property{Name: name, Value: bus.MakeVariant(value)}
}

// maskOf is a list such as 0-2,5 as the bits of bytes, the lowest first.
func maskOf(list string) (mask []byte) {
	for _, n := range cpusIn(list) {
		for len(mask) <= n/8 {
			mask = append(mask, 0)
		}
		mask[n/8] |= 1 << (n % 8)
	}
	return mask
}

// cpusIn are the processors of a list such as 0-2,5.
func cpusIn(list string) (all []int) {
	for part := range strings.SplitSeq(list, ",") {
		first, last, isRange := strings.Cut(strings.TrimSpace(part), "-")
		from, err := strconv.Atoi(first)
		if err != nil {
			continue
		}
		to := from
		if isRange {
			if to, err = strconv.Atoi(last); err != nil {
				continue
			}
		}
		for n := from; n <= to && n < 1<<13; n++ { // no machine has more
			all = append(all, n)
		}
	}
	return all
}
