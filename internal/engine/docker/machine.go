package docker

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/system"

	"github.com/podlike/podlike/internal/engine"
)

// Info implements engine.Engine.
func (d *Engine) Info(ctx context.Context) (engine.Info, error) {
	i, err := d.api.Info(ctx)
	if err != nil {
		return engine.Info{}, fail(ctx, err, "ask the engine how it is set up")
	}
	return infoOf(i), nil
}

// infoOf is what of it a pod has to know. A daemon of old says nothing of the version.
func infoOf(i system.Info) engine.Info {
	version, err := strconv.Atoi(i.CgroupVersion)
	if err != nil {
		version = 1
	}
	has := func(option string) bool {
		return slices.ContainsFunc(i.SecurityOptions, func(s string) bool { return slices.Contains(strings.Split(s, ","), "name="+option) })
	}
	return engine.Info{CgroupVersion: version, CgroupDriver: i.CgroupDriver, Rootless: has("rootless"), UserNS: has("userns")}
}

// Limit implements engine.Engine.
func (d *Engine) Limit(ctx context.Context, id engine.ID, l engine.Limits) error {
	_, err := d.api.ContainerUpdate(ctx, string(id), container.UpdateConfig{Resources: container.Resources{
		Memory: l.Memory, MemorySwap: l.MemorySwap, NanoCPUs: l.CPUs, PidsLimit: unlessZero(l.Pids), CpusetCpus: l.CPUSet,
	}})
	return fail(ctx, err, "limit container %.12s", id)
}

// Usage implements engine.Engine.
func (d *Engine) Usage(ctx context.Context, id engine.ID) (u engine.Usage, err error) {
	answer, err := d.api.ContainerStatsOneShot(ctx, string(id))
	if err != nil {
		return u, fail(ctx, err, "measure container %.12s", id)
	}
	var s container.StatsResponse
	if err := errors.Join(json.NewDecoder(answer.Body).Decode(&s), answer.Body.Close()); err != nil {
		return u, fail(ctx, err, "measure container %.12s", id)
	}
	return usageOf(s), nil
}

// usageOf takes the part of the page cache that was not looked at lately from the memory that is
// used. It is called otherwise on cgroup v1, where there are those with and without what is below.
func usageOf(s container.StatsResponse) engine.Usage {
	idle, ok := s.MemoryStats.Stats["total_inactive_file"]
	if !ok {
		idle = s.MemoryStats.Stats["inactive_file"]
	}
	u := engine.Usage{CPU: time.Duration(s.CPUStats.CPUUsage.TotalUsage), Pids: int64(s.PidsStats.Current)}
	if used := s.MemoryStats.Usage; used > idle {
		u.Memory = int64(used - idle)
	}
	for _, e := range s.BlkioStats.IoServiceBytesRecursive {
		switch strings.ToLower(e.Op) {
		case "read":
			u.Read += int64(e.Value)
		case "write":
			u.Written += int64(e.Value)
		}
	}
	return u
}
