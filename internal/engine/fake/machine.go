package fake

import (
	"context"

	"github.com/podlike/podlike/internal/engine"
)

// A machine is what an engine runs on, and what containers may use of it and do use.
type machine struct {
	on   *Engine
	info engine.Info
}

// Info implements engine.Engine.
func (m *machine) Info(ctx context.Context) (i engine.Info, err error) {
	err = m.on.call(ctx, "Info", "the machine", func() error {
		m.on.mu.Lock()
		defer m.on.mu.Unlock()
		i = m.info
		return nil
	})
	return i, err
}

// SetInfo says how the engine's machine is set up. Without it that is cgroup v1 with cgroupfs.
func (m *machine) SetInfo(i engine.Info) {
	m.on.mu.Lock()
	defer m.on.mu.Unlock()
	m.info = i
}

// Limit implements engine.Engine.
func (m *machine) Limit(ctx context.Context, id engine.ID, l engine.Limits) error {
	return m.on.callWith(ctx, "Limit", id, func(c *container) error {
		for of, to := range map[*int64]int64{
			&c.Resources.Memory: l.Memory, &c.Resources.MemorySwap: l.MemorySwap, &c.Resources.CPUs: l.CPUs, &c.Resources.Pids: l.Pids,
		} {
			if to != 0 {
				*of = to
			}
		}
		if l.CPUSet != "" {
			c.Resources.CPUSet = l.CPUSet
		}
		return nil
	})
}

// Usage implements engine.Engine.
func (m *machine) Usage(ctx context.Context, id engine.ID) (u engine.Usage, err error) {
	err = m.on.callWith(ctx, "Usage", id, func(c *container) error {
		if c.running {
			u = c.usage
		}
		return nil
	})
	return u, err
}

// Use is what happens from outside: a container uses so much from now on.
func (m *machine) Use(name string, u engine.Usage) {
	if c, ok := m.on.named(name); ok {
		m.on.mu.Lock()
		defer m.on.mu.Unlock()
		c.usage = u
	}
}

// idle is what a container uses of which nobody says more.
var idle = engine.Usage{Memory: 1 << 20, CPU: 1e6, Pids: 1}

// limits are what a container may use.
func (c *container) limits() engine.Limits {
	r := c.Resources
	return engine.Limits{Memory: r.Memory, MemorySwap: r.MemorySwap, CPUs: r.CPUs, Pids: r.Pids, CPUSet: r.CPUSet}
}
