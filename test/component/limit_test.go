package component

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/podlike/podlike/internal/engine"
)

// What a supervisor learns of its own limits is what its user gave it.
func TestAContainersLimitsAreSeen(t *testing.T) {
	b := newBench(t)
	for says, want := range map[string]engine.Limits{
		"": {},
		"deploy: {resources: {limits: {memory: 64m, cpus: '0.5', pids: 50}}}": {Memory: 64 << 20, MemorySwap: 128 << 20, CPUs: 5e8, Pids: 50},
		"mem_limit: 64m\nmemswap_limit: 96m\ncpu_quota: 25000":                {Memory: 64 << 20, MemorySwap: 96 << 20, CPUs: 25e7},
		"cpu_quota: 25000\ncpu_period: 50000":                                 {CPUs: 5e8},
	} {
		c, err := b.component(t, property{says: says})
		if err != nil {
			t.Fatal(err)
		}
		seen, err := b.engine.Inspect(t.Context(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, seen.Limits); diff != "" {
			t.Errorf("%s:\n%s", says, diff)
		}
	}
}
