package docker

import (
	"reflect"
	"testing"

	"github.com/docker/docker/api/types/container"

	"github.com/podlike/podlike/internal/engine"
)

// notOurs are Docker's resources that nobody can ask us for: cgroups are the pod's,
// and the others are no words of Compose's, or Windows's.
var notOurs = map[string]bool{
	"CgroupParent": true, "CpusetMems": true, "KernelMemory": true, "KernelMemoryTCP": true,
	"IOMaximumIOps": true, "IOMaximumBandwidth": true,
}

// Some engines drop what their kernel does not have, so that they cannot show that
// it was said.
func TestAllResourcesAreSaidInDockersWords(t *testing.T) {
	rate := map[string]uint64{"/dev/sda": 1}
	said := reflect.ValueOf(resources(engine.Container{
		Resources: engine.Resources{
			Memory: 1, MemoryReservation: 1, MemorySwap: 1, Swappiness: new(int64), NoOOMKill: true,
			CPUs: 1, CPUShares: 1, CPUSet: "0", CPUPeriod: 1, CPUQuota: 1, CPURealtimePeriod: 1, CPURealtimeRuntime: 1, CPUCount: 1, CPUPercent: 1,
			Pids: 1, Ulimits: map[string][2]int64{"core": {0, 0}},
		},
		Blkio:          engine.Blkio{Weight: 1, Weights: map[string]uint16{"/dev/sda": 1}, ReadBps: rate, WriteBps: rate, ReadIOps: rate, WriteIOps: rate},
		Devices:        []engine.Device{{}},
		DeviceRules:    []string{"a"},
		DeviceRequests: []engine.DeviceRequest{{}},
	}))
	for i := range said.NumField() {
		name := reflect.TypeFor[container.Resources]().Field(i).Name
		if said.Field(i).IsZero() != notOurs[name] {
			t.Errorf("%s is %v", name, said.Field(i))
		}
	}
}
