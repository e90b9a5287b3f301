package docker

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/docker/docker/api/types/blkiodev"
	"github.com/docker/docker/api/types/container"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/podlike/podlike/internal/engine"
)

// secure says in Docker's words what a container may do.
func secure(h *container.HostConfig, s engine.Security) {
	h.Privileged, h.ReadonlyRootfs = s.Privileged, s.ReadOnly
	h.CapAdd, h.CapDrop, h.GroupAdd = s.CapAdd, s.CapDrop, s.Groups
	for _, option := range s.Options {
		if option == "systempaths=unconfined" { // a word of the docker command line's, which the API does not know
			h.MaskedPaths, h.ReadonlyPaths = []string{}, []string{}
			continue
		}
		h.SecurityOpt = append(h.SecurityOpt, option)
	}
}

// resources says in Docker's words what a container may use.
func resources(c engine.Container) container.Resources {
	r := container.Resources{
		Memory:             c.Resources.Memory,
		MemoryReservation:  c.Resources.MemoryReservation,
		MemorySwap:         c.Resources.MemorySwap,
		MemorySwappiness:   c.Resources.Swappiness,
		OomKillDisable:     unlessZero(c.Resources.NoOOMKill),
		NanoCPUs:           c.Resources.CPUs,
		CPUShares:          c.Resources.CPUShares,
		CpusetCpus:         c.Resources.CPUSet,
		CgroupParent:       c.CgroupParent,
		CPUPeriod:          c.Resources.CPUPeriod,
		CPUQuota:           c.Resources.CPUQuota,
		CPURealtimePeriod:  c.Resources.CPURealtimePeriod,
		CPURealtimeRuntime: c.Resources.CPURealtimeRuntime,
		CPUCount:           c.Resources.CPUCount,
		CPUPercent:         c.Resources.CPUPercent,
		PidsLimit:          unlessZero(c.Resources.Pids),
		Ulimits:            ulimits(c.Resources.Ulimits),
		DeviceCgroupRules:  c.DeviceRules,
		DeviceRequests:     requests(c.DeviceRequests),
	}
	for _, d := range c.Devices {
		r.Devices = append(r.Devices, container.DeviceMapping{PathOnHost: d.Source, PathInContainer: d.Target, CgroupPermissions: d.Permissions})
	}
	blkio(&r, c.Blkio)
	return r
}

// blkio adds the limits of block devices.
func blkio(r *container.Resources, b engine.Blkio) {
	r.BlkioWeight = b.Weight
	for _, device := range slices.Sorted(maps.Keys(b.Weights)) {
		r.BlkioWeightDevice = append(r.BlkioWeightDevice, &blkiodev.WeightDevice{Path: device, Weight: b.Weights[device]})
	}
	r.BlkioDeviceReadBps = throttles(b.ReadBps)
	r.BlkioDeviceWriteBps = throttles(b.WriteBps)
	r.BlkioDeviceReadIOps = throttles(b.ReadIOps)
	r.BlkioDeviceWriteIOps = throttles(b.WriteIOps)
}

func throttles(rates map[string]uint64) (all []*blkiodev.ThrottleDevice) {
	for _, device := range slices.Sorted(maps.Keys(rates)) {
		all = append(all, &blkiodev.ThrottleDevice{Path: device, Rate: rates[device]})
	}
	return all
}

func ulimits(limits map[string][2]int64) (all []*container.Ulimit) {
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		all = append(all, &container.Ulimit{Name: name, Soft: limits[name][0], Hard: limits[name][1]})
	}
	return all
}

func requests(asked []engine.DeviceRequest) (all []container.DeviceRequest) {
	for _, r := range asked {
		request := container.DeviceRequest{Driver: r.Driver, Count: r.Count, DeviceIDs: r.IDs, Options: r.Options}
		if len(r.Capabilities) > 0 {
			request.Capabilities = [][]string{r.Capabilities}
		}
		all = append(all, request)
	}
	return all
}

// limits are those of a container as inspected. CPUs may be given in two ways.
func limits(r container.Resources) engine.Limits {
	l := engine.Limits{Memory: r.Memory, MemorySwap: r.MemorySwap, CPUs: r.NanoCPUs, CPUSet: r.CpusetCpus}
	if l.CPUs == 0 && r.CPUQuota > 0 {
		l.CPUs = r.CPUQuota * 1e9 / cmp.Or(r.CPUPeriod, 100_000)
	}
	if r.PidsLimit != nil {
		l.Pids = *r.PidsLimit
	}
	return l
}

// unlessZero is what the API wants where nothing is not the same as none.
func unlessZero[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

// platform takes os/architecture/variant apart; nil is the engine's own.
func platform(word string) *ocispec.Platform {
	if word == "" {
		return nil
	}
	parts := append(strings.Split(word, "/"), "", "")
	return &ocispec.Platform{OS: parts[0], Architecture: parts[1], Variant: parts[2]}
}
