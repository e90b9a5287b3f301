package pod

// Limits are what the supervisor itself may use. A zero limits nothing.
type Limits struct {
	Memory     int64 // in bytes
	MemorySwap int64 // memory and swap together, in bytes
	CPUs       int64 // in billionths of one
	Pids       int64
}

// Clamp returns p with every limit of a component that is above the supervisor's own
// lowered to that, and what was lowered, for its user to be told. A component that
// has no limit gets none, and p itself stays as it is.
func Clamp(p Pod, own Limits) (clamped Pod, lowered Problems) {
	clamped = p.with(func(c *Component) {
		l := lowering{component: c.Name}
		l.all(&c.Resources, own)
		lowered = append(lowered, l.lowered...)
	})
	return clamped, lowered
}

// A lowering lowers the limits of one component.
type lowering struct {
	component string
	lowered   Problems
}

func (l *lowering) all(r *Resources, own Limits) {
	l.lower("mem_limit", &r.Memory, own.Memory)
	l.lower("mem_reservation", &r.MemoryReservation, own.Memory)
	l.lower("memswap_limit", &r.MemorySwap, own.MemorySwap)
	l.lower("cpus", &r.CPUs, own.CPUs)
	l.lower("cpu_quota", &r.CPUQuota, quota(own.CPUs, r.CPUPeriod))
	l.lower("pids_limit", &r.Pids, own.Pids)
}

// lower lowers one value. A negative one is no limit at all, a zero is not said.
func (l *lowering) lower(key string, value *int64, limit int64) {
	if limit <= 0 || 0 <= *value && *value <= limit {
		return
	}
	place := ComponentPrefix + l.component + ": " + key
	l.lowered = append(l.lowered, Problemf(place, "%d is more than the supervisor itself may use, and lowered to %d", *value, limit))
	*value = limit
}

// quota is how many microseconds of each period so many CPUs are.
func quota(cpus, period int64) int64 {
	if period == 0 {
		period = 100_000 // the kernel's
	}
	return cpus * period / 1e9
}
