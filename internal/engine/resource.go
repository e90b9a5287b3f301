package engine

// What follows has the shape of what a pod says of a component, so that one is
// turned into the other by a conversion and nothing can be left behind.

// Resources are what a container may use. A zero or a nil limits nothing.
type Resources struct {
	// Memory and MemoryReservation, the limit that counts when the host runs short
	// of it, are in bytes.
	Memory, MemoryReservation int64
	// MemorySwap is memory and swap together, in bytes. -1: all the swap there is.
	MemorySwap int64
	// Swappiness is 0 to 100. Nil: the host's.
	Swappiness *int64
	// NoOOMKill makes it wait for memory where it would be killed for want of it.
	NoOOMKill bool

	// CPUs in billionths of one.
	CPUs int64
	// CPUShares is a weight against others; 1024 is what others have.
	CPUShares int64
	// CPUSet lists the CPUs it may run on, such as 0-2,5.
	CPUSet string
	// CPUQuota of each CPUPeriod, in microseconds, and the same in real time.
	CPUPeriod, CPUQuota                   int64
	CPURealtimePeriod, CPURealtimeRuntime int64
	// CPUCount and CPUPercent are understood on Windows only.
	CPUCount, CPUPercent int64

	// Pids is how many processes and threads there may be. -1: any number.
	Pids int64
	// Ulimits are soft and hard limits by name, such as nofile.
	Ulimits map[string][2]int64
}

// Blkio limits what a container reads from and writes to block devices, each by its
// path. Weights are 10 to 1000, rates in bytes or operations a second.
type Blkio struct {
	Weight              uint16
	Weights             map[string]uint16
	ReadBps, WriteBps   map[string]uint64
	ReadIOps, WriteIOps map[string]uint64
}

// Security is what a container may do.
type Security struct {
	Privileged bool
	// ReadOnly makes its root read-only.
	ReadOnly        bool
	CapAdd, CapDrop []string
	// Groups are further groups of its user, by name or number.
	Groups []string
	// Options are the engine's words, such as no-new-privileges.
	Options []string
}

// Namespaces are a container's in the engine's words, such as host. Empty: as the
// engine is set up.
type Namespaces struct {
	User, UTS, Cgroup string
}

// Logging says what the engine does with the output. Empty: as it is set up.
type Logging struct {
	Driver  string
	Options map[string]string
}

// A Device of the host's that a container may use.
type Device struct {
	Source, Target string
	// Permissions are some of r, w and m, which is making device nodes.
	Permissions string
}

// A DeviceRequest asks for devices by what they can do.
type DeviceRequest struct {
	Driver string
	// Count of devices, -1 for all. Zero when IDs say which.
	Count int
	IDs   []string
	// Capabilities that one device has all of, such as gpu.
	Capabilities []string
	Options      map[string]string
}

// Limits are what a container may use at most. A zero limits nothing.
type Limits struct {
	Memory     int64 // in bytes
	MemorySwap int64 // memory and swap together, in bytes
	CPUs       int64 // in billionths of one
	Pids       int64
	CPUSet     string // the CPUs that it may run on, such as 0-2,5; empty: all
}
