// Package pod holds the one Pod model the rest of the program works on.
//
// A Pod is read by package source from container labels or a Compose file. Once
// Complete has returned it, every default is filled in and every reference
// resolves, so no later package asks again where a value came from or whether
// it was set.
//
// Pods are plain values: nothing here reads files, talks to an engine or looks
// at the clock. That is what lets a test compare two of them with cmp.Diff.
package pod

import (
	"cmp"
	"strings"
	"time"
)

// A Pod is a group of components that start, live and die together.
type Pod struct {
	// Init are run before the Components, one after the other in this order. Each has
	// to succeed before the next one starts or, if it is a sidecar, to have started.
	Init []Component
	// Components in the order of their names.
	Components []Component
	// Hosts are names that stand for 127.0.0.1 in all components, in their order. Each is a
	// host name.
	Hosts []string
	// SharePID puts every component into pause's PID namespace. Default true.
	SharePID bool
	// ShareIPC puts every component into pause's IPC namespace. Default true.
	ShareIPC bool
	// Grace is the budget for stopping the whole pod. Default 10 s, as Swarm's.
	Grace time.Duration
	// StopGrace is what the components are granted of it, in place of a part of Grace: the
	// pod is over two seconds later. Zero: nothing was said (Kubernetes:
	// terminationGracePeriodSeconds).
	StopGrace time.Duration
	// Backoff is between the restarts of a component. Default 10 s to 300 s.
	Backoff Backoff
	// Unready says what components that are not ready make of the pod. Default
	// IgnoreUnready.
	Unready Unready
	// OOMGroup ends the pod when the kernel kills any of its processes for lack of memory.
	OOMGroup bool
	// Pull says when images are pulled, unless a component has its own word on it.
	// Default Missing.
	Pull Pull
	// PauseImage is the image of the container that holds the namespaces.
	PauseImage string
}

// Pull says when an image is pulled.
type Pull string

// The pull policies, in Compose's words.
const (
	Missing Pull = "missing"
	Always  Pull = "always"
	Never   Pull = "never"
)

// A Component is one container of the pod, as its user described it. In a slice
// or a map nil means "as the image says", empty means empty.
type Component struct {
	Name  string
	Image string
	// Platform is that of the image, such as linux/arm64. Empty: the engine's own.
	Platform string
	// Pull says when its image is pulled. Empty: as the pod's others.
	Pull Pull

	Entrypoint []string
	Command    []string
	// Env are the variables to set; those of the image stay unless named here.
	Env        map[string]string
	WorkingDir string
	User       string
	// Labels are the user's; ours are added by Labels of the Owner.
	Labels map[string]string
	// Annotations are handed to the runtime.
	Annotations map[string]string
	TTY         bool
	// StdinOpen keeps stdin open, though nobody writes to it.
	StdinOpen bool
	// Init runs the engine's init as the component's first process, with the
	// component as its child. Nil: as the engine is set up.
	Init *bool
	// Runtime and Isolation are the engine's words. Empty: its defaults.
	Runtime, Isolation string
	Logging            Logging

	Resources Resources
	Blkio     Blkio
	// OOMScoreAdj is nil for one above the supervisor's.
	OOMScoreAdj *int
	Security    Security
	// Namespaces that a component has to itself, or shares with the host.
	Namespaces Namespaces
	// Sysctls are kernel parameters. Those of a shared namespace are the pod's.
	Sysctls map[string]string
	// StorageOpt are options of the engine's storage driver.
	StorageOpt map[string]string

	Devices []Device
	// DeviceRules allow what is not in Devices, in the words of the kernel's cgroups.
	DeviceRules    []string
	DeviceRequests []DeviceRequest

	Volumes []Volume
	// Tmpfs are file systems in memory, by target, with their mount options.
	Tmpfs map[string]string
	// ShmSize is that of /dev/shm in bytes. Zero: the engine's default. Where IPC is
	// shared there is but one /dev/shm, and the largest that is asked for counts.
	ShmSize int64
	// Copies are made after the container is created and before it is started.
	Copies []Copy

	// Health is nil when the image's own check counts.
	Health *Health
	Probes Probes
	// Ports are those that its user says it listens on, such as 80/tcp.
	Ports []string `json:"-"`

	// Sidecar is one of Init that goes on running beside the components: the next one
	// starts when it has started. Its Policy is RestartAlways, it does not keep the pod from
	// completing, and it is stopped when all that came after it have been (Kubernetes:
	// native sidecars).
	Sidecar bool
	Restart Restart
	// NonEssential: its end neither ends the pod nor is it restarted (ECS: essential).
	NonEssential bool
	// OOMGroup has all of it be killed when the kernel kills one of its processes for lack of memory
	// (cgroup v2: memory.oom.group).
	OOMGroup bool `json:",omitempty"`
	// StartTimeout is how long the component may take from its start until it is what
	// those that depend on it wait for. Zero: as long as it takes (ECS: startTimeout).
	StartTimeout time.Duration
	// PostStart are run right after the start, one after the other; those that depend on
	// the component wait for them. A failure kills it.
	PostStart []Hook
	// PreStop are run, one after the other, before the component is asked to stop; not
	// when it ends by itself.
	PreStop []Hook
	// TerminationMessage is the path of a file in which the component says why it ends.
	// Empty: the last lines of output of one that failed.
	TerminationMessage string
	// PrivatePID gives it a PID namespace of its own, where the pod shares one.
	PrivatePID bool

	// StopSignal is empty when the image's counts, and SIGTERM where it has none.
	StopSignal string
	// StopGrace is how long the component may take from its stop signal to its
	// end before it is killed. Default 10 s, as Docker's.
	StopGrace time.Duration

	// DependsOn in the order of the names.
	DependsOn []Dependency
}

