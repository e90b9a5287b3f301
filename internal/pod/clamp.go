package pod

import "strconv"

// Limits are what the supervisor itself may use. A zero limits nothing.
type Limits struct {
	Memory     int64 // in bytes
	MemorySwap int64 // memory and swap together, in bytes
	CPUs       int64 // in billionths of one
	Pids       int64
	CPUSet     string // the CPUs that it may run on, such as 0-2,5; empty: all
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
	l.lower("mem_limit", &r.Memory, own.Memory, Size)
	l.lower("mem_reservation", &r.MemoryReservation, own.Memory, Size)
	if engines := 2 * r.Memory; r.MemorySwap == 0 && own.MemorySwap > 0 && engines > own.MemorySwap {
		r.MemorySwap = own.MemorySwap // which nobody has asked to be more
	}
	l.lower("memswap_limit", &r.MemorySwap, own.MemorySwap, Size)
	l.lower("cpus", &r.CPUs, own.CPUs, billionths)
	l.lower("cpu_quota", &r.CPUQuota, quota(own.CPUs, r.CPUPeriod), whole)
	l.lower("pids_limit", &r.Pids, own.Pids, whole)
}

// lower lowers one value, which its user writes in that form. A negative one is no limit
// at all, a zero is not said.
func (l *lowering) lower(key string, value *int64, limit int64, form func(int64) string) {
	if limit <= 0 || 0 <= *value && *value <= limit {
		return
	}
	place := ComponentPrefix + l.component + ": " + key
	l.lowered = append(l.lowered, Problemf(place, "%s is more than the supervisor itself may use, and lowered to %s", form(*value), form(limit)))
	*value = limit
}

// quota is how many microseconds of each period so many CPUs are.
func quota(cpus, period int64) int64 {
	if period == 0 {
		period = 100_000 // the kernel's
	}
	return cpus * period / 1e9
}

// whole is a number as users write it.
func whole(n int64) string { return strconv.FormatInt(n, 10) }

// billionths is a number of CPUs as users write it, such as 0.5.
func billionths(n int64) string { return strconv.FormatFloat(float64(n)/1e9, 'f', -1, 64) }
