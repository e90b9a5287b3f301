package compose

import (
	"cmp"
	"math"
	"strconv"

	"github.com/compose-spec/compose-go/v2/types"

	"github.com/podlike/podlike/internal/pod"
)

// A resourceReader reads how much a component may use.
type resourceReader struct {
	*report
	given map[string]any // what is loaded of the service
}

// resources are what the component may use, wherever the service says so.
func (r resourceReader) resources(s types.ServiceConfig) pod.Resources {
	limits, reserved := deployed(s.Deploy)
	res := pod.Resources{
		Memory:             r.either("mem_limit", int64(s.MemLimit), "limits.memory", int64(limits.MemoryBytes)),
		MemoryReservation:  r.either("mem_reservation", int64(s.MemReservation), "reservations.memory", int64(reserved.MemoryBytes)),
		MemorySwap:         int64(s.MemSwapLimit),
		NoOOMKill:          s.OomKillDisable,
		CPUs:               r.either("cpus", billionths(s.CPUS), "limits.cpus", billionths(limits.NanoCPUs.Value())),
		CPUShares:          s.CPUShares,
		CPUSet:             s.CPUSet,
		CPUPeriod:          s.CPUPeriod,
		CPUQuota:           s.CPUQuota,
		CPURealtimePeriod:  s.CPURTPeriod,
		CPURealtimeRuntime: s.CPURTRuntime,
		CPUCount:           s.CPUCount,
		CPUPercent:         int64(s.CPUPercent),
		Pids:               r.either("pids_limit", s.PidsLimit, "limits.pids", limits.Pids),
		Ulimits:            ulimits(s.Ulimits),
	}
	if r.given["mem_swappiness"] != nil { // a swappiness of 0 is one
		swappiness := int64(s.MemSwappiness)
		res.Swappiness = &swappiness
	}
	return res
}

// deployed are the resources that a service's deploy names.
func deployed(d *types.DeployConfig) (limits, reserved types.Resource) {
	if d == nil {
		return limits, reserved
	}
	return orNone(d.Resources.Limits), orNone(d.Resources.Reservations)
}

func orNone(given *types.Resource) types.Resource {
	if given == nil {
		return types.Resource{}
	}
	return *given
}

// either is what a service says in one of two places, and reported if it says
// different things there (Compose refuses that too).
func (r resourceReader) either(key string, plain int64, within string, deployed int64) int64 {
	if plain != 0 && deployed != 0 && plain != deployed {
		r.wrong("deploy.resources."+within, "is not what %s says; leave one of them out", key)
	}
	return cmp.Or(plain, deployed)
}

// billionths is a number of CPUs as it was written, not as it is held.
func billionths(cpus float32) int64 {
	exact, _ := strconv.ParseFloat(strconv.FormatFloat(float64(cpus), 'g', -1, 32), 64)
	return int64(math.Round(exact * 1e9))
}

func ulimits(all map[string]*types.UlimitsConfig) map[string][2]int64 {
	var limits map[string][2]int64
	for name, limit := range all {
		if limits == nil {
			limits = map[string][2]int64{}
		}
		limits[name] = [2]int64{int64(cmp.Or(limit.Single, limit.Soft)), int64(cmp.Or(limit.Single, limit.Hard))}
	}
	return limits
}

// blkio are the limits of block devices.
func (r resourceReader) blkio(b *types.BlkioConfig) pod.Blkio {
	if b == nil {
		return pod.Blkio{}
	}
	blkio := pod.Blkio{
		Weight:    b.Weight,
		ReadBps:   r.rates("device_read_bps", b.DeviceReadBps),
		WriteBps:  r.rates("device_write_bps", b.DeviceWriteBps),
		ReadIOps:  r.rates("device_read_iops", b.DeviceReadIOps),
		WriteIOps: r.rates("device_write_iops", b.DeviceWriteIOps),
	}
	for _, device := range b.WeightDevice {
		if blkio.Weights == nil {
			blkio.Weights = map[string]uint16{}
		}
		blkio.Weights[device.Path] = device.Weight
	}
	return blkio
}

// rates are the rates of devices by their paths.
func (r resourceReader) rates(key string, devices []types.ThrottleDevice) map[string]uint64 {
	var rates map[string]uint64
	for _, device := range devices {
		if device.Rate < 0 {
			r.wrong("blkio_config."+key, "the rate of %s must not be negative, but is %d", Quote(device.Path), device.Rate)
			continue
		}
		if rates == nil {
			rates = map[string]uint64{}
		}
		rates[device.Path] = uint64(device.Rate)
	}
	return rates
}