// A Dependency says what has to be true of another component before this one starts.
type Dependency struct {
	Name      string
	Condition Condition
	// Optional: where the condition cannot be met, or there is no such component, this
	// one starts all the same (Compose: required).
	Optional bool
	// Restart this component too when the other one has been restarted.
	Restart bool
}

// Condition is one of Compose's depends_on conditions.
type Condition string

// Word is what a component is then: started, healthy or completed.
func (c Condition) Word() string {
	word, _, _ := strings.Cut(strings.TrimPrefix(string(c), "service_"), "_")
	return word
}

// The conditions, in Compose's words. Started is the default.
const (
	Started   Condition = "service_started"
	Healthy   Condition = "service_healthy"
	Completed Condition = "service_completed_successfully"
)

// A Volume is something mounted into a component.
type Volume struct {
	Kind VolumeKind
	// Source is a host path for a Bind, the engine's name for a Named volume,
	// empty for an Anonymous one and a Tmpfs.
	Source   string
	Target   string
	ReadOnly bool

	// NoCopy leaves a new volume empty; otherwise the engine fills it with what the
	// image has at Target. Of Named and Anonymous volumes.
	NoCopy bool
	// Labels of a volume that the engine has to make; ours are added.
	Labels map[string]string
	// Driver makes a Named volume that is not there, with the Options. Empty: the engine's
	// own, for which a volume without options is a directory.
	Driver  string
	Options map[string]string
	// External: a Named volume has to be there; the engine must not make it.
	External bool
	// InProject is the engine's name of a Named volume where Source is none of the
	// supervisor's own. Empty: Source. Once ResolveVolumes has returned, it is.
	InProject string
	// Subpath is the part of a Named volume that is mounted. Empty means all of it.
	Subpath string
	// Propagation is that of a Bind's mounts, such as rslave. Empty means rprivate.
	Propagation string
	// Recursive says what of the mounts below a Bind. Empty means that they come
	// along, read-only where the engine can make them so.
	Recursive Recursive
	// MustExist refuses a Bind whose source is not there; otherwise it is made.
	MustExist bool
	// SELinux is z for content that containers share, Z for a container's own, or empty.
	SELinux string
	// Size of a Tmpfs in bytes. Zero means unlimited.
	Size int64
	// Mode of a Tmpfs's root. Zero means 01777.
	Mode uint32
}

// VolumeKind tells what a Volume is.
type VolumeKind string

// The kinds of volumes.
const (
	Bind      VolumeKind = "bind"
	Named     VolumeKind = "volume"
	Anonymous VolumeKind = "anonymous"
	Tmpfs     VolumeKind = "tmpfs"
)

// Recursive says what becomes of mounts below a bind.
type Recursive string

// What becomes of mounts below a bind, in Compose's words.
const (
	NotRecursive      Recursive = "disabled" // they stay away
	RecursiveWritable Recursive = "writable" // they can be written to, though the bind cannot
	RecursiveReadOnly Recursive = "readonly" // they are read-only, or the bind fails
)

// A Copy hands a file or directory of the supervisor on to a component. A slash or
// a dot at the end of a path means what it means to docker cp.
type Copy struct {
	Source string // absolute, in the supervisor
	Target string // absolute, in the component
	// UID, GID and Mode of what is handed on, the mode of files only. Nil: as they are
	// in the supervisor.
	UID, GID *int
	Mode     *uint32
	// Memory: what is handed on never touches a disk. It is kept in the pod's memory,
	// and mounted over exactly the target.
	Memory bool
	// Writable: the component may write to what it has in memory, as it may to a copy.
	Writable bool
	// Room is how many bytes it may take in the pod's memory, which is made once and does
	// not grow. Zero: nobody has looked yet. It is the machine's, and not of the definition.
	Room int64 `json:"-"`
	// Content is what is handed on where there is no Source: in memory, and as secret as
	// anything there. Nil: there is one.
	Content *string `json:"-"`
	// From tells where Content comes from, such as environment DB_PASSWORD, for who looks.
	From string
	// InFile: the Source is one that a Compose file names, and not the supervisor's own
	// secret or config.
	InFile bool `json:"-"`
	// Place is where it was asked for, such as pod.component.web: secrets. Empty: in the
	// component's copy label.
	Place string `json:"-"`
}

// PlaceIn is where the copy into that component was asked for, for who has a problem
// with it.
func (c Copy) PlaceIn(component string) string { return cmp.Or(c.Place, CopyPrefix+component) }

// SecretsDir is where the secrets of a service are, as Docker has it.
const SecretsDir = "/run/secrets/"

// Health is a component's own health check. Zero durations and retries mean the
// engine's defaults (30 s, 30 s, 0 s, 3).
type Health struct {
	// Test is the engine's form: CMD and arguments, or CMD-SHELL and a line.
	// Empty when Disable is set or when only the image's timing is changed.
	Test        []string
	Interval    time.Duration
	Timeout     time.Duration
	StartPeriod time.Duration
	// StartInterval is the interval within the start period.
	StartInterval time.Duration
	Retries       int
	Disable       bool
}
